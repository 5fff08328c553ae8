"""Who computed what, when, and with which code. Imports no torch, so that lists of studies are quick."""

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
from counterpoint.config.load import SAVED
from counterpoint.config.machine import cores, processor
from counterpoint.package import ROOT, VERSION

RESULTS_FILE = "results.json"
RECORD_FILE = "step.json"
"""In every finished step's folder, its `StepRecord`."""
SCHEMA_VERSION = 1
"""Of `results.json`. A new field leaves it as it is; it is raised when a field goes or changes its meaning."""
Kind = TypeVar("Kind", bound="Record")
_PACKAGES = ("torch", "numpy", "transformers", "datasets", "vector-quantize-pytorch")


class Record(BaseModel):
    """A frozen result. Fields that this version does not know are left out, so that older versions read newer files."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())


class StepRecord(Record):
    """A finished step.

    Attributes:
        name: of the step in the study that ran it.
        function: the declared name of what it computes.
        version: of its results, as declared beside the function.
        config: its configuration, without what is at its default.
        inputs: the key of each input.
        key: digest of `function`, `version`, `config` and `inputs`; equal keys, equal results.
        code: digest of the source that it reached. It is provenance and no part of the key.
        package: the version of counterpoint, and the commit where it is known.
        finished: Unix time.
        seconds: wall time of the run that completed it.
        peak_memory_bytes: largest resident size of the process meanwhile; None where the system does not say.
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


class StudyInfo(Record):
    """What was studied.

    Attributes:
        name: of the configuration file.
        kind: of study.
        shipped: the study of this package that the configuration belongs to; "" for none.
        scale: whose configuration it is equal to: "debug", "quick", "paper", ...; "" where it is none of the shipped.
        reproduces: of the paper: "Table 2"; "" for nothing.
        summary: what is compared, in a few words.
        config: the whole configuration, plain.
        own_data: the music is the user's, not composed.
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
        """Runs this very study again, from the file beside the page."""
        return f"counterpoint study run study.yaml{' --data DATASET' if self.own_data else ''}"


class Provenance(Record):
    """How the results came about.

    Attributes:
        steps: a record of each step, by its name in this study; sources such as a user's dataset have none.
        changed: names of steps whose code is another now than when they were computed; their results are kept, since
            the version that the code declares is the same.
        machine: on which the results were collected.
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
        """Every version of counterpoint that computed a step."""
        return tuple(dict.fromkeys(step.package for step in self.steps.values()))

    @property
    def code_note(self) -> str:
        """One sentence where the steps were computed by code that differs from today's; else ""."""
        if not self.changed:
            return ""
        return (
            f"The code of {len(self.changed)} of {len(self.steps)} steps has changed since they were computed, without "
            f"a change of their declared versions: {', '.join(self.changed)}; `counterpoint study run --strict-code` "
            "computes them anew."
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
    """A `results.json` as the type asked for; see `read_header` for the errors."""
    plain = read_json(path)
    found = plain.get("schema_version") if isinstance(plain, dict) else None
    if found != SCHEMA_VERSION:
        raise UserError(
            f"{path} has schema version {found}, and this version of counterpoint reads {SCHEMA_VERSION}: run its "
            "study again; steps that are finished are kept."
        )
    try:
        return kind.model_validate(plain, context=SAVED)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError(f"{path} is damaged at {place} ({first['msg']}): run its study again.") from None


def machine() -> str:
    """This machine in a few words."""
    return f"{processor()}, {cores()} cores, {platform.system()}"


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that results may depend on, by name."""
    found = {name: _version(name) for name in _PACKAGES}
    return {"counterpoint": package(), "Python": platform.python_version(), **{k: v for k, v in found.items() if v}}


def package() -> str:
    """The version of counterpoint, and the commit of its checkout where it runs from one."""
    commit = _commit()
    return f"{VERSION}{f' at {commit}' if commit else ''}"


def _commit() -> str:
    """The commit of the package's checkout, marked where files differ from it; "" where it is not one."""
    folder = ROOT
    try:
        commit = _git(folder, "rev-parse", "--short=12", "HEAD")
        tracked = _git(folder, "ls-files", "--", "__init__.py")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", ".")
    except (OSError, subprocess.SubprocessError):
        return ""
    if not tracked:  # installed into an environment that lies inside some other repository
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
