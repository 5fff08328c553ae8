"""Notes and chords in the spelling of their key: D flat between F minor and E flat, C sharp in A major.

Names lie on the line of fifths (... B flat, F, C, G, D, ...), where enharmonic names are twelve steps apart. A key
takes the twelve that lie around its scale. The key is the one of 24 whose profile (Krumhansl and Kessler, 1982)
correlates most with how long each pitch class sounds.

Pitch classes count semitones from C = 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from counterpoint.analysis.annotation import Annotation
from counterpoint.analysis.chords import ROOTS, chord_pitch_classes, respelled

_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
_LETTERS = "FCGDAEB"
_BELOW = {"major": 4, "minor": 2}
"""First note of a key on the line of fifths, in steps below the first note of its relative major scale: a minor key
includes its raised fourth, sixth and seventh degrees, as its dominants do."""


@dataclass(frozen=True)
class Key:
    """A tonic, as a pitch class, and major or minor."""

    tonic: int
    mode: str

    @property
    def fifths(self) -> int:
        """Position of the relative major scale on the line of fifths: 0 is C, 1 is G, -1 is F; from -6 to 6."""
        minor = self.mode == "minor"
        place = (self.tonic + 3 * minor) * 7 % 12
        return place - 12 if place > 6 - minor else place


KEYS = tuple(Key(tonic, mode) for mode in ("major", "minor") for tonic in range(12))


def key_of(annotation: Annotation) -> Key | None:
    """The likeliest key of a piece; None for silence, or if all pitch classes sound equally long."""
    sounding = np.zeros(12)
    ends = [*(start for start, _ in annotation.chords[1:]), annotation.duration_s]
    for (start, label), end in zip(annotation.chords, ends, strict=False):
        sounding[list(chord_pitch_classes(label))] += end - start
    for start, end, midi in annotation.notes:
        sounding[midi % 12] += end - start
    return likeliest_key(sounding, major=_MAJOR, minor=_MINOR)


def likeliest_key(sounding: np.ndarray, *, major: Sequence[float], minor: Sequence[float]) -> Key | None:
    """The key whose profile correlates most with how strongly the twelve pitch classes sound; None if all do equally.

    Args:
        sounding: [12], from C.
        major, minor: profiles of C major and C minor.
    """
    if np.ptp(sounding) < 1e-9:
        return None
    profiles = [np.roll(major if key.mode == "major" else minor, key.tonic) for key in KEYS]
    return KEYS[int(np.argmax([np.corrcoef(sounding, profile)[0, 1] for profile in profiles]))]


def spell(pitch: int, *, key: Key | None) -> str:
    """The name of a pitch class, such as `Db`; without a key it is spelled as in chord labels."""
    if key is None:
        return ROOTS[pitch % 12]
    lowest = key.fifths - _BELOW[key.mode]
    place = lowest + (pitch * 7 - lowest) % 12
    letter, signs = _LETTERS[(place + 1) % 7], (place + 1) // 7
    return letter + ("#" * signs if signs > 0 else "b" * -signs)


def note_name(midi: int, *, key: Key | None = None) -> str:
    """The name of a MIDI note: 60 is C4. The octave is that of the letter, so that 59 is B3 or Cb4."""
    name = spell(midi % 12, key=key)
    return f"{name}{(midi - name.count('#') + name.count('b')) // 12 - 1}"


def chord_name(label: str, *, key: Key | None) -> str:
    """A label of `analysis.chords` with its root spelled according to the key and its bass according to the root."""
    return respelled(label, root=lambda pitch: spell(pitch, key=key))
