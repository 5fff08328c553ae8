"""Training of a tiny codec on tones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from counterpoint.audio import save_audio
from counterpoint.codec import load_codec
from counterpoint.codec.encodec import EnCodec
from counterpoint.config import CodecTrainingConfig, UserError
from counterpoint.training import train_codec
from counterpoint.training.codec_data import Clips
from counterpoint.training.codec_losses import LatentLoss, SpectralLoss, time_loss
from counterpoint.training.codec_model import AutoEncoder, scale_to_data

RATE = 3200
TINY = CodecTrainingConfig(
    dataset="unused",
    filters=4,
    strides=(4, 4, 2),
    lstm_layers=1,
    sample_rate=RATE,
    latent_dim=16,
    num_codebooks=2,
    codebook_size=32,
    batch_size=4,
    steps=16,
    learning_rate=2e-3,
    betas=(0.9, 0.99),
    warmup_steps=2,
    clip_norm=1.0,
    quantize_after=4,
    refit_every=6,
    pool_vectors=256,
    final_vectors=512,
    log_every=4,
    checkpoint_every=8,
    validate_every=8,
)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    folder = tmp_path_factory.mktemp("tones")
    time_s = np.arange(5 * RATE) / RATE
    paths = []
    for index, frequency_hz in enumerate((110.0, 165.0, 220.0, 275.0)):
        audio = 0.2 * np.sin(2 * np.pi * frequency_hz * time_s) * (0.6 + 0.4 * np.sin(2 * np.pi * time_s))
        paths.append(folder / f"{index}.wav")
        save_audio(paths[-1], audio.astype(np.float32), sample_rate=RATE)
    return Clips(paths=tuple(paths), durations_s=(5.0,) * 4, sample_rate=RATE)


def test_loss_falls_and_the_export_is_the_codec(clips: Clips, tmp_path: Path) -> None:
    config = TINY.model_copy(update={"steps": 60, "quantize_after": 20, "refit_every": 0, "log_every": 10})
    result = train_codec(config, out=tmp_path, progress=False, clips=clips, held_out=clips)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    losses = [line["time"] for line in lines if "time" in line]
    assert result.steps == 60 and len(losses) == 6
    assert losses[-1] < 0.6 * losses[0]
    codec = load_codec(str(tmp_path))  # the run folder itself
    assert (codec.frame_rate, codec.num_codebooks, codec.codebook_size, codec.latent_dim) == (100.0, 2, 32, 16)
    measures = json.loads((tmp_path / "codec" / "measures.json").read_text())
    assert measures["step"] == 60 and measures["held_out_clips"] == 4 and measures["finished"]
    assert measures["latents"]["si_snr_db"] > 1.0
    assert all(value > 3 for value in measures["codes"]["perplexity"])
    saved = load_file(tmp_path / "codec" / "model.safetensors")
    assert {str(tensor.dtype) for tensor in saved.values()} == {"torch.float16"}


def test_a_resumed_training_ends_with_the_same_bytes(
    clips: Clips, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train_codec(TINY, out=whole, progress=False, clips=clips, held_out=clips)
    drawn = 0
    batch = Clips.batch

    def fail_later(self: Clips, draws: np.random.Generator, *, batch_size: int, samples: int) -> np.ndarray:
        nonlocal drawn
        drawn += 1
        if drawn == 14:  # some updates after the checkpoint of step 8
            raise RuntimeError("power cut")
        return batch(self, draws, batch_size=batch_size, samples=samples)

    monkeypatch.setattr(Clips, "batch", fail_later)
    with pytest.raises(RuntimeError, match="power cut"):
        train_codec(TINY, out=parts, progress=False, clips=clips, held_out=clips)
    monkeypatch.setattr(Clips, "batch", batch)
    assert load_file(parts / "checkpoint.safetensors").keys() == load_file(whole / "checkpoint.safetensors").keys()
    train_codec(TINY, out=parts, progress=False, clips=clips, held_out=clips)
    for name in ("checkpoint.safetensors", "codec/model.safetensors"):
        assert (parts / name).read_bytes() == (whole / name).read_bytes()
    steps = [json.loads(line)["step"] for line in (parts / "metrics.jsonl").read_text().splitlines()]
    assert steps == [4, 8, 8, 12, 16, 16]


def test_interruption_writes_a_checkpoint(clips: Clips, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batch, drawn = Clips.batch, []

    def interrupt(self: Clips, draws: np.random.Generator, *, batch_size: int, samples: int) -> np.ndarray:
        drawn.append(1)
        if len(drawn) == 4:
            raise KeyboardInterrupt
        return batch(self, draws, batch_size=batch_size, samples=samples)

    monkeypatch.setattr(Clips, "batch", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train_codec(TINY, out=tmp_path, progress=False, clips=clips)
    monkeypatch.setattr(Clips, "batch", batch)
    assert (tmp_path / "checkpoint.safetensors").is_file()
    assert train_codec(TINY, out=tmp_path, progress=False, clips=clips).steps == TINY.steps


def test_another_configuration_is_refused(clips: Clips, tmp_path: Path) -> None:
    short = TINY.model_copy(update={"steps": 1})
    train_codec(short, out=tmp_path, progress=False, clips=clips)
    with pytest.raises(UserError, match="another configuration"):
        train_codec(TINY, out=tmp_path, progress=False, clips=clips)


def test_a_damaged_checkpoint_is_named(clips: Clips, tmp_path: Path) -> None:
    short = TINY.model_copy(update={"steps": 1})
    train_codec(short, out=tmp_path, progress=False, clips=clips)
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"checkpoint\.safetensors is damaged"):
        train_codec(short, out=tmp_path, progress=False, clips=clips)


def test_a_folder_that_is_no_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a dataset"):
        train_codec(TINY.model_copy(update={"dataset": str(tmp_path)}), out=tmp_path / "run", progress=False)


def test_scaling_to_data_gives_unit_latents_and_a_quiet_output(clips: Clips) -> None:
    torch.manual_seed(0)
    model = AutoEncoder(TINY)
    audio = torch.from_numpy(clips.batch(np.random.default_rng(0), batch_size=8, samples=3200))
    with torch.no_grad():
        assert model.encode(audio).std() < 0.3  # what the default initialisation leaves
    scale_to_data(model, audio)
    with torch.no_grad():
        latents = model.encode(audio)
        assert abs(latents.std().item() - 1) < 0.05
        assert abs(model.decode(latents).std().item() / audio.std().item() - 0.1) < 0.02


def test_training_quantiser_and_exported_codec_choose_the_same_codes(clips: Clips, tmp_path: Path) -> None:
    train_codec(TINY, out=tmp_path, progress=False, clips=clips)
    codec = load_codec(str(tmp_path))
    assert isinstance(codec, EnCodec)
    model = AutoEncoder(TINY).eval()
    model.set_codebooks(codec.codebooks())
    latents = torch.randn(2, 9, 16)
    quantized, codes, _ = model.quantizer(latents)
    assert torch.equal(codes.transpose(1, 2), codec.quantize(latents))
    torch.testing.assert_close(codec.dequantize(codec.quantize(latents)), quantized, atol=1e-5, rtol=1e-4)


def test_batches_depend_on_the_draws_alone_and_never_clip(clips: Clips) -> None:
    first, again = (clips.batch(np.random.default_rng([3, 5]), batch_size=6, samples=800) for _ in range(2))
    other = clips.batch(np.random.default_rng([3, 6]), batch_size=6, samples=800)
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert 0.05 < np.abs(first).max() <= 1.0
    assert len({row.tobytes() for row in first}) == 6


def test_losses_vanish_on_equal_audio_and_grow_with_noise() -> None:
    generator = torch.Generator().manual_seed(0)
    audio = 0.1 * torch.randn(2, 8192, generator=generator)
    noise = 0.1 * torch.randn(2, 8192, generator=generator)
    spectral = SpectralLoss(32_000)
    scales = spectral.draw(np.random.default_rng(0))
    assert len(set(scales)) == 3
    equal = spectral(audio, audio, scales=scales)
    little, much = (spectral(audio + gain * noise, audio, scales=scales) for gain in (0.1, 1.0))
    for name in ("mel", "stft"):
        assert equal[name] == 0 and 0 < little[name] < much[name]
    torch.testing.assert_close(time_loss(torch.zeros_like(audio), audio), torch.tensor(1.0))
    assert time_loss(audio, audio) == 0


def test_latent_loss_holds_the_variance_not_the_power() -> None:
    latents = torch.randn(8, 100, 4, generator=torch.Generator().manual_seed(0))
    loss = LatentLoss()
    assert loss(latents) < 0.01
    assert loss(torch.ones(8, 100, 4)) > 1.0  # constant: power one, variance zero
    assert loss(0.1 * latents) > 0.9 and loss(3 * latents) > 10
