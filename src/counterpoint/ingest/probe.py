"""Properties of an audio file, found by decoding it once, block by block.

Shapes: N audio samples per channel, C channels.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from counterpoint.audio.files import decoder
from counterpoint.audio.levels import fault_of_level
from counterpoint.config.paths import fault_of
from counterpoint.ingest.sources import normalize_artist

_BLOCK = 1 << 17
"""Samples decoded at once: memory does not grow with the length of a file."""
_FULL_SCALE = 0.9999
_MAX_CHANNELS = 127
_HEADER_SIZE = re.compile(r"^\s*(?:data|SSND)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE)
_STREAMED = 0x7FFFF000
"""Greater sizes are placeholders in headers that were written before the length was known."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One file, decoded from beginning to end.

    Attributes:
        error: the reason why it cannot be used, "" if it can; with an error the other fields are meaningless.
        duration_s: the decoded duration, whatever the header announces.
        missing_s: the additional duration that the header announces.
        digest: digest of the decoded samples, their rate and channels: equal for the same audio in wav and flac.
        peak: highest absolute sample.
        clipped: share of samples at full scale.
        artist: artist in the file's own tags, normalised, "" without one.
    """

    error: str = ""
    duration_s: float = 0.0
    missing_s: float = 0.0
    sample_rate: int = 0
    channels: int = 0
    digest: str = ""
    peak: float = 0.0
    clipped: float = 0.0
    artist: str = ""


def probe(path: Path) -> Probe:
    """Decode a file and describe it; every fault is reported in `error`, never as an exception."""
    if fault := fault_of(path):
        return Probe(error=fault)
    try:
        if path.stat().st_size == 0:
            return Probe(error="the file is empty (0 bytes)")
        with decoder(path) as file:
            return _listen(file)
    except (soundfile.SoundFileError, RuntimeError, OSError, ValueError, MemoryError) as error:
        return Probe(error=f"not decodable as audio ({_reason(error)})")


def _listen(file: soundfile.SoundFile) -> Probe:
    if not 1 <= file.channels <= _MAX_CHANNELS:
        return Probe(error=f"has {file.channels} channels, more than {_MAX_CHANNELS}")
    promised = file.frames
    frames_read, peak, full = 0, 0.0, 0
    content = hashlib.sha256(f"{file.samplerate} {file.channels}".encode())
    try:
        for block in _blocks(file):
            frames_read += len(block)
            levels = np.abs(block)
            loudest = float(levels.max())  # NaN if any sample is
            if fault := fault_of_level(loudest):
                return Probe(error=fault)
            peak = max(peak, loudest)
            full += int(np.count_nonzero(levels >= _FULL_SCALE))
            content.update((block + np.float32(0)).tobytes())  # + 0 makes every zero a positive one
    except soundfile.LibsndfileError as error:
        where = f"{frames_read / file.samplerate:.1f} of {promised / file.samplerate:.1f} s"
        return Probe(error=f"damaged after {where} ({_reason(error)})")
    if not frames_read:
        return Probe(error="contains no samples")
    return Probe(
        duration_s=frames_read / file.samplerate,
        missing_s=max(promised - frames_read, _cut(file, frames_read), 0) / file.samplerate,
        sample_rate=file.samplerate,
        channels=file.channels,
        digest=content.hexdigest()[:32],
        peak=peak,
        clipped=full / (frames_read * file.channels),
        artist=normalize_artist(file.artist or ""),
    )


def _cut(file: soundfile.SoundFile, frames_read: int) -> int:
    """Number of samples that a wav or aiff header announces but the file lacks; libsndfile reports it only in its
    log."""
    found = _HEADER_SIZE.search(file.extra_info)
    if not found:
        return 0
    announced, there = int(found[1]), int(found[2])
    return round(frames_read * (announced / there - 1)) if 0 < there < announced < _STREAMED else 0


def _reason(error: Exception) -> str:
    """The message of libsndfile without the path and the labels before it."""
    text = getattr(error, "error_string", None) or str(error)
    return text.removeprefix("Error : ").removeprefix("Error in ").strip().rstrip(".")


def _blocks(file: soundfile.SoundFile) -> Iterator[np.ndarray]:
    """Blocks [up to _BLOCK / C, C], float32, all in one buffer."""
    buffer = np.empty((max(1, _BLOCK // file.channels), file.channels), np.float32)
    while len(block := file.read(out=buffer)):
        yield block


@contextmanager
def quiet_decoders() -> Iterator[None]:
    """Prevent the C decoders, which write to the error stream themselves, from disturbing the progress bar."""
    try:
        kept = os.dup(2)
    except OSError:  # no error stream to keep clean
        yield
        return
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)
