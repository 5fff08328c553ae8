"""The features of a clip on disk that the metrics use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import soundfile
import soxr

from counterpoint.audio import SILENCE_PEAK, files, load_audio, loudness, normalize_loudness
from counterpoint.config import UserError, digest
from counterpoint.metrics import signals
from counterpoint.metrics.base import Clip, Features, Judge, JudgeOutput
from counterpoint.metrics.cache import remembered
from counterpoint.metrics.signals import SAMPLE_RATE, loudness_db, signal_statistics


def features_of(clip: Clip, judges: Sequence[Judge], *, device: str = "cpu") -> Features:
    """Read a clip, normalise its loudness, and apply every judge whose output is not cached; see `cache`.

    Outputs of a GPU and of a CPU are cached separately, because they are rounded differently.

    Raises:
        UserError: the file is missing, broken or empty, or a judge's output is not a number.
    """
    sound = _Sound(clip)
    known = remembered(clip, name="signals", version=policy(), compute=sound.signals)
    statistics = {name: float(value) for name, value in known.items()}
    seconds, silent = statistics.pop("seconds"), bool(statistics.pop("silent"))
    where = "" if device == "cpu" else f" {device.partition(':')[0]}"
    analyzed = {
        judge.name: remembered(
            clip,
            name=judge.name,
            version=f"{judge.version} {policy()}{where}",
            compute=lambda judge=judge: sound.output_of(judge, device=device),
        )
        for judge in judges
    }
    return Features(clip.caption, analyzed, statistics, seconds, silent)


class _Sound:
    """A clip that is read only when its audio is needed."""

    def __init__(self, clip: Clip):
        self._clip = clip

    @cached_property
    def _raw(self) -> np.ndarray:
        clip = self._clip
        return load_audio(clip.audio, sample_rate=SAMPLE_RATE, start_s=clip.start_s, duration_s=clip.duration_s)[0]

    @cached_property
    def _audio(self) -> np.ndarray:
        return normalize_loudness(self._raw, sample_rate=SAMPLE_RATE)

    def signals(self) -> Mapping[str, np.ndarray]:
        """The signal statistics, the length in `seconds`, and whether the clip is `silent`."""
        found = {
            "sig_loudness": loudness_db(self._raw),
            **signal_statistics(self._audio),
            "seconds": len(self._raw) / SAMPLE_RATE,
            "silent": float(np.abs(self._raw).max() < SILENCE_PEAK),
        }
        return {name: np.asarray(value, dtype=np.float64) for name, value in found.items()}

    def output_of(self, judge: Judge, *, device: str) -> JudgeOutput:
        analyzed = judge.analyze(self._audio, device=device)
        for what, values in analyzed.items():
            if not np.isfinite(values).all():
                raise UserError(
                    f"{judge.name} ({judge.checkpoint}) gives {what} for {self._clip.audio} that are not numbers; "
                    "leave the clip out, or fetch the weights again."
                )
        return analyzed


@cache
def policy() -> str:
    """Version of the preprocessing before a judge: our code that reads, scales and measures, and its libraries."""
    sources = [Path(str(module.__file__)).read_text(encoding="utf-8") for module in (files, loudness, signals)]
    return digest([sources, Path(__file__).read_text(encoding="utf-8"), soxr.__version__, soundfile.__version__])
