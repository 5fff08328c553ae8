"""The auto-regressive engine: everything is allocated before the first step, and a step waits for nothing.

On a GPU a whole step, drawing included, is one CUDA graph; its attention reads the cache up to the next multiple of
`BUCKET`, so that a few graphs serve all steps.

Shapes: B batch, R rows (2 B under guidance), K codebooks, S delayed steps, V codebook size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from counterpoint.backbone import Memory
from counterpoint.conditioning import guide
from counterpoint.config import SamplingConfig
from counterpoint.paradigm.sampling import draw_tokens

if TYPE_CHECKING:
    from counterpoint.paradigm.autoregressive import Autoregressive


class Decoder:
    """A batch being decoded.

    Attributes:
        tokens: [B, K, 1 + S] the start column and the delayed sequence, `filler` where nothing is drawn.

    Args:
        model: the network.
        memory: of the B captions.
        batch: B.
        steps: S at most.
        sampling: how to draw.
        guided: whether B rows without a caption run beside the others.
        static: give every step the same shapes and addresses, as a CUDA graph must have them.
    """

    BUCKET = 128
    """Of cached steps; a graph is captured for each multiple of it."""

    def __init__(
        self,
        model: Autoregressive,
        *,
        memory: Memory,
        batch: int,
        steps: int,
        sampling: SamplingConfig,
        guided: bool,
        static: bool | None = None,
    ):
        self.model, self.memory, self.sampling, self.guided = model, memory, sampling, guided
        device, K = model.embed.weight.device, model.latent.num_codebooks
        self.static = device.type == "cuda" if static is None else static
        self.cache = model.backbone.allocate(batch * (2 if guided else 1), steps)
        self.tokens = torch.full((batch, K, 1 + steps), model.filler, device=device)
        self.free = torch.zeros(steps, batch, K, dtype=torch.bool, device=device)
        self.uniforms = torch.zeros(steps, batch, K, dtype=torch.float64, device=device)
        self._graphs: dict[int, torch.cuda.CUDAGraph] = {}

    def begin(self, delayed: Tensor, *, free: Tensor, uniforms: Tensor) -> None:
        """Start on a sequence.

        Args:
            delayed: [B, K, S'] codes already known, filler elsewhere; S' <= S.
            free: [S', B, K] bool, where to draw.
            uniforms: [S', B, K] what to draw with.
        """
        steps = delayed.shape[2]
        self.tokens[:, :, 1 : 1 + steps] = delayed
        self.free[:steps] = free
        self.uniforms[:steps] = uniforms
        self.cache.rewind(0)

    def prefill(self, steps: int) -> None:
        """Read the next `steps` columns at once; what follows each of them is known."""
        start = self.cache.length
        columns = self._rows(self.tokens[:, :, start : start + steps])
        self.model.hidden(columns, memory=self.memory, cache=self.cache)

    def decode_one_token(self) -> None:
        """Read one column and draw the next."""
        cursor = self.cache.cursor
        columns = self._rows(self.tokens.index_select(2, cursor))
        free, uniforms = self.free.index_select(0, cursor)[0], self.uniforms.index_select(0, cursor)[0]
        logits = self.model.logits(columns, memory=self.memory, cache=self.cache)[:, :, 0]  # and the cursor moves on
        if self.guided:
            logits = guide(logits, guidance=self.sampling.guidance)
        drawn = draw_tokens(logits, uniforms=uniforms, sampling=self.sampling)
        known = self.tokens.index_select(2, cursor)[:, :, 0]
        self.tokens.index_copy_(2, cursor, drawn.where(free, known)[:, :, None])

    def decode_n_tokens(self, steps: int) -> None:
        """Draw the next `steps` columns."""
        stop = self.cache.length + steps
        while (start := self.cache.length) < stop:
            bound = min((start // self.BUCKET + 1) * self.BUCKET, self.cache.capacity)
            count = min(stop, bound) - start
            self.cache.bound = bound if self.static else None
            step = self._graph(bound).replay if self.tokens.is_cuda and self.static else self.decode_one_token
            for _ in range(count):
                step()
            self.cache.rewind(start + count)
        self.cache.bound = None

    def _graph(self, bound: int) -> torch.cuda.CUDAGraph:
        """One step as a CUDA graph. What the runs before the capture write is written again by the steps to come."""
        if bound not in self._graphs:
            start = self.cache.length
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                for _ in range(2):  # libraries choose their kernels and allocate
                    self.decode_one_token()
                    self.cache.rewind(start)
            torch.cuda.current_stream().wait_stream(stream)
            self._graphs[bound] = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graphs[bound]):
                self.decode_one_token()
            self.cache.rewind(start)
        return self._graphs[bound]

    def _rows(self, tokens: Tensor) -> Tensor:
        return torch.cat((tokens, tokens)) if self.guided else tokens
