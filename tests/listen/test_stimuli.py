"""The stimuli of a listening test: blinded, of one gain, alike outside the span, the same bytes every time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from counterpoint.audio import TARGET_RMS, load_audio
from counterpoint.audio.loudness import shared_gain
from counterpoint.cli.app import app
from counterpoint.config import UserError, read_json
from counterpoint.listen.folder import read_test
from counterpoint.listen.make import make_test
from counterpoint.listen.sources import LOW_ANCHOR, read_source
from counterpoint.listen.stimuli import SAMPLE_RATE, write_stimuli
from counterpoint.results.schema import Results

Fabricate = Callable[..., Results]
SYSTEMS = {"ar", "fm", "fm_inversion", "fm_repaint", "fm_projection", "fm_gradient", "fm_best"}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, fabricate_inpainting: Fabricate) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    fabricate_inpainting(folder / "steps")
    return folder


@pytest.fixture(scope="module")
def stimuli(tmp_path_factory: pytest.TempPathFactory, study: Path) -> Path:
    out = tmp_path_factory.mktemp("out") / "stimuli"
    done = write_stimuli("table4", out, folder=study, items=3, seed=5)
    assert done.is_new and done.items == 3 and set(done.conditions) == {*SYSTEMS, "ground_truth", "other_clip"}
    return out


def manifest(folder: Path) -> dict[str, Any]:
    return read_json(folder / "manifest.json")


def content(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_items_hold_every_condition_on_the_same_clip_and_span(stimuli: Path, study: Path) -> None:
    spans = read_json(study / "steps" / "spans" / "spans.json")["spans"]
    key = read_json(stimuli / "key.json")
    items = manifest(stimuli)["items"]
    assert [item["id"] for item in items] == ["track-1", "track-4", "track-6"], "evenly spread"
    for item in items:
        assert item["span_s"] == spans[item["id"]]
        conditions = [name for file in item["files"] for name in key["files"][file["file"]]]
        assert sorted(conditions) == sorted({*SYSTEMS, key["hidden_reference"], key["low_anchor"]})
        for file in item["files"]:
            assert file["sha256"] == hashlib.sha256((stimuli / file["file"]).read_bytes()).hexdigest()
            assert '<rect class="span"' in (stimuli / file["waveform"]).read_text(encoding="utf-8")
    assert key["low_anchor"] == LOW_ANCHOR and set(key["names"]) == {*SYSTEMS, "ground_truth", "other_clip"}


def test_raters_cannot_tell_whose_a_file_is(stimuli: Path) -> None:
    public = json.dumps(manifest(stimuli))
    pictures = "".join(path.read_text(encoding="utf-8") for path in stimuli.rglob("*.svg"))
    names = " ".join(str(path.relative_to(stimuli)) for path in stimuli.rglob("*.wav"))
    for system in (*SYSTEMS - {"ar", "fm"}, "ground_truth", "other_clip", "repaint", "silence", "anchor"):
        assert all(system not in text for text in (public, pictures, names)), system
    key = read_json(stimuli / "key.json")["files"]
    orders = [[key[file["file"]][0] for file in item["files"]] for item in manifest(stimuli)["items"]]
    assert len({tuple(order) for order in orders}) == len(orders), "drawn anew for each item"
    assert len(set(key)) == len({Path(file).stem for file in key}), "no name twice"


def test_all_files_of_an_item_are_the_same_outside_the_span_and_none_clips(stimuli: Path) -> None:
    key = read_json(stimuli / "key.json")["files"]
    for item in manifest(stimuli)["items"]:
        audio = {key[f["file"]][0]: load_audio(stimuli / f["file"], sample_rate=None)[0] for f in item["files"]}
        truth = audio["ground_truth"]
        start, stop = (round(border * SAMPLE_RATE) for border in item["span_s"])
        for other in (audio[name] for name in audio if name != "ground_truth"):
            assert np.array_equal(other[:start], truth[:start]) and np.array_equal(other[stop:], truth[stop:])
            assert not np.allclose(other[start:stop], truth[start:stop], atol=1e-3)
            assert np.abs(other).max() < 1
        assert np.sqrt(np.mean(truth**2)) == pytest.approx(TARGET_RMS, rel=0.01)


def test_one_gain_for_all_versions_and_less_of_it_where_one_would_clip() -> None:
    truth = np.full(1000, 0.05, dtype=np.float32)
    silent = np.concatenate([truth[:500], np.zeros(500, dtype=np.float32)])
    assert shared_gain(truth, [silent], sample_rate=8000) == pytest.approx(2.0)
    loud = truth.copy()
    loud[500] = 0.9
    assert shared_gain(truth, [silent, loud], sample_rate=8000) == pytest.approx(0.99 / 0.9)
    assert shared_gain(0 * truth, [0 * truth], sample_rate=8000) == 1.0


def test_what_two_conditions_share_is_one_file(tmp_path: Path, fabricate_inpainting: Fabricate) -> None:
    steps = tmp_path / "steps"
    fabricate_inpainting(steps)
    for clip in (steps / "generate_fm_repaint").glob("*.wav"):
        (steps / "generate_fm_best" / clip.name).write_bytes(clip.read_bytes())
    write_stimuli("table4", tmp_path / "out", folder=tmp_path, items=1)
    shared = [names for names in read_json(tmp_path / "out" / "key.json")["files"].values() if len(names) > 1]
    assert [sorted(names) for names in shared] == [["fm_best", "fm_repaint"]]


def test_the_same_command_gives_the_same_bytes_and_another_seed_others(
    stimuli: Path, study: Path, tmp_path: Path
) -> None:
    before = content(stimuli)
    write_stimuli("table4", tmp_path / "again", folder=study, items=3, seed=5)
    assert content(tmp_path / "again") == before
    assert not write_stimuli("table4", stimuli, folder=study, items=3, seed=5).is_new
    assert content(stimuli) == before
    with pytest.raises(UserError, match="contains other stimuli"):
        write_stimuli("table4", stimuli, folder=study, items=3, seed=6)
    assert content(stimuli) == before
    write_stimuli("table4", tmp_path / "other", folder=study, items=3, seed=6)
    assert not {*content(tmp_path / "other")} & {name for name in before if name.endswith(".wav")}


def test_what_cannot_be_done_is_said_in_a_sentence_and_leaves_nothing(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(UserError, match=r"no finished study in .*; run `counterpoint study run table4`"):
        write_stimuli("table4", out, folder=tmp_path)
    with pytest.raises(UserError, match="The study has 8 clips; set --items to a number from 1 to 8"):
        write_stimuli("table4", out, folder=study, items=9)
    with pytest.raises(UserError, match="no system 'musicgen'; its systems are ar, fm, fm_best"):
        write_stimuli("table4", out, folder=study, items=2, systems=["musicgen"])
    assert not out.exists()
    (out / "mine").mkdir(parents=True)
    with pytest.raises(UserError, match="already exists"):
        write_stimuli("table4", out, folder=study, items=2)
    assert [path.name for path in out.iterdir()] == ["mine"]


def test_a_failure_half_way_leaves_nothing(study: Path, tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_stimuli("table4", tmp_path / "out", folder=study, items=2, progress=interrupt)
    assert not [*tmp_path.iterdir()]


def test_a_study_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "steps" / "prompts").mkdir(parents=True)
    (tmp_path / "steps" / "prompts" / "prompts.json").write_text("{}")
    with pytest.raises(UserError, match="is not about inpainting"):
        write_stimuli("quick", tmp_path / "out", folder=tmp_path)


def test_the_verb_takes_the_papers_systems_alone(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "stimuli"
    arguments = ["study", "stimuli", "table4", str(out), "--from", str(study), "--items", "1"]
    done = CliRunner().invoke(app, [*arguments, "--systems", "ar, fm,fm_inversion"])
    assert done.exit_code == 0, done.output
    assert "ground_truth, ar, fm, fm_inversion, other_clip" in done.output.replace("\n", " ")
    assert len(manifest(out)["items"][0]["files"]) == 5
    questions = manifest(out)["questions"]
    assert [question["id"] for question in questions] == ["transition_smoothness", "audio_match"]
    assert all((question["low"], question["high"]) == (1, 10) for question in questions)


def test_where_items_are_few_some_are_practised_and_rated(study: Path, tmp_path: Path) -> None:
    """A test of one item can be made by every design, and read again."""
    source = read_source([str(study)])
    for items in (1, len(source.items) - 1, len(source.items)):
        made = make_test(tmp_path / str(items), places=[str(study)], items=items)
        test = read_test(made.folder)
        assert len(test.training) == made.design.training == 2
        assert len(test.items) == items
