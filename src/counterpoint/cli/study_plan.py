"""The text of `counterpoint study plan`: tables and sentences, or plain values for programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from counterpoint.bench.takes import SHARE, DrawEstimate, TrainingEstimate
from counterpoint.config import TrainingConfig
from counterpoint.paradigm import PARADIGMS
from counterpoint.report.numbers import duration, extent
from counterpoint.study.plan import Plan, Progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from counterpoint.bench.draw import Draw
    from counterpoint.bench.limits import Limits

PAPER_HOURS = 20_000
"""Hours of music in the paper's training data (4.1)."""
_GROUNDS = {
    "cuda": "assumed from reports of such trainings, not measured",
    "cpu": "measured on a 4 x 192 backbone and two free cores, within a fifth; one core takes twice as long",
}
"""Explanations of the assumed share."""


def as_data(plan: Plan) -> dict[str, Any]:
    """The cost of a study as plain values, for programs."""
    found = plan.estimate
    return {
        "study": plan.name,
        "device": plan.device,
        "compares": plan.study.summary(),
        "cost": plan.cost,
        "hours_of_music": plan.hours,
        "trainings": [
            {
                "run": _run(run.config),
                "parameters": run.parameters,
                "updates": run.config.steps,
                "seconds": run.seconds,
                "memory_bytes": run.memory.total,
                "disk_bytes": run.disk,
            }
            for run in found.trainings
        ],
        "training_s": found.training_s,
        "sampling_s": found.sampling_s,
        "examining_s": found.looking_s,
        "music_s": found.music_s,
        "clips_judged": plan.workload.judged,
        "flops": found.flops,
        "clips": found.clips,
        "memory_bytes": found.memory,
    }


def print_plan(plan: Plan, console: Console) -> None:
    """Print tables of the runs and of the clips, totals, and assumptions."""
    found = plan.estimate
    reproduces = f", {plan.study.reproduces}" if plan.study.reproduces else ""
    console.print(f"[bold]{plan.name}[/bold]{reproduces}: {plan.study.summary()}")
    if found.trainings:
        console.print(_runs_table(found.trainings))
    if found.draws:
        console.print(_draws_table(found.draws))
    for sentence in [*_sums(plan), *_notes(plan)]:
        console.print(sentence, highlight=False, soft_wrap=True)


def progress_sentence(progress: Progress | str) -> str:
    """The sentence on finished steps at the end of a plan."""
    if isinstance(progress, str):
        return progress
    if not progress.done:
        return "No step is finished yet."
    left = f"; the remaining trainings take {duration(progress.training_s)}" if progress.training_s else ""
    return f"Already finished: {progress.done} of {progress.steps} steps, including {progress.trained} trainings{left}."


def _runs_table(runs: Sequence[TrainingEstimate]) -> Table:
    table = _table("Trainings; TFLOP per update", "Run")
    for header in ("Weights", "Updates", "Batch", "TFLOP", "Time", "Memory", "Disk"):
        table.add_column(header, justify="right", no_wrap=True)
    for run in runs:
        config = run.config
        table.add_row(
            f"{_run(config)}{'' if 'hz' in config.data.codec.lower() else f', {run.latent.frame_rate:g} Hz'}",
            f"{run.parameters / 1e6:.1f} M",
            f"{config.steps:,}",
            f"{config.batch_size} x {config.data.segment_s:g} s",
            _count(run.update_flops / 1e12),
            duration(run.seconds),
            _size(run.memory.total),
            _size(run.disk),
        )
    return table


def _draws_table(draws: Sequence[DrawEstimate]) -> Table:
    table = _table("Clips; TFLOP of all", "Run", "Drawn by")
    for header in ("Clips", "Passes", "TFLOP", "Time", "Memory"):
        table.add_column(header, justify="right", no_wrap=True)
    rows: dict[tuple[str, ...], list[DrawEstimate]] = {}
    for found in draws:
        rows.setdefault((_run(found.draw.model), _way(found.draw), f"{found.draw.duration_s:g}"), []).append(found)
    for (run, way, length), group in rows.items():
        table.add_row(
            run,
            f"{way}, guidance {extent([found.draw.sampling.guidance for found in group])}",
            f"{sum(found.draw.clips for found in group):,} x {length} s",
            extent([found.evaluations for found in group]),
            _count(sum(found.flops for found in group) / 1e12),
            duration(sum(found.seconds for found in group)),
            _size(max(found.memory for found in group)),
        )
    return table


def _sums(plan: Plan) -> list[str]:
    """The totals."""
    found, device = plan.estimate, plan.estimate.device
    lines = []
    if found.trainings or found.draws:
        lines.append(
            f"In total, on {_one(device)}: {_hours(found.training_s, device)} of training, "
            f"{_hours(found.sampling_s, device)} of sampling, {_hours(found.looking_s, device)} of examining models; "
            f"{found.flops:.2g} FLOP; {found.clips:,} clips."
        )
        lines.append(
            f"In addition, on two cores, about {duration(found.music_s)} of composing, coding and evaluation with the "
            f"metrics that need no download, for {plan.workload.judged:,} clips."
        )
        lines.append(f"Disk: {', '.join(_disk(plan))}.")
        lines.append(_memory(plan))
    elif found.timed_s:
        lines.append(
            f"No training: sampling is timed with random weights. At the limits of {_one(device)} all repeats take "
            f"{duration(found.timed_s)}; plain engines and warming up take several times as long."
        )
    else:
        lines.append(
            f"No training and no sampling: {plan.workload.judged:,} clips are evaluated, or fewer if there are not as "
            f"many. On two cores this takes about {duration(found.music_s)}."
        )
    if device.kind == "cpu" and plan.cost:
        lines.append(f"Measured for the whole study, according to its file: {plan.cost}.")
    return lines


def _disk(plan: Plan) -> list[str]:
    found = plan.estimate
    parts = [
        f"checkpoints {_size(sum(run.disk for run in found.trainings))}",
        f"clips {_size(sum(draw.disk for draw in found.draws))}",
    ]
    hour = plan.encoded_bytes
    if hour and plan.hours:
        parts.append(f"codes and latents {_size(hour * plan.hours)} for {plan.hours:,.3g} h of music")
    if hour and plan.dataset is None and plan.device != "two-cores":
        parts.append(f"{_size(hour * PAPER_HOURS)} for the paper's {PAPER_HOURS:,} h")
    return parts


def _memory(plan: Plan) -> str:
    runs, device = plan.estimate.trainings, plan.estimate.device
    if not runs:
        return f"Memory: {_size(plan.estimate.memory)} while sampling."
    largest = max(runs, key=lambda run: run.memory.total)
    memory = largest.memory
    parts = {
        "weights": memory.weights + memory.copies,
        "gradients": memory.gradients,
        "AdamW's moments": memory.moments,
        "EMA": memory.average,
        "text encoder": memory.frozen,
        f"activations of {largest.config.batch_size // largest.config.accumulate} examples": memory.activations,
    }
    sizes = ", ".join(f"{name} {_size(size)}" for name, size in parts.items() if size)
    line = f"Memory of the largest run: {_size(memory.total)} ({sizes})"
    tight = [run.accumulate for run in runs if run.accumulate != run.config.accumulate]
    if not tight:
        return f"{line}; there are {_size(device.memory or 0)}."
    needed = None if None in tight else max(count or 0 for count in tight)
    remedy = f"--set training.accumulate={needed} is enough" if needed else "no number of micro-batches is enough"
    return f"{line}. {len(tight)} of the {len(runs)} runs do not fit into {_size(device.memory or 0)}: {remedy}."


def _notes(plan: Plan) -> list[str]:
    """The assumptions, and the preparations that are needed."""
    found, kind = plan.estimate, plan.estimate.device.kind
    notes = []
    if found.trainings or found.draws:
        notes.append(f"Time assumes {SHARE[kind]:.0%} of the device's rate of large matrix products: {_GROUNDS[kind]}.")
    adaptive = {_way(draw.draw): draw.evaluations for draw in found.draws if draw.draw.sampling.adaptive}
    notes += [f"{way} chooses its steps itself: {count} evaluations are assumed." for way, count in adaptive.items()]
    notes += [known.assumed for known in plan.codecs.values() if known.assumed]
    notes += _to_be_had(plan)
    if found.trainings and plan.dataset is None and plan.device != "two-cores":
        clips = plan.study.compose.clips
        notes.append(
            f"No --data: it would compose {clips} clips. Make a dataset of your own music with `counterpoint data "
            "ingest`."
        )
    return notes


def _to_be_had(plan: Plan) -> list[str]:
    """Codecs that are not available."""
    notes = []
    for codec, known in plan.codecs.items():
        if not known.missing:
            continue
        cost = "   (the head of that file states the cost)" if "codec train" in known.missing else ""
        data = f" --set dataset={plan.dataset or 'DATASET'}" if "codec train" in known.missing else ""
        notes.append(f"Codec {codec} is not available: {known.missing}{data}{cost}")
    return notes


def _run(config: TrainingConfig) -> str:
    """`FM encodec_32khz, controls`."""
    details = [f"{PARADIGMS[config.model.paradigm].short} {Path(config.data.codec).name}"]
    if config.model.controls:
        details.append("controls")
    if config.model.inpainting:
        details.append("inpainting")
    if config.start:
        details.append("fine-tuned")
    if config.seed:
        details.append(f"seed {config.seed}")
    return ", ".join(details)


def _way(draw: Draw) -> str:
    """The solver of a draw, or its method of inpainting."""
    if draw.method not in (None, "supervised"):
        return draw.method
    return draw.sampling.procedure


def _table(title: str, *texts: str) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=SIMPLE, pad_edge=False, padding=0)
    for text in texts:
        table.add_column(text, overflow="fold", min_width=14)
    return table


def _one(device: Limits) -> str:
    return f"one {device.name}" if device.kind == "cuda" else device.name


def _hours(seconds: float, device: Limits) -> str:
    return f"{_count(seconds / 3600)} GPU-hours" if device.kind == "cuda" else duration(seconds)


def _count(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _size(count: float) -> str:
    for limit, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if count >= limit:
            return f"{count / limit:,.3g} {unit}"
    return f"{count / 1e3:.0f} kB"
