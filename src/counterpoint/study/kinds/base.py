"""What every kind of study is: a typed configuration that plans its own steps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from counterpoint.config import UserError
from counterpoint.config.schema import Config, Positive
from counterpoint.config.weights import SHIPPED_ALIASES
from counterpoint.study.engine import Source, Step
from counterpoint.study.workload import Workload

PositiveSeconds = Annotated[float, Field(gt=0)]
Seed = Annotated[int, Field(ge=0)]


class ComposeConfig(Config):
    """How much of the embedded corpus to make."""

    clips: Positive = 400
    duration_s: PositiveSeconds = 10.0
    seed: Seed = 0


class ClipsConfig(Config):
    """The held-out windows of music that a study is about."""

    clips: Annotated[int, Field(ge=8)] = 64
    duration_s: PositiveSeconds = 5.0
    splits: Annotated[tuple[Literal["test", "valid", "train"], ...], Field(min_length=1)] = ("test", "valid")
    """Where they are cut, in the order of preference; all of music that no model has heard, else what was held out."""


class ReportConfig(Config):
    """What the report shows."""

    examples: Annotated[int, Field(ge=0)] = 8


class Study(Config, ABC):
    """The configuration of a study, of one kind or another."""

    reproduces: str = ""
    """Of the paper: "Table 2"; for `study list`."""
    compose: ComposeConfig = ComposeConfig()
    """The embedded corpus; left unused where a dataset is given."""

    @abstractmethod
    def plan(self, *, name: str, dataset: Path | None = None) -> Step:
        """The step that writes `report/index.html`, with all that leads to it.

        Args:
            name: of the study, for the report's title.
            dataset: the user's own, instead of composing.

        Raises:
            UserError: something that would fail later can be seen to fail now.
        """

    @abstractmethod
    def summary(self) -> str:
        """What is compared, in a few words."""

    def workload(self) -> Workload:
        """What it would train and draw, from the configuration alone."""
        return Workload()

    def shortcuts(self) -> dict[str, str]:
        """Links in the study's folder: name to step."""
        return {}

    def next_command(self, out: Path) -> str:
        """What to try with the result in `out`; "" where there is nothing."""
        del out
        return ""


def data_step(compose: ComposeConfig, dataset: Path | None) -> Step | Source:
    """The user's dataset where one is given, else the embedded corpus."""
    from counterpoint.data import open_dataset
    from counterpoint.study.steps.compose import compose_corpus

    if dataset is None:
        return Step("data", compose_corpus, compose)
    return Source("data", dataset.resolve(), open_dataset(dataset).fingerprint())


def judges_there() -> list[tuple[str, str]]:
    """The judges and their versions: what is fetched or replaced has its say in what is judged from then on."""
    from counterpoint.metrics.registry import judges

    return [(judge.name, judge.version) for judge in judges()]


def identify_codec(name: str, *, needs_codes: bool = False) -> dict[str, str]:
    """What a codec's steps are keyed by: its name, or its path where it is a folder, and the digest of its weights.

    Raises:
        UserError: a codec that cannot be loaded, or one without codes where they are needed.
    """
    from counterpoint.codec import load_codec, shipped_codecs

    codec = load_codec(name)
    if needs_codes and not codec.num_codebooks:
        raise UserError(
            f"The codec {name!r} has no codes, and the auto-regressive model speaks in them: use one that has."
        )
    folder = Path(name).expanduser()
    ships = name in shipped_codecs() or name in SHIPPED_ALIASES.values()
    place = str(folder.resolve()) if folder.is_dir() and not ships else name
    return {"codec": place, "fingerprint": codec.fingerprint}
