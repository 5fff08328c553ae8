"""Seams of known size: each measure hears its own, grows with it, and finds nothing in music left as it is."""

from __future__ import annotations

import io
import json
from dataclasses import astuple, replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from counterpoint.audio import save_audio
from counterpoint.compose import render_clip
from counterpoint.config import UserError
from counterpoint.metrics import Clip, Evaluation, Seams, evaluate_seams, measure_seams, print_evaluation
from counterpoint.metrics.seams import MEASURES

RATE = 32_000
COUNT = 8
SPAN = (1.2, 3.7)
TIME = np.arange(5 * RATE) / RATE


def noise(seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(len(TIME)).astype(np.float32)


def notes(*semitones: float, hz: float = 220.0) -> np.ndarray:
    """A sustained chord of a few overtones."""
    waves = [np.sin(2 * np.pi * k * hz * 2 ** (s / 12) * TIME) / k for s in semitones for k in (1, 2, 3)]
    return (0.05 * np.sum(waves, axis=0)).astype(np.float32)


def clicks(*, late_s: float = 0.0, apart_s: float = 0.5) -> np.ndarray:
    """Bursts of noise of 20 ms over silence."""
    since = (TIME - 0.1 - late_s) % apart_s
    return np.where(since < 0.02, noise(), 0.0).astype(np.float32)


def fill(audio: np.ndarray, inside: np.ndarray, *, span: tuple[float, float] = SPAN, fade_s: float = 0.0) -> np.ndarray:
    """`audio` with `inside` in the span, crossfaded around its borders."""
    reach = max(fade_s, 1e-9)
    weight = np.clip((TIME - span[0]) / reach + 0.5, 0, 1) * np.clip((span[1] - TIME) / reach + 0.5, 0, 1)
    return ((1 - weight) * audio + weight * inside).astype(np.float32)


def seams(audio: np.ndarray, span: tuple[float, float] = SPAN) -> Seams:
    return measure_seams(audio, sample_rate=RATE, spans=[span])


@cache
def pieces(count: int = COUNT) -> list[np.ndarray]:
    return [render_clip(7, index, duration_s=5.0).audio.astype(np.float32) for index in range(count)]


@pytest.mark.parametrize("gain_db", [-20.0, -6.0, -3.0, 3.0, 6.0, 12.0])
def test_a_step_of_gain_is_heard_in_decibels(gain_db: float) -> None:
    audio = noise()
    assert seams(audio).loudness_step < 0.5
    assert seams(fill(audio, audio * 10 ** (gain_db / 20))).loudness_step == pytest.approx(
        abs(gain_db), rel=0.05, abs=0.4
    )


def test_in_music_too_the_step_grows_with_the_gain() -> None:
    found = [
        np.mean([seams(fill(audio, audio * 10 ** (gain_db / 20))).loudness_step for audio in pieces(4)])
        for gain_db in (0, 12, 24)
    ]
    assert all(after > before + 4 for before, after in pairwise(found))
    assert found[-1] == pytest.approx(24, abs=5)


@pytest.mark.parametrize("late_s", [0.0, 0.04, 0.0625, 0.125, 0.25])
def test_beats_that_come_late_fall_as_the_cosine(late_s: float) -> None:
    """Of clicks every half second the strongest frequency is one of the harmonics of 2 Hz."""
    found = seams(fill(clicks(), clicks(late_s=late_s))).beat_phase
    assert min(abs(found - np.cos(2 * np.pi * hertz * late_s)) for hertz in (2, 4, 6, 8)) < 0.1
    assert late_s or found > 0.95


def test_beats_fall_steadily_over_small_shifts() -> None:
    found = [seams(fill(clicks(), clicks(late_s=late_s))).beat_phase for late_s in (0, 0.02, 0.04, 0.06)]
    assert all(after < before for before, after in pairwise(found)) and found[0] - found[-1] > 0.1


def test_no_beats_inside_is_zero_and_none_outside_is_unknown() -> None:
    assert seams(fill(clicks(), np.zeros_like(TIME))).beat_phase == 0
    assert np.isnan(seams(fill(notes(0, 4, 7), clicks())).beat_phase)


def test_harmony_falls_with_transposition() -> None:
    major = notes(0, 4, 7)
    assert seams(major).chord > 0.98
    related, far = (seams(fill(major, notes(*(np.array([0, 4, 7]) + n)))).chord for n in (9, 6))
    assert far < 0.1 and related < 0.5
    assert far < seams(fill(major, notes(-3, 0, 4))).chord < 0.9, "a relative minor shares two notes"
    assert seams(fill(major, 0 * major)).chord == pytest.approx(0, abs=0.05)


def test_a_click_and_a_cut_in_a_sustained_tone_are_heard() -> None:
    tone = notes(0)
    click = tone.copy()
    click[round(SPAN[0] * RATE) : round(SPAN[0] * RATE) + 16] += 0.5
    cut = fill(tone, np.roll(tone, 37))
    whole, *broken = (seams(audio).flux for audio in (tone, click, cut, fill(tone, noise())))
    assert whole == pytest.approx(0, abs=0.1)
    assert min(broken) > whole + 0.5


def test_a_crossfade_softens_the_border() -> None:
    found = [np.mean([seams(fill(a, b, fade_s=fade_s)).flux for a, b in pairwise(pieces())]) for fade_s in (0, 0.3)]
    assert all(after < before for before, after in pairwise(found))


def test_music_as_it_is_beats_silence_another_clip_and_noise_on_every_measure() -> None:
    audio = pieces()
    truth = [seams(each) for each in audio]
    silence = [seams(fill(each, 0 * each, fade_s=0.01)) for each in audio]
    other = [seams(fill(a, b, fade_s=0.01)) for a, b in zip(audio, audio[1:] + audio[:1], strict=True)]
    hiss = [seams(fill(each, noise(), fade_s=0.01)) for each in audio]
    for worse in (silence, other, hiss):
        for name, measure in MEASURES.items():
            sign = 1 if measure.info.better == "higher" else -1
            apart = [sign * (getattr(a, name) - getattr(b, name)) for a, b in zip(truth, worse, strict=True)]
            assert np.nanmean(apart) > 0, name
        assert all(a.score > b.score for a, b in zip(truth, worse, strict=True))


def test_what_is_smoother_than_music_gains_nothing() -> None:
    usual = Seams(**{name: measure.usual for name, measure in MEASURES.items()})
    assert usual.score == 0
    assert Seams(flux=-2.0, loudness_step=0.0, beat_phase=1.0, chord=1.0).score == 0
    assert Seams(np.nan, np.nan, np.nan, np.nan).score == 0
    for name, measure in MEASURES.items():
        sign = 1 if measure.info.better == "lower" else -1
        worse = {each: m.usual + sign * m.spread * (each == name) for each, m in MEASURES.items()}
        assert Seams(**worse).score == pytest.approx(-1)


def test_the_level_and_the_rate_of_a_clip_do_not_matter() -> None:
    audio = fill(pieces()[0], pieces()[1])
    assert astuple(seams(0.1 * audio)) == pytest.approx(astuple(seams(audio)), abs=0.02)
    half = measure_seams(audio[::2], sample_rate=RATE // 2, spans=[SPAN])
    assert half.chord == pytest.approx(seams(audio).chord, abs=0.2)


def test_a_span_at_the_start_or_end_has_one_border_and_a_whole_clip_none() -> None:
    audio = fill(noise(), 2 * noise(), span=(2.5, 5.0))
    both = [seams(audio, span).loudness_step for span in ((0.0, 2.5), (2.5, 5.0), (2.5, 4.95))]
    assert both == pytest.approx([6.02] * 3, abs=0.4)
    assert seams(audio[:-1000], (2.5, 5.0)).loudness_step == pytest.approx(6.02, abs=0.4), "a codec keeps whole frames"
    assert np.isnan(astuple(seams(audio, (0.0, 5.0)))).all()


def test_a_span_too_short_to_be_heard_says_nothing() -> None:
    found = seams(fill(noise(), clicks()), (2.0, 2.05))
    assert np.isnan(astuple(found)).all() and found.score == 0


def test_spans_with_next_to_nothing_between_are_one() -> None:
    one, two = (measure_seams(pieces()[0], sample_rate=RATE, spans=s) for s in ([SPAN], [(1.2, 2.0), (2.05, 3.7)]))
    assert one == two


def test_only_what_is_near_counts_and_spans_are_averaged() -> None:
    one = fill(pieces()[0], 2 * pieces()[0])
    calm = noise()
    minutes = np.concatenate([noise(seed) for seed in range(12)])
    loud = minutes.copy()
    loud[: 20 * RATE] *= 0.2
    spans = [(40.0, 42.5), (50.0, 52.0)]
    near, far = (measure_seams(each, sample_rate=RATE, spans=spans) for each in (minutes, loud))
    assert astuple(near) == astuple(far), "what is 20 s away is not listened to"
    joined = np.concatenate([one, *[calm] * 6, one])
    first, last = SPAN, (SPAN[0] + 35, SPAN[1] + 35)
    alone = [measure_seams(joined, sample_rate=RATE, spans=[span]).loudness_step for span in (first, last)]
    both = measure_seams(joined, sample_rate=RATE, spans=[last, first]).loudness_step
    assert both == pytest.approx(np.mean(alone), abs=0.01)


def test_what_lies_in_one_span_does_not_speak_for_the_context_of_another() -> None:
    spans = [(1.0, 2.0), (3.0, 4.0)]
    audio = fill(fill(clicks(), clicks(late_s=0.2), span=spans[0]), clicks(), span=spans[1])
    wilder = fill(audio, noise(3), span=spans[1])
    found = [
        measure_seams(each, sample_rate=RATE, spans=spans).beat_phase
        for each in (fill(audio, clicks(), span=spans[0]), wilder)
    ]
    assert found[0] > 0.95 > found[1]


@pytest.mark.parametrize(
    ("spans", "message"),
    [
        ([], "no span"),
        ([(1.0, 1.0)], "1:1 is not inside"),
        ([(2.0, 1.0)], "2:1 is not inside"),
        ([(-1.0, 1.0)], "-1:1"),
        ([(4.0, 6.0)], "4:6 is not inside the 5.000 s"),
        ([(5.05, 5.06)], "5.05:5.06"),
        ([(float("nan"), 1.0)], "nan"),
        ([(1.0, 3.0), (2.0, 4.0)], "overlap at 2 s"),
    ],
)
def test_spans_that_cannot_be_are_named(spans: list[tuple[float, float]], message: str) -> None:
    with pytest.raises(UserError, match=message):
        measure_seams(noise(), sample_rate=RATE, spans=spans)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root, audio = tmp_path_factory.mktemp("seams"), pieces()
    for index, each in enumerate(audio):
        for name, inside in (("truth", each), ("silence", 0 * each), ("other", audio[index - 1])):
            save_audio(root / name / f"{index}.wav", fill(each, inside, fade_s=0.01), sample_rate=RATE)
    return root


def systems(folder: Path, *names: str) -> dict[str, list[Clip]]:
    return {name: [Clip(folder / name / f"{index}.wav") for index in range(COUNT)] for name in names}


SPANS = {str(index): SPAN for index in range(COUNT)}


def test_an_evaluation_has_every_measure_of_every_clip_and_tests_the_pairs(folder: Path) -> None:
    seen: list[tuple[float, float]] = []
    found = evaluate_seams(
        systems(folder, "truth", "silence", "other"),
        spans=SPANS,
        pairs=[("truth", "silence"), ("truth", "other")],
        resamples=200,
        progress=lambda done, total: seen.append((done, total)),
    )
    names = [measure.info.name for measure in MEASURES.values()]
    assert seen[-1] == (3 * COUNT, 3 * COUNT) and [info.name for info in found.metrics] == names
    alone = [seams(each) for each in pieces()]
    for field, measure in MEASURES.items():
        score = found.scores["truth"][measure.info.name]
        per_clip = [np.nan if value is None else value for value in score.per_clip or ()]
        assert per_clip == pytest.approx([getattr(each, field) for each in alone], abs=0.02, nan_ok=True)
        assert score.low < score.value < score.high
    assert {(each.first, each.second, each.metric) for each in found.differences} == {
        ("truth", second, name) for second in ("silence", "other") for name in names
    }
    assert all(each.paired and each.p_holm >= each.p for each in found.differences)
    assert Evaluation.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found
    console = Console(file=io.StringIO(), width=160)
    print_evaluation(found, console=console)
    assert isinstance(console.file, io.StringIO)
    assert all(word in console.file.getvalue() for word in (*names, "truth", "silence", "other"))


def test_spans_inserted_as_made_have_measures_of_their_own(folder: Path) -> None:
    given = systems(folder, "truth", "other")
    repaired, plain = (evaluate_seams(given, spans=SPANS, plain=plain, resamples=50) for plain in (False, True))
    for name, score in repaired.scores["other"].items():
        assert plain.scores["other"][f"{name}_plain"].value == pytest.approx(score.value, nan_ok=True)
    assert not plain.scores["other"].keys() & repaired.scores["other"].keys()


def test_runs_of_a_system_are_averaged(folder: Path) -> None:
    given = systems(folder, "truth", "other")
    given["both"] = [replace(clip, seed=name) for name in ("truth", "other") for clip in given[name]]
    found = evaluate_seams(given, spans=SPANS, pairs=[("both", "truth")], resamples=100)
    truth, other, both = (found.scores[name]["seam_loudness_step"] for name in given)
    assert both.value == pytest.approx((truth.value + other.value) / 2) and both.seeds == 2
    assert found.differences[0].seeds == 1 and found.differences[0].paired


def test_clips_whose_span_is_wrong_are_named(folder: Path) -> None:
    with pytest.raises(UserError, match="clip '7'"):
        evaluate_seams(systems(folder, "truth"), spans=dict.fromkeys(list(SPANS)[:7], SPAN))
    with pytest.raises(UserError, match=r"7\.wav: The span 4:9 is not inside the 5\.000 s"):
        evaluate_seams(systems(folder, "truth"), spans={**SPANS, "7": (4.0, 9.0)})
    with pytest.raises(UserError, match="no system"):
        evaluate_seams({}, spans=SPANS)
