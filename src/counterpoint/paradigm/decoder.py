"""The auto-regressive engine: everything is allocated before the first step, and no step waits for the device.

On a GPU a whole step, drawing included, is one CUDA graph; its attention reads the cache up to the next multiple of
`BUCKET`, so that a few graphs serve all steps.

Shapes: B batch, R rows (B for every pass of guidance), K codebooks, S delayed steps, V codebook size, C width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn

from counterpoint.backbone import Backbone, Cache, Memory
from counterpoint.conditioning import Guidance
from counterpoint.config import AutoregressiveSampling
from counterpoint.config.device import widest_float
from counterpoint.paradigm.sampling import draw_tokens


class DelayedNetwork(Protocol):
    """The interface of a network of delayed steps (`autoregressive.Autoregressive`)."""

    @property
    def backbone(self) -> Backbone: ...

    @property
    def codebooks(self) -> int: ...

    @property
    def embed(self) -> nn.Embedding: ...

    @property
    def filler(self) -> int: ...

    @property
    def steered(self) -> bool:
        """Whether vectors are added to the inputs of its steps."""
        ...

    def hidden(
        self, tokens: Tensor, *, memory: Memory, control: Tensor | None = None, cache: Cache | None = None
    ) -> Tensor:
        """Hidden states [R, S, C] of delayed input tokens [R, K, S]."""
        ...

    def logits(
        self, tokens: Tensor, *, memory: Memory, control: Tensor | None = None, cache: Cache | None = None
    ) -> Tensor:
        """Logits [R, K, S, V] of delayed input tokens [R, K, S]."""
        ...


class Decoder:
    """A batch being decoded.

    Attributes:
        tokens: [B, K, 1 + S] the start column and the delayed sequence, `filler` where nothing is drawn.
        entropies: [S, B] entropies in nats of the first codebook's distributions in the steps drawn so far.

    Args:
        model: the network.
        memory: text of the rows that read a caption.
        batch: B.
        steps: the greatest S.
        sampling: sampling settings.
        guidance: the passes that run side by side.
        static: give every step the same shapes and addresses, as a CUDA graph needs.
    """

    BUCKET = 128
    """Cached steps; a graph is captured for each multiple of it."""

    def __init__(
        self,
        model: DelayedNetwork,
        *,
        memory: Memory,
        batch: int,
        steps: int,
        sampling: AutoregressiveSampling,
        guidance: Guidance,
        static: bool | None = None,
    ):
        self.model, self.memory, self.sampling, self.guidance = model, memory, sampling, guidance
        device, K = model.embed.weight.device, model.codebooks
        self.static = device.type == "cuda" if static is None else static
        rows = batch * guidance.passes
        self.cache = model.backbone.allocate(rows, steps)
        self.tokens = torch.full((batch, K, 1 + steps), model.filler, device=device)
        self.free = torch.zeros(steps, batch, K, dtype=torch.bool, device=device)
        self.uniforms = torch.zeros(steps, batch, K, dtype=widest_float(device), device=device)
        self.entropies = torch.zeros(steps, batch, device=device)
        weight = model.embed.weight
        self.control = weight.new_zeros(rows, steps, weight.shape[1]) if model.steered else None
        self._graphs: dict[int, torch.cuda.CUDAGraph] = {}

    def begin(self, delayed: Tensor, *, free: Tensor, uniforms: Tensor, control: Tensor | None = None) -> None:
        """Start a sequence.

        Args:
            delayed: [B, K, S'] known codes, filler elsewhere; S' <= S.
            free: [S', B, K] bool, the places to draw.
            uniforms: [S', B, K] the random numbers.
            control: [R, S', C] vectors added to the input of each step (`Autoregressive.steer`, `.arrange`), for a
                model that has controls or inpaints; None adds nothing.
        """
        steps = delayed.shape[2]
        self.tokens[:, :, 1 : 1 + steps] = delayed
        self.free[:steps] = free
        self.uniforms[:steps] = uniforms
        assert control is None or self.control is not None, "the model has no controls"
        if self.control is not None:
            self.control[:, :steps] = 0.0 if control is None else control
        self.cache.rewind(0)

    def prefill(self, steps: int) -> None:
        """Read the next `steps` columns at once, after each of which the next one is known."""
        self.read(steps)

    def read(self, steps: int) -> Tensor:
        """Hidden states [R, S', C] of the next `steps` columns."""
        start = self.cache.length
        columns = self.guidance.rows(self.tokens[:, :, start : start + steps])
        control = None if self.control is None else self.control[:, start : start + steps]
        return self.model.hidden(columns, memory=self.memory, control=control, cache=self.cache)

    def decode_one_token(self) -> None:
        """Read one column and draw the next."""
        cursor = self.cache.cursor
        columns = self.guidance.rows(self.tokens.index_select(2, cursor))
        control = None if self.control is None else self.control.index_select(1, cursor)
        free, uniforms = self.free.index_select(0, cursor)[0], self.uniforms.index_select(0, cursor)[0]
        step = cursor.clone()
        logits = self.model.logits(columns, memory=self.memory, control=control, cache=self.cache)[:, :, 0]
        # The cursor has already advanced.
        logits = self.guidance.combine(logits)
        self.entropies.index_copy_(0, step, self._entropy(logits[:, 0])[None])
        drawn = draw_tokens(logits, uniforms=uniforms, sampling=self.sampling)
        known = self.tokens.index_select(2, cursor)[:, :, 0]
        self.tokens.index_copy_(2, cursor, drawn.where(free, known)[:, :, None])

    def decode_n_tokens(self, steps: int, *, moved: Callable[[int], None] | None = None) -> None:
        """Draw the next `steps` columns.

        Args:
            moved: called after each step with the number of drawn columns.
        """
        stop = self.cache.length + steps
        while (start := self.cache.length) < stop:
            bound = min((start // self.BUCKET + 1) * self.BUCKET, self.cache.capacity)
            count = min(stop, bound) - start
            self.cache.bound = bound if self.static else None
            step = self._graph(bound).replay if self.tokens.is_cuda and self.static else self.decode_one_token
            for place in range(start + 1, start + count + 1):
                step()
                if moved is not None:
                    moved(place)
            self.cache.rewind(start + count)
        self.cache.bound = None

    def _graph(self, bound: int) -> torch.cuda.CUDAGraph:
        """Capture one step as a CUDA graph. Values written by the warm-up runs are overwritten by the following
        steps."""
        if bound not in self._graphs:
            start = self.cache.length
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                for _ in range(2):  # so that libraries choose their kernels and allocate
                    self.decode_one_token()
                    self.cache.rewind(start)
            torch.cuda.current_stream().wait_stream(stream)
            self._graphs[bound] = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graphs[bound]):
                self.decode_one_token()
            self.cache.rewind(start)
        return self._graphs[bound]

    def _entropy(self, logits: Tensor) -> Tensor:
        """Entropies [B] of logits [B, V]; greedy drawing has the temperature 1 here."""
        logs = (logits.float() / (self.sampling.temperature or 1.0)).log_softmax(dim=-1)
        return -(logs.exp() * logs).sum(dim=-1)
