"""MusiCNN as a judge: its weights come with an installed wheel, and it stands in for published judges.

Shapes: N audio samples, P patches of 3 s, E = 200, 50 tags.
"""

from __future__ import annotations

import numpy as np

from counterpoint.audio import resample
from counterpoint.metrics.base import JudgeOutput
from counterpoint.metrics.signals import SAMPLE_RATE


class MusicnnJudge:
    """Gives `embeddings` [P, E] of its penultimate layer, and `logits` [50], mean log-odds of each tag over patches."""

    name = "musicnn"
    version = "musicnn-0.1.0-1"
    checkpoint = "MTT_musicnn, from the wheel musicnn 0.1.0"

    def analyze(self, audio: np.ndarray, *, device: str = "cpu") -> JudgeOutput:
        """Analyse a clip; see `Judge`.

        Raises:
            UserError: MusiCNN is not installed.
        """
        from counterpoint.analysis import musicnn

        low = resample(audio, own_rate=SAMPLE_RATE, sample_rate=musicnn.SAMPLE_RATE)
        found = musicnn.load_musicnn(device)(low, sample_rate=musicnn.SAMPLE_RATE)
        return {"embeddings": found.embeddings, "logits": found.logits.mean(0)}
