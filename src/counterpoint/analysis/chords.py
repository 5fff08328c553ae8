"""The chord vocabulary: 193 labels, `N` (no chord) and 12 roots x 16 kinds, as the Chordino plugin names them.

A label is a root, a quality and, for an inversion, a slash and the bass note's name: `C`, `F#m7`, `C/E`, `Bm7b5/A`.
Everything follows from two short tables (roots and kinds): the order of labels is `N`, then root by root from C, each
with its kinds in the order of `KINDS`. Pitch classes count semitones from C = 0.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from counterpoint.config import UserError

NO_CHORD = "N"

ROOTS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")

# kind -> semitones of its notes above the root; the degree behind a slash is the bass note.
KINDS: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "m7b5": (0, 3, 6, 10),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "/3": (0, 4, 7),
    "/5": (0, 4, 7),
    "/2": (0, 2, 4, 7),
    "/b7": (0, 4, 7, 10),
    "7/3": (0, 4, 7, 10),
    "m7b5/b7": (0, 3, 6, 10),
}

_DEGREES = {"2": (1, 2), "3": (2, 4), "5": (4, 7), "b7": (6, 10)}  # degree -> (letters above the root, semitones)
_LETTERS = "CDEFGAB"
_NATURAL = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def pitch_class(name: str) -> int:
    """Pitch class of a note name such as `F#`, `Cb` or `B#`.

    Raises:
        UserError: it is not a note name.
    """
    if not name or name[0] not in _NATURAL or name[1:].strip("#b"):
        raise UserError(f"'{name}' is not a note name; write a letter A-G with # or b, such as F# or Eb.")
    return (_NATURAL[name[0]] + name.count("#") - name.count("b")) % 12


def _bass_name(root: str, degree: str) -> str:
    """The bass note's name as a musician spells it: the third of A is C#, not Db."""
    letters, semitones = _DEGREES[degree]
    letter = _LETTERS[(_LETTERS.index(root[0]) + letters) % 7]
    sharps = (pitch_class(root) + semitones - _NATURAL[letter] + 6) % 12 - 6
    return letter + ("#" * sharps if sharps > 0 else "b" * -sharps)


def chord_label(root: int, kind: str) -> str:
    """The label of the chord of one kind (a key of `KINDS`) on the pitch class `root`: (9, "7/3") -> `A7/C#`."""
    if kind not in KINDS:
        raise UserError(f"'{kind}' is not a chord kind; choose one of {', '.join(repr(name) for name in KINDS)}.")
    return _label(ROOTS[root % 12], kind)


def _label(name: str, kind: str) -> str:
    quality, slash, degree = kind.partition("/")
    return name + quality + (f"/{_bass_name(name, degree)}" if slash else "")


def respelled(label: str, *, root: Callable[[int], str]) -> str:
    """A label whose root is spelled by a function of its pitch class, and whose bass follows the root: `Db/F`.

    Raises:
        UserError: when the label is outside the vocabulary.
    """
    parts = chord_parts(label)
    if parts is None:
        return NO_CHORD
    return _label(root(parts[0]), parts[1])


@cache
def vocabulary() -> tuple[str, ...]:
    """All 193 labels in their one order; a label's index in it is its class."""
    return (NO_CHORD, *(chord_label(root, kind) for root in range(12) for kind in KINDS))


@cache
def _indices() -> dict[str, int]:
    return {label: index for index, label in enumerate(vocabulary())}


def chord_index(label: str) -> int:
    """The class (0-192) of a label; 0 is `N`. Other spellings of root or bass (`Db`, `C/3`) are understood.

    Raises:
        UserError: when the label is outside the vocabulary.
    """
    known = _indices().get(label)
    return _parsed(label) if known is None else known


@cache
def _parsed(label: str) -> int:
    head, slash, bass = label.partition("/")
    split = 3 if head[1:3] in ("##", "bb") else 2 if head[1:2] in ("#", "b") else 1
    root, quality = pitch_class(head[:split]), head[split:]
    for kind in KINDS:
        kind_quality, kind_slash, degree = kind.partition("/")
        if kind_quality != quality or bool(kind_slash) != bool(slash):
            continue
        if not slash or bass == degree or _sounds(bass, root + _DEGREES[degree][1]):
            return 1 + root * len(KINDS) + tuple(KINDS).index(kind)
    raise UserError(f"'{label}' is not one of the 193 chord labels; see counterpoint.analysis.chords.vocabulary().")


def _sounds(name: str, semitones: int) -> bool:
    return name[:1] in _NATURAL and name != "" and pitch_class(name) == semitones % 12


def chord_parts(label: str) -> tuple[int, str] | None:
    """(root pitch class, kind) of a label; None for `N`."""
    index = chord_index(label)
    if index == 0:
        return None
    root, kind = divmod(index - 1, len(KINDS))
    return root, tuple(KINDS)[kind]


def chord_pitch_classes(label: str) -> frozenset[int]:
    """The pitch classes that sound in a chord (empty for `N`)."""
    parts = chord_parts(label)
    return frozenset() if parts is None else frozenset((parts[0] + step) % 12 for step in KINDS[parts[1]])


def bass_pitch_class(label: str) -> int | None:
    """The pitch class of the lowest note (None for `N`)."""
    parts = chord_parts(label)
    if parts is None:
        return None
    root, kind = parts
    degree = kind.partition("/")[2]
    return (root + (_DEGREES[degree][1] if degree else 0)) % 12
