"""The corpus on disk: same bytes for the same seed, whole or absent, split as promised."""

import filecmp
from pathlib import Path

import numpy as np
import pytest

from counterpoint.audio import load_audio
from counterpoint.compose import compose, corpus, split_of
from counterpoint.config import UserError
from counterpoint.data import open_dataset


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    out = tmp_path_factory.mktemp("corpus") / "a"
    seen = []
    compose(out, clips=12, duration_s=2.0, seed=1, workers=1, progress=lambda done, total: seen.append((done, total)))
    return out, seen


def test_rows_audio_and_splits(written):
    out, seen = written
    assert seen == [(n, 12) for n in range(1, 13)]
    dataset = open_dataset(out)
    assert sum(len(split) for split in dataset.splits.values()) == 12
    assert all(len(dataset.splits[name]) >= 1 for name in ("train", "valid", "test"))
    assert dataset.info["kind"] == "composed" and dataset.info["seed"] == 1
    for split in dataset.splits.values():
        for row in split:
            audio, rate = load_audio(dataset.audio_path(row), sample_rate=None)
            assert rate == row["sample_rate"] == 32_000 and len(audio) == 64_000
            assert row["caption"] and row["chords"] and row["melody"] and row["beats"] and row["instruments"]
            assert ("drums" in row["instruments"]) == bool(row["drums"])
            if row["drums"]:
                stem, _ = load_audio(out / row["drums"], sample_rate=None)
                assert len(stem) == len(audio) and np.abs(stem).max() > 0.005


def test_a_pool_of_processes_gives_the_same_bytes(written, tmp_path):
    out, _ = written
    again = tmp_path / "b"
    compose(again, clips=12, duration_s=2.0, seed=1, workers=2)
    assert files(again) == files(out)
    _, different, failed = filecmp.cmpfiles(out, again, sorted(files(out)), shallow=False)
    assert not different and not failed
    assert open_dataset(again).fingerprint() == open_dataset(out).fingerprint()


def test_a_longer_corpus_extends_a_shorter_one(written, tmp_path):
    out, _ = written
    compose(tmp_path / "few", clips=4, duration_s=2.0, seed=1, workers=1)
    audio = {name for name in files(tmp_path / "few") if name.startswith("audio/")}
    assert len(audio) >= 4
    assert not filecmp.cmpfiles(out, tmp_path / "few", sorted(audio), shallow=False)[1]

    def rows(folder: Path) -> dict:
        return {row["id"]: (name, row) for name, split in open_dataset(folder).splits.items() for row in split}

    few, many = rows(tmp_path / "few"), rows(out)
    assert len(few) == 4 and all(many[key] == few[key] for key in few)


def test_splits_are_near_80_10_10_and_never_leave_one_empty():
    for seed in range(20):
        splits = [split_of(seed, index) for index in range(100)]
        assert (splits.count("train"), splits.count("valid"), splits.count("test")) == (80, 10, 10)
        assert set(splits[:10]) == {"train", "valid", "test"}
        assert "train" in splits[:3]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"clips": 2}, "2 clips"),
        ({"clips": -1}, "clips"),
        ({"duration_s": 0.0}, "1 to 600 s"),
        ({"duration_s": -3.0}, "1 to 600 s"),
        ({"duration_s": float("nan")}, "1 to 600 s"),
        ({"duration_s": 1e9}, "1 to 600 s"),
        ({"seed": -1}, "seed"),
    ],
)
def test_wrong_arguments_are_named(tmp_path, changes, words):
    with pytest.raises(UserError, match=words):
        compose(tmp_path / "out", **{"clips": 3, "duration_s": 2.0, "seed": 0, **changes})
    assert not list(tmp_path.iterdir())


def test_an_output_in_use_is_left_alone(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "song.txt").write_text("mine")
    with pytest.raises(UserError, match=r"contains song\.txt"):
        compose(tmp_path / "out", clips=3, duration_s=2.0, seed=0)
    with pytest.raises(UserError, match="named like a file"):
        compose(tmp_path / "out" / "song.txt", clips=3, duration_s=2.0, seed=0)
    assert (tmp_path / "out" / "song.txt").read_text() == "mine"


def test_an_interruption_leaves_nothing(tmp_path):
    def interrupt(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compose(tmp_path / "out", clips=6, duration_s=1.0, seed=0, workers=1, progress=interrupt)
    assert not list(tmp_path.iterdir())


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "out").mkdir()
    assert compose(tmp_path / "out", clips=3, duration_s=1.0, seed=0, workers=1).folder == tmp_path / "out"
    assert corpus.split_of(0, 0) in ("train", "valid", "test")
