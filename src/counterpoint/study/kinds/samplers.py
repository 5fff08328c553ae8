"""Cost and quality of sampler settings (Figure 3 and Table 8, with more solvers and schedules)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from counterpoint.config import AutoregressiveSampling, FlowMatchingSampling
from counterpoint.config.schema import Positive
from counterpoint.study.kinds.examined import examined
from counterpoint.study.kinds.trained import BOTH, Drawn, TrainedStudy
from counterpoint.study.settings import TimingConfig
from counterpoint.study.surroundings import Surroundings
from counterpoint.study.work import Source, Step


class SamplerStudy(TrainedStudy):
    """Settings of flow matching's sampler compared with each other, and with auto-regression."""

    kind: Literal["samplers"]
    page: ClassVar[str] = "counterpoint.study.pages.samplers:sampler_report"
    autoregressive: AutoregressiveSampling = AutoregressiveSampling()
    settings: Annotated[dict[Annotated[str, Field(pattern=r"^\w+$")], FlowMatchingSampling], Field(min_length=2)]
    """Settings of flow matching, by name."""
    reference: str
    """The setting with which the others are compared."""
    budget: Positive = 20
    """Greatest number of model evaluations, including rows of guidance, for the question of the study."""
    timing: TimingConfig = TimingConfig()

    @model_validator(mode="after")
    def _reference_is_there(self) -> SamplerStudy:
        if self.reference not in self.settings:
            raise ValueError(f"reference {self.reference!r} is not one of the settings: {', '.join(self.settings)}")
        if BOTH[0] in self.settings:
            raise ValueError(f"a setting of flow matching cannot be named {BOTH[0]!r}")
        return self

    def contestants(self) -> tuple[str, str]:
        return BOTH[0], self.reference

    def summary(self) -> str:
        return f"{len(self.settings)} settings of flow matching's sampler, and auto-regression"

    def drawn(self) -> list[Drawn]:
        ar, fm = BOTH
        own = Drawn(system=ar, paradigm=ar, sampling=self.autoregressive)
        return [own, *(Drawn(system=name, paradigm=fm, sampling=each) for name, each in self.settings.items())]

    def steps_in(self, around: Surroundings) -> Iterable[Step | Source]:
        """The steps; see `Study`. Models, prompts and earlier steps are those of a comparison with the same
        configuration."""
        from counterpoint.study.steps.timing import time_systems

        ground = self.groundwork(around)
        models, clips = self.models_and_clips(ground)
        systems = {each.system: (each.paradigm, each.sampling) for each in self.drawn()}
        timing = Step(
            "timing",
            time_systems,
            {"timing": self.timing, "seed": self.prompts.seed, "systems": systems},
            {"prompts": ground.prompts, **{paradigm: models[f"train_{paradigm}"] for paradigm in BOTH}},
            resumable=True,
        )
        pairs = [(system, self.reference) for system in systems if system != self.reference]
        evaluation = self.evaluation_step(clips, ground=ground, pairs=pairs)
        return examined(*ground.steps, *models.values(), *clips.values(), evaluation, timing)
