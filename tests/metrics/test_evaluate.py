"""The whole evaluation: on real audio once, on made-up features for its rules."""

import io
import json
import math
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from counterpoint.analysis.musicnn import TAGS
from counterpoint.audio import save_audio
from counterpoint.config import UserError
from counterpoint.metrics import GROUND_TRUTH, Clip, Evaluation, distribution, metrics, print_evaluation
from counterpoint.metrics import evaluate as evaluate_in_full
from counterpoint.metrics import features as features_module
from counterpoint.metrics.base import Features
from counterpoint.metrics.features import features_of
from counterpoint.metrics.judges.musicnn import MusicnnJudge
from counterpoint.metrics.registry import absent

evaluate_module = import_module("counterpoint.metrics.evaluate")

_SIGNALS = ("sig_loudness", "sig_centroid_hz", "sig_flatness", "sig_onset_rate", "sig_silence")

JUDGING = {"fad_musicnn", "kad_musicnn", "tag_match_musicnn"}

evaluate = partial(evaluate_in_full, resamples=200)


@pytest.fixture
def made_up(monkeypatch):
    """A clip's features follow from its path: `real` clips from one distribution, `bad` ones shifted and deaf."""

    def listen(clip: Clip, judges, *, device: str = "cpu") -> Features:
        kind = clip.audio.parent.name
        rng = np.random.default_rng([*f"{kind}/{clip.audio.name}".encode(), round(clip.start_s)])
        logits = rng.standard_normal(50)
        if kind != "bad":
            logits[TAGS.index("piano" if "piano" in clip.caption else "guitar")] += 4
        embeddings = rng.standard_normal((2, 200)) * np.exp(-np.arange(200) / 20) + (kind == "bad")
        return Features(
            clip.caption,
            {"musicnn": {"embeddings": embeddings, "logits": logits}},
            dict.fromkeys(_SIGNALS, 1.0),
            5.0,
            kind == "silent",
        )

    monkeypatch.setattr(features_module, "features_of", listen)


def _clips(folder: Path, kind: str, n: int, *, start: int = 0, captions: bool = True) -> list[Clip]:
    say = ("piano", "guitar") if captions else ("", "")
    return [Clip(folder / kind / f"{i}.wav", caption=say[i % 2], id=f"p{i}") for i in range(start, start + n)]


def printed(result: Evaluation, *, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width)
    print_evaluation(result, console=console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_scores_floors_and_differences(made_up, tmp_path):
    systems = {"good": _clips(tmp_path, "real", 24), "bad": _clips(tmp_path, "bad", 24)}
    reference = _clips(tmp_path, "reference", 60)
    result = evaluate(systems, reference=reference, pairs=[("good", "bad")])
    assert result.n == 24
    for name in ("fad_musicnn", "kad_musicnn"):
        good, bad, floor = result.scores["good"][name], result.scores["bad"][name], result.floors[GROUND_TRUTH][name]
        assert good.high < bad.low and floor.n == good.n == 24
        assert good.low < floor.value < good.high  # as good as real music
        assert good.per_clip is None
    match = result.scores["good"]["tag_match_musicnn"]
    assert match.low > 0  # chance
    assert match.low > result.scores["bad"]["tag_match_musicnn"].high
    assert match.per_clip is not None and len(match.per_clip) == len(result.ids["good"]) == 24
    differences = {each.metric: each for each in result.differences}
    not_tested = {"fad_inf_musicnn", "caption_tempo", "caption_key", "caption_metre"}
    assert set(differences) == {metric.info.name for metric in metrics()} - not_tested
    assert all(each.effect is not None or each.value == 0 for each in result.differences)
    assert differences["fad_musicnn"].high < 0 < differences["tag_match_musicnn"].low
    assert all(each.paired and each.n == 24 for each in result.differences)
    assert differences["fad_musicnn"].p < differences["fad_musicnn"].p_holm < 0.02
    expected = result.scores["good"]["fad_musicnn"].value - result.scores["bad"]["fad_musicnn"].value
    assert differences["fad_musicnn"].value == pytest.approx(expected)


def test_systems_of_several_runs(made_up, tmp_path):
    """Distances are of each run's own clips; several copies of one run are that run."""
    one = _clips(tmp_path, "real", 12)

    def runs(kind: str, *folders: str) -> list[Clip]:
        return [
            replace(clip, audio=tmp_path / kind / f"{folder}{clip.audio.name}", seed=folder)
            for folder in folders
            for clip in one
        ]

    systems = {"a": runs("a", "0", "1", "2"), "b": runs("bad", "0", "1", "2"), "one": runs("a", "0")}
    pairs = [("a", "b"), ("a", "one")]
    result = evaluate(systems, reference=_clips(tmp_path, "reference", 40), pairs=pairs)
    assert result.n == 12 and len(result.ids["a"]) == 12
    assert {score.seeds for score in result.scores["a"].values()} == {3}
    assert {each.seeds for each in result.differences if each.second == "b"} == {3}
    assert {each.seeds for each in result.differences if each.second == "one"} == {1}
    alone = [
        evaluate({"a": runs("a", seed)}, reference=_clips(tmp_path, "reference", 40)).scores["a"] for seed in "012"
    ]
    for name, score in result.scores["a"].items():
        assert score.value == pytest.approx(np.mean([each[name].value for each in alone])), name
    differences = {(each.second, each.metric): each for each in result.differences}
    assert differences["b", "fad_musicnn"].high < 0 and differences["b", "fad_musicnn"].p < 0.05
    copies = [replace(clip, seed=seed) for seed in "012" for clip in runs("a", "0")]
    same = evaluate({"a": copies}, reference=_clips(tmp_path, "reference", 40)).scores["a"]["fad_musicnn"]
    assert (same.value, same.low, same.high) == pytest.approx(
        (alone[0]["fad_musicnn"].value, alone[0]["fad_musicnn"].low, alone[0]["fad_musicnn"].high)
    )
    assert any("means over training runs" in note and "a of 3, b of 3" in note for note in result.notes)
    text = printed(result)
    assert "3 runs" in text and json.loads(json.dumps(result.to_json()))["scores"]["a"]["fad_musicnn"]["seeds"] == 3


def test_holm_is_over_the_whole_table(made_up, tmp_path):
    systems = {name: _clips(tmp_path, kind, 12) for name, kind in (("a", "real"), ("b", "bad"), ("c", "real"))}
    reference = _clips(tmp_path, "reference", 30)
    one = evaluate(systems, reference=reference, pairs=[("a", "b")]).differences
    both = evaluate(systems, reference=reference, pairs=[("a", "b"), ("b", "c")]).differences
    for found, pairs in ((one, 1), (both, 2)):
        judged = [each for each in found if each.metric in JUDGING]
        assert len(judged) == pairs * len(JUDGING)
        assert min(each.p_holm for each in judged) == pytest.approx(len(judged) * min(each.p for each in judged))
    described = [each.p_holm for each in both if each.metric == "sig_flatness"]
    assert all(p >= each.p for p, each in zip(described, both, strict=False))


def test_extrapolated_distances_come_with_their_fit_where_clips_are_enough(made_up, tmp_path, monkeypatch):
    monkeypatch.setattr(distribution, "CLIPS_A_CHANNEL", 0.1)
    infinity = (*metrics(), distribution.FrechetInfinity(MusicnnJudge()))
    names = {metric.info.name: metric for metric in infinity}
    monkeypatch.setattr(evaluate_module, "metrics", lambda: tuple(names.values()))
    systems = {"a": _clips(tmp_path, "real", 24), "b": _clips(tmp_path, "bad", 24)}
    result = evaluate(systems, reference=_clips(tmp_path, "reference", 50), pairs=[("a", "b")], resamples=50)
    score = result.scores["a"]["fad_inf_musicnn"]
    assert score.fit is not None and score.fit.points[-1][0] == 24
    assert score.fit.points[-1][1] == pytest.approx(result.scores["a"]["fad_musicnn"].value)
    assert score.value < result.scores["a"]["fad_musicnn"].value
    assert "fad_inf_musicnn" not in {each.metric for each in result.differences}
    assert Evaluation.from_json(json.loads(json.dumps(result.to_json()))) == result
    assert "at 12" in printed(result) and "slope" in printed(result)


def test_notes_say_what_few_clips_and_unequal_lengths_mean(made_up, tmp_path, monkeypatch):
    listen = features_module.features_of

    def longer(clip: Clip, judges, *, device: str) -> Features:
        return replace(listen(clip, judges), seconds=5.0 + 5.0 * (clip.audio.parent.name == "bad"))

    monkeypatch.setattr(features_module, "features_of", longer)
    systems = {"a": _clips(tmp_path, "real", 10), "b": _clips(tmp_path, "bad", 10)}
    notes = evaluate(systems, reference=_clips(tmp_path, "reference", 30)).notes
    assert any("10 clips give 20 embeddings of musicnn, which has 200 dimensions" in note for note in notes)
    assert any("rank 19" in note for note in notes)
    assert any("Clips differ in length (a 5 s, b 10 s)" in note for note in notes)
    assert all(sentence in notes for sentence in absent())


def test_no_table_holds_what_is_no_number(made_up, tmp_path):
    result = evaluate({"a": _clips(tmp_path, "real", 10)}, reference=_clips(tmp_path, "reference", 30))
    wrong = replace(result.scores["a"]["sig_flatness"], high=float("nan"))
    with pytest.raises(AssertionError, match="sig_flatness is not a number"):
        replace(result, scores={"a": {"sig_flatness": wrong}})


def test_a_mean_of_too_few_clips_is_left_out(made_up, tmp_path, monkeypatch):
    listen = features_module.features_of

    def mostly_silent(clip: Clip, judges, *, device: str) -> Features:
        found = listen(clip, judges)
        known = clip.audio.parent.name != "real" or clip.audio.stem in "0123"
        return replace(found, signals={**found.signals, "sig_centroid_hz": 1.0 if known else math.nan})

    monkeypatch.setattr(features_module, "features_of", mostly_silent)
    systems = {"a": _clips(tmp_path, "real", 12), "b": _clips(tmp_path, "bad", 12)}
    result = evaluate(systems, reference=_clips(tmp_path, "reference", 30), pairs=[("a", "b")])
    assert "sig_centroid_hz" not in result.scores["a"] and "sig_centroid_hz" in result.scores["b"]
    assert any("sig_centroid_hz is left out for a: only 4 of its clips have a value" in note for note in result.notes)


def test_same_seed_same_result_and_json_brings_it_back(made_up, tmp_path):
    systems = {"a": _clips(tmp_path, "real", 10), "b": _clips(tmp_path, "bad", 10)}
    reference = _clips(tmp_path, "reference", 30)
    result = evaluate(systems, reference=reference, pairs=[("a", "b")], seed=3)
    assert evaluate(systems, reference=reference, pairs=[("a", "b")], seed=3) == result
    text = json.dumps(result.to_json(), allow_nan=False)
    assert Evaluation.from_json(json.loads(text)) == result
    other = evaluate(systems, reference=reference, pairs=[("a", "b")], seed=4)
    assert other.scores["a"]["fad_musicnn"] != result.scores["a"]["fad_musicnn"]


def test_a_system_does_not_score_otherwise_in_other_company(made_up, tmp_path):
    a, b = _clips(tmp_path, "real", 12), _clips(tmp_path, "bad", 12)
    reference = _clips(tmp_path, "reference", 30)
    alone = evaluate({"a": a}, reference=reference).scores["a"]
    assert evaluate({"b": b, "a": a}, reference=reference).scores["a"] == alone


def test_unequal_numbers_use_equal_n_and_common_prompts(made_up, tmp_path):
    systems = {"many": _clips(tmp_path, "real", 30), "few": _clips(tmp_path, "bad", 12, start=10)}
    result = evaluate(systems, reference=_clips(tmp_path, "reference", 40), pairs=[("many", "few")])
    assert {row["fad_musicnn"].n for row in result.scores.values()} == {12}
    assert result.scores["many"]["tag_match_musicnn"].n == 30
    assert all(each.paired and each.n == 12 for each in result.differences)
    assert any("12 clips on each side" in note for note in result.notes)
    small = evaluate({"many": systems["many"]}, reference=_clips(tmp_path, "reference", 9))
    assert small.n == small.scores["many"]["kad_musicnn"].n == 9
    assert "fad_musicnn" not in small.floors[GROUND_TRUTH] and any("halved" in note for note in small.notes)


def test_different_prompts_are_not_paired(made_up, tmp_path):
    systems = {"a": _clips(tmp_path, "real", 10), "b": _clips(tmp_path, "bad", 14, start=50)}
    result = evaluate(systems, reference=_clips(tmp_path, "reference", 30), pairs=[("a", "b")])
    assert not any(each.paired for each in result.differences)
    assert {each.metric: each for each in result.differences}["fad_musicnn"].p < 0.05


def test_several_clips_of_one_prompt_pair_up(made_up, tmp_path):
    twice = [
        Clip(c.audio.with_name(f"{j}{c.audio.name}"), c.caption, c.id)
        for c in _clips(tmp_path, "real", 6)
        for j in (0, 1)
    ]
    other = [Clip(c.audio.parent.parent / "bad" / c.audio.name, c.caption, c.id) for c in twice]
    result = evaluate({"a": twice, "b": other}, reference=_clips(tmp_path, "reference", 30), pairs=[("a", "b")])
    assert len(set(result.ids["a"])) == 12
    assert all(each.paired and each.n == 12 for each in result.differences)


def test_without_captions_there_is_no_tag_match_and_a_note(made_up, tmp_path):
    systems = {"a": _clips(tmp_path, "real", 10, captions=False), "b": _clips(tmp_path, "bad", 10)}
    result = evaluate(systems, reference=_clips(tmp_path, "reference", 30), pairs=[("a", "b")])
    assert "tag_match_musicnn" not in result.scores["a"] and "tag_match_musicnn" in result.scores["b"]
    assert "tag_match_musicnn" not in {each.metric for each in result.differences}
    assert any("tag_match_musicnn is left out for a: no caption was given" in note for note in result.notes)


def test_judged_files_leave_the_reference_while_enough_remain(made_up, tmp_path):
    clips = _clips(tmp_path, "real", 40)
    spared = evaluate({"ground": clips[:12]}, reference=clips)
    assert any("taken out of the reference" in note for note in spared.notes)
    assert spared.scores["ground"]["fad_musicnn"].value > 1
    kept = evaluate({"ground": clips[:30]}, reference=clips)
    assert any("too low" in note for note in kept.notes)


def test_wrong_requests_are_named(made_up, tmp_path):
    clips, reference = _clips(tmp_path, "real", 10), _clips(tmp_path, "reference", 20)
    for systems, real, pairs, message in (
        ({}, reference, [], "no system"),
        ({"a": clips[:3]}, reference, [], "a has 3 clips; an interval needs at least 8"),
        ({"a": clips}, reference[:2], [], "reference has 2 clips"),
        ({"a": clips}, reference, [("a", "b")], "Cannot compare 'b'"),
        ({"a": _clips(tmp_path, "silent", 9)}, reference, [], "Every clip of a is silent"),
    ):
        with pytest.raises(UserError, match=message):
            evaluate(systems, reference=real, pairs=pairs)


def test_table_shows_every_score_and_no_markup_is_lost(made_up, tmp_path):
    systems = {"ar [small]": _clips(tmp_path, "real", 10), "fm": _clips(tmp_path, "bad", 10)}
    pairs = [("ar [small]", "fm")]
    result = evaluate(systems, reference=_clips(tmp_path, "reference", 30), pairs=pairs)
    text = printed(result, width=160)
    for word in (
        "ar [small]",
        "ground truth",
        "chance",
        "ar [small] - fm",
        *(metric.info.name for metric in metrics()),
    ):
        assert word in text
    assert all(note[:30] in text for note in result.notes)
    narrow = printed(result)
    assert "…" not in narrow and max(map(len, narrow.splitlines())) <= 120
    assert all(each.metric in narrow for each in result.differences)


def _tone(folder: Path, name: str, *, gain: float, noise: float, seed: int) -> Path:
    rng = np.random.default_rng(seed)
    time = np.arange(32_000) / 32_000
    tone = sum(np.sin(2 * np.pi * pitch * time) for pitch in rng.uniform(100, 800, 3)) * np.exp(-3 * (time % 0.25))
    path = folder / name / f"{seed}.wav"
    save_audio(path, (gain * 0.2 * (tone + noise * rng.standard_normal(32_000))).astype(np.float32), sample_rate=32_000)
    return path


def test_real_audio_end_to_end(tmp_path):
    systems = {
        name: [Clip(_tone(tmp_path, name, gain=1, noise=noise, seed=seed), "guitar") for seed in range(8)]
        for name, noise in (("clean", 0.0), ("noisy", 1.0))
    }
    reference = [Clip(_tone(tmp_path, "reference", gain=1, noise=0, seed=seed), "guitar") for seed in range(50, 66)]
    seen: list[tuple[float, float]] = []
    result = evaluate(systems, reference=reference, progress=lambda done, total: seen.append((done, total)))
    assert result.scores["clean"]["fad_musicnn"].high < result.scores["noisy"]["fad_musicnn"].low
    assert result.scores["clean"]["sig_flatness"].value < result.scores["noisy"]["sig_flatness"].value
    assert seen[-1] == (32, 32) and [done for done, _ in seen] == list(range(1, 33))
    assert all(math.isfinite(score.value) for row in result.scores.values() for score in row.values())


def test_loudness_policy_comes_before_every_metric_but_the_loudness(tmp_path):
    loud = features_of(Clip(_tone(tmp_path, "loud", gain=0.9, noise=0.3, seed=1)), [MusicnnJudge()])
    quiet = features_of(Clip(_tone(tmp_path, "quiet", gain=0.1, noise=0.3, seed=1)), [MusicnnJudge()])
    assert loud.signals["sig_loudness"] - quiet.signals["sig_loudness"] == pytest.approx(19.08, abs=0.1)
    np.testing.assert_allclose(loud.outputs["musicnn"]["embeddings"], quiet.outputs["musicnn"]["embeddings"], atol=0.05)
    for name in ("sig_centroid_hz", "sig_flatness", "sig_onset_rate", "sig_silence"):
        assert loud.signals[name] == pytest.approx(quiet.signals[name], rel=0.02)


def test_broken_audio_is_named(tmp_path):
    good = [Clip(_tone(tmp_path, "good", gain=1, noise=0, seed=seed)) for seed in range(8)]
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF nothing")
    with pytest.raises(UserError, match=r"broken\.wav"):
        evaluate({"a": [*good[:7], Clip(broken)]}, reference=good)
