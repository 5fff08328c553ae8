"""The paper's own numbers, one YAML file per table, with their places in the paper."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from counterpoint.config import load_yaml
from counterpoint.config.schema import Config

_HERE = Path(__file__).parent
Bound = Annotated[float, Field(allow_inf_nan=True)]
Range = tuple[Bound, Bound]
"""The lowest and the highest number that count; either may be infinite."""


class Paper(Config):
    """The common fields of everything quoted from the paper.

    Attributes:
        source: the paper.
        where: the place in it, with the `page` of the published PDF, or None if it is unknown.
        caption: the caption, in the paper's words.
        about: the systems or quantities of the numbers.
        claims: the conclusions of the text, in the paper's words.
    """

    source: str
    where: str
    page: int | None = None
    caption: str = ""
    about: str = ""
    claims: list[str] = Field(default_factory=list)

    @property
    def cited(self) -> str:
        """The place of the numbers, and what they measure."""
        return f"{self.source}: {self.where}. {self.about}".strip()


class ScoredRow(Config):
    """Scores of one model, codec or dataset, by measure; `system` is our system of the same cell or method."""

    system: str
    name: str
    scores: dict[str, float]


class Rating(Config):
    """A row of Table 5.

    Attributes:
        question: question to the raters, in the words of this project.
        values: mean and half-width of the 95% interval by system; None if it could not be read.
    """

    criterion: str
    question: str
    values: dict[str, tuple[float, float] | None]


class PaperScores(Paper):
    """A table of the paper.

    Attributes:
        measures: the paper's name for each measure, with an arrow; the keys are those of `ScoredRow.scores`.
        ratings: listeners' ratings, with the caption of their table.
    """

    measures: dict[str, str]
    rows: list[ScoredRow]
    ratings_caption: str = ""
    ratings: list[Rating] = Field(default_factory=list)


class ClaimSource(Config):
    """The place of a claim in a study's results.

    Names of systems may hold words in braces: `{at}` stands for any label, and the same one in all of them; `{x}`, or
    `{rate}` and `{duration}`, for numbers by which systems are ordered.

    Attributes:
        study: its name in `study list`.
        first, second: systems to compare.
        along: systems whose slope per doubling of `{x}` counts; `against`: minus the slope of these.
        of: the meaning of `{x}`, in words.
        to_largest: instead of the slope, each system of at least this share of the largest `{x}` is compared with that
            one.
        effect: instead of the slope, that of the frame rate at one sequence length, of this length at one frame rate,
            or the first minus the second.
        engine, batches, seconds, layers: the measured times to compare; the ranges include their ends.
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
        claim: the claim in our words.
        test: the property of the first system, or of the slope, that supports it.
        judges: a family of `metrics.preferences`, the first of which that a study has decides.
        holds: whether for all comparisons, or for any.
        sources: the first study that exists decides.
        systems: possible values of `{at}` and other words in braces; by default those of the study.
        note: a remark for the reader.
    """

    claim: str
    test: Literal["better", "worse", "higher", "lower", "comparable", "not_worse"]
    judges: str
    holds: Literal["all", "any"] = "all"
    sources: list[ClaimSource]
    systems: dict[str, list[str]] = Field(default_factory=dict)
    note: str = ""


class Takeaway(Config):
    """A row of Table 1 or, if `in_table` is false, a conclusion of the text.

    Attributes:
        takeaway: the paper's words.
    """

    axis: str
    section: str
    takeaway: str
    in_table: bool = True
    claims: list[Claim]


class PaperClaims(Paper):
    """Table 1, divided into claims."""

    rows: list[Takeaway]


class SpeedMark(Config):
    """A throughput that the text states: clips per second of a batch."""

    draws: str
    batch: int
    throughput: float
    text: str


class PaperSpeed(Paper):
    """Statements about speed in the text of 5.4; the `text`s are quoted.

    Attributes:
        layers, duration_s: the model and the clips of the marks.
        crossover_batch: batch size beyond which auto-regression is faster.
        longest_s: duration up to which it is faster, in such batches.
    """

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


def paper_scores(name: str) -> PaperScores:
    """The table in `NAME.yaml`."""
    return load_yaml(_HERE / f"{name}.yaml", PaperScores)


def paper_claims() -> PaperClaims:
    """The claims in `table_1.yaml`."""
    return load_yaml(_HERE / "table_1.yaml", PaperClaims)
