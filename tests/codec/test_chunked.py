"""Blocks against the whole: no seams, nothing lost, no more memory than a few blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from counterpoint.codec import Codec, decode, encode_audio, windows
from counterpoint.codec.chunked import decode_stream, encode_stream, join, one_block_a_core
from counterpoint.codec.encodec import EnCodec, build_encodec, encodec_config
from counterpoint.codec.vae import Vae, build_vae

RATE = 3200
BLOCK_S, LEFT_S, RIGHT_S = 2.0, 1.0, 0.5


def an_encodec() -> EnCodec:
    """With an LSTM, 100 Hz."""
    torch.manual_seed(0)
    config = encodec_config(
        sample_rate=RATE, strides=(4, 4, 2), filters=4, latent_dim=8, num_codebooks=3, codebook_size=16, lstm_layers=1
    )
    model = build_encodec(config)
    for layer in model.quantizer.layers:
        layer.codebook.embed.copy_(0.02 * torch.randn_like(layer.codebook.embed))
    return EnCodec(model, name="encodec")


def a_vae() -> Vae:
    """With an odd stride and drawn Snake parameters, 80 Hz."""
    torch.manual_seed(0)
    model = build_vae(
        {
            "encoder_hidden_size": 12,
            "downsampling_ratios": [2, 4, 5],
            "channel_multiples": [1, 1, 2],
            "decoder_channels": 6,
            "decoder_input_channels": 6,
            "audio_channels": 1,
            "sampling_rate": RATE,
        }
    )
    for name, parameter in model.named_parameters():
        if name.endswith((".alpha", ".beta")):
            torch.nn.init.normal_(parameter, std=0.3)
    return Vae(model, name="vae")


@pytest.fixture(scope="module", params=[an_encodec, a_vae])
def codec(request: pytest.FixtureRequest) -> Codec:
    return request.param()


@pytest.fixture
def short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("BLOCK_S", BLOCK_S), ("LEFT_CONTEXT_S", LEFT_S), ("RIGHT_CONTEXT_S", RIGHT_S)):
        monkeypatch.setattr(windows, name, value)


def music(duration_s: float, *, seed: int = 0) -> np.ndarray:
    time_s = np.arange(round(duration_s * RATE)) / RATE
    noise = np.random.default_rng(seed).standard_normal(time_s.size)
    return (0.3 * (np.sin(2 * np.pi * 140 * time_s) + 0.3 * noise)).astype(np.float32)


def test_what_fits_a_block_goes_whole(codec: Codec) -> None:
    audio = music(2.01)
    encoding, whole = encode_audio(audio, codec), codec.encode(torch.from_numpy(audio)[None])
    assert torch.equal(encoding.latents, whole.latents)
    assert torch.equal(decode(codec, latents=whole.latents), codec.decode_latents(whole.latents))


@pytest.mark.parametrize("duration_s", [2.4, 2.5, 2.51, 4.0, 11.7])
@pytest.mark.usefixtures("short_blocks")
def test_blocks_equal_the_whole(codec: Codec, duration_s: float) -> None:
    audio = music(duration_s, seed=2)
    whole = codec.encode(torch.from_numpy(audio)[None])
    rendered = codec.decode_latents(whole.latents)
    blocks = encode_audio(audio, codec)
    assert blocks.latents.shape == whole.latents.shape
    torch.testing.assert_close(blocks.latents, whole.latents, atol=1e-3 * whole.latents.std().item(), rtol=0)
    error = (decode(codec, latents=whole.latents) - rendered).abs()
    level = rendered.std().item()
    assert level > 1e-3 and error.max() < 1e-3 * level
    for border in range(round(BLOCK_S * RATE), audio.size, round(BLOCK_S * RATE)):
        assert error[:, border - 20 : border + 20].max() < 1e-3 * level  # a seam would stand here
    if whole.codes is not None and blocks.codes is not None:
        assert (blocks.codes == whole.codes).float().mean() > 0.99
        by_codes = decode(codec, codes=whole.codes)
        torch.testing.assert_close(by_codes, codec.decode_codes(whole.codes), atol=1e-3 * level, rtol=0)


@pytest.mark.usefixtures("short_blocks")
def test_without_context_there_are_seams(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    """So the tests above can fail."""
    monkeypatch.setattr(windows, "LEFT_CONTEXT_S", 0.0)
    monkeypatch.setattr(windows, "RIGHT_CONTEXT_S", 0.0)
    latents = codec.encode(torch.from_numpy(music(6.0))[None]).latents
    rendered = codec.decode_latents(latents)
    error = (decode(codec, latents=latents) - rendered).abs()
    border = round(BLOCK_S * RATE)
    assert error[:, border - 20 : border + 20].max() > 0.05 * rendered.std()
    assert error[:, border + RATE // 2 : border + RATE].max() < 1e-3 * rendered.std()


@pytest.mark.usefixtures("short_blocks")
def test_a_stream_is_drawn_as_needed_and_memory_holds_a_window(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    audio, drawn, longest = music(30.0), 0, 0
    encode = type(codec).encode

    def watched(self: Any, block: torch.Tensor) -> Any:
        nonlocal longest
        longest = max(longest, block.shape[-1])
        return encode(self, block)

    def pieces() -> Iterator[np.ndarray]:
        nonlocal drawn
        for start in range(0, audio.size, 1000):
            drawn += 1000
            yield audio[start : start + 1000]

    monkeypatch.setattr(type(codec), "encode", watched)
    done, parts = 0, []
    for part in encode_stream(pieces(), codec):
        parts.append(part)
        done += part.latents.shape[1] * codec.samples_per_frame
        assert drawn < done + round((BLOCK_S + RIGHT_S) * RATE) + 2000
    assert longest == round((LEFT_S + BLOCK_S + RIGHT_S) * RATE)
    assert torch.equal(join(parts).latents, encode_audio(audio, codec).latents)


@pytest.mark.usefixtures("short_blocks")
def test_several_at_once_give_the_same_in_the_same_order(codec: Codec) -> None:
    audio, threads = music(12.3), torch.get_num_threads()
    with one_block_a_core() as apply:
        latents = [part.latents for part in encode_stream([audio], codec, apply=apply)]
        decoded = torch.cat(list(decode_stream(latents, codec, view="latents", apply=apply)), dim=1)
    assert torch.get_num_threads() == threads
    expected = encode_audio(audio, codec)
    torch.testing.assert_close(torch.cat(latents, dim=1), expected.latents, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(decoded, decode(codec, latents=expected.latents), atol=1e-6, rtol=1e-4)


def test_decode_wants_one_of_the_two(codec: Codec) -> None:
    with pytest.raises(ValueError, match="latents or codes"):
        decode(codec)
    with pytest.raises(ValueError, match="latents or codes"):
        decode(codec, latents=torch.zeros(1, 2, 8), codes=torch.zeros(1, 3, 2, dtype=torch.long))
    with pytest.raises(ValueError, match="N > 0"):
        encode_audio(np.zeros(0, np.float32), codec)


@pytest.mark.parametrize(
    ("strides", "multiples", "rate"),
    [((2, 4, 4, 8, 8), (1, 1, 1, 1, 1), 44_100), ((2, 4, 4, 5, 8), (1, 1, 1, 1, 1), 32_000)],
)
def test_the_context_covers_what_a_vae_sees(strides: tuple[int, ...], multiples: tuple[int, ...], rate: int) -> None:
    """The strides of Stable Audio and of the slowest of the paper's: no frame hears what its window leaves out."""
    torch.manual_seed(0)
    fields = {"encoder_hidden_size": 2, "decoder_channels": 1, "decoder_input_channels": 1, "audio_channels": 1}
    shape = {"downsampling_ratios": list(strides), "channel_multiples": list(multiples), "sampling_rate": rate}
    model = build_vae({**fields, **shape})
    right, frames = round(windows.RIGHT_CONTEXT_S * rate / model.hop_length), 41
    heard = torch.zeros(1, 1, frames, requires_grad=True)
    middle = frames // 2 * model.hop_length
    model.decoder(heard)[..., middle : middle + model.hop_length].sum().backward()
    assert heard.grad is not None
    reached = heard.grad[0, 0].nonzero().flatten() - frames // 2
    assert -right <= reached.min() < -1 and 1 < reached.max() <= right
    audio = torch.zeros(1, 1, frames * model.hop_length, requires_grad=True)
    model.encoder(audio)[0, :, frames // 2].sum().backward()
    assert audio.grad is not None
    reached = audio.grad[0, 0].nonzero().flatten() // model.hop_length - frames // 2
    assert -right <= reached.min() < -1 and 1 < reached.max() <= right
