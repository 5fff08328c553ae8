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

from counterpoint.audio import ffmpeg
from counterpoint.audio.levels import LOUDEST, RATES, fault_of_level
from counterpoint.audio.mpeg import open_mp3
from counterpoint.config import UserError, atomic_write
from counterpoint.config.paths import check_output, require_file
from counterpoint.config.room import require_disk

READABLE = frozenset(
    (".wav", ".flac", ".ogg", ".oga", ".mp3", ".aiff", ".aif", ".aifc", ".opus", ".caf", ".au", ".w64", ".rf64")
)
"""Suffixes, in lower case, that libsndfile decodes."""
FOREIGN = frozenset(
    (".m4a", ".aac", ".wma", ".ape", ".wv", ".mpc", ".alac", ".m4b", ".mka", ".ac3", ".amr", ".dsf", ".webm")
)
"""Suffixes of audio that libsndfile does not decode; such files are reported instead of ignored."""


def readable() -> frozenset[str]:
    """Suffixes of audio that can be decoded on this machine: the foreign ones need ffmpeg."""
    return READABLE | FOREIGN if ffmpeg.is_installed() else READABLE


def load_audio(
    path: Path | str,
    *,
    sample_rate: int | None,
    start_s: float = 0.0,
    duration_s: float | None = None,
    mono: bool = True,
) -> tuple[np.ndarray, int]:
    """Read a file, or a part of it: only that part is decoded and kept in memory.

    Args:
        path: any file that libsndfile reads (wav, flac, ogg, mp3, aiff, opus, ...).
        sample_rate: Hz to resample to (soxr, high quality), or None to keep the file's own.
        start_s: start in seconds.
        duration_s: duration to read, less if the file is shorter; None reads to the end.
        mono: whether to average the channels.

    Returns:
        float32 audio, [N] if `mono`, else [C, N], as stored in the file (a lossy or float file may exceed 1), and its
            sample rate in Hz.

    Raises:
        UserError: the file is missing, not audio, damaged or empty, ends before `start_s`, or contains samples that are
            not numbers; the sentence names it.
    """
    path = Path(path)
    audio, own_rate = next(_decode(path, start_s=start_s, duration_s=duration_s))
    channels = audio.mean(axis=1, keepdims=True) if mono else audio
    if sample_rate is not None:
        channels = resample(channels, own_rate=own_rate, sample_rate=sample_rate)
    if not len(channels):  # only a sample or two at a higher rate
        raise _no_audio(path, start_s=start_s)
    return np.ascontiguousarray(channels[:, 0] if mono else channels.T), sample_rate or own_rate


def stream_audio(path: Path | str, *, sample_rate: int, piece_s: float = 5.0) -> Iterator[np.ndarray]:
    """Read a file of any length piece by piece; the concatenated pieces equal the result of `load_audio` exactly.

    Args:
        path: as in `load_audio`.
        sample_rate: Hz to resample to.
        piece_s: seconds of audio decoded at once.

    Yields:
        [N] float32, the channels averaged.

    Raises:
        UserError: as in `load_audio`, when the faulty part is read.
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
    """Duration of a file in seconds, from its header.

    Raises:
        UserError: the file is missing or not audio.
    """
    with open_audio(Path(path)) as file:
        return file.frames / file.samplerate


def _decode(
    path: Path, *, start_s: float = 0.0, duration_s: float | None = None, piece_s: float | None = None
) -> Iterator[tuple[np.ndarray, int]]:
    """Pieces [N, C] float32, at least one and none of them empty, and the sample rate; see `load_audio` for the errors.

    Args:
        piece_s: length of a piece; None reads everything at once.
    """
    if not (math.isfinite(start_s) and start_s >= 0):
        raise UserError(f"Cannot read {path} from {start_s:g} s: the start must be zero or later.")
    if duration_s is not None and not (math.isfinite(duration_s) and duration_s > 0):
        raise UserError(f"Cannot read {duration_s:g} s of {path}: the duration must be a positive number of seconds.")
    with open_audio(path) as file:
        rate, place = file.samplerate, round(start_s * file.samplerate)
        if place >= file.frames:  # includes an empty file
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
    """The open file with its true length (see `mpeg`); every error in opening or reading it becomes a UserError that
    names it.

    Nothing may be written within the block, since an error in writing would be reported as one in reading.
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
    """Open a file with libsndfile, with the length of an mp3 from its frames (see `mpeg`).

    Raises:
        soundfile.SoundFileError: it cannot be read as audio, or has a sample rate that no music has.
    """
    if path.suffix.lower() in FOREIGN:
        with ffmpeg.converted(path) as wav, soundfile.SoundFile(wav) as file:
            yield file
        return
    with soundfile.SoundFile(path) as file:
        if not RATES[0] <= file.samplerate <= RATES[1]:
            raise soundfile.SoundFileRuntimeError(f"its sample rate is {file.samplerate} Hz")
        if file.format != "MP3":
            yield file
            return
    with open_mp3(path) as file:
        yield file


def _require_numbers(path: Path, audio: np.ndarray, *, start_s: float, sample_rate: int) -> None:
    levels = np.abs(audio).max(axis=1)
    if fault := fault_of_level(float(levels.max())):
        at_s = start_s + int((~(levels <= LOUDEST)).argmax()) / sample_rate
        raise UserError(f"{path} {fault}, the first at {at_s:.3f} s; export it again.")


def _no_audio(path: Path, *, start_s: float = 0.0) -> UserError:
    return UserError(f"{path} has no audio{f' after {start_s:g} s' if start_s else ''}; leave it out or replace it.")


def _reason(error: Exception) -> str:
    """The message of libsndfile, without the path that soundfile adds."""
    text = getattr(error, "error_string", None) or str(error)
    return text.strip().rstrip(".")


def resample(audio: np.ndarray, *, own_rate: int, sample_rate: int) -> np.ndarray:
    """Resample [N] or [N, C] from `own_rate` to `sample_rate` Hz (soxr, high quality); unchanged if they are equal."""
    if own_rate == sample_rate:
        return audio
    return soxr.resample(audio, own_rate, sample_rate, quality="HQ")


_FORMATS = {".wav": "WAV", ".flac": "FLAC"}
WRITABLE = tuple(_FORMATS)
"""Suffixes of supported output formats."""
_LEAST_BYTES = {".wav": 1.0, ".flac": 0.1}
"""Bytes of a sample in a file, at the least."""


def save_audio(path: Path | str, audio: np.ndarray, *, sample_rate: int) -> None:
    """Write 16-bit PCM, atomically; the same samples give the same bytes.

    Args:
        path: a path that ends in .wav or .flac.
        audio: [N] or [C, N] float; values outside [-1, 1] are clipped (otherwise they would wrap around).
        sample_rate: Hz.

    Raises:
        UserError: the suffix is not supported, or samples are not finite numbers.
        OSError: the disk is full.
    """
    save_stream(path, [audio], sample_rate=sample_rate)


def save_stream(path: Path | str, pieces: Iterable[np.ndarray], *, sample_rate: int) -> int:
    """Write audio of any length piece by piece, otherwise as `save_audio`; the file appears when it is complete.

    Args:
        pieces: [N] or [C, N] float each, drawn one at a time.

    Returns:
        Number of samples written per channel.
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


def require_room(out: Path, *, samples: int, needs: str) -> None:
    """Refuse, before anything is computed, audio that does not fit on the disk.

    Args:
        out: a file, or one of several in its folder.
        samples: over all files and channels.
        needs: the audio and the verb, for the message: `8 takes need`.

    Raises:
        UserError: the disk has less room.
    """
    size = _LEAST_BYTES[out.suffix.lower()] * min(samples, 2**60)
    require_disk(size, place=out, needs=needs, remedy="choose fewer or shorter ones")


@contextmanager
def writing(temporary: Path) -> Iterator[None]:
    """Turn a failed write, of which libsndfile does not report the system's reason, into an OSError with a number, by
    writing again: a full disk fails again.

    Args:
        temporary: the file that is being written, which will be deleted.
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
    """Refuse an audio file that cannot or must not be written, before anything is computed.

    Args:
        inputs: files that the command reads.

    Raises:
        UserError: the suffix is not a supported output format, or see `config.paths.check_output`.
    """
    check_output(path, what="audio", suffixes=WRITABLE, inputs=inputs)


def _pcm(audio: np.ndarray, *, path: Path) -> np.ndarray:
    """Convert [N] or [C, N] float to [N, C] int16.

    Rounding is done here because libsndfile's float conversion scales by 32767 or 32768 depending on the format.
    """
    if not np.isfinite(audio).all():
        raise UserError(f"The audio for {path} contains samples that are not numbers; nothing was written.")
    return np.round(np.clip(np.atleast_2d(audio), -1.0, 1.0) * 32767).astype(np.int16).T
