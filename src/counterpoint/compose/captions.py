"""True captions of a piece: half are lists of standard terms (see `canonical`), half are written in varied words.

A varied caption always names the style or its instruments, and the tempo or the mood; other facts are optional. Its
words come from the style (genres, moods, feels), from the instruments' names and from the composition (tempo, key,
players). A standard term is more likely than all its synonyms together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from counterpoint.compose.canonical import (
    canonical_caption,
    instrument_names,
    rounded_bpm,
    style_term,
    tempo_term,
)
from counterpoint.compose.instruments import INSTRUMENTS
from counterpoint.compose.piece import Piece
from counterpoint.compose.styles import STYLES

CANONICAL_SHARE = 0.5
_STANDARD = 0.75  # probability of a standard term that has synonyms
# By standard term of the tempo: other adjectives, and adverbials that end a clause, the standard one first.
SYNONYMS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "very slow": (("slow",), ("at a very slow tempo", "very slowly", "at a slow pace")),
    "slow": (("unhurried",), ("at a slow tempo", "at an unhurried pace", "slowly")),
    "moderate": (("mid-tempo", "medium-tempo"), ("at a moderate tempo", "at a medium pace")),
    "fast": (("lively", "brisk", "up-tempo"), ("at a fast tempo", "at a brisk tempo", "at an upbeat pace")),
    "very fast": (("fast", "rapid", "quick"), ("at a very fast tempo", "at a fast pace", "at high speed")),
}
_NOUNS = ("piece", "track", "tune", "instrumental", "music")
_MASS = ("music", "brass", "percussion", "pizzicato", "whistling")
KIT_WORDS = {"brush": ("brushed drums", "soft brushes"), "808": ("808 drums", "drum machine beats")}


@dataclass(frozen=True)
class _Facts:
    """The facts that a caption may name, in words."""

    genre: str
    mood: str
    mood_2: str
    tempo: str
    pace: str
    bpm: str
    key: str
    mode: str
    feel: str
    lead: str
    others: tuple[str, ...]
    drums: str
    noun: str
    solo: bool


def write_caption(piece: Piece, *, rng: np.random.Generator) -> str:
    """One caption; its form and every choice of words come from `rng`."""
    if rng.random() < CANONICAL_SHARE:
        return canonical_caption(piece, rng=rng)
    facts = _facts(piece, rng)
    templates = _SOLO_TEMPLATES if facts.solo else _TEMPLATES
    text = templates[int(rng.integers(len(templates)))](facts, rng)
    return text[0].upper() + text[1:] if text.endswith(".") else text


def tempo_words(piece: Piece) -> tuple[str, ...]:
    """The words for a piece's tempo, the standard term first."""
    term = tempo_term(piece)
    return term, *SYNONYMS[term][0]


def _facts(piece: Piece, rng: np.random.Generator) -> _Facts:
    style = piece.style
    standard = tempo_term(piece)
    adjectives, (pace, *paces) = SYNONYMS[standard]
    lead, others = _players(piece, rng)
    genre = _name(style_term(style), [word for word in style.genres if "slow" not in word or "slow" in standard], rng)
    tempo = _name(standard, adjectives, rng)
    moods = _moods(style.moods[piece.mode], rng)
    moods = [mood for mood in moods if mood != tempo and mood not in genre] or moods
    bpm = rounded_bpm(piece.bpm)
    return _Facts(
        genre=genre,
        mood=moods[0],
        mood_2=moods[1 % len(moods)],
        tempo=tempo,
        pace=_name(pace, paces, rng),
        bpm=_name(f"{bpm} bpm", (f"{bpm} BPM", f"{bpm} beats per minute"), rng),
        key=piece.key,
        mode=piece.mode,
        feel=_name(style.feels[0], style.feels, rng),
        lead=lead,
        others=others,
        drums=_drum_words(piece, rng),
        noun=_pick(_NOUNS, rng),
        solo=not others and piece.drums is None,
    )


def _players(piece: Piece, rng: np.random.Generator) -> tuple[str, tuple[str, ...]]:
    """Names of the lead and the other instruments, all different."""
    words: list[str] = []
    for name in instrument_names(piece):
        synonyms = [word for word in INSTRUMENTS[name].words if word not in words]
        words.append(_pick(synonyms, rng) if name in words and synonyms else _name(name, synonyms, rng))
    if len(words) > 1:
        words[1:] = [word.removeprefix("solo ") for word in words[1:]]
    return words[0], tuple(words[1:])


def _moods(moods: Sequence[str], rng: np.random.Generator) -> list[str]:
    """All moods in random order, in which a mood shared by many styles tends to be first."""
    order = [moods[int(i)] for i in rng.permutation(len(moods))]
    return sorted(order, key=lambda mood: mood != _common_mood(tuple(moods))) if rng.random() < _STANDARD else order


@cache
def _common_mood(moods: tuple[str, ...]) -> str:
    lists = [names for style in STYLES.values() for names in style.moods.values()]
    return max(moods, key=lambda mood: sum(mood in names for names in lists))


def _drum_words(piece: Piece, rng: np.random.Generator) -> str:
    if piece.drums is None or piece.style.drums is None:
        return ""
    if piece.drums.instrument not in piece.style.drums.kits:  # a substitute kit, which the style's words may not fit
        return "drums"
    return _name("drums", (*piece.style.drums.words, *KIT_WORDS.get(piece.drums.instrument, ())), rng)


def _name(standard: str, synonyms: Sequence[str], rng: np.random.Generator) -> str:
    """The standard term, or else one of its synonyms."""
    others = [word for word in synonyms if word != standard]
    return standard if not others or rng.random() < _STANDARD else _pick(others, rng)


def _pick(options: Sequence[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]


def _a(words: str) -> str:
    """The words with their indefinite article; plural instruments and mass nouns have none."""
    first = words.split()[0].lower()
    last = words.split()[-1].lower()
    if first in ("a", "an", "the") or last in _MASS or _plural(last):
        return words
    spoken_vowel = (first[0] in "aeiou" and not first.startswith(("u", "eu", "one"))) or first.startswith(
        ("unhurried", "up", "8", "fm", "808", "uplift", "unch", "urgent", "e-")
    )
    return f"{'an' if spoken_vowel else 'a'} {words}"


def _plural(word: str) -> bool:
    return word.endswith("s") and not word.endswith(("bass", "brass"))


def _verb(subject: str, phrase: str) -> str:
    """A verb phrase in the number of its subject: (`oboe`, `play the lead`) -> `plays the lead`."""
    first, space, rest = phrase.partition(" ")
    if _plural(subject.split()[-1].lower()):
        return phrase
    return f"{first[:-1]}ies{space}{rest}" if first.endswith("ry") else f"{first}s{space}{rest}"


def _join(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _maybe(rng: np.random.Generator, chance: float, text: str) -> str:
    return text if rng.random() < chance else ""


def _band(facts: _Facts, *, most: int) -> str:
    """The accompaniment, drums included: `piano, double bass and brushed drums`."""
    names = [_a(name) for name in facts.others[:most]] + ([facts.drums] if facts.drums else [])
    return _join(names)


def _piece_noun(facts: _Facts) -> str:
    """A noun after the genre, unless the genre already is one."""
    ends = facts.genre.split()[-1]
    if ends in ("music", "band", "combo", "song", "tune", "piece", "beats", "ballad", "score", "orchestra", "hymn",
                "jig", "waltz", "lullaby", "soundscape", "dance", "strings", "quartet", "tango", "raga"):  # fmt: skip
        return facts.genre
    return f"{facts.genre} {facts.noun}"


def _drum_clause(facts: _Facts, rng: np.random.Generator) -> str:
    if facts.drums:
        return f" with {facts.drums}"
    return _maybe(rng, 0.6, _pick((", no drums", " without drums"), rng))


def _tags(facts: _Facts, rng: np.random.Generator) -> str:
    """A list of tags, as in a music library: `jazz, saxophone, piano, slow, smoky`."""
    tags = [facts.genre, facts.lead, *facts.others[: int(rng.integers(1, 3))], facts.tempo, facts.mood]
    tags += [facts.drums.removeprefix("a ")] if facts.drums else ["no drums"] if rng.random() < 0.5 else []
    tags += [f"{facts.mode} key"] if rng.random() < 0.35 else [facts.bpm] if rng.random() < 0.3 else []
    order = [tags[0], *(tags[1:][int(i)] for i in rng.permutation(len(tags) - 1))]
    return ", ".join(order)


def _plain(facts: _Facts, rng: np.random.Generator) -> str:
    """`slow, smoky jazz ballad with tenor saxophone and piano`."""
    second = _a(facts.others[0]) if facts.others else facts.drums
    key = _maybe(rng, 0.3, f" in {_pick((facts.key, f'a {facts.mode} key'), rng)}")
    return f"{facts.tempo}, {facts.mood} {facts.genre} with {_a(facts.lead)} and {second}{key}"


def _short(facts: _Facts, rng: np.random.Generator) -> str:
    """A few words: `sad slow blues harp`, `cheerful pop, flute`."""
    return _pick(
        (
            f"{facts.mood} {facts.genre}, {facts.tempo}",
            f"{facts.tempo} {facts.genre} with {facts.lead}",
            f"{facts.mood} {facts.genre} with {facts.lead}",
            f"{facts.tempo} {facts.mood} {facts.genre}",
            f"{facts.lead} and {facts.others[0] if facts.others else facts.drums}, {facts.mood}, {facts.tempo}",
        ),
        rng,
    )


def _sentence(facts: _Facts, rng: np.random.Generator) -> str:
    opening = _a(f"{_pick((facts.mood, facts.tempo, f'{facts.mood}, {facts.tempo}'), rng)} {_piece_noun(facts)}")
    tail = _pick((f", played {facts.pace}", f" at {facts.bpm}", f" with {facts.feel}"), rng)
    lead, band = _a(facts.lead), _band(facts, most=2)
    if rng.random() < 0.25:
        does = _pick(("play the melody", "take the lead"), rng)
        return f"{opening} in which {lead} {_verb(facts.lead, does)} over {band}{tail}."
    joint = _pick(("featuring", "led by", "with"), rng)
    return f"{opening} {joint} {lead}, {_pick(('backed by', 'over', 'accompanied by'), rng)} {band}{tail}."


def _melody_first(facts: _Facts, rng: np.random.Generator) -> str:
    melody = _pick((_a(f"{facts.mood} melody"), _a(f"{facts.mood} tune"), f"the {facts.mood} lead line"), rng)
    style = _pick((_a(f"{facts.genre} style"), f"the style of {facts.genre}"), rng)
    key = _maybe(rng, 0.5, f" The key is {_pick((facts.key, facts.mode), rng)}.")
    band = _band(facts, most=3)
    return f"{_a(facts.lead)} {_verb(facts.lead, 'play')} {melody} over {band}, {facts.pace}, in {style}.{key}"


def _long(facts: _Facts, rng: np.random.Generator) -> str:
    mood = f"{facts.mood} and {facts.mood_2}" if facts.mood_2 != facts.mood else facts.mood
    alone = facts.others[0] if len(facts.others) == 1 and not facts.drums else "all of them, many words"
    backing = _verb(alone, _pick(("fill in the background", "provide the backing"), rng))
    sentences = (
        f"This is {_a(f'{mood} {_piece_noun(facts)}')} with {facts.feel}",
        f"{_a(facts.lead)} {_verb(facts.lead, 'carry')} the melody while {_band(facts, most=3)} {backing}",
        _pick(
            (
                f"the tempo is {facts.tempo}, around {facts.bpm}",
                f"it is in {facts.key} and moves {facts.pace}",
                f"a {facts.mode} key, {facts.bpm}",
            ),
            rng,
        ),
    )
    return " ".join(f"{sentence[0].upper()}{sentence[1:]}." for sentence in sentences)


def _instruments_first(facts: _Facts, rng: np.random.Generator) -> str:
    names = _join([facts.lead, *facts.others[:2]])
    return f"{names}{_drum_clause(facts, rng)}; {facts.tempo} and {facts.mood} {facts.genre}"


def _technical(facts: _Facts, rng: np.random.Generator) -> str:
    """`house in A minor, 124 bpm, saw lead, piano chords, drum machine`."""
    names = ", ".join([facts.lead, *facts.others[:3]])
    drums = f", {facts.drums.removeprefix('a ')}" if facts.drums else _maybe(rng, 0.5, ", no drums")
    return f"{facts.mood} {facts.genre} in {facts.key}, {facts.bpm}, {names}{drums}"


def _felt(facts: _Facts, rng: np.random.Generator) -> str:
    place = _pick(("in front", "on top", "as the lead"), rng)
    opening = f"{_a(f'{facts.mood} {_piece_noun(facts)}')} with {facts.feel}"
    return f"{opening}, {facts.lead} {place}{_drum_clause(facts, rng)}, {facts.tempo}."


def _solo_plain(facts: _Facts, rng: np.random.Generator) -> str:
    key = _maybe(rng, 0.4, f" in {_pick((facts.key, f'a {facts.mode} key'), rng)}")
    solo = facts.lead if facts.lead.startswith("solo") else f"solo {facts.lead}"
    return f"{_pick((facts.tempo, facts.mood, f'{facts.tempo}, {facts.mood}'), rng)} {solo}{key}"


def _solo_sentence(facts: _Facts, rng: np.random.Generator) -> str:
    lead = facts.lead.removeprefix("solo ")
    return f"{_a(f'{facts.mood} {_piece_noun(facts)}')} played {facts.pace} on {lead} alone, with {facts.feel}."


def _solo_tags(facts: _Facts, rng: np.random.Generator) -> str:
    tags = [facts.lead.removeprefix("solo "), "solo", facts.tempo, facts.mood, facts.mood_2]
    return ", ".join(dict.fromkeys([*tags, *([f"{facts.mode} key"] if rng.random() < 0.5 else [facts.bpm])]))


def _solo_short(facts: _Facts, rng: np.random.Generator) -> str:
    return _pick((f"{facts.tempo} {facts.mood} {facts.lead}", f"{facts.mood} {facts.genre}, {facts.tempo}"), rng)


_Template = Callable[[_Facts, np.random.Generator], str]
_TEMPLATES: tuple[_Template, ...] = (
    _tags,
    _plain,
    _short,
    _sentence,
    _melody_first,
    _long,
    _instruments_first,
    _technical,
    _felt,
)
_SOLO_TEMPLATES: tuple[_Template, ...] = (_solo_plain, _solo_sentence, _solo_tags, _solo_short, _technical)


def plain_captions(*, draws: int, rng: np.random.Generator) -> Iterator[str]:
    """Captions of every template, with plain words for the facts in either number, `draws` times."""
    bands = (("organ", "drums", ("strings", "bass")), ("strings", "", ("organ",)), ("organ", "", ()))
    for _ in range(draws):
        for lead, drums, others in bands:
            facts = _Facts(
                genre="pop", mood="soft", mood_2="warm", tempo="slow", pace="slowly", bpm="90 bpm", key="A minor",
                mode="minor", feel="a shuffle", lead=lead, others=others, drums=drums, noun=_pick(_NOUNS, rng),
                solo=not others,
            )  # fmt: skip
            for template in _SOLO_TEMPLATES if facts.solo else _TEMPLATES:
                yield template(facts, rng)
