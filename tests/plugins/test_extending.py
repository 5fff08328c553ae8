"""What docs/extending.md shows is installed and used: a third paradigm, a codec, a judge and a solver from outside."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from typer.testing import CliRunner

from counterpoint.audio import save_audio
from counterpoint.cli.app import app
from counterpoint.config import BACKBONES, FlowMatchingSampling, LatentSpec, ModelConfig, TextConfig, UserError
from counterpoint.config.registry import BUILT_IN
from counterpoint.data import save_dataset
from counterpoint.metrics.registry import metrics
from counterpoint.paradigm import PARADIGMS, build_paradigm, parameter_count
from counterpoint.paradigm.solvers import SOLVERS, solve

RATE = 8000
SHOWN = {f"counterpoint.{kind}" for kind in ("paradigms", "codecs", "metrics", "solvers")}
LATENT = LatentSpec(codec="pcm", sample_rate=RATE, frame_rate=100, num_codebooks=0, codebook_size=0, latent_dim=80)


def counterpoint(*arguments: object) -> str:
    """What a command prints; it must succeed."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def refused(*arguments: object) -> str:
    """The sentence by which a command is refused."""
    with pytest.raises(UserError) as caught:
        CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    return str(caught.value)


@pytest.fixture(scope="module")
def codec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("codecs") / "pcm"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "pcm", "sample_rate": RATE}))
    return folder


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory, codec: Path) -> Path:
    """Tones of a second, encoded."""
    folder = tmp_path_factory.mktemp("data")
    splits: dict[str, list[dict[str, object]]] = {}
    for split, count in (("train", 10), ("valid", 2), ("test", 10)):
        for index in range(count):
            name = f"{split}{index}"
            tone = 0.3 * np.sin(2 * np.pi * (200 + 40 * index) * np.arange(RATE) / RATE)
            save_audio(folder / "audio" / f"{name}.wav", tone, sample_rate=RATE)
            facts = {"caption": "a tone", "duration_s": 1.0, "sample_rate": RATE, "channels": 1}
            splits.setdefault(split, []).append({"id": name, "audio": f"audio/{name}.wav", **facts})
    save_dataset(folder, splits, info={"name": "tones", "kind": "composed"})
    assert "100 Hz, no codebooks, 80 channels" in counterpoint("data", "encode", folder, "--codec", codec)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, dataset: Path, codec: Path) -> Path:
    """A run of the third paradigm on the fourth codec."""
    folder = tmp_path_factory.mktemp("runs")
    config = folder / "train.yaml"
    config.write_text(
        f"model: {{paradigm: one_step, backbone: debug}}\ndata: {{dataset: {dataset}, codec: {codec}, segment_s: 0.5}}"
        "\nsteps: 3\nbatch_size: 2\noptimizer: {warmup_steps: 1}\nvalidate_every: 2\n"
    )
    assert "3 steps" in counterpoint("train", config, "--out", folder / "one_step")
    return folder / "one_step"


def test_the_third_paradigm_is_one_of_all() -> None:
    assert list(PARADIGMS) == ["autoregressive", "flow_matching", "one_step"]
    assert PARADIGMS["one_step"].label == "One step" and PARADIGMS["one_step"].view == "latents"
    marks = {(entry.mark, entry.colour) for entry in PARADIGMS.values()}
    assert len(marks) == len(tuple(PARADIGMS))


def test_its_cost_model_counts_the_weights_of_a_built_model() -> None:
    config = ModelConfig(paradigm="one_step", backbone=BACKBONES["debug"], text=TextConfig(width=16, buckets=64))
    assert PARADIGMS["one_step"].cost.parameters(config, LATENT) == parameter_count(build_paradigm(config, LATENT))


def test_it_is_trained_drawn_from_and_judged(model: Path, dataset: Path, tmp_path: Path) -> None:
    arguments = ("--model", model, "--duration-s", 0.5, "--set", "passes=2")
    printed = counterpoint("generate", "a tone", *arguments, "--num", 9, "--out", tmp_path / "clips")
    assert "2 network evaluations per clip" in printed
    audio, rate = soundfile.read(tmp_path / "clips" / "008.wav")
    assert rate == RATE and audio.shape == (RATE // 2,) and audio.std() > 0
    judged = counterpoint("evaluate", tmp_path / "clips", "--reference", dataset, "--out", tmp_path / "scores.json")
    assert "zero_crossings" in judged


def test_settings_of_another_paradigm_are_refused(model: Path, tmp_path: Path) -> None:
    said = refused("generate", "a tone", "--model", model, "--top-k", 5, "--out", tmp_path / "x.wav")
    assert "one step has no setting top_k; its settings are guidance, text_guidance, temperature, passes" in said
    said = refused("inpaint", "x.wav", "--span", "0:1", "--model", model, "--set", "solver=heun", "--out", "y.wav")
    assert "one step has no setting solver" in said
    with pytest.raises(UserError, match="settings are for flow matching: give a OneStepSampling to one step"):
        PARADIGMS["one_step"].sampling.of(FlowMatchingSampling())


def test_what_it_cannot_do_is_said_and_what_it_can_is_listed(model: Path, dataset: Path, tmp_path: Path) -> None:
    clip = dataset / "audio" / "test0.wav"
    said = refused("inpaint", clip, "--span", "0.2:0.6", "--model", model, "--out", tmp_path / "y.wav")
    assert "not trained to inpaint" in said and "(flow_matching)" in said
    said = refused("generate", "a", "--model", model, "--compile", "--out", tmp_path / "x.wav")
    assert "One step models cannot be compiled" in said


def test_a_benchmark_predicts_and_measures_it(tmp_path: Path) -> None:
    printed = counterpoint("bench", "--predict", "--device", "h100", "--paradigm", "one_step,autoregressive")
    assert "1S" in printed and "AR is faster than 1S" in printed
    arguments = ("--paradigm", "one_step", "--backbone", "debug", "--duration-s", 0.2, "--repeats", 1)
    assert "1S" in counterpoint("bench", *arguments, "--out", tmp_path)
    assert "no reference engine for One step" in refused(
        "bench", *arguments, "--engine", "reference", "--out", tmp_path / "reference"
    )


def test_a_study_of_it_is_planned(codec: Path, tmp_path: Path) -> None:
    study = tmp_path / "thrice.yaml"
    study.write_text(
        f"""
kind: grid
codec: {codec}
compose: {{clips: 60}}
training: {{backbone: debug, segment_s: 1, steps: 20, batch_size: 4}}
prompts: {{clips: 8, duration_s: 1}}
axes:
  paradigm: {{keys: [paradigm], values: {{FM: flow_matching, 1S: one_step}}}}
sampling: {{one_step: {{passes: 3}}, flow_matching: {{solver: ralston, steps: 5}}}}
"""
    )
    printed = counterpoint("study", "plan", study)
    assert "1S pcm" in printed and "FM pcm" in printed
    assert "ralston, guidance 3 9 x 1 s 10" in printed  # 8 prompts and one to time; evaluations: two a step


def test_the_codec_is_listed_without_being_loaded(codec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from counterpoint.config.codec_formats import FORMATS
    from counterpoint.runs.latents import known_latent

    monkeypatch.setattr("counterpoint.config.codec_formats.CodecFormat.load", None)
    assert "pcm" in FORMATS
    found = known_latent(str(codec))
    assert (found.spec.frame_rate, found.spec.latent_dim, found.missing) == (100.0, 80, "")


def test_the_judge_s_metric_stands_in_the_table_behind_the_built_in_ones() -> None:
    assert [metric.info.name for metric in metrics()][-1] == "zero_crossings"


def test_the_solver_integrates_at_its_order_and_is_counted() -> None:
    def error(steps: int) -> float:
        sampling = FlowMatchingSampling(solver="ralston", steps=steps)
        found = solve(lambda t, z: -z, torch.ones(1, 1, 1, dtype=torch.float64), sampling=sampling)
        assert found.evaluations == 2 * steps
        return abs(float(found.z) - np.exp(-1))

    assert error(10) / error(20) == pytest.approx(4, rel=0.1)  # order 2
    sampling = FlowMatchingSampling(solver="ralston", steps=7)
    model = ModelConfig(paradigm="flow_matching")
    assert PARADIGMS["flow_matching"].cost.count(model, LATENT, frames=10, sampling=sampling) == 14
    with pytest.raises(ValueError, match="did you mean 'ralston'"):
        FlowMatchingSampling(solver="ralstn")


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """A function that installs a package of some name with some entry points, for one test."""

    def install(name: str, entries: str) -> None:
        made = tmp_path / name / f"{name}-1.0.dist-info"
        made.mkdir(parents=True)
        (made / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (made / "entry_points.txt").write_text(entries)
        monkeypatch.syspath_prepend(str(tmp_path / name))

    return install


def test_a_broken_package_is_named(distribution: Callable[[str, str], None]) -> None:
    distribution("broken", "[counterpoint.paradigms]\nbroken = no_such_module:ENTRY\nwrong = json:loads\n")
    with pytest.raises(UserError, match=r"package broken, which provides 'broken' .* cannot be imported .*: update or"):
        PARADIGMS["broken"]
    with pytest.raises(UserError, match="'wrong' must be a ParadigmEntry and is a function"):
        PARADIGMS["wrong"]
    assert PARADIGMS["one_step"].short == "1S"  # the others are as they were


def test_a_name_that_is_taken_is_refused(distribution: Callable[[str, str], None]) -> None:
    distribution("greedy", "[counterpoint.solvers]\neuler = json:loads\n")
    with pytest.raises(UserError, match=r"Two packages register 'euler' in counterpoint\.solvers, .*: uninstall one"):
        list(SOLVERS)


def test_names_are_listed_without_importing_what_they_stand_for(toys: Path) -> None:
    code = (
        "import sys\nfrom counterpoint.config.registry import BUILT_IN, Registry\n"
        "print([len(list(Registry(group, noun='thing'))) for group in BUILT_IN])\n"
        "print([m for m in ('torch', 'numpy', 'counterpoint.paradigm', 'counterpoint_toys') if m in sys.modules])"
    )
    environment = {"PYTHONPATH": ":".join([str(toys), *filter(None, sys.path)])}
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    counts, loaded = printed.stdout.splitlines()
    assert json.loads(counts) == [len(names) + (group in SHOWN) for group, names in BUILT_IN.items()] and loaded == "[]"
