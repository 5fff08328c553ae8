"""Arithmetic, memory traffic and memory of a pass, a clip and a training example, from the configuration alone.

Each paradigm has its own `CostModel` (`autoregressive_cost`, `flow_matching_cost`), which its entry names.

There are two engines. `fast` is this package's: keys and values of cross-attention are computed once per caption, and
rows without a caption skip cross-attention, whose output is exactly zero for them (or, in flow matching, one vector).
`reference` is the paper's: both halves of a guided batch are computed in full, keys and values of the text are
recomputed every time, and the cache of self-attention is copied to grow. A multiplication and an addition are two
FLOPs; norms, softmax and the like are not counted.

Shapes: B batch, R rows (2 B with guidance), K codebooks, V codebook size, T latent frames, S = T + K - 1 delayed steps,
D latent channels, C width, F width of the feed-forward, L text tokens, N layers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import ClassVar, Literal

from counterpoint.config import InpaintingMethod, LatentSpec, ModelConfig, SamplingConfig

EngineName = Literal["fast", "reference"]
TEXT_TOKENS = 24
"""Tokens of a caption of about 16 words."""


@dataclass(frozen=True)
class Cost:
    """The cost of one pass, or of several.

    Attributes:
        flops: floating-point operations.
        weight_bytes: weights read.
        kv_bytes: keys and values of self-attention read from and written to a cache.
        cross_bytes: cached keys and values of the text read.
        activation_bytes: values passed between matrix products; they may stay within a processor's caches.
    """

    flops: float = 0.0
    weight_bytes: float = 0.0
    kv_bytes: float = 0.0
    cross_bytes: float = 0.0
    activation_bytes: float = 0.0

    @property
    def traffic(self) -> float:
        """Bytes that must be read from memory however large the caches are: all but activations."""
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
    """Numbers of weights by their use, without tables of which a step reads only a row.

    Attributes:
        core: self-attention and feed-forward.
        cross: query and output projections of cross-attention.
        text: key and value projections of cross-attention.
        norms: scales and shifts.
        ends: input and output projections.
        skips: the U-Net-like skips, biases included.
        time: the embedding of t, biases included.
        tables: embedding tables.
    """

    core: int
    cross: int
    text: int
    norms: int
    ends: int = 0
    skips: int = 0
    time: int = 0
    tables: int = 0

    @property
    def step(self) -> int:
        """Weights read at every step or evaluation."""
        return self.core + self.cross + self.skips + self.ends + self.time + self.norms


@dataclass(frozen=True)
class Job:
    """A drawing task for which the cost is computed.

    Attributes:
        batch: B, number of clips at once.
        frames: T of each clip.
        guided: whether each conditional row has an unconditional one.
        text_tokens: L of every caption; 0 without captions.
        weight_bytes: bytes per weight.
        state_bytes: bytes per number in a cache or an activation.
        engine: the engine whose cost is computed.
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
        """Number of rows that read a caption."""
        if not self.text_tokens:
            return 0
        return self.rows if self.engine == "reference" else self.batch


class CostModel(ABC):
    """The cost of one paradigm's network. The shared parts are counted here: the blocks, the captions, the text."""

    sequential: ClassVar[bool] = False
    """Whether the passes of a clip follow one another over a growing cache, one position each; otherwise every pass
    reads all frames, and all passes cost the same."""

    @abstractmethod
    def weights(self, config: ModelConfig, latent: LatentSpec) -> Weights:
        """Weights of a model without its text encoder, controls and inpainting."""

    @abstractmethod
    def step(self, config: ModelConfig, latent: LatentSpec, job: Job, *, position: int = 0) -> Cost:
        """One pass of the network, `position` passes after the first, without the captions, which the fast engine reads
        once."""

    @abstractmethod
    def count(
        self,
        config: ModelConfig,
        latent: LatentSpec,
        *,
        frames: int,
        sampling: SamplingConfig,
        method: InpaintingMethod | None = None,
    ) -> int:
        """Number of network passes to draw T frames; `method` is the inpainting method, None without inpainting."""

    @abstractmethod
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
        """Peak memory of drawing B clips of T frames at once, without the weights.

        Text is counted as if all rows of a guided batch had it, which is an upper bound for all engines.

        Args:
            frames: frames processed at once: those of a window if longer music is drawn in windows.
            passes: number of passes of guidance, side by side.
            text_tokens: number of tokens of the longest caption; by default the maximum.
            dtype_bytes: of activations and caches: 4 for float32, 2 for float16 and bfloat16.
        """

    @abstractmethod
    def example(self, config: ModelConfig, latent: LatentSpec, *, frames: int) -> Cost:
        """The forward pass of training on one example of T frames."""

    @abstractmethod
    def activation_bytes(self, config: ModelConfig, latent: LatentSpec, *, frames: int, half: bool) -> int:
        """Memory that the backward pass of one example keeps, with fused attention; `half`: under autocast to
        bfloat16."""

    def columns(self, config: ModelConfig, latent: LatentSpec, *, frames: int) -> int:
        """Number of positions at which training reads controls."""
        return frames

    def inpainting_weights(self, config: ModelConfig) -> int:
        """Number of additional weights of a model that learns to inpaint: by default a vector that marks known
        frames."""
        return config.backbone.width

    def guided_share(self, sampling: SamplingConfig) -> float:
        """The share of the passes to which guidance is applied."""
        return 1.0

    def parameters(self, config: ModelConfig, latent: LatentSpec, *, text_width: int | None = None) -> int:
        """Number of trainable parameters of a model without controls and inpainting.

        Args:
            text_width: width of a frozen encoder's states (768 for t5-base), of which only the projection is counted;
                by default the configured learned table of words is counted.
        """
        found, text = self.weights(config, latent), config.text
        encoder = 0 if text_width else text.buckets * text.width
        projection = ((text_width or text.width) + 1) * config.backbone.width
        return found.step + found.text + found.tables + encoder + projection

    def caption(self, config: ModelConfig, latent: LatentSpec, job: Job) -> Cost:
        """Keys and values of the captions, computed once by the fast engine, without the text encoder itself."""
        count, tokens = self.weights(config, latent).text, job.reading * job.text_tokens
        if not tokens:
            return Cost()
        return Cost(
            flops=2.0 * tokens * count,
            weight_bytes=count * job.weight_bytes,
            activation_bytes=tokens * config.backbone.width * (1 + 2 * config.backbone.layers) * job.state_bytes,
        )

    def steps(
        self, config: ModelConfig, latent: LatentSpec, job: Job, *, count: int, looked_at: int | None = None
    ) -> list[tuple[Cost, float]]:
        """Costs of network passes with the number of occurrences of each, `count` in all.

        Args:
            looked_at: number of evenly spaced passes that represent all, if passes differ, since costs grow evenly. By
                default every pass is computed.
        """
        if not self.sequential:
            return [(self.step(config, latent, job), float(count))]
        shown = min(count, looked_at or count)
        share = count / shown
        return [(self.step(config, latent, job, position=int((index + 0.5) * share)), share) for index in range(shown)]

    def clip(
        self, config: ModelConfig, latent: LatentSpec, job: Job, *, sampling: SamplingConfig | None = None
    ) -> Cost:
        """The cost of all B clips: the sum of their passes, and the captions."""
        count = self.count(config, latent, frames=job.frames, sampling=sampling or SamplingConfig())
        total = reduce(add, (cost * times for cost, times in self.steps(config, latent, job, count=count)))
        return total + self.caption(config, latent, job) if job.engine == "fast" else total


def block_weights(config: ModelConfig) -> Weights:
    """Weights of the backbone's blocks, which all paradigms share."""
    b, C = config.backbone, config.backbone.width
    return Weights(
        core=b.layers * (4 * C * C + 2 * C * b.feed_forward),
        cross=b.layers * 2 * C * C,
        text=b.layers * 2 * C * C,
        norms=(3 * b.layers + 1) * 2 * C,
    )


def token_bytes(config: ModelConfig, job: Job) -> float:
    """Bytes of the keys and values of one position in all blocks."""
    return 2 * config.backbone.layers * config.backbone.width * job.state_bytes


def cross_flops(config: ModelConfig, count: Weights, job: Job, *, positions: int) -> float:
    """FLOPs of cross-attention of `positions` in each row that reads a caption: projections, scores and sums."""
    scores = 4.0 * config.backbone.layers * config.backbone.width * job.text_tokens
    return job.reading * positions * (2.0 * count.cross + scores)


def activations(config: ModelConfig, job: Job, *, positions: int) -> float:
    """Bytes read and written between the matrix products of `positions` per row, with norms, GELU and sums fused into
    them: 19 C + 2 F numbers per block."""
    b = config.backbone
    return job.rows * positions * b.layers * (19 * b.width + 2 * b.feed_forward) * job.state_bytes


def block_activation_bytes(config: ModelConfig, *, half: bool) -> int:
    """Bytes that a block keeps of one position for the backward pass: the inputs of three norms and of the matrices
    after them, q, k and v, both attention outputs and the query of the text, and two in the feed-forward: 12 C + 2 F
    numbers (in bfloat16 the norms' inputs, 3 C, stay in float32)."""
    C, F = config.backbone.width, config.backbone.feed_forward
    return 30 * C + 4 * F if half else 48 * C + 8 * F
