"""`test.yaml`: the questions, their presentation, and the rules of screening.

Four designs are included (`designs/*.yaml`): `ratings`, the design of the paper (5.3, Table 5); `mos`, absolute
category rating after ITU-T P.800; `ab`, a preference between two versions; `mushra`, several versions on one scale,
after ITU-R BS.1534 with an open reference and after ITU-R BS.2132 without one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from counterpoint.config import UserError, load_yaml
from counterpoint.config.base import Config, Positive
from counterpoint.config.load import read_yaml
from counterpoint.config.paths import MISSING, fault_of, shown

_HERE = Path(__file__).parent
DESIGN_FILE = "test.yaml"
MOST_VALUES = 1001
"""Values of a scale."""
MOST_CLIPS = 1000
"""Clips of one kind that a rater is given."""
Presentation = Literal["single", "pair", "together"]
Count = Annotated[int, Field(ge=0, le=MOST_CLIPS)]
Share = Annotated[float, Field(ge=0, le=1)]


class Question(Config):
    """A question about a clip, or about a pair of clips.

    Attributes:
        id: name of the question in the results and, with the prefix `rated_`, of its metric in the study's report.
        labels: labels of both ends of the scale, or of the values or equal parts of it.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    name: str
    text: str
    low: int
    high: int
    labels: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _is_a_scale(self) -> Question:
        if self.low >= self.high:
            raise ValueError(
                f"the scale of {self.id} must rise from low to high, but it runs from {self.low} to {self.high}"
            )
        values = self.high - self.low + 1
        if values > MOST_VALUES:
            raise ValueError(f"the scale of {self.id} has {values:,} values, and may have {MOST_VALUES}")
        return self


class Screening(Config):
    """Rules that exclude raters. They are fixed before a test opens; reports show results with and without them."""

    headphones: bool = True
    """Exclude raters who failed the headphone check."""
    attention: Share = 0.5
    """Exclude raters who answered a smaller share of the attention checks correctly."""
    reference_below_anchor: Share = 0.2
    """Exclude raters who rated the hidden reference no higher than the low anchor in a larger share of the items."""
    repeats: Share = 0.4
    """Exclude raters whose answers to repeated clips differ by more on average, as a share of the scale."""
    alike: bool = True
    """Exclude raters who gave the same answer to everything."""
    too_fast: Annotated[float, Field(ge=0)] = 1.0
    """Exclude raters whose median time per trial is shorter than this many times the duration of its clips."""


class TestDesign(Config):
    """A whole design; `designs/ratings.yaml` explains every key in a comment."""

    __test__ = False  # so that pytest does not collect this class

    design: str
    title: str
    language: str = "en"
    presentation: Presentation
    questions: Annotated[list[Question], Field(min_length=1)]
    ties: bool = True
    open_reference: bool = False
    low_pass_hz: list[Positive] = Field(default_factory=list)
    compare: Literal["all", "systems"] = "all"
    trials: Positive | None = None
    training: Count = 2
    attention: Count = 2
    repeats: Count = 2
    headphones: Literal["required", "asked", "none"] = "asked"
    waveform: Literal["shown", "hidden"] = "shown"
    min_heard: Share = 0.95
    entry: Literal["open", "invited"] = "open"
    completion_code: str = ""
    completion_url: str = ""
    store_user_agent: bool = True
    keep_platform_id: bool = True
    judgments_per_cell: Positive = 250
    seconds_per_answer: Annotated[float, Field(gt=0)] = 6.0
    consent: Annotated[list[str], Field(min_length=1)]
    instructions: Annotated[list[str], Field(min_length=1)]
    words: dict[str, str] = Field(default_factory=dict)
    screening: Screening = Screening()

    @field_validator("completion_url")
    @classmethod
    def _is_safe(cls, url: str) -> str:
        if url and (urlsplit(url).scheme != "https" or not urlsplit(url).hostname):
            raise ValueError("completion_url must be an https:// address")
        return url

    @model_validator(mode="after")
    def _fits_together(self) -> TestDesign:
        known = read_words(self.language)
        if unknown := sorted(set(self.words) - set(known)):
            raise ValueError(f"words has no entry {unknown[0]!r}; the entries are {', '.join(known)}")
        if len({question.id for question in self.questions}) < len(self.questions):
            raise ValueError("two questions have the same id; rename one of them")
        if self.presentation == "pair" and len(self.questions) > 1:
            raise ValueError("a pair has exactly one question; make a separate test for each of the others")
        return self

    def texts(self) -> dict[str, str]:
        """All texts of the pages in the language of the test; entries of `words` replace those of the package."""
        return {**read_words(self.language), **self.words}


def read_words(language: str) -> dict[str, str]:
    """The texts of the pages in a language.

    Raises:
        ValueError: the package has no texts in this language.
    """
    path = _HERE / "words" / f"{language}.yaml"
    languages = sorted(other.stem for other in (_HERE / "words").glob("*.yaml"))
    if language not in languages:
        raise ValueError(
            f"the language {language!r} is not included; the languages are {', '.join(languages)}. Choose one of "
            "these and translate its entries under `words`"
        )
    return {str(key): str(value) for key, value in read_yaml(path).items()}


def design_names() -> list[str]:
    """The names of the included designs."""
    return sorted(path.stem for path in (_HERE / "designs").glob("*.yaml"))


def find_design(name: str) -> Path:
    """The file of an included design, or a YAML file of the user.

    Raises:
        UserError: there is no such design and no such file.
    """
    path = _HERE / "designs" / f"{name}.yaml"
    if name in design_names():
        return path
    fault = fault_of(name)
    if not fault:
        return Path(name)
    if fault != MISSING:
        raise UserError(f"{shown(name)} {fault}; give a design, or a YAML file like one.")
    raise UserError(
        f"There is no design {name!r}; choose {', '.join(design_names())}, or give a YAML file of the same form."
    )


def read_design(path: Path) -> TestDesign:
    """A design from a YAML file.

    Raises:
        UserError: the file is missing, or a key of it is unknown or does not fit.
    """
    return load_yaml(path, TestDesign)
