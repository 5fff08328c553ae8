"""What sampling costs, from the configuration alone: arithmetic, bytes and memory of a step, an evaluation, a clip.

Two engines are told apart. `fast` is this package's: keys and values of cross-attention are computed once a caption,
and rows without a caption skip cross-attention, which for them is exactly zero (or, in flow matching, one vector).
`reference` is the paper's: both halves of a guided batch in full, keys and values of the text recomputed every time,
the cache of self-attention copied to grow. A multiplication and an addition are two FLOPs; norms, softmax and the like
are not counted.

Shapes: B batch, R rows (2 B with guidance), K codebooks, V codebook size, T latent frames, S = T + K - 1 delayed steps,
D latent channels, C width, F width of the feed-forward, L text tokens, N layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Literal

from counterpoint.config import LatentSpec, ModelConfig

EngineName = Literal["fast", "reference"]
TEXT_TOKENS = 24
"""Of a caption of about 16 words."""
TIME_CHANNELS = 128
"""Of the sinusoid that flow matching feeds t through (`flow_matching.TimeEmbedding`)."""


@dataclass(frozen=True)
class Cost:
    """Work of one pass, or of several.

    Attributes:
        flops: floating-point operations.
        weight_bytes: weights read.
        kv_bytes: keys and values of self-attention read from and written to a cache.
        cross_bytes: cached keys and values of the text read.
        activation_bytes: everything that passes between matrix products; may stay within a processor's caches.
    """

    flops: float = 0.0
    weight_bytes: float = 0.0
    kv_bytes: float = 0.0
    cross_bytes: float = 0.0
    activation_bytes: float = 0.0

    @property
    def traffic(self) -> float:
        """Bytes that must come from memory however large the caches are: all but activations."""
        return self.weight_bytes + self.kv_bytes + self.cross_bytes

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.flops + other.flops,
            self.weight_bytes + other.weight_bytes,
            self.kv_bytes + other.kv_bytes,
            self.cross_bytes + other.cross_bytes,
            self.activation_bytes + other.activation_bytes,
        )

    def __mul__(self, times: float) -> Cost:
        return Cost(
            self.flops * times,
            self.weight_bytes * times,
            self.kv_bytes * times,
            self.cross_bytes * times,
            self.activation_bytes * times,
        )


@dataclass(frozen=True)
class Weights:
    """Weights by where they are used; a table of which a step reads a row is not among them.

    Attributes:
        core: self-attention and feed-forward.
        cross: query and output projections of cross-attention.
        text: key and value projections of cross-attention.
        skips: of the U-Net-like skips, biases included; flow matching only.
        ends: the K heads, or the projections in and out of the latents.
        time: the embedding of t, biases included; flow matching only.
        norms: scales and shifts.
        tables: the K embedding tables; auto-regressive only.
    """

    core: int
    cross: int
    text: int
    skips: int
    ends: int
    time: int
    norms: int
    tables: int

    @property
    def step(self) -> int:
        """Read at every step or evaluation."""
        return self.core + self.cross + self.skips + self.ends + self.time + self.norms


def weights(config: ModelConfig, latent: LatentSpec) -> Weights:
    """The weights of a model but those of its text encoder."""
    b = config.backbone
    C, K, V, D = b.width, latent.num_codebooks, latent.codebook_size, latent.latent_dim
    flow = config.paradigm == "flow_matching"
    wide = 4 * TIME_CHANNELS
    time = TIME_CHANNELS * wide + wide + wide * wide + wide + wide * C + C
    return Weights(
        core=b.layers * (4 * C * C + 2 * C * b.feed_forward),
        cross=b.layers * 2 * C * C,
        text=b.layers * 2 * C * C,
        skips=b.layers // 2 * (2 * C * C + C) if flow and config.skips != "none" else 0,
        ends=2 * D * C if flow else K * V * C,
        time=time if flow else 0,
        norms=(3 * b.layers + 1) * 2 * C,
        tables=0 if flow else K * (V + 1) * C,
    )


def parameters(config: ModelConfig, latent: LatentSpec, *, text_width: int | None = None) -> int:
    """Trainable parameters of the model.

    Args:
        text_width: of a frozen encoder's states (768 for t5-base), which only a projection follows; by default a
            learned table of words as configured.
    """
    found, text = weights(config, latent), config.text
    encoder = 0 if text_width else text.buckets * text.width
    projection = ((text_width or text.width) + 1) * config.backbone.width
    return found.step + found.text + found.tables + encoder + projection


@dataclass(frozen=True)
class Job:
    """What is to be drawn, and how.

    Attributes:
        batch: B, clips at once.
        frames: T of each.
        guided: an unconditional row beside each conditional one.
        text_tokens: L of every caption; 0 where none is conditioned.
        weight_bytes: of a weight.
        state_bytes: of a number in a cache or on its way.
        engine: whose work is counted.
    """

    batch: int
    frames: int
    guided: bool = True
    text_tokens: int = TEXT_TOKENS
    weight_bytes: float = 2
    state_bytes: float = 2
    engine: EngineName = "fast"

    @property
    def rows(self) -> int:
        return self.batch * (2 if self.guided else 1)

    @property
    def reading(self) -> int:
        """Rows that read a caption."""
        if not self.text_tokens:
            return 0
        return self.rows if self.engine == "reference" else self.batch


def caption(config: ModelConfig, latent: LatentSpec, job: Job) -> Cost:
    """Keys and values of the captions, computed once by the fast engine; the text encoder itself is not counted."""
    count, tokens = weights(config, latent).text, job.reading * job.text_tokens
    if not tokens:
        return Cost()
    return Cost(
        flops=2.0 * tokens * count,
        weight_bytes=count * job.weight_bytes,
        activation_bytes=tokens * config.backbone.width * (1 + 2 * config.backbone.layers) * job.state_bytes,
    )


def ar_step(config: ModelConfig, latent: LatentSpec, job: Job, *, position: int) -> Cost:
    """One auto-regressive step, `position` steps after the first."""
    b, count = config.backbone, weights(config, latent)
    token = _token_bytes(config, job)
    # A cache that grows by concatenation is read, written and read again.
    passes_over_cache = 3 if job.engine == "reference" else 1
    attention = 4.0 * job.rows * b.layers * b.width * (position + 1)
    cost = Cost(
        flops=2.0 * job.rows * (count.core + count.ends) + attention + _cross_flops(config, count, job, positions=1),
        weight_bytes=count.step * job.weight_bytes,
        kv_bytes=job.rows * token * (1 + passes_over_cache * position),
        cross_bytes=job.reading * job.text_tokens * token,
        activation_bytes=_activations(config, job, positions=1),
    )
    return cost + caption(config, latent, job) if job.engine == "reference" else cost


def fm_evaluation(config: ModelConfig, latent: LatentSpec, job: Job) -> Cost:
    """One evaluation of the velocity."""
    b, count = config.backbone, weights(config, latent)
    shift = b.layers * b.width * b.width  # the time's value vector, one a row and block
    attention = 4.0 * job.rows * b.layers * b.width * job.frames * job.frames
    cost = Cost(
        flops=2.0 * job.rows * (job.frames * (count.core + count.skips + count.ends) + count.time + shift)
        + attention
        + _cross_flops(config, count, job, positions=job.frames),
        weight_bytes=(count.step + shift) * job.weight_bytes,
        cross_bytes=job.reading * job.text_tokens * _token_bytes(config, job),
        activation_bytes=_activations(config, job, positions=job.frames),
    )
    return cost + caption(config, latent, job) if job.engine == "reference" else cost


def passes(config: ModelConfig, latent: LatentSpec, job: Job, *, evaluations: int = 50) -> list[Cost]:
    """The passes of the network one after another; the first holds the captions' cost too.

    Args:
        evaluations: of the velocity; flow matching only.
    """
    if config.paradigm == "flow_matching":
        found = [fm_evaluation(config, latent, job)] * evaluations
    else:
        steps = job.frames + latent.num_codebooks - 1
        found = [ar_step(config, latent, job, position=position) for position in range(steps)]
    if job.engine == "fast":
        found[0] = found[0] + caption(config, latent, job)
    return found


def clip(config: ModelConfig, latent: LatentSpec, job: Job, *, evaluations: int = 50) -> Cost:
    """The sum of `passes`: all B clips."""
    return reduce(add, passes(config, latent, job, evaluations=evaluations))


def sampling_bytes(
    config: ModelConfig,
    latent: LatentSpec,
    *,
    batch: int,
    frames: int,
    passes: int = 2,
    text_tokens: int | None = None,
    dtype_bytes: int = 4,
) -> int:
    """Memory that drawing B clips of T frames at once takes at its peak, beside the weights.

    Auto-regressive: the whole KV cache, allocated for all steps before the first; keys and values of the text; logits
    and what is made of them to draw (some of it in float64). Flow matching: the activations of an evaluation and what
    the skips keep. Text counts as if all rows of a guided batch held it, so that no engine takes more.

    Args:
        frames: that the network sees at once: a window's, where longer music is made by windows.
        passes: of guidance, side by side.
        text_tokens: of the longest caption; by default the most that are read.
        dtype_bytes: of activations and caches: 4 for float32, 2 for float16 and bfloat16.
    """
    b = config.backbone
    rows = batch * passes
    tokens = config.text.max_tokens if text_tokens is None else text_tokens
    text = rows * tokens * b.width * (2 * b.layers + 2)
    if config.paradigm == "flow_matching":
        kept = b.layers // 2 + 1 if config.skips != "none" else 1
        live = rows * frames * ((kept + 3) * b.width + max(6 * b.width, 3 * b.feed_forward))
        solver = 10 * batch * frames * latent.latent_dim * 4  # dopri5 keeps seven slopes
        return int((text + live) * dtype_bytes + solver)
    K, V = latent.num_codebooks, latent.codebook_size
    cache = rows * (frames + K - 1) * 2 * b.layers * b.width
    live = rows * (10 * b.width + 2 * b.feed_forward)
    logits = rows * K * V * (dtype_bytes + 4) + batch * K * V * 24
    uniforms = batch * (frames + K - 1) * K * 8
    return int((text + cache + live) * dtype_bytes + logits + uniforms)


def _token_bytes(config: ModelConfig, job: Job) -> float:
    """Keys and values of one position in all blocks."""
    return 2 * config.backbone.layers * config.backbone.width * job.state_bytes


def _cross_flops(config: ModelConfig, count: Weights, job: Job, *, positions: int) -> float:
    """Of `positions` a row that read the text: projections, scores and sums."""
    scores = 4.0 * config.backbone.layers * config.backbone.width * job.text_tokens
    return job.reading * positions * (2.0 * count.cross + scores)


def _activations(config: ModelConfig, job: Job, *, positions: int) -> float:
    """Read and written between the matrix products of `positions` a row, with norms, GELU and sums fused into them:
    19 C + 2 F a block."""
    b = config.backbone
    return job.rows * positions * b.layers * (19 * b.width + 2 * b.feed_forward) * job.state_bytes
