"""Chords by the Chordino plugin (Mauch and Dixon, ISMIR 2010), the paper's own extractor (App. C), if installed.

The plugin is reached through `vamp`; both come with the extra `chordino` (GPL-2). On 64 clips of 10 s of the embedded
corpus Chordino assigns the right one of the 25 classes of `viterbi25` to 0.93 of the frames (`viterbi25` itself: 0.85)
and the right one of all 193 labels to 0.81.

Shapes: N audio samples.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from counterpoint.analysis.chords import NO_CHORD, chord_index, vocabulary
from counterpoint.audio import resample
from counterpoint.config import UserError

SAMPLE_RATE = 22_050
REMEDY = "Chordino is not installed; run `pip install --no-build-isolation vamp chord-extractor`."
_PLUGIN = "nnls-chroma:chordino"
_FALSE_START_S = 0.6


def is_installed() -> bool:
    """Whether Chordino is installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("vamp", "chord_extractor"))


def detect_chords(audio: np.ndarray, *, sample_rate: int) -> tuple[tuple[float, str], ...]:
    """Detect chords as (start in seconds, label of `analysis.chords`), the first at 0; each lasts until the next.

    Args:
        audio: [N] float of any length.
        sample_rate: Hz.

    Raises:
        UserError: Chordino is not installed.
    """
    if not is_installed():
        raise UserError(REMEDY)
    _show_plugin()
    import vamp  # type: ignore[import-not-found]

    low = resample(np.asarray(audio, dtype=np.float32), own_rate=sample_rate, sample_rate=SAMPLE_RATE)
    found = vamp.collect(low, SAMPLE_RATE, _PLUGIN)["list"]
    stamps = [(float(item["timestamp"]), str(item["label"])) for item in found]
    return clean_stamps(stamps, duration_s=len(low) / SAMPLE_RATE)


def clean_stamps(stamps: Sequence[tuple[float, str]], *, duration_s: float) -> tuple[tuple[float, str], ...]:
    """The plugin's output, (start in seconds, label) in order, without the false `N` at either end.

    It begins every piece at 0.37 s with an `N`, which is wrong if a chord follows at 0.46 s, and ends it with an
    `N` past the end: the first chord is extended back to the start, and the last one to the end.
    """
    inside = [(start, vocabulary()[chord_index(label)]) for start, label in stamps if start < duration_s]
    if len(inside) > 1 and inside[0][1] == NO_CHORD and inside[1][0] < _FALSE_START_S:
        inside = inside[1:]
    changes = [item for place, item in enumerate(inside) if not place or item[1] != inside[place - 1][1]]
    return ((0.0, changes[0][1]), *changes[1:]) if changes else ((0.0, NO_CHORD),)


@cache
def _show_plugin() -> None:
    """Put the plugin in the wheel `chord-extractor` on Vamp's search path.

    The wheel's own wrapper would do this, but it needs `pkg_resources`, which setuptools no longer contains.
    """
    package = importlib.util.find_spec("chord_extractor")
    assert package is not None and package.submodule_search_locations
    places = [os.environ.get("VAMP_PATH", ""), str(Path(package.submodule_search_locations[0]) / "_lib")]
    os.environ["VAMP_PATH"] = os.pathsep.join(filter(None, places))
