"""From a clip on disk to what the metrics know of it."""

from __future__ import annotations

import numpy as np

from counterpoint.audio import SILENCE_PEAK, load_audio, normalize_loudness, resample
from counterpoint.metrics.base import Clip, Features
from counterpoint.metrics.signals import SAMPLE_RATE, loudness_db, signal_statistics


def features_of(clip: Clip) -> Features:
    """Read, bring to one loudness, and listen.

    Raises:
        UserError: naming the file, when it is missing, broken or empty; or when MusiCNN is not installed.
    """
    from counterpoint.analysis import musicnn

    raw, _ = load_audio(clip.audio, sample_rate=SAMPLE_RATE, start_s=clip.start_s, duration_s=clip.duration_s)
    audio = normalize_loudness(raw, sample_rate=SAMPLE_RATE)
    low = resample(audio, own_rate=SAMPLE_RATE, sample_rate=musicnn.SAMPLE_RATE)
    heard = musicnn.load_musicnn()(low, sample_rate=musicnn.SAMPLE_RATE)
    return Features(
        caption=clip.caption,
        embeddings=heard.embeddings,
        logits=heard.logits.mean(0),
        signals={"sig_loudness": loudness_db(raw), **signal_statistics(audio)},
        seconds=len(raw) / SAMPLE_RATE,
        silent=bool(np.abs(raw).max() < SILENCE_PEAK),
    )
