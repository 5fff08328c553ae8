"""The VAE against diffusers' own, and where in time things come out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from counterpoint.codec import Codec, load_codec
from counterpoint.codec.layout import Convolution
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


def test_nothing_takes_gradients(vae: Vae) -> None:
    assert not vae.encode(torch.randn(1, 40, requires_grad=True)).latents.requires_grad
    assert not any(parameter.requires_grad for parameter in vae.model.parameters())
    assert not any("weight_g" in name for name in vae.model.state_dict())  # weights are folded


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


PAPER = {25: (2, 4, 4, 5, 8), 50: (2, 4, 4, 4, 5), 100: (2, 2, 4, 4, 5)}
STABLE_AUDIO = (2, 4, 4, 8, 8)


def thin(strides: tuple[int, ...]) -> Any:
    """An untrained model of one latent channel, two channels in the encoder and one in the decoder."""
    torch.manual_seed(0)
    widths = {"encoder_hidden_size": 2, "decoder_channels": 1, "decoder_input_channels": 1, "audio_channels": 1}
    shape = {"downsampling_ratios": list(strides), "channel_multiples": [1] * len(strides), "sampling_rate": 32_000}
    return build_vae({**widths, **shape})


@pytest.mark.parametrize("frame_rate", PAPER)
def test_odd_strides_lose_samples_at_the_end_which_are_filled_with_silence(frame_rate: int) -> None:
    model = thin(PAPER[frame_rate])
    with torch.no_grad():
        latents = model.encode(audio := torch.randn(1, 1, 32_000)).latent_dist.mode().transpose(1, 2)
        library = model.decode(latents.transpose(1, 2)).sample[:, 0]
    vae = Vae(model, name="thin")
    assert vae.frame_rate == frame_rate
    assert latents.shape == (1, frame_rate, 1)
    torch.testing.assert_close(vae.encode(audio[0]).latents, latents, atol=1e-5, rtol=1e-5)
    strides = PAPER[frame_rate]
    lost = 1
    for stride in strides[: strides.index(5)]:  # those that the decoder applies after the odd one
        lost *= stride
    assert library.shape == (1, 32_000 - lost) and (frame_rate != 25 or lost == 32)
    ours = vae.decode_latents(latents)
    torch.testing.assert_close(ours[:, :-lost], library, atol=1e-5, rtol=1e-5)
    assert not ours[:, -lost:].any()


@pytest.mark.parametrize("strides", [*PAPER.values(), STABLE_AUDIO, (5,), (3, 5)])
def test_a_frame_speaks_where_it_listens(strides: tuple[int, ...]) -> None:
    """The samples that decide a frame and those that a frame decides have one centre, to the half sample."""
    model, frames = thin(strides).double().requires_grad_(False), 41
    for name, parameter in model.named_parameters():
        if name.endswith(".bias"):
            parameter.zero_()  # silence then gives exact zeros
    audio = torch.zeros(1, 1, frames * model.hop_length, dtype=torch.float64, requires_grad=True)
    model.encoder(audio)[0, 0, frames // 2].backward()
    assert audio.grad is not None
    listens = audio.grad[0, 0].nonzero().flatten()
    latents = torch.zeros(1, 1, frames, dtype=torch.float64)
    latents[0, 0, frames // 2] = 1.0
    speaks = model.decoder(latents)[0, 0].nonzero().flatten()
    assert listens.min() + listens.max() == speaks.min() + speaks.max()
    middle = (2 * (frames // 2) + 1) * model.hop_length - 1
    assert abs(int(listens.min() + listens.max()) - middle) < model.hop_length  # and it lies within the frame


@pytest.mark.parametrize("strides", [*PAPER.values(), STABLE_AUDIO])
def test_a_slow_wave_comes_back_where_it_went_in(strides: tuple[int, ...]) -> None:
    """A VAE made by hand: averages on the way in, straight lines on the way out; its lag is measured in samples."""
    vae = Vae(thin(strides), name="thin")
    for module in vae.model.modules():
        if isinstance(module, Convolution):
            width, stride = module.kernel_size[0], module.stride[0]
            kernel = torch.zeros(width)
            if stride > 1:
                kernel = 1 - (torch.arange(width) + 0.5 - stride).abs() / stride
                kernel = kernel / stride if module.function is torch.nn.functional.conv2d else kernel
            elif width > 1 and module.options["dilation"] == (1, 1):
                kernel[width // 2] = 1.0
            module.weight.zero_()
            module.weight[0, 0, 0] = kernel
            if module.bias is not None:
                module.bias.zero_()
    for name, parameter in vae.model.named_parameters():
        if name.endswith(".height"):
            parameter.zero_()  # a Snake that is a straight line
        if ".res_unit" in name and ".conv2." in name:
            parameter.zero_()  # a residual unit that does nothing
    period, periods = 20 * vae.samples_per_frame, 6
    time = torch.arange(period * periods)
    turn = 2 * torch.pi * time / period
    back = vae.decode_latents(vae.encode(torch.sin(turn)[None].float()).latents)[0].double()
    whole = slice(2 * period, 4 * period)
    sine, cosine = ((back * wave)[whole].sum() for wave in (torch.sin(turn), torch.cos(turn)))
    lag = torch.atan2(-cosine, sine) / (2 * torch.pi) * period
    assert torch.hypot(sine, cosine) * 2 / (2 * period) > 0.9  # the wave is there
    assert lag.abs() < 0.05
