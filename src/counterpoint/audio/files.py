"""Reading and writing audio files: libsndfile decodes, soxr resamples.

Shapes: N audio samples, C channels.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import soundfile
import soxr

from counterpoint.config import UserError, atomic_write


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
        UserError: naming the file, when it is missing, is not audio, is damaged, is empty, or ends before `start_s`.
    """
    path = Path(path)
    audio, own_rate = _decode(path, start_s=start_s, duration_s=duration_s)
    if not audio.shape[0]:
        raise UserError(
            f"{path} holds no audio{f' after {start_s:g} s' if start_s else ''}; leave it out or replace it."
        )
    if not np.isfinite(audio).all():
        raise UserError(f"{path} holds samples that are not numbers (NaN or infinity); export it again.")
    channels = audio.mean(axis=1, keepdims=True) if mono else audio
    if sample_rate is not None:
        channels = resample(channels, own_rate=own_rate, sample_rate=sample_rate)
    return np.ascontiguousarray(channels[:, 0] if mono else channels.T), sample_rate or own_rate


def _decode(path: Path, *, start_s: float, duration_s: float | None) -> tuple[np.ndarray, int]:
    """[N, C] float32 and Hz; see `load_audio` for the errors."""
    if not (math.isfinite(start_s) and start_s >= 0):
        raise UserError(f"Cannot read {path} from {start_s:g} s: a start must be zero or later.")
    if duration_s is not None and not (math.isfinite(duration_s) and duration_s > 0):
        raise UserError(f"Cannot read {duration_s:g} s of {path}: a duration must be a positive number of seconds.")
    if not path.is_file():
        raise UserError(f"There is no audio file at {path}.")
    try:
        with soundfile.SoundFile(path) as file:
            start = round(start_s * file.samplerate)
            if start >= file.frames:  # an empty file too: `load_audio` says so
                return np.zeros((0, file.channels), np.float32), file.samplerate
            file.seek(start)
            count = -1 if duration_s is None else max(1, round(duration_s * file.samplerate))
            return file.read(count, dtype="float32", always_2d=True), file.samplerate
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise UserError(
            f"{path} cannot be read as audio ({_reason(error)}); export it again or leave it out."
        ) from None


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
    path = Path(path)
    form = _FORMATS.get(path.suffix.lower())
    if form is None:
        raise UserError(f"Cannot write audio to {path}: name it .wav or .flac.")
    if not np.isfinite(audio).all():
        raise UserError(f"The audio for {path} holds samples that are not numbers; nothing was written.")
    # Rounded here and not by libsndfile, whose float conversion scales by 32767 or 32768 depending on the format.
    samples = np.round(np.clip(audio, -1.0, 1.0) * 32767).astype(np.int16)
    atomic_write(path, lambda temporary: _write_pcm(temporary, samples.T, sample_rate=sample_rate, form=form))


def _write_pcm(path: Path, samples: np.ndarray, *, sample_rate: int, form: str) -> None:
    try:
        soundfile.write(path, samples, sample_rate, subtype="PCM_16", format=form)
    except soundfile.LibsndfileError as error:
        raise OSError(f"{path} could not be written: {_reason(error)}.") from error
