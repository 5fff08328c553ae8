"""Chord symbols as musicians and datasets write them, mapped to the nearest of the 193 labels that models use.

A symbol is a root, a quality and optionally a bass: `F#m7b5`, `B♭Δ`, `Csus4/G`, `E:min7/b3`. There are two parsers of
qualities. Lead sheets are read by tables: the longest known prefix of the quality determines the chord, and the rest
(additions, alterations, suspensions) must have a known form. The syntax of Harte et al. (2005), with a colon after the
root, is read by `mir_eval` as pitch classes, and the kind of chord that shares most of them is chosen.
"""

from __future__ import annotations

import re
from functools import cache

from counterpoint.analysis.chords import KINDS, NO_CHORD, ROOTS, chord_index, pitch_class, vocabulary
from counterpoint.config import UserError

NOT_REQUESTED = "X"
"""Harte's sign for a chord that cannot be named, for which nothing is requested."""
_NO_CHORD = (NO_CHORD, "NC", "N.C.", "N.C")
_SIGNS = str.maketrans(
    {
        **{"♯": "#", "♭": "b", "𝄪": "##", "𝄫": "bb", "♮": ""},
        **dict.fromkeys("Δ∆△▵▲", "^"),
        **dict.fromkeys("°º˚ᵒ", "o"),
        **dict.fromkeys("−–‐‑", "-"),
        "Ø": "ø",
    }
)
"""Equivalent signs, and the one in the tables."""
_SAME = {
    **dict.fromkeys(("", "maj", "ma", "M", "major"), ""),
    **dict.fromkeys(("m", "min", "mi", "-", "minor"), "m"),
    **dict.fromkeys(("6", "maj6", "ma6", "M6", "add6"), "6"),
    **dict.fromkeys(("m6", "min6", "mi6", "-6"), "m6"),
    **dict.fromkeys(("7", "dom7", "dom"), "7"),
    **dict.fromkeys(("maj7", "M7", "ma7", "Maj7", "major7", "^", "^7"), "maj7"),
    **dict.fromkeys(("m7", "min7", "mi7", "-7", "minor7"), "m7"),
    **dict.fromkeys(("m7b5", "min7b5", "mi7b5", "-7b5", "m7-5", "hdim7", "hdim", "ø", "ø7", "h7", "h"), "m7b5"),
    **dict.fromkeys(("dim", "o", "mb5", "minb5", "m-5"), "dim"),
    **dict.fromkeys(("aug", "+", "+5", "#5"), "aug"),
}
"""All names of the qualities in the vocabulary."""
_MINOR_MAJOR = tuple(minor + major for minor in ("m", "min", "mi", "-") for major in ("maj", "M", "Maj", "^"))
_NEAR = {
    **dict.fromkeys(("2", "4", "5"), ""),
    **dict.fromkeys(("69", "maj69"), "6"),
    **dict.fromkeys(("m69", "min69", "-69"), "m6"),
    **dict.fromkeys(("9", "11", "13", "alt", "sus7", "sus9", "sus13"), "7"),
    **dict.fromkeys((f"{name}{n}" for name in ("maj", "ma", "M", "Maj", "^") for n in (9, 11, 13)), "maj7"),
    **dict.fromkeys((f"{name}{n}" for name in ("m", "min", "mi", "-") for n in (9, 11, 13)), "m7"),
    **dict.fromkeys((f"{name}{n}" for name in _MINOR_MAJOR for n in (7, 9)), "m"),
    **dict.fromkeys(("m^", "-^"), "m"),
    **dict.fromkeys(("dim7", "o7", "oM7", "o^7", "dimmaj7"), "dim"),
    **dict.fromkeys(("aug7", "+7", "7+", "augmaj7", "+M7"), "aug"),
}
"""Qualities outside the vocabulary, and their replacements."""
_QUALITIES = _SAME | _NEAR
_MORE = re.compile(
    r"(?:,|sus(?:24|2|4)?|alt|(?:add|omit|no)[#b+-]?\d{1,2}|[#b+-](?:4|5|6|9|11|13)|(?<=,)\*?[#b]*\d{1,2})*"
)
"""Suffixes of a quality: suspensions, additions, omissions, alterations, and degrees in brackets."""
_SYMBOL = re.compile(r"([A-G](?:##|bb|[#b])?)(:?)([^/]*)(?:/([A-G](?:##|bb|[#b])?|[#b]*\d{1,2}))?")
_SIX_NINE = re.compile(r"(?<=6)/(?=9)")
_SOLFEGE = re.compile(r"Do(?![a-z])")
_SMALL = re.compile(r"([a-g])((?:#|b)?)(.*)")
_MINOR = re.compile(r"[a-gA-G][#b]?:?(?:m(?!a)|-)")


def understand(label: str, *, source: str, small_is_minor: bool = False) -> tuple[str, bool]:
    """The label among the 193, or `NOT_REQUESTED`, and whether it represents the symbol completely.

    Args:
        label: a chord symbol.
        source: the source of the symbol, for error messages.
        small_is_minor: whether a root in lower case without a quality is a minor chord, see `writes_minor_small`.

    Raises:
        UserError: the symbol is similar to none of them, or ambiguous.
    """
    text = plain(label)
    if text in (NOT_REQUESTED, "x"):
        return NOT_REQUESTED, True
    if text in _NO_CHORD:
        return NO_CHORD, True
    if _SOLFEGE.match(label.strip()):
        raise UserError(f"{source} has the chord {label!r}, which can be D diminished or the note Do: write Ddim or C.")
    found = _read(_capital(text, small_is_minor=small_is_minor))
    if found is None:
        raise UserError(
            f"{source} has the chord {label!r}, which is not among the 193 known chords (such as C, F#m7, Bbmaj7, C/E "
            f"or N): write the nearest of them, or {NOT_REQUESTED} to leave the chord open."
        )
    return found


def plain(label: str) -> str:
    """The symbol in the signs of the tables."""
    return label.strip().translate(_SIGNS)


def writes_minor_small(labels: list[str]) -> bool:
    """Whether a chart marks minor chords by roots in lower case, as in `C a F G`.

    It does if other roots are in upper case and no minor chord is marked otherwise: in `C am f G` the f may be a
    carelessly typed major chord.
    """
    texts = [plain(label) for label in labels]
    return any(text[:1] in tuple("ABCDEFG") for text in texts) and not any(map(_MINOR.match, texts))


def _capital(text: str, *, small_is_minor: bool) -> str:
    """A symbol with its root in upper case, if the meaning of lower case is clear.

    It is clear if the chord is marked as minor, or if the chart marks minor chords by lower case; a single b stays as
    it is, because it is B minor to some and B flat minor to others.
    """
    found = _SMALL.fullmatch(text)
    if found is None:
        return text
    letter, sign, rest = found.groups()
    if _MINOR.match(text):
        return letter.upper() + sign + rest
    if small_is_minor and not rest and text != "b":
        return f"{letter.upper()}{sign}m"
    return text


def _read(text: str) -> tuple[str, bool] | None:
    found = _SYMBOL.fullmatch(_SIX_NINE.sub("", text))
    if found is None:
        return None
    root, colon, quality, bass = found.groups()
    named = (_harte(quality) if colon else None) or _lead_sheet(quality)
    if named is None:
        return None
    kind, is_same = named
    chord = ROOTS[pitch_class(root)] + kind
    inverted = _index(f"{chord}/{bass}") if bass else None
    if inverted is not None:
        return vocabulary()[inverted], is_same
    return chord, is_same and not bass


def _lead_sheet(quality: str) -> tuple[str, bool] | None:
    """A quality of the vocabulary, and whether it represents the written one completely."""
    exact = re.sub(r"[()\[\], ]", "", quality)
    if exact in _QUALITIES:
        return _QUALITIES[exact], exact in _SAME
    parted = re.sub(r"[()\[\], ]+", ",", quality)
    for end in range(len(parted), -1, -1):
        if parted[:end] in _QUALITIES and _MORE.fullmatch(parted, end):
            return _QUALITIES[parted[:end]], False
    return None


@cache
def _harte(quality: str) -> tuple[str, bool] | None:
    """A quality for one in Harte's syntax, by its pitch classes, and whether it represents it completely."""
    from mir_eval.chord import InvalidChordException, encode

    try:
        _, sounding, _ = encode(f"C:{quality}" if quality else "C", reduce_extended_chords=True)
    except InvalidChordException:
        return None
    wanted = {step for step, sounds in enumerate(sounding) if sounds > 0}
    kinds = [kind for kind in KINDS if "/" not in kind]
    best = max(kinds, key=lambda kind: len(wanted & set(KINDS[kind])) / len(wanted | set(KINDS[kind])))
    return best, set(KINDS[best]) == wanted


def _index(label: str) -> int | None:
    try:
        return chord_index(label)
    except UserError:
        return None
