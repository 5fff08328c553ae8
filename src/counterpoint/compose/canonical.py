"""The standard terms of the corpus, and captions that consist of them.

Everything that a caption may name has one standard term: the style's name, an instrument's stored name, `drums`, one of
five words for the tempo, the tempo rounded to 5 bpm, the key. Half of the captions are lists of these in a fixed order,
so that a small model sees the same words often; the others prefer them.
"""

from __future__ import annotations

import numpy as np

from counterpoint.compose.piece import Piece
from counterpoint.compose.style import Style

# Upper limits of the perceived tempo in bpm.
TEMPI: tuple[tuple[float, str], ...] = (
    (68, "very slow"),
    (90, "slow"),
    (112, "moderate"),
    (132, "fast"),
    (999, "very fast"),
)
_PROPER = {"celtic": "Celtic", "indian": "Indian", "japanese": "Japanese"}
_KEPT = 0.75  # probability of each item beyond the style
_MOST_OTHERS = 2


def style_term(style: Style) -> str:
    """`jazz ballad`; names of peoples are capitalised."""
    return " ".join(_PROPER.get(word, word) for word in style.name.split())


def tempo_term(piece: Piece) -> str:
    """`slow`, according to the perceived tempo of the piece."""
    felt = piece.bpm * piece.style.pulse
    return next(term for limit, term in TEMPI if felt < limit)


def rounded_bpm(bpm: float) -> int:
    """The nearest multiple of 5."""
    return 5 * round(bpm / 5)


def instrument_names(piece: Piece) -> list[str]:
    """Stored names without repetition: the lead's, then the others', the most prominent first; drums are separate."""
    melodic = [part for part in piece.parts if part.role != "drums"]
    ranked = sorted(melodic[1:], key=lambda part: -part.level_db)
    return list(dict.fromkeys(part.instrument for part in [melodic[0], *ranked]))


def canonical_caption(piece: Piece, *, rng: np.random.Generator) -> str:
    """`jazz ballad, tenor sax, piano, drums, slow, 75 bpm, C minor`: always the style, each other item three times in
    four, always in this order."""
    lead, *others = instrument_names(piece)
    items = [
        lead,
        *others[:_MOST_OTHERS],
        "drums" if piece.drums else "no drums",
        tempo_term(piece),
        f"{rounded_bpm(piece.bpm)} bpm",
        piece.key,
    ]
    return ", ".join([style_term(piece.style), *(item for item in items if rng.random() < _KEPT)])
