import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from counterpoint.config import (
    AutoregressiveSampling,
    FlowMatchingSampling,
    LatentSpec,
    ModelConfig,
    UserError,
    parse,
    read_json,
    write_json,
)
from counterpoint.config.checkpoints import write_checkpoint
from counterpoint.generate import publish_run, sampling_of
from counterpoint.generate.model import read_model
from counterpoint.paradigm import build_paradigm
from counterpoint.runs import find_run, load_run, shipped_models

LATENT = LatentSpec(codec="toy", sample_rate=100, frame_rate=10.0, num_codebooks=2, codebook_size=16, latent_dim=4)


def write_run(folder: Path, *, paradigm: str = "autoregressive", steps: tuple[int, ...] = (1, 2)) -> Path:
    """A run whose weights tell their step, and whose averages are ten times that."""
    values = {"paradigm": paradigm, "backbone": "debug", "text": {"buckets": 64, "width": 16}}
    config = parse(values, ModelConfig, source="test")
    write_json(
        folder / "model.json", {"model": config.model_dump(mode="json"), "latent": LATENT.model_dump(mode="json")}
    )
    model = build_paradigm(config, LATENT)
    for step in steps:
        live = {name: torch.full_like(value, step) for name, value in model.state_dict().items()}
        averaged = {name: 10 * value for name, value in live.items()}
        tensors = {"model": live, "ema": averaged, "optimizer": {}}
        write_checkpoint(folder / "checkpoints", step=step, tensors=tensors, state={}, keep=5)
    return folder


def value_of(model: torch.nn.Module) -> float:
    [value] = {float(p.min()) for p in model.parameters()} | {float(p.max()) for p in model.parameters()}
    return value


@pytest.mark.parametrize("paradigm", ["autoregressive", "flow_matching"])
def test_loads_the_averages_of_the_newest(tmp_path, paradigm):
    model = load_run(write_run(tmp_path, paradigm=paradigm))
    assert value_of(model) == 20
    assert model.config.paradigm == paradigm and model.latent == LATENT
    assert not model.training and not any(p.requires_grad for p in model.parameters())


def test_loads_the_weights_or_another_step_on_request(tmp_path):
    run = write_run(tmp_path)
    assert value_of(load_run(run, ema=False)) == 2
    assert value_of(load_run(run, step=1)) == 10


def test_a_cut_file_falls_back_with_one_warning(tmp_path):
    run = write_run(tmp_path)
    os.truncate(run / "checkpoints" / "step-00000002" / "ema.safetensors", 1000)
    with pytest.warns(UserWarning, match=r"step-00000002/ema\.safetensors.*step 1") as caught:
        assert value_of(load_run(run)) == 10
    assert len(caught) == 1
    with pytest.raises(UserError, match=r"step-00000002/ema\.safetensors"):
        load_run(run, step=2)


def test_every_wrong_folder_has_its_sentence(tmp_path):
    with pytest.raises(UserError, match="There is no run folder at"):
        load_run(tmp_path / "none")
    with pytest.raises(UserError, match="is not a run folder"):
        load_run(tmp_path)
    empty = write_run(tmp_path / "empty", steps=())
    with pytest.raises(UserError, match="has no checkpoint yet"):
        load_run(empty)
    run = write_run(tmp_path / "run")
    with pytest.raises(UserError, match=r"no checkpoint of step 7; it has 1, 2\."):
        load_run(run, step=7)
    for step in (1, 2):
        os.truncate(run / "checkpoints" / f"step-{step:08d}" / "ema.safetensors", 1000)
    with pytest.raises(UserError, match=r"Every checkpoint in .* is damaged: .*ema\.safetensors"):
        load_run(run)


def test_a_description_that_does_not_fit_is_told(tmp_path):
    run = write_run(tmp_path)
    write_json(run / "model.json", {"model": {"paradigm": "diffusion"}, "latent": LATENT.model_dump(mode="json")})
    with pytest.raises(UserError, match=r"model\.json: paradigm"):
        load_run(run)
    write_json(run / "model.json", [])
    with pytest.raises(UserError, match="does not describe a model"):
        load_run(run)
    other = {"paradigm": "flow_matching", "backbone": "debug"}
    write_json(run / "model.json", {"model": other, "latent": LATENT.model_dump(mode="json")})
    with pytest.raises(UserError, match="belong to another model version"):
        load_run(run)


@pytest.mark.parametrize("paradigm", ["autoregressive", "flow_matching"])
def test_a_published_run_is_its_averages_in_half_precision(tmp_path, paradigm):
    run = write_run(tmp_path / "run", paradigm=paradigm)
    publish_run(run, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "digests.json",
        "model.json",
        "model.safetensors",
    ]
    model = load_run(tmp_path / "out")
    assert value_of(model) == 20 and model.latent == LATENT
    assert all(p.dtype == torch.float32 for p in model.parameters())
    with pytest.raises(UserError, match="already exists"):
        publish_run(run, tmp_path / "out")


def test_sampling_settings_are_stored_with_the_model_that_is_published(tmp_path):
    run = write_run(tmp_path / "run", paradigm="flow_matching")
    publish_run(run, tmp_path / "out", sampling={"guidance": 2.5, "solver": "adams", "steps": None})
    stored = sampling_of(tmp_path / "out", {})
    assert (stored.guidance, stored.solver) == (2.5, "adams")
    publish_run(tmp_path / "out", tmp_path / "again", sampling={"guidance": 4.0})
    assert sampling_of(tmp_path / "again", {}) == stored.model_copy(update={"guidance": 4.0})
    with pytest.raises(UserError, match="top_k"):
        publish_run(run, tmp_path / "other", sampling={"top_k": 30})
    assert not (tmp_path / "other").exists()


def test_a_published_run_keeps_what_it_knows_of_latents_exactly(tmp_path):
    described = {"paradigm": "flow_matching", "backbone": "debug", "preconditioning": "gaussian"}
    config = parse(described, ModelConfig, source="test")
    write_json(tmp_path / "run" / "model.json", {"model": described, "latent": LATENT.model_dump(mode="json")})
    model = build_paradigm(config, LATENT)
    model.calibrate(torch.randn(100, 4, generator=torch.Generator().manual_seed(0)) * torch.tensor([1e-4, 1, 2, 3]))
    tensors = {"ema": model.state_dict()}
    write_checkpoint(tmp_path / "run" / "checkpoints", step=1, tensors=tensors, state={}, keep=1)
    publish_run(tmp_path / "run", tmp_path / "out")
    known = load_run(tmp_path / "out").state_dict()
    assert all(torch.equal(known[name], value) for name, value in model.state_dict().items() if "gaussian" in name)
    (tmp_path / "out" / "digests.json").unlink()
    whole = {name: value.to(torch.int32) if "gaussian" in name else value for name, value in known.items()}
    save_file(whole, tmp_path / "out" / "model.safetensors")
    with pytest.raises(UserError, match=r"gaussian.* holds torch\.int32, but the network needs torch\.float32"):
        load_run(tmp_path / "out")


def test_models_that_ship_are_found_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in shipped_models():
        assert load_run(find_run(name)).config.controls, name
    assert set(shipped_models()) == {"pocket_autoregressive", "pocket_flow_matching"}
    mine = write_run(tmp_path / "runs" / "pocket_autoregressive")  # one's own run goes before
    assert find_run("pocket_autoregressive").resolve() == mine


@pytest.mark.parametrize(
    ("name", "said"),
    [("", "is empty"), (" ", "is empty"), ("/dev/null", "is a device"), ("x" * 300, "too long"), ("a\0", "NUL")],
)
def test_a_name_that_no_model_can_have_is_refused(tmp_path, monkeypatch, name, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.wav").write_bytes(b"RIFF")
    with pytest.raises(UserError, match=said):
        find_run(name)
    with pytest.raises(UserError, match=r"no run folder at m\.wav"):
        read_model("m.wav")
    write_run(tmp_path / "runs" / "m.wav")
    assert find_run("m.wav").is_dir()
    assert find_run("facebook/musicgen-small") == Path("facebook/musicgen-small")


def test_the_best_weights_go_before_the_last(tmp_path):
    """And a damaged file of them is noticed, by whoever reads them alone."""
    run = write_run(tmp_path, steps=(1, 2))
    newest = load_run(run)
    best = {name: torch.full_like(value, 7) for name, value in newest.state_dict().items()}
    tensors = {"model": best, "ema": newest.state_dict(), "optimizer": {}, "best": best}
    folder = write_checkpoint(run / "checkpoints", step=3, tensors=tensors, state={}, keep=5)
    assert (value_of(load_run(run)), value_of(load_run(run, step=3)), value_of(load_run(run, ema=False))) == (7, 20, 7)
    path = folder / "best.safetensors"
    path.write_bytes(bytes(reversed(path.read_bytes())))
    with pytest.warns(UserWarning, match=r"best\.safetensors.*step 2"):
        assert value_of(load_run(run)) == 20
    assert value_of(load_run(run, step=3)) == 20


def test_a_mistyped_name_is_answered_with_the_nearest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_run(Path("runs/quick/autoregressive"))
    for typed, meant in (("quick/autoregresive", "quick/autoregressive"), ("pocket_fm", "pocket_flow_matching")):
        with pytest.raises(UserError, match=f"no run folder at {typed} .did you mean '{meant}'"):
            read_model(typed)


def test_a_model_says_how_it_is_best_drawn_from_and_what_is_given_goes_before(tmp_path):
    run = write_run(tmp_path, paradigm="flow_matching")
    assert sampling_of(
        run, {"guidance": None, "steps": 9}, otherwise={"solver": "adams", "steps": 16}
    ) == FlowMatchingSampling(solver="adams", steps=9)
    write_json(run / "model.json", {**read_json(run / "model.json"), "sampling": {"guidance": 2, "steps": 14}})
    found = sampling_of(run, {"guidance": 5.0, "temperature": None}, otherwise={"solver": "adams", "steps": 16})
    assert found == FlowMatchingSampling(guidance=5, steps=14, solver="adams")
    assert load_run(run).config.paradigm, "its weights are read as ever"
    write_json(run / "model.json", {**read_json(run / "model.json"), "sampling": {"guidence": 2}})
    with pytest.raises(UserError, match="flow matching has no setting guidence; its settings are guidance, "):
        sampling_of(run, {})
    with pytest.raises(UserError, match="no run folder at nowhere"):
        sampling_of("nowhere", {})
    assert sampling_of("facebook/musicgen-small", {"top_k": 7}) == AutoregressiveSampling(top_k=7)
    with pytest.raises(UserError, match=r"auto-regression has no setting solver; its settings are .*top_k, top_p"):
        sampling_of("facebook/musicgen-small", {"solver": "heun"})


@pytest.mark.parametrize(
    "change",
    [
        {"segment_s": "x"},
        {"segment_s": None},
        {"segment_s": 0},
        {"segment_s": float("inf")},
        {"segment_s": True},
        {"sampling": 5},
        {"model": 5},
        {"model": []},
        {"latent": 5},
        {"latent": {**LATENT.model_dump(), "frame_rate": float("inf")}},
        {"latent": {**LATENT.model_dump(), "latent_dim": True}},
        {"model": {"paradigm": "flow_matching", "backbone": {"width": 10**12}}},
        {"model": {"paradigm": "autoregressive", "backbone": {"layers": 10**9}}},
        {"model": {"paradigm": "autoregressive", "text": {"buckets": 10**11}}},
    ],
    ids=range(14),
)
def test_a_description_of_no_model_is_one_sentence(tmp_path, change):
    run = write_run(tmp_path / "run")
    described = json.loads((run / "model.json").read_text())
    (run / "model.json").write_text(json.dumps({**described, **change}))
    with pytest.raises(UserError) as refused:
        load_run(run)
    assert len(str(refused.value)) < 600
