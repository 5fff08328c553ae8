"""What a setting of the sampler costs and what it is worth (Figure 3 and Table 8, with more solvers and schedules)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from counterpoint.config import AutoregressiveSampling, FlowMatchingSampling
from counterpoint.config.schema import Positive
from counterpoint.study.engine import Source, Step
from counterpoint.study.kinds.trained import BOTH, TrainedStudy, at_seed, examined
from counterpoint.study.settings import TimingConfig
from counterpoint.study.workload import Workload


class SamplerStudy(TrainedStudy):
    """Settings of flow matching's sampler against each other, and auto-regression beside them."""

    kind: Literal["samplers"]
    page: ClassVar[str] = "counterpoint.study.pages.samplers:sampler_report"
    autoregressive: AutoregressiveSampling = AutoregressiveSampling()
    settings: Annotated[dict[Annotated[str, Field(pattern=r"^\w+$")], FlowMatchingSampling], Field(min_length=2)]
    """Of flow matching, by name."""
    reference: str
    """The setting that the others are compared with."""
    budget: Positive = 20
    """Model evaluations, rows of guidance counted, that the question allows."""
    timing: TimingConfig = TimingConfig()

    @model_validator(mode="after")
    def _reference_is_there(self) -> SamplerStudy:
        if self.reference not in self.settings:
            raise ValueError(f"reference {self.reference!r} is none of the settings: {', '.join(self.settings)}")
        if BOTH[0] in self.settings:
            raise ValueError(f"a setting of flow matching cannot be named {BOTH[0]!r}")
        return self

    def contestants(self) -> tuple[str, str]:
        """See `TrainedStudy`."""
        return BOTH[0], self.reference

    def summary(self) -> str:
        """See `Study`."""
        return f"{len(self.settings)} settings of flow matching's sampler, and auto-regression"

    def workload(self) -> Workload:
        """See `Study`."""
        runs, draws = [], []
        for seed in self.training_seeds:
            autoregressive, flow_matching = (
                self.training_config(paradigm, dataset="data", seed=seed) for paradigm in BOTH
            )
            runs += [autoregressive, flow_matching]
            draws.append(self.draw(autoregressive, self.autoregressive))
            draws += [self.draw(flow_matching, sampling) for sampling in self.settings.values()]
        return Workload(runs, draws)

    def plan(self, *, dataset: Path | None = None) -> Mapping[str, Step | Source]:
        """See `Study`. Models, prompts and all before them are those of a comparison with the same configuration."""
        from counterpoint.metrics.registry import metric_named
        from counterpoint.study.steps.timing import time_systems

        metric_named(self.evaluation.primary)
        ground = self.groundwork(dataset)
        models, clips = {}, {}
        autoregressive, flow_matching = BOTH
        systems = {autoregressive: (autoregressive, self.autoregressive)} | {
            label: (flow_matching, sampling) for label, sampling in self.settings.items()
        }
        for seed in self.turns:
            of_seed = {paradigm: self.model_step(paradigm, ground=ground, seed=seed) for paradigm in BOTH}
            models |= {at_seed(paradigm, seed): model for paradigm, model in of_seed.items()}
            for system, (paradigm, sampling) in systems.items():
                step = self.clips_step(system, model=of_seed[paradigm], sampling=sampling, ground=ground, seed=seed)
                clips[at_seed(system, seed)] = step
        timing = Step(
            "timing",
            time_systems,
            {"timing": self.timing, "seed": self.prompts.seed, "systems": systems},
            {"prompts": ground.prompts, **{paradigm: models[paradigm] for paradigm in BOTH}},
            resumable=True,
        )
        pairs = [(system, self.reference) for system in systems if system != self.reference]
        return examined(
            {
                **ground.inputs,
                **{step.name: step for step in (*models.values(), *clips.values())},
                "evaluate": self.evaluation_step(clips, ground=ground, pairs=pairs),
                "timing": timing,
            }
        )
