"""The true length of mp3 files, which have no header with it: the sum of their frames.

libsndfile takes the length from a Xing frame, which encoders put first. Without one, it estimates the length from the
first frames' bit rate and stops there, which loses most of a file of variable rate. Here the frames are counted by
their headers, and libsndfile reads the file as if a Xing frame with this number preceded the first of them.

A frame of an mp3 may use bits of earlier ones, which a decoder lacks after a seek: it then plays noise or silence. A
seek therefore starts some frames before the position, and continued reading does not seek again, as soundfile does
after every piece.
"""

from __future__ import annotations

import io
import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import soundfile

_KBITS = {
    "1": (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    "2": (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Bit rates of layer III from index 1, for MPEG 1 and for 2 and 2.5."""
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
"""Hz, by the two bits of the version: MPEG 1, 2 and 2.5."""
_LAYER_3, _MONO = 1, 3
_TAG_RATE = 9
"""Index of the bit rate of the inserted frame, which has room for the tag in every version."""
_TAG = b"Xing"
_HEADER, _ID3_HEADER = 4, 10
_RUN_UP = 16 * 1152
"""Samples before a position at which a seek starts: the bits that a frame uses are in fewer frames before it."""


@dataclass(frozen=True)
class Frames:
    """Properties of the frames of an mp3.

    Attributes:
        first: position of the first frame of audio, after tags and an encoder's own Xing frame.
        count: number of frames of audio.
        samples: samples per frame and channel.
        promised: number of frames in a Xing frame; None without one.
        prefix: bytes before the first frame, which contain tags such as the artist's name.
        header: header of the first frame.
    """

    first: int
    count: int
    samples: int
    promised: int | None
    prefix: int
    header: bytes

    @property
    def is_misjudged(self) -> bool:
        """Whether libsndfile cannot determine the length, or finds a shorter one."""
        return self.promised is None or self.promised < self.count


@dataclass(frozen=True)
class _Frame:
    """One parsed header."""

    size: int
    samples: int
    side: int


def count_frames(path: Path) -> Frames | None:
    """The frames of layer III in a file, None without any; cached until the file changes.

    Raises:
        OSError: the file cannot be read.
    """
    status = path.stat()
    return _count(path, status.st_size, status.st_mtime_ns)


@contextmanager
def open_mp3(path: Path) -> Iterator[soundfile.SoundFile]:
    """An mp3 with its true length, which reads the same samples in pieces and from any position as from the start.

    Raises:
        soundfile.SoundFileError: the file cannot be read as audio.
    """
    found = count_frames(path)
    if found is None or not found.is_misjudged:
        with _Mp3(path) as file:
            yield file
    else:
        with _WithLength(path, found) as whole, _Mp3(cast(Any, whole)) as file:
            yield file


class _Mp3(soundfile.SoundFile):
    """An mp3 whose decoder reads the preceding frames after a seek."""

    def seek(self, frames: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET:
            return super().seek(frames, whence)
        if frames != self.tell():
            start = max(0, frames - _RUN_UP)
            super().seek(start)
            self.read(frames - start)
        return self.tell()


class _WithLength(io.RawIOBase):
    """An mp3 file as if a Xing frame with the right number of frames preceded its first frame."""

    def __init__(self, path: Path, frames: Frames):
        self._file = path.open("rb")
        self._head = self._file.read(frames.prefix) + _tag_frame(frames)
        self._skipped = frames.first - len(self._head)
        self._size = os.fstat(self._file.fileno()).st_size - self._skipped
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(0, start + offset)
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        if self._place < len(self._head):
            found = self._head[self._place : self._place + len(view)]
        else:
            self._file.seek(self._place + self._skipped)
            found = self._file.read(len(view))
        view[: len(found)] = found
        self._place += len(found)
        return len(found)

    def close(self) -> None:
        self._file.close()
        super().close()


@lru_cache(maxsize=4096)
def _count(path: Path, size: int, _: int) -> Frames | None:
    if not size:
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        prefix = _next_frame(data, 0)
        if prefix is None:
            return None
        header = data[prefix : prefix + _HEADER]
        opening = _frame(header)
        assert opening is not None
        is_tag, promised = _tag(data, prefix, opening)
        first = prefix + opening.size if is_tag else prefix
        count, place = 0, first
        while place is not None:
            frame = _frame(data[place : place + _HEADER])
            if frame is None:
                place = _next_frame(data, place)
            elif place + frame.size > size:  # truncated in the middle
                break
            else:
                count, place = count + 1, place + frame.size
        return Frames(first, count, opening.samples, promised, prefix, header)


def _frame(header: bytes) -> _Frame | None:
    """Parse a header; None if no frame of layer III begins."""
    if len(header) < _HEADER or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    bits, rate, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if layer != _LAYER_3 or version not in _RATES or not 1 <= bits <= 14 or rate == 3:
        return None
    is_first, is_mono = version == 3, header[3] >> 6 == _MONO
    samples = 1152 if is_first else 576
    kbits = _KBITS["1" if is_first else "2"][bits - 1]
    side = {(True, False): 32, (True, True): 17, (False, False): 17, (False, True): 9}[is_first, is_mono]
    return _Frame(samples // 8 * kbits * 1000 // _RATES[version][rate] + padding, samples, side)


def _next_frame(data: mmap.mmap, place: int) -> int | None:
    """The start of the next frame that is followed by another one, or the end of the file; tags are skipped."""
    while place < len(data):
        if data[place : place + 3] == b"ID3" and len(data) >= place + _ID3_HEADER:
            size = sum((byte & 0x7F) << 7 * power for power, byte in enumerate(reversed(data[place + 6 : place + 10])))
            place += _ID3_HEADER + size
            continue
        frame = _frame(data[place : place + _HEADER])
        if frame is not None:
            after = place + frame.size
            if after >= len(data) or data[after : after + 3] in (b"TAG", b"ID3"):
                return place
            if _frame(data[after : after + _HEADER]) is not None:
                return place
        marks = [found for sign in (b"\xff", b"ID3") if (found := data.find(sign, place + 1)) >= 0]
        if not marks:
            return None
        place = min(marks)
    return None


def _tag(data: mmap.mmap, place: int, frame: _Frame) -> tuple[bool, int | None]:
    """Whether a frame is an encoder's tag, which contains no audio, and the number of frames in it."""
    at = place + _HEADER + frame.side
    if data[at : at + 4] in (_TAG, b"Info"):
        flags = data[at + 7] if at + 12 <= len(data) else 0
        return True, struct.unpack(">I", data[at + 8 : at + 12])[0] if flags & 1 else None
    return data[place + _HEADER + 32 : place + _HEADER + 36] == b"VBRI", None


def _tag_frame(frames: Frames) -> bytes:
    """A frame without audio with the number of frames that follow."""
    header = bytes([frames.header[0], frames.header[1] | 1, _TAG_RATE << 4 | frames.header[2] & 0x0C, frames.header[3]])
    frame = _frame(header)
    assert frame is not None
    content = header + bytes(frame.side) + _TAG + struct.pack(">II", 1, frames.count)
    return content.ljust(frame.size, b"\0")
