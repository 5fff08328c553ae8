"""Encoded columns: round trip, slices that read only themselves, resumption, staleness."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from counterpoint.config import LatentSpec, UserError
from counterpoint.data import SPLITS, EncodedWriter, MusicDataset, encoded, open_encoded, save_dataset
from counterpoint.data.batches import Example, read_batch
from counterpoint.data.encoded import is_storable

K, D = 4, 6
SPEC = LatentSpec(
    codec="toy",
    sample_rate=8000,
    frame_rate=50,
    num_codebooks=K,
    codebook_size=2048,
    latent_dim=D,
    mean=0.5,
    mean_std=2,
)
LENGTHS = {"train": [3, 70, 1, 40] * 10, "valid": [5, 6], "test": []}


def _dataset(folder: Path, *, caption: str = "about") -> MusicDataset:
    splits = {
        split: [
            {
                "id": f"{split}{row}",
                "audio": "none.wav",
                "caption": f"{caption} {split} {row}",
                "duration_s": length / 50,
                "sample_rate": 8000,
                "channels": 1,
            }
            for row, length in enumerate(lengths)
        ]
        for split, lengths in LENGTHS.items()
    }
    ids = {row["id"]: row["id"] for rows in splits.values() for row in rows}
    return save_dataset(folder, splits, info={"name": "toy"}, audio_digests=ids)


def _row(split: str, row: int, *, frames: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng([SPLITS.index(split), row])
    length = frames or LENGTHS[split][row]
    latents = random.standard_normal((length, D)).astype(np.float16).astype(np.float32)
    return random.integers(0, 2048, (K, length)), latents


def _rows(split: str, start: int):
    return (_row(split, row) for row in range(start, len(LENGTHS[split])))


def _encode(dataset: MusicDataset, *, fingerprint: str = "abc") -> encoded.Encoded:
    writer = EncodedWriter(dataset, codec_fingerprint=fingerprint, num_codebooks=K, latent_dim=D)
    for split in SPLITS:
        writer.write_split(split, _rows(split, writer.rows_done(split)))
    return writer.finish(SPEC)


def _assert_whole(opened: encoded.Encoded) -> None:
    for split in SPLITS:
        part = opened[split]
        assert len(part) == len(LENGTHS[split]) and part.lengths.tolist() == LENGTHS[split]
        for row in range(len(part)):
            codes, latents = part.slice(row, 0, part.frames(row))
            wanted_codes, wanted_latents = _row(split, row)
            assert np.array_equal(codes, wanted_codes) and np.array_equal(latents, wanted_latents)
            assert codes.dtype == np.int64 and latents.dtype == np.float32


def test_every_row_comes_back_with_its_caption(tmp_path: Path):
    _encode(_dataset(tmp_path))
    opened = open_encoded(tmp_path, codec="toy")
    _assert_whole(opened)
    assert opened.spec == SPEC.model_copy(update={"fingerprint": "abc"})
    assert opened["train"].caption(7) == "about train 7" and opened["train"].id(7) == "train7"
    assert opened["valid"].row(1)["id"] == "valid1"
    assert open_encoded(tmp_path, codec="abc").fingerprint() == opened.fingerprint()


def test_slices_are_the_frames_asked_for(tmp_path: Path):
    part = _encode(_dataset(tmp_path))["train"]
    for row, start, frames in [(1, 0, 1), (1, 69, 1), (37, 13, 20), (3, 5, 35)]:
        codes, latents = part.slice(row, start, frames)
        wanted_codes, wanted_latents = _row("train", row)
        assert np.array_equal(codes, wanted_codes[:, start : start + frames])
        assert np.array_equal(latents, wanted_latents[start : start + frames])
    with pytest.raises(AssertionError):
        part.slice(0, 0, 4)


@pytest.mark.parametrize("stop_at", [0, 31, 32, 39])
def test_an_interrupted_encode_goes_on_with_the_next_part(tmp_path: Path, stop_at: int):
    dataset = _dataset(tmp_path)

    def interrupted():
        yield from (_row("train", row) for row in range(stop_at))
        raise KeyboardInterrupt

    writer = EncodedWriter(dataset, codec_fingerprint="abc", num_codebooks=K, latent_dim=D)
    with pytest.raises(KeyboardInterrupt):
        writer.write_split("train", interrupted())
    again = EncodedWriter(dataset, codec_fingerprint="abc", num_codebooks=K, latent_dim=D)
    assert again.rows_done("train") == stop_at // 32 * 32 and not again.is_complete()
    with pytest.raises(UserError, match="not encoded with 'toy'"):
        open_encoded(tmp_path, codec="toy")
    _assert_whole(_encode(dataset))
    whole = EncodedWriter(dataset, codec_fingerprint="abc", num_codebooks=K, latent_dim=D)
    assert whole.is_complete() and whole.rows_done("train") == 40


def test_a_changed_dataset_must_be_encoded_anew(tmp_path: Path):
    _encode(_dataset(tmp_path))
    changed = _dataset(tmp_path, caption="now about")
    with pytest.raises(UserError, match="changed since"):
        open_encoded(tmp_path, codec="toy")
    assert EncodedWriter(changed, codec_fingerprint="abc", num_codebooks=K, latent_dim=D).rows_done("train") == 0
    assert _encode(changed)["train"].caption(0) == "now about train 0"


def test_wrong_names_get_a_remedy(tmp_path: Path):
    dataset = _dataset(tmp_path)
    with pytest.raises(UserError, match=r"run `counterpoint data encode .* --codec toy`"):
        open_encoded(tmp_path, codec="toy")
    _encode(dataset)
    with pytest.raises(UserError, match="only with toy"):
        open_encoded(tmp_path, codec="other")
    _encode(dataset, fingerprint="def")
    with pytest.raises(UserError, match="choose one by fingerprint: abc, def"):
        open_encoded(tmp_path, codec="toy")
    assert open_encoded(tmp_path, codec="def").spec.fingerprint == "def"


@pytest.mark.parametrize(("latent", "is_fine"), [(65504, True), (1e6, False), (np.nan, False), (-np.inf, False)])
def test_latents_that_half_precision_holds_are_storable(latent: float, is_fine: bool):
    assert is_storable(np.array([[0.0, latent]], dtype=np.float32)) == is_fine


def test_a_slice_of_a_ten_minute_row_touches_only_its_own_pages(tmp_path: Path):
    frames = 600 * 50
    rows = [{"id": "long", "audio": "x", "duration_s": 600.0, "sample_rate": 8000, "channels": 1}]
    dataset = save_dataset(tmp_path, {"train": rows}, info={}, audio_digests={"long": "x"})
    writer = EncodedWriter(dataset, codec_fingerprint="abc", num_codebooks=4, latent_dim=128)
    codes = np.zeros((4, frames), np.int64)
    latents = np.repeat(np.arange(frames, dtype=np.float32)[:, None] % 1000, 128, axis=1)
    for split in SPLITS:
        writer.write_split(split, [(codes, latents)] if split == "train" else [])
    part = writer.finish(SPEC.model_copy(update={"latent_dim": 128}))["train"]
    values = part._chunks[0]["latents"]
    assert not values.values.flags.owndata and not values.values.flags.writeable  # a view of the mapped file
    assert values.values.nbytes == frames * 128 * 2
    resident = _resident_kb()
    _, found = part.slice(0, 20_000, 500)
    assert np.array_equal(found, latents[20_000:20_500])
    assert found.base is None  # a copy, so the map is not kept alive by a batch
    assert _resident_kb() - resident < 2_000  # the row is 7.7 MB, the slice 0.4 MB


def _resident_kb() -> int:
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1])


@pytest.mark.parametrize("stop_at", [None, 33])
def test_a_codec_without_codes_has_latents_alone(tmp_path: Path, stop_at: int | None):
    dataset = _dataset(tmp_path)

    def rows(split: str, start: int):
        for row in range(start, len(LENGTHS[split])):
            if row == stop_at and start == 0:
                raise KeyboardInterrupt
            yield None, _row(split, row)[1]

    def encode() -> encoded.Encoded:
        writer = EncodedWriter(dataset, codec_fingerprint="vae", num_codebooks=0, latent_dim=D)
        for split in SPLITS:
            writer.write_split(split, rows(split, writer.rows_done(split)))
        return writer.finish(SPEC.model_copy(update={"num_codebooks": 0, "codebook_size": 0}))

    if stop_at is not None:
        with pytest.raises(KeyboardInterrupt):
            encode()
    encode()
    opened = open_encoded(tmp_path, codec="vae")
    assert opened.spec.num_codebooks == 0 and len(opened["test"]) == 0
    for split in SPLITS:
        assert opened[split].lengths.tolist() == LENGTHS[split]
        for row in range(len(opened[split])):
            codes, latents = opened[split].slice(row, 0, opened[split].frames(row))
            assert codes is None and np.array_equal(latents, _row(split, row)[1])
    chosen = [Example(row=1, start=5, frames=4), Example(row=3, start=0, frames=6)]
    batch = read_batch(opened["train"], chosen, target="latents")
    assert batch.target.shape == (2, 6, D) and not batch.target[0, 4:].any()
    writer = EncodedWriter(dataset, codec_fingerprint="other", num_codebooks=0, latent_dim=D)
    with pytest.raises(AssertionError, match="expected codes"):
        writer.write_split("train", _rows("train", 0))
