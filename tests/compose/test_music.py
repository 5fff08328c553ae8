"""What is composed makes musical sense, and what is said of it is true."""

import re
from collections import Counter
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from counterpoint.analysis.chords import chord_index, chord_pitch_classes
from counterpoint.compose import STYLES, clip_piece
from counterpoint.compose.canonical import canonical_caption, rounded_bpm, style_term, tempo_term
from counterpoint.compose.captions import tempo_words, write_caption
from counterpoint.compose.instruments import DRUMS, INSTRUMENTS, KITS
from counterpoint.compose.melody import pattern_onsets
from counterpoint.compose.theory import SCALES, Chord, chord_scale, nearest, progression, voice_lead
from counterpoint.compose.vocabulary import vocabulary

CLIPS = 240


@cache
def pieces():
    return tuple(clip_piece(11, index, duration_s=10.0) for index in range(CLIPS))


def words_of(piece, index):
    return write_caption(piece, rng=np.random.default_rng([2, 11, index]))


def test_the_corpus_is_wide():
    assert len(STYLES) >= 12
    assert {piece.style.name for piece in pieces()} == set(STYLES)
    assert len({piece.key for piece in pieces()}) == 24
    assert len({part.instrument for piece in pieces() for part in piece.parts if part.role != "drums"}) >= 40
    assert min(piece.bpm for piece in pieces()) <= 70 and max(piece.bpm for piece in pieces()) >= 170
    assert all(60 <= piece.bpm <= 180 for piece in pieces())
    assert {piece.style.meter for piece in pieces()} == {"4/4", "3/4", "6/8"}
    assert len({(piece.style.swing, piece.style.swing_unit) for piece in pieces()}) >= 4
    drummed = Counter(piece.drums is not None for piece in pieces())
    assert drummed[True] > 60 and drummed[False] > 60


def test_styles_are_dealt_evenly_and_each_key_root_too():
    styles = Counter(piece.style.name for piece in pieces())
    assert max(styles.values()) - min(styles.values()) <= 1
    assert set(Counter(piece.tonic for piece in pieces()).values()) == {CLIPS // 12}


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_a_style_is_well_formed(style):
    beats = style.beats
    assert 60 <= style.bpm[0] < style.bpm[1] <= 180
    assert abs(sum(style.modes.values()) - 1) < 1e-9
    names = {name for layer in style.layers for name in layer.instruments} | set(style.lead.instruments)
    assert names <= set(INSTRUMENTS)
    patterns = [*style.lead.rhythms, *style.lead.cadences]
    patterns += [pattern for layer in style.layers for pattern in layer.patterns]
    if style.drums is not None:
        assert set(style.drums.kits) <= set(KITS)
        lanes = [item for groove in (*style.drums.grooves, *style.drums.fills) for item in groove.items()]
        assert {lane for lane, _ in lanes} <= set(DRUMS)
        patterns += [pattern for _, pattern in lanes]
    for pattern in patterns:
        for bar in pattern.split("/"):
            assert len(bar) % beats == 0 or (beats == 4 and len(bar) == 4), f"{pattern} does not divide {beats} beats"
            assert len(bar) // beats in (1, 2, 3, 4, 6, 8), pattern
    for mode in style.modes:
        assert style.moods[mode] and style.lead.scale[mode] in SCALES
        for line in style.progressions[mode]:
            progression(line, tonic=0, bar_beats=beats, bars=8)


def test_chords_cover_the_clip_in_order_with_known_labels():
    for piece in pieces():
        starts = [start for start, _ in piece.chords]
        assert starts[0] == 0.0 and starts == sorted(set(starts)) and starts[-1] < piece.duration_s
        assert all(chord_index(label) > 0 for _, label in piece.chords)
        assert all(a != b for (_, a), (_, b) in pairwise(piece.chords))


def test_melody_is_one_voice_in_range_and_fits_its_chords():
    fitting = []
    for piece in pieces():
        assert len(piece.melody) >= 3, piece.style.name
        for start, end, midi in piece.melody:
            assert 0 <= start < end <= piece.duration_s and 43 <= midi <= 95
        for (_, end, _), (start, _, _) in pairwise(piece.melody):
            assert end <= start + 1e-9
        shares = [
            midi % 12 in chord_pitch_classes([label for at, label in piece.chords if at <= start + 0.03][-1])
            for start, end, midi in piece.melody
            if end - start > 0.3
        ]
        fitting += shares
    assert np.mean(fitting) > 0.8  # long notes are chord tones nearly always; chance is about a third


def test_melodies_move_mostly_by_step_and_repeat_their_motif():
    moves = Counter()
    repeats = 0
    for piece in pieces():
        pitches = [midi for _, _, midi in piece.melody]
        moves.update(abs(b - a) for a, b in pairwise(pitches))
        bar = 60.0 / piece.bpm * piece.style.beats
        rhythms = [
            tuple(round((at - n * bar) / bar * 8) for at, _, _ in piece.melody if -0.05 <= at - n * bar < bar - 0.05)
            for n in range(int(10.0 / bar))
        ]
        repeats += any(count > 1 for rhythm, count in Counter(rhythms).items() if rhythm)
    total = sum(moves.values())
    assert sum(count for move, count in moves.items() if move <= 4) / total > 0.6
    assert max(moves) <= 24
    assert repeats > 0.6 * CLIPS


def test_beats_count_bars_at_the_tempo():
    for piece in pieces():
        times = np.array([time for time, _ in piece.beats])
        assert times[0] == 0.0 and np.allclose(np.diff(times), 60.0 / piece.bpm, atol=1e-6)
        assert [position for _, position in piece.beats[:4]] == [n % piece.style.beats + 1 for n in range(4)]


def test_the_bass_plays_the_root_on_most_chord_starts():
    hits = []
    for piece in pieces():
        bass = next((part for part in piece.parts if part.role == "bass"), None)
        for start, label in piece.chords if bass else ():
            struck = [note.midi % 12 for note in bass.notes if abs(note.start - start) < 0.04]
            hits += [struck[0] in chord_pitch_classes(label)] if struck else []
    assert len(hits) > 300 and np.mean(hits) > 0.95


def test_voices_lead_smoothly():
    chords = progression("Imaj7 | VIm7 | IIm7 | V7", tonic=0, bar_beats=4, bars=4)
    previous, moves = None, []
    for chord in chords:
        voicing = voice_lead(chord, previous, centre=60, voices=4)
        assert {pitch % 12 for pitch in voicing} == set(chord.tones) and len(set(voicing)) == 4
        if previous:
            moves.append(np.mean([min(abs(p - q) for q in previous) for p in voicing]))
        previous = voicing
    assert max(moves) <= 2.0
    root_position = np.mean([abs(7), abs(7), abs(5)])  # what jumping from root to root would cost
    assert np.mean(moves) < root_position / 2


def test_a_minor_key_takes_its_leading_tone_over_the_dominant():
    dominant = Chord(root=4, kind="", start=0, end=4)  # E major in A minor
    pcs = chord_scale(SCALES["minor"], 9, dominant)
    assert 8 in pcs and 7 not in pcs


def test_a_narrow_range_without_any_of_the_wanted_notes_gives_the_nearest_it_has():
    assert nearest((0, 4), 70, low=66, high=71) == 70
    assert nearest((0, 4), 75, low=66, high=71) == 71
    assert nearest((0, 4), 70, low=60, high=71) == 64
    assert clip_piece(0, 9604, duration_s=8.0).parts


def test_pattern_language():
    assert pattern_onsets("x--.x-..", beats=4) == [(0.0, 1.5, "x"), (2.0, 3.0, "x")]
    assert pattern_onsets("x.../.x..", beats=4, bar=1) == [(1.0, 2.0, "x")]


def spoken(text, words):
    return any(word.lower() in text.lower() for word in words)


def test_captions_let_a_listener_recognise_the_clip():
    captions = [words_of(piece, index) for index, piece in enumerate(pieces())]
    for index, (piece, caption) in enumerate(zip(pieces(), captions, strict=True)):
        names = [w for p in piece.parts if p.role != "drums" for w in (p.instrument, *INSTRUMENTS[p.instrument].words)]
        assert spoken(caption, (style_term(piece.style), *piece.style.genres, *names)), caption
        if canonical(piece, index):
            continue  # any item beyond the style may be left out
        tempo = (*tempo_words(piece), "tempo", "pace", "slowly", "speed", "bpm", "beats per minute")
        assert spoken(caption, (*tempo, *piece.style.moods[piece.mode])), caption
        assert 10 < len(caption) < 400 and "  " not in caption and "None" not in caption
    assert len(set(captions)) > 0.95 * CLIPS
    lengths = [len(caption.split()) for caption in captions]
    assert min(lengths) <= 5 and max(lengths) >= 30


class Always(np.random.Generator):
    """Draws zero, so that whatever has a chance happens."""

    def __init__(self):
        super().__init__(np.random.PCG64(0))

    def random(self, *_, **__) -> Any:
        return 0.0


def canonical(piece, index) -> bool:
    """Whether the caption is canonical: the same draw as that of `write_caption`."""
    rng = np.random.default_rng([2, 11, index])
    rng.random()
    return canonical_caption(piece, rng=rng) == words_of(piece, index)


def test_about_half_of_the_captions_are_canonical_and_each_of_them_is_a_part_of_the_whole_in_its_order():
    chosen = [canonical(piece, index) for index, piece in enumerate(pieces())]
    assert 0.4 < np.mean(chosen) < 0.6
    lengths = set()
    for index, piece in enumerate(pieces()):
        if not chosen[index]:
            continue
        full = canonical_caption(piece, rng=Always()).split(", ")
        items = words_of(piece, index).split(", ")
        assert [item for item in full if item in items] == items and items[0] == full[0] == style_term(piece.style)
        lengths.add(len(items))
    assert min(lengths) <= 4 and max(lengths) == 8


def test_a_canonical_caption_says_what_sounds():
    for piece in pieces():
        style, *items = canonical_caption(piece, rng=Always()).split(", ")
        *players, drums, tempo, bpm, key = items
        sounding = [part.instrument for part in piece.parts if part.role != "drums"]
        assert style.lower() == piece.style.name and key == piece.key
        assert 1 <= len(players) <= 3 and players[0] == sounding[0] and set(players) <= set(sounding)
        assert drums == ("drums" if piece.drums else "no drums")
        assert tempo == tempo_term(piece) and bpm == f"{rounded_bpm(piece.bpm)} bpm"
        assert abs(int(bpm.split()[0]) - piece.bpm) <= 2


def test_numbers_in_captions_are_multiples_of_5_and_near_the_tempo():
    for index, piece in enumerate(pieces()):
        for text in re.findall(r"(\d+) (?:bpm|BPM|beats)", words_of(piece, index)):
            assert int(text) % 5 == 0 and abs(int(text) - piece.bpm) <= 2


def test_the_vocabulary_holds_every_word_that_is_said():
    def words(text):
        return re.findall(r"[\w#]+", text.lower())

    known = vocabulary(words)
    said = {word for index, piece in enumerate(pieces()) for word in words(words_of(piece, index))}
    for again in range(8):
        said |= {
            word
            for index, piece in enumerate(pieces())
            for word in words(write_caption(piece, rng=np.random.default_rng([again, index])))
        }
    assert said <= known
    assert len(said) > 0.85 * len(known) and len(known) < 700


def test_captions_are_true():
    for index, piece in enumerate(pieces()):
        caption = words_of(piece, index).lower()
        sounding = {part.instrument for part in piece.parts if part.role != "drums"}
        absent = {"no drums", "without drums"}
        assert not (piece.drums is not None and any(text in caption for text in absent)), caption
        if piece.drums is None:
            bare = caption.replace("no drums", "").replace("without drums", "").replace("steel drums", "")
            assert "drums" not in bare and "brushes" not in bare, caption
        assert f"{'minor' if piece.mode == 'major' else 'major'} key" not in caption
        for name in ("harpsichord", "banjo", "sitar", "tuba", "bassoon", "celesta", "marimba", "oboe"):
            oriental = name == "oboe" and "shehnai" in sounding  # an oriental oboe
            assert name not in caption or name in sounding or oriental, caption
        slow, fast = piece.bpm * piece.style.pulse < 90, piece.bpm * piece.style.pulse > 132
        assert not (fast and " slow " in f" {caption} ".replace(",", " ")) or "slow" in str(piece.style.genres), caption
        assert not (slow and " fast " in f" {caption} ".replace(",", " ")), caption
