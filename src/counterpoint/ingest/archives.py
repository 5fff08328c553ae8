"""Tars as sources of music, as `webdataset` writes them: `a.flac` beside its sidecars `a.txt`, `a.json` and `a.cls`.

DATASET/unpacked/<digest>/<name of the tar>/    the audio, the sidecars and the tables of one tar

A tar is read once, as a stream, from a disk or from a URL; its members are unpacked below the dataset, since clips are
read in any order later. A tar is unpacked completely or not at all, and not again while its size and time of change
are the same; so an interrupted ingest continues with the tar at which it was.
"""

from __future__ import annotations

import lzma
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any

from counterpoint.audio.captions import SIDECAR_SUFFIXES
from counterpoint.audio.files import FOREIGN, readable
from counterpoint.config import UserError, digest, write_json
from counterpoint.config.aside import beside
from counterpoint.config.load import read_saved
from counterpoint.config.paths import MISSING, fault_of, shown
from counterpoint.config.remote import open_file, url_of
from counterpoint.ingest.report import Problem, ProblemKind

FOLDER = "unpacked"
"""Folder of the unpacked tars in a dataset."""
SUFFIXES = (".tar", ".tar.gz", ".tgz")
_PROBLEMS_FILE = ".problems.json"
"""Problems of one tar, in its folder; hidden names are no music."""
_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
_BLOCK = 1 << 20
_BROKEN = (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError)
_HeaderError = tarfile.HeaderError
_DAMAGED = ("InvalidHeaderError", "TruncatedHeaderError")
"""Kinds of it that are not the end of the archive."""
_MOST = 100_000
"""Greatest number of tars that braces may stand for."""


def is_archive(name: str) -> bool:
    """Whether a file of this name is a tar."""
    return name.lower().endswith(SUFFIXES)


def named_archives(source: str) -> list[str]:
    """The tars that a path or URL names, where `music-{000..127}.tar` stands for all of these; [] if it names none.

    >>> named_archives("s3://bucket/music-{08..10}.tar")
    ['s3://bucket/music-08.tar', 's3://bucket/music-09.tar', 's3://bucket/music-10.tar']

    Raises:
        UserError: the numbers in braces do not count up, or stand for too many tars.
    """
    place = url_of(source) or source
    if not is_archive(re.split(r"[?#]", place)[0]):
        return []
    found = _RANGE.search(place)
    if found is None:
        return [place]
    first, last = found.groups()
    if not 0 <= int(last) - int(first) < _MOST:
        raise UserError(f"{{{first}..{last}}} in {source} must count up, to {_MOST:,} tars at most.")
    names = (
        f"{place[: found.start()]}{n:0{len(first)}d}{place[found.end() :]}" for n in range(int(first), int(last) + 1)
    )
    return [tar for name in names for tar in named_archives(name)]


def unpack_all(archives: Mapping[str, str], into: Path, *, problems: list[Problem]) -> dict[str, Path]:
    """The folders of the unpacked members by name of their tar; tars that were unpacked earlier are not read again.

    Args:
        archives: path or URL of every tar by its name, a relative path.
        into: folder for all tars.
        problems: receives a problem for each member that cannot be used, and for each tar that ends too early.

    Raises:
        UserError: a tar is missing or cannot be reached.
        OSError: the disk is full.
    """
    return {name: _unpacked(name, place, into, problems=problems) for name, place in archives.items()}


def remove_others(into: Path, *, kept: Iterable[Path]) -> None:
    """Delete the unpacked tars of earlier ingests, except `kept`, which are results of `unpack_all`."""
    names = {folder.relative_to(into).parts[0] for folder in kept}
    for folder in into.iterdir() if into.is_dir() else ():
        if folder.name not in names:
            shutil.rmtree(folder)


def id_in(path: Path, into: Path) -> str:
    """The name of an unpacked file, such as `music-000.tar/a.flac`, wherever the dataset is stored."""
    return PurePosixPath(*path.relative_to(into).parts[1:]).as_posix()


def _unpacked(name: str, place: str, into: Path, *, problems: list[Problem]) -> Path:
    if url_of(place) is None and (fault := fault_of(place)):
        remedy = "give the path of a tar" if fault == MISSING else "give a tar that can be read"
        raise UserError(f"{shown(place)} {fault}; {remedy}.")
    with open_file(place) as (file, stamp):
        target = into / digest([name, stamp]) / name
        if not target.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            with beside(target.parent) as aside:
                (new := aside / "new").mkdir()
                found = list(_members_into(new, file, place=place))
                write_json(new / _PROBLEMS_FILE, [[each.path, each.kind, each.reason] for each in found])
                target.parent.mkdir(parents=True, exist_ok=True)
                new.rename(target)
    found = read_saved(target / _PROBLEMS_FILE, list[tuple[str, ProblemKind, str]], remedy=f"delete {target}")
    problems += [Problem(*each) for each in found]
    return target


class _Member(tarfile.TarInfo):
    """A member of a `_Tar` that reports damaged headers to it; `tarfile` skips them silently."""

    @classmethod
    def fromtarfile(cls, tarfile: Any) -> _Member:
        try:
            return super().fromtarfile(tarfile)
        except _HeaderError as error:
            tarfile.damaged |= type(error).__name__ in _DAMAGED
            raise


class _Tar(tarfile.TarFile):
    """A tar with a note of its damage.

    Attributes:
        damaged: whether a header since the last member was damaged.
    """

    tarinfo = _Member
    damaged = False


def _members_into(folder: Path, file: IO[bytes], *, place: str) -> Iterator[Problem]:
    """Unpack what belongs to music, and yield a problem for each member that cannot be."""
    name, last = shown(place), "its beginning"
    try:
        with _Tar.open(fileobj=file, mode="r|*", ignore_zeros=True) as members:
            for member in members:
                if members.damaged:
                    yield Problem(name, "broken archive", f"a member after {last} is damaged")
                members.damaged, last = False, shown(member.name)
                if fault := _take(member, members, folder):
                    yield Problem(f"{name}/{last}", "unreadable", fault)
            if members.damaged:
                yield Problem(name, "broken archive", f"what follows {last} is damaged")
    except _BROKEN as error:
        reason = str(error).strip() or type(error).__name__
        yield Problem(name, "broken archive", f"it ends in or after {last} ({reason})")


def _take(member: tarfile.TarInfo, members: tarfile.TarFile, folder: Path) -> str:
    """Unpack one member, if it belongs to music; returns why it cannot be, else ""."""
    own = PurePosixPath(member.name).name
    if own.startswith(".") or not own.lower().endswith(_wanted()) or member.isdir():
        return ""
    if not member.isreg():
        return "is a link or a device in the archive"
    try:
        safe = tarfile.data_filter(member, str(folder))
    except tarfile.FilterError as error:
        return f"is not safe to unpack ({type(error).__name__})"
    target = folder / safe.name
    if (fault := fault_of(target)) != MISSING:
        return fault or "has the name of an earlier member"
    target.parent.mkdir(parents=True, exist_ok=True)
    source = members.extractfile(member)
    assert source is not None, "a regular member has content"
    with target.open("wb") as out:
        try:
            while block := source.read(_BLOCK):
                out.write(block)
        except _BROKEN:
            out.close()
            target.unlink()  # half a clip is no clip
            raise
    return ""


def _wanted() -> tuple[str, ...]:
    return (*readable(), *FOREIGN, *SIDECAR_SUFFIXES, ".csv", ".tsv", ".jsonl", ".jsonl.gz")
