"""Metadata of sound files that is copied with them: loops, cue points, time stamps, titles.

From wav to wav every chunk is copied exactly (`bext`, `smpl`, `cue `, `iXML`, ...) except those that describe the
storage of the samples; from flac to flac every block is. Between other formats the texts that both support are copied
(title, artist, comment, ...).
"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import soundfile

from counterpoint.audio.files import open_audio
from counterpoint.config import UserError

_OF_SAMPLES = (b"fmt ", b"data", b"fact", b"PEAK", b"levl", b"MD5 ", b"ds64", b"JUNK", b"junk", b"PAD ", b"FLLR")
"""Chunks that describe or summarise the stored samples, or fill space: a copy has its own."""
_LARGEST_RIFF = (1 << 32) - 1
_UNKNOWN = 0xFFFFFFFF
_STREAM_INFO, _KEPT_BLOCKS = 0, (2, 4, 5, 6)
"""Copied blocks of flac: application data, texts, cue sheets and pictures; a seek table would be invalid."""
_LAST_BLOCK = 0x80
_TEXTS = ("title", "copyright", "artist", "comment", "date", "album", "license", "tracknumber", "genre")


@dataclass(frozen=True)
class _Part:
    """A chunk or block: its name or number, and the position of its content."""

    name: bytes | int
    start: int
    size: int


def copy_texts(source: Path, written: soundfile.SoundFile) -> None:
    """Copy the texts of another file to a new file, before its first samples, as far as both formats support them.

    Raises:
        UserError: the other file cannot be read as audio.
    """
    with open_audio(source) as file:
        known = file.copy_metadata()
    for name in _TEXTS:
        if known.get(name):
            setattr(written, name, known[name])


def copies_whole(source: Path, out: Path) -> bool:
    """Whether `carry_over` copies all metadata of `source` into a file named `out`, so that texts need no copying."""
    return _kind(source) == out.suffix[1:].lower()


def carry_over(source: Path, written: Path) -> None:
    """Copy the metadata of `source` into a finished file of the same format; otherwise do nothing.

    Raises:
        UserError: a wav would exceed 4 GB, which the format does not support.
        OSError: the disk is full.
    """
    kind = _kind(source)
    if kind is not None and kind == _kind(written):
        _CARRIERS[kind](source, written)


def _kind(path: Path) -> str | None:
    """wav or flac according to a file's first bytes, otherwise None."""
    with path.open("rb") as file:
        start = file.read(12)
    if start[:4] in (b"RIFF", b"RF64") and start[8:] == b"WAVE":
        return "wav"
    return "flac" if start[:4] == b"fLaC" else None


def _carry_chunks(source: Path, written: Path) -> None:
    with source.open("rb") as old, written.open("r+b") as new:
        new.seek(0, 2)
        new.write(b"\0" * (new.tell() % 2))
        for part in _chunks(old):
            if part.name in _OF_SAMPLES:
                continue
            assert isinstance(part.name, bytes)
            new.write(struct.pack("<4sI", part.name, part.size))
            _copy(old, new, part)
            new.write(b"\0" * (part.size % 2))
        size = new.tell() - 8
        if size > _LARGEST_RIFF:
            raise UserError(f"With the metadata of {source} the copy exceeds 4 GB: use a .flac file.")
        new.seek(0)
        if new.read(4) == b"RIFF":
            new.write(struct.pack("<I", size))


def _chunks(file: BinaryIO) -> Iterator[_Part]:
    """The complete chunks of a wav, in order; a truncated one at the end is left out."""
    length = file.seek(0, 2)
    place, data_size = 12, None
    while place + 8 <= length:
        file.seek(place)
        name, size = struct.unpack("<4sI", file.read(8))
        if name == b"ds64":
            data_size = struct.unpack("<8xQ", file.read(16).ljust(16, b"\0"))[0]
        if name == b"data" and size == _UNKNOWN:
            size = length - place - 8 if data_size is None else data_size
        if place + 8 + size > length:
            return
        yield _Part(name, place + 8, size)
        place += 8 + size + size % 2


def _carry_blocks(source: Path, written: Path) -> None:
    joined = written.with_name(written.name + ".joined")
    try:
        with source.open("rb") as old, written.open("rb") as new, joined.open("wb") as out:
            kept = [part for part in _blocks(old) if part.name in _KEPT_BLOCKS]
            own = list(_blocks(new))
            replaced = {part.name for part in kept}
            out.write(b"fLaC")
            parts = [
                *((new, part) for part in own if part.name == _STREAM_INFO),
                *((old, part) for part in kept),
                *((new, part) for part in own if part.name != _STREAM_INFO and part.name not in replaced),
            ]
            for file, part in parts:
                assert isinstance(part.name, int)
                last = _LAST_BLOCK if part is parts[-1][1] else 0
                out.write(bytes([last | part.name]) + part.size.to_bytes(3, "big"))
                _copy(file, out, part)
            new.seek(own[-1].start + own[-1].size)
            shutil.copyfileobj(new, out)
        joined.replace(written)
    finally:
        joined.unlink(missing_ok=True)


def _blocks(file: BinaryIO) -> Iterator[_Part]:
    """The complete metadata blocks of a flac, in order."""
    length = file.seek(0, 2)
    place, last = 4, False
    while not last and place + 4 <= length:
        file.seek(place)
        head = file.read(4)
        last, size = bool(head[0] & _LAST_BLOCK), int.from_bytes(head[1:], "big")
        if place + 4 + size > length:
            return
        yield _Part(head[0] & ~_LAST_BLOCK, place + 4, size)
        place += 4 + size


def _copy(source: BinaryIO, out: BinaryIO, part: _Part) -> None:
    """The content of a part, block by block."""
    source.seek(part.start)
    left = part.size
    while left:
        block = source.read(min(left, 1 << 20))
        out.write(block)
        left -= len(block)


_CARRIERS: dict[str, Callable[[Path, Path], None]] = {"wav": _carry_chunks, "flac": _carry_blocks}
"""By file format, the function that copies metadata."""
