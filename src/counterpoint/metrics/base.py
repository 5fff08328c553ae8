"""The interface of metrics: clips in, a score with its interval out. Metrics never see a model.

Shapes: N audio samples, n clips, P patches of a clip, R resamples, E embedding channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

Better = Literal["lower", "higher", "neither"]


@dataclass(frozen=True)
class Clip:
    """A piece of audio to judge: a whole file, or `duration_s` of it from `start_s` on.

    Attributes:
        audio: the file.
        caption: the requested description; "" if there is none.
        id: the name of the prompt: clips of two systems with one id are compared with each other; "" stands for the
            stem of the file name.
        group: clips of one group, such as windows of one track, are alike and are resampled together; "" makes the clip
            its own group.
        seed: the name of the training run that made the clip, if a system was trained several times: the scores of the
            runs are averaged, and the variance between them widens the interval.
    """

    audio: Path
    caption: str = ""
    id: str = ""
    start_s: float = 0.0
    duration_s: float | None = None
    group: str = ""
    seed: str = ""

    @property
    def key(self) -> str:
        return self.id or self.audio.stem


JudgeOutput = Mapping[str, np.ndarray]
"""The output of a judge for one clip: `embeddings` [P, E] if it has any, and whatever its own metrics need."""


class Judge(Protocol):
    """A network that analyses clips; several metrics may use its output.

    Attributes:
        name: its key in `Features.outputs`, and the end of the names of metrics that are not the paper's own.
        version: digest of everything that its output depends on except the audio: its weights, and our code around
            them. Outputs are cached by it.
        checkpoint: description of its weights, for tables and reports.
    """

    name: str
    version: str
    checkpoint: str

    def analyze(self, audio: np.ndarray, *, device: str) -> JudgeOutput:
        """Analyse mono audio [N] at `signals.SAMPLE_RATE`, after the loudness policy, with the network on `device`."""
        ...


@dataclass(frozen=True)
class Features:
    """All that metrics may know of a clip, after the loudness policy.

    Attributes:
        caption: the caption of the clip.
        outputs: the output of each judge, by name.
        signals: signal statistics by name; NaN if undefined, such as the centroid of silence.
        seconds: length of the audio.
        silent: whether nothing is above -60 dBFS.
    """

    caption: str
    outputs: Mapping[str, JudgeOutput]
    signals: Mapping[str, float]
    seconds: float
    silent: bool


@dataclass(frozen=True)
class Fit:
    """How a distance was extrapolated to infinitely many clips: value = intercept + slope / n.

    Attributes:
        points: (n, mean distance over subsamples of n clips); the line passes through the last, that of all clips.
        slope: slope of the line over 1 / n.
        residual: distance from the line to the point farthest from it.
    """

    points: tuple[tuple[int, float], ...]
    slope: float
    residual: float


@dataclass(frozen=True)
class Score:
    """A metric's value for one system.

    Attributes:
        name: name of the metric.
        low, high: 95% interval over prompts, and over training runs if there are several; the reference is fixed
            except for `fad_inf`.
        n: number of prompts in each run; a distance used as many reference clips.
        per_clip: one value per prompt in the system's order, averaged over training runs, None for a clip without one;
            None for distances between sets.
        seeds: number of training runs averaged.
        fit: the extrapolation, if the value is extrapolated.
    """

    name: str
    value: float
    low: float
    high: float
    n: int
    unit: str
    better: Better
    per_clip: tuple[float | None, ...] | None = None
    seeds: int = 1
    fit: Fit | None = None


@dataclass(frozen=True)
class Difference:
    """`first` minus `second` in one metric.

    Attributes:
        low, high: 95% interval.
        p: two-sided p-value, of a permutation test unless the training runs allow less; see `statistics`.
        p_holm: the p-value after Holm's correction over the table; see `evaluate`.
        n: prompts (paired) or clips of the smaller side (not paired).
        paired: whether clips were compared prompt by prompt.
        effect: the difference in standard deviations of one prompt's contribution, comparable between metrics (for
            paired means Cohen's d_z, else d, with Hedges' correction); None if nothing varies.
        seeds: number of training runs on the side that has fewer.
    """

    metric: str
    first: str
    second: str
    value: float
    low: float
    high: float
    p: float
    p_holm: float
    n: int
    paired: bool
    effect: float | None = None
    seeds: int = 1

    def between(self, first: str, second: str) -> Difference:
        """The same difference with other system names."""
        return replace(self, first=first, second=second)

    def reversed(self) -> Difference:
        """The difference `second` minus `first`."""
        effect = None if self.effect is None else -self.effect
        turned = replace(self, value=-self.value, low=-self.high, high=-self.low, effect=effect)
        return turned.between(self.second, self.first)


@dataclass(frozen=True)
class MetricInfo:
    """The description of a metric.

    Attributes:
        title: a plain title for a reader who does not know the metric's name.
        at_least, at_most: bounds of the value, which no interval exceeds.
        chance: the score of a random guess, if it is known.
    """

    name: str
    description: str
    unit: str
    better: Better
    at_least: float | None = None
    at_most: float | None = None
    chance: float | None = None
    title: str = ""

    @property
    def label(self) -> str:
        """Its plain title; without one, its name."""
        return self.title or self.name

    @property
    def exact(self) -> str:
        """Its name, for small print below the plain title; "" if the label is the name itself."""
        return self.name if self.title else ""


class NotApplicableError(Exception):
    """Raised by `Metric.prepare`, with the reason why these clips have no such score."""


class Functional(Protocol):
    """A statistic of a set of clips, as a function of the clips' weights.

    One form serves the value itself (all ones), resampling (some ones) and permutation tests (which of two systems'
    clips are in), so that a metric says nothing about statistics and the statistics nothing about metrics.
    """

    per_clip: np.ndarray | None
    """Values [n] if the statistic is a mean over clips (NaN for a clip without a value), else None."""
    fit: Fit | None
    """The extrapolation of the statistic of all clips, if it has one."""

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """[R, n] weights, zero or one, to [R] values."""
        ...


class Metric(Protocol):
    """One way to judge a set of clips."""

    info: MetricInfo
    equal_n: bool
    """Whether the value depends on the number of clips on each side, so that both sides get equally many."""

    def prepare(self, clips: Sequence[Features], *, reference: Sequence[Features]) -> Functional:
        """The statistic of `clips` against `reference`.

        Raises:
            NotApplicableError: these clips cannot have this score.
        """
        ...


@dataclass(frozen=True)
class MetricFamily:
    """One entry of the registry of metrics: the metrics that use one judge, or none.

    Attributes:
        judge: analyses every clip once for all of the metrics; None if they need no network.
        own: the paper's metrics.
        further: metrics that tables show after the paper's.
        missing: the missing weights or files of some of the family's metrics; "" if nothing is missing.
    """

    judge: Judge | None = None
    own: Sequence[Metric] = ()
    further: Sequence[Metric] = ()
    missing: str = ""


class WeightedMean:
    """The mean of one value a clip, over the clips that have one."""

    fit: Fit | None = None

    def __init__(self, values: np.ndarray):
        self.per_clip: np.ndarray | None = values
        self._known = np.isfinite(values).astype(float)
        self._values = np.where(np.isfinite(values), values, 0.0)

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        return (weights @ self._values) / np.maximum(weights @ self._known, 1e-12)


class ByGroup:
    """A statistic as a function of the weights of groups of clips, so that groups are resampled."""

    def __init__(self, functional: Functional, labels: np.ndarray):
        """[n] labels: the number of each clip's group."""
        self.per_clip: np.ndarray | None = functional.per_clip
        self.fit: Fit | None = functional.fit
        self._functional = functional
        self._labels = labels

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        return self._functional(weights[:, self._labels])


class PairMean:
    """The mean of a value over all ordered pairs of different clips: a U-statistic of order two."""

    fit: Fit | None = None

    def __init__(self, values: np.ndarray):
        """[n, n]; the diagonal and NaN values do not count."""
        self.per_clip: np.ndarray | None = None
        counts = np.isfinite(values) & ~np.eye(len(values), dtype=bool)
        self._counts = counts.astype(float)
        self._values = np.where(counts, values, 0.0)

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        total = ((weights @ self._values) * weights).sum(1)
        return total / np.maximum(((weights @ self._counts) * weights).sum(1), 1e-12)
