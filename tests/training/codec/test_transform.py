"""A codec that starts as a linear transform codec."""

from typing import cast

import numpy as np
import pytest
import torch

from counterpoint.codec.measures import si_snr
from counterpoint.codec.spectrogram import band_magnitudes, compress
from counterpoint.training.codec.autoencoder import SpectrogramAutoEncoder, build_autoencoder
from counterpoint.training.codec.transform import mdct, start_as_transform


@pytest.mark.parametrize("size", [2, 5, 8])
def test_the_transform_gives_back_its_input(size):
    basis = mdct(size)
    audio = torch.randn(1, 20 * size, generator=torch.Generator().manual_seed(0))
    coefficients = torch.nn.functional.pad(audio, (size, size)).unfold(1, 2 * size, size) @ basis.T
    frames = coefficients @ basis
    back = torch.zeros(22 * size)
    for index, frame in enumerate(frames[0]):
        back[index * size : (index + 2) * size] += frame
    torch.testing.assert_close(back[size:-size], audio[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("kind", "activation", "at_least_db"), [("encodec", "elu", 5), ("encodec", "gelu", 20), ("vae", None, 20)]
)
def test_music_comes_back_before_any_update(configure, clips, kind, activation, at_least_db):
    """The tones fit into 16 of 32 (VAE: 8 of 40) components. The random branches are silenced here: they add noise."""
    config = configure(kind)
    if activation:
        config = config.model_copy(update={"codec": config.codec.model_copy(update={"activation": activation})})
    model = build_autoencoder(config).eval()
    assert not isinstance(model, SpectrogramAutoEncoder)
    audio = torch.from_numpy(clips.batch(np.random.default_rng(0), batch_size=8, samples=3200))
    start_as_transform(model, audio)
    silence_branches(model)
    with torch.no_grad():
        latents = model.encode(audio)
        back = model.decoder(latents.transpose(1, 2))[:, 0]
    assert latents.square().mean().item() == pytest.approx(1, rel=0.2)
    middle = slice(200, 3000)  # the transform of an end lacks its neighbour
    assert si_snr(back[:, middle], audio[:, middle]).median() > at_least_db


@pytest.mark.parametrize("kind", ["spectrogram", "kl"])
def test_a_spectrogram_codec_starts_as_principal_components(configure, clips, kind):
    """The residual networks are silenced here; what is left is the best linear reconstruction from 8 numbers a frame,
    up to what a randomised decomposition misses."""
    model = build_autoencoder(configure(kind)).eval()
    assert isinstance(model, SpectrogramAutoEncoder)
    audio = torch.from_numpy(clips.batch(np.random.default_rng(0), batch_size=16, samples=9600))
    model.start_as_principal_components(audio)
    for last in (model.network.encode_out[-1], model.network.decode_out[-1]):
        torch.nn.init.zeros_(cast("torch.nn.Linear", last).weight)
    patches = compress(band_magnitudes(audio))
    with torch.no_grad():
        latents = model.network.raw_latents(patches)[0]
        error = (model.network.decode(latents) - patches).square().sum()
    flat = (patches - patches.mean(dim=(0, 1))).flatten(0, 1).double()
    power = torch.linalg.svdvals(flat).square()
    assert power[8:].sum() * 0.999 <= error < 1.02 * power[8:].sum()
    channels = latents.flatten(0, 1).var(dim=0)
    assert channels.mean().item() == pytest.approx(1, rel=0.05)
    assert latents.mean(dim=(0, 1)).abs().max() < 0.05
    covariance = torch.cov(latents.flatten(0, 1).T)
    assert (covariance - covariance.diag().diag()).abs().max() < 0.1, "uncorrelated"


def silence_branches(model):
    for name, parameter in model.named_parameters():
        last_of_a_branch = "block.3.conv" in name or ("res_unit" in name and "conv2" in name)
        if last_of_a_branch and name.endswith(("original0", "weight_g", "bias")):
            parameter.data.zero_()


def test_half_the_latents_give_the_loudest_half_of_the_components(configure, clips):
    """Latents are ordered by power, and all share one scale."""
    model = build_autoencoder(configure()).eval()
    audio = torch.from_numpy(clips.batch(np.random.default_rng(0), batch_size=8, samples=3200))
    start_as_transform(model, audio)
    with torch.no_grad():
        power = model.encode(audio).square().mean(dim=(0, 1))
    assert power[:4].sum() > 0.8 * power.sum()
