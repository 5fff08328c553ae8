"""Atomic writes and content digests."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from counterpoint.config.documents import parse_json
from counterpoint.config.errors import UserError
from counterpoint.config.locks import sole_writer
from counterpoint.config.paths import shown, true_path
from counterpoint.config.text import MOST_BYTES, read_text

_ASIDE = ".part-"
"""How the names of temporary files and folders begin; short, since a name may be as long as a file system allows."""
_SEPARATORS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}
"""Characters at which other programs divide lines, though JSON lines end at line feeds alone."""


def atomic_write(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then move it there in one step.

    Whatever stood at `path` stays whole until the new content is complete and on disk; a failure leaves nothing behind.

    Args:
        path: the file to write; its folder is made.
        write: called with the temporary file's path (same suffix as `path`).

    Raises:
        OSError: when the disk is full or the folder cannot be written.
    """
    with _naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=_ASIDE, suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            write(temporary)
            sync(temporary)
            temporary.chmod(0o644)  # mkstemp makes private files
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def sync(path: Path) -> None:
    """Let a file, or the entries of a folder, reach the disk.

    Raises:
        OSError: they cannot, as on a full disk.
    """
    try:  # Windows brings only what may be written to the disk, and opens no folders
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
        UserError: something stands at `path`, or another process is writing it.
        OSError: when the disk is full or the folder cannot be written; nothing is left behind.
    """
    with sole_writer(path):
        if path.exists() and not (path.is_dir() and not any(path.iterdir())):
            raise UserError(f"{path} exists already; give a new folder.")
        _replace_folder(path, fill)


def replace_folder(path: Path, fill: Callable[[Path], object]) -> None:
    """Let `fill` write into a temporary folder beside `path`, then put it in the place of the folder that is there.

    Until the new folder is complete the old one stays whole, and afterwards nothing of it is left. Between two renames
    neither is there; whoever kills the process in that moment finds the old one beside, under a hidden name.

    Args:
        path: a folder, or nothing. What it holds is deleted, so see first that it may be (`paths.check_output_folder`).
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
        temporary = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=path.parent))
        try:
            fill(temporary)
            temporary.chmod(0o755)  # mkdtemp makes private folders
            _exchange(temporary, path)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


def _exchange(new: Path, path: Path) -> None:
    """Rename a folder to `path`, and delete the one that was there."""
    if not path.exists():
        new.rename(path)
        return
    aside = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=path.parent))
    old = aside / path.name
    try:
        path.rename(old)
        new.rename(path)
    except BaseException:
        if old.exists():
            old.rename(path)
        aside.rmdir()
        raise
    shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Errors about a temporary file, or about none, name the file or folder that was to be written."""
    try:
        yield
    except OSError as error:
        named = str(error.filename or "")
        if error.errno is None or (named and _ASIDE not in named):
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
        what: the file should be, for messages.
        most_bytes: that are read; a larger file is refused before it is read.

    Raises:
        UserError: when the file is missing, is no regular file, is too large or is not JSON.
    """
    try:
        return parse_json(read_text(path, what=what, most_bytes=most_bytes))
    except UserError:
        raise
    except ValueError as error:
        raise UserError(f"{shown(path)} {error}; write it anew.") from None


def digest(value: Any) -> str:
    """Sixteen hexadecimal digits that identify a JSON-able value by its content."""
    canonical = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
