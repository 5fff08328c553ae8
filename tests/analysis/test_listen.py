"""What is heard in a file, in words, as JSON and as a picture; its chords are a chart that `generate` takes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from counterpoint.analysis import melody
from counterpoint.analysis.annotation import Annotation
from counterpoint.analysis.listen import analyze, describe, listen
from counterpoint.analysis.picture import save_picture
from counterpoint.audio import save_audio
from counterpoint.cli import main
from counterpoint.compose import render_clip
from counterpoint.config import UserError, read_json
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
    text = analyze(song, picture=folder / "song.png", json=folder / "song.json")
    return {line[:10].strip(): line[11:] for line in text.splitlines()}, folder


def test_words_and_json_say_the_same(said: tuple[dict[str, str], Path], song: Path) -> None:
    lines, folder = said
    assert list(lines) == ["length", "chords", "melody", "downbeats", "tags"]
    assert lines["length"].startswith("6.0 s, ") and "beats a minute" in lines["length"]
    heard = Annotation.from_json(read_json(folder / "song.json"))
    assert lines["downbeats"].split() == [f"{time:.2f}" for time in heard.downbeats_s]
    assert len(lines["melody"].split()) == len(heard.notes) > 3
    assert len(lines["tags"].split(",")) == 5
    expected = listen(render_clip(2024, 3, duration_s=6.0).audio, sample_rate=32_000)
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
    save_picture(tmp_path / "x.png", nothing, audio=audio, sample_rate=8000, title="noise")
    assert imread(tmp_path / "x.png").shape[0] == round(120 * (0.7 + 3.1 * (3 if duration_s > 20 else 1)))


def test_silence_is_described_as_such() -> None:
    heard = listen(np.zeros(44_100, np.float32), sample_rate=44_100)
    assert heard == Annotation(1.0, chords=((0.0, "N"),))
    assert describe(heard, tags={}).splitlines() == [
        "length     1.0 s, no beat",
        "chords     N:0",
        "melody     -",
        "downbeats  -",
        "tags       -",
    ]


def test_of_long_music_the_beginning_is_told_but_every_chord() -> None:
    beats = tuple((0.5 * beat, beat % 4 + 1) for beat in range(800))
    chords = tuple((2.0 * bar, ("C", "F")[bar % 2]) for bar in range(200))
    notes = tuple((0.5 * i, 0.5 * i + 0.4, 60) for i in range(800))
    text = describe(Annotation(400.0, chords, notes, beats), tags={"piano": 0.5})
    length, chart, melody_line, downbeats, tags = text.splitlines()
    assert length.endswith("400.0 s, 120 beats a minute, 4 to the bar") and tags.endswith("piano 0.50")
    assert len(chart.split()) == 201 and melody_line.endswith("... (800 notes)")
    assert downbeats.endswith("... (200 downbeats)") and len(melody_line.split()) < 60


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
        ((song, "--out", "x.jpg"), "name it .png"),
    ):
        code, _, error = run(*arguments)
        assert code == 2 and error.startswith("Error: ") and error.count("\n") == 1 and sentence in error


def test_without_the_weights_of_the_melody(song: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    melody._session.cache_clear()
    monkeypatch.setattr(melody, "is_installed", lambda: False)
    with pytest.raises(UserError, match="basic-pitch"):
        analyze(song)
