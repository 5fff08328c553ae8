"""Atomic writes and content digests."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from counterpoint.config.errors import UserError


def atomic_write(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then move it there in one step.

    Whatever stood at `path` stays whole until the new content is complete and on disk; a failure leaves nothing behind.

    Args:
        path: the file to write; its folder is made.
        write: called with the temporary file's path (same suffix as `path`).

    Raises:
        OSError: when the disk is full or the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o644)  # mkstemp makes private files
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def atomic_folder(path: Path, fill: Callable[[Path], object]) -> None:
    """Let `fill` write into a temporary folder beside `path`, then move it there in one step.

    Args:
        path: a folder that does not exist yet, or is empty.
        fill: called with the temporary folder.

    Raises:
        UserError: something stands at `path`.
        OSError: when the disk is full or the folder cannot be written; nothing is left behind.
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise UserError(f"{path} exists already; give a new folder.")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        fill(temporary)
        temporary.chmod(0o755)  # mkdtemp makes private folders
        temporary.replace(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    atomic_write(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_json_lines(path: Path, values: Iterable[Any]) -> None:
    """Write each of `values` as a line of JSON, atomically; `metadata.jsonl` of an HF audiofolder is such a file."""
    text = "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values)
    atomic_write(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        UserError: when the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid JSON ({error}); write it anew.") from None


def digest(value: Any) -> str:
    """Sixteen hexadecimal digits that identify a JSON-able value by its content."""
    canonical = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
