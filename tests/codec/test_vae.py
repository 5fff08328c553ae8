"""The VAE against diffusers' own, and where in time things come out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from counterpoint.codec import Codec, load_codec
from counterpoint.codec.vae import Vae, build_vae, load_vae, save_vae
from counterpoint.config import UserError

CONFIG: dict[str, Any] = {
    "encoder_hidden_size": 12,
    "downsampling_ratios": [2, 5],
    "channel_multiples": [1, 2],
    "decoder_channels": 6,
    "decoder_input_channels": 6,
    "audio_channels": 1,
    "sampling_rate": 800,
}
HOP = 10


def library_model(*, seed: int = 0, **changes: Any) -> Any:
    """Diffusers' own model; its Snake parameters, zero at the start, are drawn too."""
    from diffusers import AutoencoderOobleck

    torch.manual_seed(seed)
    model = AutoencoderOobleck(**{**CONFIG, **changes}).eval()
    for name, parameter in model.named_parameters():
        if name.endswith((".alpha", ".beta")):
            torch.nn.init.normal_(parameter, std=0.3)
    return model


@pytest.fixture(scope="module")
def reference() -> Any:
    return library_model()


@pytest.fixture(scope="module")
def folder(reference: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vae")
    reference.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def vae(folder: Path) -> Vae:
    return load_vae(str(folder), name="tiny")


def test_it_is_a_codec_without_codes(vae: Vae) -> None:
    assert isinstance(vae, Codec)
    shape = (vae.sample_rate, vae.frame_rate, vae.num_codebooks, vae.codebook_size, vae.latent_dim)
    assert shape == (800, 80.0, 0, 0, 6)
    assert vae.encode(torch.randn(1, 40)).codes is None
    with pytest.raises(UserError, match="has no codes"):
        vae.decode_codes(torch.zeros(1, 4, 3, dtype=torch.long))


@pytest.mark.parametrize("channels", [1, 2])
def test_encode_and_decode_agree_with_diffusers(channels: int, tmp_path: Path) -> None:
    reference = library_model(audio_channels=channels)
    reference.save_pretrained(tmp_path)
    vae = load_codec(str(tmp_path))
    audio = 0.3 * torch.randn(3, 40 * HOP, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        latents = reference.encode(audio[:, None].repeat(1, channels, 1)).latent_dist.mode()
        decoded = reference.decode(latents).sample
    encoding = vae.encode(audio)
    assert encoding.latents.shape == (3, 40, 6) and encoding.latents.std() > 1e-2
    torch.testing.assert_close(encoding.latents, latents.transpose(1, 2), atol=1e-5, rtol=1e-5)
    ours = vae.decode_latents(encoding.latents)
    assert ours.shape == (3, 40 * HOP) and decoded.shape == (3, channels, 40 * HOP - 2)
    torch.testing.assert_close(ours[:, :-2], decoded.mean(dim=1), atol=1e-5, rtol=1e-5)
    assert not ours[:, -2:].any()
    if channels == 2:
        assert not torch.allclose(decoded[:, 0], decoded[:, 1], atol=1e-3)  # the average has something to do


def test_save_build_and_load_round_trip(tmp_path: Path) -> None:
    from diffusers import AutoencoderOobleck

    torch.manual_seed(0)
    model = build_vae(CONFIG)
    state = {key: value.clone() for key, value in model.state_dict().items()}
    save_vae(tmp_path / "full", config=model.config, state=state)
    save_vae(tmp_path / "half", config=CONFIG, state=state, dtype=torch.float16)
    full, half = load_codec(str(tmp_path / "full")), load_codec(str(tmp_path / "half"))
    here = Vae(model, name="here")
    audio = torch.randn(1, 200)
    torch.testing.assert_close(full.encode(audio).latents, here.encode(audio).latents)
    assert full.fingerprint == here.fingerprint != half.fingerprint
    latents = half.encode(audio).latents
    assert latents.dtype == torch.float32
    torch.testing.assert_close(latents, here.encode(audio).latents, atol=0.02, rtol=0.02)
    theirs = AutoencoderOobleck.from_pretrained(tmp_path / "full").eval()
    with torch.no_grad():
        expected = theirs.encode(audio[:, None]).latent_dist.mode().transpose(1, 2)
    torch.testing.assert_close(full.encode(audio).latents, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("samples", [1, HOP - 1, HOP, HOP + 1, 7 * HOP + 3])
def test_frames_are_the_ceiling_and_padding_is_silence(vae: Vae, samples: int) -> None:
    audio = torch.randn(2, samples)
    latents = vae.encode(audio).latents
    frames = -(-samples // HOP)
    assert latents.shape == (2, frames, 6)
    padded = torch.nn.functional.pad(audio, (0, frames * HOP - samples))
    torch.testing.assert_close(latents, vae.encode(padded).latents)
    assert vae.decode_latents(latents).shape == (2, frames * HOP)
