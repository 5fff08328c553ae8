"""Caption to audio on real, randomly initialised models of debug size."""

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from counterpoint.codec import load_codec
from counterpoint.codec.encodec import build_encodec, encodec_config, save_encodec
from counterpoint.config import (
    BACKBONES,
    FlowMatchingSampling,
    LatentSpec,
    ModelConfig,
    UserError,
    pick_sampling,
    write_json,
)
from counterpoint.config.checkpoints import write_checkpoint
from counterpoint.generate import (
    AudioGeneration,
    GenerationReport,
    GenerationRequest,
    check_destination,
    generate,
    generate_folder,
    read_captions,
    repeated,
    write_clips,
)
from counterpoint.generate.memory import SHARE, clip_bytes, free_bytes
from counterpoint.generate.model import load_model
from counterpoint.paradigm import build_paradigm
from counterpoint.runs import load_run

SAMPLING = FlowMatchingSampling(steps=2)
PARADIGMS = ("autoregressive", "flow_matching")


def write(request: GenerationRequest, run: Path, out: Path) -> GenerationReport:
    """What `counterpoint generate` does."""
    return write_clips(request, model=load_model(run), out=check_destination(out, request=request))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One untrained run a paradigm, on the latents of an untrained 25 Hz EnCodec."""
    root = tmp_path_factory.mktemp("runs")
    torch.manual_seed(0)
    config = encodec_config(filters=2, latent_dim=16, codebook_size=32, lstm_layers=1)
    # transformers starts its codebooks at zero, which would make every code sound alike.
    state = {
        key: torch.randn_like(value) if key.endswith("codebook.embed") else value
        for key, value in build_encodec(config).state_dict().items()
    }
    save_encodec(root / "codec", config=config, state=state)
    codec = load_codec(str(root / "codec"))
    latent = LatentSpec(
        codec=codec.name,
        fingerprint=codec.fingerprint,
        sample_rate=codec.sample_rate,
        frame_rate=codec.frame_rate,
        num_codebooks=codec.num_codebooks,
        codebook_size=codec.codebook_size,
        latent_dim=codec.latent_dim,
    )
    for paradigm in PARADIGMS:
        model = ModelConfig(paradigm=paradigm, backbone=BACKBONES["debug"])
        write_json(root / paradigm / "model.json", {"model": model.model_dump(), "latent": latent.model_dump()})
        weights = build_paradigm(model, latent).state_dict()
        tensors = {"model": weights, "ema": weights}
        write_checkpoint(root / paradigm / "checkpoints", step=0, tensors=tensors, state={}, keep=1)
    return {name: root / name for name in PARADIGMS}


@pytest.mark.skipif(shutil.which("g++") is None, reason="without our own kernels another batch rounds otherwise")
@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_a_clip_depends_on_its_own_seed_alone(runs: dict[str, Path], paradigm: str, precision: str) -> None:
    """To the last bit: alone, in any batch, and on any number of threads."""
    model, sampling = load_model(runs[paradigm], precision=precision), pick_sampling(paradigm, {"steps": 2})
    captions = ["slow piano", "", "a much longer caption about loud drums", "harp", "flute"]

    def draw(texts: list[str], *, seed: int, batch_size: int = 16) -> list[np.ndarray]:
        request = GenerationRequest(texts, duration_s=0.5, seed=seed, sampling=sampling, batch_size=batch_size)
        return [clip.audio for clip in generate(request, model=model)]

    together = draw(captions, seed=5)
    threes = draw(captions, seed=5, batch_size=3)
    threads = torch.get_num_threads()
    for index, caption in enumerate(captions):
        torch.set_num_threads(1 + index % 2)
        alone = draw([caption], seed=5 + index)[0]
        np.testing.assert_array_equal(together[index], alone)
        np.testing.assert_array_equal(threes[index], alone)
    torch.set_num_threads(threads)
    assert np.abs(draw(captions[:1], seed=6)[0] - together[0]).max() > 1e-3


@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_a_file_holds_the_asked_duration_and_the_same_bytes_each_time(
    runs: dict[str, Path], paradigm: str, tmp_path: Path
) -> None:
    sampling = pick_sampling(paradigm, {"steps": 2})
    for name in ("a.wav", "b.wav"):
        request = GenerationRequest(["slow piano"], duration_s=0.6, seed=1, sampling=sampling)
        report = write(request, runs[paradigm], tmp_path / name)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    info = soundfile.info(tmp_path / "a.wav")
    assert (info.samplerate, info.frames, info.channels) == (32_000, 19_200, 1)
    assert (report.paradigm, report.clips) == (paradigm, 1)


def test_a_folder_says_what_each_clip_is(runs: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "captions.txt").write_text("one\n\n  two  \n")
    captions = repeated(read_captions(None, tmp_path / "captions.txt"), num=2)
    request = GenerationRequest(captions, duration_s=0.2, seed=7, sampling=SAMPLING)
    report = write(request, runs["flow_matching"], tmp_path / "clips")
    lines = [json.loads(line) for line in (tmp_path / "clips/metadata.jsonl").read_text().splitlines()]
    assert [line["caption"] for line in lines] == ["one", "one", "two", "two"]
    assert [line["seed"] for line in lines] == [7, 8, 9, 10]
    assert all((tmp_path / "clips" / line["file_name"]).is_file() for line in lines)
    assert (report.network_evaluations, report.model_evaluations) == (SAMPLING.steps, 2 * SAMPLING.steps)
    assert json.loads((tmp_path / "clips/generation.json").read_text())["report"] == asdict(report)
    assert report.audio_s == pytest.approx(0.8)


@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_progress_goes_on_while_a_single_clip_is_drawn(runs: dict[str, Path], paradigm: str) -> None:
    model, sampling = load_model(runs[paradigm]), pick_sampling(paradigm, {"steps": 4})
    told: list[tuple[float, float]] = []
    for count, batch_size in ((1, 16), (3, 2)):
        told.clear()
        request = GenerationRequest(["harp"] * count, duration_s=0.4, sampling=sampling, batch_size=batch_size)
        drawn = list(generate(request, model=model, progress=lambda *done: told.append(done)))
        assert len(drawn) == count and told == sorted(told) and told[-1] == (count, count)
        assert len({done for done, _ in told if 0 < done < count}) >= 3 and {total for _, total in told} == {count}


@pytest.mark.parametrize("duration_s", [0.0, -1.0, float("inf"), float("nan")])
def test_a_duration_out_of_range_is_refused(runs: dict[str, Path], tmp_path: Path, duration_s: float) -> None:
    with pytest.raises(UserError, match="duration"):
        write(GenerationRequest(["piano"], duration_s=duration_s), runs["autoregressive"], tmp_path / "x.wav")
    assert not (tmp_path / "x.wav").exists()


def test_a_caption_of_ten_thousand_words_is_refused_before_anything_is_drawn(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"10,000 words.*shorten"):
        request = GenerationRequest(["fine", "word " * 10_000], duration_s=0.2, batch_size=1)
        generate_folder(request, model=load_model(runs["autoregressive"]), out=tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_latents_of_another_codec_are_refused(runs: dict[str, Path], tmp_path: Path) -> None:
    described = json.loads((runs["autoregressive"] / "model.json").read_text())
    described["latent"]["fingerprint"] = "another"
    other = tmp_path / "other"
    write_json(other / "model.json", described)
    (other / "checkpoints").symlink_to(runs["autoregressive"] / "checkpoints")
    with pytest.raises(UserError, match="another version of the codec"):
        load_model(other)


def test_a_folder_that_is_no_run_is_explained(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run folder"):
        load_run(tmp_path / "none")
    with pytest.raises(UserError, match="not a run folder"):
        load_run(tmp_path)


def test_a_batch_that_memory_cannot_hold_is_split_and_gives_the_same_clips(
    runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(runs["autoregressive"])
    captions = ["piano", "harp", "drums", "", "flute"]
    batches = []
    sample = model.paradigm.sample

    def draw() -> list[np.ndarray]:
        batches.clear()
        request = GenerationRequest(captions, duration_s=0.4)
        return [clip.audio for clip in generate(request, model=model)]

    def counted(**arguments):
        batches.append(len(arguments["lengths"]))
        return sample(**arguments)

    monkeypatch.setattr(model.paradigm, "sample", counted)
    together = draw()
    assert batches == [5]
    two = clip_bytes(model.paradigm, batch=2, frames=10, window=10, text_tokens=1, passes=2)
    monkeypatch.setattr("counterpoint.generate.memory.free_bytes", lambda device: two / SHARE + 1)
    apart = draw()
    assert batches == [2, 2, 1]
    np.testing.assert_array_equal(together, apart)
    monkeypatch.setattr("counterpoint.generate.memory.free_bytes", lambda device: 1000)
    with pytest.raises(
        UserError, match=r"One clip of 0\.4 s on cpu needs.* of memory are free: free some, or choose a shorter"
    ):
        draw()


@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_memory_grows_with_the_batch_and_hardly_with_the_length_beyond_a_window(
    runs: dict[str, Path], paradigm: str
) -> None:
    model = load_model(runs[paradigm]).paradigm

    def needed(batch: int, frames: int) -> int:
        return clip_bytes(model, batch=batch, frames=frames, window=250, text_tokens=20, passes=2)

    assert needed(8, 250) > 1.9 * needed(4, 250)
    hour = 25 * 3600
    assert needed(1, hour) < needed(4, 250) + hour * 2000
    assert free_bytes(torch.device("cpu")) > 2**20


def test_music_longer_than_the_window_is_made_by_windows(
    runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network sees no more frames at once than it was trained on."""
    model = replace(load_model(runs["flow_matching"]), window_s=0.8)
    seen = set()
    model.paradigm.backbone.register_forward_hook(lambda module, inputs, output: seen.add(output.shape[1]))
    [clip] = generate(GenerationRequest(["piano"], duration_s=10, sampling=SAMPLING), model=model)
    assert clip.audio.shape == (1, 320_000) and np.isfinite(clip.audio).all()
    assert seen == {20}


@pytest.mark.parametrize("batch_size", [0, -1])
def test_a_batch_of_no_clip_is_refused(batch_size: int) -> None:
    with pytest.raises(UserError, match=f"batch size is {batch_size}:"):
        GenerationRequest(["a"], batch_size=batch_size)


@pytest.mark.parametrize("paradigm", PARADIGMS)
@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_weights_stored_shorter_draw_nearly_the_same_noise_and_codes(
    runs: dict[str, Path], paradigm: str, precision: str
) -> None:
    sampling = pick_sampling(paradigm, {"steps": 2, "temperature": 0})

    def draw(precision: str) -> AudioGeneration:
        model = load_model(runs[paradigm], precision=precision)
        [clip] = generate(GenerationRequest(["slow piano"], duration_s=0.2, sampling=sampling), model=model)
        return clip

    full, short = draw("fp32"), draw(precision)
    assert np.isfinite(short.audio).all() and np.corrcoef(full.audio, short.audio)[0, 1] > 0.9
    assert (full.audio != short.audio).any() or paradigm == "autoregressive"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"precision": "bf16"}, "'bf16' is not supported on cpu: choose fp32, fp16, int8"),
        ({"precision": "fp12"}, "'fp12' is not supported on cpu"),
        (
            {"device": "cuda", "precision": "int8"},
            "'int8' is not supported on cuda|finds no CUDA GPU",
        ),
        ({"device": "tpu"}, "no device 'tpu': choose auto, cpu, mps"),
        ({"device": "cpu:x"}, "no device 'cpu:x'"),
        ({"device": "cuda:-1"}, "no device 'cuda:-1'"),
        ({"device": "cuda"}, "torch finds no CUDA GPU"),
    ],
)
def test_a_precision_or_device_that_does_not_serve_is_named(
    runs: dict[str, Path], settings: dict[str, str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match=sentence):
        load_model(runs["flow_matching"], **settings)


@pytest.mark.slow
def test_a_compiled_network_draws_the_same(runs: dict[str, Path]) -> None:
    sampling = FlowMatchingSampling(solver="heun", steps=2, guidance_interval=(0, 0.5))
    request = GenerationRequest(["piano"], duration_s=0.4, sampling=sampling)
    plain, fast = (
        next(generate(request, model=load_model(runs["flow_matching"], compiled=compiled)))
        for compiled in (False, True)
    )
    np.testing.assert_allclose(fast.audio, plain.audio, atol=1e-4)
    with pytest.raises(UserError, match="cannot be compiled"):
        load_model(runs["autoregressive"], compiled=True)
