"""`counterpoint study plan`: the cost of a study, before anything of it starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from counterpoint.bench.takes import ENCODED_BYTES
from counterpoint.bench.workload import Estimate, Workload, estimate
from counterpoint.config import TrainingConfig, UserError
from counterpoint.config.paths import true_path
from counterpoint.runs.latents import KnownLatent, known_latent
from counterpoint.study.engine import LocalEngine
from counterpoint.study.kinds import Study, load_study
from counterpoint.study.shipped import find_study, scales_of
from counterpoint.study.work import in_order
from counterpoint.study.workload import hours_of


@dataclass(frozen=True)
class Plan:
    """A study with its estimated cost.

    Attributes:
        device: name of the device, as for `--device`.
        workload: work of all its steps.
        codecs: codecs that music passes through, by name.
        dataset: the user's own dataset.
        hours: hours of music; None if unknown.
        cost: the cost stated in the study's file.
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
        """Bytes of codes and latents for an hour of music, with all codecs."""
        specs = [known.spec for known in self.codecs.values()]
        return 3600 * ENCODED_BYTES * sum(spec.frame_rate * (spec.num_codebooks + spec.latent_dim) for spec in specs)


@dataclass(frozen=True)
class Progress:
    """The finished part of a study.

    Attributes:
        done, steps: numbers of finished and of all steps.
        trained: number of finished trainings.
        training_s: time of the remaining trainings.
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
    """Estimate the cost of a study, without a network, the codecs' weights or a dataset.

    Args:
        device: a device of `bench/devices.yaml`; by default one H100 for a configuration in bf16, else two cores.

    Raises:
        UserError: the study, scale or device is unknown, or the configuration or dataset does not fit.
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
        raise UserError(f"The device {name!r} is unknown; choose one of {', '.join(devices)}.")
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
    """The finished part in the store, which would not run again; or a sentence on why it is unknown.

    The study's steps are built, for which its codecs are loaded.
    """
    if not store.is_dir():
        return f"Nothing is finished: {store} does not exist."
    away = next((codec for codec, known in plan.codecs.items() if known.missing), None)
    if away is not None:
        return f"The finished part is unknown until the codec {away} is available."
    engine = LocalEngine(true_path(store))
    try:
        steps = in_order(plan.study.plan(dataset=plan.dataset).values())
    except UserError as error:
        return f"The finished part is unknown: {error}"
    done = [step for step in steps if engine.is_done(step)]
    trained = {step.config.model_dump_json() for step in done if isinstance(step.config, TrainingConfig)}
    left = [run for run in plan.estimate.trainings if run.config.model_dump_json() not in trained]
    return Progress(
        done=len(done),
        steps=len(steps),
        trained=len(plan.estimate.trainings) - len(left),
        training_s=sum(run.seconds for run in left),
    )
