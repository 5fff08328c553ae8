"""The folders of a study's steps to the content of its report."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from counterpoint.config import read_json
from counterpoint.report.numbers import count, duration, memory, number
from counterpoint.study.report.content import (
    Content,
    CostRow,
    Curve,
    Example,
    Fact,
    System,
)
from counterpoint.study.report.following import steered_models
from counterpoint.study.report.machine import machine_facts
from counterpoint.study.report.notes import notes
from counterpoint.study.report.outside import outside_clips, outside_systems
from counterpoint.study.report.read import HALVES, Folders, read_difference, read_metrics, read_scores
from counterpoint.study.report.verdict import against_outside, verdict
from counterpoint.study.windows import STEERED_EXAMPLES, spread

PAIR = ("autoregressive", "flow_matching")
FLOORS = {key: f"untrained_{key}" for key in PAIR}
CODES, LATENTS = "reconstruction_codes", "reconstruction_latents"
SYSTEMS = (
    System(
        "ground_truth",
        "Ground truth",
        "Ground truth",
        "The held-out music itself, the very windows whose captions are the prompts.",
    ),
    System(
        LATENTS,
        "Codec, continuous",
        "Codec, continuous",
        "The ground truth through the codec's encoder and decoder, not quantised: the best flow matching can sound.",
    ),
    System(
        CODES,
        "Codec, quantised",
        "Codec, quantised",
        "The ground truth through encoder, quantiser and decoder: the best the auto-regressive model can sound.",
    ),
    System(
        "autoregressive",
        "Auto-regressive",
        "Auto-regressive",
        "Trained from scratch; draws the codes of one frame after those of another.",
    ),
    System(
        "flow_matching",
        "Flow matching",
        "Flow matching",
        "Trained from scratch; carries noise to the latents of all frames at once.",
    ),
    System(
        "untrained_autoregressive",
        "Auto-regressive, untrained",
        "AR, untrained",
        "The same model before its first update: a floor that any learning must beat.",
    ),
    System(
        "untrained_flow_matching",
        "Flow matching, untrained",
        "FM, untrained",
        "The same model before its first update: a floor that any learning must beat.",
    ),
    System(
        HALVES,
        "Training music, two halves",
        "Training halves",
        "One half of the reference tracks against the other: what the distances come to when nothing differs.",
    ),
)
EXAMPLE_SYSTEMS = ("ground_truth", CODES, *PAIR)
LOSSES = {
    "autoregressive": "cross-entropy in nats, mean over codebooks (Eq. 1)",
    "flow_matching": "weighted squared error of the vector field (Eq. 4)",
}


def assemble(folders: Folders, *, name: str, study: Mapping[str, Any], study_yaml: str, own_data: bool) -> Content:
    """Everything the report of a study says.

    Args:
        study: the configuration, plain.
        study_yaml: the same, as a file that `study run` takes.
        own_data: the music is the user's, not composed.
    """
    evaluation = folders.json("evaluate", "evaluation.json")
    scores = read_scores(evaluation)
    metrics = read_metrics(evaluation, scores)
    differences = [read_difference(item) for item in evaluation["differences"]]
    outside = outside_systems(study)
    known = (*SYSTEMS[:-1], *outside, SYSTEMS[-1])
    systems = [system for system in known if any(system.key in of_metric for of_metric in scores.values())]
    prompts = folders.json("prompts", "prompts.json")
    primary = study["evaluation"]["primary"]
    steered = steered_models(
        folders,
        given=study["training"]["controls"],
        windows=prompts["windows"],
        wanted=STEERED_EXAMPLES if study["examples"] else 0,
        shipped={paradigm: steered["model"] for paradigm, steered in study["steered"].items()},
    )
    found = verdict(
        differences, scores=scores, metrics=metrics, systems=systems, primary=primary, pair=PAIR, floors=FLOORS
    )
    return Content(
        name=name,
        made=time.strftime("%-d %B %Y"),
        verdict=replace(
            found,
            points=[
                *found.points,
                *against_outside(
                    differences,
                    outside,
                    metric=next(metric for metric in metrics if metric.key == primary),
                    names={system.key: system.name for system in systems},
                ),
                *(steered[0].points if steered else []),
                _cost_point(folders, study),
            ],
        ),
        primary=primary,
        pair=PAIR,
        headline_facts=_headline(folders, study, prompts),
        systems=[*systems, *(steered[1] if steered else [])],
        metrics=metrics,
        scores=scores,
        differences=differences,
        curves=[loss_curve_of(folders.paths[f"train_{key}"] / "metrics.jsonl", key) for key in PAIR],
        costs=_costs(folders),
        codec=_codec(folders),
        examples=_examples(folders, prompts, outside, wanted=study["examples"]),
        example_systems=[*EXAMPLE_SYSTEMS, *(system.key for system in outside)],
        codec_systems=("ground_truth", LATENTS, CODES),
        steered=steered[0] if steered else None,
        facts=_facts(folders, study, prompts),
        notes=notes(evaluation, prompts=prompts, study=study, budget=budget_of(folders), own_data=own_data),
        command=command_of(own_data=own_data),
        files={"study.yaml": study_yaml},
    )


def _headline(folders: Folders, study: Mapping[str, Any], prompts: Mapping[str, Any]) -> list[Fact]:
    info = folders.json("data", "dataset.json")
    parameters = [count(folders.json(f"train_{key}", "result.json")["parameters"]) for key in PAIR]
    training = study["training"]
    spent = sum(folders.record(step).get("seconds", 0.0) for step in folders.paths)
    return [
        Fact("Music", f"{sum(info['rows'].values()):,} {clips_of(info)}, {hours_of(sum(info['hours'].values()))}"),
        Fact("Budget of each", f"{training['steps']:,} updates × {training['batch_size']} clips"),
        Fact("Parameters, AR / FM", " / ".join(parameters)),
        Fact("Prompts", f"{len(prompts['windows'])} of {prompts['duration_s']:g} s, held out"),
        Fact("Time, everything", duration(spent)),
    ]


def clips_of(info: Mapping[str, Any]) -> str:
    return "clips" if info.get("kind") == "composed" else "tracks"


def hours_of(hours: float) -> str:
    return f"{hours:.1f} h" if hours >= 1 else f"{60 * hours:.0f} min"


def loss_curve_of(path: Path, paradigm: str, *, name: str = "") -> Curve:
    """The losses of a run, from its `metrics.jsonl`.

    Args:
        name: where it is not the only run of its paradigm.
    """
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return Curve(
        system=paradigm,
        unit=LOSSES[paradigm],
        train=[(line["step"], line["loss"]) for line in lines if "loss" in line],
        valid=[(line["step"], line["valid_loss"]) for line in lines if "valid_loss" in line],
        name=name,
    )


def _costs(folders: Folders) -> list[CostRow]:
    rows: dict[str, dict[str, str]] = {}
    for key in PAIR:
        for label, value in {**_training_cost(folders, key), **_generation_cost(folders, key)}.items():
            rows.setdefault(label, {})[key] = value
    return [CostRow(label, values) for label, values in rows.items()]


def _training_cost(folders: Folders, key: str) -> dict[str, str]:
    result, record = folders.json(f"train_{key}", "result.json"), folders.record(f"train_{key}")
    wall = max(result["wall_s"], 1e-9)
    return {
        "Trainable parameters": count(result["parameters"]),
        "Training: updates": f"{result['steps']:,}",
        "Training: examples seen": f"{result['examples']:,}, {duration(result['audio_s'])} of music",
        "Training: time in updates": duration(result["wall_s"]),
        "Training: updates a second": number(result["steps"] / wall),
        "Training: peak memory of the process": memory(record.get("peak_memory_bytes")),
    }


def _generation_cost(folders: Folders, key: str) -> dict[str, str]:
    report = folders.json(f"generate_{key}", "generation.json")["report"]
    alone = read_json(folders.paths[f"generate_{key}"] / "alone" / "generation.json")["report"]
    record = folders.record(f"generate_{key}")
    return {
        "Generation in batches: time a clip": duration(report["latency_s"] / report["clips"]),
        "Generation in batches: times real time": f"{number(report['audio_s'] / report['latency_s'])} ×",
        "Generation of one clip alone": duration(alone["latency_s"]),
        "Generation: network evaluations a clip": f"{report['network_evaluations']:,}",
        "Generation: the same with rows of guidance": f"{report['model_evaluations']:,}",
        "Generation: peak memory of the process": memory(record.get("peak_memory_bytes")),
    }


def _cost_point(folders: Folders, study: Mapping[str, Any]) -> str:
    """The price beside the verdict."""
    training = [folders.json(f"train_{key}", "result.json")["wall_s"] for key in PAIR]
    reports = [folders.json(f"generate_{key}", "generation.json")["report"] for key in PAIR]
    generation = [report["latency_s"] / report["clips"] for report in reports]
    return (
        f"What it cost, auto-regressive and flow matching: training {duration(training[0])} and "
        f"{duration(training[1])}; a clip {duration(generation[0])} and {duration(generation[1])}, "
        f"{study['prompts']['batch_size']} at a time."
    )


def _codec(folders: Folders) -> list[CostRow]:
    found = folders.json("reconstruct", "reconstruction.json")["views"]
    labels = {
        "si_snr_db": "SI-SNR, higher is closer",
        "log_spectral_distance_db": "Log-spectral distance, lower is closer",
    }
    return [
        CostRow(label, {LATENTS: f"{number(found['latents'][key])} dB", CODES: f"{number(found['codes'][key])} dB"})
        for key, label in labels.items()
        if key in found["latents"]
    ]


def _examples(folders: Folders, prompts: Mapping[str, Any], outside: Sequence[System], *, wanted: int) -> list[Example]:
    """Evenly spread over the prompts, not chosen by ear."""
    places = {
        "ground_truth": folders.paths["prompts"] / "truth",
        CODES: folders.paths["reconstruct"] / "codes",
        LATENTS: folders.paths["reconstruct"] / "latents",
        **{key: folders.paths[f"generate_{key}"] for key in PAIR},
    }
    return [
        Example(
            window["id"],
            window["caption"],
            {key: place / f"{window['id']}.wav" for key, place in places.items()}
            | outside_clips(folders.paths, outside, window["id"]),
        )
        for window in spread(prompts["windows"], wanted)
    ]


def _facts(folders: Folders, study: Mapping[str, Any], prompts: Mapping[str, Any]) -> list[Fact]:
    return [
        *data_facts(folders, prompts),
        *model_facts(folders, study),
        *sampling_facts(study),
        *machine_facts(),
    ]


def music_fact(folders: Folders) -> Fact:
    info = folders.json("data", "dataset.json")
    splits = ", ".join(f"{split} {rows:,}" for split, rows in info["rows"].items())
    return Fact(
        "Music",
        f"{info.get('name') or info.get('kind', 'dataset')}: {sum(info['rows'].values()):,} {clips_of(info)} "
        f"({splits}), {hours_of(sum(info['hours'].values()))}; fingerprint {info['fingerprint']}",
    )


def data_facts(folders: Folders, prompts: Mapping[str, Any]) -> list[Fact]:
    info = folders.json("data", "dataset.json")
    spec = folders.json("encode", "latents.json")
    windows = prompts["windows"]
    tracks = len({window["row"] for window in windows})
    sources = sorted({window["split"] for window in windows}, reverse=True)
    return [
        music_fact(folders),
        Fact(
            "Prompts",
            f"captions of {len(windows)} windows of {prompts['duration_s']:g} s from {tracks} {clips_of(info)} "
            f"of the {' and '.join(sources)} split; never trained on",
        ),
        Fact(
            "Codec",
            f"{spec['codec']}: {spec['sample_rate']:,} Hz mono, {spec['frame_rate']:g} frames a second, "
            f"{spec['num_codebooks']} codebooks of {spec['codebook_size']:,} codes, {spec['latent_dim']} latent "
            f"channels; fingerprint {spec['fingerprint']}",
        ),
    ]


def model_facts(folders: Folders, study: Mapping[str, Any], *, prefix: str = "train") -> list[Fact]:
    """
    Args:
        prefix: of the steps that trained the two models.
    """
    training = study["training"]
    parameters = {key: folders.json(f"{prefix}_{key}", "result.json")["parameters"] for key in PAIR}
    return [
        backbone_fact(training, "Backbone of both"),
        Fact(
            "What differs",
            f"auto-regressive ({count(parameters[PAIR[0]])} parameters): causal, embeds and predicts codes in the "
            f"delay pattern; flow matching ({count(parameters[PAIR[1]])}): sees all frames, linear in and out, time "
            f"embedding, skips \u201c{study['training']['skips']}\u201d",
        ),
        Fact(
            "Budget of each",
            f"{training['steps']:,} updates of {training['batch_size']} segments of {training['segment_s']:g} s, the "
            f"same segments in the same order (seed {training['seed']})",
        ),
        optimiser_fact(training, "Optimiser of both"),
    ]


def backbone_fact(training: Mapping[str, Any], label: str) -> Fact:
    backbone = training["backbone"]
    return Fact(
        label,
        f"{backbone['layers']} transformer blocks {backbone['width']} wide, {backbone['heads']} heads, "
        f"feed-forward {backbone['feed_forward']}; text through a {training['text']['encoder']} encoder by "
        "cross-attention",
    )


def optimiser_fact(training: Mapping[str, Any], label: str) -> Fact:
    optimizer = training["optimizer"]
    return Fact(
        label,
        f"AdamW, learning rate {optimizer['learning_rate']:g} after {optimizer['warmup_steps']:,} updates of "
        f"warm-up, cosine to zero, weight decay {optimizer['weight_decay']:g}, clip {optimizer['clip_norm']:g}; "
        f"generation uses the moving average of the weights ({optimizer['ema_decay']:g}); {training['precision']}",
    )


def sampling_facts(study: Mapping[str, Any]) -> list[Fact]:
    first, second = (study["sampling"][key] for key in PAIR)
    solver = (
        f"{second['solver']}, {second['steps']} steps"
        if second["solver"] != "dopri5"
        else f"dopri5, tolerance {second['tolerance']:g}"
    )
    return [
        Fact(
            "Sampling",
            f"auto-regressive: guidance {first['guidance']:g}, temperature {first['temperature']:g}, top-k "
            f"{first['top_k']}, top-p {first['top_p']:g}; flow matching: guidance {second['guidance']:g}, {solver}; "
            f"clip i has seed {study['prompts']['seed']} + i; {study['prompts']['batch_size']} clips a batch",
        )
    ]


def budget_of(folders: Folders, *, prefix: str = "train") -> str:
    results = [folders.json(f"{prefix}_{key}", "result.json") for key in PAIR]
    sizes = " and ".join(count(result["parameters"]) for result in results)
    times = " and ".join(duration(result["wall_s"]) for result in results)
    return f"Models of {sizes} parameters, trained for {results[0]['steps']:,} updates each ({times})"


def command_of(*, own_data: bool) -> str:
    """Runs this very study again, from the file beside the page."""
    return f"counterpoint study run study.yaml{' --data DATASET' if own_data else ''}"
