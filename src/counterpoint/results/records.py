"""The origin of results: step, time and code version. It imports no torch, so that lists of studies are quick."""

from __future__ import annotations

import platform
import subprocess
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from counterpoint.config import UserError, read_json
from counterpoint.config.load import SAVED, read_saved, unreadable
from counterpoint.config.machine import cores, processor
from counterpoint.package import ROOT, VERSION

RESULTS_FILE = "results.json"
RECORD_FILE = "step.json"
"""File in every finished step's folder with its `StepRecord`."""
SCHEMA_VERSION = 1
"""Version of `results.json`. New fields do not change it; removed or redefined fields do."""
Kind = TypeVar("Kind", bound="Record")
Saved = TypeVar("Saved")
_PACKAGES = ("torch", "numpy", "transformers", "datasets", "vector-quantize-pytorch")


class Record(BaseModel):
    """A frozen result. Unknown fields are ignored, so that older versions read newer files."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())


class StepRecord(Record):
    """A finished step.

    Attributes:
        name: name of the step in the study that ran it.
        function: declared name of its function.
        version: declared version of its results.
        config: its configuration without default values.
        inputs: the key of each input.
        key: digest of `function`, `version`, `config` and `inputs`; equal keys, equal results.
        code: digest of the source code that it used; it is provenance and not part of the key.
        package: the version of counterpoint, with the commit if it is known.
        finished: Unix time.
        seconds: wall time of the run that completed it.
        peak_memory_bytes: peak resident memory of the process; None if the system does not report it.
        device: the device of its networks.
    """

    name: str
    function: str
    version: int
    config: Any = None
    inputs: Mapping[str, str] = Field(default_factory=dict)
    key: str
    code: str
    package: str
    finished: float
    seconds: float
    peak_memory_bytes: int | None = None
    device: str = "cpu"


class StudyInfo(Record):
    """The identity of a study.

    Attributes:
        name: name of the configuration file.
        kind: kind of study.
        shipped: the study of this package that the configuration is based on; "" for none.
        scale: the scale whose configuration it equals: "debug", "quick", "paper", ...; "" if it equals none.
        reproduces: the part of the paper, such as "Table 2"; "" for none.
        summary: the comparison in a few words.
        config: the whole configuration, as plain values.
        own_data: whether the music is the user's own instead of composed.
        made: Unix time when the results were collected.
    """

    name: str
    kind: str
    shipped: str = ""
    scale: str = ""
    reproduces: str = ""
    summary: str = ""
    config: Mapping[str, Any]
    own_data: bool = False
    made: float = Field(default_factory=time.time)

    @property
    def command(self) -> str:
        """The command that runs this study again, from the file beside the page."""
        return f"counterpoint study run study.yaml{' --data DATASET' if self.own_data else ''}"


class Provenance(Record):
    """The provenance of the results.

    Attributes:
        steps: a record of each step, by its name in this study; sources such as a user's dataset have none.
        changed: names of steps whose code has changed since they were computed; their results are kept, because their
            declared version is the same.
        machine: the machine on which the results were collected.
        versions: of Python and packages there, by name.
    """

    steps: Mapping[str, StepRecord]
    changed: tuple[str, ...] = ()
    machine: str = ""
    versions: Mapping[str, str] = Field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Wall time of all steps together."""
        return sum(step.seconds for step in self.steps.values())

    @property
    def packages(self) -> tuple[str, ...]:
        """All versions of counterpoint that computed a step."""
        return tuple(dict.fromkeys(step.package for step in self.steps.values()))

    @property
    def code_note(self) -> str:
        """A sentence if steps were computed by other code than today's; else ""."""
        if not self.changed:
            return ""
        return (
            f"The code of {len(self.changed)} of {len(self.steps)} steps has changed since they were computed, without "
            f"a change of their declared versions: {', '.join(self.changed)}; `counterpoint study run --strict-code` "
            "computes them again."
        )


class Header(Record):
    """The part of `results.json` that lists of studies read."""

    schema_version: int
    study: StudyInfo
    provenance: Provenance


def read_header(folder: Path) -> Header:
    """The header of a finished study's `results.json`.

    Raises:
        UserError: the study is not finished, or another version of this package wrote the file.
    """
    return parse_results(folder / RESULTS_FILE, Header)


def parse_results(path: Path, kind: type[Kind]) -> Kind:
    """Parse `results.json` as the given type; see `read_header` for the errors."""
    plain = read_json(path)
    found = plain.get("schema_version") if isinstance(plain, dict) else None
    if found != SCHEMA_VERSION:
        raise UserError(
            f"{path} has schema version {found}, and this version of counterpoint reads {SCHEMA_VERSION}: run its "
            "study again; finished steps are kept."
        )
    try:
        return kind.model_validate(plain, context=SAVED)
    except ValidationError as error:
        raise unreadable(path, error, remedy="run its study again; finished steps are kept") from None


def read_record(path: Path, kind: type[Saved]) -> Saved:
    """Read a file in the folder of a finished step as the given type.

    Raises:
        UserError: another version of this package wrote the file, or it is damaged.
    """
    return read_saved(path, kind, remedy=f"delete {path.parent} and run the study again; other steps are kept")


def machine() -> str:
    """A short description of this machine."""
    return f"{processor()}, {cores()} cores, {platform.system()}"


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that results may depend on, by name."""
    found = {name: _version(name) for name in _PACKAGES}
    return {"counterpoint": package(), "Python": platform.python_version(), **{k: v for k, v in found.items() if v}}


def package() -> str:
    """The version of counterpoint, with the commit of its checkout if it runs from one."""
    commit = _commit()
    return f"{VERSION}{f' at {commit}' if commit else ''}"


def _commit() -> str:
    """The commit of the package's checkout, marked if files have changed; "" outside a checkout."""
    folder = ROOT
    try:
        commit = _git(folder, "rev-parse", "--short=12", "HEAD")
        tracked = _git(folder, "ls-files", "--", "__init__.py")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", ".")
    except (OSError, subprocess.SubprocessError):
        return ""
    if not tracked:  # installed into an environment inside another repository
        return ""
    return f"{commit} with local changes" if changed else commit


def _git(folder: Path, *arguments: str) -> str:
    found = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, timeout=10
    )
    return found.stdout.strip()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
