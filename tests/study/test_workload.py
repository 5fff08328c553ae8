"""What a study would take: against the design's numbers, counted FLOPs, saved tensors, solvers and measured runs."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from typer.testing import CliRunner

from counterpoint.bench.draw import Draw
from counterpoint.bench.limits import known_devices
from counterpoint.bench.takes import (
    VALIDATION_EXAMPLES,
    count_evaluations,
    draw_estimate,
    forward_flops,
    trainable,
    training_estimate,
    training_memory,
)
from counterpoint.bench.workload import Workload, estimate
from counterpoint.cli.app import app
from counterpoint.cli.study_plan import progress_sentence
from counterpoint.config import (
    BackboneConfig,
    DataConfig,
    FlowMatchingSampling,
    LatentSpec,
    ModelConfig,
    SamplingConfig,
    TextConfig,
    TrainingConfig,
    UserError,
    pick_sampling,
    write_json,
)
from counterpoint.paradigm import PARADIGMS as PARADIGM_ENTRIES
from counterpoint.paradigm import build_paradigm, parameter_count
from counterpoint.runs.latents import known_latent
from counterpoint.study.kinds import load_study
from counterpoint.study.plan import Progress, make_plan, progress_of
from counterpoint.study.shipped import CONFIGS, find_study
from counterpoint.study.surroundings import Unseen
from counterpoint.study.work import Step, in_order

H100, CORES = known_devices()["h100"], known_devices()["two-cores"]
PAPER = LatentSpec(
    codec="encodec", sample_rate=32_000, frame_rate=50, num_codebooks=4, codebook_size=2048, latent_dim=128
)
SMALL = PAPER.model_copy(update={"codebook_size": 64, "latent_dim": 16})
PARADIGMS = ("autoregressive", "flow_matching")
both = pytest.mark.parametrize("paradigm", PARADIGMS)


def small(paradigm: str, **changes: Any) -> ModelConfig:
    backbone = BackboneConfig(layers=4, width=64, heads=4, feed_forward=256, max_positions=512)
    return ModelConfig.model_validate(
        {"paradigm": paradigm, "backbone": backbone, "text": TextConfig(width=32, buckets=128), **changes}
    )


def run(paradigm: str = "flow_matching", **changes: Any) -> TrainingConfig:
    """A run of the paper."""
    text = TextConfig(encoder="t5")
    model = ModelConfig.model_validate({"paradigm": paradigm, "backbone": "musicgen-small", "text": text})
    data = DataConfig(dataset="data", codec="facebook/encodec_32khz")
    return TrainingConfig.model_validate(
        {"model": model, "data": data, "precision": "bf16", "accumulate": 8, "validate_every": 5000, **changes}
    )


def quick(paradigm: str, **changes: Any) -> TrainingConfig:
    backbone = {"layers": 4, "width": 192, "heads": 4, "feed_forward": 768}
    return TrainingConfig.model_validate(
        {
            "model": {"paradigm": paradigm, "backbone": backbone},
            "data": {"dataset": "data", "codec": "encodec_25hz", "segment_s": 5},  # 4 x 2048 codes, by its name
            "steps": 400,
            "batch_size": 8,
            "validate_every": 50,
            **changes,
        }
    )


def draw(model: TrainingConfig, **changes: Any) -> Draw:
    return replace(Draw(model, SamplingConfig(), 100, 10.0, 50), **changes)


def loss_of(config: ModelConfig, *, batch: int, frames: int, words: int = 24) -> Callable[[], torch.Tensor]:
    model = build_paradigm(config, SMALL).train()
    generator = torch.Generator().manual_seed(0)
    if config.paradigm == "autoregressive":
        target = torch.randint(SMALL.codebook_size, (batch, SMALL.num_codebooks, frames), generator=generator)
    else:
        target = torch.randn(batch, frames, SMALL.latent_dim, generator=generator)
    text = model.prepare([" ".join(f"w{i}" for i in range(words))] * batch)
    lengths = torch.full((batch,), frames)
    return lambda: model(target, text=text, lengths=lengths, generator=generator).loss


@pytest.mark.parametrize(("paradigm", "tera"), [("autoregressive", 290), ("flow_matching", 310)])
def test_an_update_takes_the_arithmetic_that_the_design_states(paradigm: str, tera: float) -> None:
    found = training_estimate(run(paradigm), device=H100)
    assert found.update_flops == pytest.approx(tera * 1e12, rel=0.1)
    assert found.parameters == pytest.approx(420e6, rel=0.05)


@both
@pytest.mark.parametrize("inpainting", [0.0, 1.0])
def test_an_update_takes_the_arithmetic_that_is_counted(paradigm: str, inpainting: float) -> None:
    config = small(paradigm, inpainting=inpainting)
    loss = loss_of(config, batch=2, frames=80)
    # Only the plain attention's products are counted, all of them: the causal half that no kernel computes, too.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        loss().backward()
    assert counter.get_total_flops() == pytest.approx(3 * 2 * forward_flops(config, SMALL, frames=80), rel=0.15)


@both
@pytest.mark.parametrize("controls", [(), ("melody",), ("chords", "melody", "drums")])
@pytest.mark.parametrize("inpainting", [0.0, 0.5])
def test_parameters_are_those_of_a_built_model(paradigm: str, controls: tuple[str, ...], inpainting: float) -> None:
    config = small(paradigm, controls=controls, inpainting=inpainting)
    assert trainable(config, SMALL) == parameter_count(build_paradigm(config, SMALL))


@pytest.mark.parametrize(
    ("paradigm", "own"),
    [("autoregressive", {}), ("flow_matching", {"skips": "paper"}), ("flow_matching", {"skips": "none"})],
)
def test_activations_are_what_a_backward_pass_keeps(paradigm: str, own: dict[str, Any]) -> None:
    config, frames, batch = small(paradigm, **own), 200, 4
    loss = loss_of(config, batch=batch, frames=frames, words=2)
    kept: dict[int, int] = {}
    weights = {p.untyped_storage().data_ptr() for p in loss.__closure__[2].cell_contents.parameters()}  # pyright: ignore

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        held = loss()  # alive while its tensors are counted
    assert held.requires_grad
    expected = batch * PARADIGM_ENTRIES[paradigm].cost.activation_bytes(config, SMALL, frames=frames, half=False)
    assert sum(kept.values()) == pytest.approx(expected, rel=0.15)


def test_memory_of_the_papers_model_is_plausible() -> None:
    memory = training_memory(run(), PAPER)
    assert memory.weights == 4 * trainable(run().model, PAPER)
    assert memory.moments == memory.weights + memory.gradients
    assert 15e9 < memory.total < 45e9  # 32 clips of 10 s at once
    assert training_memory(run(accumulate=256), PAPER).activations == memory.activations / 32
    in_full = training_memory(run(precision="fp32"), PAPER)
    assert in_full.activations > 1.5 * memory.activations and not in_full.copies


def test_a_run_that_does_not_fit_is_told_what_would() -> None:
    large = run(data=DataConfig(dataset="data", codec="facebook/encodec_32khz", segment_s=40))
    found = training_estimate(large, device=H100)
    assert H100.memory is not None and found.memory.total > H100.memory and found.accumulate is not None
    fits = training_estimate(large.model_copy(update={"accumulate": found.accumulate}), device=H100)
    assert fits.memory.total < H100.memory and fits.accumulate == found.accumulate
    assert training_estimate(run(), device=CORES).accumulate is not None
    assert training_estimate(run(), device=CORES.model_copy(update={"memory": 1e9})).accumulate is None


@both
def test_hours_grow_with_the_updates(paradigm: str) -> None:
    once, thrice = (
        training_estimate(run(paradigm, steps=steps, validate_every=steps), device=H100) for steps in (1000, 3000)
    )
    assert thrice.seconds / once.seconds == pytest.approx(3, rel=1e-3)
    assert thrice.memory == once.memory and thrice.disk == once.disk


def test_checkpoints_are_weights_averages_last_and_best_and_moments_of_those_kept() -> None:
    found = training_estimate(quick("autoregressive"), device=CORES)
    assert found.disk == 3 * (3 * 30_629_120 + 61_258_240)  # of a finished run, and one while it is written


def test_untrained_runs_do_not_count() -> None:
    first, second = run(seed=0), run(seed=1)
    found = estimate(Workload([first, second, run(steps=0)], [draw(first), draw(second)]), device=H100)
    assert [part.config for part in found.trainings] == [first, second]
    assert found.training_s == pytest.approx(2 * training_estimate(first, device=H100).seconds)
    assert found.clips == 200 and len(found.draws) == 2
    assert estimate(Workload(), device=H100).memory == 0


@pytest.mark.parametrize(
    ("paradigm", "seconds"),
    [("autoregressive", 116.0), ("autoregressive", 124.0), ("flow_matching", 85.0), ("flow_matching", 90.0)],
)
def test_the_estimate_is_near_what_quick_trainings_took_on_two_free_cores(
    paradigm: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("counterpoint.bench.takes.VALIDATION_EXAMPLES", 64)  # which those trainings had
    assert training_estimate(quick(paradigm), device=CORES).seconds == pytest.approx(seconds, rel=0.2)


@pytest.mark.parametrize(("paradigm", "seconds"), [("autoregressive", 4.2), ("flow_matching", 16.6)])
def test_the_estimate_is_near_what_quick_clips_took_on_two_free_cores(paradigm: str, seconds: float) -> None:
    clips = draw(
        quick(paradigm), clips=48, duration_s=5.0, batch_size=16, sampling=pick_sampling(paradigm, {"steps": 25})
    )
    assert draw_estimate(clips, device=CORES).seconds == pytest.approx(seconds, rel=0.3)


@pytest.mark.parametrize("solver", ["euler", "midpoint", "heun", "adams"])
def test_evaluations_are_those_of_the_solver(solver: str) -> None:
    from counterpoint.paradigm.solvers import solve

    sampling = FlowMatchingSampling.model_validate({"solver": solver, "steps": 7})
    taken = solve(lambda t, z: -z, torch.zeros(1, 2, 3), sampling=sampling).evaluations
    assert count_evaluations(draw(run(), sampling=sampling), PAPER) == taken


def test_evaluations_are_those_of_the_zero_shot_methods() -> None:
    from counterpoint.paradigm.solvers import grid
    from counterpoint.paradigm.zero_shot import ZERO_SHOT, Task

    for method, zero_shot in ZERO_SHOT.items():
        calls = []

        def velocity(t: float, z: torch.Tensor, calls: list[float] = calls) -> torch.Tensor:
            calls.append(t)
            return -z

        known = torch.ones(1, 4, 1, dtype=torch.bool)
        zero_shot.fill(
            Task(velocity, torch.zeros(1, 4, 2), known, grid(6), lambda: torch.randn(1, 4, 2), sigma_min=1e-5)
        )
        found = count_evaluations(draw(run(), sampling=FlowMatchingSampling(steps=6), method=method), PAPER)
        assert found == len(calls), method


def test_evaluations_of_auto_regression_are_its_delayed_steps() -> None:
    assert count_evaluations(draw(run("autoregressive")), PAPER) == 503


def test_guidance_costs_where_it_is_applied() -> None:
    none, half, full, three = (
        draw_estimate(
            draw(run(), sampling=FlowMatchingSampling.model_validate(sampling), steered=True), device=H100
        ).flops
        for sampling in (
            {"guidance": 1},
            {"guidance": 3, "guidance_interval": [0.5, 1.0]},
            {"guidance": 3},
            {"guidance": 3, "text_guidance": 1},
        )
    )
    assert none < half < full < three
    assert half == pytest.approx((none + full) / 2, rel=0.02)
    assert draw_estimate(draw(run(), method="gradient"), device=H100).flops == pytest.approx(2 * full)


def test_sampling_grows_with_the_clips_and_steps() -> None:
    few, more, longer = (
        draw_estimate(draw(run(), clips=clips, sampling=FlowMatchingSampling(steps=steps)), device=H100)
        for clips, steps in ((100, 50), (200, 50), (100, 100))
    )
    assert more.flops == 2 * few.flops and more.disk == 2 * few.disk == 2 * 100 * 10 * 32_000 * 2
    assert longer.seconds == pytest.approx(2 * few.seconds)
    assert more.memory == few.memory


def test_validation_is_that_of_training() -> None:
    from counterpoint.training import generative

    assert VALIDATION_EXAMPLES == generative.VALIDATION_EXAMPLES


@pytest.fixture
def cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No network, no codec, and nothing in the folder."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a plan needs none of this")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr("counterpoint.codec.load_codec", refuse)


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_study_is_planned_at_every_scale_without_anything(path: Path, cut_off: None) -> None:
    scales = yaml.safe_load(path.read_text()).get("scales", {None: {}})
    for scale in scales:
        if path.stem == "appendix_a" and scale == "paper":
            with pytest.raises(UserError, match="no dataset to evaluate: give one with --data"):
                make_plan(path.stem, scale=scale)
            continue
        plan = make_plan(path.stem, scale=scale)
        found = plan.estimate
        assert found.trainings or found.timed_s or plan.workload.judged, scale
        assert all(run.seconds > 0 and run.memory.total > 0 for run in found.trainings)
        assert all(drawn.flops > 0 and drawn.seconds > 0 for drawn in found.draws)
        if found.draws:
            assert found.trainings and found.looking_s > 0 and found.music_s > 0
        if scale == "paper" and found.trainings:
            assert found.training_s > 3600 * 100 and plan.device == "h100"


def test_every_step_that_takes_time_says_what_it_takes(cut_off: None) -> None:
    steps = {step.name: step for step in in_order(load_study(find_study("quick")).steps_in(Unseen()))}

    def work(name: str) -> Workload:
        return steps[name].function.workload(steps[name])

    [run] = work("train_flow_matching").trainings
    assert run.model.paradigm == "flow_matching" and run.steps == 200
    clips, alone = work("generate_flow_matching").draws
    assert (clips.clips, clips.batch_size, alone.clips) == (96, 16, 1) and clips.model is run
    tuned, _ = work("generate_flow_matching_finetuned").draws
    assert tuned.model.model.controls and not tuned.steered and tuned.model.start == "pocket_flow_matching"
    assert work("examine_train_flow_matching").looked_at == [(run, 96 * 8 * 4)], "four draws of times a candidate"
    [composed] = work("data").music
    assert (composed.handling, composed.seconds) == ("composed", 960 * 5)
    [judged] = work("evaluate_5s").music
    systems = len([name for name in steps["evaluate_5s"].inputs if name.startswith("generate_")]) + 3
    assert judged.clips == (systems + 1) * 96, "the ground truth, its two reconstructions and the reference"
    assert work("copies_5s").music[1].seconds == 960 * 5 and work("prompts_5s") == Workload()
    whole = Workload.sum([work(name) for name in steps])
    assert len(whole.draws) == sum(len(work(name).draws) for name in steps) and whole.codecs == ["pocket"]


def test_a_part_of_the_prompts_is_half(cut_off: None) -> None:
    steps = {step.name: step for step in in_order(load_study(find_study("appendix_d")).steps_in(Unseen()))}
    confirmed = steps["generate_flow_matching_tuned"]
    [clips] = confirmed.function.workload(confirmed).draws
    assert clips.clips == -(-load_study(find_study("appendix_d")).prompts.clips // 2)  # pyright: ignore


def plan_of(*arguments: str, width: int = 200) -> Any:
    return CliRunner(env={"COLUMNS": str(width)}).invoke(app, ["study", "plan", *arguments])


def test_the_verb_says_hours_disk_memory_and_codecs_that_are_missing(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    found = plan_of("table2", "--scale", "paper", "--device", "a100")
    assert found.exit_code == 0, found.output
    for said in (
        "NVIDIA A100",
        "of training",
        "of sampling",
        "AdamW's moments",
        "codes and latents",
        "Time assumes 50%",
        "Codec runs/codecs/vae_25hz is not available: counterpoint codec train",
        "No --data",
        "Nothing is finished",
    ):
        assert said in found.output, said
    assert found.output.count("1,000,000") >= 9


def test_the_verb_says_of_other_studies_that_nothing_is_trained(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert "No training: sampling is timed" in plan_of("fig5", "--scale", "paper").output
    assert "No training and no sampling" in plan_of("appendix_b").output


def test_settings_of_the_command_line_change_the_plan(cut_off: None) -> None:
    plain, longer = (
        make_plan("fig3"),
        make_plan("fig3", overrides=["training.steps=400", "training.validate_every=80"]),
    )
    assert longer.estimate.training_s == pytest.approx(2 * plain.estimate.training_s, rel=0.06)
    assert make_plan("table3", scale="paper", device="two-cores").estimate.training_s > 1e9


def test_a_dataset_tells_its_hours(tmp_path: Path, cut_off: None) -> None:
    for name in ("train", "valid", "test"):
        (tmp_path / "music" / name).mkdir(parents=True)
    write_json(tmp_path / "music" / "dataset_dict.json", {})
    write_json(tmp_path / "music" / "dataset.json", {"fingerprint": "x", "hours": {"train": 3.0, "test": 0.5}})
    plan = make_plan("quick", data=tmp_path / "music")
    assert plan.hours == 3.5
    latent = known_latent("pocket").spec  # codes and channels of two bytes each
    assert plan.encoded_bytes == 3600 * 25 * 2 * (latent.num_codebooks + latent.latent_dim)
    with pytest.raises(UserError, match="nothing is not a dataset"):
        make_plan("quick", data=tmp_path / "nothing")


def test_wrong_arguments_are_named_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="The device 'b200' is unknown; choose one of a100, h100"):
        make_plan("quick", device="b200")
    with pytest.raises(UserError, match="has no scale 'huge'"):
        make_plan("table3", scale="huge")


def test_what_lies_in_the_store_is_not_run_again(tmp_path: Path, cut_off: None) -> None:
    plan, store = make_plan("appendix_a", scale="debug"), tmp_path / "store"
    assert progress_of(plan, store=store) == f"Nothing is finished: {store} does not exist."
    store.mkdir()
    steps: list[Step] = in_order(plan.study.plan().values())
    found = progress_of(plan, store=store)
    assert found == Progress(done=0, steps=len(steps), trained=0, training_s=0)
    assert progress_sentence(found) == "No step is finished yet."
    write_json(store / steps[0].folder_name / "step.json", {})
    found = progress_of(plan, store=store)
    assert isinstance(found, Progress) and found.done == 1
    assert f"1 of {len(steps)} steps" in progress_sentence(found)


def test_what_is_finished_cannot_be_known_without_the_codec(tmp_path: Path, cut_off: None) -> None:
    found = progress_of(make_plan("table3", scale="paper"), store=tmp_path)
    assert found == "The finished part is unknown until the codec facebook/encodec_32khz is available."
