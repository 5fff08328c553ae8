"""Names of notes and chords: those of the key that sounds."""

from __future__ import annotations

import pytest

from counterpoint.analysis.annotation import Annotation
from counterpoint.analysis.chords import chord_index, vocabulary
from counterpoint.analysis.spelling import Key, chord_name, key_of, note_name, spell


def music(*labels: str) -> Annotation:
    return Annotation(2.0 * len(labels), chords=tuple((2.0 * place, label) for place, label in enumerate(labels)))


@pytest.mark.parametrize(
    ("labels", "key"),
    [
        (("C", "F", "G", "C"), Key(0, "major")),
        (("Fm", "C#", "Eb", "Bbm", "C", "Fm"), Key(5, "minor")),
        (("A", "D", "E7", "F#m", "A"), Key(9, "major")),
        (("Am", "Dm", "E7", "Am"), Key(9, "minor")),
    ],
)
def test_the_key_is_that_of_the_chords(labels: tuple[str, ...], key: Key) -> None:
    assert key_of(music(*labels)) == key


def test_silence_has_no_key() -> None:
    assert key_of(Annotation(1.0, chords=((0.0, "N"),))) is None and spell(1, key=None) == "C#"


def test_chords_are_spelled_by_their_key() -> None:
    key = key_of(music("Fm", "C#", "Eb", "Bbm", "C", "Fm"))
    names = [chord_name(label, key=key) for label in ("Fm", "C#", "C#/F", "F#", "N", "Ab7/C", "Bm7b5/A")]
    assert names == ["Fm", "Db", "Db/F", "Gb", "N", "Ab7/C", "Bm7b5/A"]
    assert [chord_name(label, key=Key(9, "major")) for label in ("C#m7", "Ab", "F#m")] == ["C#m7", "G#", "F#m"]


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize("mode", ["major", "minor"])
def test_every_key_names_its_scale_with_seven_letters_and_every_chord_can_be_read_back(tonic: int, mode: str) -> None:
    key = Key(tonic, mode)
    steps = (0, 2, 4, 5, 7, 9, 11) if mode == "major" else (0, 2, 3, 5, 7, 8, 10)
    names = [spell(tonic + step, key=key) for step in steps]
    assert sorted(name[0] for name in names) == list("ABCDEFG") and all(len(name) <= 2 for name in names)
    assert [chord_index(chord_name(label, key=key)) for label in vocabulary()] == list(range(193))
    if mode == "minor":
        assert spell(tonic + 11, key=key)[0] == names[6][0], "the leading note is the seventh degree, raised"


def test_the_octave_is_that_of_the_letter() -> None:
    assert [note_name(midi) for midi in (43, 60, 70, 95)] == ["G2", "C4", "Bb4", "B6"]
    flat, sharp = Key(6, "major"), Key(1, "minor")
    assert spell(11, key=Key(3, "minor")) in ("Cb", "B") and note_name(59, key=Key(3, "minor")) in ("Cb4", "B3")
    assert note_name(61, key=flat)[:2] in ("C#", "Db") and note_name(60, key=sharp) == "B#3"
