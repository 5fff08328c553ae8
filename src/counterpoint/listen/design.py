"""`test.yaml`: what raters are asked, how, and who counts.

Four designs ship (`designs/*.yaml`): `ratings`, the paper's (5.3, Table 5); `mos`, absolute category rating after ITU-T
P.800; `ab`, a preference between two; `mushra`, several versions on one scale, after ITU-R BS.1534 with an open
reference and after ITU-R BS.2132 without one.
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
        id: in the results; a metric of the study's report is named after it.
        labels: of both ends of the scale, or of equally many parts of it.
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
                f"the scale of {self.id} must rise from low to high, and goes from {self.low} to {self.high}"
            )
        values = self.high - self.low + 1
        if values > MOST_VALUES:
            raise ValueError(f"the scale of {self.id} has {values:,} values, and may have {MOST_VALUES}")
        return self


class Screening(Config):
    """Whose answers do not count. Fixed before a test opens; the report shows results with and without it."""

    headphones: bool = True
    """Exclude who failed the headphone check."""
    attention: Share = 0.5
    """Of the attention checks, at least so many must be right."""
    reference_below_anchor: Share = 0.2
    """Exclude who rated the hidden reference no higher than the low anchor in more of the items than this."""
    repeats: Share = 0.4
    """Exclude whose answers to repeated clips differ by more on average, as a share of the scale."""
    alike: bool = True
    """Exclude who gave one answer to everything."""
    too_fast: Annotated[float, Field(ge=0)] = 1.0
    """Exclude whose median time for a trial is below this many times what its clips last."""


class TestDesign(Config):
    """A whole design; see the comments in `designs/ratings.yaml`."""

    __test__ = False  # for pytest this is no test

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
            raise ValueError("two questions have one id")
        if self.presentation == "pair" and len(self.questions) > 1:
            raise ValueError("a pair is asked one question; give the others a test of their own")
        return self

    def texts(self) -> dict[str, str]:
        """All words of the pages in the test's language, with the test's own in place of them."""
        return {**read_words(self.language), **self.words}


def read_words(language: str) -> dict[str, str]:
    """The words of the pages in a language.

    Raises:
        ValueError: there are none in this language.
    """
    path = _HERE / "words" / f"{language}.yaml"
    languages = sorted(other.stem for other in (_HERE / "words").glob("*.yaml"))
    if language not in languages:
        raise ValueError(
            f"there are no words for the language {language!r}; there are for {', '.join(languages)}. Take one of "
            "these and translate its entries under `words`"
        )
    return {str(key): str(value) for key, value in read_yaml(path).items()}


def design_names() -> list[str]:
    """The designs that ship."""
    return sorted(path.stem for path in (_HERE / "designs").glob("*.yaml"))


def find_design(name: str) -> Path:
    """The file of a shipped design, or a YAML file of one's own.

    Raises:
        UserError: there is neither.
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
        f"There is no design {name!r}; the designs are {', '.join(design_names())}, or a YAML file like them."
    )


def read_design(path: Path) -> TestDesign:
    """A design from a YAML file.

    Raises:
        UserError: the file is missing, or a key of it is unknown or does not fit.
    """
    return load_yaml(path, TestDesign)
