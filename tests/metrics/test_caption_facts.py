"""Tempo, key and metre: what captions name, what is detected, and the score against chance."""

from __future__ import annotations

import numpy as np
import pytest

from counterpoint.analysis.spelling import KEYS, Key
from counterpoint.metrics.base import Features, NotApplicableError
from counterpoint.metrics.caption_facts import fact_matches, key_agreement, named_key, named_metre, named_tempo
from counterpoint.metrics.judges.facts import UNKNOWN, FactsJudge
from counterpoint.metrics.signals import SAMPLE_RATE

TEMPO, KEY, METRE = fact_matches()


@pytest.mark.parametrize(
    ("caption", "tempo", "key", "metre"),
    [
        ("tense metal in Ab minor, 168 beats per minute", 168, Key(8, "minor"), None),
        ("waltz at 84.5 BPM in F# major", 84.5, Key(6, "major"), 3),
        ("house, 124bpm, E flat minor, 4/4", 124, Key(3, "minor"), 4),
        ("A minor key, 115 bpm", 115, None, None),
        ("a song in A minor, in three-four time", None, Key(9, "minor"), 3),
        ("from 80 bpm to 120 bpm, C major or G major", None, None, None),
        ("808 drums and a Bb minor pad, B♭ minor", None, Key(10, "minor"), None),
        ("Dorian mode, 1000 bpm", None, None, None),
        ("", None, None, None),
    ],
)
def test_captions_name_facts(caption, tempo, key, metre):
    assert (named_tempo(caption), named_key(caption), named_metre(caption)) == (tempo, key, metre)


def _clip(caption: str, *, tempo: float = UNKNOWN, key: int = -1, metre: float = UNKNOWN) -> Features:
    facts = {"tempo_bpm": tempo, "key": float(key), "metre": metre}
    return Features(caption, {"facts": {name: np.array([value]) for name, value in facts.items()}}, {}, 5.0, False)


def _score(metric, clips):
    return float(metric.prepare(clips, reference=[])(np.ones((1, len(clips))))[0])


def test_a_system_that_plays_the_named_tempo_scores_the_share_above_chance():
    tempi = np.linspace(60, 180, 24)
    right = [_clip(f"jazz, {tempo:.1f} bpm", tempo=tempo * 1.04) for tempo in tempi]
    others = np.mean([[abs(a * 1.04 / b - 1) <= 0.05 for b in tempi if b != a] for a in tempi])
    assert _score(TEMPO, right) == pytest.approx(1 - others)
    same = [_clip(f"jazz, {tempo:.1f} bpm", tempo=120) for tempo in tempi]
    assert _score(TEMPO, same) == pytest.approx(0, abs=0.01)


def test_keys_score_by_kinship():
    c, g, a, minor = (KEYS.index(key) for key in (Key(0, "major"), Key(7, "major"), Key(9, "minor"), Key(0, "minor")))
    assert [key_agreement({"key": key}, KEYS[c]) for key in (c, g, a, minor, -1)] == [1, 0.5, 0.3, 0.2, 0]


def test_one_fact_alone_tests_nothing():
    with pytest.raises(NotApplicableError, match="fewer than two different"):
        METRE.prepare([_clip("waltz", metre=3), _clip("a slow waltz", metre=3), _clip("jazz")], reference=[])


def test_facts_are_detected_in_music_and_not_in_silence():
    clicks = np.zeros(8 * SAMPLE_RATE, np.float32)
    time = np.arange(int(0.45 * SAMPLE_RATE)) / SAMPLE_RATE
    for beat in range(16):  # 120 bpm; C major, its dominant and back
        root = (261.63, 392.0, 392.0, 261.63)[beat // 4]
        chord = sum(np.sin(2 * np.pi * root * step * time) for step in (1, 1.25, 1.5)) * np.exp(-6 * time)
        start = beat * SAMPLE_RATE // 2
        clicks[start : start + len(time)] += chord * 0.2
    found = FactsJudge().analyze(clicks)
    assert found["tempo_bpm"][0] == pytest.approx(120, rel=0.03)
    assert KEYS[int(found["key"][0])].tonic in (0, 7)
    assert all(value[0] == UNKNOWN for value in FactsJudge().analyze(np.zeros(SAMPLE_RATE, np.float32)).values())
