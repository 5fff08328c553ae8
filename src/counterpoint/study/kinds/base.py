"""What every kind of study is: a typed configuration that plans its own steps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from counterpoint.config import UserError, digest
from counterpoint.config.nearest import did_you_mean
from counterpoint.config.registry import load_object
from counterpoint.config.schema import Config
from counterpoint.config.weights import SHIPPED_ALIASES
from counterpoint.study.engine import Source, Step
from counterpoint.study.settings import ComposeConfig, Examples
from counterpoint.study.workload import Workload

if TYPE_CHECKING:
    from counterpoint.report import Report
    from counterpoint.results.schema import Results, System


class Study(Config, ABC):
    """The configuration of a study, of one kind or another."""

    scaled: ClassVar[tuple[str, ...]] = ()
    """Fields that take the values in `scales.yaml` at the scales which a study's file names."""
    page: ClassVar[str]
    """The function that writes the report, MODULE:FUNCTION; (study, results) to a `Report`. It knows the kind of study,
    and so is imported when it is needed."""

    kind: Any
    """Its name in the registry; each kind narrows it to that name."""
    reproduces: str = ""
    """What it reproduces of the paper: "Table 2"."""
    cost: str = ""
    """What it took where it was measured, a few words."""
    examples: Examples = 8
    """Prompts whose clips the report lets people hear."""
    compose: ComposeConfig = ComposeConfig()
    """The embedded corpus; left unused where a dataset is given."""

    @abstractmethod
    def plan(self, *, dataset: Path | None = None) -> Mapping[str, Step | Source]:
        """All that the study computes and builds on, by the name under which its results list it.

        Args:
            dataset: the user's own, instead of composing.

        Raises:
            UserError: something that would fail later can be seen to fail now.
        """

    def report(self, results: Results) -> Report:
        """What it says of its results."""
        return load_object(self.page)(self, results)

    def describe(self, steps: Mapping[str, Step | Source]) -> Mapping[str, System]:
        """The sources of clips that its steps judge, by key."""
        from counterpoint.study.systems import systems_of

        return systems_of(steps)

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


def clips_source(folder: Path) -> Source:
    """A folder of clips, identified by the content of its files.

    Raises:
        UserError: what `load_generated` raises.
    """
    from counterpoint.data.layout import file_digest
    from counterpoint.metrics import load_generated

    parts = {clip.key: [file_digest(clip.audio), clip.caption] for clip in load_generated(Path(folder).expanduser())}
    return Source(folder.name, folder.expanduser().resolve(), digest(parts))


def shipped_source(name: str) -> Source:
    """A model that comes with the package.

    Raises:
        UserError: there is none of that name.
    """
    from counterpoint.data.layout import file_digest
    from counterpoint.runs import SHIPPED_MODELS, shipped_models

    if name not in shipped_models():
        raise UserError(
            f"No model named {name!r} ships{did_you_mean(name, shipped_models())}; those that do are "
            f"{', '.join(shipped_models()) or 'none'}."
        )
    parts = {file.name: file_digest(file) for file in (SHIPPED_MODELS / name).glob("model.*")}
    return Source(name, SHIPPED_MODELS / name, digest(parts))


def judges_there() -> list[tuple[str, str]]:
    """The judges and their versions: part of the key of steps that judge, so that they run again with other judges."""
    from counterpoint.metrics.registry import judges

    return [(judge.name, judge.version) for judge in judges()]


def identify_codec(name: str, *, needs_codes: bool = False) -> dict[str, Any]:
    """What a codec's steps are keyed by: its name, or its path where it is a folder, the digest of its weights, and
    how many codebooks it has.

    Raises:
        UserError: a codec that cannot be loaded, or one without codes where they are needed.
    """
    from counterpoint.codec import shipped_codecs
    from counterpoint.study.loading import read_codec

    codec = read_codec(name)
    if needs_codes and not codec.num_codebooks:
        raise UserError(
            f"The codec {name!r} has no codes, and the auto-regressive model speaks in them: use one that has."
        )
    folder = Path(name).expanduser()
    ships = name in shipped_codecs() or name in SHIPPED_ALIASES.values()
    place = str(folder.resolve()) if folder.is_dir() and not ships else name
    return {"codec": place, "fingerprint": codec.fingerprint, "num_codebooks": codec.num_codebooks}
