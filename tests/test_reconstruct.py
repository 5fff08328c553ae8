"""Files through a codec: length to the sample, constant memory, every view, and what cannot be done."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from counterpoint import encode as encode_module
from counterpoint.audio import load_audio, save_audio
from counterpoint.codec import Codec, load_codec, windows
from counterpoint.codec.encodec import build_encodec, encodec_config, save_encodec
from counterpoint.codec.spectrogram import SpectrogramNetwork, save_spectrogram
from counterpoint.codec.vae import build_vae, save_vae
from counterpoint.config import UserError
from counterpoint.config.codec_training import SpectrogramArchitecture
from counterpoint.data import save_dataset
from counterpoint.encode import encode_dataset, reconstruct_file, reconstruct_views

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
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An EnCodec of 100 Hz and a VAE of 80 Hz."""
    root = tmp_path_factory.mktemp("codecs")
    torch.manual_seed(0)
    config = encodec_config(
        sample_rate=RATE, strides=(4, 4, 2), filters=4, latent_dim=8, num_codebooks=3, codebook_size=16, lstm_layers=1
    )
    model = build_encodec(config)
    for layer in model.quantizer.layers:
        layer.codebook.embed.copy_(0.05 * torch.randn_like(layer.codebook.embed))
    save_encodec(root / "encodec", config=config, state=model.state_dict())
    save_vae(root / "vae", config=VAE, state=build_vae(VAE).state_dict())
    return {name: root / name for name in ("encodec", "vae")}


def music(duration_s: float, *, rate: int = RATE, channels: int = 1) -> np.ndarray:
    """[channels, N]."""
    time_s = np.arange(round(duration_s * rate)) / rate
    draws = np.random.default_rng(0)
    return 0.3 * np.sin(2 * np.pi * 140 * time_s) + 0.1 * draws.standard_normal((channels, time_s.size))


def whole(codec: Codec, audio: np.ndarray, *, view: str) -> np.ndarray:
    """The round trip in one piece."""
    encoding = codec.encode(torch.from_numpy(audio)[None])
    if view == "latents":
        return codec.decode_latents(encoding.latents)[0, : audio.size].numpy()
    assert encoding.codes is not None
    return codec.decode_codes(encoding.codes)[0, : audio.size].numpy()


@pytest.mark.parametrize(
    ("name", "view", "suffix"),
    [("encodec", "codes", ".wav"), ("encodec", "latents", ".flac"), ("vae", "latents", ".wav")],
)
def test_a_long_stereo_file_of_another_rate_comes_out_without_seams(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, view: str, suffix: str
) -> None:
    for constant, value in (("BLOCK_S", 2.0), ("LEFT_CONTEXT_S", 1.0), ("RIGHT_CONTEXT_S", 0.5)):
        monkeypatch.setattr(windows, constant, value)
    source, out = tmp_path / "in.wav", tmp_path / f"out{suffix}"
    save_audio(source, music(11.03, rate=4410, channels=2), sample_rate=4410)
    seen: list[tuple[float, float]] = []
    done = reconstruct_file(
        source,
        out=out,
        codec=str(folders[name]),
        view=view,
        progress=lambda *at: seen.append(at),  # type: ignore[arg-type]
    )
    audio, _ = load_audio(source, sample_rate=RATE)
    written, rate = load_audio(out, sample_rate=None)
    assert (rate, written.size) == (RATE, audio.size) == (RATE, round(11.03 * RATE))
    assert (
        done.view == view
        and done.duration_s == pytest.approx(11.03)
        and seen[-1] == pytest.approx((11.03, 11.03), abs=1e-3)
    )
    expected = whole(load_codec(str(folders[name])), audio, view=view).clip(-1, 1)
    step, level = 1 / 32767, expected.std()  # a file is 16 bit
    assert level > 100 * step
    error = np.abs(written - expected)
    if view == "codes":  # a code that ties may fall either way, and is heard for a frame or two
        assert (error > 2 * step).mean() < 0.01
    else:
        assert error.max() < 2 * step + 1e-3 * level


def test_codes_are_decoded_where_there_are_any(folders: dict[str, Path], tmp_path: Path) -> None:
    save_audio(tmp_path / "in.wav", music(0.5), sample_rate=RATE)
    views = {
        name: reconstruct_file(tmp_path / "in.wav", out=tmp_path / f"{name}.wav", codec=str(folder)).view
        for name, folder in folders.items()
    }
    assert views == {"encodec": "codes", "vae": "latents"}
    with pytest.raises(UserError, match="has no codes; decode its latents"):
        reconstruct_file(tmp_path / "in.wav", out=tmp_path / "x.wav", codec=str(folders["vae"]), view="codes")
    assert not (tmp_path / "x.wav").exists()


@pytest.mark.parametrize("name", ["encodec", "vae"])
@pytest.mark.parametrize("samples", [1, 41])
def test_less_than_a_frame_is_a_frame_cut_to_length(
    folders: dict[str, Path], tmp_path: Path, name: str, samples: int
) -> None:
    save_audio(tmp_path / "in.wav", music(1.0)[0, :samples], sample_rate=RATE)
    done = reconstruct_file(tmp_path / "in.wav", out=tmp_path / "out.wav", codec=str(folders[name]))
    assert soundfile.info(tmp_path / "out.wav").frames == samples == round(done.duration_s * RATE)


@pytest.mark.parametrize("name", ["encodec", "vae"])
def test_silence_passes(folders: dict[str, Path], tmp_path: Path, name: str) -> None:
    save_audio(tmp_path / "a.wav", np.zeros(RATE), sample_rate=RATE)
    reconstruct_file(tmp_path / "a.wav", out=tmp_path / "out.wav", codec=str(folders[name]))
    assert np.isfinite(load_audio(tmp_path / "out.wav", sample_rate=None)[0]).all()
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "a.wav"}\n')
    measured = reconstruct_views(tmp_path, out={"latents": tmp_path / "latents"}, codec=str(folders[name]))
    assert all(np.isnan(value) for value in measured["latents"].values())  # nothing to measure, and no warning


@pytest.mark.parametrize("name", ["encodec", "vae"])
def test_what_is_no_music_is_refused_and_nothing_is_written(
    folders: dict[str, Path], tmp_path: Path, name: str
) -> None:
    broken = music(3.0)[0]
    broken[2 * RATE] = np.nan
    soundfile.write(tmp_path / "nan.wav", broken, RATE, subtype="FLOAT")
    save_audio(tmp_path / "empty.wav", np.zeros(0), sample_rate=RATE)
    save_audio(tmp_path / "fine.wav", music(0.1), sample_rate=RATE)
    for source, out, reason in (
        ("nan.wav", "x.wav", r"nan\.wav has samples that are not numbers .*at 2\.000 s"),
        ("empty.wav", "x.wav", r"empty\.wav has no audio"),
        ("none.wav", "x.wav", "There is no audio file"),
        ("fine.wav", "x.mp3", r"name it \.wav or \.flac"),
    ):
        with pytest.raises(UserError, match=reason):
            reconstruct_file(tmp_path / source, out=tmp_path / out, codec=str(folders[name]))
    assert {path.name for path in tmp_path.iterdir()} == {"nan.wav", "empty.wav", "fine.wav"}


def test_a_broken_clip_of_a_dataset_is_named_and_left_out(folders: dict[str, Path], tmp_path: Path) -> None:
    dataset = tmp_path / "data"
    save_audio(dataset / "audio" / "train-0.wav", music(1.0), sample_rate=RATE)
    broken = music(2.0)[0]
    broken[RATE] = np.inf
    soundfile.write(dataset / "audio" / "train-1.wav", broken, RATE, subtype="FLOAT")
    facts = {"caption": "", "sample_rate": RATE, "channels": 1}
    rows = [{"id": f"{i}", "audio": f"audio/train-{i}.wav", "duration_s": 1.0 + i, **facts} for i in range(2)]
    save_dataset(dataset, {"train": rows}, info={"name": "tiny", "kind": "composed"})
    with pytest.warns(UserWarning, match=r"train-1\.wav has samples that are not numbers .*at 1\.000 s"):
        encode_dataset(dataset, codec=str(folders["vae"]))


def test_a_folder_is_encoded_once_for_both_views(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for index in range(2):
        save_audio(tmp_path / f"{index}.wav", music(1.0 + index), sample_rate=RATE)
    (tmp_path / "metadata.jsonl").write_text("".join(json.dumps({"file_name": f"{i}.wav"}) + "\n" for i in range(2)))
    encoded = []
    encode = encode_module.encode_audio
    monkeypatch.setattr(encode_module, "encode_audio", lambda audio, codec: encoded.append(1) or encode(audio, codec))
    out = {"codes": tmp_path / "codes", "latents": tmp_path / "latents"}
    measured = reconstruct_views(tmp_path, out=out, codec=str(folders["encodec"]))  # type: ignore[arg-type]
    assert len(encoded) == 2 and set(measured) == {"codes", "latents"}
    codec = load_codec(str(folders["encodec"]))
    audio, _ = load_audio(tmp_path / "1.wav", sample_rate=RATE)
    for view in ("codes", "latents"):
        written, _ = load_audio(out[view] / "1.wav", sample_rate=None)
        np.testing.assert_allclose(written, whole(codec, audio, view=view).clip(-1, 1), atol=2 / 32767)
        assert (out[view] / "metadata.jsonl").is_file() and np.isfinite(list(measured[view].values())).all()
    with pytest.raises(UserError, match="has no codes"):
        reconstruct_views(tmp_path, out={"codes": tmp_path / "x"}, codec=str(folders["vae"]))
    assert not (tmp_path / "x").exists()


def test_a_codec_that_makes_phases_anew_is_not_measured_by_waveforms(tmp_path: Path) -> None:
    torch.manual_seed(0)
    shape = SpectrogramArchitecture(width=16, fine_width=16, latent_dim=8, num_codebooks=2, codebook_size=16)
    network = SpectrogramNetwork(shape)
    save_spectrogram(tmp_path / "codec", architecture=shape, sample_rate=32_000, state=network.state_dict())
    save_audio(tmp_path / "a.wav", music(1.01, channels=2), sample_rate=RATE)
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "a.wav"}\n')
    out = {"codes": tmp_path / "codes", "latents": tmp_path / "latents"}
    measured = reconstruct_views(tmp_path, out=out, codec=str(tmp_path / "codec"))  # type: ignore[arg-type]
    assert {view: list(found) for view, found in measured.items()} == {
        view: ["log_spectral_distance_db"] for view in ("codes", "latents")
    }
    done = reconstruct_file(tmp_path / "a.wav", out=tmp_path / "b.wav", codec=str(tmp_path / "codec"))
    assert done.view == "codes" and soundfile.info(tmp_path / "b.wav").frames == 32_320
