"""The vocabulary of the captions of the embedded corpus, from which a word table can be sized."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from counterpoint.analysis.chords import ROOTS
from counterpoint.compose.canonical import TEMPI, rounded_bpm, style_term
from counterpoint.compose.captions import KIT_WORDS, SYNONYMS, plain_captions
from counterpoint.compose.instruments import INSTRUMENTS
from counterpoint.compose.styles import STYLES

_DRAWS = 200  # number of draws of each template, for the words that join its facts


def vocabulary(words: Callable[[str], Iterable[str]]) -> frozenset[str]:
    """All words of all captions.

    Args:
        words: splits a text into words, as the text encoder that reads the captions does.
    """
    return frozenset(word for phrase in _phrases() for word in words(phrase))


def _phrases() -> Iterator[str]:
    """The phrases about styles, players, tempi and keys; then the sentences around them."""
    for style in STYLES.values():
        yield from (style_term(style), *style.genres, *style.feels)
        yield from (mood for moods in style.moods.values() for mood in moods)
        yield from style.drums.words if style.drums else ()
        yield from (str(rounded_bpm(bpm)) for bpm in range(style.bpm[0], style.bpm[1] + 1))
    for name, instrument in INSTRUMENTS.items():
        yield from (name, *instrument.words)
    yield from (phrase for phrases in KIT_WORDS.values() for phrase in phrases)
    yield from (term for _, term in TEMPI)
    yield from (phrase for adjectives, paces in SYNONYMS.values() for phrase in (*adjectives, *paces))
    yield from (f"{root} {mode}" for root in ROOTS for mode in ("major", "minor"))
    yield from ("bpm", "beats per minute", "drums", "no drums")
    yield from plain_captions(draws=_DRAWS, rng=np.random.default_rng(0))
