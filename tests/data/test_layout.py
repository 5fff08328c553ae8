"""The dataset folder: round trip, interruption, fingerprint."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from counterpoint.audio import save_audio
from counterpoint.config import UserError, read_json
from counterpoint.data import FEATURES, layout, open_dataset, save_dataset


def _rows(folder: Path, *names: str) -> list[dict]:
    for seed, name in enumerate(names):
        audio = np.random.default_rng(seed).uniform(-0.5, 0.5, 800)
        save_audio(folder / "audio" / f"{name}.wav", audio, sample_rate=8000)
    return [
        {
            "id": name,
            "audio": f"audio/{name}.wav",
            "caption": f"about {name}",
            "duration_s": 0.1,
            "sample_rate": 8000,
            "channels": 1,
            "chords": [{"start_s": 0.0, "label": "C:maj"}, {"start_s": 0.5, "label": "N"}],
            "beats": [{"time_s": 0.25, "position": 1}],
        }
        for name in names
    ]


def test_rows_come_back_and_missing_columns_are_empty(tmp_path: Path):
    dataset = save_dataset(tmp_path, {"train": _rows(tmp_path, "a", "b")}, info={"name": "x", "kind": "composed"})
    assert dataset.splits["train"].features == FEATURES()
    row = dataset.splits["train"][1]
    assert row["chords"] == [{"start_s": 0.0, "label": "C:maj"}, {"start_s": 0.5, "label": "N"}]
    assert row["beats"] == [{"time_s": 0.25, "position": 1}]
    assert (row["melody"], row["instruments"], row["style"], row["bpm"]) == ([], [], "", 0.0)
    assert dataset.audio_path(row).is_file()
    assert len(dataset.splits["valid"]) == len(dataset.splits["test"]) == 0
    assert dataset.info["rows"] == {"train": 2, "valid": 0, "test": 0}
    assert dataset.info["kind"] == "composed"


def test_fingerprint_is_of_content_not_of_place(tmp_path: Path):
    one = save_dataset(tmp_path / "1", {"train": _rows(tmp_path / "1", "a", "b")}, info={"name": "x"})
    two = save_dataset(tmp_path / "2", {"train": _rows(tmp_path / "2", "a", "b")}, info={"name": "y"})
    assert one.fingerprint() == two.fingerprint()
    shutil.copytree(tmp_path / "1", tmp_path / "3")
    assert open_dataset(tmp_path / "3").fingerprint() == one.fingerprint()
    rows = _rows(tmp_path / "2", "a", "b")
    other_caption = save_dataset(tmp_path / "2", {"train": [rows[0], {**rows[1], "caption": "other"}]}, info={})
    save_audio(tmp_path / "2/audio/a.wav", np.zeros(800), sample_rate=8000)
    other_audio = save_dataset(tmp_path / "2", {"train": rows}, info={})
    assert len({one.fingerprint(), other_caption.fingerprint(), other_audio.fingerprint()}) == 3


def test_replacing_drops_the_old_rows_and_keeps_the_audio(tmp_path: Path):
    rows = _rows(tmp_path, "a", "b", "c")
    save_dataset(tmp_path, {"train": rows[:2], "test": rows[2:]}, info={"name": "x"})
    dataset = save_dataset(tmp_path, {"train": rows[:1]}, info={"name": "x"})
    assert [len(dataset.splits[split]) for split in layout.SPLITS] == [1, 0, 0]
    assert (tmp_path / "audio/c.wav").is_file()
    assert not list(tmp_path.glob(".part-*"))


@pytest.mark.parametrize("stop_at", ["_write_splits", "_replace"])
def test_an_interruption_leaves_the_old_dataset_or_a_refused_one(tmp_path: Path, monkeypatch, stop_at: str):
    rows = _rows(tmp_path, "a", "b")
    before = save_dataset(tmp_path, {"train": rows[:1]}, info={"name": "x"}).fingerprint()

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(layout, stop_at, interrupted)
        save_dataset(tmp_path, {"train": rows}, info={"name": "x"})
    if stop_at == "_write_splits":
        assert open_dataset(tmp_path).fingerprint() == before
    else:
        with pytest.raises(UserError, match="interrupted"):
            open_dataset(tmp_path)
    assert not list(tmp_path.glob(".part-*"))
    assert len(save_dataset(tmp_path, {"train": rows}, info={"name": "x"}).splits["train"]) == 2


def test_what_is_not_a_dataset_is_refused_with_the_remedy(tmp_path: Path):
    with pytest.raises(UserError, match="is not a dataset; make one with `counterpoint data ingest`"):
        open_dataset(tmp_path / "nowhere")
    with pytest.raises(UserError, match="no rows"):
        save_dataset(tmp_path, {"train": []}, info={})
    dataset = save_dataset(tmp_path, {"train": _rows(tmp_path, "a")}, info={"name": "x"})
    assert read_json(tmp_path / "dataset.json")["fingerprint"] == dataset.fingerprint()
    (tmp_path / "train" / "state.json").write_text("{")
    with pytest.raises(UserError, match="damaged"):
        open_dataset(tmp_path)
