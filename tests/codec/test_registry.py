"""Published checkpoints, written here at random in exactly the layout of the published ones, and what is no codec."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from counterpoint.codec import load_codec
from counterpoint.codec.loading import unreadable
from counterpoint.config import UserError, write_json

STABLE_AUDIO = {
    "_class_name": "AutoencoderOobleck",
    "_diffusers_version": "0.30.0.dev0",
    "audio_channels": 2,
    "channel_multiples": [1, 2, 4, 8, 16],
    "decoder_channels": 128,
    "decoder_input_channels": 64,
    "downsampling_ratios": [2, 4, 4, 8, 8],
    "encoder_hidden_size": 128,
    "sampling_rate": 44_100,
}
"""vae/config.json of stabilityai/stable-audio-open-1.0."""
ENCODEC_32KHZ = {
    "architectures": ["EncodecModel"],
    "audio_channels": 1,
    "chunk_length_s": None,
    "codebook_dim": 128,
    "codebook_size": 2048,
    "compress": 2,
    "dilation_growth_rate": 2,
    "hidden_size": 128,
    "kernel_size": 7,
    "last_kernel_size": 7,
    "model_type": "encodec",
    "norm_type": "weight_norm",
    "normalize": False,
    "num_filters": 64,
    "num_lstm_layers": 2,
    "num_residual_layers": 1,
    "overlap": None,
    "pad_mode": "reflect",
    "residual_kernel_size": 3,
    "sampling_rate": 32_000,
    "target_bandwidths": [2.2],
    "torch_dtype": "float32",
    "transformers_version": "4.31.0.dev0",
    "trim_right_ratio": 1.0,
    "upsampling_ratios": [8, 5, 4, 4],
    "use_causal_conv": False,
    "use_conv_shortcut": False,
}
"""config.json of facebook/encodec_32khz."""
COMMIT = "0123456789" * 4
OLD_NAMES = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}


def write_stable_audio(folder: Path, **changes: Any) -> Any:
    """A pipeline's folder with its VAE alone; returns diffusers' own model."""
    from diffusers import AutoencoderOobleck

    torch.manual_seed(0)
    config = {**STABLE_AUDIO, **changes}
    model = AutoencoderOobleck(**{key: value for key, value in config.items() if key[0] != "_"}).eval()
    write_json(folder / "model_index.json", {"_class_name": "StableAudioPipeline"})
    write_json(folder / "vae" / "config.json", config)
    save_file(model.state_dict(), folder / "vae" / "diffusion_pytorch_model.safetensors", metadata={"format": "pt"})
    return model


def write_encodec(folder: Path, *, old_names: bool = True, pickled: bool = False, **changes: Any) -> Any:
    """The published layout, quantiser buffers and all; returns transformers' own model."""
    from transformers import EncodecConfig, EncodecModel

    torch.manual_seed(0)
    config = {**ENCODEC_32KHZ, **changes}
    model: Any = EncodecModel(EncodecConfig(**config)).eval()
    for layer in model.quantizer.layers:
        layer.codebook.embed.normal_(std=0.05)
        layer.codebook.embed_avg.copy_(layer.codebook.embed)
    state = {}
    for key, value in model.state_dict().items():
        for new, old in OLD_NAMES.items():
            key = key.replace(new, old) if old_names else key
        state[key] = value.clone()
    assert any(key.endswith("weight_g") for key in state) == old_names
    assert {"quantizer.layers.3.codebook.cluster_size", "quantizer.layers.3.codebook.inited"} <= state.keys()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    if pickled:
        torch.save(state, folder / "pytorch_model.bin")
    else:
        save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    return model


NARROW_VAE: dict[str, Any] = {"encoder_hidden_size": 8, "decoder_channels": 4, "decoder_input_channels": 4}
NARROW_ENCODEC: dict[str, Any] = {"num_filters": 2, "hidden_size": 8, "codebook_dim": 8}


def assert_same_vae(folder: Path, reference: Any, *, frames: int) -> None:
    codec = load_codec(str(folder))
    assert (codec.sample_rate, codec.frame_rate, codec.num_codebooks) == (44_100, 44_100 / 2048, 0)
    audio = 0.1 * torch.randn(1, frames * 2048)
    with torch.no_grad():
        latents = reference.encode(audio[:, None].repeat(1, 2, 1)).latent_dist.mode()
        decoded = reference.decode(latents).sample
    ours = codec.encode(audio).latents
    scale = max(1.0, latents.std().item())
    torch.testing.assert_close(ours, latents.transpose(1, 2), atol=1e-5 * scale, rtol=1e-5)
    ours = codec.decode_latents(latents.transpose(1, 2))
    assert ours.shape == (1, frames * 2048) and ours.std() > 1e-4
    scale = max(1.0, decoded.std().item())
    torch.testing.assert_close(ours, decoded.mean(dim=1), atol=1e-5 * scale, rtol=1e-5)


def assert_same_encodec(folder: Path, reference: Any, *, frames: int) -> None:
    codec = load_codec(str(folder))
    assert (codec.sample_rate, codec.frame_rate) == (32_000, 50.0)
    assert (codec.num_codebooks, codec.codebook_size) == (4, 2048)
    audio = 0.1 * torch.randn(1, frames * 640)
    with torch.no_grad():
        latents = reference.encoder(audio[:, None]).transpose(1, 2)
        codes = reference.encode(audio[:, None]).audio_codes[0]
        decoded = reference.decode(codes[None], [None]).audio_values[:, 0]
    encoding = codec.encode(audio)
    torch.testing.assert_close(encoding.latents, latents, atol=1e-5 * max(1.0, latents.std().item()), rtol=1e-5)
    assert encoding.codes is not None and (encoding.codes == codes).float().mean() > 0.99
    assert len(codes.unique()) > 5
    torch.testing.assert_close(
        codec.decode_codes(codes), decoded, atol=1e-5 * max(1.0, decoded.std().item()), rtol=1e-5
    )


def test_the_vae_of_stable_audio_loads_from_its_pipeline(tmp_path: Path) -> None:
    reference = write_stable_audio(tmp_path, **NARROW_VAE)
    assert_same_vae(tmp_path, reference, frames=6)
    assert load_codec(str(tmp_path / "vae")).fingerprint == load_codec(str(tmp_path)).fingerprint


@pytest.mark.slow
def test_the_vae_of_stable_audio_loads_at_its_full_size(tmp_path: Path) -> None:
    reference = write_stable_audio(tmp_path)
    assert 150e6 < sum(parameter.numel() for parameter in reference.parameters()) < 160e6
    assert_same_vae(tmp_path, reference, frames=2)


@pytest.mark.parametrize(("old_names", "pickled"), [(True, False), (False, False), (True, True)])
def test_encodec_loads_in_each_of_its_file_formats(tmp_path: Path, old_names: bool, pickled: bool) -> None:
    reference = write_encodec(tmp_path, old_names=old_names, pickled=pickled, **NARROW_ENCODEC)
    assert_same_encodec(tmp_path, reference, frames=20)


def test_encodec_32khz_loads_at_its_full_size(tmp_path: Path) -> None:
    reference = write_encodec(tmp_path)
    assert 55e6 < sum(parameter.numel() for parameter in reference.parameters()) < 60e6
    assert_same_encodec(tmp_path, reference, frames=5)


@pytest.mark.slow
def test_hub_ids_are_read_from_the_hubs_cache(tmp_path: Path) -> None:
    """Both repositories in a cache as the hub's client leaves it, in a process of its own without a network."""
    writers: dict[str, Any] = {
        "stabilityai/stable-audio-open-1.0": lambda folder: write_stable_audio(folder, **NARROW_VAE),
        "facebook/encodec_32khz": lambda folder: write_encodec(folder, **NARROW_ENCODEC),
    }
    for name, write in writers.items():
        repository = tmp_path / "hub" / f"models--{name.replace('/', '--')}"
        write(repository / "snapshots" / COMMIT)
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text(COMMIT)
    program = (
        "from counterpoint.codec import load_codec\n"
        f"for name in {list(writers)!r}:\n"
        "    codec = load_codec(name)\n"
        "    print(codec.name, codec.sample_rate, codec.num_codebooks)\n"
        "try:\n"
        "    load_codec('nobody/nothing')\n"
        "except ValueError as error:\n"
        "    print(error)\n"
    )
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    environment.pop("HF_HUB_CACHE", None)
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == ["stabilityai/stable-audio-open-1.0 44100 0", "facebook/encodec_32khz 32000 4"]
    assert "'nobody/nothing' cannot be loaded" in lines[2] and "hub id that this machine can reach" in lines[2]
    assert "weights" not in done.stderr and "Warning" not in done.stderr  # no library has its say on what it loaded


def test_a_gated_repository_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub.errors import GatedRepoError

    def refuse(*_: Any, **__: Any) -> str:
        response: Any = SimpleNamespace(headers={}, request=None, status_code=403)
        raise GatedRepoError("403 Client Error. Cannot access gated repo", response=response)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refuse)
    with pytest.raises(UserError, match=r"accept its licence at https://huggingface\.co/stabilityai/.* log in .*local"):
        load_codec("stabilityai/stable-audio-open-1.0")
    try:  # a library wraps it in an error of its own
        try:
            refuse()
        except GatedRepoError as error:
            raise OSError("You are trying to access a gated repo.") from error
    except OSError as wrapped:
        assert "accept its licence" in str(unreadable(wrapped, name="some/thing"))


def test_weights_of_another_codec_are_refused(tmp_path: Path) -> None:
    """The libraries would load them silently and draw every weight at random."""
    write_stable_audio(tmp_path / "pipeline", **NARROW_VAE)
    write_encodec(tmp_path / "encodec", **NARROW_ENCODEC)
    vae, encodec = tmp_path / "pipeline" / "vae", tmp_path / "encodec"
    weights = (vae / "diffusion_pytorch_model.safetensors", encodec / "model.safetensors")
    states = [load_file(path) for path in weights]
    for path, state in zip(weights, reversed(states), strict=True):
        save_file(state, path, metadata={"format": "pt"})
    for folder in (vae, encodec):
        with pytest.raises(UserError, match=r"do not match its config\.json .*missing"):
            load_codec(str(folder))


@pytest.mark.parametrize("kind", ["vae", "encodec"])
def test_a_tensor_too_few_or_too_many_or_of_another_shape_is_refused(tmp_path: Path, kind: str) -> None:
    if kind == "vae":
        write_stable_audio(tmp_path, **NARROW_VAE)
        path = tmp_path / "vae" / "diffusion_pytorch_model.safetensors"
    else:
        write_encodec(tmp_path, **NARROW_ENCODEC)
        path = tmp_path / "model.safetensors"
    whole = load_file(path)
    key = next(key for key in whole if key.endswith("weight_v"))
    for change, told in (
        ({key: None}, "1 missing"),
        ({"decoder.another.weight": torch.zeros(2)}, "1 unexpected, such as decoder.another.weight"),
        ({key: torch.zeros(3, 3)}, "cannot be loaded|mismatched"),
    ):
        state = {name: value for name, value in {**whole, **change}.items() if value is not None}
        save_file(state, path, metadata={"format": "pt"})
        with pytest.raises(UserError, match=told):
            load_codec(str(tmp_path))


def test_a_run_of_another_kind_is_refused(tmp_path: Path) -> None:
    write_json(tmp_path / "model.json", {"model": {}, "latent": {}})
    with pytest.raises(UserError, match=r"is not a codec: it has no config\.json"):
        load_codec(str(tmp_path))
    for config in ({"model_type": "dac"}, {"_class_name": "AutoencoderKL"}, {}, []):
        write_json(tmp_path / "config.json", config)
        with pytest.raises(
            UserError, match=r"has the format .*; the installed formats are encodec, AutoencoderOobleck"
        ):
            load_codec(str(tmp_path))


def test_stereo_encodecs_and_impossible_vaes_are_refused(tmp_path: Path) -> None:
    write_encodec(tmp_path / "stereo", **NARROW_ENCODEC, audio_channels=2)
    with pytest.raises(UserError, match="2 audio channels"):
        load_codec(str(tmp_path / "stereo"))
    write_stable_audio(tmp_path / "vae", encoder_hidden_size=8, decoder_channels=4, decoder_input_channels=8)
    with pytest.raises(UserError, match="must be twice"):
        load_codec(str(tmp_path / "vae"))
