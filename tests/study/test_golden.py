"""Every computing step gives the result that is listed for its version, and configurations keep their defaults.

A step's key holds a declared version in place of its code, so that results outlive releases. These tests hold the code
to it: whoever changes what a step computes must raise its version. After that, or for a new step, write the list anew:

    COUNTERPOINT_GOLDEN=write pytest tests/study/test_golden.py

The inputs are tiny and mean nothing. Numbers may differ by machine; they are compared to `TOLERANCE`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from counterpoint.audio import load_audio, save_audio
from counterpoint.config import (
    BACKBONES,
    AutoregressiveSampling,
    BackboneConfig,
    DataConfig,
    FlowMatchingSampling,
    ModelConfig,
    OptimizerConfig,
    TextConfig,
    TrainingConfig,
    digest,
    read_json,
    write_json,
)
from counterpoint.data import save_dataset
from counterpoint.study import Computation, LocalEngine, Source, Step
from counterpoint.study import steps as package
from counterpoint.study.settings import (
    ClipsConfig,
    ComposeConfig,
    ExamineConfig,
    Grid,
    LadderConfig,
    PromptsConfig,
    SampleConfig,
    TimingConfig,
)
from counterpoint.study.steps.adhere import adhere
from counterpoint.study.steps.anchors import misplace_spans, silence_spans
from counterpoint.study.steps.best import keep_best
from counterpoint.study.steps.compare import measure, measure_chance
from counterpoint.study.steps.compose import compose_corpus
from counterpoint.study.steps.controls import write_controls
from counterpoint.study.steps.copies import copy_training, find_copies
from counterpoint.study.steps.encode import encode
from counterpoint.study.steps.entropy import collect_entropies
from counterpoint.study.steps.evaluate import evaluate_systems
from counterpoint.study.steps.examine import examine_model
from counterpoint.study.steps.generate import generate_clips
from counterpoint.study.steps.inpaint import inpaint_clips
from counterpoint.study.steps.judge import judge
from counterpoint.study.steps.outside import admit
from counterpoint.study.steps.prompts import choose_prompts
from counterpoint.study.steps.quality import judge_datasets
from counterpoint.study.steps.reconstruct import reconstruct
from counterpoint.study.steps.round_trip import round_trip
from counterpoint.study.steps.sample import sample_clips
from counterpoint.study.steps.seams import judge_seams
from counterpoint.study.steps.search import confirm, search, take_part
from counterpoint.study.steps.spans import draw_spans
from counterpoint.study.steps.train import train_model
from counterpoint.study.steps.trivial import generate_trivial
from counterpoint.study.surroundings import Surroundings

RESULTS, DEFAULTS = (Path(__file__).parent / name for name in ("golden.json", "golden_defaults.json"))
TOLERANCE = {"rtol": 0.02, "atol": 0.02}
"""Of a number; processors differ in the last digits, and what was drawn from a model in a few more."""
UNCHECKED = {
    "ask_visqol": "it asks a program that is rarely installed",
    "measure_speed": "it measures time",
    "time_systems": "it measures time",
}
"""Computations without a listed result, and why."""
MOST = 40
"""Numbers that are listed of a file, spread evenly over all."""
VOLATILE = {"latency_s", "seconds", "seconds_per_clip", "speed", "wall_s", "peak_memory_bytes", "device"}
"""Names of values that differ from run to run."""
RATE = 32_000
ROW_S, CLIP_S = 1.0, 0.5
WRITES = os.environ.get("COUNTERPOINT_GOLDEN") == "write"


def computations() -> dict[str, Computation]:
    """All that `study.steps` has, by name."""
    modules = [
        import_module(f"{package.__name__}.{path.stem}") for path in sorted(Path(package.__file__).parent.glob("*.py"))
    ]
    found = [value for module in modules for value in vars(module).values() if isinstance(value, Computation)]
    return {computation.name: computation for computation in found}


def music(folder: Path) -> Source:
    """A dataset of chords of sines under noise, all that is played known."""
    rng = np.random.default_rng(0)
    time = np.arange(round(ROW_S * RATE)) / RATE
    rows: dict[str, list[dict[str, Any]]] = {}
    for split, count in {"train": 10, "valid": 4, "test": 4}.items():
        for index in range(count):
            root = 110 * 2 ** (rng.integers(12) / 12)
            tones = sum(np.sin(2 * np.pi * root * 2 ** (step / 12) * time) for step in (0, 4, 7, 12))
            pulse = np.exp(-8 * (time % 0.25))
            audio = (0.1 * tones * pulse + 0.02 * rng.standard_normal(len(time))).astype(np.float32)
            path = folder / "audio" / f"{split}{index}.wav"
            save_audio(path, audio, sample_rate=RATE)
            rows.setdefault(split, []).append(
                {
                    "id": f"{split}{index}",
                    "audio": f"audio/{path.name}",
                    "caption": f"A calm piece number {index}",
                    "duration_s": ROW_S,
                    "sample_rate": RATE,
                    "channels": 1,
                    "chords": [{"start_s": 0.0, "label": "C"}],
                    "melody": [{"start_s": 0.0, "end_s": ROW_S, "midi": 60}],
                    "beats": [{"time_s": 0.25 * beat, "position": beat % 4 + 1} for beat in range(4)],
                }
            )
    dataset = save_dataset(folder, rows, info={"name": "golden", "kind": "test"})
    return Source("data", folder, dataset.fingerprint())


def training(paradigm: str) -> TrainingConfig:
    text = TextConfig(buckets=64, width=16)
    own = {"preconditioning": "gaussian"} if paradigm == "flow_matching" else {}
    model = {"paradigm": paradigm, "backbone": "debug", "text": text, **own}
    return TrainingConfig(
        model=ModelConfig.model_validate(model),
        data=DataConfig(dataset="data", segment_s=CLIP_S),
        optimizer=OptimizerConfig(learning_rate=1e-3, warmup_steps=1),
        steps=2,
        batch_size=2,
        validate_every=1,
        checkpoint_every=2,
    )


def plan(folder: Path) -> list[Step]:
    """A step of every computation, those that others build on included."""
    data, codec = music(folder), Surroundings().codec("pocket").config
    clips = PromptsConfig(clips=8, duration_s=CLIP_S, batch_size=8)
    greedy, euler = AutoregressiveSampling(temperature=0), FlowMatchingSampling(steps=2)
    prompts = Step("prompts", choose_prompts, ClipsConfig(clips=8, duration_s=CLIP_S), {"data": data})
    encoded = Step("encode", encode, codec, {"data": data})
    tracks = Step("controls", write_controls, {"controls": ["chords"], "chosen": {}}, {"data": data, "encode": encoded})
    music_and_codes = {"data": data, "encode": encoded}
    ar, fm = (
        Step(f"train_{key}", train_model, training(key), music_and_codes) for key in ("autoregressive", "flow_matching")
    )
    heard = Step("reconstruct", reconstruct, codec, {"prompts": prompts})

    def drawn(name: str, model: Step, sampling: Any) -> Step:
        inputs = {"model": model, "prompts": prompts}
        return Step(f"generate_{name}", generate_clips, {"prompts": clips, "sampling": sampling}, inputs)

    tokens, flow = drawn("autoregressive_all", ar, greedy), drawn("flow_matching", fm, euler)
    judged = {"data": data, "training": data, "prompts": prompts, "reconstruct": heard, flow.name: flow}
    spans = Step("spans", draw_spans, {"mask_s": 0.2, "margin_s": 0.1, "seed": 0}, {"prompts": prompts})
    task = {"prompts": prompts, "spans": spans}
    filled = Step(
        "generate_fm_projection",
        inpaint_clips,
        {"prompts": clips, "sampling": euler, "method": "projection"},
        {**task, "model": fm},
    )
    fade = {"keeps_phase": False}
    silence = Step("generate_silence", silence_spans, fade, task)
    other = Step("generate_other_clip", misplace_spans, fade, {**task, "reconstruct": heard})
    best = Step("generate_fm_best", keep_best, {}, {**task, filled.name: filled, silence.name: silence})
    made = Step("reconstruct_pocket", round_trip, codec, {"clips": prompts})
    pair = {"clips": prompts, "reconstruction": made}
    twice = Step("prompts_all", choose_prompts, ClipsConfig(clips=16, duration_s=CLIP_S), {"data": data})
    parts = {
        part: Step(f"prompts_{part}", take_part, {"part": part, "seed": 0}, {"prompts": twice})
        for part in ("search", "confirmation")
    }
    grid = Grid(default=FlowMatchingSampling(steps=1), guidance=(1.0, 2.0))
    searched = {"paradigm": "flow_matching", "grid": grid, "ladder": LadderConfig(keep=1), "prompts": clips}
    found = Step(
        "search",
        search,
        {**searched, "primary": "kad_musicnn", "seed": 0},
        {"data": data, "prompts": parts["search"], "all_prompts": prompts, "model": fm},
    )
    confirmed = {"prompts": parts["confirmation"], "model": fm, "search": found}
    sample = Step("sample_own", sample_clips, SampleConfig(clips=8, duration_s=CLIP_S), {"data": data})
    answers = Source("mine", folder / "mine", digest("mine"))
    return [
        Step("compose", compose_corpus, ComposeConfig(clips=3, duration_s=1)),
        tracks,
        tokens,
        *(
            Step(f"examine_{model.name}", examine_model, ExamineConfig(clips=8), {**music_and_codes, "model": model})
            for model in (ar, fm)
        ),
        *(
            Step(
                f"generate_{name}",
                generate_trivial,
                {
                    "prompts": clips,
                    "model": training(paradigm).model,
                    "predictor": name,
                    "codec": codec,
                    "segment_s": CLIP_S,
                },
                {**music_and_codes, "prompts": prompts},
            )
            for name, paradigm in (("bigram", "autoregressive"), ("gaussian", "flow_matching"))
        ),
        Step("generate_training_copies", copy_training, {}, {"training": data, "prompts": prompts}),
        Step(
            "copies",
            find_copies,
            {},
            {name: given for name, given in judged.items() if name != "data"},
        ),
        Step("evaluate", evaluate_systems, {"seed": 0, "pairs": [("flow_matching", "ground_truth")]}, judged),
        Step("adhere", adhere, {"seed": 0, "pairs": [], "examples": [1]}, judged),
        Step("entropy", collect_entropies, {"pairs": []}, {"encode": encoded, "prompts": prompts, tokens.name: tokens}),
        other,
        best,
        Step("seams", judge_seams, {"seed": 0, "pairs": []}, {**task, "reconstruct": heard, filled.name: filled}),
        Step("measure", measure, {}, pair),
        Step("chance", measure_chance, {}, {"clips": prompts}),
        Step("judge", judge, {}, {**pair, "data": data}),
        Step("confirm", confirm, {"prompts": clips, "take": "chosen"}, confirmed),
        Step("quality", judge_datasets, {"labels": ["own"], "seed": 0}, {"sample_own": sample}),
        Step("generate_mine", admit, {"name": "mine"}, {"prompts": prompts, "folder": answers}),
    ]


def answers_of_a_stranger(folder: Path) -> None:
    """A folder of clips whose captions are those of the prompts."""
    lines = []
    for index in range(8):
        save_audio(folder / f"{index}.wav", np.full(RATE, 0.01 * (index + 1), np.float32), sample_rate=RATE)
        lines.append({"file_name": f"{index}.wav", "caption": f"A calm piece number {index % 4}", "id": f"own{index}"})
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """By computation, its version and the numbers of all that its steps wrote."""
    root = tmp_path_factory.mktemp("golden")
    answers_of_a_stranger(root / "data" / "mine")
    steps = plan(root / "data")
    done = LocalEngine(root / "store", say=lambda _: None).run(steps)
    found: dict[str, dict[str, Any]] = {}
    for step in _all_steps(steps):
        own = found.setdefault(step.function.name, {"version": step.function.version, "values": {}})
        own["values"] |= {f"{step.name}/{key}": value for key, value in numbers(done[step.name].folder).items()}
    return found


def _all_steps(steps: list[Step]) -> list[Step]:
    from counterpoint.study.work import in_order

    return in_order(steps)


def numbers(folder: Path) -> dict[str, list[float]]:
    """Some numbers of every kind of file that a step has written."""
    found: dict[str, list[float]] = {}
    waves = [path for path in sorted(folder.rglob("*.wav")) if "points" not in path.parts]
    if waves:
        audio = [load_audio(path, sample_rate=None)[0] for path in waves]
        levels = [float(np.sqrt(np.mean(np.square(each)))) for each in audio]
        edges = [float(np.mean(np.abs(np.diff(each)))) for each in audio]
        found["wav"] = [len(waves), *_spread([round(100 * value, 4) for value in (*levels, *edges)])]
    for path in sorted(folder.glob("*.json")):
        if path.name not in ("step.json", "model.json"):
            values = list(_leaves(read_json(path)))
            found[path.name] = [len(values), *_spread(values)]
    if (folder / "metrics.jsonl").is_file():
        lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        found["losses"] = [line[key] for line in lines for key in ("loss", "valid_loss") if key in line]
    return found


def _leaves(value: Any, name: str = "") -> Iterator[float]:
    if name in VOLATILE:
        return
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _leaves(each, key)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield float(f"{value:.6g}")


def _spread(values: list[float]) -> list[float]:
    if len(values) <= MOST:
        return values
    return [values[round(place)] for place in np.linspace(0, len(values) - 1, MOST)]


def test_every_computation_has_a_listed_result_or_a_reason_for_none(results: dict[str, Any]) -> None:
    known = computations()
    assert set(results) | set(UNCHECKED) == set(known)
    assert not set(results) & set(UNCHECKED)


def test_results_are_those_listed_for_their_versions(results: dict[str, Any]) -> None:
    if WRITES:
        write_json(RESULTS, results)
    listed = read_json(RESULTS)
    complaints = [complaint for name, own in results.items() if (complaint := compared(name, own, listed.get(name)))]
    assert not complaints, "\n".join(complaints)


def compared(name: str, own: Mapping[str, Any], listed: Mapping[str, Any] | None) -> str:
    """What is wrong, and what to do about it; "" for nothing."""
    write = "COUNTERPOINT_GOLDEN=write pytest tests/study/test_golden.py"
    if listed is None or listed["version"] != own["version"]:
        return f"The list has no result of {name!r} at version {own['version']}: write it by `{write}`."
    for key in {*own["values"], *listed["values"]}:
        new, old = own["values"].get(key), listed["values"].get(key)
        if new is None or old is None or len(new) != len(old) or not np.allclose(new, old, **TOLERANCE):
            computation, raised = computations()[name], own["version"] + 1
            return (
                f"{key} of {name!r} changed from {old} to {new}, and its version is still {own['version']}. If that is "
                f"meant, say @computes({name!r}, version={raised}) in {computation.source.name}, so that what was "
                f"computed before is computed anew, and write the list by `{write}`; else undo the change."
            )
    return ""


def test_a_change_without_a_new_version_is_named_with_the_remedy() -> None:
    own = {"version": 3, "values": {"spans/spans.json": [1.0, 2.0]}}
    assert compared("draw_spans", own, own) == ""
    near = {"version": 3, "values": {"spans/spans.json": [1.001, 2.0]}}
    assert compared("draw_spans", near, own) == ""
    other = {"version": 3, "values": {"spans/spans.json": [1.5, 2.0]}}
    complaint = compared("draw_spans", other, own)
    assert "@computes('draw_spans', version=4) in spans.py" in complaint and "COUNTERPOINT_GOLDEN=write" in complaint
    assert "no result of 'draw_spans' at version 4" in compared("draw_spans", {**other, "version": 4}, own)


PINNED = (
    AutoregressiveSampling,
    BackboneConfig,
    ClipsConfig,
    ComposeConfig,
    DataConfig,
    ExamineConfig,
    FlowMatchingSampling,
    Grid,
    LadderConfig,
    ModelConfig,
    OptimizerConfig,
    PromptsConfig,
    SampleConfig,
    TextConfig,
    TimingConfig,
    TrainingConfig,
)
"""Configurations of steps: a field at its default has no part in the key."""


def kinds_in(value: Any) -> Iterator[type[BaseModel]]:
    """The configurations that a value holds, at any depth."""
    if isinstance(value, BaseModel):
        yield type(value)
        value = dict(value)
    for each in value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ():
        yield from kinds_in(each)


def test_every_configuration_of_a_step_has_its_defaults_listed(tmp_path: Path) -> None:
    answers_of_a_stranger(tmp_path / "mine")
    found = {kind for step in _all_steps(plan(tmp_path)) for kind in kinds_in(step.config)}
    assert found and not {kind.__name__ for kind in found - set(PINNED)}


def defaults() -> dict[str, dict[str, Any]]:
    """By configuration, then field, the default; of fields that have one."""
    found: dict[str, dict[str, Any]] = {
        kind.__name__: {
            name: to_jsonable_python(field.get_default(call_default_factory=True))
            for name, field in kind.model_fields.items()
            if not field.is_required()
        }
        for kind in PINNED
    }
    return {**found, "BACKBONES": to_jsonable_python(BACKBONES)}


def test_defaults_are_what_they_were() -> None:
    """A default that changes gives steps of one key other results. A further field may come, and is pinned from then
    on."""
    if WRITES:
        write_json(DEFAULTS, defaults())
    now, listed = defaults(), read_json(DEFAULTS)
    changed = [
        f"{kind}.{name}: {value} became {now.get(kind, {}).get(name, 'nothing')}"
        for kind, fields in listed.items()
        for name, value in fields.items()
        if now.get(kind, {}).get(name, None) != value
    ]
    assert not changed, (
        f"{changed}: steps that read these defaults have the keys of before and other results. Raise the versions of "
        "those steps and write the list by `COUNTERPOINT_GOLDEN=write pytest tests/study/test_golden.py`."
    )
    missing = [f"{kind}.{name}" for kind, fields in now.items() for name in fields if name not in listed.get(kind, {})]
    assert not missing, f"write the list of defaults anew, since it lacks {missing}"
