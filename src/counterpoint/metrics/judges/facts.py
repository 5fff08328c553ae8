"""Tempo, metre and key of a clip, by the analysis that needs no trained weights.

Shapes: N audio samples.
"""

from __future__ import annotations

import numpy as np

from counterpoint.audio import resample
from counterpoint.metrics.base import JudgeOutput
from counterpoint.metrics.signals import SAMPLE_RATE

UNKNOWN = -1.0


class FactsJudge:
    """Gives `tempo_bpm`, `metre` (beats per bar) and `key` (index in `analysis.spelling.KEYS`), each [1], or -1."""

    name = "facts"
    version = "1"
    checkpoint = "librosa's beat tracker, accents by bars of 3 or 4, key profiles of Albrecht and Shanahan"

    def analyze(self, audio: np.ndarray, *, device: str = "cpu") -> JudgeOutput:
        """Analyse a clip; see `Judge`."""
        from counterpoint.analysis import beats, tonality
        from counterpoint.analysis.spelling import KEYS

        low = resample(audio, own_rate=SAMPLE_RATE, sample_rate=tonality.SAMPLE_RATE)
        found = beats.track_beats(low, sample_rate=tonality.SAMPLE_RATE)
        tempo, key = beats.tempo_of([time for time, _ in found]), tonality.detect_key(low)
        facts = {
            "tempo_bpm": UNKNOWN if np.isnan(tempo) else tempo,
            "metre": max((position for _, position in found), default=UNKNOWN),
            "key": UNKNOWN if key is None else KEYS.index(key),
        }
        return {name: np.array([value], dtype=np.float64) for name, value in facts.items()}
