"""The paper's own numbers, one YAML file a table, each with its place in the paper."""

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
    """What is the same of all that is kept of the paper.

    Attributes:
        source: the paper.
        where: the place in it, and the `page` of the published PDF; None where that is not known.
        caption: in the paper's words.
        about: what the numbers are of.
        claims: what the text concludes, in the paper's words.
    """

    source: str
    where: str
    page: int | None = None
    caption: str = ""
    about: str = ""
    claims: list[str] = Field(default_factory=list)

    @property
    def cited(self) -> str:
        """Where the numbers stand, and what they are of."""
        return f"{self.source}: {self.where}. {self.about}".strip()


class ScoredRow(Config):
    """Scores of one model, codec or dataset, by measure; `system` is ours of the same cell or method."""

    system: str
    name: str
    scores: dict[str, float]


class Rating(Config):
    """A row of Table 5.

    Attributes:
        asked: what raters were asked, in our words.
        values: mean and half-width of the 95% interval by system; None where it could not be read.
    """

    criterion: str
    asked: str
    values: dict[str, tuple[float, float] | None]


class PaperScores(Paper):
    """A table of the paper.

    Attributes:
        measures: the paper's name for each measure, with an arrow; the keys are those of `ScoredRow.scores`.
        ratings: by listeners, with the caption of their table.
    """

    measures: dict[str, str]
    rows: list[ScoredRow]
    ratings_caption: str = ""
    ratings: list[Rating] = Field(default_factory=list)


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


class PaperClaims(Paper):
    """Table 1, taken apart."""

    rows: list[Takeaway]


class SpeedMark(Config):
    """A throughput that the text states: clips a second of a batch."""

    draws: str
    batch: int
    throughput: float
    text: str


class PaperSpeed(Paper):
    """What the text of 5.4 says of speed; the `text`s are its words.

    Attributes:
        layers, duration_s: of the model and the clips that the marks are of.
        crossover_batch: beyond it auto-regression is the faster.
        longest_s: up to which it is, in such batches.
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
