"""The work of steps, from their configurations before anything runs, and its estimated cost on a device.

Every step describes its own work, beside its function (`work.computes`); that of a study is the sum over its steps.
"""

from __future__ import annotations

import json
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
from counterpoint.config.remote import RemoteFolder, url_of
from counterpoint.data.layout import INFO_FILE
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
"""Seconds on two cores, per step and per second of music. `decoded` is for a codec that synthesises phases, `judged`
for the metrics that need no download, `joined` for the seams of spans, `compared` for comparisons with other clips.
Measured at the scales quick and debug with the codec of the package; other codecs and metrics differ."""


@dataclass(frozen=True)
class Music:
    """Music that is processed without a study's own networks.

    Attributes:
        clips: number of clips, of `seconds` in all.
        codec: the codec that it passes through; "" for none.
    """

    handling: Handling
    seconds: float
    clips: int = 0
    codec: str = ""


@dataclass(frozen=True)
class Workload:
    """The work of some steps.

    Attributes:
        trainings: training runs.
        draws: clips of models.
        looked_at: number of examples that a network processes without drawing or learning, with its run.
        timed: points of sampling that are timed, with random weights.
        music: all other work that takes time.
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
        """Number of clips that are evaluated."""
        return sum(music.clips for music in self.music if music.handling == "judged")

    @property
    def codecs(self) -> list[str]:
        """The codecs that music passes through, by name."""
        named = [*(music.codec for music in self.music), *(run.data.codec for run in self.trainings)]
        return [codec for codec in dict.fromkeys(named) if codec]


@dataclass(frozen=True)
class Estimate:
    """The cost of a study on a device.

    Attributes:
        trainings: trainings with updates.
        looking_s: time of networks that process examples without drawing or learning.
        music_s: time of all work without a study's networks, as measured on two cores.
        timed_s: time of the timed points at the device's limits, a lower bound.
    """

    device: Limits
    trainings: Sequence[TrainingEstimate]
    draws: Sequence[DrawEstimate]
    looking_s: float = 0.0
    music_s: float = 0.0
    timed_s: float = 0.0

    @property
    def seconds(self) -> float:
        """All of it, one thing after another."""
        return self.training_s + self.sampling_s + self.looking_s + self.music_s + self.timed_s

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
        """Memory of the largest run or draw in bytes."""
        return max([*(run.memory.total for run in self.trainings), *(draw.memory for draw in self.draws)], default=0)


def estimate(workload: Workload, *, device: Limits) -> Estimate:
    """The total cost on one such device."""
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
    """The time of processing on two cores."""
    once, a_second = PACE[music.handling]
    return once + a_second * music.seconds


def nothing(step: Step) -> Workload:
    """The work of a step that takes no time."""
    return Workload()


def asked(step: Step) -> ClipsConfig:
    """The windows that a step reads; a part of a study's windows counts as half of them."""
    given = step.inputs["clips" if "clips" in step.inputs else "prompts"]
    assert isinstance(given, Step)
    if isinstance(given.config, ClipsConfig):
        return given.config
    whole = asked(given)
    return whole.model_copy(update={"clips": -(-whole.clips // 2)})


def handled(step: Step, handling: Handling, *, systems: int = 1, codec: str = "") -> Music:
    """The clips with which the given number of systems answer a step's windows."""
    windows = asked(step)
    clips = systems * windows.clips
    return Music(handling, clips * windows.duration_s, clips, codec)


def views_of(step: Step) -> tuple[str, ...]:
    """The codec's views in a step or its input `reconstruction`; one for originals."""
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
        alone: whether one of them is drawn again, by itself.
    """
    windows, run = asked(step), run_of(step.inputs["model"])
    batches = [(windows.clips, step.setting("prompts").batch_size), *([(1, 1)] if alone else [])]
    draws = [Draw(run, sampling, clips, windows.duration_s, size, **how) for clips, size in batches]
    return Workload(draws=draws, music=[handled(step, "decoded", codec=run.data.codec)])


def run_of(model: Step | Source) -> TrainingConfig:
    """The run that made a model: the configuration of the training step, or that in a model's folder."""
    from counterpoint.runs import read_description

    if isinstance(model, Step):
        assert isinstance(model.config, TrainingConfig)
        return model.config
    described = read_description(model.path)
    data = DataConfig(dataset=model.name, codec=described["latent"]["codec"], segment_s=described["segment_s"])
    return TrainingConfig(model=parse(described["model"], ModelConfig, source=model.name, saved=True), data=data)


def length_s(data: Step | Source) -> float:
    """Seconds of music in a dataset that a step composes, or that is in a folder.

    Raises:
        UserError: there is no dataset in the folder.
    """
    if isinstance(data, Source):
        return 3600 * hours_of(data.path)
    assert isinstance(data.config, ComposeConfig)
    return data.config.clips * data.config.duration_s


def hours_of(dataset: Path) -> float:
    """Hours of music in a dataset, from its own description.

    Raises:
        UserError: the folder is not a dataset.
    """
    if url := url_of(dataset):  # no more of it is read than its description
        info = json.loads(RemoteFolder(url, mark=INFO_FILE).read_mark())
    elif (dataset / INFO_FILE).is_file():
        info = read_json(dataset / INFO_FILE)
    else:
        raise UserError(f"{dataset} is not a dataset; make one with `counterpoint data ingest`.")
    return float(sum(info["hours"].values()))
