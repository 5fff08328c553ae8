"""A tiny untrained model asked for everything: the same figures again, and on from where it was."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import torch

from counterpoint.audio import save_audio
from counterpoint.cli import main
from counterpoint.codec import latent_spec, load_codec
from counterpoint.compose import render_clip
from counterpoint.config import BACKBONES, FlowMatchingSampling, ModelConfig, UserError, read_json, write_json
from counterpoint.config.checkpoints import write_checkpoint
from counterpoint.config.text import split_lines
from counterpoint.data import save_dataset
from counterpoint.follow import FollowConfig, follow
from counterpoint.follow.requests import default_charts
from counterpoint.paradigm import build_paradigm
from counterpoint.runs import read_card

DURATION_S = 2.0


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of untrained models, two captions, and a dataset of composed clips with drums."""
    root = tmp_path_factory.mktemp("follow")
    latent = latent_spec(load_codec("pocket"))
    for name, controls in (("full", ["chords", "melody", "drums"]), ("chords", ["chords"]), ("plain", [])):
        model = ModelConfig.model_validate(
            {"paradigm": "flow_matching", "backbone": BACKBONES["debug"], "controls": controls}
        )
        torch.manual_seed(0)
        weights = build_paradigm(model, latent).state_dict()
        write_json(root / name / "model.json", {"model": model.model_dump(), "latent": latent.model_dump()})
        write_checkpoint(
            root / name / "checkpoints", step=0, tensors={"model": weights, "ema": weights}, state={}, keep=1
        )
    (root / "captions.txt").write_text("soft jazz\nrock band\n")
    rows = []
    for index in range(12):
        clip = render_clip(3, index, duration_s=DURATION_S + 0.5)
        if clip.drums is None or len(clip.row["melody"]) < 4 or len(rows) == 3:
            continue
        save_audio(root / "data" / f"{index}.wav", clip.audio, sample_rate=32_000)
        save_audio(root / "data" / f"{index}.drums.wav", clip.drums, sample_rate=32_000)
        rows.append({**clip.row, "audio": f"{index}.wav", "drums": f"{index}.drums.wav"})
    assert len(rows) == 3
    save_dataset(root / "data", {"test": rows}, info={"name": "tiny", "kind": "composed"})
    return root


def config(root: Path, **changes: object) -> FollowConfig:
    values = {
        "captions": root / "captions.txt",
        "seeds": 2,
        "duration_s": DURATION_S,
        "sampling": FlowMatchingSampling(steps=1),
        **changes,
    }
    return FollowConfig(**values)  # type: ignore[arg-type]


def test_everything_that_a_model_takes_is_measured_beside_music(root: Path, tmp_path: Path) -> None:
    steps: list[tuple[float, float]] = []
    done = follow(
        root / "full",
        config(root, data=root / "data"),
        out=tmp_path,
        progress=lambda done, total: steps.append((done, total)),
    )
    rows = {score.measure: score for score in done.scores}
    assert {score.ask for score in done.scores} == {"chords", "melody", "drums", "tempo"}
    assert rows["chord_segments_template"].model.n == 8 and rows["notes_basic_pitch"].model.n == 4
    for name, score in rows.items():
        assert score.chance is not None and 0 <= score.model.value <= 1
        assert (score.music is None) == (score.codec is None) == ("words" in name), name
    music = rows["chord_segments_viterbi25"].music
    assert music is not None and music.value > 0.4
    assert steps[-1][0] == steps[-1][1] and [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert read_json(tmp_path / "following.json")["scores"][0]["measure"] == done.scores[0].measure
    assert any("requested with its captions" in note for note in done.notes)
    sure = [note for note in done.notes if note.startswith("The mean confidence of the detected melody: ")]
    assert len(sure) == 1 and "in real music" in sure[0]


def test_it_goes_on_where_it_was_and_comes_to_the_same(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = config(root, ask=["chords", "tempo"])
    first = follow(root / "chords", asked, out=tmp_path)
    [chords, tempo] = sorted(folder for folder in tmp_path.iterdir() if folder.is_dir())
    last = chords / "0007.wav"
    content = last.read_bytes()
    for path in chords.glob("0007.*"):
        path.unlink()
    again = follow(root / "chords", asked, out=tmp_path)
    assert last.read_bytes() == content and again == first
    shutil.rmtree(tempo)
    assert follow(root / "chords", config(root, ask=["chords"]), out=tmp_path).scores == first.scores[:2]

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("all clips are there")

    monkeypatch.setattr("counterpoint.follow.run.generate", refused)
    follow(root / "chords", config(root, ask=["chords"]), out=tmp_path)
    with pytest.raises(AssertionError):
        follow(root / "chords", config(root, ask=["chords"], seed=1), out=tmp_path)


def test_figures_go_into_the_card(root: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(root / "chords", run)
    follow(run, config(root, ask=["chords"], charts=["C:0 G:1"]), out=tmp_path / "out", card=True)
    card = read_card(run)
    assert card is not None
    assert {figure.measure for figure in card.figures} == {
        "follow_chord_segments_viterbi25",
        "follow_chord_segments_template",
    }
    assert all("clips of 2 s, steps 1" in figure.what for figure in card.figures)


def test_default_charts_fill_a_clip_of_any_length() -> None:
    assert default_charts(8.0)[0] == "C:0 Am:2 F:4 G:6"
    assert default_charts(2.0)[1] == "D:0 A:0.5 Bm:1 G:1.5"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["pocket_ar"], "did you mean 'pocket_autoregressive'"),
        (["{root}/plain"], "has no controls for chords, melody or drums: use --ask tempo"),
        (["{root}/plain", "--ask", "melody"], "accepts only a caption and no melody"),
        (["{root}/chords", "--ask", "chords,melody"], "trained without melody; it has chords"),
        (["{root}/full", "--ask", "chord"], "no kind of request 'chord' (did you mean 'chords'?)"),
        (["{root}/full", "--ask", "drums"], "give a dataset with --data"),
        (["{root}/full", "--captions", "{root}/none.txt"], "no captions file"),
        (["{root}/full", "--data", "{root}/none"], "is not a dataset"),
        (["{root}/full", "--data", "{root}/data", "--split", "tset"], "no split 'tset'"),
        (["{root}/full", "--data", "{root}/data", "--duration-s", "60"], "has no piece of 60 s"),
        (["{root}/full", "--seeds", "0"], "choose 1 or more"),
        (["{root}/full", "--duration-s", "0"], "more than 0"),
        (["{root}/full", "--ask", "chords", "--chart", "H:0"], "not among the 193"),
        (["{root}/full", "--ask", "chords", "--chart", "C:0 G:9"], "past the end"),
        (
            ["{root}/full", "--ask", "chords", "--chart", "Bdim:0", "--steps", "1", "--duration-s", "1"],
            "major or minor",
        ),
    ],
)
def test_wrong_input_is_one_sentence(
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["counterpoint", "follow", *(each.format(root=root) for each in arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = split_lines(capsys.readouterr().err)
    [error] = [line for line in printed if not line.startswith("Drawing")]  # a slow machine shows progress
    assert ended.value.code == 2
    assert error.startswith("Error: ") and sentence in error


def test_the_verb_prints_a_table(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["follow", str(root / "plain"), "--ask", "tempo", "--captions", str(root / "captions.txt")]
    arguments += ["--seeds", "1", "--steps", "1", "--duration-s", "2"]
    monkeypatch.setattr(sys, "argv", ["counterpoint", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr().out
    assert ended.value.code == 0
    assert "tempo_of_words_librosa" in printed and "following.json" in printed
    assert list((tmp_path / "runs" / "follow").glob("*/following.json"))


def test_no_card_for_a_model_of_a_hub(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from counterpoint.generate.model import load_model

    loaded = load_model(root / "plain")
    monkeypatch.setattr("counterpoint.follow.run.load_model", lambda *_, **__: loaded)
    with pytest.raises(UserError, match="cannot have a card"):
        follow("someone/model", config(root, ask=["tempo"]), out=tmp_path, card=True)
