"""Properties of a sound that a page shows before playing it: duration, peaks and loudness.

Shapes: N audio samples.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from counterpoint.audio import load_audio, stream_audio
from counterpoint.audio.files import open_audio
from counterpoint.config import UserError

PEAKS = 600
"""Number of bars of a waveform."""
_QUIETEST = 1e-4


def facts_of(path: Path) -> dict[str, Any]:
    """The duration in seconds, sample rate in Hz, channels, `PEAKS` peaks from 0 to 1, and root mean square of a file.

    Raises:
        UserError: the file cannot be read as audio.
    """
    with open_audio(path) as file:
        duration_s, rate, channels = file.frames / file.samplerate, file.samplerate, file.channels
    peaks, squares, count = [np.zeros(0)], 0.0, 0
    for piece in stream_audio(path, sample_rate=rate):
        peaks.append(np.abs(piece))
        squares += float(np.square(piece, dtype=np.float64).sum())
        count += len(piece)
    bars = [float(part.max()) for part in np.array_split(np.concatenate(peaks), min(PEAKS, count))]
    return {
        "duration_s": round(duration_s, 4),
        "sample_rate": rate,
        "channels": channels,
        "peaks": [round(bar, 3) for bar in bars],
        "rms": round(max(_QUIETEST, (squares / max(1, count)) ** 0.5), 5),
    }


def require_music(path: Path, *, longest_s: float) -> dict[str, Any]:
    """The properties of an uploaded file.

    Raises:
        UserError: the file is not audio, damaged, too long or silent; messages do not contain its path.
    """
    with open_audio(path) as file:
        if file.channels > 8:
            raise UserError(f"This file has {file.channels} channels, but at most 8 are allowed; mix it down first.")
        if file.frames > longest_s * file.samplerate:
            raise UserError(
                f"This file lasts {file.frames / file.samplerate:.0f} s, but at most {longest_s:.0f} s are allowed; "
                "cut it first."
            )
    facts = facts_of(path)
    if max(facts["peaks"]) < _QUIETEST:
        raise UserError("This file is silent; choose another file.")
    load_audio(path, sample_rate=None, duration_s=0.1)
    return facts
