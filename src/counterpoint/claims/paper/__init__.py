"""The paper's own numbers, one YAML file a table, each with its place in the paper."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from counterpoint.config import load_yaml
from counterpoint.config.schema import Config, ParadigmName

_HERE = Path(__file__).parent
Bound = Annotated[float, Field(allow_inf_nan=True)]
Range = tuple[Bound, Bound]
"""The lowest and the highest number that count; either may be infinite."""


class Column(Config):
    """One codec of the paper's Appendix B."""

    frame_rate: float
    codec: str


class Row(Config):
    """One measure of it.

    Attributes:
        measure: as the paper calls it.
        ours: the measure here that stands beside it.
        comparable: both are known to be the same quantity.
        values: one a column.
    """

    measure: str
    ours: str
    comparable: bool
    values: list[float]


class PaperTable(Config):
    """A table of the paper.

    Attributes:
        source: the paper.
        where: the table's place in it.
        about: what the numbers are of.
    """

    source: str
    where: str
    about: str
    columns: list[Column]
    rows: list[Row]


class SteeredRow(Config):
    """A row of Table 3.

    Attributes:
        given: all controls, or a single one: then `fad` and `clap` are of chords, drums and melody alone, in this
            order, and each adherence is that of its own control alone.
    """

    paradigm: ParadigmName
    given: Literal["all", "single"]
    fad: list[float]
    clap: list[float]
    chords: float
    beats: float
    melody: float


class PaperControls(Config):
    """Table 3, and what the text concludes from it in the paper's words."""

    source: str
    where: str
    about: str
    rows: list[SteeredRow]
    claims: list[str]


class InpaintedRow(Config):
    """A row of Table 4; `system` is ours of the same method."""

    system: str
    name: str
    fad: float
    clap: float
    pq: float
    pc: float
    ce: float


class Rating(Config):
    """A row of Table 5.

    Attributes:
        asked: what raters were asked, in our words.
        values: mean and half-width of the 95% interval by system; None where it could not be read.
    """

    criterion: str
    asked: str
    values: dict[str, tuple[float, float] | None]


class PaperInpainting(Config):
    """Tables 4 and 5, with their captions, and what the text concludes from them in the paper's words."""

    source: str
    where: str
    caption: str
    about: str
    rows: list[InpaintedRow]
    ratings_caption: str
    ratings: list[Rating]
    claims: list[str]


class ScoredRow(Config):
    """Scores of one model, by measure; `system` is ours of the same cell."""

    system: str
    name: str
    scores: dict[str, float]


class PaperScores(Config):
    """A table of the paper with a model a row, and what the text concludes from it in the paper's words.

    Attributes:
        page: of the published PDF; None where it is not known.
        measures: the paper's name for each measure, with an arrow; the keys are those of `ScoredRow.scores`.
    """

    source: str
    where: str
    page: int | None = None
    caption: str
    about: str
    measures: dict[str, str]
    rows: list[ScoredRow]
    claims: list[str]


class ClaimSource(Config):
    """Where in a study's results a claim shows.

    Names of systems may hold words in braces: `{at}` stands for any label, and the same one in all of them; `{x}`, or
    `{rate}` and `{duration}`, for numbers by which systems are ordered.

    Attributes:
        study: as in `study list`.
        first, second: systems to compare.
        along: systems of which the slope per doubling of `{x}` counts; `against`: minus the slope of these.
        of: what `{x}` is, in words.
        to_largest: in place of the slope, each system of at least this share of the largest `{x}` against that one.
        effect: in place of the slope, that of the frame rate at one length of the sequence, of this length at one frame
            rate, or the first minus the second.
        engine, batches, seconds, layers: of measured times, which to compare; the ranges include their ends.
    """

    study: str
    first: str = ""
    second: str = ""
    along: str = ""
    against: str = ""
    of: str = ""
    to_largest: float | None = None
    effect: Literal["rate", "length", "rate_over_length"] | None = None
    engine: str = "fast"
    batches: Range = (0, math.inf)
    seconds: Range = (0, math.inf)
    layers: Range = (0, math.inf)


class Claim(Config):
    """A part of a takeaway that results can decide.

    Attributes:
        claim: in our words.
        test: what of the first, or of the slope, supports it.
        judges: a family of `metrics.preferences`; of these the first that a study has decides.
        holds: for all comparisons, or for any.
        sources: the first study that is there decides.
        systems: what `{at}` and other words in braces may stand for; without, whatever the study has.
        note: what to bear in mind.
    """

    claim: str
    test: Literal["better", "worse", "higher", "lower", "comparable", "not_worse"]
    judges: str
    holds: Literal["all", "any"] = "all"
    sources: list[ClaimSource]
    systems: dict[str, list[str]] = Field(default_factory=dict)
    note: str = ""


class Takeaway(Config):
    """A row of Table 1; or, where `in_table` is false, what the text concludes elsewhere.

    Attributes:
        takeaway: the paper's words.
    """

    axis: str
    section: str
    takeaway: str
    in_table: bool = True
    claims: list[Claim]


class PaperClaims(Config):
    """Table 1, taken apart."""

    source: str
    where: str
    page: int | None = None
    caption: str
    rows: list[Takeaway]


class SpeedMark(Config):
    """A throughput that the text states: clips a second of a batch."""

    draws: str
    batch: int
    throughput: float
    text: str


class PaperSpeed(Config):
    """What the text of 5.4 says of speed; the `text`s are its words.

    Attributes:
        layers, duration_s: of the model and the clips that the marks are of.
        crossover_batch: beyond it auto-regression is the faster.
        longest_s: up to which it is, in such batches.
    """

    source: str
    where: str
    layers: int
    duration_s: float
    marks: list[SpeedMark]
    crossover_batch: int
    crossover_text: str
    longest_s: float
    longest_text: str


def paper_speed() -> PaperSpeed:
    """The numbers in `speed.yaml`."""
    return load_yaml(_HERE / "speed.yaml", PaperSpeed)


def paper_controls() -> PaperControls:
    """The numbers in `table_3.yaml`."""
    return load_yaml(_HERE / "table_3.yaml", PaperControls)


def paper_inpainting() -> PaperInpainting:
    """The numbers in `table_4.yaml`."""
    return load_yaml(_HERE / "table_4.yaml", PaperInpainting)


def paper_scores(name: str) -> PaperScores:
    """The table in `NAME.yaml`."""
    return load_yaml(_HERE / f"{name}.yaml", PaperScores)


def paper_claims() -> PaperClaims:
    """The claims in `table_1.yaml`."""
    return load_yaml(_HERE / "table_1.yaml", PaperClaims)


def paper_table(name: str) -> PaperTable:
    """The table in `NAME.yaml`."""
    return load_yaml(_HERE / f"{name}.yaml", PaperTable)
