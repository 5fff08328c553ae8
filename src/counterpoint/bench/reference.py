"""A plain engine like the paper's, which separates its curves from the hardware's: eager, without reuse.

Caches of self-attention grow by concatenation; keys and values of the text are recomputed at every step and every
evaluation; both halves of a guided batch are computed in full. The weights are those of our own modules. All clips of a
batch have one length.

Shapes: B batch, R rows (2 B with guidance), K codebooks, V codebook size, T latent frames, D latent channels, L text
tokens, C width, H heads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from counterpoint.backbone import Backbone, Block, CrossAttention, SelfAttention
from counterpoint.conditioning import Guidance, TextTokens, plan_guidance, with_null
from counterpoint.config import AutoregressiveSampling, FlowMatchingSampling, SamplingConfig, UserError
from counterpoint.paradigm import Autoregressive, FlowMatching, Paradigm, Sample
from counterpoint.paradigm.delay import undelay
from counterpoint.paradigm.solvers import solve

Past = list[tuple[Tensor, Tensor]]
"""Keys and values [R, H, S, C / H] of the steps so far, one pair per block; empty before the first."""


@dataclass(frozen=True)
class Conditions:
    """The text of each row.

    Attributes:
        states: [R, L, C], zero where hidden; None if no row has a caption.
        allowed: [R, 1, 1, L] bool, readable tokens.
        guidance: with two passes, the second half of the rows repeats the first without captions.
    """

    states: Tensor | None
    allowed: Tensor | None
    guidance: Guidance


@torch.no_grad()
def sample_reference(
    model: Paradigm,
    *,
    text: TextTokens,
    frames: int,
    sampling: SamplingConfig,
    generators: Sequence[torch.Generator],
) -> Sample:
    """Draw one clip per caption; greedy tokens, and latents, equal those of `Paradigm.sample`.

    Args:
        text: the result of `model.prepare`.
        frames: T, the same for every clip.
        generators: sources of the noise, one per clip; tokens are drawn for the whole batch at once, from the first.

    Raises:
        UserError: there is no plain engine for the model's paradigm.
    """
    if model.config.paradigm not in ENGINES:
        raise UserError(
            f"There is no reference engine for {model.entry.label}, only for {', '.join(ENGINES)}: time it with "
            "--engine fast."
        )
    conditions = _condition(model, text, sampling=sampling)
    return ENGINES[model.config.paradigm](model, conditions, frames=frames, sampling=sampling, generators=generators)


def _condition(model: Paradigm, text: TextTokens, *, sampling: SamplingConfig) -> Conditions:
    guidance = plan_guidance(text, controls=None, sampling=sampling)
    text = with_null(text) if guidance.weights else text
    if not bool(text.mask.any()):
        return Conditions(None, None, guidance)
    states = model.text(text).masked_fill(~text.mask[:, :, None], 0.0)
    allowed = (text.mask | ~text.mask.any(dim=1, keepdim=True))[:, None, None, :]
    return Conditions(states, allowed, guidance)


def _tokens(
    model: Autoregressive,
    conditions: Conditions,
    *,
    frames: int,
    sampling: SamplingConfig,
    generators: Sequence[torch.Generator],
) -> Sample:
    K, sampling = model.codebooks, AutoregressiveSampling.of(sampling)
    token = torch.full((len(generators), K), model.filler, device=model.embed.weight.device)
    generator = torch.Generator(token.device).manual_seed(generators[0].initial_seed())
    past: Past = []
    delayed = []
    for step in range(frames + K - 1):
        rows = conditions.guidance.rows(token)
        x = model.embed(rows[:, :, None] + model.table_starts).sum(dim=1)
        hidden = _backbone(model.backbone, x, conditions.states, conditions.allowed, past=past)
        logits = model.heads(hidden[:, -1]).view(len(rows), K, -1)
        logits = conditions.guidance.combine(logits)
        token = _draw(logits, sampling=sampling, generator=generator)
        token = torch.stack(
            [token[:, k] if 0 <= step - k < frames else torch.full_like(token[:, k], model.filler) for k in range(K)],
            dim=1,
        )
        delayed.append(token)
    passes = frames + K - 1
    return Sample(
        codes=undelay(torch.stack(delayed, dim=2)),
        latents=None,
        network_evaluations=passes,
        model_evaluations=passes * conditions.guidance.passes,
    )


def _draw(logits: Tensor, *, sampling: AutoregressiveSampling, generator: torch.Generator) -> Tensor:
    """Draw tokens [B, K] from logits [B, K, V]: the likeliest, or one of the top k by its probability."""
    if sampling.temperature == 0:
        return logits.argmax(dim=-1)
    probabilities = (logits.float() / sampling.temperature).softmax(dim=-1)
    if sampling.top_k:
        kept, ids = probabilities.topk(min(sampling.top_k, logits.shape[-1]), dim=-1)
        probabilities = torch.zeros_like(probabilities).scatter_(-1, ids, kept)
    return torch.multinomial(probabilities.flatten(0, 1), 1, generator=generator).view(logits.shape[:2])


def _latents(
    model: FlowMatching,
    conditions: Conditions,
    *,
    frames: int,
    sampling: SamplingConfig,
    generators: Sequence[torch.Generator],
) -> Sample:
    weight, sampling = model.head.weight, FlowMatchingSampling.of(sampling)
    D = model.latent.latent_dim
    noise = [torch.randn(frames, D, generator=generator, device=generator.device) for generator in generators]

    def field(t: float, z: Tensor) -> Tensor:
        both = conditions.guidance.rows(z).to(weight.dtype)
        time = model.time(z.new_full((len(both),), t)).to(weight.dtype)[:, None]
        states = time if conditions.states is None else conditions.states + time
        hidden = _backbone(model.backbone, model.embed(both), states, conditions.allowed)
        v = model.head(hidden).to(z.dtype)
        return conditions.guidance.combine(v)

    solution = solve(field, torch.stack(noise).to(weight.device), sampling=sampling)
    return Sample(
        codes=None,
        latents=model.latent.unnormalize(solution.z),
        network_evaluations=solution.evaluations,
        model_evaluations=solution.evaluations * conditions.guidance.passes,
    )


ENGINES: Mapping[str, Callable[..., Sample]] = {"autoregressive": _tokens, "flow_matching": _latents}
"""The plain engines by paradigm. They serve for comparison, and a paradigm need not have one."""


def _backbone(
    backbone: Backbone, x: Tensor, states: Tensor | None, allowed: Tensor | None, *, past: Past | None = None
) -> Tensor:
    """[R, S, C] to [R, S, C]; with `past`, `x` is the step after it, and is added to it.

    Args:
        states: [R, L, C] of the text, and of the time in flow matching; None skips cross-attention.
        allowed: [R, 1, 1, L] bool, readable tokens; with None all are readable.
    """
    start = past[0][0].shape[2] if past else 0
    x = x + backbone.positions[start : start + x.shape[1]].to(x.dtype)
    half, outputs = len(backbone.blocks) // 2, [x]
    for index, block in enumerate(backbone.blocks):
        if len(backbone.skips) and index >= half:
            skip = outputs[2 * half - 1 - index + backbone.skip_offset]
            x = backbone.skips[index - half](torch.cat((x, skip), dim=-1))
        x = _block(block, x, states, allowed, past=past, index=index)
        if len(backbone.skips) and index < half:
            outputs.append(x)
    return backbone.norm(x)


def _block(
    block: Block, x: Tensor, states: Tensor | None, allowed: Tensor | None, *, past: Past | None, index: int
) -> Tensor:
    x = x + _self_attention(block.self_attention, block.self_norm(x), past=past, index=index)
    if states is not None:
        x = x + _cross_attention(block.cross_attention, block.cross_norm(x), states, allowed)
    return x + block.down(F.gelu(block.up(block.feed_norm(x))))


def _self_attention(attention: SelfAttention, x: Tensor, *, past: Past | None, index: int) -> Tensor:
    q, k, v = (_split(part, attention.heads) for part in attention.in_proj(x).chunk(3, dim=-1))
    if past is not None:
        if index < len(past):
            k, v = torch.cat((past[index][0], k), dim=2), torch.cat((past[index][1], v), dim=2)
            past[index] = k, v
        else:
            past.append((k, v))
    return attention.out_proj(_joined(F.scaled_dot_product_attention(q, k, v)))


def _cross_attention(attention: CrossAttention, x: Tensor, states: Tensor, allowed: Tensor | None) -> Tensor:
    if states.shape[1] == 1:  # the time alone: attention to a single token is its value, for any query
        return attention.out_proj(attention.value(states)).expand(-1, x.shape[1], -1)
    q, k, v = (
        _split(project(given), attention.heads)
        for project, given in ((attention.query, x), (attention.key, states), (attention.value, states))
    )
    return attention.out_proj(_joined(F.scaled_dot_product_attention(q, k, v, attn_mask=allowed)))


def _split(x: Tensor, heads: int) -> Tensor:
    """[R, S, C] to [R, H, S, C / H]."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def _joined(x: Tensor) -> Tensor:
    """[R, H, S, C / H] to [R, S, C]."""
    return x.transpose(1, 2).flatten(2)
