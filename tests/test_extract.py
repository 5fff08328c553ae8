"""Control tracks of a small dataset with a tiny codec: the truth where it is known, else what is heard."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from counterpoint import extract as extract_module
from counterpoint.analysis import chordino, melody
from counterpoint.analysis.chords import chord_index
from counterpoint.analysis.tracks import NOT_GIVEN, REST
from counterpoint.audio import load_audio, save_audio
from counterpoint.cli import main
from counterpoint.codec import blurred_codes, load_codec
from counterpoint.codec.encodec import build_encodec, encodec_config, save_encodec
from counterpoint.codec.vae import build_vae, save_vae
from counterpoint.config import UserError
from counterpoint.config.workers import Workers
from counterpoint.data import Encoded, open_encoded, save_dataset
from counterpoint.data.controls import open_track
from counterpoint.encode import encode_dataset
from counterpoint.extract import extract_controls

RATE, FRAME_RATE = 3200, 100.0
DURATION_S = 4.0
CHORDS = [{"start_s": 0.0, "label": "Am"}, {"start_s": 2.0, "label": "F"}]
MELODY = [{"start_s": 0.5, "end_s": 1.5, "midi": 69}, {"start_s": 2.0, "end_s": 4.0, "midi": 77}]
BEATS = [{"time_s": 0.5 * beat, "position": beat % 4 + 1} for beat in range(8)]


@pytest.fixture(scope="module")
def codec_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("codec") / "tiny"
    config = encodec_config(
        sample_rate=RATE, strides=(4, 4, 2), filters=4, latent_dim=8, num_codebooks=2, codebook_size=16, lstm_layers=1
    )
    torch.manual_seed(0)
    model = build_encodec(config)
    with torch.no_grad():
        latents = model.eval().encoder(torch.from_numpy(music() + drums())[None, None])[0].T
    for layer in model.quantizer.layers:
        layer.codebook.embed.copy_(latents[:: len(latents) // 16][:16])  # so that all codes are in use
    save_encodec(folder, config=config, state=model.state_dict())
    return folder


def tone(midi: list[int], *, seconds: float) -> np.ndarray:
    """A chord with a few overtones, plucked twice a second."""
    time_s = np.arange(round(seconds * RATE)) / RATE
    notes = [np.sin(2 * np.pi * 440 * 2 ** ((note - 69) / 12) * k * time_s) / k for note in midi for k in (1, 2)]
    return sum(notes) / 12 * np.exp(-3 * (time_s % 0.5))


def music() -> np.ndarray:
    return np.concatenate([tone([57, 60, 64, 69], seconds=2.0), tone([53, 57, 60, 77], seconds=2.0)]).astype(np.float32)


def drums() -> np.ndarray:
    time_s = np.arange(round(DURATION_S * RATE)) / RATE
    return (0.6 * np.sin(2 * np.pi * 70 * time_s) * np.exp(-12 * (time_s % 0.5))).astype(np.float32)


def make_dataset(folder: Path, *, knows: bool = True) -> Path:
    """Two training clips, of which the second knows nothing and has no stem, and one to test."""
    splits: dict[str, list[dict[str, Any]]] = {"train": [], "test": []}
    for name, split in (("a", "train"), ("b", "train"), ("c", "test")):
        stem = drums() if name != "b" else np.zeros_like(drums())
        save_audio(folder / "audio" / f"{name}.wav", music() + stem, sample_rate=RATE)
        row = {"id": name, "audio": f"audio/{name}.wav", "duration_s": DURATION_S, "sample_rate": RATE, "channels": 1}
        if knows and name != "b":
            save_audio(folder / "audio" / f"{name}.drums.wav", stem, sample_rate=RATE)
            row |= {"chords": CHORDS, "melody": MELODY, "beats": BEATS, "drums": f"audio/{name}.drums.wav"}
        splits[split].append(row)
    save_dataset(folder, splits, info={"name": "tiny", "kind": "composed"})
    return folder


@pytest.fixture
def dataset(tmp_path: Path, codec_folder: Path) -> Path:
    folder = make_dataset(tmp_path / "dataset")
    encode_dataset(folder, codec=str(codec_folder))
    return folder


def row(encoded: Encoded, name: str, split: str, index: int) -> np.ndarray:
    return open_track(encoded, name)[split].row(index)


def test_what_rows_know_becomes_tracks(dataset: Path, codec_folder: Path) -> None:
    reports = extract_controls(dataset, codec=str(codec_folder), tracks=["melody.exact", "chords.exact", "drums.stem"])
    assert list(reports) == ["chords.exact", "melody.exact", "drums.stem"]
    assert all(report.accuracy == {} and report.rows == 3 and report.is_new for report in reports.values())
    encoded = open_encoded(dataset, codec=str(codec_folder))
    chords = row(encoded, "chords.exact", "test", 0)
    assert chords.tolist() == [chord_index("Am")] * 200 + [chord_index("F")] * 200
    heard = row(encoded, "melody.exact", "train", 0)
    assert heard.tolist() == [REST] * 50 + [26] * 100 + [REST] * 50 + [34] * 200
    for name in ("chords.exact", "melody.exact"):
        assert (row(encoded, name, "train", 1) == NOT_GIVEN).all()
    codec = load_codec(str(codec_folder))
    stem, _ = load_audio(dataset / "audio" / "a.drums.wav", sample_rate=RATE)
    np.testing.assert_array_equal(row(encoded, "drums.stem", "train", 0), blurred_codes(codec, stem))
    silence = row(encoded, "drums.stem", "train", 1)  # no stem, where others have one: no drums
    np.testing.assert_array_equal(silence, blurred_codes(codec, np.zeros(400 * 32, np.float32)))
    assert (silence != row(encoded, "drums.stem", "train", 0)).mean() > 0.2


def test_what_is_heard_is_compared_with_the_truth(dataset: Path, codec_folder: Path) -> None:
    seen: list[tuple[float, float]] = []
    reports = extract_controls(
        dataset, codec=str(codec_folder), progress=lambda done, total: seen.append((done, total))
    )
    names = {"chords.exact", "chords.viterbi25", "melody.exact", "melody.basic_pitch", "drums.stem", "drums.mix"}
    assert set(reports) - {"chords.chordino"} == names
    assert seen[-1] == (pytest.approx(DURATION_S * 3 * len(reports)), pytest.approx(DURATION_S * 3 * len(reports)))
    encoded = open_encoded(dataset, codec=str(codec_folder))
    exact = [row(encoded, "chords.exact", split, 0) for split in ("train", "test")]
    heard = [row(encoded, "chords.viterbi25", split, 0) for split in ("train", "test")]
    share = np.mean([(one == other).mean() for one, other in zip(exact, heard, strict=True)])
    assert reports["chords.viterbi25"].accuracy["triads"] == pytest.approx(share) and share > 0.8
    assert 0.5 < reports["chords.viterbi25"].accuracy["confidence"] <= 1
    assert (row(encoded, "chords.viterbi25", "train", 1) != NOT_GIVEN).all()
    melody_accuracy = reports["melody.basic_pitch"].accuracy
    assert set(melody_accuracy) == {"notes", "pitch_classes", "confidence"} and melody_accuracy["pitch_classes"] > 0.5
    drums_accuracy = reports["drums.mix"].accuracy
    stem, mix = (
        np.concatenate([row(encoded, name, split, i) for split, i in (("train", 0), ("train", 1), ("test", 0))])
        for name in ("drums.stem", "drums.mix")
    )
    assert drums_accuracy["codes"] == pytest.approx((stem == mix).mean()) and (stem != mix).any()
    assert drums_accuracy["beat_f1_librosa"] > 0.5 and 0 <= drums_accuracy["downbeat_f1_librosa"] <= 1
    assert open_track(encoded, "drums.mix").info["accuracy"] == drums_accuracy


def test_drums_of_the_mix_are_those_of_its_audio(dataset: Path, codec_folder: Path) -> None:
    extract_controls(dataset, codec=str(codec_folder), tracks=["drums.mix"])
    found = row(open_encoded(dataset, codec=str(codec_folder)), "drums.mix", "test", 0)
    audio, _ = load_audio(dataset / "audio" / "c.wav", sample_rate=RATE)
    assert (found == blurred_codes(load_codec(str(codec_folder)), audio)).mean() > 0.95  # half precision lies between


def test_a_long_clip_is_heard_part_by_part(
    dataset: Path, codec_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, other = ["chords.viterbi25", "melody.basic_pitch"], tmp_path / "other"
    shutil.copytree(dataset, other)
    whole = extract_controls(dataset, codec=str(codec_folder), tracks=names)
    monkeypatch.setattr(extract_module, "_PART_S", 1.5)
    monkeypatch.setattr(extract_module, "_CONTEXT_S", 1.0)
    read: list[float] = []
    load = extract_module.load_audio

    def watched(path: Path, **how: Any) -> tuple[np.ndarray, int]:
        audio, rate = load(path, **how)
        read.append(len(audio) / rate)
        return audio, rate

    monkeypatch.setattr(extract_module, "load_audio", watched)
    parts = extract_controls(other, codec=str(codec_folder), tracks=names)
    assert max(read) == 3.5 and len(read) == 2 * 3 * (3 + 1), "three parts of each clip, and one for the confidence"
    for name in names:
        pairs = [
            [row(open_encoded(place, codec=str(codec_folder)), name, split, index) for place in (dataset, other)]
            for split, index in (("train", 0), ("train", 1), ("test", 0))
        ]
        assert np.mean([(one == two).mean() for one, two in pairs]) > 0.9
        assert parts[name].accuracy["confidence"] == pytest.approx(whole[name].accuracy["confidence"], abs=0.2)


def test_an_interrupted_call_goes_on_and_a_complete_one_does_nothing(
    dataset: Path, codec_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, calls = "chords.viterbi25", []
    version, heard = extract_module._TRACKS[name]

    def stop_once(clip: Any) -> np.ndarray:
        calls.append(clip.row["id"])
        if calls.count("c") == 1 and clip.row["id"] == "c":
            raise KeyboardInterrupt
        return heard(clip)

    monkeypatch.setitem(extract_module._TRACKS, name, (version, stop_once))
    with pytest.raises(KeyboardInterrupt):
        extract_controls(dataset, codec=str(codec_folder), tracks=[name])
    again = extract_controls(dataset, codec=str(codec_folder), tracks=[name])[name]
    assert calls == ["a", "b", "c", "c"] and again.is_new and again.audio_s == pytest.approx(DURATION_S)
    cached = extract_controls(dataset, codec=str(codec_folder), tracks=[name])[name]
    assert len(calls) == 4 and not cached.is_new and cached.accuracy == again.accuracy
    monkeypatch.setitem(extract_module._TRACKS, name, ("next", stop_once))
    assert extract_controls(dataset, codec=str(codec_folder), tracks=[name])[name].version == "next"
    assert len(calls) == 7


def test_without_truth_everything_is_heard(tmp_path: Path, codec_folder: Path) -> None:
    folder = make_dataset(tmp_path / "own", knows=False)
    encode_dataset(folder, codec=str(codec_folder))
    reports = extract_controls(folder, codec=str(codec_folder))
    assert set(reports) - {"chords.chordino"} == {"chords.viterbi25", "melody.basic_pitch", "drums.mix"}
    assert all(set(report.accuracy) <= {"confidence"} for report in reports.values())
    for name, sentence in (
        ("chords.exact", "no clip of .* has exact chords"),
        ("melody.exact", "no clip of .* has exact melody"),
        ("drums.stem", r"drum stem; use drums\.mix"),
        ("drums.magic", r"no control track 'drums\.magic'; choose one of chords\.exact"),
    ):
        with pytest.raises(UserError, match=sentence):
            extract_controls(folder, codec=str(codec_folder), tracks=[name])


def test_a_codec_without_codes_has_no_drums(dataset: Path, tmp_path: Path) -> None:
    fields = {"encoder_hidden_size": 4, "decoder_channels": 2, "decoder_input_channels": 2, "audio_channels": 1}
    shape = {"downsampling_ratios": [4, 8], "channel_multiples": [1, 1], "sampling_rate": RATE}
    model = build_vae({**fields, **shape})
    save_vae(tmp_path / "vae", config=dict(model.config), state=model.state_dict())
    encode_dataset(dataset, codec=str(tmp_path / "vae"))
    reports = extract_controls(dataset, codec=str(tmp_path / "vae"), tracks=["chords.exact"])
    assert list(reports) == ["chords.exact"]
    with pytest.raises(UserError, match=r"drums are codes, and the codec .* has none"):
        extract_controls(dataset, codec=str(tmp_path / "vae"), tracks=["drums.mix"])


def test_what_is_missing_is_named(dataset: Path, codec_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"is not encoded with 'pocket'.*counterpoint data encode"):
        extract_controls(dataset)
    monkeypatch.setattr(melody, "is_installed", lambda: False)
    monkeypatch.setattr(chordino, "is_installed", lambda: False)
    for name, remedy in (("melody.basic_pitch", "basic-pitch==0.4.0"), ("chords.chordino", "chord-extractor")):
        with pytest.raises(UserError, match=f"{name} is not available: .*{remedy}"):
            extract_controls(dataset, codec=str(codec_folder), tracks=[name])


def test_a_codec_that_was_replaced_is_said_at_once(
    dataset: Path, codec_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = load_codec(str(codec_folder))
    other.fingerprint = "other"
    monkeypatch.setattr(extract_module, "load_codec", lambda _: other)
    with pytest.raises(UserError, match=r"another version of the codec .*data encode .* again"):
        extract_controls(dataset, codec=str(codec_folder), tracks=["chords.exact", "drums.mix"])
    encoded = open_encoded(dataset, codec=str(codec_folder))
    with pytest.raises(UserError, match="has no control track"):
        open_track(encoded, "chords.exact")


def test_the_command_prints_a_line_a_track(
    dataset: Path, codec_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["data", "controls", str(dataset), "--codec", str(codec_folder), "--tracks"]

    def say(tracks: str) -> tuple[int | str | None, str, str]:
        monkeypatch.setattr(sys, "argv", ["counterpoint", *arguments, tracks])
        with pytest.raises(SystemExit) as stopped:
            main()
        said = capsys.readouterr()
        return stopped.value.code, said.out, said.err

    code, out, _ = say("chords.exact, drums.mix")
    assert not code and "chords.exact" in out and "beat_f1_librosa" in out and "exists" not in out
    code, out, _ = say("chords.exact")
    assert not code and "exists" in out and "drums.mix" not in out
    code, _, error = say("chords.best")
    assert code == 2 and error.startswith("Error: There is no control track 'chords.best'") and error.count("\n") == 1


def test_two_workers_hear_what_one_process_does(dataset: Path, codec_folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(dataset, other)
    tracks = ["chords.exact", "drums.stem", "drums.mix"]
    extract_controls(dataset, codec=str(codec_folder), tracks=tracks)
    extract_controls(other, codec=str(codec_folder), tracks=tracks, workers=Workers(2))
    alone, shared = (open_encoded(folder, codec=str(codec_folder)) for folder in (dataset, other))
    for name in tracks:
        for split, rows in (("train", 2), ("test", 1)):
            for index in range(rows):
                np.testing.assert_array_equal(row(shared, name, split, index), row(alone, name, split, index))
