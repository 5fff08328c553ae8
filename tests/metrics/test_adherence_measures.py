"""Measures of adherence: closed forms, and parity with mir_eval and librosa where they have the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mir_eval import chord as mir_chord

from counterpoint.analysis.annotation import Annotation
from counterpoint.analysis.chords import bass_pitch_class, chord_parts, chord_pitch_classes, vocabulary
from counterpoint.analysis.viterbi25 import triad_class
from counterpoint.audio import save_audio
from counterpoint.audio.librosa_import import import_librosa
from counterpoint.metrics import Clip
from counterpoint.metrics.adherence_features import (
    CHROMA_HOP,
    CHROMA_WINDOW,
    SAMPLE_RATE,
    analyze_clip,
    chroma_frames,
    note_pitch_classes,
    strongest_pitch_classes,
)
from counterpoint.metrics.adherence_measures import (
    LEFT_OUT,
    beat_f1,
    chord_iou,
    chord_iou_macro,
    chord_majmin,
    harte,
    pitch_class_agreement,
    triads,
)


def test_chord_iou_by_hand() -> None:
    truth = np.array([1, 1, 1, 1, 2, 2])
    assert chord_iou(truth, truth) == chord_iou_macro(truth, truth) == 1
    assert chord_iou(truth, truth + 5) == chord_iou_macro(truth, truth + 5) == 0
    heard = np.array([1, 1, 3, 3, 2, 1])  # 3 of 6 frames agree
    assert chord_iou(truth, heard) == pytest.approx(3 / (12 - 3))
    assert chord_iou_macro(truth, heard) == pytest.approx(np.mean([2 / 5, 1 / 2, 0]))  # of 1, 2 and 3


def test_frames_of_unknown_truth_do_not_count() -> None:
    truth, heard = np.array([1, LEFT_OUT, LEFT_OUT, 2]), np.array([1, 7, 8, 3])
    assert chord_iou(truth, heard) == pytest.approx(1 / 3)
    assert chord_iou_macro(truth, heard) == pytest.approx(1 / 3)
    assert pitch_class_agreement(truth, heard) == 0.5
    nothing = np.full(4, LEFT_OUT)
    assert all(np.isnan(of(nothing, heard)) for of in (chord_iou, chord_iou_macro, pitch_class_agreement))


def test_a_silent_frame_heard_agrees_with_no_pitch_class() -> None:
    assert pitch_class_agreement(np.array([0, 4]), np.array([LEFT_OUT, 4])) == 0.5


def test_labels_count_by_their_third_every_20_ms() -> None:
    known = Annotation(2.0, chords=((0.5, "C/E"), (1.0, "Am7"), (1.5, "Bdim"), (1.8, "N")))
    frames = triads(known)
    assert frames.shape == (100,)
    assert [set(part) for part in np.split(frames, [25, 50, 75, 90])] == [{LEFT_OUT}, {1}, {13 + 9}, {LEFT_OUT}, {0}]
    assert (triads(Annotation(1.0)) == LEFT_OUT).all()


def random_annotation(rng: np.random.Generator, labels: list[str]) -> Annotation:
    starts = [0.0, *np.sort(rng.choice(np.arange(1, 100), 8, replace=False)) / 10]
    return Annotation(10.0, chords=tuple((float(start), str(rng.choice(labels))) for start in starts))


def test_majmin_is_mir_evals() -> None:
    rng = np.random.default_rng(0)
    few = ["C", "C/E", "Cm7", "Fmaj7", "N", "Bdim", "D/E"]
    values = []
    for _ in range(20):
        truth, heard = random_annotation(rng, few), random_annotation(rng, ["C", "Cm", "F", "N"])
        sides = []
        for each in (truth, heard):
            starts = [start for start, _ in each.chords]
            sides += [np.array([starts, [*starts[1:], 10.0]]).T, [harte(label) for _, label in each.chords]]
        values.append(chord_majmin(truth, heard))
        assert values[-1] == pytest.approx(mir_chord.evaluate(*sides)["majmin"])
    assert len(set(values)) > 10


def test_majmin_of_triads_is_the_share_of_the_frames_that_agree() -> None:
    rng = np.random.default_rng(1)
    for _ in range(10):
        truth, heard = (random_annotation(rng, ["C", "Cm", "F", "N"]) for _ in range(2))
        share = np.mean(triads(truth) == triads(heard))
        assert chord_majmin(truth, heard) == pytest.approx(share)
        assert chord_iou(triads(truth), triads(heard)) == pytest.approx(share / (2 - share))
    nothing, neither = Annotation(10.0), Annotation(10.0, chords=((0.0, "Bdim"),))
    assert all(np.isnan(chord_majmin(truth, random_annotation(rng, ["C"]))) for truth in (nothing, neither))


def test_harte_says_the_same_chord() -> None:
    for label in vocabulary():
        root, notes, bass = mir_chord.encode(harte(label))
        parts = chord_parts(label)
        if parts is None:
            assert root == -1
            continue
        assert root == parts[0]
        assert {int(root + step) % 12 for step in np.flatnonzero(notes)} == chord_pitch_classes(label)
        assert (root + bass) % 12 == bass_pitch_class(label)
    assert harte("Bm7b5/A") == "B:hdim7/b7"


def test_majmin_leaves_out_what_the_iou_leaves_out_but_a_chord_over_its_second() -> None:
    heard = Annotation(1.0, chords=((0.0, "C"),))
    for label in vocabulary():
        left_out = np.isnan(chord_majmin(Annotation(1.0, chords=((0.0, label),)), heard))
        assert left_out == (triad_class(label) is None or (chord_parts(label) or (0, ""))[1] == "/2")


def test_beats_by_hand() -> None:
    truth = [0.5, 1.0, 1.5, 2.0]
    assert beat_f1(truth, truth) == 1, "the first 5 s count"
    assert beat_f1(truth, [time + 0.049 for time in truth]) == 1
    assert beat_f1(truth, [time - 0.051 for time in truth]) == 0
    assert beat_f1(truth, truth[::2]) == pytest.approx(2 / 3)  # precision 1, recall 1/2
    assert beat_f1(truth, [0.5, 0.51, 0.52, 0.53]) == pytest.approx(1 / 4), "a beat is found once"
    assert beat_f1(truth, []) == 0
    assert np.isnan(beat_f1([], truth))


def tone(midi: float, *, seconds: float = 2.0) -> np.ndarray:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (0.1 * np.sin(2 * np.pi * 440 * 2 ** ((midi - 69) / 12) * time)).astype(np.float32)


def test_strongest_pitch_class_of_tones() -> None:
    for midi in (48, 57, 66, 83):
        assert set(strongest_pitch_classes(tone(midi))) == {midi % 12}
    both = strongest_pitch_classes(np.concatenate([tone(60), tone(67), np.zeros(2 * SAMPLE_RATE, np.float32)]))
    assert list(both[[2, 13, 20, 28, -1]]) == [0, 0, 7, 7, LEFT_OUT]


def test_chroma_is_librosas_as_audiocraft_computes_it() -> None:
    rng = np.random.default_rng(0)
    notes = [tone(midi, seconds=0.3) for midi in rng.integers(40, 90, 12)]
    audio = np.concatenate(notes) + 0.01 * rng.standard_normal(12 * 9600).astype(np.float32)
    expected = (
        import_librosa()
        .feature.chroma_stft(
            y=audio,
            sr=SAMPLE_RATE,
            n_fft=CHROMA_WINDOW,
            hop_length=CHROMA_HOP,
            tuning=0.0,
            norm=None,
            pad_mode="reflect",
        )
        .argmax(axis=0)
    )
    found = strongest_pitch_classes(audio)
    assert len(found) == chroma_frames(len(audio) / SAMPLE_RATE) == 29
    np.testing.assert_array_equal(found, expected[:29])
    assert len(set(found)) > 4


def test_a_sound_shorter_than_a_window_has_a_pitch_class() -> None:
    assert list(strongest_pitch_classes(tone(69, seconds=0.1))) == [9]


def test_melody_stands_where_its_notes_sound() -> None:
    classes = note_pitch_classes([(0.2, 0.5, 60), (0.4, 0.6, 67)], duration_s=1.0)  # frames every 0.128 s
    assert list(classes) == [LEFT_OUT, LEFT_OUT, 0, 0, 7, LEFT_OUT, LEFT_OUT, LEFT_OUT]
    assert list(note_pitch_classes([], duration_s=0.2)) == [LEFT_OUT] * 2


def test_silence_is_no_chord_no_beat_and_no_pitch_class(tmp_path: Path) -> None:
    save_audio(tmp_path / "silent.wav", np.zeros(2 * SAMPLE_RATE, np.float32), sample_rate=SAMPLE_RATE)
    heard = analyze_clip(Clip(tmp_path / "silent.wav"))
    assert heard.silent and heard.annotation == Annotation(2.0, chords=((0.0, "N"),))
    assert (heard.pitch_classes == LEFT_OUT).all()


def test_the_papers_own_extractors_are_heard_where_they_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_audio(tmp_path / "tone.wav", tone(60), sample_rate=SAMPLE_RATE)
    monkeypatch.setattr("counterpoint.analysis.chordino.is_installed", lambda: False)
    monkeypatch.delenv("COUNTERPOINT_BEAT_THIS", raising=False)
    without = analyze_clip(Clip(tmp_path / "tone.wav"))
    assert without.published == Annotation(2.0)
    monkeypatch.setattr("counterpoint.analysis.chordino.is_installed", lambda: True)
    monkeypatch.setattr("counterpoint.analysis.chordino.detect_chords", lambda audio, *, sample_rate: ((0.0, "Cmaj7"),))
    monkeypatch.setenv("COUNTERPOINT_BEAT_THIS", "weights.ckpt")
    monkeypatch.setattr(
        "counterpoint.analysis.beat_this.detect_beats", lambda audio, *, sample_rate, checkpoint, device: ((0.5, 1),)
    )
    heard = analyze_clip(Clip(tmp_path / "tone.wav"))
    assert heard.published == Annotation(2.0, chords=((0.0, "Cmaj7"),), beats=((0.5, 1),))
    assert heard.annotation == without.annotation


def test_a_part_of_a_file_is_heard_at_any_level(tmp_path: Path) -> None:
    audio = np.concatenate([tone(60), 2 * tone(67) + tone(71) + tone(74)])  # C, then a chord of G
    for name, gain in (("loud", 1.0), ("quiet", 0.05)):
        save_audio(tmp_path / f"{name}.wav", gain * audio, sample_rate=SAMPLE_RATE)
    loud, quiet = (analyze_clip(Clip(tmp_path / f"{name}.wav", start_s=2.0)) for name in ("loud", "quiet"))
    assert set(loud.pitch_classes) == {7} and loud.annotation.duration_s == 2.0 and not loud.silent
    assert quiet.annotation == loud.annotation and loud.annotation.chords == ((0.0, "G"),)
    np.testing.assert_array_equal(loud.pitch_classes, quiet.pitch_classes)
    assert loud.first(1.0).annotation.duration_s == 1.0 and len(loud.first(1.0).pitch_classes) == 8
