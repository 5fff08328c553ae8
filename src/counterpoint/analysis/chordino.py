"""Chords by the Chordino plugin (Mauch and Dixon, ISMIR 2010), the paper's own extractor (App. C), where installed.

The plugin is reached through `vamp`; both come with the extra `chordino` (GPL-2).

Shapes: N audio samples.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from counterpoint.analysis.chords import NO_CHORD
from counterpoint.audio import resample
from counterpoint.config import UserError

SAMPLE_RATE = 22_050
REMEDY = "Chordino is not installed; run `pip install --no-build-isolation vamp chord-extractor`."
_PLUGIN = "nnls-chroma:chordino"


def is_installed() -> bool:
    """Whether Chordino can be asked."""
    return importlib.util.find_spec("vamp") is not None and importlib.util.find_spec("chord_extractor") is not None


def hear_chords(audio: np.ndarray, *, sample_rate: int) -> tuple[tuple[float, str], ...]:
    """Chords as (start in seconds, label of `analysis.chords`); each lasts until the next.

    Args:
        audio: [N] float.
        sample_rate: Hz.

    Raises:
        UserError: Chordino is not installed.
    """
    if not is_installed():
        raise UserError(REMEDY)
    package = importlib.util.find_spec("chord_extractor")
    assert package is not None and package.submodule_search_locations
    os.environ.setdefault("VAMP_PATH", str(Path(package.submodule_search_locations[0]) / "_lib"))
    import vamp  # type: ignore[import-not-found]

    low = resample(audio, own_rate=sample_rate, sample_rate=SAMPLE_RATE)
    found = vamp.collect(low, SAMPLE_RATE, _PLUGIN)["list"]
    stamps = [(float(item["timestamp"]), str(item["label"])) for item in found]
    return clean_stamps(stamps, duration_s=len(low) / SAMPLE_RATE)


def clean_stamps(stamps: Sequence[tuple[float, str]], *, duration_s: float) -> tuple[tuple[float, str], ...]:
    """What the plugin says without what it cannot know.

    It begins every piece with an `N` of about half a second, where its first window is not full yet, and ends it with
    one at or past the end: the first chord is taken back to the start, and the last goes on to the end.
    """
    inside = [(start, label) for start, label in stamps if start < duration_s]
    if len(inside) > 1 and inside[0][1] == NO_CHORD:
        inside = inside[1:]
    kept = [item for place, item in enumerate(inside) if not place or item[1] != inside[place - 1][1]]
    return ((0.0, kept[0][1]), *kept[1:]) if kept else ((0.0, NO_CHORD),)
