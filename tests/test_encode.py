"""Encoding of audio and datasets with a tiny codec."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from counterpoint import encode as encode_module
from counterpoint.audio import save_audio
from counterpoint.codec import Codec, load_codec
from counterpoint.codec.encodec import build_encodec, encodec_config, save_encodec
from counterpoint.config import UserError
from counterpoint.config.remote import CACHE_VARIABLE
from counterpoint.config.workers import Workers
from counterpoint.data import open_encoded, save_dataset
from counterpoint.data.batches import ExampleOrder
from counterpoint.encode import encode_dataset, latent_statistics, reconstruct_views

RATE, HOP = 3200, 32


@pytest.fixture(scope="module")
def codec_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("codec") / "tiny"
    config = encodec_config(
        sample_rate=RATE, strides=(4, 4, 2), filters=4, latent_dim=8, num_codebooks=3, codebook_size=16, lstm_layers=1
    )
    torch.manual_seed(0)
    model = build_encodec(config)
    for layer in model.quantizer.layers:
        layer.codebook.embed.copy_(0.02 * torch.randn_like(layer.codebook.embed))
    save_encodec(folder, config=config, state=model.state_dict())
    return folder


@pytest.fixture(scope="module")
def codec(codec_folder: Path) -> Codec:
    return load_codec(str(codec_folder))


def music(duration_s: float, *, seed: int, gain: float = 0.3) -> np.ndarray:
    time_s = np.arange(round(duration_s * RATE)) / RATE
    noise = np.random.default_rng(seed).standard_normal(time_s.size)
    return (gain * (np.sin(2 * np.pi * (100 + 40 * seed) * time_s) + 0.3 * noise)).astype(np.float32)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "dataset"
    splits: dict[str, list[dict[str, Any]]] = {"train": [], "valid": [], "test": []}
    lengths_s = {"train": (12.0, 25.3, 0.5), "valid": (3.0,), "test": (1.0, 2.0)}
    for split, durations in lengths_s.items():
        for index, duration_s in enumerate(durations):
            name = f"{split}-{index}"
            save_audio(folder / "audio" / f"{name}.wav", music(duration_s, seed=index), sample_rate=RATE)
            row = {"id": name, "audio": f"audio/{name}.wav", "caption": name, "duration_s": duration_s}
            splits[split].append({**row, "sample_rate": RATE, "channels": 1})
    save_dataset(folder, splits, info={"name": "tiny", "kind": "composed"})
    return folder


def test_dataset_gets_codes_latents_and_statistics(dataset: Path, codec_folder: Path, codec: Codec) -> None:
    seen: list[tuple[float, float]] = []
    spec = encode_dataset(dataset, codec=str(codec_folder), progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == pytest.approx(seen[-1][1]) and len(seen) == 8  # a call a block
    encoded = open_encoded(dataset, codec=str(codec_folder))
    assert encoded.spec == spec
    assert (spec.frame_rate, spec.latent_dim, spec.num_codebooks, spec.codebook_size) == (100.0, 8, 3, 16)
    assert [encoded["train"].frames(row) for row in range(3)] == [1200, 2530, 50]
    audio = music(2.0, seed=1)
    expected = codec.encode(torch.from_numpy((audio * 32767).round().clip(-32768, 32767) / 32768)[None])
    codes, latents = encoded["test"].slice(1, 0, 200)
    np.testing.assert_allclose(latents, expected.latents[0].numpy(), atol=2e-3)
    assert (codes == expected.codes[0].numpy()).mean() > 0.95


def test_statistics_are_those_of_the_paper(dataset: Path, codec_folder: Path) -> None:
    """App. E.2 by hand: segments of 10 s, that is one of clip 0, two of clip 1, and clip 2 whole."""
    spec = encode_dataset(dataset, codec=str(codec_folder))
    train = open_encoded(dataset, codec=str(codec_folder))["train"]
    segments = [
        torch.from_numpy(train.slice(row, start, frames)[1])
        for row, start, frames in ((0, 0, 1000), (1, 0, 1000), (1, 1000, 1000), (2, 0, 50))
    ]
    assert spec.mean == pytest.approx(torch.cat(segments).mean().item(), rel=1e-4, abs=1e-7)
    expected = torch.stack([segment.std(dim=0) for segment in segments]).mean().item()
    assert spec.mean_std == pytest.approx(expected, rel=1e-4)
    equal = torch.stack(segments[:3])  # the paper's own lines, where all segments are alike
    assert torch.stack([s.std(dim=0) for s in segments[:3]]).mean() == pytest.approx(equal.std(dim=1).mean().item())
    assert latent_statistics(train, frame_rate=100.0, seed=5) == pytest.approx((spec.mean, spec.mean_std))


def test_an_interrupted_encode_goes_on_and_a_complete_one_does_nothing(
    dataset: Path, codec_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    stream = encode_module.stream_audio

    def stop_in_valid(path: Path, *, sample_rate: int) -> Iterator[np.ndarray]:
        read.append(path.stem)
        if read.count("valid-0") == 1 and path.stem == "valid-0":
            raise KeyboardInterrupt
        return stream(path, sample_rate=sample_rate)

    monkeypatch.setattr(encode_module, "stream_audio", stop_in_valid)
    with pytest.raises(KeyboardInterrupt):
        encode_dataset(dataset, codec=str(codec_folder))
    with pytest.raises(UserError, match="is not encoded with"):
        open_encoded(dataset, codec=str(codec_folder))
    encode_dataset(dataset, codec=str(codec_folder))
    assert read == ["train-0", "train-1", "train-2", "valid-0", "valid-0", "test-0", "test-1"]
    encode_dataset(dataset, codec=str(codec_folder))
    assert len(read) == 7


def test_an_empty_train_split_is_refused(tmp_path: Path, codec_folder: Path) -> None:
    folder = tmp_path / "dataset"
    save_audio(folder / "audio" / "a.wav", music(1.0, seed=0), sample_rate=RATE)
    row = {"id": "a", "audio": "audio/a.wav", "duration_s": 1.0, "sample_rate": RATE, "channels": 1}
    save_dataset(folder, {"test": [row]}, info={"name": "tiny", "kind": "composed"})
    with pytest.raises(UserError, match=r"train split of .* is empty"):
        encode_dataset(folder, codec=str(codec_folder))


def test_reconstructed_views_are_the_same_files(tmp_path: Path, codec_folder: Path, codec: Codec) -> None:
    source, out, coded = (tmp_path / name for name in ("source", "out", "coded"))
    lines = [{"file_name": f"{index}.wav", "caption": "a tone"} for index in range(2)]
    for index, line in enumerate(lines):
        save_audio(source / line["file_name"], music(1.005, seed=index), sample_rate=RATE)
    (source / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = reconstruct_views(source, out={"latents": out, "codes": coded}, codec=str(codec_folder))
    measures = found["latents"]
    assert set(measures) == {"si_snr_db", "log_spectral_distance_db"} and all(map(np.isfinite, measures.values()))
    assert (out / "metadata.jsonl").read_text() == (source / "metadata.jsonl").read_text()
    import soundfile

    assert soundfile.info(out / "0.wav").frames == round(1.005 * RATE)
    assert found["codes"] != measures and (coded / "0.wav").read_bytes() != (out / "0.wav").read_bytes()
    with pytest.raises(UserError, match=r"no metadata\.jsonl"):
        reconstruct_views(tmp_path, out={"codes": tmp_path / "none"}, codec=str(codec_folder))


def test_two_workers_write_what_one_process_does_and_go_on_where_it_was(
    dataset: Path, codec_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    shutil.copytree(dataset, other)
    seen: list[float] = []
    spec = encode_dataset(
        other, codec=str(codec_folder), workers=Workers(2), progress=lambda done, total: seen.append(done)
    )
    assert spec == encode_dataset(dataset, codec=str(codec_folder)) and seen[-1] == pytest.approx(43.8)
    alone, shared = (open_encoded(folder, codec=str(codec_folder)) for folder in (dataset, other))
    for split in ("train", "valid", "test"):
        for row, frames in enumerate(alone[split].lengths):
            for one, two in zip(alone[split].slice(row, 0, frames), shared[split].slice(row, 0, frames), strict=True):
                np.testing.assert_array_equal(one, two)


def test_a_dataset_at_a_url_is_encoded_there(
    dataset: Path, codec_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    url = f"file://{dataset}"
    spec = encode_dataset(url, codec=str(codec_folder))
    assert open_encoded(dataset, codec=str(codec_folder)).spec == spec, "it was sent back"
    far = open_encoded(url, codec=str(codec_folder))
    assert far.dataset.folder.is_relative_to(tmp_path / "cache") and len(far["train"]) == 3


def test_a_clip_that_became_unreadable_is_left_out_and_the_rest_goes_on(
    dataset: Path, codec_folder: Path, tmp_path: Path
) -> None:
    """The first, the last and one in the middle: gone, cut to nothing, and turned into text."""
    whole = dataset.parent / "whole"
    shutil.copytree(dataset, whole)
    encode_dataset(whole, codec=str(codec_folder))
    (dataset / "audio" / "train-0.wav").unlink()
    (dataset / "audio" / "valid-0.wav").write_bytes(b"")
    (dataset / "audio" / "test-1.wav").write_text("no audio")
    with pytest.warns(
        UserWarning, match=r"3 of 6 clips are left out: train-0: There is no audio file at .*left-out\.json"
    ):
        encode_dataset(dataset, codec=str(codec_folder))
    found, expected = (open_encoded(folder, codec=str(codec_folder)) for folder in (dataset, whole))
    assert [split.lengths.tolist() for split in found.splits.values()] == [[0, 2530, 50], [0], [100, 0]]
    for split, row in (("train", 1), ("train", 2), ("test", 0)):
        frames = found[split].frames(row)
        assert (found[split].slice(row, 0, frames)[1] == expected[split].slice(row, 0, frames)[1]).all()
    [kept] = dataset.glob("latents/*/left-out.json")
    assert list(json.loads(kept.read_text())) == ["train-0", "valid-0", "test-1"]
    assert {ExampleOrder(found["train"].lengths, segment=100, seed=0).at(place).row for place in range(40)} == {1, 2}


def test_a_clip_that_is_damaged_in_its_middle_is_left_out_whole(
    dataset: Path, codec_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = encode_module.stream_audio

    def break_off(path: Path, *, sample_rate: int) -> Iterator[np.ndarray]:
        yield from stream(path, sample_rate=sample_rate)
        if path.stem == "train-1":
            raise OSError(5, "Input/output error", str(path))

    monkeypatch.setattr(encode_module, "stream_audio", break_off)
    with pytest.warns(UserWarning, match="1 of 6 clips are left out: train-1: .*Input/output error"):
        encode_dataset(dataset, codec=str(codec_folder))
    assert open_encoded(dataset, codec=str(codec_folder))["train"].lengths.tolist() == [1200, 0, 50]


def test_where_no_clip_can_be_encoded_nothing_is_left_behind(dataset: Path, codec_folder: Path) -> None:
    shutil.move(dataset / "audio", dataset / "elsewhere")
    with pytest.raises(UserError, match=r"No clip of the train split could be encoded \(There is no audio file"):
        encode_dataset(dataset, codec=str(codec_folder))
    shutil.move(dataset / "elsewhere", dataset / "audio")
    encode_dataset(dataset, codec=str(codec_folder))
    assert open_encoded(dataset, codec=str(codec_folder))["train"].lengths.all()
