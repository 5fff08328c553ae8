"""The paper's own numbers, one YAML file a table, each with its place in the paper."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from counterpoint.config import load_yaml
from counterpoint.config.schema import Config, ParadigmName

_HERE = Path(__file__).parent


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
        measures: the paper's name for each measure, with an arrow; the keys are those of `ScoredRow.scores`.
    """

    source: str
    where: str
    caption: str
    about: str
    measures: dict[str, str]
    rows: list[ScoredRow]
    claims: list[str]


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


def paper_table(name: str) -> PaperTable:
    """The table in `NAME.yaml`."""
    return load_yaml(_HERE / f"{name}.yaml", PaperTable)
