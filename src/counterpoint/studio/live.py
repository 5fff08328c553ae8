"""Live sound of a running job: a wav of unknown length, which browsers play as it arrives."""

from __future__ import annotations

import asyncio
import struct
import threading
from collections.abc import AsyncIterator

_POLL_S = 0.1
_UNKNOWN = 0xFFFFFFFF - 44
"""Length in the header while the real length is unknown."""


class LiveSound:
    """16-bit mono samples that are added by one thread and read by any number of connections."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pieces: list[bytes] = []
        self._ended = False
        self.sample_rate = 0

    def add(self, samples: bytes, *, sample_rate: int) -> None:
        """Add samples as little-endian bytes."""
        with self._lock:
            self.sample_rate = sample_rate
            self._pieces.append(samples)

    def end(self) -> None:
        """Mark the sound as complete."""
        self._ended = True

    async def wav(self) -> AsyncIterator[bytes]:
        """The bytes of a wav file, until the sound is complete."""
        place = 0
        while True:
            ended = self._ended
            with self._lock:
                pieces = self._pieces[place:]
            if pieces and not place:
                yield _header(self.sample_rate)
            place += len(pieces)
            if pieces:
                yield b"".join(pieces)
            if ended:
                return
            await asyncio.sleep(_POLL_S)


def _header(sample_rate: int) -> bytes:
    """The header of a wav file of 16-bit mono PCM."""
    form = struct.pack("<HHIIHH", 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    size = struct.pack("<I", _UNKNOWN)
    return (
        b"RIFF" + struct.pack("<I", _UNKNOWN + 36) + b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + size
    )
