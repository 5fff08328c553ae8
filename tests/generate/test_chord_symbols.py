"""Chord symbols: spellings that say the same are the same, richer chords become the nearest, nonsense is refused."""

from __future__ import annotations

import random

import pytest

from counterpoint.analysis.chords import vocabulary
from counterpoint.config import UserError
from counterpoint.generate.chord_symbols import NOT_REQUESTED, understand


def test_every_label_is_understood_as_itself() -> None:
    assert [understand(label, source="x") for label in vocabulary()] == [(label, True) for label in vocabulary()]


@pytest.mark.parametrize(
    ("given", "label"),
    [
        ("C:maj7", "Cmaj7"),
        ("Db:hdim7", "C#m7b5"),
        ("Bm7(b5)", "Bm7b5"),
        ("F#-7", "F#m7"),
        ("F♯−7", "F#m7"),
        ("E:7/3", "E7/G#"),
        ("N.C.", "N"),
        ("X", NOT_REQUESTED),
        ("CΔ", "Cmaj7"),
        ("B♭△7", "Bbmaj7"),
        ("C^7", "Cmaj7"),
        ("C^", "Cmaj7"),
        ("Aø", "Am7b5"),
        ("D°", "Ddim"),
        ("Dº", "Ddim"),
        ("G+", "Gaug"),
        ("C(#5)", "Caug"),
        ("Cm(b5)", "Cdim"),
        ("Fbb", "Eb"),
        ("C𝄪", "D"),
        ("am7", "Am7"),
        ("c#m", "C#m"),
    ],
)
def test_other_spellings_say_the_same(given: str, label: str) -> None:
    assert understand(given, source="x") == (label, True)


@pytest.mark.parametrize(
    ("given", "label"),
    [
        ("G13", "G7"),
        ("C:maj(9)", "C"),
        ("C6/9", "C6"),
        ("C69", "C6"),
        ("Am6/9", "Am6"),
        ("E:min/b3", "Em"),
        ("B:dim7", "Bdim"),
        ("D°7", "Ddim"),
        ("Csus4", "C"),
        ("Csus", "C"),
        ("Csus2", "C"),
        ("C7sus4", "C7"),
        ("C9sus4", "C7"),
        ("C7sus4(b9)", "C7"),
        ("C:sus4(b7)", "C7"),
        ("C:sus4(b7,9)", "C7"),
        ("C5", "C"),
        ("D:(1,5)", "D"),
        ("D:(1,b3,5,b7)", "Dm7"),
        ("C7alt", "C7"),
        ("Calt", "C7"),
        ("C7#9b13", "C7"),
        ("C7+9", "C7"),
        ("C-5", "C"),
        ("E(add2)", "E"),
        ("Eadd9", "E"),
        ("Emadd9", "Em"),
        ("C^9", "Cmaj7"),
        ("Cmaj7#11", "Cmaj7"),
        ("CmΔ7", "Cm"),
        ("Cm(maj7)", "Cm"),
        ("C+7", "Caug"),
        ("Csus4/G", "C/G"),
        ("C/F#", "C"),
        ("Cno3", "C"),
    ],
)
def test_richer_chords_are_taken_for_the_nearest(given: str, label: str) -> None:
    known, is_same = understand(given, source="x")
    # A power chord's or a Harte list's pitch classes may be all of a known chord's.
    assert known == label and (not is_same or given == "D:(1,b3,5,b7)")


@pytest.mark.parametrize(
    "label", ["H", "c", "C/Q", "", "maj7", "C::7x", "b", "a7", "Re", "Cxyz", "C7sus5x", "Cmmm", "C77"]
)
def test_a_chord_that_nothing_here_is_like_is_refused(label: str) -> None:
    with pytest.raises(UserError, match="not among the 193"):
        understand(label, source="x")


@pytest.mark.parametrize("label", ["Do", "Do7", "Do/F"])
def test_a_chord_that_can_be_two_is_refused(label: str) -> None:
    with pytest.raises(UserError, match="D diminished or the note Do"):
        understand(label, source="x")


def test_spellings_of_random_chords_agree() -> None:
    """Flats and sharps in ASCII and Unicode, with and without brackets and colons."""
    draw = random.Random(1)
    ways = [
        lambda root, quality: f"{root.replace('#', '♯').replace('b', '♭')}{quality}",
        lambda root, quality: f"{root}({quality})" if quality[:1].isdigit() else root + quality,
        lambda root, quality: f" {root}{quality} ",
    ]
    for _ in range(200):
        root, quality = (
            draw.choice("ABCDEFG") + draw.choice(["", "#", "b"]),
            draw.choice(["", "m", "7", "maj7", "m7", "6"]),
        )
        known = {understand(way(root, quality), source="x")[0] for way in ways}
        assert known == {understand(root + quality, source="x")[0]}, (root, quality)
