"""The spectrogram codec: levels there and back, blocks against the whole, and what is no such codec."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from counterpoint.codec import Codec, blurred_codes, decode, encode_audio, load_codec
from counterpoint.codec.base import QuantizedCodec, StreamDecoder
from counterpoint.codec.blurred import blurred_frames, codes_of_blurred
from counterpoint.codec.chunked import decode_stream, encode_stream, join, one_block_a_core
from counterpoint.codec.measures import chroma_agreement, si_snr
from counterpoint.codec.spectrogram import (
    BANDS,
    HOP,
    N_FFT,
    WEIGHTS,
    SpectrogramNetwork,
    band_magnitudes,
    compress,
    expand,
    fold,
    load_spectrogram,
    save_spectrogram,
    unfold,
)
from counterpoint.config import CodecTrainingConfig, UserError
from counterpoint.config.codec_training import SpectrogramArchitecture
from counterpoint.training.codec.autoencoder import SpectrogramAutoEncoder, build_autoencoder

RATE = 32_000
QUANTIZED = SpectrogramArchitecture(width=24, fine_width=16, latent_dim=48, num_codebooks=3, codebook_size=32)
VARIATIONAL = SpectrogramArchitecture(frames_per_latent=2, width=24, fine_width=16, latent_dim=48, num_codebooks=0)


def music(duration_s: float, *, seed: int = 0) -> np.ndarray:
    """[N] chords that change every half second, struck, and a little noise."""
    draws = np.random.default_rng(seed)
    at = np.arange(round(duration_s * RATE)) / RATE
    audio = 0.002 * draws.standard_normal(len(at))
    for beat in range(int(np.ceil(2 * duration_s))):
        since = at - beat / 2
        struck = np.where((since >= 0) & (since < 0.5), np.exp(-4 * np.maximum(since, 0)), 0)
        for note in draws.choice(np.arange(40, 84), size=3, replace=False):
            audio += 0.1 * struck * np.sin(2 * np.pi * 440 * 2 ** ((note - 69) / 12) * since)
    return audio.astype(np.float32)


def save(folder: Path, shape: SpectrogramArchitecture, **how) -> Path:
    """A codec of principal components of `music`, the residual networks beside them as they are at random; codes are
    latents of it."""
    model = build_autoencoder(CodecTrainingConfig(dataset="unused", codec=shape))
    assert isinstance(model, SpectrogramAutoEncoder)
    audio = torch.from_numpy(np.stack([music(4.0, seed=seed) for seed in range(6)]))
    model.start_as_principal_components(audio)
    if shape.num_codebooks:
        with torch.no_grad():
            latents = model.encode(audio).flatten(0, 1)
            order = torch.randperm(len(latents), generator=torch.Generator().manual_seed(0))
            books = [latents[order[: shape.codebook_size]] / 2**k for k in range(shape.num_codebooks)]
            model.network.codebooks.copy_(torch.stack(books))
    save_spectrogram(folder, architecture=shape, sample_rate=RATE, state=model.network.state_dict(), **how)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("spectrogram")
    return {name: save(root / name, shape) for name, shape in (("rvq", QUANTIZED), ("kl", VARIATIONAL))}


@pytest.fixture(scope="module", params=["rvq", "kl"])
def codec(request: pytest.FixtureRequest, folders: dict[str, Path]) -> Codec:
    return load_codec(str(folders[request.param]))


@pytest.fixture(scope="module")
def quantized(folders: dict[str, Path]):
    return load_spectrogram(str(folders["rvq"]), name="rvq")


def test_it_is_what_the_protocols_ask_for(codec: Codec) -> None:
    assert isinstance(codec, Codec) and isinstance(codec, StreamDecoder) and isinstance(codec, QuantizedCodec)
    assert not codec.keeps_phase
    assert codec.frame_rate in (25, 50) and codec.samples_per_frame == RATE / codec.frame_rate
    assert (codec.codebook_size, len(codec.codebooks())) == ((32, 3) if codec.num_codebooks else (0, 0))


@pytest.mark.parametrize("samples", [1, 319, 1280, 1281, 20_000])
def test_any_length_is_frames_rounded_up(codec: Codec, samples: int) -> None:
    audio = torch.from_numpy(music(1.0)[:samples])[None].repeat(2, 1)
    encoding, frames = codec.encode(audio), -(-samples // codec.samples_per_frame)
    assert encoding.latents.shape == (2, frames, codec.latent_dim) and encoding.latents.isfinite().all()
    back = codec.decode_latents(encoding.latents)
    assert back.shape == (2, frames * codec.samples_per_frame) and back.isfinite().all()
    if encoding.codes is not None:
        assert encoding.codes.shape == (2, codec.num_codebooks, frames)
        assert codec.decode_codes(encoding.codes).shape == back.shape


def test_music_comes_back_by_its_pitches_and_with_phases_of_its_own(codec: Codec) -> None:
    audio = torch.from_numpy(music(4.0, seed=9))[None]
    back = codec.decode_latents(codec.encode(audio).latents)
    other = torch.from_numpy(music(4.0, seed=8))[None]
    kept, chance = (chroma_agreement(each, audio, sample_rate=RATE) for each in (back, other))
    assert kept > chance + 0.2, "by principal components alone"
    assert si_snr(back, audio) < 0, "what says that it keeps none"


def test_silence_stays_silent(codec: Codec) -> None:
    encoding = codec.encode(torch.zeros(1, RATE))
    assert encoding.latents.isfinite().all()
    before = codec.encode(torch.from_numpy(music(1.0))[None]).latents
    back, loud = codec.decode_latents(encoding.latents), codec.decode_latents(before)
    assert back.isfinite().all() and back.square().mean() < 1e-3 * loud.square().mean()


def test_a_row_does_not_depend_on_its_batch_mates(codec: Codec) -> None:
    rows = torch.from_numpy(np.stack([music(1.0, seed=seed) for seed in (1, 2)]))
    both, alone = codec.encode(rows).latents, codec.encode(rows[1:]).latents
    torch.testing.assert_close(both[1:], alone, atol=1e-4, rtol=0)
    torch.testing.assert_close(codec.decode_latents(alone), codec.decode_latents(both)[1:], atol=1e-3, rtol=0)


def test_what_is_no_audio_latent_or_code_is_refused(codec: Codec, quantized) -> None:
    for audio in (torch.zeros(1, 0), torch.zeros(100)):
        with pytest.raises(ValueError, match=r"audio must be \[B, N\]"):
            codec.encode(audio)
    for latents in (torch.zeros(1, 3, codec.latent_dim + 1), torch.zeros(1, 0, codec.latent_dim)):
        with pytest.raises(ValueError, match="latents must be"):
            codec.decode_latents(latents)
    for codes in (torch.full((1, 3, 2), 32), torch.zeros(1, 2, 2, dtype=torch.long)):
        with pytest.raises(ValueError, match="codes must"):
            quantized.decode_codes(codes)
    if not codec.num_codebooks:
        with pytest.raises(UserError, match="has no codes; decode its latents"):
            codec.decode_codes(torch.zeros(1, 3, 2, dtype=torch.long))


def test_a_sample_that_is_no_number_shows_in_its_latents(codec: Codec) -> None:
    """As with every codec here: files are checked where they are read."""
    audio = torch.from_numpy(music(1.0))[None].clone()
    audio[0, 20_000] = float("nan")
    latents = codec.encode(audio).latents[0]
    assert latents.isnan().any() and latents[:2].isfinite().all()


def test_codes_are_the_codes_of_what_they_stand_for(quantized) -> None:
    fine = quantized.encode(torch.from_numpy(music(2.0))[None])
    vectors = torch.stack([quantized.codebooks()[k][fine.codes[:, k]] for k in range(3)])
    assert (vectors[0] - fine.latents).square().mean() < fine.latents.square().mean()
    torch.testing.assert_close(quantized.dequantize(fine.codes), vectors.sum(dim=0))
    torch.testing.assert_close(quantized.decode_codes(fine.codes), quantized.decode_latents(vectors.sum(dim=0)))


def test_drums_are_averaged_over_40_ms_at_every_frame_rate(quantized, monkeypatch) -> None:
    assert blurred_frames(quantized) == 1
    monkeypatch.setattr(quantized, "frame_rate", 100.0)
    assert blurred_frames(quantized) == 4
    latents = torch.randn(10, quantized.latent_dim, generator=torch.Generator().manual_seed(0))
    means = torch.stack([part.mean(dim=0) for part in latents.split(4)])
    wanted = [(mean - quantized.codebooks()[0]).norm(dim=1).argmin().item() for mean in means]
    assert codes_of_blurred(quantized, latents).tolist() == np.repeat(wanted, 4)[:10].tolist()


def test_drum_tracks_are_made_of_its_first_codes(quantized) -> None:
    audio = music(3.0)
    found = blurred_codes(quantized, audio)
    assert found.shape == (75,) and found.dtype == np.int16 and found.min() >= 0 and found.max() < 32
    latents = quantized.encode(torch.from_numpy(audio)[None]).latents[0]
    assert found.tolist() == [(frame - quantized.codebooks()[0]).norm(dim=1).argmin().item() for frame in latents]
    assert len(set(found.tolist())) > 2


def test_encoding_moves_with_its_audio(codec: Codec) -> None:
    """By whole frames; what stands before it is heard for the reach of the blocks alone."""
    shift, audio = 20, music(3.0)
    moved = np.concatenate((np.zeros(shift * codec.samples_per_frame, np.float32), audio))
    one, other = (codec.encode(torch.from_numpy(x)[None]).latents[0] for x in (audio, moved))
    torch.testing.assert_close(other[shift + 10 :], one[10:], atol=2e-4, rtol=0)


@pytest.mark.parametrize("duration_s", [12.4, 31.7])
def test_encoded_blocks_equal_the_whole(codec: Codec, duration_s: float) -> None:
    audio = music(duration_s)
    whole = codec.encode(torch.from_numpy(audio)[None])
    pieces = np.split(audio, [1, 5000, 400_000])
    for found in (encode_audio(audio, codec), join(encode_stream(pieces, codec))):
        torch.testing.assert_close(found.latents, whole.latents, atol=2e-4, rtol=0)
        assert found.latents.shape[1] == -(-len(audio) // codec.samples_per_frame)
        if whole.codes is not None:
            assert found.codes is not None and (found.codes == whole.codes).float().mean() > 0.999


@pytest.mark.parametrize("lengths", [[1, 50, 300, 2, 460], [640], [330, 310]])
def test_a_stream_decodes_as_one_piece(codec: Codec, lengths: list[int]) -> None:
    """Blocks of 12 s carry phases over their borders, so that there are no seams to hear."""
    frames = sum(lengths)
    audio = torch.from_numpy(music(frames * codec.samples_per_frame / RATE))[None]
    latents = codec.encode(audio).latents
    whole = codec.decode_latents(latents)
    with one_block_a_core() as apply:
        found = torch.cat(list(decode_stream(latents.split(lengths, dim=1), codec, view="latents", apply=apply)), dim=1)
    assert found.shape == whole.shape == (1, frames * codec.samples_per_frame)
    assert (found - whole).abs().max() < 1e-3 * whole.std()


def test_a_stream_of_codes_decodes_as_one_piece(quantized) -> None:
    codes = quantized.encode(torch.from_numpy(music(30.0))[None]).codes
    whole = quantized.decode_codes(codes)
    assert (decode(quantized, codes=codes) - whole).abs().max() < 1e-3 * whole.std()


def test_bands_keep_the_power_and_what_is_alike_in_them() -> None:
    bands = torch.rand(2, 3, BANDS, generator=torch.Generator().manual_seed(0))
    bins = unfold(bands)
    assert bins.shape == (2, 3, N_FFT // 2 + 1) and not bins[..., -1].any()
    torch.testing.assert_close(fold(bins), bands)
    magnitudes = torch.rand(2, 3, N_FFT // 2 + 1, generator=torch.Generator().manual_seed(1))
    magnitudes[..., -1] = 0
    torch.testing.assert_close(unfold(fold(magnitudes)).square().sum(), magnitudes.square().sum())


def test_levels_are_the_logarithm_and_back() -> None:
    magnitudes = torch.tensor([0.0, 1e-5, 1e-3, 0.1, 0.5])
    torch.testing.assert_close(expand(compress(magnitudes)), magnitudes, atol=5e-5, rtol=1e-4)
    assert expand(compress(torch.tensor([0.0, 1e-5]))).tolist() == [0, 0], "so near the floor all is silence"
    assert (expand(torch.tensor([-100.0, 0.0, 100.0])) >= 0).all() and expand(torch.tensor(100.0)) < 3
    assert compress(torch.tensor(0.0)).isfinite()


def test_a_sine_of_full_scale_has_the_magnitude_one_half() -> None:
    sine = torch.sin(2 * torch.pi * 1000 / RATE * torch.arange(100 * HOP))[None]
    found = band_magnitudes(sine)
    assert found.shape == (1, 100, BANDS)
    assert found[0, 20:80].amax(dim=-1).mean().item() == pytest.approx(0.5, abs=0.01)
    assert (found[0, 50].argmax() * RATE / N_FFT).item() == pytest.approx(1000, abs=RATE / N_FFT)


def test_half_precision_on_disk_is_single_in_memory(folders: dict[str, Path], tmp_path: Path) -> None:
    half = load_codec(str(save(tmp_path / "half", QUANTIZED, dtype=torch.float16)))
    assert {tensor.dtype for tensor in load_file(tmp_path / "half" / WEIGHTS).values()} == {torch.float16}
    full = load_codec(str(folders["rvq"]))
    audio = torch.from_numpy(music(1.0))[None]
    one, other = full.encode(audio).latents, half.encode(audio).latents
    assert other.dtype == torch.float32 and half.fingerprint != full.fingerprint
    torch.testing.assert_close(other, one, atol=2e-2, rtol=0)


def test_the_fingerprint_is_of_the_weights(folders: dict[str, Path]) -> None:
    names = ("rvq", "rvq", "kl")
    one, again, other = (load_spectrogram(str(folders[n]), name=str(i)).fingerprint for i, n in enumerate(names))
    assert one == again != other


def spoil(folder: Path, **changes) -> Path:
    """Change tensors of a codec's file by name; None drops one."""
    state = load_file(folder / WEIGHTS) | changes
    save_file({key: value for key, value in state.items() if value is not None}, folder / WEIGHTS)
    return folder


def test_weights_of_another_shape_or_none_at_all_are_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    wide = QUANTIZED.model_copy(update={"width": 32})
    folder = save(tmp_path / "mixed", QUANTIZED)
    state = SpectrogramNetwork(wide).state_dict()
    save_spectrogram(tmp_path / "wide", architecture=wide, sample_rate=RATE, state=state)
    (folder / WEIGHTS).write_bytes((tmp_path / "wide" / WEIGHTS).read_bytes())
    (tmp_path / "wide" / WEIGHTS).unlink()
    cut = save(tmp_path / "cut", QUANTIZED)
    (cut / WEIGHTS).write_bytes((cut / WEIGHTS).read_bytes()[:1000])
    lacking = spoil(save(tmp_path / "lacking", QUANTIZED), scale=None)
    surplus = spoil(save(tmp_path / "surplus", QUANTIZED), more=torch.zeros(2))
    for broken in (folder, tmp_path / "wide", cut, lacking, surplus):
        with pytest.raises(UserError) as caught:
            load_codec(str(broken))
        assert broken.name in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(tmp_path: Path, value: float) -> None:
    folder = spoil(save(tmp_path / "broken", QUANTIZED), scale=torch.tensor(value))
    with pytest.raises(UserError, match=r"not finite \(scale\)"):
        load_codec(str(folder))


def test_another_codecs_configuration_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    """An EnCodec's weights beside this codec's configuration, and the other way round."""
    ours, other = save(tmp_path / "ours", QUANTIZED), shutil.copytree(checkpoint, tmp_path / "other")
    texts = [(folder / "config.json").read_text() for folder in (ours, other)]
    for folder, text in zip((other, ours), texts, strict=True):
        (folder / "config.json").write_text(text)
        with pytest.raises(UserError) as caught:
            load_codec(str(folder))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("changes", [{"architecture": None}, {"architecture": {"width": 0}}, {"sample_rate": "fast"}])
def test_a_damaged_configuration_is_refused(tmp_path: Path, changes: dict) -> None:
    folder = save(tmp_path / "codec", QUANTIZED)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))
    with pytest.raises(UserError, match="codec"):
        load_codec(str(folder))


def test_loading_needs_no_other_library(folders: dict[str, Path]) -> None:
    code = (
        "import sys, torch; from counterpoint.codec import load_codec\n"
        f"codec = load_codec({str(folders['rvq'])!r})\n"
        "codec.decode_codes(codec.encode(torch.zeros(1, 4000)).codes)\n"
        "print([name for name in ('transformers', 'diffusers', 'vector_quantize_pytorch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
