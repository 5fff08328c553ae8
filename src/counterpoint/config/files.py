"""Atomic writes and content digests."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from counterpoint.config.aside import beside, put
from counterpoint.config.documents import parse_json
from counterpoint.config.errors import UserError
from counterpoint.config.locks import sole_writer
from counterpoint.config.paths import ASIDE, check_kept_folder, entries, shown, true_path
from counterpoint.config.text import MOST_BYTES, read_text

_DIGITS = 16
_SEPARATORS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}
"""Characters at which other programs divide lines, though JSON lines end at line feeds alone."""


def atomic_write(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then move it there in one step.

    An existing file at `path` stays complete until the new content is on disk; a failure leaves nothing behind,
    and leftovers of a killed process are removed by the next one (`config.aside`).

    Args:
        path: the file to write; its folder is made.
        write: called with the temporary file's path (same suffix as `path`).

    Raises:
        OSError: when the disk is full or the folder cannot be written.
    """
    with _naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside(path.parent) as aside:
            temporary = aside / f"x{path.suffix}"  # which is no longer than its name
            write(temporary)
            sync(temporary)
            temporary.replace(path)


def sync(path: Path) -> None:
    """Flush a file, or the entries of a folder, to the disk.

    Raises:
        OSError: this fails, as on a full disk.
    """
    try:  # Windows flushes only files opened for writing, and opens no folders
        descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    except PermissionError:
        if path.is_dir():
            return
        raise
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def atomic_folder(path: Path, fill: Callable[[Path], object]) -> None:
    """Let `fill` write into a temporary folder beside `path`, then move it there in one step.

    Args:
        path: a folder that does not exist yet, or is empty.
        fill: called with the temporary folder.

    Raises:
        UserError: something exists at `path`, it has a name that no folder should have, or another process is writing
            it.
        OSError: when the disk is full or the folder cannot be written; nothing is left behind.
    """
    check_kept_folder(path)
    with sole_writer(path):
        if path.exists() and not (path.is_dir() and not entries(path)):
            raise UserError(f"{path} already exists; give a new folder.")
        _replace_folder(path, fill)


def replace_folder(path: Path, fill: Callable[[Path], object]) -> None:
    """Let `fill` write into a temporary folder beside `path`, then replace the existing folder by it.

    The old folder stays complete until the new one is, and is then deleted. Between two renames
    neither exists; if the process is killed at that moment, the next one that writes there puts the old one back.

    Args:
        path: a folder, or nothing. Its content is deleted, so check first that this is allowed
            (`paths.check_output_folder`).
        fill: called with the temporary folder.

    Raises:
        UserError: another process is writing it.
        OSError: when the disk is full or the folder cannot be written; the old folder is left as it was.
    """
    with sole_writer(path):
        _replace_folder(path, fill)


def _replace_folder(path: Path, fill: Callable[[Path], object]) -> None:
    with _naming(path):
        path = true_path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside(path.parent) as aside:
            new = aside / "new"
            new.mkdir()
            fill(new)
            put(new, path, aside=aside)


def link_or_copy(source: str, target: str) -> None:
    """For `shutil.copytree`: files are hard-linked if possible, to save disk space. What this package writes
    again becomes a new file, so that neither copy changes with the other."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let errors name the file or folder that was to be written, instead of a temporary file or none."""
    try:
        yield
    except OSError as error:
        named = str(error.filename or "")
        if error.errno is None or (named and ASIDE not in named):
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    atomic_write(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_json_lines(path: Path, values: Iterable[Any]) -> None:
    """Write each of `values` as a line of JSON, atomically; `metadata.jsonl` of an HF audiofolder is such a file."""
    text = "".join(json.dumps(value, ensure_ascii=False).translate(_SEPARATORS) + "\n" for value in values)
    atomic_write(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def read_json(path: Path, *, what: str = "JSON file", most_bytes: int = MOST_BYTES) -> Any:
    """Read a JSON file.

    Args:
        what: the expected kind of file, for messages.
        most_bytes: a larger file is refused before it is read.

    Raises:
        UserError: when the file is missing, is no regular file, is too large or is not JSON.
    """
    try:
        return parse_json(read_text(path, what=what, most_bytes=most_bytes))
    except UserError:
        raise
    except ValueError as error:
        raise UserError(f"{shown(path)} {error}; write it again.") from None


def digest(value: Any) -> str:
    """Sixteen hexadecimal digits that identify a JSON-able value by its content."""
    return hashlib.sha256(_canonical(value).encode()).hexdigest()[:_DIGITS]


def digest_of_lists(lists: Mapping[str, Iterable[Any]]) -> str:
    """`digest` of a mapping to lists, without ever holding their text: item by item."""
    content = hashlib.sha256(b"{")
    for number, name in enumerate(sorted(lists)):
        content.update(f"{', ' if number else ''}{_canonical(name)}: [".encode())
        for place, value in enumerate(lists[name]):
            content.update(f"{', ' if place else ''}{_canonical(value)}".encode())
        content.update(b"]")
    content.update(b"}")
    return content.hexdigest()[:_DIGITS]


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
