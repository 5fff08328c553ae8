"""A codec without codes from dataset to generated audio, by the command line alone."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from counterpoint.audio import save_audio
from counterpoint.cli import main
from counterpoint.codec.vae import build_vae, save_vae
from counterpoint.data import open_encoded, save_dataset

RATE = 3200
VAE = {
    "encoder_hidden_size": 8,
    "downsampling_ratios": [2, 4, 5],
    "channel_multiples": [1, 1, 2],
    "decoder_channels": 4,
    "decoder_input_channels": 4,
    "audio_channels": 1,
    "sampling_rate": RATE,
}


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("codecs") / "vae"
    torch.manual_seed(0)
    save_vae(folder, config=VAE, state=build_vae(VAE).state_dict())
    return folder


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    draws = np.random.default_rng(0)
    splits = {}
    for split in ("train", "valid", "test"):
        save_audio(folder / "audio" / f"{split}.wav", 0.2 * draws.standard_normal(2 * RATE), sample_rate=RATE)
        facts = {"caption": "a tone", "duration_s": 2.0, "sample_rate": RATE, "channels": 1}
        splits[split] = [{"id": split, "audio": f"audio/{split}.wav", **facts}]
    save_dataset(folder, splits, info={"name": "tiny", "kind": "composed"})
    return folder


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Exit code of `counterpoint ARGUMENTS`."""
    monkeypatch.setattr(sys, "argv", ["counterpoint", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_flow_matching_learns_and_draws_what_an_autoregressive_model_cannot(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, dataset: Path, vae: Path
) -> None:
    assert run(monkeypatch, "data", "encode", dataset, "--codec", vae) == 0
    assert "80 Hz, no codebooks, 4 channels" in " ".join(capsys.readouterr().out.split())
    encoded = open_encoded(dataset, codec=str(vae))
    assert (encoded.spec.num_codebooks, encoded.spec.codebook_size) == (0, 0) and encoded.spec.mean_std != 1
    codes, latents = encoded["train"].slice(0, 3, 10)
    assert codes is None and latents.shape == (10, 4)
    config = tmp_path / "config.yaml"
    config.write_text(
        f"model: {{paradigm: flow_matching, backbone: debug}}\ndata: {{dataset: {dataset}, codec: {vae}, "
        "segment_s: 1}\nsteps: 2\nbatch_size: 2\noptimizer: {warmup_steps: 1}\n"
    )
    assert run(monkeypatch, "train", config, "--out", tmp_path / "run") == 0
    out = tmp_path / "clip.wav"
    arguments = ("--model", tmp_path / "run", "--out", out, "--duration-s", 1.5, "--steps", 2)
    assert run(monkeypatch, "generate", "a tone", *arguments) == 0
    audio, rate = soundfile.read(out)
    assert (rate, audio.shape) == (RATE, (round(1.5 * RATE),)) and audio.std() > 0
    capsys.readouterr()
    refused = ("train", config, "--out", tmp_path / "ar", "--set", "model.paradigm=autoregressive")
    assert run(monkeypatch, *refused) == 2
    assert "need codes, and the codec" in (error := capsys.readouterr().err) and "(flow_matching)" in error
    assert not (tmp_path / "ar" / "checkpoints").exists()


def test_reconstruct(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, dataset: Path, vae: Path
) -> None:
    source = dataset / "audio" / "test.wav"
    for out in (tmp_path / "x.wav", tmp_path / "x.flac"):
        assert run(monkeypatch, "codec", "reconstruct", source, "--codec", vae, "--out", out) == 0
        assert "2.0 s from the latents of" in " ".join(capsys.readouterr().out.split())
        info = soundfile.info(out)
        assert (info.samplerate, info.channels, info.frames) == (RATE, 1, 2 * RATE)
    for arguments, sentence in (
        ((source, "--codec", vae, "--from", "codes", "--out", tmp_path / "y.wav"), "has no codes"),
        ((tmp_path / "none.wav", "--codec", vae, "--out", tmp_path / "y.wav"), "There is no audio file"),
        ((source, "--codec", vae, "--out", tmp_path / "y.ogg"), "name it .wav or .flac"),
        ((source, "--codec", dataset, "--out", tmp_path / "y.wav"), "is not a codec"),
        ((source, "--codec", "nosuch", "--out", tmp_path / "y.wav"), "There is no codec 'nosuch'"),
    ):
        assert run(monkeypatch, "codec", "reconstruct", *arguments) == 2
        error = capsys.readouterr().err
        assert sentence in error and "Traceback" not in error and error.strip().count("\n") == 0
    assert not list(tmp_path.glob("y*"))


CODECS = {
    "encodec": "{kind: encodec, strides: [4, 4, 2], filters: 4, lstm_layers: 1, activation: elu, latent_dim: 8,"
    " num_codebooks: 2, codebook_size: 16}\nquantizer: {kmeans_vectors: 64}",
    "vae": "{kind: vae, strides: [4, 4, 2], filters: 8, decoder_filters: 4, multiples: [1, 1, 2]}",
}


@pytest.mark.parametrize("kind", CODECS)
def test_a_codec_is_trained_goes_on_and_is_heard(
    kind: str, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config, out = tmp_path / "codec.yaml", tmp_path / "run"
    config.write_text(
        f"dataset: {dataset}\ncodec: {CODECS[kind]}\nsample_rate: {RATE}\nstart: transform\nbatch_size: 2\nsteps: 2\n"
        "discriminator: {filters: 2, windows: [128]}\n"
    )
    assert run(monkeypatch, "codec", "train", config, "--out", out) == 0
    assert "parameters: encoder" in capsys.readouterr().err
    assert run(monkeypatch, "codec", "train", config, "--out", out) == 0  # finished: nothing to do
    assert run(monkeypatch, "codec", "train", config, "--out", out, "--set", "steps=3") == 2
    assert "holds a run with steps 2" in capsys.readouterr().err
    source, heard = dataset / "audio" / "test.wav", tmp_path / "heard.wav"
    assert run(monkeypatch, "codec", "reconstruct", source, "--codec", out, "--out", heard) == 0
    assert soundfile.info(heard).frames == soundfile.info(source).frames


def test_a_codec_cannot_learn_what_was_not_recorded(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "codec.yaml"
    config.write_text(f"dataset: {dataset}\ncodec: {{kind: vae}}\nsample_rate: 32000\n")
    assert run(monkeypatch, "codec", "train", config, "--out", tmp_path / "run") == 2
    assert f"set it to {RATE} or less" in capsys.readouterr().err
