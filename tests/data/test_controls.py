"""Control tracks on disk: every row where it belongs, whatever stops the writing, and no track of another dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from counterpoint.audio import save_audio
from counterpoint.config import LatentSpec, UserError, read_json
from counterpoint.data import SPLITS, Encoded, EncodedWriter, open_dataset, open_encoded, save_dataset
from counterpoint.data.controls import SOURCES, TrackWriter, known_tracks, open_track, open_tracks, written_tracks

LENGTHS = {"train": (5, 1, 40), "valid": (7,), "test": ()}
NAME = "chords.viterbi25"


def write_dataset(folder: Path, *, caption: str = "") -> None:
    splits = {}
    for split, lengths in LENGTHS.items():
        splits[split] = []
        for index, frames in enumerate(lengths):
            name = f"{split}-{index}"
            save_audio(folder / "audio" / f"{name}.wav", np.zeros(frames * 10, np.float32), sample_rate=100)
            row = {"id": name, "audio": f"audio/{name}.wav", "caption": caption, "duration_s": frames / 10}
            splits[split].append({**row, "sample_rate": 100, "channels": 1})
    save_dataset(folder, splits, info={"name": "tiny", "kind": "composed"})


def encode(folder: Path) -> Encoded:
    writer = EncodedWriter(open_dataset(folder), codec_fingerprint="abc", num_codebooks=2, latent_dim=3)
    for split, lengths in LENGTHS.items():
        writer.write_split(split, ((np.zeros((2, frames), int), np.zeros((frames, 3))) for frames in lengths))
    shape = {"num_codebooks": 2, "codebook_size": 4, "latent_dim": 3}
    writer.finish(LatentSpec(codec="tiny", fingerprint="abc", sample_rate=100, frame_rate=10.0, **shape))
    return open_encoded(folder, codec="tiny")


@pytest.fixture
def encoded(tmp_path: Path) -> Encoded:
    write_dataset(tmp_path / "dataset")
    return encode(tmp_path / "dataset")


def track(split: str, row: int) -> np.ndarray:
    """Numbers that no other row has."""
    frames = LENGTHS[split][row]
    return (np.arange(frames) + 1000 * row + 10_000 * SPLITS.index(split) - 1).astype(np.int16)


def write(writer: TrackWriter, split: str) -> None:
    writer.write(split, (track(split, row) for row in range(writer.rows_done(split), len(LENGTHS[split]))))


def write_all(encoded: Encoded, name: str = NAME, *, version: str = "1", **info: object) -> TrackWriter:
    writer = TrackWriter(encoded, name, version=version)
    for split in SPLITS:
        write(writer, split)
    writer.finish(**info)
    return writer


def assert_whole(encoded: Encoded, name: str = NAME) -> None:
    found = open_track(encoded, name)
    for split, lengths in LENGTHS.items():
        for row in range(len(lengths)):
            np.testing.assert_array_equal(found[split].row(row), track(split, row))


def test_rows_come_back_whole_and_in_part(encoded: Encoded) -> None:
    writer = write_all(encoded, accuracy={"triads": 0.5})
    assert_whole(encoded)
    found = open_track(encoded, NAME)
    np.testing.assert_array_equal(found["train"].slice(2, 10, 5), track("train", 2)[10:15])
    np.testing.assert_array_equal(writer.split("valid"), track("valid", 0))
    assert found.info["accuracy"] == {"triads": 0.5} and found.info["version"] == "1"
    with pytest.raises(AssertionError):
        found["train"].slice(0, 3, 3)  # would reach into the next row


@pytest.mark.parametrize("torn", [0, 1, 2, 9, 10, 11, 12, 13, 50, 91])
def test_a_torn_write_goes_on_with_the_row_it_broke_off_in(encoded: Encoded, torn: int) -> None:
    """The train split is 46 frames, 92 bytes; rows end after 10, 12 and 92 of them."""
    writer = TrackWriter(encoded, NAME, version="1")
    write(writer, "train")
    file = writer.folder / "train.int16"
    file.write_bytes(file.read_bytes()[:torn])
    again = TrackWriter(encoded, NAME, version="1")
    assert again.rows_done("train") == sum(torn >= end for end in (10, 12, 92)) and not again.is_complete()
    write_all(encoded)
    assert_whole(encoded)


def test_what_an_extractor_breaks_off_in_stays(encoded: Encoded) -> None:
    writer = TrackWriter(encoded, NAME, version="1")

    def stop_in_the_third():
        yield track("train", 0)
        yield track("train", 1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        writer.write("train", stop_in_the_third())
    assert TrackWriter(encoded, NAME, version="1").rows_done("train") == 2
    assert written_tracks(encoded) == []
    with pytest.raises(AssertionError, match="rows are missing"):
        writer.finish()


def test_a_complete_track_is_left_alone_and_another_version_starts_anew(encoded: Encoded) -> None:
    write_all(encoded)
    same = TrackWriter(encoded, NAME, version="1")
    assert same.is_complete() and same.rows_done("train") == 3
    newer = TrackWriter(encoded, NAME, version="2")
    assert not newer.is_complete() and newer.rows_done("train") == 0
    assert written_tracks(encoded) == []
    half = TrackWriter(encoded, NAME, version="2")
    write(half, "train")
    assert TrackWriter(encoded, NAME, version="3").rows_done("train") == 0
    write_all(encoded, version="3")
    assert_whole(encoded)


def test_a_track_of_another_state_of_the_dataset_is_none(encoded: Encoded) -> None:
    write_all(encoded)
    folder = encoded.dataset.folder
    write_dataset(folder, caption="changed")
    changed = encode(folder)
    assert written_tracks(changed) == []
    with pytest.raises(UserError, match=r"has no control track 'chords\.viterbi25'.*data controls .* --codec tiny"):
        open_track(changed, NAME)
    assert TrackWriter(changed, NAME, version="1").rows_done("train") == 0
    write_all(changed)
    assert_whole(changed)


def test_a_track_with_frames_of_its_own_is_refused(encoded: Encoded) -> None:
    writer = TrackWriter(encoded, NAME, version="1")
    with pytest.raises(AssertionError, match="the frames of its row"):
        writer.write("train", [np.zeros(4)])
    assert writer.rows_done("train") == 0


def test_names_are_checked_and_the_first_source_is_preferred(encoded: Encoded) -> None:
    with pytest.raises(UserError, match=r"no control track 'chords\.magic'; choose one of chords\.exact"):
        open_track(encoded, "chords.magic")
    write_all(encoded)
    write_all(encoded, "chords.exact")
    assert written_tracks(encoded) == ["chords.exact", NAME]
    assert [found.name for found in open_tracks(encoded, ["chords"], chosen={})] == ["chords.exact"]
    assert [found.name for found in open_tracks(encoded, ["chords"], chosen={"chords": NAME})] == [NAME]
    with pytest.raises(UserError, match=r"'drums\.mix' is no track of chords"):
        open_tracks(encoded, ["chords"], chosen={"chords": "drums.mix"})
    with pytest.raises(UserError, match="no control track 'melody"):
        open_tracks(encoded, ["chords", "melody"], chosen={})
    assert known_tracks() == [name for names in SOURCES.values() for name in names]


def test_the_file_says_what_it_is_last(encoded: Encoded) -> None:
    folder = write_all(encoded).folder
    info = read_json(folder / "track.json")
    assert info["dataset"] == encoded.dataset.fingerprint()
    assert {path.name for path in folder.iterdir()} >= {"train.int16", "valid.int16", "test.int16", "track.json"}
