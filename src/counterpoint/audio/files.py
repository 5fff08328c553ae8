"""Reading and writing audio files: libsndfile decodes, soxr resamples.

Shapes: N audio samples, C channels.
"""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
import soxr

from counterpoint.audio.mpeg import open_mp3
from counterpoint.config import UserError, atomic_write
from counterpoint.config.paths import check_output, require_file

READABLE = frozenset(
    (".wav", ".flac", ".ogg", ".oga", ".mp3", ".aiff", ".aif", ".aifc", ".opus", ".caf", ".au", ".w64", ".rf64")
)
"""Suffixes, in small letters, that libsndfile decodes."""
FOREIGN = frozenset(
    (".m4a", ".aac", ".wma", ".ape", ".wv", ".mpc", ".alac", ".m4b", ".mka", ".ac3", ".amr", ".dsf", ".webm")
)
"""Suffixes of audio that it does not; such files are named, not passed over in silence."""


def load_audio(
    path: Path | str,
    *,
    sample_rate: int | None,
    start_s: float = 0.0,
    duration_s: float | None = None,
    mono: bool = True,
) -> tuple[np.ndarray, int]:
    """Read a file, or a part of it: only that part is decoded and held in memory.

    Args:
        path: any file libsndfile reads (wav, flac, ogg, mp3, aiff, opus, ...).
        sample_rate: Hz to resample to (soxr, high quality), or None to keep the file's own.
        start_s: where to begin.
        duration_s: how much to read, up to the end where the file is shorter; None reads to the end.
        mono: average the channels.

    Returns:
        float32 audio, [N] when `mono`, else [C, N], as the file holds it (a lossy or float file may go past 1), and its
        sample rate in Hz.

    Raises:
        UserError: naming the file, when it is missing, is not audio, is damaged, is empty, ends before `start_s`, or
            holds what is not a number.
    """
    path = Path(path)
    audio, own_rate = next(_decode(path, start_s=start_s, duration_s=duration_s))
    channels = audio.mean(axis=1, keepdims=True) if mono else audio
    if sample_rate is not None:
        channels = resample(channels, own_rate=own_rate, sample_rate=sample_rate)
    if not len(channels):  # a sample or two at a higher rate
        raise _no_audio(path, start_s=start_s)
    return np.ascontiguousarray(channels[:, 0] if mono else channels.T), sample_rate or own_rate


def stream_audio(path: Path | str, *, sample_rate: int, piece_s: float = 5.0) -> Iterator[np.ndarray]:
    """Read a file of any length piece by piece; together the pieces are what `load_audio` returns, sample by sample.

    Args:
        path: as for `load_audio`.
        sample_rate: Hz to resample to.
        piece_s: audio that is decoded at once.

    Yields:
        [N] float32, the channels averaged.

    Raises:
        UserError: as `load_audio` does, when the reading comes to it.
    """
    path = Path(path)
    resampler, given = None, False
    for audio, own_rate in _decode(path, piece_s=piece_s):
        piece = audio.mean(axis=1)
        if own_rate != sample_rate:
            resampler = resampler or soxr.ResampleStream(own_rate, sample_rate, 1, dtype="float32", quality="HQ")
            piece = resampler.resample_chunk(piece)
        if piece.size:
            given = True
            yield piece
    if resampler is not None and (tail := resampler.resample_chunk(np.zeros(0, np.float32), last=True)).size:
        given = True
        yield tail
    if not given:
        raise _no_audio(path)


def audio_duration_s(path: Path | str) -> float:
    """Seconds of audio in a file, by its header.

    Raises:
        UserError: when it is missing or is not audio.
    """
    with open_audio(Path(path)) as file:
        return file.frames / file.samplerate


def _decode(
    path: Path, *, start_s: float = 0.0, duration_s: float | None = None, piece_s: float | None = None
) -> Iterator[tuple[np.ndarray, int]]:
    """Pieces [N, C] float32, at least one and none of them empty, and Hz; see `load_audio` for the errors.

    Args:
        piece_s: length of a piece; None reads all in one.
    """
    if not (math.isfinite(start_s) and start_s >= 0):
        raise UserError(f"Cannot read {path} from {start_s:g} s: a start must be zero or later.")
    if duration_s is not None and not (math.isfinite(duration_s) and duration_s > 0):
        raise UserError(f"Cannot read {duration_s:g} s of {path}: a duration must be a positive number of seconds.")
    with open_audio(path) as file:
        rate, place = file.samplerate, round(start_s * file.samplerate)
        if place >= file.frames:  # an empty file too
            raise _no_audio(path, start_s=start_s)
        file.seek(place)
        wanted = piece_s if piece_s is not None else duration_s
        count = -1 if wanted is None else max(1, round(wanted * rate))
        while len(audio := file.read(count, dtype="float32", always_2d=True)):
            _require_numbers(path, audio, start_s=place / rate, sample_rate=rate)
            place += len(audio)
            yield audio, rate
            if piece_s is None:
                return


@contextmanager
def open_audio(path: Path) -> Iterator[soundfile.SoundFile]:
    """The file, open, with its true length (see `mpeg`); whatever goes wrong in opening or reading it becomes a
    UserError that names it.

    Within the block nothing is written, since an error in writing would be taken for one in reading.
    """
    require_file(path, what="audio file")
    try:
        with decoder(path) as file:
            yield file
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise UserError(
            f"{path} cannot be read as audio ({_reason(error)}); export it again or leave it out."
        ) from None


@contextmanager
def decoder(path: Path) -> Iterator[soundfile.SoundFile]:
    """What libsndfile makes of a file, with the length of an mp3 from its frames (see `mpeg`).

    Raises:
        soundfile.SoundFileError: it cannot be read as audio.
    """
    with soundfile.SoundFile(path) as file:
        if file.format != "MP3":
            yield file
            return
    with open_mp3(path) as file:
        yield file


def _require_numbers(path: Path, audio: np.ndarray, *, start_s: float, sample_rate: int) -> None:
    wrong = ~np.isfinite(audio).all(axis=1)
    if wrong.any():
        at_s = start_s + int(wrong.argmax()) / sample_rate
        raise UserError(
            f"{path} holds samples that are not numbers (NaN or infinity), the first at {at_s:.3f} s; export it again."
        )


def _no_audio(path: Path, *, start_s: float = 0.0) -> UserError:
    return UserError(f"{path} holds no audio{f' after {start_s:g} s' if start_s else ''}; leave it out or replace it.")


def _reason(error: Exception) -> str:
    """libsndfile's own words, without the path that soundfile puts before them."""
    text = getattr(error, "error_string", None) or str(error)
    return text.strip().rstrip(".")


def resample(audio: np.ndarray, *, own_rate: int, sample_rate: int) -> np.ndarray:
    """Resample [N] or [N, C] from `own_rate` to `sample_rate` Hz (soxr, high quality); a no-op where they agree."""
    if own_rate == sample_rate:
        return audio
    return soxr.resample(audio, own_rate, sample_rate, quality="HQ")


_FORMATS = {".wav": "WAV", ".flac": "FLAC"}
WRITABLE = tuple(_FORMATS)
"""Suffixes of audio that is written here."""


def save_audio(path: Path | str, audio: np.ndarray, *, sample_rate: int) -> None:
    """Write 16-bit PCM, atomically; the same samples give the same bytes.

    Args:
        path: ends in .wav or .flac.
        audio: [N] or [C, N] float; what exceeds [-1, 1] is clipped (it would wrap around otherwise).
        sample_rate: Hz.

    Raises:
        UserError: another suffix, or samples that are not finite numbers.
        OSError: when the disk is full.
    """
    save_stream(path, [audio], sample_rate=sample_rate)


def save_stream(path: Path | str, pieces: Iterable[np.ndarray], *, sample_rate: int) -> int:
    """Write audio of any length piece by piece, as `save_audio` writes it whole; the file appears when all is written.

    Args:
        pieces: [N] or [C, N] float each, drawn one at a time.

    Returns:
        Samples written, a channel.
    """
    path = Path(path)
    check_audio_output(path)
    written = 0

    def write(temporary: Path) -> None:
        nonlocal written
        file: soundfile.SoundFile | None = None
        try:
            for piece in pieces:
                samples = _pcm(piece, path=path)
                with writing(temporary):
                    if file is None:
                        form = _FORMATS[path.suffix.lower()]
                        file = soundfile.SoundFile(temporary, "w", sample_rate, samples.shape[1], "PCM_16", format=form)
                    file.write(samples)
                written += len(samples)
        finally:
            if file is not None:
                file.close()

    atomic_write(path, write)
    return written


@contextmanager
def writing(temporary: Path) -> Iterator[None]:
    """Turn what libsndfile, which keeps the system's reason to itself, says of a failed write into an OSError with a
    number: a full disk says so again to whoever writes there next.

    Args:
        temporary: the file that is being written, which will not be kept.
    """
    try:
        yield
    except soundfile.LibsndfileError as error:
        try:
            with temporary.open("ab") as file:
                file.write(bytes(1 << 20))
                file.flush()
                os.fsync(file.fileno())
        except OSError as reason:
            raise OSError(reason.errno, reason.strerror, str(temporary)) from error
        raise OSError(errno.EIO, f"{os.strerror(errno.EIO)} ({_reason(error)})", str(temporary)) from error


def check_audio_output(path: Path, *, inputs: Iterable[Path | str | None] = ()) -> None:
    """Refuse, before anything is computed, a file of audio that cannot or must not be written.

    Args:
        inputs: files that the command reads.

    Raises:
        UserError: the suffix names no format that is written here, or see `config.paths.check_output`.
    """
    check_output(path, what="audio", suffixes=WRITABLE, inputs=inputs)


def _pcm(audio: np.ndarray, *, path: Path) -> np.ndarray:
    """[N] or [C, N] float to [N, C] int16.

    Rounded here and not by libsndfile, whose float conversion scales by 32767 or 32768 depending on the format.
    """
    if not np.isfinite(audio).all():
        raise UserError(f"The audio for {path} holds samples that are not numbers; nothing was written.")
    return np.round(np.clip(np.atleast_2d(audio), -1.0, 1.0) * 32767).astype(np.int16).T
