"""The cost of a flow-matching model: evaluations of the velocity, each over all frames.

Shapes: B batch, R rows, T latent frames, D latent channels, C width, F width of the feed-forward, N layers.
"""

from __future__ import annotations

from dataclasses import replace

from counterpoint.config import FlowMatchingSampling, InpaintingMethod, LatentSpec, ModelConfig, SamplingConfig
from counterpoint.paradigm.cost import (
    Cost,
    CostModel,
    Job,
    Weights,
    activations,
    block_activation_bytes,
    block_weights,
    cross_flops,
    token_bytes,
)
from counterpoint.paradigm.solvers import SOLVERS

TIME_CHANNELS = 128
"""Channels of the sinusoidal embedding of t (`flow_matching.TimeEmbedding`)."""
ADAPTIVE_EVALUATIONS = 100
"""Evaluations assumed for a solver that chooses its own steps; the pocket models took 68."""


class FlowMatchingCost(CostModel):
    """Every evaluation reads all weights once, for all frames of all rows."""

    def weights(self, config: ModelConfig, latent: LatentSpec) -> Weights:
        C, wide = config.backbone.width, 4 * TIME_CHANNELS
        return replace(
            block_weights(config),
            ends=2 * latent.latent_dim * C,
            skips=config.backbone.layers // 2 * (2 * C * C + C) if config.skips != "none" else 0,
            time=TIME_CHANNELS * wide + wide + wide * wide + wide + wide * C + C,
        )

    def step(self, config: ModelConfig, latent: LatentSpec, job: Job, *, position: int = 0) -> Cost:
        """The cost of one evaluation of the velocity."""
        b, count = config.backbone, self.weights(config, latent)
        shift = b.layers * b.width * b.width  # the time's value vector, one per row and block
        attention = 4.0 * job.rows * b.layers * b.width * job.frames * job.frames
        cost = Cost(
            flops=2.0 * job.rows * (job.frames * (count.core + count.skips + count.ends) + count.time + shift)
            + attention
            + cross_flops(config, count, job, positions=job.frames),
            weight_bytes=(count.step + shift) * job.weight_bytes,
            cross_bytes=job.reading * job.text_tokens * token_bytes(config, job),
            activation_bytes=activations(config, job, positions=job.frames),
        )
        return cost + self.caption(config, latent, job) if job.engine == "reference" else cost

    def count(
        self,
        config: ModelConfig,
        latent: LatentSpec,
        *,
        frames: int,
        sampling: SamplingConfig,
        method: InpaintingMethod | None = None,
    ) -> int:
        """Number of evaluations of the solver; the zero-shot methods take Euler steps, whatever the solver."""
        own = FlowMatchingSampling.of(sampling)
        if method not in (None, "supervised"):
            return {"inversion": 2 * own.steps, "repaint": 2 * own.steps - 1}.get(method, own.steps)
        each = SOLVERS[own.solver].evaluations_a_step
        return ADAPTIVE_EVALUATIONS if each is None else own.steps * each

    def guided_share(self, sampling: SamplingConfig) -> float:
        """The share of the evaluations on a uniform grid that lie within the interval."""
        own = FlowMatchingSampling.of(sampling)
        low, high = own.guidance_interval
        return sum(low <= step / own.steps <= high for step in range(own.steps)) / own.steps

    def sampling_bytes(
        self,
        config: ModelConfig,
        latent: LatentSpec,
        *,
        batch: int,
        frames: int,
        passes: int = 2,
        text_tokens: int | None = None,
        dtype_bytes: int = 4,
    ) -> int:
        """Memory of the text's keys and values, the activations of an evaluation, the skips, and a solver's slopes."""
        b, rows = config.backbone, batch * passes
        tokens = config.text.max_tokens if text_tokens is None else text_tokens
        text = rows * tokens * b.width * (2 * b.layers + 2)
        kept = b.layers // 2 + 1 if config.skips != "none" else 1
        live = rows * frames * ((kept + 3) * b.width + max(6 * b.width, 3 * b.feed_forward))
        solver = 10 * batch * frames * latent.latent_dim * 4  # dopri5 keeps seven slopes
        return int((text + live) * dtype_bytes + solver)

    def example(self, config: ModelConfig, latent: LatentSpec, *, frames: int) -> Cost:
        """The cost of one evaluation."""
        job = Job(1, frames, guided=False)
        return self.step(config, latent, job) + self.caption(config, latent, job)

    def activation_bytes(self, config: ModelConfig, latent: LatentSpec, *, frames: int, half: bool) -> int:
        """Memory of the blocks, one more C per block for the text with the time added, and 2 C for each skip."""
        b, number = config.backbone, 2 if half else 4
        skips = 2 * b.width * (b.layers // 2) if config.skips != "none" else 0
        return frames * (b.layers * (block_activation_bytes(config, half=half) + number * b.width) + number * skips)
