"""Decoding of text files from any program, and their division into lines.

`str.splitlines` also divides at \\x0b, \\x0c, \\x1c to \\x1e, \\x85, U+2028 and U+2029, all of which may occur inside a
caption or a line of JSON; nothing here uses it, and a test of the source checks that. Imports no torch.
"""

from __future__ import annotations

import codecs
import gzip
import re
import warnings
import zlib
from pathlib import Path

from counterpoint.config.errors import UserError
from counterpoint.config.paths import require_file, shown

MOST_BYTES = 1 << 28
"""The largest text file that is read, after unpacking; tables of a million rows are smaller."""
_LINE_END = re.compile(r"\r\n|\n|\r")
_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
"""Control characters other than white space; no text needs them, and terminals and databases may fail at them."""
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like the mark of UTF-16, so it is checked first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)


def split_lines(text: str) -> list[str]:
    """The lines of a text, without their ends: \\n, \\r\\n or \\r, and nothing else."""
    lines = _LINE_END.split(text)
    return lines if lines[-1] else lines[:-1]


def on_one_line(text: str) -> str:
    """The words of a text that others wrote, on one line: white space and control characters become single spaces."""
    return " ".join(_CONTROLS.sub(" ", text).split())


def first_line(error: BaseException) -> str:
    """The kind of an error and the first line of its message."""
    text = str(error).strip()
    return f"{type(error).__name__}: {split_lines(text)[0][:200]}" if text else type(error).__name__


def decode_text(data: bytes) -> tuple[str, bool]:
    """Text by its byte order mark, or else as UTF-8, or else as Latin-1 in Windows' form; and whether it was Latin-1,
    which is a guess.

    Raises:
        ValueError: with a description of the fault: it holds NUL bytes, so it is not text; or its mark
            announces an encoding that it is not in.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding), False
            except UnicodeDecodeError:
                raise ValueError(f"begins as {encoding.removesuffix('-sig').upper()} and is not") from None
    if b"\0" in data:
        raise ValueError("holds NUL bytes, so it is not text")
    try:
        return data.decode(), False
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace"), True


def printable(text: str) -> str:
    """Text with escapes for characters that a terminal would obey or hide: control characters, marks that turn the
    direction of writing, and half characters; line feeds and tabs stay."""
    return _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def check_text(value: str, *, what: str) -> str:
    """The text itself that a user gives, if it can be stored: on a command line, bytes that are not UTF-8 become half
    characters.

    Raises:
        UserError: it holds such bytes, or control characters other than white space.
    """
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UserError(
            f"The {what} {shown(value)[:80]!r} holds bytes that are not UTF-8; write it in UTF-8."
        ) from None
    if found := _CONTROLS.search(value):
        raise UserError(f"The {what} {value[:80]!r} holds the control character {found[0]!r}; remove it.")
    return value


def read_text(
    path: Path | str, *, what: str = "text file", most_bytes: int = MOST_BYTES, notes: list[str] | None = None
) -> str:
    """The text of a file, a .gz unpacked.

    Args:
        what: the expected kind of file, for messages.
        most_bytes: a larger file is refused before it is read.
        notes: receives a sentence if the encoding was guessed; by default it becomes a warning.

    Raises:
        UserError: naming the file, if `require_file` refuses it, it cannot be read or unpacked, or it is not text.
    """
    path = require_file(path, what=what, most_bytes=most_bytes)
    try:
        text, is_guess = decode_text(_bytes(path, most_bytes=most_bytes))
    except (EOFError, zlib.error, gzip.BadGzipFile):  # the last is an OSError
        raise UserError(f"{shown(path)} is damaged (it cannot be unpacked); pack it again.") from None
    except OSError as error:
        raise UserError(f"{shown(path)} cannot be read ({error.strerror or error}); choose another {what}.") from None
    except ValueError as error:
        raise UserError(f"{shown(path)} {error}; save it as UTF-8 text.") from None
    if is_guess:
        said = f"{shown(path)} is not UTF-8 and was read as Latin-1; save it as UTF-8 if letters come out wrong."
        if notes is None:
            warnings.warn(said, stacklevel=2)
        else:
            notes.append(said)
    return text


def _bytes(path: Path, *, most_bytes: int) -> bytes:
    if path.suffix.lower() != ".gz":
        return path.read_bytes()
    with gzip.open(path) as file:
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise ValueError(f"unpacks to more than {most_bytes / 2**20:,.0f} MiB")
    return data
