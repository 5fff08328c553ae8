"""What steps compute, known from their configurations before anything runs, and what all of it takes on a device.

Every step says its own work, beside its function (`work.computes`); a study's is that of its steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from counterpoint.bench.draw import Draw
from counterpoint.config import (
    DataConfig,
    ModelConfig,
    SamplingConfig,
    TrainingConfig,
    UserError,
    parse,
    read_json,
)
from counterpoint.study.engine import Source, Step
from counterpoint.study.settings import ClipsConfig, ComposeConfig

if TYPE_CHECKING:
    from counterpoint.bench.limits import Limits
    from counterpoint.bench.point import Point
    from counterpoint.bench.takes import DrawEstimate, TrainingEstimate

Handling = Literal["composed", "coded", "decoded", "tracked", "judged", "followed", "joined", "compared"]
PACE: Mapping[Handling, tuple[float, float]] = {
    "composed": (1.0, 0.0034),
    "coded": (1.0, 0.0046),
    "decoded": (0.0, 0.015),
    "tracked": (0.5, 0.0023),
    "judged": (20.0, 0.0091),
    "followed": (2.0, 0.0041),
    "joined": (1.0, 0.004),
    "compared": (0.5, 0.0006),
}
"""Seconds on two cores: of a step, and of a second of music. `decoded` is by a codec that makes phases anew, `judged`
by the judges that need no download, `joined` what the seams of spans are heard for, `compared` with other clips.
Measured at the scales quick and debug with the codec that ships; other codecs and judges differ."""


@dataclass(frozen=True)
class Music:
    """Music that something else than a study's own networks handles.

    Attributes:
        clips: of `seconds` in all.
        codec: that it goes through; "" for none.
    """

    handling: Handling
    seconds: float
    clips: int = 0
    codec: str = ""


@dataclass(frozen=True)
class Workload:
    """The work of some steps.

    Attributes:
        trainings: runs.
        draws: clips of models.
        looked_at: examples that a network passes over without drawing or learning, with the run that it is of.
        timed: points of sampling that are timed, with random weights.
        music: all else that takes time.
    """

    trainings: Sequence[TrainingConfig] = ()
    draws: Sequence[Draw] = ()
    looked_at: Sequence[tuple[TrainingConfig, int]] = ()
    timed: Sequence[Point] = ()
    music: Sequence[Music] = ()

    @classmethod
    def of(cls, steps: Iterable[Step]) -> Workload:
        """The work of steps, each done once."""
        parts = [step.function.workload(step) for step in steps]
        return cls(
            **{field.name: [each for part in parts for each in getattr(part, field.name)] for field in fields(cls)}
        )

    @property
    def heard(self) -> int:
        """Clips that judges hear."""
        return sum(music.clips for music in self.music if music.handling == "judged")

    @property
    def codecs(self) -> list[str]:
        """That music goes through, by name."""
        named = [*(music.codec for music in self.music), *(run.data.codec for run in self.trainings)]
        return [codec for codec in dict.fromkeys(named) if codec]


@dataclass(frozen=True)
class Estimate:
    """A study on a device.

    Attributes:
        trainings: those with updates.
        looking_s: networks over examples, without drawing or learning.
        music_s: all that is not done by a study's networks, as measured on two cores.
        timed_s: of the points that are timed, at the device's limits: not less.
    """

    device: Limits
    trainings: Sequence[TrainingEstimate]
    draws: Sequence[DrawEstimate]
    looking_s: float = 0.0
    music_s: float = 0.0
    timed_s: float = 0.0

    @property
    def training_s(self) -> float:
        return sum(run.seconds for run in self.trainings)

    @property
    def sampling_s(self) -> float:
        return sum(draw.seconds for draw in self.draws)

    @property
    def flops(self) -> float:
        return sum(part.flops for part in (*self.trainings, *self.draws))

    @property
    def clips(self) -> int:
        return sum(found.draw.clips for found in self.draws)

    @property
    def memory(self) -> int:
        """Of the largest run or draw."""
        return max([*(run.memory.total for run in self.trainings), *(draw.memory for draw in self.draws)], default=0)


def estimate(workload: Workload, *, device: Limits) -> Estimate:
    """What the whole of it takes on one such device."""
    from counterpoint.bench.roofline import predict
    from counterpoint.bench.takes import draw_estimate, looking_s, precision_of, training_estimate

    points = [point.model_copy(update={"dtype": precision_of(point.dtype, device)}) for point in workload.timed]
    return Estimate(
        device=device,
        trainings=[training_estimate(config, device=device) for config in workload.trainings if config.steps],
        draws=[draw_estimate(draw, device=device) for draw in workload.draws],
        looking_s=sum(looking_s(run, examples=count, device=device) for run, count in workload.looked_at),
        music_s=sum(pace_s(music) for music in workload.music),
        timed_s=sum(predict(point, limits=device).latency_s for point in points),
    )


def pace_s(music: Music) -> float:
    """How long it takes on two cores."""
    once, a_second = PACE[music.handling]
    return once + a_second * music.seconds


def nothing(step: Step) -> Workload:
    """Of a step that is done in no time."""
    return Workload()


def asked(step: Step) -> ClipsConfig:
    """The windows that a step reads; a part of a study's windows is half of them."""
    given = step.inputs["clips" if "clips" in step.inputs else "prompts"]
    assert isinstance(given, Step)
    if isinstance(given.config, ClipsConfig):
        return given.config
    whole = asked(given)
    return whole.model_copy(update={"clips": -(-whole.clips // 2)})


def handled(step: Step, handling: Handling, *, systems: int = 1, codec: str = "") -> Music:
    """The clips that so many systems answer a step's windows with."""
    windows = asked(step)
    clips = systems * windows.clips
    return Music(handling, clips * windows.duration_s, clips, codec)


def views_of(step: Step) -> tuple[str, ...]:
    """Those of the codec that a step or its input `reconstruction` passes clips through; of originals, one."""
    made = step.inputs.get("reconstruction", step)
    assert isinstance(made, Step)
    return ("latents", "codes") if made.setting("num_codebooks") else ("latents",)


def through_codec(step: Step) -> Workload:
    """The work of a step that encodes the windows, and decodes every view of them."""
    codec = step.setting("codec")
    views = handled(step, "decoded", systems=len(views_of(step)), codec=codec)
    return Workload(music=[handled(step, "coded", codec=codec), views])


def drawn(step: Step, sampling: SamplingConfig, *, alone: bool = False, **how: Any) -> Workload:
    """The clips that the input `model` draws for a step's windows, decoded.

    Args:
        alone: one of them is drawn once more, by itself.
    """
    windows, run = asked(step), run_of(step.inputs["model"])
    batches = [(windows.clips, step.setting("prompts").batch_size), *([(1, 1)] if alone else [])]
    draws = [Draw(run, sampling, clips, windows.duration_s, size, **how) for clips, size in batches]
    return Workload(draws=draws, music=[handled(step, "decoded", codec=run.data.codec)])


def run_of(model: Step | Source) -> TrainingConfig:
    """The run that made a model: what a step trains, or what a folder with a model says of itself."""
    from counterpoint.runs import read_description

    if isinstance(model, Step):
        assert isinstance(model.config, TrainingConfig)
        return model.config
    described = read_description(model.path)
    data = DataConfig(dataset=model.name, codec=described["latent"]["codec"], segment_s=described["segment_s"])
    return TrainingConfig(model=parse(described["model"], ModelConfig, source=model.name, saved=True), data=data)


def length_s(data: Step | Source) -> float:
    """Seconds of music in a dataset: that a step composes, or that lies in a folder.

    Raises:
        UserError: there is no dataset in the folder.
    """
    if isinstance(data, Source):
        return 3600 * hours_of(data.path)
    assert isinstance(data.config, ComposeConfig)
    return data.config.clips * data.config.duration_s


def hours_of(dataset: Path) -> float:
    """Of music in a dataset, as it says itself.

    Raises:
        UserError: it is none.
    """
    info = dataset / "dataset.json"
    if not info.is_file():
        raise UserError(f"{dataset} is not a dataset; make one with `counterpoint data ingest`.")
    return float(sum(read_json(info)["hours"].values()))
