"""The chord vocabulary follows from its rule and reads back what it writes."""

import sys

import pytest

from counterpoint.analysis.chords import (
    KINDS,
    NO_CHORD,
    ROOTS,
    bass_pitch_class,
    chord_index,
    chord_label,
    chord_parts,
    chord_pitch_classes,
    pitch_class,
    vocabulary,
)
from counterpoint.config import UserError


def test_193_labels_no_chord_first():
    labels = vocabulary()
    assert len(labels) == len(set(labels)) == 193 == 1 + 12 * 16
    assert labels[0] == NO_CHORD and labels[1] == "C" and labels[17] == "C#"


def test_index_and_label_are_inverse():
    assert [chord_index(label) for label in vocabulary()] == list(range(193))
    for root in range(12):
        for kind in KINDS:
            assert chord_parts(chord_label(root, kind)) == (root, kind)


def test_labels_are_spelled_as_chordino_spells_them():
    expected = {
        (0, "/3"): "C/E",
        (1, "/3"): "C#/E#",
        (3, "/5"): "Eb/Bb",
        (6, "/2"): "F#/G#",
        (8, "/b7"): "Ab/Gb",
        (9, "7/3"): "A7/C#",
        (10, "maj7"): "Bbmaj7",
        (11, "m7b5/b7"): "Bm7b5/A",
    }
    assert {parts: chord_label(*parts) for parts in expected} == expected


def test_pitch_classes_and_bass():
    assert chord_pitch_classes("Am7") == {9, 0, 4, 7}
    assert chord_pitch_classes("N") == frozenset()
    assert bass_pitch_class("A7/C#") == 1 and bass_pitch_class("Eb/Bb") == 10 and bass_pitch_class("N") is None
    for label in vocabulary()[1:]:
        assert bass_pitch_class(label) in chord_pitch_classes(label)
        assert ROOTS.index(label[:2] if label[1:2] in ("#", "b") else label[0]) in chord_pitch_classes(label)


def test_other_spellings_are_understood():
    for other, canonical in {"Db": "C#", "G#m": "Abm", "C/3": "C/E", "Gb7/Bb": "F#7/A#", "A#maj7": "Bbmaj7"}.items():
        assert chord_index(other) == chord_index(canonical), other
    assert pitch_class("Cb") == 11 and pitch_class("B#") == 0


@pytest.mark.parametrize("label", ["", "H", "Csus4", "C/F#", "Cm/Eb", "n", "C7/", "Cb5"])
def test_an_unknown_label_is_named(label):
    with pytest.raises(UserError, match="not"):
        chord_index(label)


def test_importing_it_needs_no_torch():
    import subprocess

    code = "import counterpoint.analysis.chords, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
