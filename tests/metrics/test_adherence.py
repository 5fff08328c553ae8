"""The evaluation of adherence: on made-up analyses for its rules, on real music for its order."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from counterpoint.analysis.annotation import Annotation
from counterpoint.analysis.confidence import Confidence
from counterpoint.audio import save_audio
from counterpoint.codec import decode, encode_audio, load_codec
from counterpoint.compose import render_clip
from counterpoint.config import UserError
from counterpoint.metrics import ANOTHER_CLIP, GROUND_TRUTH, Clip, Evaluation, Target, adherence, print_evaluation
from counterpoint.metrics import evaluate_adherence as evaluate_in_full
from counterpoint.metrics.adherence import _low_confidence, analyze_systems, another_clip
from counterpoint.metrics.adherence_features import ClipAnalysis, chroma_frames
from counterpoint.metrics.adherence_registry import MEASURES

evaluate_adherence = partial(evaluate_in_full, resamples=200)

PSEUDO = {measure.info.name for measure in MEASURES if measure.truth == "pseudo"}
EXACT = {measure.info.name for measure in MEASURES if measure.truth == "exact"}


def music(number: int, *, duration_s: float = 5.0) -> Annotation:
    """The beginning of what prompt `number` asks for."""
    rng = np.random.default_rng(number)
    roots = rng.choice(["C", "D", "E", "F", "G", "A", "B"], 3)
    beats = np.arange(rng.uniform(0, 0.5), 5.0, rng.uniform(0.4, 0.7))
    whole = Annotation(
        5.0,
        chords=tuple((float(start), str(root)) for start, root in zip((0.0, 1.5, 3.0), roots, strict=True)),
        notes=tuple((float(start), float(start) + 0.5, int(rng.integers(50, 90))) for start in range(5)),
        beats=tuple((float(time), index % 4 + 1) for index, time in enumerate(beats)),
    )
    return whole.cut(0.0, duration_s)


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the paper's own extractors, a clip is heard by its path: `good/3.wav` plays prompt 3 exactly, `deaf`
    plays others, `early` beats 0.2 s too soon."""

    def analyze(clip: Clip, *, device: str) -> ClipAnalysis:
        kind, number = clip.audio.parent.name, int(clip.audio.stem)
        played = music(number + 1000 * (kind == "deaf"), duration_s=clip.duration_s or 5.0)
        heard = ClipAnalysis.of_exact(played)
        if kind == "early":
            played = replace(played, beats=tuple((max(0.0, time - 0.2), position) for time, position in played.beats))
            heard = replace(heard, annotation=played, published=played)
        if kind == "silent":
            nothing = Annotation(5.0, chords=((0.0, "N"),))
            heard = ClipAnalysis(nothing, nothing, np.full(chroma_frames(5.0), -1), silent=True)
        return heard

    monkeypatch.setattr(adherence, "analyze_clip", analyze)
    monkeypatch.setattr("counterpoint.analysis.chordino.is_installed", lambda: False)
    monkeypatch.delenv("COUNTERPOINT_BEAT_THIS", raising=False)


def clips(kind: str, n: int = 12, *, tracks: int | None = None) -> list[Clip]:
    return [
        Clip(Path(kind) / f"{i}.wav", id=f"p{i}", group="" if tracks is None else f"t{i % tracks}") for i in range(n)
    ]


def targets(n: int = 12, *, exact: bool = True, reference: bool = True) -> dict[str, Target]:
    real = clips("real", n)
    return {
        clip.key: Target(music(number) if exact else None, clip if reference else None)
        for number, clip in enumerate(real)
    }


def test_who_follows_scores_one_and_who_does_not_scores_as_another_clip(made_up: None) -> None:
    found = evaluate_adherence({"good": clips("good"), "deaf": clips("deaf")}, targets=targets())
    assert set(found.scores["good"]) == set(found.scores["deaf"]) == PSEUDO | EXACT
    assert all(score.value == score.low == score.high == 1 for score in found.scores["good"].values())
    assert set(found.floors[GROUND_TRUTH]) == EXACT, "against its own labels it is 1 and says nothing"
    assert all(score.value == 1 for score in found.floors[GROUND_TRUTH].values())
    assert set(found.floors[ANOTHER_CLIP]) == PSEUDO | EXACT
    for name, score in found.scores["deaf"].items():
        chance = found.floors[ANOTHER_CLIP][name]
        assert max(score.high, chance.high) < 0.75 and score.low >= 0
        assert chance.low - 0.2 < score.value < chance.high + 0.2


def test_each_measure_hears_its_own_control(made_up: None) -> None:
    found = evaluate_adherence({"early": clips("early")}, targets=targets()).scores["early"]
    for name, score in found.items():
        assert (score.value < 0.3) if "beat" in name else (score.value == 1), name


def test_the_papers_own_extractors_have_measures_where_they_are_there(
    made_up: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("counterpoint.analysis.chordino.is_installed", lambda: True)
    monkeypatch.setenv("COUNTERPOINT_BEAT_THIS", "weights.ckpt")
    systems = {"good": clips("good"), "early": clips("early"), "half": [*clips("silent")[:6], *clips("good")[6:]]}
    found = evaluate_adherence(systems, targets=targets(), pairs=[("good", "early")])
    for name, expected in (("chord_iou_chordino", 1), ("downbeat_f1_beat_this", 0)):
        for version in (name, f"{name}_exact"):
            assert found.scores["good"][version].value == 1
            assert found.scores["early"][version].value == pytest.approx(expected, abs=0.1)
            assert found.scores["half"][version].value == 0.5
            assert version in {each.metric for each in found.differences} & {info.name for info in found.metrics}


def test_differences_are_paired_by_prompt_and_corrected(made_up: None) -> None:
    systems = {"good": clips("good"), "deaf": clips("deaf")[::-1]}
    found = evaluate_adherence(systems, targets=targets(), pairs=[("good", "deaf")])
    assert {each.metric for each in found.differences} == PSEUDO | EXACT
    for each in found.differences:
        value = found.scores["good"][each.metric].value - found.scores["deaf"][each.metric].value
        assert each.value == pytest.approx(value) and each.paired and each.low > 0
        assert each.p < each.p_holm < 0.1
    assert found.ids["deaf"][0] == "p11"


def test_runs_are_averaged_and_the_first_names_the_clips(made_up: None) -> None:
    runs = [replace(clip, seed=seed) for seed, kind in (("0", "good"), ("1", "deaf")) for clip in clips(kind)]
    systems = {"both": runs, "good": clips("good"), "deaf": clips("deaf")}
    found = evaluate_adherence(systems, targets=targets(), pairs=[("both", "good")])
    both, good, deaf = (found.scores[name]["chord_iou_viterbi25"] for name in systems)
    assert both.value == pytest.approx((good.value + deaf.value) / 2) and both.seeds == 2 and good.seeds == 1
    assert both.high - both.low > 1.5 * (deaf.high - deaf.low)  # two runs that differ so much say little
    assert found.n == 12 and found.ids["both"] == found.ids["good"]
    assert any("both of 2" in note for note in found.notes)


def test_only_one_kind_of_truth_gives_only_its_scores(made_up: None) -> None:
    exact = evaluate_adherence({"good": clips("good")}, targets=targets(reference=False))
    assert set(exact.scores["good"]) == EXACT and not any(exact.floors.values())
    pseudo = evaluate_adherence({"good": clips("good")}, targets=targets(exact=False))
    assert set(pseudo.scores["good"]) == set(pseudo.floors[ANOTHER_CLIP]) == PSEUDO
    assert pseudo.floors[GROUND_TRUTH] == {}
    assert any("chord_iou_viterbi25_exact is left out" in note for note in pseudo.notes)
    unknown = {key: Target(Annotation(5.0), target.reference) for key, target in targets().items()}
    assert evaluate_adherence({"good": clips("good")}, targets=unknown).scores == pseudo.scores


def test_a_clip_without_downbeats_to_follow_has_no_value(made_up: None) -> None:
    some = targets(reference=False)
    for key in ("p1", "p4"):
        known = some[key].exact
        assert known is not None
        some[key] = Target(replace(known, beats=tuple((time, 2) for time, _ in known.beats)))
    score = evaluate_adherence({"good": clips("good")}, targets=some).scores["good"]["downbeat_f1_librosa_exact"]
    assert score.n == 10 and score.per_clip is not None
    assert [place for place, value in enumerate(score.per_clip) if value is None] == [1, 4]


def test_silence_follows_nothing(made_up: None) -> None:
    systems = {"half": [*clips("silent")[:6], *clips("good")[6:]]}
    found = evaluate_adherence(systems, targets=targets())
    for score in found.scores["half"].values():
        assert score.per_clip == (0,) * 6 + (1,) * 6
    assert any("6 of the 12 clips of half are silent" in note for note in found.notes)
    with pytest.raises(UserError, match="Every clip of mute is silent"):
        evaluate_adherence({"mute": clips("silent")}, targets=targets())


def test_a_clip_is_judged_over_the_length_it_shares_with_its_target(made_up: None) -> None:
    short = [replace(clip, duration_s=2.0) for clip in clips("good")]
    first_seconds = {key: Target(music(number, duration_s=2.0)) for number, key in enumerate(targets())}
    for judged, asked in ((short, targets()), (clips("good"), first_seconds)):
        found = evaluate_adherence({"it": judged}, targets=asked).scores["it"]
        assert set(found) >= EXACT and all(score.value == 1 for score in found.values())


def test_several_clips_of_a_prompt_share_its_target(made_up: None) -> None:
    twice = [clip for clip in clips("good", 6) for _ in range(2)]
    found = evaluate_adherence({"good": twice}, targets=targets(6))
    assert len(found.ids["good"]) == 12 and found.ids["good"][1] == "p0#2"
    assert all(score.value == 1 and score.n == 12 for score in found.scores["good"].values())


def test_the_other_clip_is_of_another_track_and_always_the_same(made_up: None) -> None:
    systems = {"good": clips("good", tracks=4)}
    heard = analyze_systems(systems, targets=targets())
    others = another_clip(heard, seed=0)
    by_hearing = {id(analysis): key for key, analysis in heard.references.items()}
    track = {clip.key: clip.group for clip in systems["good"]}
    pairs = {key: by_hearing[id(other)] for key, other in others.items()}
    assert sorted(pairs) == sorted(pairs.values()) == sorted(track)
    assert all(track[key] != track[other] for key, other in pairs.items())
    turned = replace(heard, references=dict(reversed(list(heard.references.items()))))
    assert another_clip(turned, seed=0) == others != another_clip(heard, seed=1)
    alone = another_clip(replace(heard, groups=dict.fromkeys(track, "t0")), seed=0)
    assert all(alone[key] is not heard.references[key] for key in alone), "windows of one track"


def test_json_brings_it_back_and_the_table_shows_it(made_up: None) -> None:
    found = evaluate_adherence({"good": clips("good"), "deaf": clips("deaf")}, targets=targets())
    assert Evaluation.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found
    console = Console(file=io.StringIO(), width=160)
    print_evaluation(found, console=console)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert all(word in text for word in (*PSEUDO, *EXACT, "deaf", GROUND_TRUTH, ANOTHER_CLIP, "chance 0.09"))
    assert "side of a distance" not in text


def test_wrong_requests_are_named(made_up: None) -> None:
    for systems, pairs, message in (
        ({}, [], "no system"),
        ({"a": clips("good", 3)}, [], "a has 3 clips; an interval needs at least 8"),
        ({"a": clips("good")}, [("a", "b")], "Cannot compare 'b'"),
        (
            {"a": clips("good", 13)},
            [],
            r"no target for the clip 'p12'; name the clip after one of the targets: p0, p1, p2,",
        ),
    ):
        with pytest.raises(UserError, match=message):
            evaluate_adherence(systems, targets=targets(), pairs=pairs)


def test_real_music_its_reconstruction_and_another_clip_come_in_this_order(tmp_path: Path) -> None:
    codec, rows = load_codec("pocket"), {}
    for index in range(12):
        clip = render_clip(5, index, duration_s=5.0)
        coded = decode(codec, latents=encode_audio(clip.audio, codec).latents)[0].numpy()[: len(clip.audio)]
        save_audio(tmp_path / "truth" / f"{index}.wav", clip.audio, sample_rate=32_000)
        save_audio(tmp_path / "coded" / f"{index}.wav", coded, sample_rate=32_000)
        rows[str(index)] = Target(Annotation.of_row(clip.row), Clip(tmp_path / "truth" / f"{index}.wav"))
    seen: list[tuple[float, float]] = []
    found = evaluate_adherence(
        {"coded": [Clip(tmp_path / "coded" / f"{index}.wav") for index in range(12)]},
        targets=rows,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen[-1] == (24, 24)
    chance = found.floors[ANOTHER_CLIP]
    for name in ("chord_iou_viterbi25", "beat_f1_librosa", "melody_similarity"):
        assert found.scores["coded"][name].low > chance[name].high, name
    for name in ("chord_iou_viterbi25_exact", "melody_pitch_class_exact"):
        assert found.floors[GROUND_TRUTH][name].low > chance[name].high, name


def test_references_that_are_heard_with_a_low_confidence_are_noted() -> None:
    def heard(**confidence: float) -> ClipAnalysis:
        nothing = Annotation(1.0)
        return ClipAnalysis(nothing, nothing, np.full(8, -1), confidence=Confidence(**confidence))

    notes = _low_confidence([heard(chords=0.9, downbeats=0.3), heard(chords=0.8, downbeats=0.5), heard()])
    assert len(notes) == 1 and "the downbeats detected in the references is low (0.40)" in notes[0]
    assert not _low_confidence([heard(chords=0.9)]) and not _low_confidence([])
