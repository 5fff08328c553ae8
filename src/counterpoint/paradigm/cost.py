"""What a model costs, from its configuration alone: arithmetic, bytes and memory of a pass, a clip, a training example.

Each paradigm has a `CostModel` of its own (`autoregressive_cost`, `flow_matching_cost`), which its entry names.

Two engines are told apart. `fast` is this package's: keys and values of cross-attention are computed once a caption,
and rows without a caption skip cross-attention, which for them is exactly zero (or, in flow matching, one vector).
`reference` is the paper's: both halves of a guided batch in full, keys and values of the text recomputed every time,
the cache of self-attention copied to grow. A multiplication and an addition are two FLOPs; norms, softmax and the like
are not counted.

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
        norms: scales and shifts.
        ends: what makes hidden states of latents, and predictions of hidden states.
        skips: of the U-Net-like skips, biases included.
        time: the embedding of t, biases included.
        tables: of embeddings.
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
        """Read at every step or evaluation."""
        return self.core + self.cross + self.skips + self.ends + self.time + self.norms


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


class CostModel(ABC):
    """What the network of one paradigm takes. What all share is counted here: the blocks, the captions, the text."""

    sequential: ClassVar[bool] = False
    """The passes of a clip follow one another over a cache that grows, one position each; else every pass reads all
    frames, and all passes cost the same."""

    @abstractmethod
    def weights(self, config: ModelConfig, latent: LatentSpec) -> Weights:
        """The weights of a model but those of its text encoder, of controls and of inpainting."""

    @abstractmethod
    def step(self, config: ModelConfig, latent: LatentSpec, job: Job, *, position: int = 0) -> Cost:
        """One pass of the network, `position` passes after the first; captions that the fast engine reads once are not
        part of it."""

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
        """Passes of the network to draw T frames; `method` of inpainting, None where nothing is filled in."""

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
        """Memory that drawing B clips of T frames at once takes at its peak, beside the weights.

        Text counts as if all rows of a guided batch held it, so that no engine takes more.

        Args:
            frames: that the network sees at once: a window's, where longer music is made by windows.
            passes: of guidance, side by side.
            text_tokens: of the longest caption; by default the most that are read.
            dtype_bytes: of activations and caches: 4 for float32, 2 for float16 and bfloat16.
        """

    @abstractmethod
    def example(self, config: ModelConfig, latent: LatentSpec, *, frames: int) -> Cost:
        """The forward pass of training on one example of T frames."""

    @abstractmethod
    def activation_bytes(self, config: ModelConfig, latent: LatentSpec, *, frames: int, half: bool) -> int:
        """What the backward pass of one example keeps, attention being fused; `half`: under autocast to bfloat16."""

    def columns(self, config: ModelConfig, latent: LatentSpec, *, frames: int) -> int:
        """Positions at which training reads controls."""
        return frames

    def inpainting_weights(self, config: ModelConfig) -> int:
        """What a model has beside its other weights to learn to inpaint: a vector that marks what is known."""
        return config.backbone.width

    def guided_share(self, sampling: SamplingConfig) -> float:
        """The share of the passes that guidance is applied to."""
        return 1.0

    def parameters(self, config: ModelConfig, latent: LatentSpec, *, text_width: int | None = None) -> int:
        """Trainable parameters of a model without controls and inpainting.

        Args:
            text_width: of a frozen encoder's states (768 for t5-base), which only a projection follows; by default a
                learned table of words as configured.
        """
        found, text = self.weights(config, latent), config.text
        encoder = 0 if text_width else text.buckets * text.width
        projection = ((text_width or text.width) + 1) * config.backbone.width
        return found.step + found.text + found.tables + encoder + projection

    def caption(self, config: ModelConfig, latent: LatentSpec, job: Job) -> Cost:
        """Keys and values of the captions, computed once by the fast engine; the text encoder itself is not counted."""
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
        """Passes of the network and how often each comes, `count` in all.

        Args:
            looked_at: where passes differ, so many of them, evenly spaced, stand for all: costs grow evenly. By default
                every one is counted.
        """
        if not self.sequential:
            return [(self.step(config, latent, job), float(count))]
        shown = min(count, looked_at or count)
        share = count / shown
        return [(self.step(config, latent, job, position=int((index + 0.5) * share)), share) for index in range(shown)]

    def clip(
        self, config: ModelConfig, latent: LatentSpec, job: Job, *, sampling: SamplingConfig | None = None
    ) -> Cost:
        """All B clips: the sum of their passes, and the captions."""
        count = self.count(config, latent, frames=job.frames, sampling=sampling or SamplingConfig())
        total = reduce(add, (cost * times for cost, times in self.steps(config, latent, job, count=count)))
        return total + self.caption(config, latent, job) if job.engine == "fast" else total


def block_weights(config: ModelConfig) -> Weights:
    """Those of the backbone's blocks alone, which all paradigms share."""
    b, C = config.backbone, config.backbone.width
    return Weights(
        core=b.layers * (4 * C * C + 2 * C * b.feed_forward),
        cross=b.layers * 2 * C * C,
        text=b.layers * 2 * C * C,
        norms=(3 * b.layers + 1) * 2 * C,
    )


def token_bytes(config: ModelConfig, job: Job) -> float:
    """Keys and values of one position in all blocks."""
    return 2 * config.backbone.layers * config.backbone.width * job.state_bytes


def cross_flops(config: ModelConfig, count: Weights, job: Job, *, positions: int) -> float:
    """Cross-attention of `positions` in each row that reads a caption: projections, scores and sums."""
    scores = 4.0 * config.backbone.layers * config.backbone.width * job.text_tokens
    return job.reading * positions * (2.0 * count.cross + scores)


def activations(config: ModelConfig, job: Job, *, positions: int) -> float:
    """Bytes read and written between the matrix products of `positions` a row, with norms, GELU and sums fused into
    them: 19 C + 2 F numbers a block."""
    b = config.backbone
    return job.rows * positions * b.layers * (19 * b.width + 2 * b.feed_forward) * job.state_bytes


def block_activation_bytes(config: ModelConfig, *, half: bool) -> int:
    """What a block keeps of one position for the backward pass: the input of each of three norms and of the matrices
    after them, q, k and v, both readings and the query of the text, and the feed-forward's two: 12 C + 2 F numbers (in
    bfloat16 the norms' inputs, 3 C, stay in float32)."""
    C, F = config.backbone.width, config.backbone.feed_forward
    return 30 * C + 4 * F if half else 48 * C + 8 * F
