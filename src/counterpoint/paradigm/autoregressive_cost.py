"""The cost of an auto-regressive model: T + K - 1 steps over a cache of keys and values.

Shapes: B batch, R rows, K codebooks, V codebook size, T latent frames, C width, F width of the feed-forward, N layers.
"""

from __future__ import annotations

from dataclasses import replace

from counterpoint.config import InpaintingMethod, LatentSpec, ModelConfig, SamplingConfig
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


class AutoregressiveCost(CostModel):
    """Every step reads all weights and the whole cache, for one position per row."""

    sequential = True

    def weights(self, config: ModelConfig, latent: LatentSpec) -> Weights:
        C, K, V = config.backbone.width, config.codebooks_of(latent), latent.codebook_size
        return replace(block_weights(config), ends=K * V * C, tables=K * (V + 1) * C)

    def step(self, config: ModelConfig, latent: LatentSpec, job: Job, *, position: int = 0) -> Cost:
        b, count = config.backbone, self.weights(config, latent)
        token = token_bytes(config, job)
        # A cache that grows by concatenation is read, written and read again.
        passes_over_cache = 3 if job.engine == "reference" else 1
        attention = 4.0 * job.rows * b.layers * b.width * (position + 1)
        cost = Cost(
            flops=2.0 * job.rows * (count.core + count.ends) + attention + cross_flops(config, count, job, positions=1),
            weight_bytes=count.step * job.weight_bytes,
            kv_bytes=job.rows * token * (1 + passes_over_cache * position),
            cross_bytes=job.reading * job.text_tokens * token,
            activation_bytes=activations(config, job, positions=1),
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
        """The number of delayed steps."""
        return frames + config.codebooks_of(latent) - 1

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
        """Memory of the whole cache, allocated for all steps before the first one; keys and values of the text; logits
        and their intermediate results in drawing, some of them in float64."""
        b, rows, K, V = config.backbone, batch * passes, config.codebooks_of(latent), latent.codebook_size
        tokens = config.text.max_tokens if text_tokens is None else text_tokens
        text = rows * tokens * b.width * (2 * b.layers + 2)
        cache = rows * (frames + K - 1) * 2 * b.layers * b.width
        live = rows * (10 * b.width + 2 * b.feed_forward)
        logits = rows * K * V * (dtype_bytes + 4) + batch * K * V * 24
        uniforms = batch * (frames + K - 1) * K * 8
        return int((text + cache + live) * dtype_bytes + logits + uniforms)

    def example(self, config: ModelConfig, latent: LatentSpec, *, frames: int) -> Cost:
        """The cost of all steps of a clip, each of which reads the preceding ones, as in training."""
        return self.clip(config, latent, Job(1, self.columns(config, latent, frames=frames), guided=False))

    def columns(self, config: ModelConfig, latent: LatentSpec, *, frames: int) -> int:
        """T; with inpainting T + 3 K columns (App. J), of which K - 1 come from the delay."""
        return frames + 2 * config.codebooks_of(latent) + 1 if config.inpainting else frames

    def inpainting_weights(self, config: ModelConfig) -> int:
        """Number of weights of three special tokens and the head that ends the span."""
        return 4 * config.backbone.width + 1

    def activation_bytes(self, config: ModelConfig, latent: LatentSpec, *, frames: int, half: bool) -> int:
        """Memory of the blocks and of K V logits per step, in float32 and, under autocast, also in bfloat16."""
        K, V = config.codebooks_of(latent), latent.codebook_size
        steps = frames + (3 * K if config.inpainting else K - 1)
        blocks = config.backbone.layers * block_activation_bytes(config, half=half)
        return steps * (blocks + K * V * (6 if half else 4))
