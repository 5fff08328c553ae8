"""`counterpoint study plan`: what a study would take, before anything of it starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from counterpoint.config import TrainingConfig, UserError, read_json
from counterpoint.paradigm import PARADIGMS
from counterpoint.study.engine import LocalEngine, in_order
from counterpoint.study.estimate import (
    ENCODED_BYTES,
    SHARE,
    DrawEstimate,
    Estimate,
    TrainingEstimate,
    estimate,
)
from counterpoint.study.kinds import Study, load_study
from counterpoint.study.latents import KnownLatent, known_latent
from counterpoint.study.shipped import find_study, scales_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from counterpoint.bench.limits import Limits
    from counterpoint.study.workload import Draw

PAPER_HOURS = 20_000
"""Of music that the paper trains on (4.1)."""
_GROUNDS = {
    "cuda": "assumed, as trainings of this kind report, not measured",
    "cpu": "measured on a 4 x 192 backbone and two free cores, within a fifth; one core takes twice as long",
}
"""Of the share that is assumed."""


@dataclass(frozen=True)
class Plan:
    """A study, and what it would take.

    Attributes:
        device: as `--device` names it.
        codecs: that music goes through, by name.
        dataset: the user's own.
        hours: of music; None where that is unknown.
        cost: what the study's file says of its cost.
    """

    name: str
    study: Study
    device: str
    estimate: Estimate
    codecs: dict[str, KnownLatent]
    dataset: Path | None
    hours: float | None
    cost: str

    @property
    def encoded_bytes(self) -> float:
        """Codes and latents of an hour of music, of all codecs."""
        return sum(_bytes_per_hour(known) for known in self.codecs.values())


@dataclass(frozen=True)
class Progress:
    """What is finished already.

    Attributes:
        done, steps: how many.
        trained: runs that are.
        training_s: of those that are not.
    """

    done: int
    steps: int
    trained: int
    training_s: float


def make_plan(
    study: str | Path,
    *,
    scale: str | None = None,
    device: str | None = None,
    data: Path | None = None,
    overrides: list[str] | None = None,
) -> Plan:
    """Estimate a study, without a network, the codecs' weights or a dataset.

    Args:
        device: of `bench/devices.yaml`; by default one H100 for what computes in bf16, else two cores.

    Raises:
        UserError: an unknown study, scale or device, or a configuration or dataset that does not fit.
    """
    from counterpoint.bench.limits import known_devices

    path = find_study(study)
    config = load_study(path, overrides=overrides, scale=scale)
    workload, devices = config.workload(), known_devices()
    large = any(run.precision == "bf16" for run in workload.trainings) or any(
        point.device == "cuda" for point in workload.timed
    )
    name = device or ("h100" if large else "two-cores")
    if name not in devices:
        raise UserError(f"Nothing is known of a device {name!r}; those that are known are {', '.join(devices)}.")
    named = [*workload.codecs, *(run.data.codec for run in workload.trainings)]
    composed = config.compose.clips * config.compose.duration_s / 3600
    return Plan(
        name=path.stem,
        study=config,
        device=name,
        estimate=estimate(workload, device=devices[name]),
        codecs={codec: known_latent(codec) for codec in dict.fromkeys(named)},
        dataset=data,
        hours=composed if data is None else _hours_of(data),
        cost=config.cost if scale in (None, *scales_of(path)[:1]) else "",
    )


def progress_of(plan: Plan, *, store: Path) -> Progress | str:
    """What of it lies finished in the store and would not run again; or a sentence that says why this is unknown.

    The study's steps are made, for which its codecs are loaded.
    """
    if not store.is_dir():
        return f"Nothing is finished: there is no {store}."
    away = next((codec for codec, known in plan.codecs.items() if known.missing), None)
    if away is not None:
        return f"What is finished cannot be known before the codec {away} is here."
    engine = LocalEngine(store.resolve())
    try:
        steps = in_order(plan.study.plan(dataset=plan.dataset).values())
    except UserError as error:
        return f"What is finished cannot be known: {error}"
    done = [step for step in steps if engine.is_done(step)]
    trained = {step.config.model_dump_json() for step in done if isinstance(step.config, TrainingConfig)}
    left = [run for run in plan.estimate.trainings if run.config.model_dump_json() not in trained]
    return Progress(
        done=len(done),
        steps=len(steps),
        trained=len(plan.estimate.trainings) - len(left),
        training_s=sum(run.seconds for run in left),
    )


def as_data(plan: Plan) -> dict[str, Any]:
    """What a study would take, in plain values, for programs."""
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
        "flops": found.flops,
        "clips": found.clips,
        "memory_bytes": found.memory,
    }


def print_plan(plan: Plan, console: Console) -> None:
    """Tables of the runs and of the clips, sums, and what was assumed."""
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
    """For the end of a plan."""
    if isinstance(progress, str):
        return progress
    if not progress.done:
        return "Nothing of it is finished yet."
    left = f"; trainings that are left take {_time(progress.training_s)}" if progress.training_s else ""
    return (
        f"Finished already, and not run again: {progress.done} of {progress.steps} steps, "
        f"among them {progress.trained} trainings{left}."
    )


def _runs_table(runs: Sequence[TrainingEstimate]) -> Table:
    table = _table("Trainings; TFLOP an update", "Run")
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
            _time(run.seconds),
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
    for (run, way, duration), group in rows.items():
        table.add_row(
            run,
            f"{way}, guidance {_span([found.draw.sampling.guidance for found in group])}",
            f"{sum(found.draw.clips for found in group):,} x {duration} s",
            _span([found.evaluations for found in group]),
            _count(sum(found.flops for found in group) / 1e12),
            _time(sum(found.seconds for found in group)),
            _size(max(found.memory for found in group)),
        )
    return table


def _sums(plan: Plan) -> list[str]:
    """What it comes to."""
    found, device = plan.estimate, plan.estimate.device
    lines = []
    if found.trainings or found.draws:
        lines.append(
            f"In all, by {_one(device)}: {_hours(found.training_s, device)} of training, "
            f"{_hours(found.sampling_s, device)} of sampling; "
            f"{found.flops:.2g} FLOP; {found.clips:,} clips."
        )
        lines.append(f"Disk: {', '.join(_disk(plan))}.")
        lines.append(_memory(plan))
    elif found.timed_s:
        lines.append(
            f"No training: sampling is timed with random weights. At the limits of {_one(device)} all repeats take "
            f"{_time(found.timed_s)}; plain engines and warming up take several times as long."
        )
    else:
        clips = plan.study.workload().heard
        lines.append(f"No training and no sampling: judges hear {clips:,} clips, or fewer where there are not so many.")
    if device.kind == "cpu" and plan.cost:
        lines.append(f"Measured whole, by the study's file: {plan.cost}.")
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
    told = ", ".join(f"{name} {_size(size)}" for name, size in parts.items() if size)
    line = f"Memory of the largest run: {_size(memory.total)} ({told})"
    tight = [run.accumulate for run in runs if run.accumulate != run.config.accumulate]
    if not tight:
        return f"{line}; there are {_size(device.memory or 0)}."
    needed = None if None in tight else max(count or 0 for count in tight)
    remedy = f"--set training.accumulate={needed} would do" if needed else "no number of micro-batches would do"
    return f"{line}. Of the {len(runs)} runs {len(tight)} will not fit into {_size(device.memory or 0)}: {remedy}."


def _notes(plan: Plan) -> list[str]:
    """What was assumed, and what is to be done before."""
    found, kind = plan.estimate, plan.estimate.device.kind
    notes = []
    if found.trainings or found.draws:
        notes.append(f"Time assumes {SHARE[kind]:.0%} of the device's rate of large matrix products: {_GROUNDS[kind]}.")
        notes.append("Composing, encoding, decoding and judging come on top.")
    adaptive = {_way(draw.draw): draw.evaluations for draw in found.draws if draw.draw.sampling.adaptive}
    notes += [f"{way} chooses its steps itself: {count} evaluations are assumed." for way, count in adaptive.items()]
    notes += [known.assumed for known in plan.codecs.values() if known.assumed]
    notes += _to_be_had(plan)
    if found.trainings and plan.dataset is None and plan.device != "two-cores":
        clips = plan.study.compose.clips
        notes.append(
            f"No --data: it would compose {clips} clips. Make a dataset of yours by `counterpoint data ingest`."
        )
    return notes


def _to_be_had(plan: Plan) -> list[str]:
    """Codecs that are not here."""
    notes = []
    for codec, known in plan.codecs.items():
        if not known.missing:
            continue
        cost = "   (the head of that file says at what cost)" if "codec train" in known.missing else ""
        data = f" --set dataset={plan.dataset or 'DATASET'}" if "codec train" in known.missing else ""
        notes.append(f"Codec {codec} is not here: {known.missing}{data}{cost}")
    return notes


def _run(config: TrainingConfig) -> str:
    """`FM encodec_32khz, controls`."""
    details = [f"{PARADIGMS[config.model.paradigm].short} {Path(config.data.codec).name}"]
    if config.model.controls:
        details.append("controls")
    if config.model.inpainting:
        details.append("inpainting, fine-tuned" if config.start else "inpainting")
    if not config.steps:
        details.append("untrained")
    if config.seed:
        details.append(f"seed {config.seed}")
    return ", ".join(details)


def _way(draw: Draw) -> str:
    """Of drawing: the solver or the way of inpainting."""
    if draw.method not in (None, "supervised"):
        return draw.method
    return draw.sampling.procedure


def _span(numbers: Sequence[float]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _hours_of(dataset: Path) -> float:
    info = dataset / "dataset.json"
    if not info.is_file():
        raise UserError(f"{dataset} is not a dataset; make one with `counterpoint data ingest`.")
    return float(sum(read_json(info)["hours"].values()))


def _bytes_per_hour(known: KnownLatent) -> float:
    spec = known.spec
    return 3600 * spec.frame_rate * ENCODED_BYTES * (spec.num_codebooks + spec.latent_dim)


def _table(title: str, *texts: str) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=SIMPLE, pad_edge=False, padding=0)
    for text in texts:
        table.add_column(text, overflow="fold", min_width=14)
    return table


def _time(seconds: float) -> str:
    """Of one device; from two hours on in hours of it."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:,.0f} h"


def _one(device: Limits) -> str:
    return f"one {device.name}" if device.kind == "cuda" else device.name


def _hours(seconds: float, device: Limits) -> str:
    return f"{_count(seconds / 3600)} GPU-hours" if device.kind == "cuda" else _time(seconds)


def _count(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _size(count: float) -> str:
    for limit, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if count >= limit:
            return f"{count / limit:,.3g} {unit}"
    return f"{count / 1e3:.0f} kB"
