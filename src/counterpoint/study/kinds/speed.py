"""The runtime study (5.4, App. K): the speed of both paradigms with two engines, and the device's limits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from counterpoint.config import BACKBONES, UserError
from counterpoint.config.schema import NamedBackbone, Positive
from counterpoint.study.kinds.base import Study
from counterpoint.study.kinds.trained import BOTH
from counterpoint.study.settings import PositiveSeconds
from counterpoint.study.surroundings import Surroundings
from counterpoint.study.work import Source, Step

if TYPE_CHECKING:
    from counterpoint.bench.point import Point

Figure = Literal["fig5", "fig6", "fig7", "fig10"]


class SpeedStudy(Study):
    """Every combination of the lists is drawn and timed; `steps` apply only to flow matching."""

    kind: Literal["speed"]
    page: ClassVar[str] = "counterpoint.study.pages.speed:speed_report"
    figure: Figure
    """The figure of the paper that the report draws."""
    backbone: NamedBackbone = BACKBONES["musicgen-small"]
    layers: Annotated[tuple[Positive, ...], Field(min_length=1)]
    batches: Annotated[tuple[Positive, ...], Field(min_length=1)]
    durations_s: Annotated[tuple[PositiveSeconds, ...], Field(min_length=1)]
    steps: Annotated[tuple[Positive | Literal["dopri5"], ...], Field(min_length=1)]
    engines: Annotated[tuple[Literal["fast", "compiled", "reference"], ...], Field(min_length=1)] = (
        "fast",
        "reference",
    )
    device: Literal["cpu", "cuda"] = "cpu"
    dtype: Literal["fp32", "fp16", "bf16", "int8"] = "fp32"
    captioned: bool = True
    """Whether captions and guidance are used, and so cross-attention."""
    greedy: bool = False
    repeats: Positive = 3

    def points(self) -> list[Point]:
        """The points to measure.

        Raises:
            UserError: values do not fit each other.
        """
        from counterpoint.bench.run import make_points

        return make_points(
            paradigms=BOTH,  # the figures compare the paper's two paradigms
            engines=self.engines,
            batches=self.batches,
            durations_s=self.durations_s,
            layers=self.layers,
            steps=self.steps,
            backbone=self.backbone.model_dump(),
            device=self.device,
            dtype=self.dtype,
            captioned=self.captioned,
            greedy=self.greedy,
        )

    def summary(self) -> str:
        lists = {"batch": self.batches, "duration": self.durations_s, "depth": self.layers, "steps": self.steps}
        varied = [name for name, values in lists.items() if len(values) > 1]
        return f"the speed of both paradigms by {' and '.join(varied) or 'engine'} on this machine's {self.device}"

    def steps_in(self, around: Surroundings) -> Iterable[Step | Source]:
        from counterpoint.study.steps.speed import measure_speed

        if around.dataset is not None:
            raise UserError("A speed study uses random weights and needs no music: leave out --data.")
        config = {"points": self.points(), "repeats": self.repeats, "device": around.device(self.device)}
        return [Step("measure", measure_speed, config, resumable=True)]
