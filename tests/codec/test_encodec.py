"""EnCodec against the library's own encode and decode."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import EncodecModel

from counterpoint.codec import Codec, load_codec
from counterpoint.codec.encodec import EnCodec, build_encodec, encodec_config, load_encodec, save_encodec
from counterpoint.config import UserError

HOP = 8


@pytest.fixture(scope="module")
def codec(checkpoint: Path) -> EnCodec:
    return load_encodec(str(checkpoint), name="tiny")


@pytest.fixture(scope="module")
def reference(checkpoint: Path) -> EncodecModel:
    return EncodecModel.from_pretrained(checkpoint).eval()


@pytest.fixture(scope="module")
def audio() -> torch.Tensor:
    return 0.3 * torch.randn(3, 50 * HOP, generator=torch.Generator().manual_seed(1))


def test_it_is_a_codec_of_the_checkpoints_shape(codec: EnCodec) -> None:
    assert isinstance(codec, Codec)
    shape = (codec.sample_rate, codec.frame_rate, codec.num_codebooks, codec.codebook_size, codec.latent_dim)
    assert shape == (800, 100.0, 4, 32, 12)


def test_encode_agrees_with_transformers(codec: EnCodec, reference: EncodecModel, audio: torch.Tensor) -> None:
    encoding = codec.encode(audio)
    with torch.no_grad():
        latents = reference.encoder(audio[:, None]).transpose(1, 2)
        codes = reference.encode(audio[:, None], bandwidth=2.0).audio_codes[0]
    torch.testing.assert_close(encoding.latents, latents, atol=1e-5, rtol=1e-4)
    assert encoding.codes.shape == codes.shape == (3, 4, 50)
    assert (encoding.codes == codes).float().mean() > 0.995  # a tie may fall either way
    assert len(codes.unique()) > 8  # the agreement is not that of constants


def test_decode_agrees_with_transformers(codec: EnCodec, reference: EncodecModel, audio: torch.Tensor) -> None:
    encoding = codec.encode(audio)
    with torch.no_grad():
        from_codes = reference.decode(encoding.codes[None], [None]).audio_values[:, 0]
        from_latents = reference.decoder(encoding.latents.transpose(1, 2))[:, 0]
    torch.testing.assert_close(codec.decode_codes(encoding.codes), from_codes, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(codec.decode_latents(encoding.latents), from_latents, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(from_codes, from_latents, atol=1e-4)


def test_old_weight_norm_names_load_alike(
    codec: EnCodec, checkpoint: Path, tmp_path: Path, audio: torch.Tensor
) -> None:
    """facebook/encodec_32khz stores `weight_g` and `weight_v`."""
    names = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    state = load_file(checkpoint / "model.safetensors")
    renamed = {}
    for key, value in state.items():
        for new, old in names.items():
            key = key.replace(new, old)
        renamed[key] = value
    assert any(key.endswith("weight_g") for key in renamed)
    save_file(renamed, tmp_path / "model.safetensors", metadata={"format": "pt"})
    (tmp_path / "config.json").write_text((checkpoint / "config.json").read_text())
    old = load_codec(str(tmp_path))
    torch.testing.assert_close(old.encode(audio).latents, codec.encode(audio).latents)
    assert old.fingerprint == codec.fingerprint


@pytest.mark.parametrize("samples", [1, HOP - 1, HOP, HOP + 1, 10 * HOP + 3])
def test_frames_are_the_ceiling(codec: EnCodec, samples: int) -> None:
    encoding = codec.encode(torch.randn(2, samples))
    frames = -(-samples // HOP)
    assert encoding.latents.shape == (2, frames, 12)
    assert encoding.codes.shape == (2, 4, frames)
    assert codec.decode_codes(encoding.codes).shape == (2, frames * HOP)


def test_padding_is_silence(codec: EnCodec) -> None:
    audio = torch.randn(1, 20 * HOP - 3)
    padded = torch.nn.functional.pad(audio, (0, 3))
    torch.testing.assert_close(codec.encode(audio).latents, codec.encode(padded).latents)


def test_quantiser_takes_the_nearest_code_of_each_residual(codec: EnCodec, audio: torch.Tensor) -> None:
    latents = codec.encode(audio[:1]).latents
    codes = codec.quantize(latents)
    residual = latents[0]
    for book, chosen in zip(codec.codebooks(), codes[0], strict=True):
        expected = torch.cdist(residual.double(), book.double()).argmin(dim=1)
        assert (chosen == expected).float().mean() > 0.97
        residual = residual - book[chosen]
    torch.testing.assert_close(codec.dequantize(codes)[0], latents[0] - residual, atol=1e-5, rtol=1e-4)


def test_nothing_takes_gradients(codec: EnCodec) -> None:
    audio = torch.randn(1, 4 * HOP, requires_grad=True)
    assert not codec.encode(audio).latents.requires_grad
    assert not any(parameter.requires_grad for parameter in codec.model.parameters())


def test_fingerprint_tells_weights_apart(codec: EnCodec, checkpoint: Path, tmp_path: Path) -> None:
    assert load_encodec(str(checkpoint), name="other name").fingerprint == codec.fingerprint
    state = load_file(checkpoint / "model.safetensors")
    state["quantizer.layers.0.codebook.embed"][3, 2] += 1e-3
    save_file(state, tmp_path / "model.safetensors", metadata={"format": "pt"})
    (tmp_path / "config.json").write_text((checkpoint / "config.json").read_text())
    assert load_encodec(str(tmp_path), name="tiny").fingerprint != codec.fingerprint


def test_codes_out_of_range_are_refused(codec: EnCodec) -> None:
    with pytest.raises(ValueError, match=r"0\.\.31"):
        codec.decode_codes(torch.full((1, 4, 3), 32))
    with pytest.raises(ValueError, match=r"\[B, 4, T\]"):
        codec.decode_codes(torch.zeros(1, 5, 3, dtype=torch.long))
    with pytest.raises(ValueError, match=r"\[B, T, 12\]"):
        codec.decode_latents(torch.zeros(1, 12, 3))


def test_the_first_codebooks_can_be_decoded_alone(codec: EnCodec) -> None:
    codes = torch.arange(12).view(1, 4, 3)
    vectors = torch.stack([book[codes[:, k]] for k, book in enumerate(codec.codebooks())])
    torch.testing.assert_close(codec.dequantize(codes[:, :2]), vectors[:2].sum(dim=0))


def test_save_and_load_round_trip(tmp_path: Path) -> None:
    config = encodec_config(
        sample_rate=3200, strides=(4, 4, 2), filters=4, latent_dim=8, num_codebooks=3, codebook_size=16, lstm_layers=1
    )
    model = build_encodec(config)
    for layer in model.quantizer.layers:
        layer.codebook.embed.normal_()
    state = {key: value.clone() for key, value in model.state_dict().items()}
    save_encodec(tmp_path, config=config, state=state)
    loaded = load_codec(str(tmp_path))
    assert (loaded.num_codebooks, loaded.frame_rate, loaded.codebook_size) == (3, 100.0, 16)
    assert isinstance(loaded, EnCodec)
    again = EnCodec(model, name="here")
    audio = torch.randn(1, 640)
    torch.testing.assert_close(loaded.encode(audio).latents, again.encode(audio).latents)
    assert torch.equal(loaded.encode(audio).codes, again.encode(audio).codes)
    save_encodec(tmp_path / "half", config=config, state=state, dtype=torch.float16)
    half = load_codec(str(tmp_path / "half"))
    torch.testing.assert_close(half.encode(audio).latents, again.encode(audio).latents, atol=0.02, rtol=0.02)


@pytest.mark.parametrize(("strides", "frame_rate"), [((8, 8, 5, 4), 25), ((8, 5, 4, 4), 50), ((8, 5, 4, 2), 100)])
def test_the_papers_frame_rates(strides: tuple[int, ...], frame_rate: int) -> None:
    model = build_encodec(encodec_config(strides=strides, filters=2, lstm_layers=1))
    codec = EnCodec(model, name="paper")
    assert (codec.frame_rate, codec.num_codebooks, codec.codebook_size, codec.latent_dim) == (frame_rate, 4, 2048, 128)
    assert codec.encode(torch.randn(1, 32_000)).latents.shape == (1, frame_rate, 128)


def test_gelu_replaces_every_elu_and_survives_a_file(tmp_path: Path) -> None:
    config = encodec_config(strides=(4, 2), filters=2, latent_dim=4, codebook_size=8, activation="gelu")
    model = build_encodec(config)
    kinds = [type(module).__name__ for module in model.modules()]
    assert kinds.count("GELU") > 4 and "ELU" not in kinds
    audio = torch.randn(1, 64)
    with torch.no_grad():
        expected = model.encoder(audio[:, None]).transpose(1, 2)
    save_encodec(tmp_path, config=config, state=model.state_dict())
    torch.testing.assert_close(load_codec(str(tmp_path)).encode(audio).latents, expected)


def test_unknown_codecs_are_named_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="The name of the codec is empty"):
        load_codec("")
    with pytest.raises(UserError, match="There is no codec 'nosuch'"):
        load_codec("nosuch")
    with pytest.raises(UserError, match=r"config\.json"):
        load_codec(str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(UserError, match="has the format 'bert'"):
        load_codec(str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "encodec"}))
    with pytest.raises(UserError, match="cannot be loaded"):
        load_codec(str(tmp_path))


def test_damaged_weights_are_a_user_error(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text((checkpoint / "config.json").read_text())
    whole = (checkpoint / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="cannot be loaded"):
        load_codec(str(tmp_path))
