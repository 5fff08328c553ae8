"""The files of a listening test: its design, its clips and the system of each clip."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from counterpoint.config import UserError, digest, read_json
from counterpoint.listen.design import DESIGN_FILE, TestDesign, read_design
from counterpoint.results.records import Record

MANIFEST_FILE, KEY_FILE = "manifest.json", "key.json"
ORIGIN_FILE = "origin.json"
"""This file holds the absolute path of the study's folder, to which results are added."""


R = TypeVar("R", bound=Record)


class ClipFile(Record):
    """One file of an item; its path is relative to the test's folder."""

    file: str
    sha256: str


class Item(Record):
    """One prompt, or one clip with a span: all its versions, under blind names."""

    id: str
    caption: str = ""
    duration_s: float
    span_s: tuple[float, float] | None = None
    files: tuple[ClipFile, ...]


class Check(Record):
    """An attention check with the files of one trial."""

    id: str
    item: str
    duration_s: float
    files: tuple[ClipFile, ...]


class Manifest(Record):
    """The clips of a test; it does not name their systems."""

    study: str
    seed: int
    sample_rate: int
    items: tuple[Item, ...]
    training: tuple[Item, ...] = ()
    checks: tuple[Check, ...] = ()


class Key(Record):
    """The conditions to which the files belong, and the correct answers of attention checks."""

    hidden_reference: str = ""
    low_anchor: str = ""
    names: Mapping[str, str]
    files: Mapping[str, tuple[str, ...]]
    checks: Mapping[str, int] = {}


@dataclass(frozen=True)
class ListeningTest:
    """A listening test, as read from its folder.

    Attributes:
        study: folder of the study from which the test was made; None if it was made from folders of audio.
    """

    folder: Path
    design: TestDesign
    manifest: Manifest
    key: Key
    study: Path | None

    @cached_property
    def items(self) -> dict[str, Item]:
        """The items that are rated, by id."""
        return {item.id: item for item in self.manifest.items}

    @property
    def systems(self) -> list[str]:
        """Conditions in the order of tables, including the reference and the anchors."""
        return list(self.key.names)

    @property
    def contestants(self) -> list[str]:
        """Conditions that are neither the reference nor an anchor."""
        return [
            key
            for key in self.systems
            if key not in (self.key.hidden_reference, self.key.low_anchor) and not key.startswith("low_pass_")
        ]

    @property
    def training(self) -> tuple[Item, ...]:
        """Practice items, as many as the current design requests."""
        return self.manifest.training[: self.design.training]

    @property
    def checks(self) -> tuple[Check, ...]:
        """Attention checks, as many as the current design requests."""
        return self.manifest.checks[: self.design.attention]

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the design and the clips, on which all answers depend."""
        return digest([self.design.model_dump(mode="json"), self.manifest.model_dump(mode="json")])

    def conditions_of(self, file: str) -> tuple[str, ...]:
        """The conditions that a file belongs to."""
        return self.key.files[file]

    def files_of(self, item: Item) -> dict[str, str]:
        """The file of each condition of an item."""
        return {condition: clip.file for clip in item.files for condition in self.conditions_of(clip.file)}

    def check_files(self) -> None:
        """Compare every clip with its digest.

        Raises:
            UserError: a clip is missing or was changed after the test was made.
        """
        for item in _clips(self.manifest):
            for clip in item.files:
                path = self.folder / clip.file
                if not path.is_file():
                    raise UserError(f"The clip {path} is missing; restore it from a copy, or make the test again.")
                if sha256(path) != clip.sha256:
                    raise UserError(f"The clip {path} was changed after the test was made; restore it from a copy.")


def read_test(folder: Path) -> ListeningTest:
    """Read a test from its folder.

    Raises:
        UserError: the folder is not a listening test, or one of its files is missing or damaged.
    """
    if not (folder / DESIGN_FILE).is_file():
        raise UserError(
            f"{folder} is not a listening test; make one with `counterpoint listen new {folder} --from STUDY`."
        )
    manifest, key = _record(folder / MANIFEST_FILE, Manifest), _record(folder / KEY_FILE, Key)
    if strange := {clip.file for item in _clips(manifest) for clip in item.files} - set(key.files):
        raise UserError(f"{folder / KEY_FILE} does not name the system of {min(strange)}; make the test again.")
    study = _study(folder)
    design = read_design(folder / DESIGN_FILE)
    made = {"training": len(manifest.training), "attention": len(manifest.checks)}
    for name, count in made.items():
        if getattr(design, name) > count:
            raise UserError(
                f"{folder / DESIGN_FILE} sets {name}: {getattr(design, name)}, but the test was made with {count}; "
                "lower it, or make a new test with this design."
            )
    return ListeningTest(folder, design, manifest, key, study)


def _record(path: Path, kind: type[R]) -> R:
    try:
        return kind.model_validate(read_json(path))
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise UserError(f"{path} is damaged{f' at {where}' if where else ''}; make the test again.") from None


def _clips(manifest: Manifest) -> Iterable[Item | Check]:
    return (*manifest.items, *manifest.training, *manifest.checks)


def _study(folder: Path) -> Path | None:
    """The folder of the study from which a test was made; None for folders of audio."""
    origin = folder / ORIGIN_FILE
    found = read_json(origin) if origin.is_file() else {"study": ""}
    if not isinstance(found, Mapping) or not isinstance(found.get("study"), str):
        raise UserError(f"{origin} does not name the study of the test; make the test again.")
    return Path(found["study"]) if found["study"] else None


def durations(test: ListeningTest, files: Sequence[str]) -> list[float]:
    """The duration of each file in seconds."""
    known = {clip.file: item.duration_s for item in _clips(test.manifest) for clip in item.files}
    return [known[file] for file in files]


def sha256(path: Path) -> str:
    """The hexadecimal SHA-256 digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
