"""Training of tiny codecs on tones."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from counterpoint.audio import save_audio
from counterpoint.codec import load_codec
from counterpoint.config import UserError
from counterpoint.config.checkpoints import newest_checkpoint
from counterpoint.training import TrainingStopped, read_metrics, train_codec
from counterpoint.training.codec import step as step_module
from counterpoint.training.codec.data import Clips
from counterpoint.training.codec.step import Divergence

WAVEFORM, SPECTRA = ("encodec", "vae"), ("spectrogram", "kl")
KINDS = WAVEFORM + SPECTRA


def run(config, out, clips, **options):
    return train_codec(config, out=out, progress=False, clips=clips, held_out=clips, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_trains_from_a_random_start_and_exports_the_codec(configure, clips, tmp_path, kind):
    config = configure(kind, steps=60, checkpoint_every=60, validate_every=60)
    if kind in SPECTRA:
        config = config.model_copy(update={"optimizer": config.optimizer.model_copy(update={"learning_rate": 3e-3})})
    result = run(config, tmp_path, clips)
    loss = "level" if kind in SPECTRA else "spectral"
    lines = [line for line in read_metrics(tmp_path / "metrics.jsonl") if loss in line]
    assert result.steps == len(lines) == 60
    first, last = (np.mean([line[loss] for line in part]) for part in (lines[:10], lines[-10:]))
    assert last < 0.8 * first
    if kind in WAVEFORM:
        assert lines[-1]["discriminator"] < 2.0, "a discriminator that knows nothing has a hinge loss of 2"
        assert 0 < lines[-1]["discriminator_accuracy"] <= 1
    codec = load_codec(str(tmp_path))  # the run folder itself
    frame_rate = {"encodec": 100.0, "vae": 80.0}.get(kind, 10.0)
    assert (codec.sample_rate, codec.frame_rate, codec.num_codebooks > 0) == (
        3200,
        frame_rate,
        kind in ("encodec", "spectrogram"),
    )
    measures = json.loads((tmp_path / "codec" / "measures.json").read_text())
    assert measures["step"] == 60 and measures["held_out_clips"] == 4
    assert measures["latents"]["log_spectral_distance_db"] == pytest.approx(result.valid_loss, abs=0.5)
    assert ("si_snr_db" in measures["latents"]) == (kind in WAVEFORM)
    stored = next((tmp_path / "codec").glob("*.safetensors"))
    assert {tensor.dtype for tensor in load_file(stored).values()} == {torch.float16}


def test_logs_codebook_use_norms_and_the_health_of_discriminators(configure, clips, tmp_path):
    run(configure(steps=2), tmp_path, clips)
    line = read_metrics(tmp_path / "metrics.jsonl")[-2]
    for name in ("grad_norm", "discriminator_grad_norm", "discriminator_accuracy", "commitment"):
        assert np.isfinite(line[name])
    assert all(1 <= line[f"perplexity_{k}"] <= 32 for k in (1, 2))


def test_discriminators_wait_until_they_are_told_to_start(configure, clips, tmp_path):
    config = configure(steps=6, discriminator={"filters": 4, "windows": [256], "start_after": 3})
    run(config, tmp_path, clips)
    lines = [line for line in read_metrics(tmp_path / "metrics.jsonl") if "spectral" in line]
    assert ["discriminator" in line for line in lines] == [False] * 3 + [True] * 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_resumed_training_ends_with_the_same_bytes(configure, clips, tmp_path, kind):
    config = configure(kind)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run(config, whole, clips)
    asked = iter([False] * 6 + [True] + [False] * 20)
    with pytest.raises(TrainingStopped):  # after update 7
        run(config, parts, clips, stop=lambda: next(asked))
    run(config, parts, clips)
    one, two = (newest_checkpoint(folder / "checkpoints") for folder in (whole, parts))
    assert one is not None and two is not None and one.step == two.step == 12
    assert one.state["step"] == two.state["step"]
    judges = ("discriminators", "discriminators_optimizer") if kind in WAVEFORM else ()
    for name in ("model", "ema", "optimizer", *judges):
        torch.testing.assert_close(two.tensors(name), one.tensors(name), rtol=0, atol=0)
    for path in (whole / "codec").iterdir():
        assert (parts / "codec" / path.name).read_bytes() == path.read_bytes()
    assert [line["step"] for line in read_metrics(parts / "metrics.jsonl")] == [
        line["step"] for line in read_metrics(whole / "metrics.jsonl")
    ]


def test_other_music_or_another_configuration_is_refused(configure, clips, tmp_path):
    run(configure(steps=1), tmp_path, clips)
    with pytest.raises(UserError, match=r"holds a run with steps 1"):
        run(configure(), tmp_path, clips)
    stopped = tmp_path / "stopped"
    with pytest.raises(TrainingStopped):
        run(configure(), stopped, clips, stop=lambda: True)
    fewer = Clips(paths=clips.paths[:2], durations_s=clips.durations_s[:2], sample_rate=clips.sample_rate)
    with pytest.raises(UserError, match="trained on other data"):
        run(configure(), stopped, fewer)


def test_divergence_stops_with_its_reason_and_the_last_checkpoint(configure, clips, tmp_path, monkeypatch):
    """From update 110 on the spectral loss counts five times, as if the spectra had come apart."""
    calls, honest = [], step_module.spectral_loss

    def growing(*args, **options):
        calls.append(1)
        return honest(*args, **options) * (5 if len(calls) > 110 else 1)

    monkeypatch.setattr(step_module, "spectral_loss", growing)
    config = configure(steps=200, checkpoint_every=50, validate_every=500, quantizer={"kmeans_vectors": 128})
    with pytest.raises(UserError, match=r"diverges: its spectral loss fell to .* last checkpoint is usable"):
        run(config, tmp_path, clips)
    checkpoint = newest_checkpoint(tmp_path / "checkpoints")
    assert checkpoint is not None and checkpoint.step in (100, 150)
    assert load_codec(str(tmp_path)).sample_rate == 3200


def test_divergence_forgives_noise_and_a_slow_start():
    draws = np.random.default_rng(0)
    watch = Divergence()
    for loss in 1 + 0.5 * draws.random(2000):
        watch.check(float(loss))
    rising = Divergence()
    for _ in range(99):
        rising.check(1.0)
    with pytest.raises(UserError, match="diverges"):
        for _ in range(200):
            rising.check(2.0)


def test_a_loss_that_is_not_finite_stops_before_it_reaches_the_weights(configure, clips, tmp_path, monkeypatch):
    honest = step_module.waveform_loss
    monkeypatch.setattr(step_module, "waveform_loss", lambda *audio: honest(*audio) * float("nan"))
    with pytest.raises(UserError, match=r"was nan in update 1.*smaller optimizer.learning_rate"):
        run(configure(), tmp_path, clips)
    assert newest_checkpoint(tmp_path / "checkpoints") is None


@pytest.mark.parametrize("start", ["random", "transform"])
@pytest.mark.parametrize("kind", ["encodec", *SPECTRA])
def test_silence(configure, tmp_path, kind, start):
    """K-means on one latent many times over works; a transform of nothing is refused."""
    path = tmp_path / "silence.wav"
    save_audio(path, np.zeros(16_000, np.float32), sample_rate=3200)
    silent = Clips(paths=(path,), durations_s=(5.0,), sample_rate=3200)
    config = configure(kind, steps=2, start=start)
    if start == "transform":
        with pytest.raises(UserError, match="is silent"):
            train_codec(config, out=tmp_path / "run", progress=False, clips=silent)
    else:
        assert train_codec(config, out=tmp_path / "run", progress=False, clips=silent).steps == 2


@pytest.mark.parametrize("kind", SPECTRA)
def test_a_spectrogram_codec_learns_from_clips_that_are_changed_as_they_are_drawn(configure, clips, tmp_path, kind):
    config = configure(kind, start="transform", augment=True, steps=4, checkpoint_every=4)
    run(config, tmp_path, clips)
    plain = configure(kind, start="transform", steps=4, checkpoint_every=4)
    run(plain, tmp_path / "plain", clips)
    changed, whole = (
        [line["level"] for line in read_metrics(folder / "metrics.jsonl") if "level" in line]
        for folder in (tmp_path, tmp_path / "plain")
    )
    assert np.isfinite(changed).all() and changed != whole


def test_a_folder_that_is_no_dataset_is_refused(configure, tmp_path):
    with pytest.raises(UserError, match="is not a dataset"):
        train_codec(configure(dataset=str(tmp_path)), out=tmp_path / "run", progress=False)


def test_starts_where_another_training_ended(configure, clips, tmp_path):
    run(configure(), tmp_path / "first", clips)
    first = newest_checkpoint(tmp_path / "first" / "checkpoints")
    untouched = configure(start=str(tmp_path / "first"), steps=0, quantizer={"dead_below": 0.1})
    run(untouched, tmp_path / "second", clips)
    second = newest_checkpoint(tmp_path / "second" / "checkpoints")
    assert first is not None and second is not None and second.step == 0
    torch.testing.assert_close(second.tensors("model"), first.tensors("ema"), rtol=0, atol=0)
    torch.testing.assert_close(second.tensors("discriminators"), first.tensors("discriminators"), rtol=0, atol=0)
    with pytest.raises(UserError, match="no codec training in nowhere"):
        run(configure(start="nowhere"), tmp_path / "third", clips)
    for kind in ("vae", "spectrogram"):
        with pytest.raises(UserError, match="has another shape"):
            run(configure(kind, start=str(tmp_path / "first")), tmp_path / f"from {kind}", clips)


@pytest.mark.parametrize("kind", SPECTRA)
def test_a_spectrogram_codec_starts_where_another_ended(configure, clips, tmp_path, kind):
    run(configure(kind), tmp_path / "first", clips)
    first = newest_checkpoint(tmp_path / "first" / "checkpoints")
    run(configure(kind, start=str(tmp_path / "first"), steps=0, quantizer={}), tmp_path / "second", clips)
    second = newest_checkpoint(tmp_path / "second" / "checkpoints")
    assert first is not None and second is not None and second.step == 0
    old, new = first.tensors("ema"), second.tensors("model")
    networks = [key for key in old if key.startswith("network.")]
    torch.testing.assert_close({key: new[key] for key in networks}, {key: old[key] for key in networks}, rtol=0, atol=0)


def test_the_last_checkpoint_of_a_codec_with_nothing_to_fit_keeps_its_weights_beside_their_average(
    configure, clips, tmp_path
):
    run(configure("vae", steps=4), tmp_path, clips)
    checkpoint = newest_checkpoint(tmp_path / "checkpoints")
    assert checkpoint is not None and checkpoint.step == 4
    live, averaged = (checkpoint.tensors(part) for part in ("model", "ema"))
    assert any(not torch.equal(live[name], averaged[name]) for name in live)
