"""THE shared transformer: MusicGen's decoder, for both paradigms (App. E.3.1).

Pre-norm; self-attention -> cross-attention -> feed-forward; exact GELU; no biases except those of the LayerNorms; a
final norm; additive sinusoidal positions. With `causal` and without `skips` it computes what
`transformers.MusicgenDecoder` computes.

Shapes: B batch, S steps, L text tokens, C width, H heads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from counterpoint.config import BackboneConfig, UserError
from counterpoint.kernels import CompiledBlocks, CompiledLinear, Layer, PackedLinear, attend, attend_cached

Skips = Literal["paper", "jasco", "none"]
LINEARS = 8
"""Linear layers in a block."""


@dataclass(frozen=True)
class Memory:
    """Text projected for cross-attention, once per caption, and read at every step or solver evaluation.

    Attributes:
        keys, values: one [R, H, L, C / H] per block. The first R rows of the batch read them; the other rows read
            nothing, as in the unconditional half of guidance.
        mask: [R, 1, 1, L] bool, True for readable tokens; with None all tokens are readable.
        lengths: [R] number of readable tokens, 0 for none.
        shifts: one [B, 1, C] per block, see `Backbone.shift`; None adds nothing.
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    mask: Tensor | None
    lengths: Tensor
    shifts: tuple[Tensor, ...] | None = None

    def rows(self, which: Tensor) -> Memory:
        """The memory of the selected rows, before any shift."""
        assert self.shifts is None
        return Memory(
            keys=tuple(keys[which] for keys in self.keys),
            values=tuple(values[which] for values in self.values),
            mask=None if self.mask is None else self.mask[which],
            lengths=self.lengths[which],
        )


@dataclass
class Cache:
    """Self-attention keys and values of the steps so far: allocated once, written in place.

    Attributes:
        keys, values: one [B, H, S, C / H] per block, S the greatest length.
        cursor: [1] long, `length` on the device.
        length: number of steps written.
        bound: if set, single steps have the same shapes and addresses at any length, as a CUDA graph needs: attention
            reads the first `bound` steps and masks those that are not written.
        packed: whether `kernels.pack` has been applied to all layers of the blocks.
        compiled: the blocks with this cache, if they are packed for our own kernels.
    """

    keys: list[Tensor] = field(repr=False)
    values: list[Tensor] = field(repr=False)
    cursor: Tensor
    packed: bool = False
    compiled: CompiledBlocks | None = field(default=None, repr=False)
    length: int = 0
    bound: int | None = None

    @property
    def capacity(self) -> int:
        """S."""
        return self.keys[0].shape[2]

    def write(self, k: Tensor, v: Tensor, *, block: int) -> tuple[Tensor, Tensor]:
        """Add new keys and values [B, H, S', C / H]; returns those that attention reads."""
        keys, values = self.keys[block], self.values[block]
        if self.bound is not None:
            keys.index_copy_(2, self.cursor, k)
            values.index_copy_(2, self.cursor, v)
            return keys[:, :, : self.bound], values[:, :, : self.bound]
        stop = self.length + k.shape[2]
        keys[:, :, self.length : stop] = k
        values[:, :, self.length : stop] = v
        return keys[:, :, :stop], values[:, :, :stop]

    def written(self) -> Tensor:
        """Mask [1, bound] of the written steps, including the one being written."""
        return (torch.arange(self.bound or 0, device=self.cursor.device) <= self.cursor)[None]

    def advance(self, steps: int) -> None:
        """Mark `steps` more steps as written."""
        self.length += steps
        self.cursor += steps

    def rewind(self, length: int) -> None:
        """Continue from `length`."""
        self.length = length
        self.cursor.fill_(length)


class SelfAttention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, config: BackboneConfig):
        super().__init__()
        self.heads = config.heads
        self.in_proj = nn.Linear(config.width, 3 * config.width, bias=False)
        self.out_proj = nn.Linear(config.width, config.width, bias=False)

    def forward(self, x: Tensor, *, mask: Tensor | None, causal: bool, cache: Cache | None, block: int) -> Tensor:
        """[B, S, C] to [B, S, C]; with a cache, `x` holds the steps after those written."""
        B, S, C = x.shape
        q, k, v = self.in_proj(x).view(B, S, 3, self.heads, C // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        if cache is not None:
            k, v = cache.write(k, v, block=block)
        read = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        return self.out_proj(read.transpose(1, 2).reshape(B, S, C))


class CrossAttention(nn.Module):
    """Multi-head attention to the text."""

    def __init__(self, config: BackboneConfig):
        super().__init__()
        self.heads = config.heads
        self.query = nn.Linear(config.width, config.width, bias=False)
        self.key = nn.Linear(config.width, config.width, bias=False)
        self.value = nn.Linear(config.width, config.width, bias=False)
        self.out_proj = nn.Linear(config.width, config.width, bias=False)

    def split(self, x: Tensor) -> Tensor:
        """[B, S, C] to [B, H, S, C / H]."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def forward(self, x: Tensor, *, memory: Memory, block: int) -> Tensor:
        """[B, S, C] to [B, S, C]."""
        with_text = len(memory.keys[block])
        if with_text == len(x):
            return self.out_proj(self._read(x, memory=memory, block=block))
        read = self.out_proj(self._read(x[:with_text], memory=memory, block=block)) if with_text else x[:0]
        if memory.shifts is None:
            return F.pad(read, (0, 0, 0, 0, 0, len(x) - with_text))
        without_text = self.out_proj(memory.shifts[block][with_text:])
        return torch.cat((read, without_text.expand(-1, x.shape[1], -1)))

    def _read(self, x: Tensor, *, memory: Memory, block: int) -> Tensor:
        query, keys, values = self.split(self.query(x)), memory.keys[block], memory.values[block]
        read = F.scaled_dot_product_attention(query, keys, values, attn_mask=memory.mask).transpose(1, 2).flatten(2)
        return read if memory.shifts is None else read + memory.shifts[block][: len(x)]


class Block(nn.Module):
    """One decoder block."""

    def __init__(self, config: BackboneConfig):
        super().__init__()
        self.self_norm = nn.LayerNorm(config.width, eps=1e-5)
        self.self_attention = SelfAttention(config)
        self.cross_norm = nn.LayerNorm(config.width, eps=1e-5)
        self.cross_attention = CrossAttention(config)
        self.feed_norm = nn.LayerNorm(config.width, eps=1e-5)
        self.up = nn.Linear(config.width, config.feed_forward, bias=False)
        self.down = nn.Linear(config.feed_forward, config.width, bias=False)


class Backbone(nn.Module):
    """`layers` decoder blocks of width C. Auto-regressive and flow matching differ only in `causal` and `skips`.

    Args:
        config: the sizes.
        causal: whether a step sees only itself and the steps before it.
        skips: U-Net-like skips; Linear(Concat(x, skip)) precedes each block of the second half. Of 2N blocks,
            counted from 1, block i >= N + 1 receives the output of
            `paper`: block 2N - i, where block 0 is the input (App. E.3.1; 12 such skips of width 1024 hold 25M
            parameters, not the ~7M the paper states);
            `jasco`: block 2N + 1 - i (Tal et al., 2024, as published).

    Raises:
        UserError: skips over an odd number of layers.
    """

    positions: Tensor

    def __init__(self, config: BackboneConfig, *, causal: bool, skips: Skips = "none"):
        super().__init__()
        if skips != "none" and config.layers % 2:
            raise UserError(
                f"Skips need an even number of layers, and the backbone has {config.layers}; or use skips: none."
            )
        self.config = config
        self.causal = causal
        self.recomputes = False
        """Training keeps the input of each block alone and computes the rest again for the backward pass."""
        self.blocks = cast(Sequence[Block], nn.ModuleList(Block(config) for _ in range(config.layers)))
        self.norm = nn.LayerNorm(config.width, eps=1e-5)
        count = config.layers // 2 if skips != "none" else 0
        skip_projections = nn.ModuleList(nn.Linear(2 * config.width, config.width) for _ in range(count))
        self.skips = cast(Sequence[nn.Linear], skip_projections)
        self.skip_offset = 1 if skips == "jasco" else 0
        self.register_buffer("positions", sinusoids(config.max_positions, config.width), persistent=False)

    def remember(self, states: Tensor, *, mask: Tensor | None) -> Memory:
        """Project text for every block's cross-attention.

        Hidden tokens are zeroed first, so that, there being no biases, a row that may read nothing reads exact zeros.

        Args:
            states: [R, L, C], for the first R rows of the batch.
            mask: [R, L] bool, True = a real token, all before any other; None reads every token (as MusicGen does).
        """
        allowed, lengths = None, torch.full(states.shape[:1], states.shape[1], device=states.device)
        if mask is not None:
            lengths = mask.sum(dim=1)
            states = states.masked_fill(~mask[:, :, None], 0.0)
            readable = mask | ~mask.any(dim=1, keepdim=True)
            # Attention is fastest without a mask; testing the mask on a GPU would force a wait.
            allowed = None if mask.device.type == "cpu" and bool(readable.all()) else readable[:, None, None, :]
        attentions = [block.cross_attention for block in self.blocks]
        return Memory(
            keys=tuple(attention.split(attention.key(states)).contiguous() for attention in attentions),
            values=tuple(attention.split(attention.value(states)).contiguous() for attention in attentions),
            mask=allowed,
            lengths=lengths,
        )

    def nothing(self) -> Memory:
        """A memory that no row reads: cross-attention, which without biases would add zeros, is skipped."""
        heads = self.config.heads
        empty = self.norm.weight.new_zeros(0, heads, 0, self.config.width // heads)
        none = tuple(empty for _ in self.blocks)
        return Memory(keys=none, values=none, mask=None, lengths=torch.zeros(0, dtype=torch.long, device=empty.device))

    def shift(self, memory: Memory, vector: Tensor) -> Memory:
        """The memory with `vector` [B, C] added to every token, at the cost of one token.

        Exact: softmax(q (K + k)) = softmax(q K), and its weights sum to 1, so softmax(.) (V + v) = softmax(.) V + v.
        A row without readable tokens reads v.
        """
        shifts = tuple(block.cross_attention.value(vector)[:, None] for block in self.blocks)
        return replace(memory, shifts=shifts)

    def allocate(self, batch: int, steps: int) -> Cache:
        """An empty cache for `batch` sequences of up to `steps` steps, with the precision of the weights."""
        shape = (batch, self.config.heads, steps, self.config.width // self.config.heads)
        device = self.norm.weight.device
        layers = self._compiled_layers()
        half = bool(layers) and layers[0].in_proj.precision != "fp32"
        dtype = torch.float16 if half else self.norm.weight.dtype

        def empty() -> list[Tensor]:
            # Zeros: if steps have a fixed shape, masked values are still multiplied, and NaN would spread.
            return [torch.zeros(shape, dtype=dtype, device=device) for _ in self.blocks]

        cache = Cache(keys=empty(), values=empty(), cursor=torch.zeros(1, dtype=torch.long, device=device))
        cache.packed = self._is_packed(PackedLinear)
        if layers:
            cache.compiled = CompiledBlocks(layers, keys=cache.keys, values=cache.values)
        return cache

    def forward(
        self,
        x: Tensor,
        *,
        memory: Memory,
        mask: Tensor | None = None,
        cache: Cache | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Hidden states after the final norm.

        Args:
            x: [B, S, C] embedded inputs, without positions.
            memory: the result of `remember`.
            mask: [B, S] bool, True = a real step; None where all are. A causal backbone needs none for padding at the
                end.
            cache: only for causal backbones; `x` follows the steps in the cache and is added to it.
            generator: source of dropout, used in training mode if dropout is configured.
        """
        start = 0 if cache is None else cache.length
        S = x.shape[1]
        assert start + S <= self.positions.shape[0], "the sequence is longer than the positions"
        fixed = cache if cache is not None and cache.bound is not None else None
        positions = self.positions.index_select(0, fixed.cursor) if fixed else self.positions[start : start + S]
        x = self._drop(x + positions.to(x.dtype), generator)
        if cache is not None and cache.packed and not fixed:
            return self._forward_packed(x, memory=memory, cache=cache)
        attend, causal = (fixed.written(), False) if fixed else self._self_mask(S, start=start, mask=mask)
        outputs = [x]
        half = self.config.layers // 2
        given = {"memory": memory, "attend": attend, "causal": causal, "cache": cache, "generator": generator}
        recomputes = self.recomputes and self.training and torch.is_grad_enabled()
        for index in range(self.config.layers):
            if len(self.skips) and index >= half:
                skip = outputs[2 * half - 1 - index + self.skip_offset]
                x = self.skips[index - half](torch.cat((x, skip), dim=-1))
            through = partial(self._through, index, **given)
            x = checkpoint(through, x, use_reentrant=False) if recomputes else through(x)
            if len(self.skips) and index < half:
                outputs.append(x)
        if cache is not None:
            cache.advance(S)
        return self.norm(x)

    def _through(
        self,
        index: int,
        x: Tensor,
        *,
        memory: Memory,
        attend: Tensor | None,
        causal: bool,
        cache: Cache | None,
        generator: torch.Generator | None,
    ) -> Tensor:
        """One block."""
        block = self.blocks[index]
        read = block.self_attention(block.self_norm(x), mask=attend, causal=causal, cache=cache, block=index)
        x = x + self._drop(read, generator)
        read = block.cross_attention(block.cross_norm(x), memory=memory, block=index)
        x = x + self._drop(read, generator)
        hidden = self._drop(F.gelu(block.up(block.feed_norm(x))), generator)
        return x + self._drop(block.down(hidden), generator)

    def _is_packed(self, kind: type[PackedLinear]) -> bool:
        """Whether all layers of the blocks are of this kind and the heads have a size that kernels take."""
        packed = [module for module in self.blocks[0].modules() if isinstance(module, kind)]
        return len(packed) == LINEARS and self.config.width // self.config.heads % 8 == 0

    def _compiled_layers(self) -> list[Layer]:
        """The blocks as our own kernels take them; empty if they are not packed for them."""
        if not self._is_packed(CompiledLinear):
            return []
        layers = []
        for block in self.blocks:
            mine, cross = block.self_attention, block.cross_attention
            parts = (
                *(block.self_norm, mine.in_proj, mine.out_proj),
                *(block.cross_norm, cross.query, cross.out_proj),
                *(block.feed_norm, block.up, block.down),
            )
            layers.append(Layer(*cast(Any, parts)))
        return layers

    def _forward_packed(self, x: Tensor, *, memory: Memory, cache: Cache) -> Tensor:
        """The blocks of `forward` by fast kernels; `x` is overwritten."""
        if cache.compiled is not None:
            text = {"text_keys": memory.keys, "text_values": memory.values, "lengths": memory.lengths}
            cache.compiled.apply_(x, start=cache.length, **text)
        else:
            self._forward_layers(x, memory=memory, cache=cache)
        cache.advance(x.shape[1])
        return self.norm(x)

    def _forward_layers(self, x: Tensor, *, memory: Memory, cache: Cache) -> None:
        """The packed blocks, each in eight calls; `x` is overwritten."""
        rows = x[: len(memory.lengths)]
        for index, block in enumerate(self.blocks):
            mine, cross = block.self_attention, block.cross_attention
            qkv = mine.in_proj(x, norm=block.self_norm)
            read = attend_cached(qkv, keys=cache.keys[index], values=cache.values[index], start=cache.length)
            mine.out_proj(read, base=x)
            if len(rows):
                query = cross.query(rows, norm=block.cross_norm)
                read = attend(query, keys=memory.keys[index], values=memory.values[index], mask=memory.mask)
                cross.out_proj(read, base=rows)
            block.down(block.up(x, norm=block.feed_norm, gelu=True), base=x)

    def initialise(self, generator: torch.Generator) -> None:
        """Draw all weights except those of the skips: each projection keeps the variance, and the residual sum stays
        near 1 at any depth."""
        for block in self.blocks:
            for name, module in block.named_modules():
                if isinstance(module, nn.Linear):
                    residual = name.endswith("out_proj") or name == "down"
                    fill(module.weight, generator, gain=(3 * self.config.layers) ** -0.5 if residual else 1.0)

    def initialise_skips(self, generator: torch.Generator) -> None:
        """Draw the skips, after blocks and text, which both paradigms have, so that one seed gives both the same."""
        for skip in self.skips:
            fill(skip.weight, generator)
            nn.init.zeros_(skip.bias)

    def _self_mask(self, S: int, *, start: int, mask: Tensor | None) -> tuple[Tensor | None, bool]:
        """The mask arguments of scaled_dot_product_attention: an explicit mask, or whether it applies its causal
        one."""
        if mask is not None:
            assert not self.causal, "padding is at the end, where a causal backbone cannot see it"
            return mask[:, None, None, :], False
        if not self.causal or S == 1:
            return None, False
        if start == 0:
            return None, True
        return torch.ones(S, start + S, dtype=torch.bool, device=self.positions.device).tril(start), False

    def _drop(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        p = self.config.dropout
        if not (p and self.training):
            return x
        assert generator is not None, "dropout needs a generator"
        keep = torch.rand(x.shape, generator=generator, device=generator.device) >= p
        return x * keep.to(x.device) / (1 - p)


def sinusoids(count: int, width: int) -> Tensor:
    """Positions [count, width], [cos, sin], w_i = 10000^(-i / (width / 2 - 1)), as in MusicGen."""
    half = width // 2
    frequencies = torch.exp(torch.arange(half).float() * -(math.log(10_000) / max(half - 1, 1)))
    angles = torch.arange(count).float()[:, None] * frequencies
    return torch.cat((angles.cos(), angles.sin()), dim=1)


def fill(weight: Tensor, generator: torch.Generator, *, gain: float = 1.0) -> None:
    """Draw normal weights [out, in] of standard deviation gain / sqrt(in), truncated at three deviations."""
    std = gain * weight.shape[-1] ** -0.5
    nn.init.trunc_normal_(weight, std=std, a=-3 * std, b=3 * std, generator=generator)
