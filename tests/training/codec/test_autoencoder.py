"""The auto-encoders of the codec's training."""

import numpy as np
import pytest
import torch

from counterpoint.codec import load_codec
from counterpoint.codec.encodec import EnCodec
from counterpoint.codec.quantize import dequantize, quantize
from counterpoint.codec.spectrogram import SpectrogramCodec, band_magnitudes, compress, expand
from counterpoint.config import CodecTrainingConfig, UserError
from counterpoint.config.load import parse
from counterpoint.training.codec.autoencoder import (
    EncodecAutoEncoder,
    LevelReconstruction,
    SpectrogramAutoEncoder,
    VaeAutoEncoder,
    build_autoencoder,
)


@pytest.mark.parametrize("kind", ["encodec", "vae"])
def test_what_is_exported_is_what_was_trained(configure, tmp_path, kind):
    model = build_autoencoder(configure(kind)).eval()
    if isinstance(model, EncodecAutoEncoder):
        model.quantizer.set_codebooks([torch.randn(32, 16) for _ in range(2)])
    assert not isinstance(model, SpectrogramAutoEncoder)
    model.export(tmp_path, state=model.state_dict())
    codec = load_codec(str(tmp_path))
    audio = 0.1 * torch.randn(2, 3200)
    with torch.no_grad():
        latents = model.encode(audio)
        back = model.decoder(latents.transpose(1, 2))[:, 0]
    torch.testing.assert_close(codec.encode(audio).latents, latents, atol=5e-3, rtol=0)  # half precision on disk
    torch.testing.assert_close(codec.decode_latents(latents)[:, : back.shape[1]], back, atol=5e-3, rtol=0)


@pytest.mark.parametrize("kind", ["spectrogram", "kl"])
def test_a_spectrogram_codec_is_exported_as_it_was_trained(configure, tmp_path, kind):
    model = build_autoencoder(configure(kind)).eval()
    assert isinstance(model, SpectrogramAutoEncoder)
    model.network.scale.fill_(2.0)
    books = [torch.randn(32, 8).half().float() for _ in range(2)]
    if model.quantizer is not None:
        model.quantizer.set_codebooks(books)
    model.export(tmp_path, state=model.state_dict())
    codec = load_codec(str(tmp_path))
    assert isinstance(codec, SpectrogramCodec)
    audio = 0.1 * torch.randn(2, 3200, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        latents, raw = model.encode(audio), model.network.raw_latents(compress(band_magnitudes(audio)))[0]
        torch.testing.assert_close(2 * latents, raw)
        levels = model.network.decode(latents)
    encoding = codec.encode(audio)
    torch.testing.assert_close(encoding.latents, latents, atol=1e-2, rtol=0)  # half precision on disk
    torch.testing.assert_close(codec.model.decode(latents), levels, atol=2e-2, rtol=0)
    if model.quantizer is None:
        assert encoding.codes is None and not codec.codebooks()
        return
    torch.testing.assert_close(codec.codebooks(), books)
    codes = model.quantizer.residual(encoding.latents)[1]
    assert encoding.codes is not None and encoding.codes.shape == (2, 2, 10)
    assert torch.equal(codes.transpose(1, 2), quantize(encoding.latents, codebooks=codec.codebooks()))


@pytest.mark.parametrize("kind", ["spectrogram", "kl"])
def test_a_spectrogram_auto_encoder_draws_by_its_seed(configure, kind):
    model = build_autoencoder(configure(kind))
    assert isinstance(model, SpectrogramAutoEncoder)
    magnitudes = band_magnitudes(0.1 * torch.randn(4, 3200, generator=torch.Generator().manual_seed(0)))
    state = {key: value.clone() for key, value in model.state_dict().items()}
    found = []
    for seed in (0, 0, 1):
        model.load_state_dict(state)
        torch.rand(1)  # the global generator has no say
        found.append(model(magnitudes, seed=seed))
    assert all(isinstance(output, LevelReconstruction) for output in found)
    assert found[0].levels.shape == magnitudes.shape
    assert torch.equal(found[0].levels, found[1].levels) and not torch.equal(found[0].levels, found[2].levels)
    assert list(found[0].penalties) == ["commitment" if kind == "spectrogram" else "kl"]


def test_kl_of_a_spectrogram_codec_is_that_of_two_gaussians(configure):
    model = build_autoencoder(configure("kl")).eval()
    assert isinstance(model, SpectrogramAutoEncoder) and model.posterior is not None
    magnitudes = band_magnitudes(0.1 * torch.randn(4, 3200, generator=torch.Generator().manual_seed(0)))
    with torch.no_grad():
        mean, hidden = model.network.raw_latents(compress(magnitudes))
        posterior = torch.distributions.Normal(mean, torch.nn.functional.softplus(model.posterior(hidden)) + 1e-4)
        nats = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).sum(dim=2).mean()
        torch.testing.assert_close(model(magnitudes, seed=0).penalties["kl"], 2 * nats)


def test_training_quantiser_and_exported_codec_choose_the_same_codes(configure, tmp_path):
    model = build_autoencoder(configure()).eval()
    assert isinstance(model, EncodecAutoEncoder)
    model.quantizer.set_codebooks([book.half().float() for book in (torch.randn(32, 16), torch.randn(32, 16))])
    model.export(tmp_path, state=model.state_dict())
    codec = load_codec(str(tmp_path))
    assert isinstance(codec, EnCodec)
    latents = torch.randn(2, 9, 16)
    quantized, codes, _ = model.quantizer.residual(latents)
    assert torch.equal(codes.transpose(1, 2), codec.quantize(latents))
    torch.testing.assert_close(codec.dequantize(codec.quantize(latents)), quantized, atol=1e-5, rtol=1e-4)


def test_codebooks_follow_their_latents(configure):
    model = build_autoencoder(configure())
    assert isinstance(model, EncodecAutoEncoder)
    audio = 0.1 * torch.randn(4, 3200)
    model.quantizer.set_codebooks([torch.randn(32, 16) for _ in range(2)])
    before = model(audio, seed=0).penalties["commitment"].item()
    for step in range(40):
        model(audio, seed=step)
    assert model(audio, seed=0).penalties["commitment"].item() < 0.5 * before
    assert all(1 < value <= 32 for value in model.quantizer.perplexities())


def test_continuous_clips_bypass_the_quantiser(configure):
    whole = configure(quantizer={"continuous_fraction": 1.0})
    model = build_autoencoder(whole).eval()
    audio = 0.1 * torch.randn(4, 3200)
    with torch.no_grad():
        found = model(audio, seed=0).audio
        assert isinstance(model, EncodecAutoEncoder)
        torch.testing.assert_close(found, model.decode(model.encode(audio)))


def test_kl_is_that_of_two_gaussians(configure):
    model = build_autoencoder(configure("vae")).eval()
    assert isinstance(model, VaeAutoEncoder)
    audio = 0.1 * torch.randn(4, 3200)
    with torch.no_grad():
        mean, scale = model.encoder(audio[:, None]).chunk(2, dim=1)
        posterior = torch.distributions.Normal(mean, torch.nn.functional.softplus(scale) + 1e-4)
        nats = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).sum(dim=1).mean()
        found = model(audio, seed=0)
    torch.testing.assert_close(found.penalties["kl"], 2 * nats)
    assert found.audio.shape == audio.shape
    with torch.no_grad():
        assert torch.equal(model(audio, seed=0).audio, found.audio)
        assert not torch.equal(model(audio, seed=1).audio, found.audio)


def test_random_weights_are_a_function_of_the_seed(configure):
    first, again, other = (build_autoencoder(configure(seed=seed)) for seed in (0, 0, 1))
    weights = [next(model.parameters()) for model in (first, again, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sample_rate": 0}, "sample_rate"),
        ({"codec": {"kind": "vae", "strides": [2, 2], "multiples": [1]}}, "multiples must be 2"),
        ({"codec": {"kind": "vae", "filters": 7}}, "must be even"),
        ({"codec": {"kind": "mp3"}}, "mp3"),
        ({"segment_s": 0.01}, "lengthen segment_s"),
    ],
)
def test_configurations_that_cannot_be(configure, changes, said):
    with pytest.raises(UserError, match=said):
        configure(**changes)


def test_the_default_configuration_asks_for_the_kind():
    with pytest.raises(UserError, match="codec"):
        parse({"dataset": "data"}, CodecTrainingConfig, source="test")


@pytest.mark.parametrize("kind", ["spectrogram", "kl"])
def test_gains_give_every_band_the_loudness_that_it_had(configure, clips, kind):
    """Where a band comes back too quiet; one that is too loud is left alone, and no gain is above 2."""
    model = build_autoencoder(configure(kind)).eval()
    assert isinstance(model, SpectrogramAutoEncoder)
    audio = torch.from_numpy(clips.batch(np.random.default_rng(0), batch_size=8, samples=9600))
    model.start_as_principal_components(audio)
    if model.quantizer is not None:
        model.quantizer.set_codebooks(list(torch.randn(2, 32, 8, generator=torch.Generator().manual_seed(0))))
    model.match_gain(audio)
    network, magnitudes = model.network, band_magnitudes(audio)
    with torch.no_grad():
        latents = network.encode(compress(magnitudes))
        if model.quantizer is not None:
            books = model.quantizer.codebooks()
            latents = dequantize(quantize(latents, codebooks=books), codebooks=books)
        found = network.decode_magnitudes(latents).sum(dim=(0, 1))
        plain = expand(network.decode(latents)).sum(dim=(0, 1))
    wanted = magnitudes.sum(dim=(0, 1))
    quiet = (plain < wanted) & (2 * plain > wanted)
    assert quiet.any() and bool((network.gain >= 1).all() and (network.gain <= 2).all())
    torch.testing.assert_close(found[quiet], wanted[quiet], rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(found[plain > wanted], plain[plain > wanted])
