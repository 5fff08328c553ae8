"""What a report says, apart from how it looks: plain values, each able to go to JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Literal

from counterpoint.analysis.annotation import Annotation

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
        style: names its shape and its rules in the style sheet, where that is not the key.
    """

    key: str
    name: str
    short: str
    what: str
    style: str = ""

    @property
    def look(self) -> str:
        return self.style or self.key


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
        effect: size of the difference in standard deviations of what one prompt tells of it; None where there is none.
        seeds: training runs, of the side that has fewer.
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
    effect: float | None = None
    seeds: int = 1


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
        name: of the model, where it is not the only one of its paradigm.
    """

    system: str
    unit: str
    train: Sequence[tuple[int, float]]
    valid: Sequence[tuple[int, float]]
    name: str = ""


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
        target: what the prompt's own music plays, which a system may have been asked for.
        heard: what is heard in the clip of each system.
        asked: the controls that each system was given; all, where it is not named.
        span_s: start and stop of what the systems filled in; None where they made the whole clip.
    """

    id: str
    caption: str
    clips: Mapping[str, Path]
    target: Annotation | None = None
    heard: Mapping[str, Annotation] = field(default_factory=dict)
    asked: Mapping[str, Sequence[str]] = field(default_factory=dict)
    span_s: tuple[float, float] | None = None


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
class Compared(Page):
    """What a report says that tests systems against each other."""

    verdict: Verdict
    differences: Sequence[Difference]


@dataclass(frozen=True)
class Cell:
    """A value as text.

    Attributes:
        interval: "" for a number of the paper's.
        what: of several values in one place, which this is.
        is_clear: a difference that has passed its test; true of what is no difference.
        remark: below it, in small print.
    """

    value: str
    interval: str = ""
    what: str = ""
    is_clear: bool = True
    remark: str = ""


@dataclass(frozen=True)
class CellRow:
    """A row of such: a place may hold none or several.

    Attributes:
        system: key of a system for the mark; "" for none.
        is_ours: not the paper's.
    """

    label: str
    system: str
    cells: Sequence[Sequence[Cell]]
    is_ours: bool = True


@dataclass(frozen=True)
class CellTable:
    """Rows of cells under measures.

    Attributes:
        columns: metrics, each with a name above its own.
    """

    title: str
    lead: str
    columns: Sequence[tuple[Metric, str]]
    rows: Sequence[CellRow]


@dataclass(frozen=True)
class Steered:
    """How the models of a comparison follow controls.

    Attributes:
        points: in words.
        example_systems: the columns of the examples.
    """

    points: Sequence[str]
    table: CellTable
    examples: Sequence[Example]
    example_systems: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Content(Compared):
    """All that the report of a comparison of the paradigms says.

    Attributes:
        primary: key of the metric that the verdict is about.
        pair: keys of the two systems compared.
        steered: None where the models have no controls.
    """

    primary: str
    pair: tuple[str, str]
    curves: Sequence[Curve]
    costs: Sequence[CostRow]
    codec: Sequence[CostRow]
    example_systems: Sequence[str]
    """The columns of the examples."""
    codec_systems: Sequence[str]
    """The columns of the first few examples once more, to hear the codec alone; may be empty."""
    steered: Steered | None = None


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


@dataclass(frozen=True)
class Setting:
    """What one setting of a sampler costs and is worth.

    Attributes:
        system: key of its system.
        label: as in the study's configuration.
        series: settings of one series differ in the number of steps alone; "" for a setting that is none of a series.
        passes: of the network a clip.
        evaluations: the same with the rows of guidance counted.
        seconds: that a clip takes, the median of the turns, and the shortest and longest turn.
        difference: of the primary metric to the reference; None for the reference.
    """

    system: str
    label: str
    series: str
    passes: int
    evaluations: int
    seconds: tuple[float, float, float]
    score: Score
    difference: Difference | None


@dataclass(frozen=True, kw_only=True)
class SamplerContent(Page):
    """All that the report of a study of samplers says.

    Attributes:
        primary: key of the metric that the verdict is about.
        settings: of flow matching, by rising evaluations.
        autoregressive: beside them.
        reference: the label that the others are compared with.
        chosen: label of the best within the budget; "" where none is.
        budget: evaluations that the question allows.
        batch: clips drawn at once where time was taken.
        beside: the paper's table with ours in its last columns: header and rows.
        source: where the paper's numbers stand.
    """

    verdict: Verdict
    primary: str
    settings: Sequence[Setting]
    autoregressive: Setting
    reference: str
    chosen: str
    budget: int
    batch: int
    beside: Sequence[Sequence[str]]
    source: str
    example_systems: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class ControlsContent(Compared):
    """All that the report of a study of controls says.

    Attributes:
        table: in the layout of the paper's Table 3, its rows below ours.
        comparisons: paired differences.
        adherence: metrics of following, those of the verdict first.
        shown: systems of the chart of each of these.
        costs: metrics of what following may cost.
        curves: losses.
        source: where the paper's numbers stand.
        claims: what the paper concludes.
    """

    table: CellTable
    comparisons: Sequence[CellTable]
    adherence: Sequence[str]
    shown: Mapping[str, Sequence[str]]
    costs: Sequence[str]
    curves: Sequence[Curve]
    source: str
    claims: Sequence[str]
    example_systems: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class InpaintingContent(Compared):
    """All that the report of a study of inpainting says.

    Attributes:
        table: in the layout of the paper's Table 4, its rows below ours.
        ratings: what the paper's listeners said (Table 5), a sentence each.
        comparisons: paired differences.
        seams: metrics of the seams.
        fidelity: what stands in for the paper's FAD and CLAP.
        chosen: how often each method's take was the best; empty where none was chosen.
        costs: seconds and evaluations, by system and in text.
        curves: losses.
        source: where the paper's numbers stand.
        claims: what the paper concludes.
    """

    table: CellTable
    ratings: Sequence[str]
    comparisons: Sequence[CellTable]
    seams: Sequence[str]
    fidelity: Sequence[str]
    chosen: Mapping[str, int]
    costs: Sequence[CostRow]
    curves: Sequence[Curve]
    source: str
    claims: Sequence[str]
    example_systems: Sequence[str]


@dataclass(frozen=True)
class Band:
    """A mean over prompts at every step, with its 95% interval.

    Attributes:
        system: key, for the colour.
    """

    system: str
    name: str
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class EntropyContent(Compared):
    """All that the report of a study of entropies says.

    Attributes:
        frame_rate: steps a second.
        early: steps before the border between early and late.
        curves: entropy of each system, nats.
        apart: differences between systems.
        source: where the paper's claim stands.
        claim: in its words.
    """

    frame_rate: float
    early: int
    curves: Sequence[Band]
    apart: Sequence[Band]
    source: str
    claim: str
    example_systems: Sequence[str]


@dataclass(frozen=True)
class Place:
    """A value at a size, with its quartiles and what to say of it."""

    x: float
    y: float
    low: float
    high: float
    text: str = ""


@dataclass(frozen=True)
class Series:
    """A line of a chart.

    Attributes:
        system: key, for colour and shape.
        name: at its end; "" for none.
        is_limit: of the device, not measured.
    """

    system: str
    name: str
    points: Sequence[Place]
    is_limit: bool = False


@dataclass(frozen=True)
class PaperMark:
    """A number that the paper states."""

    x: float
    y: float
    name: str
    text: str


@dataclass(frozen=True)
class Panel:
    """One chart of lines."""

    title: str
    what: str
    x_name: str
    series: Sequence[Series]
    notes: Sequence[PaperMark] = ()


@dataclass(frozen=True)
class Grid:
    """Text in rows and columns."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class SpeedContent(Page):
    """All that the report of a study of speed says.

    Attributes:
        title: the question.
        lines: the answer, a sentence each.
        measured: charts of this machine.
        elsewhere: charts of the limits of devices that are not here.
        small: there are many charts.
        crossings: where one paradigm overtakes the other.
        points: all that was measured.
        source: where the paper's numbers stand.
    """

    title: str
    lines: Sequence[str]
    measured: Sequence[Panel]
    elsewhere: Sequence[Panel]
    small: bool
    crossings: Grid
    points: Grid
    source: str


@dataclass(frozen=True)
class GridAxis:
    """What one axis of a grid varies.

    Attributes:
        key: as in the configuration.
        name: for people.
        labels: the same for people, by label, in order.
        sets: keys of the configuration that it changes.
        numbers: by label, where every label counts the same.
    """

    key: str
    name: str
    labels: Mapping[str, str]
    sets: Sequence[str]
    numbers: Mapping[str, float]


@dataclass(frozen=True)
class GridCell:
    """One combination of the axes.

    Attributes:
        system: key of its clips.
        model: key of its model, which other cells may share.
        labels: where it lies, by axis.
        paradigm: of the model.
        codec: label of its codec.
        duration_s: of its clips.
        runs: the steps that trained its model, one for each training seed.
    """

    system: str
    model: str
    labels: Mapping[str, str]
    paradigm: str
    codec: str
    duration_s: float
    runs: Sequence[str]


@dataclass(frozen=True)
class GridRow:
    """Ours, and the paper's beside it.

    Attributes:
        system: key.
        cells: one for each metric, None where there is nothing.
        best: by metric, whether it is shown to be the best of its group.
        paper: one for each of the paper's measures, "" where there is nothing.
    """

    system: str
    label: str
    cells: Sequence[Cell | None]
    best: Sequence[bool]
    paper: Sequence[str] = ()


@dataclass(frozen=True)
class GridTable:
    """Groups of rows under metrics of ours and measures of the paper's.

    Attributes:
        by: name of the axis that groups them; "" for none.
        metrics: ours.
        measures: the paper's names.
        groups: rows by the group's name.
        floors: the same, of what no model made.
    """

    by: str
    metrics: Sequence[Metric]
    measures: Sequence[str]
    groups: Mapping[str, Sequence[GridRow]]
    floors: Mapping[str, Sequence[GridRow]]


@dataclass(frozen=True)
class GridPanel:
    """One metric along an axis.

    Attributes:
        ticks: place and name of each label of the axis.
        log: the axis is logarithmic.
        series: a line a combination of the other axes.
        levels: what real music scores; dashed.
    """

    metric: str
    x_name: str
    ticks: Sequence[tuple[float, str]]
    log: bool
    series: Sequence[Series]
    levels: Sequence[Series] = ()


@dataclass(frozen=True, kw_only=True)
class GridContent(Compared):
    """All that the report of a grid says.

    Attributes:
        title: the question.
        primary: the metric that the verdict was to be about.
        decided: the one that it is about.
        axes: those that vary.
        cells: the combinations.
        table: scores, in the layout of the paper's.
        panels: curves along an axis, one a metric; empty where none is along.
        comparisons: paired differences, a table an axis.
        curves: losses.
        training, generation, codecs: what they took, and what the codecs keep.
        source: where the paper's numbers stand; "" where there are none.
        claims: what the paper concludes.
        evaluations: by step, of which duration its clips are and how many are on each side of a distance.
    """

    title: str
    primary: str
    decided: str
    axes: Sequence[GridAxis]
    cells: Sequence[GridCell]
    table: GridTable
    panels: Sequence[GridPanel]
    comparisons: Sequence[CellTable]
    curves: Sequence[Curve]
    training: Grid
    generation: Grid
    codecs: Grid
    source: str
    claims: Sequence[str]
    evaluations: Mapping[str, str]
