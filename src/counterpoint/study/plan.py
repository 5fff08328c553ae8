"""`counterpoint study plan`: what a study would take, before anything of it starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from counterpoint.bench.takes import ENCODED_BYTES
from counterpoint.config import TrainingConfig, UserError
from counterpoint.runs.latents import KnownLatent, known_latent
from counterpoint.study.engine import LocalEngine, in_order
from counterpoint.study.kinds import Study, load_study
from counterpoint.study.shipped import find_study, scales_of
from counterpoint.study.workload import Estimate, Workload, estimate, hours_of


@dataclass(frozen=True)
class Plan:
    """A study, and what it would take.

    Attributes:
        device: as `--device` names it.
        workload: of all its steps.
        codecs: that music goes through, by name.
        dataset: the user's own.
        hours: of music; None where that is unknown.
        cost: what the study's file says of its cost.
    """

    name: str
    study: Study
    device: str
    workload: Workload
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
    config = load_study(path, overrides=overrides, scale=scale, own_music=data is not None)
    workload, devices = config.workload(dataset=data), known_devices()
    large = any(run.precision == "bf16" for run in workload.trainings) or any(
        point.device == "cuda" for point in workload.timed
    )
    name = device or ("h100" if large else "two-cores")
    if name not in devices:
        raise UserError(f"Nothing is known of a device {name!r}; those that are known are {', '.join(devices)}.")
    composed = config.compose.clips * config.compose.duration_s / 3600
    return Plan(
        name=path.stem,
        study=config,
        device=name,
        workload=workload,
        estimate=estimate(workload, device=devices[name]),
        codecs={codec: known_latent(codec) for codec in workload.codecs},
        dataset=data,
        hours=composed if data is None else hours_of(data),
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


def _bytes_per_hour(known: KnownLatent) -> float:
    spec = known.spec
    return 3600 * spec.frame_rate * ENCODED_BYTES * (spec.num_codebooks + spec.latent_dim)
