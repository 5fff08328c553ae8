"""What a report says, apart from how it looks: plain values, each able to go to JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Literal

Better = Literal["lower", "higher", "neither"]
Judgement = Literal["first", "second", "open"]


@dataclass(frozen=True)
class System:
    """One source of clips.

    Attributes:
        key: as in the scores.
        name: for people.
        short: for people, where there is little room.
        what: one sentence on where its clips come from.
    """

    key: str
    name: str
    short: str
    what: str


@dataclass(frozen=True)
class Metric:
    """One judge of a set of clips.

    Attributes:
        key: its exact name, stand-ins included.
        better: which direction is good; `neither` for descriptions.
        what: one sentence.
        chance: the score of guessing, where one is known.
    """

    key: str
    better: Better
    what: str
    unit: str = ""
    chance: float | None = None


@dataclass(frozen=True)
class Score:
    """A value with its 95% interval over `n` clips."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Difference:
    """`first` minus `second` on the same prompts, with a 95% interval and p-values.

    Attributes:
        p: two-sided.
        p_holm: the same after Holm's correction for the number of comparisons.
        paired: clip by clip, on the same prompts.
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
    paired: bool = True


@dataclass(frozen=True)
class Verdict:
    """The answer in a sentence, and what goes with it."""

    sentence: str
    points: Sequence[str]


@dataclass(frozen=True)
class Curve:
    """A model's loss.

    Attributes:
        system: key.
        unit: what the loss is; those of the paradigms cannot be compared.
        train: (update, loss) of every logged update.
        valid: (update, loss) on the validation split.
    """

    system: str
    unit: str
    train: Sequence[tuple[int, float]]
    valid: Sequence[tuple[int, float]]


@dataclass(frozen=True)
class CostRow:
    """One kind of cost for each model; values as text, ready to print."""

    label: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class Example:
    """One prompt and its clips.

    Attributes:
        caption: "" for an unconditional prompt.
        clips: a wav file for each system.
    """

    id: str
    caption: str
    clips: Mapping[str, Path]


@dataclass(frozen=True)
class Fact:
    """One line of what was compared."""

    label: str
    value: str


@dataclass(frozen=True)
class Note:
    """A titled paragraph of the methods and limits; its line ends are kept."""

    title: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Page:
    """What the report of any kind of study says.

    Attributes:
        name: of the study.
        made: when, for people.
        command: makes it again.
        files: further files to ship, by their path in the report.
    """

    name: str
    made: str
    headline_facts: Sequence[Fact]
    systems: Sequence[System]
    metrics: Sequence[Metric]
    scores: Mapping[str, Mapping[str, Score]]
    """By metric, then system."""
    examples: Sequence[Example]
    facts: Sequence[Fact]
    notes: Sequence[Note]
    command: str
    files: Mapping[str, str] = field(default_factory=dict)

    def system(self, key: str) -> System:
        return next(system for system in self.systems if system.key == key)

    @property
    def judges(self) -> list[Metric]:
        """Metrics that say better or worse."""
        return [metric for metric in self.metrics if metric.better != "neither"]

    @property
    def descriptions(self) -> list[Metric]:
        """Metrics that only describe."""
        return [metric for metric in self.metrics if metric.better == "neither"]

    def metric(self, key: str) -> Metric:
        return next(metric for metric in self.metrics if metric.key == key)


@dataclass(frozen=True, kw_only=True)
class Content(Page):
    """All that the report of a comparison of the paradigms says.

    Attributes:
        primary: key of the metric that the verdict is about.
        pair: keys of the two systems compared.
    """

    verdict: Verdict
    primary: str
    pair: tuple[str, str]
    differences: Sequence[Difference]
    curves: Sequence[Curve]
    costs: Sequence[CostRow]
    codec: Sequence[CostRow]
    example_systems: Sequence[str]
    """The columns of the examples."""
    codec_systems: Sequence[str]
    """The columns of the first few examples once more, to hear the codec alone; may be empty."""


@dataclass(frozen=True, kw_only=True)
class CodecContent(Page):
    """All that the report of a reconstruction study says.

    Attributes:
        lines: what each codec does, a few sentences each.
        chance: what those numbers would be for another clip altogether.
        paper: the paper's table with ours in it.
        codecs: what each codec is and costs; the values by its label.
        labels: of the codecs, by which `codecs` has its values, with the key of a system for the mark.
    """

    lines: Sequence[Line]
    chance: str
    paper: PaperComparison
    codecs: Sequence[CostRow]
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Line:
    """A system in a sentence."""

    system: str
    text: str


@dataclass(frozen=True)
class PaperCell:
    """A value as text; ours come with their interval and the codec's name."""

    value: str
    interval: str = ""
    codec: str = ""


@dataclass(frozen=True)
class PaperRow:
    """A measure of the paper's, or ours beside it: one cell a column, None where there is nothing."""

    label: str
    ours: bool
    cells: Sequence[PaperCell | None]


@dataclass(frozen=True)
class PaperComparison:
    """A table of the paper with our values between its rows.

    Attributes:
        columns: (frame rate in Hz, name of the codec).
        source: where the paper's numbers stand.
        remarks: what must be known before two of them are compared.
    """

    columns: Sequence[tuple[str, str]]
    rows: Sequence[PaperRow]
    source: str
    remarks: Sequence[str]

    @property
    def frame_rates(self) -> list[tuple[str, int]]:
        """Each frame rate with the number of its columns, which stand side by side."""
        return [(rate, len(list(group))) for rate, group in groupby(rate for rate, _ in self.columns)]
