"""What is heard in a file, in words, as JSON and as a picture; its chords are a chart that `generate` takes."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from counterpoint.analysis import listen as listening
from counterpoint.analysis import melody, picture
from counterpoint.analysis.annotation import Annotation
from counterpoint.analysis.confidence import Confidence
from counterpoint.analysis.listen import Analysis, analyze, draw_analysis, listen
from counterpoint.analysis.picture import save_picture
from counterpoint.audio import Sound, save_audio
from counterpoint.cli import main
from counterpoint.compose import render_clip
from counterpoint.config import UserError, read_json, write_json
from counterpoint.generate.chart import read_chords


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("song") / "song.flac"
    save_audio(path, render_clip(2024, 3, duration_s=6.0).audio, sample_rate=32_000)
    return path


@pytest.fixture(scope="module")
def said(song: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], Path]:
    """Lines by their name, and the folder with what else was written."""
    folder = tmp_path_factory.mktemp("out")
    analysis = analyze(song)
    draw_analysis(folder / "song.png", analysis, source=song, title="song")
    write_json(folder / "song.json", analysis.to_json())
    return {line[:10].strip(): line[11:] for line in str(analysis).splitlines()}, folder


def test_words_and_json_say_the_same(said: tuple[dict[str, str], Path], song: Path) -> None:
    lines, folder = said
    assert list(lines) == ["length", "chords", "melody", "downbeats", "tags", "confidence"]
    sure = read_json(folder / "song.json")["confidence"]
    assert set(sure) == {"chords", "melody", "metre", "downbeats"} and all(
        0 < sure[name] <= 1 for name in sure if sure[name]
    )
    assert f"melody {sure['melody']:.2f}" in lines["confidence"]
    assert lines["length"].startswith("6.0 s, ") and "beats per minute" in lines["length"]
    heard = Annotation.from_json(read_json(folder / "song.json"))
    assert lines["downbeats"].split() == [f"{time:.2f}" for time in heard.downbeats_s]
    assert len(lines["melody"].split()) == len(heard.notes) > 3
    assert len(lines["tags"].split(",")) == 5
    expected = listen(render_clip(2024, 3, duration_s=6.0).audio, sample_rate=32_000).annotation
    assert [label for _, label in heard.chords] == [label for _, label in expected.chords]


def test_the_chords_are_a_chart_for_generate(said: tuple[dict[str, str], Path]) -> None:
    lines, folder = said
    typed, filed = read_chords(lines["chords"]), read_chords(folder / "song.json")
    assert [span[2] for span in typed.spans] == [span[2] for span in filed.spans]
    assert [span[0] for span in typed.spans] == pytest.approx([span[0] for span in filed.spans], abs=0.005)
    assert not typed.taken_for and typed.spans[0][0] == 0


def test_the_picture_shows_something(said: tuple[dict[str, str], Path]) -> None:
    from matplotlib.image import imread

    picture = imread(said[1] / "song.png")
    assert picture.shape[1] == 1560 and picture.shape[0] > 300
    assert len(np.unique(picture[..., :3].reshape(-1, 3), axis=0)) > 500


@pytest.mark.parametrize("duration_s", [0.02, 45.0])
def test_pictures_of_any_length(tmp_path: Path, duration_s: float) -> None:
    from matplotlib.image import imread

    audio = np.random.default_rng(0).standard_normal(round(duration_s * 8000)).astype(np.float32)
    nothing = Annotation(duration_s, chords=((0.0, "N"),))
    save_picture(tmp_path / "x.png", nothing, pieces=np.array_split(audio, 7), sample_rate=8000, title="noise")
    assert imread(tmp_path / "x.png").shape[0] == round(120 * (0.7 + 3.1 * (3 if duration_s > 20 else 1)))


def test_a_picture_is_the_same_in_pieces_of_any_size() -> None:
    draw = np.random.default_rng(0)
    audio, hertz = draw.standard_normal(40_000), np.geomspace(50, 4000, 30)
    looks = picture._looks([(0.0, 2.0), (2.0, 4.0), (4.0, 5.0)], sample_rate=8000)
    whole = picture._spectrogram([audio], looks=looks, sample_rate=8000, hertz=hertz)
    for cuts in ([3], [100, 101, 20_000], list(range(1000, 40_000, 1000))):
        pieces = np.split(audio, cuts)
        np.testing.assert_allclose(picture._spectrogram(pieces, looks=looks, sample_rate=8000, hertz=hertz), whole)
    middle = audio[looks[700] : looks[700] + 2048] * np.hanning(2048)
    assert whole.shape == (4200, 30) and whole.max() <= 0 and np.abs(np.fft.rfft(middle)).max() > 0
    assert len(np.unique(whole[700])) > 20


@pytest.mark.parametrize("samples", [1, 100, 44_100])
def test_silence_hears_nothing(tmp_path: Path, samples: int) -> None:
    audio = 5e-4 * np.random.default_rng(0).uniform(-1, 1, samples)
    heard = listen(audio.astype(np.float32), sample_rate=44_100)
    assert heard.annotation.chords == ((0.0, "N"),) and heard.confidence == Confidence()
    assert not heard.annotation.notes and not heard.annotation.beats
    save_audio(tmp_path / "x.wav", np.pad(audio, (0, 44_100)), sample_rate=44_100)
    duration_s = round(heard.annotation.duration_s + 1, 1)
    assert str(analyze(tmp_path / "x.wav")).splitlines() == [
        f"length     {duration_s:.1f} s, no beat",
        "chords     N:0",
        "melody     -",
        "downbeats  -",
        "tags       -",
        "confidence -",
    ]


def test_a_sound_in_memory_is_heard_as_its_file(song: Path) -> None:
    filed, held = analyze(song), analyze(Sound.of(song))
    assert held.tags.keys() == filed.tags.keys() and held.chart == filed.chart
    assert held.tempo_bpm == pytest.approx(filed.tempo_bpm, rel=0.02)


def test_a_single_sample_gets_no_tags(tmp_path: Path) -> None:
    save_audio(tmp_path / "x.wav", np.full(1, 0.5), sample_rate=22_050)
    assert not analyze(tmp_path / "x.wav").tags


def test_of_long_music_the_beginning_is_told_but_every_chord() -> None:
    beats = tuple((0.5 * beat, beat % 4 + 1) for beat in range(800))
    chords = tuple((2.0 * bar, ("C", "F")[bar % 2]) for bar in range(200))
    notes = tuple((0.5 * i, 0.5 * i + 0.4, 60) for i in range(800))
    music, sure = Annotation(400.0, chords, notes, beats), Confidence(melody=0.4, metre=0.3)
    length, chart, melody_line, downbeats, tags, confidence = str(Analysis(music, sure, {"piano": 0.5})).splitlines()
    assert length.endswith("400.0 s, 120 beats per minute, perhaps 4 beats per bar") and tags.endswith("piano 0.50")
    assert len(chart.split()) == 201 and melody_line.endswith("... (800 notes)")
    assert downbeats.endswith("... (200 downbeats)") and len(melody_line.split()) < 60
    assert confidence == "confidence melody 0.40 (low), metre 0.30 (low)"


@pytest.mark.parametrize("total", [1, 500, 1999, 2000, 2001, 6123])
def test_blocks_are_all_of_the_audio_once(monkeypatch: pytest.MonkeyPatch, total: int) -> None:
    monkeypatch.setattr(listening, "SAMPLE_RATE", 10)
    audio = np.arange(total, dtype=np.float32)
    for size in (1, 50, 7000):
        blocks = list(listening._blocks(np.split(audio, range(size, total, size))))
        inside = [block.audio[block.lead : block.lead + block.length] for block in blocks]
        np.testing.assert_array_equal(np.concatenate(inside), audio)
        assert max(len(block.audio) for block in blocks) <= 10 * (60 + 4 * 5)


def test_long_music_is_heard_in_blocks_without_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "_BLOCK_S", 3.0)
    monkeypatch.setattr(listening, "_MARGIN_S", 1.0)
    time_s = np.arange(11 * 22_050) / 22_050
    tone = sum(np.sin(2 * np.pi * 440 * n * time_s) / n for n in (1, 2, 3))
    heard = listening.listen_on(np.array_split((0.2 * tone).astype(np.float32), 9)).annotation
    assert heard.duration_s == pytest.approx(11.0)
    [(start, end, midi)] = [note for note in heard.notes if note[1] - note[0] > 0.5]
    assert midi == 69 and start < 0.2 and end > 10.8
    assert [start for start, _ in heard.chords] == sorted({start for start, _ in heard.chords})
    assert all(earlier != later for (_, earlier), (_, later) in pairwise(heard.chords))


def test_memory_does_not_grow_with_the_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour of silence with a breath of sound in it, of which no more than a block is ever held."""
    held = []
    hear = listening._analyze_block

    def watched(audio: np.ndarray, *, device: str) -> listening.Listening:
        held.append(audio.nbytes)
        return hear(audio * 0, device=device)

    monkeypatch.setattr(listening, "_analyze_block", watched)
    minute = np.zeros(60 * 22_050, np.float32)
    heard = listening.listen_on(minute for _ in range(60)).annotation
    assert heard == Annotation(3600.0, chords=((0.0, "N"),)) and max(held) <= 4 * 22_050 * 140


def test_the_command(song: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*arguments: object) -> tuple[int | str | None, str, str]:
        monkeypatch.setattr(sys, "argv", ["counterpoint", "analyze", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        written = capsys.readouterr()
        return stopped.value.code, written.out, written.err

    code, out, _ = run(song)
    assert not code and out.startswith("length     6.0 s") and "\nchords     " in out
    for arguments, sentence in (
        ((song.parent / "none.wav",), "no audio file at"),
        ((Path(__file__),), "cannot be read as audio"),
        ((song, "--out", "x.jpg"), "name it .png or .json"),
    ):
        code, _, error = run(*arguments)
        assert code == 2 and error.startswith("Error: ") and error.count("\n") == 1 and sentence in error


def test_without_the_weights_of_the_melody(song: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    melody._session.cache_clear()
    monkeypatch.setattr(melody, "is_installed", lambda: False)
    with pytest.raises(UserError, match="basic-pitch"):
        analyze(song)
