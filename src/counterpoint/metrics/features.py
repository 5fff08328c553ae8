"""From a clip on disk to what the metrics know of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from counterpoint.audio import SILENCE_PEAK, load_audio, normalize_loudness
from counterpoint.metrics.base import Clip, Features, Judge
from counterpoint.metrics.signals import SAMPLE_RATE, loudness_db, signal_statistics


def features_of(clip: Clip, judges: Sequence[Judge]) -> Features:
    """Read, bring to one loudness, and let every judge listen.

    Raises:
        UserError: naming the file, when it is missing, broken or empty.
    """
    raw, _ = load_audio(clip.audio, sample_rate=SAMPLE_RATE, start_s=clip.start_s, duration_s=clip.duration_s)
    audio = normalize_loudness(raw, sample_rate=SAMPLE_RATE)
    return Features(
        caption=clip.caption,
        heard={judge.name: judge.hear(audio) for judge in judges},
        signals={"sig_loudness": loudness_db(raw), **signal_statistics(audio)},
        seconds=len(raw) / SAMPLE_RATE,
        silent=bool(np.abs(raw).max() < SILENCE_PEAK),
    )
