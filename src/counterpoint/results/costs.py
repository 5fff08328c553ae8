"""Parts written by the steps that train, draw and time: results and costs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field

from counterpoint.bench.limits import Limits, load_limits
from counterpoint.bench.run import LIMITS_FILE, POINTS_FILE
from counterpoint.bench.sweep import Measured, read_points
from counterpoint.config import TrainingConfig, load_yaml
from counterpoint.generate.outputs import GenerationReport
from counterpoint.results.parts import ALONE, Part
from counterpoint.results.records import Record
from counterpoint.runs.layout import CONFIG_FILE, METRICS_FILE, RESULT_FILE
from counterpoint.training import TrainingResult, read_metrics
from counterpoint.training.result import read_result


class Curve(Record):
    """Losses of a run as (update, loss): on the training examples, and on the validation split."""

    train: tuple[tuple[int, float], ...] = ()
    valid: tuple[tuple[int, float], ...] = ()


class Model(Record):
    """A trained model, from the files of its run folder.

    Attributes:
        config: configuration of the run.
        result: result and cost of the training.
        curve: its losses.
    """

    config: TrainingConfig
    result: TrainingResult
    curve: Curve = Curve()

    @classmethod
    def is_in(cls, folder: Path) -> bool:
        """Whether a folder contains a finished training."""
        return (folder / RESULT_FILE).is_file()

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the model that a step trained. Results are handed on, so they keep the names of the folders of its
        dataset and of the model that it began with, and not their places on this machine."""
        lines = read_metrics(folder / METRICS_FILE)
        config = load_yaml(folder / CONFIG_FILE, TrainingConfig, saved=True)
        data = config.data.model_copy(update={"dataset": Path(config.data.dataset).name})
        return cls(
            config=config.model_copy(update={"data": data, "start": Path(config.start).name}),
            result=read_result(folder),
            curve=Curve(
                train=tuple((line["step"], line["loss"]) for line in lines if "loss" in line),
                valid=tuple((line["step"], line["valid_loss"]) for line in lines if "valid_loss" in line),
            ),
        )


class Generation(Part):
    """The cost of a system's clips: of all clips in batches, and of a single one, which gives the latency.

    Attributes:
        alone: None if no clip was drawn by itself.
        sampling: the complete sampling settings, as plain values.
    """

    FILE: ClassVar[str] = "generation.json"
    report: GenerationReport
    alone: GenerationReport | None = None
    sampling: Mapping[str, Any] = Field(default_factory=dict)
    seed: int = 0

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the costs of the clips that a step drew, and of the single one in `ALONE`."""
        own = super().read(folder)
        alone = super().read(folder / ALONE).report if cls.is_in(folder / ALONE) else None
        return own.model_copy(update={"alone": alone})


class Speed(Record):
    """Timed points of sampling, and the device's limits."""

    points: tuple[Measured, ...]
    limits: Limits

    @classmethod
    def is_in(cls, folder: Path) -> bool:
        """Whether a folder contains measured points."""
        return (folder / POINTS_FILE).is_file()

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the points that a step measured."""
        return cls(points=tuple(read_points(folder / POINTS_FILE)), limits=load_limits(folder / LIMITS_FILE))
