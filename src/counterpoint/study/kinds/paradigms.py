"""The comparison of the paradigms."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from counterpoint.config.sampling import AnySampling, sampling_in
from counterpoint.config.schema import Config, ParadigmName
from counterpoint.study.engine import Source, Step
from counterpoint.study.kinds.trained import (
    PARADIGMS,
    BothSampling,
    Groundwork,
    TrainedStudy,
    at_seed,
    both_sampling,
    shipped_source,
)
from counterpoint.study.windows import STEERED_EXAMPLES
from counterpoint.study.work import Work
from counterpoint.study.workload import Workload

SYSTEMS: dict[str, tuple[ParadigmName, bool]] = {
    **{paradigm: (paradigm, True) for paradigm in PARADIGMS},
    **{f"untrained_{paradigm}": (paradigm, False) for paradigm in PARADIGMS},
}
"""Paradigm of each model, and whether it is trained; an untrained one is the same before its first update."""


class SteeredModel(Config):
    """A model that ships, and how to draw from it."""

    model: str
    sampling: AnySampling


class ParadigmStudy(TrainedStudy):
    """A comparison of the paradigms, from data to report."""

    kind: Literal["paradigms"] = "paradigms"
    sampling: BothSampling = Field(default_factory=both_sampling)
    steered: Annotated[dict[ParadigmName, SteeredModel], sampling_in("sampling")] = Field(default_factory=dict)
    """Models whose controls the report shows on the same prompts: what is trained in minutes hardly follows any. On the
    embedded corpus alone, whose chords, melodies and drums are known."""

    def summary(self) -> str:
        """See `Study`."""
        return f"auto-regressive and flow matching, {self.training.steps:,} updates each"

    def next_command(self, out: Path) -> str:
        """Hear more of the first."""
        return f"counterpoint generate CAPTION --model {out / PARADIGMS[0]} --out x.wav"

    def workload(self) -> Workload:
        """See `Study`. The models that ship are taken for such as would be trained here with controls."""
        runs = [
            self.training_config(paradigm, dataset="data", trained=trained, seed=seed)
            for seed, (paradigm, trained) in product(self.training_seeds, SYSTEMS.values())
        ]
        draws = [self.draw(run, self.sampling[run.model.paradigm]) for run in runs]
        for paradigm, steered in self.steered.items():
            shipped = self.training_config(paradigm, dataset="data", controlled=True)
            draws += [self.draw(shipped, steered.sampling, steered=told) for told in (False, True)]
        return Workload(runs, draws)

    def plan(self, *, dataset: Path | None = None) -> Mapping[str, Step | Source]:
        """See `Study`. The codec is loaded, so that one which cannot be is known before anything is computed."""
        from counterpoint.metrics.registry import metric_named

        metric_named(self.evaluation.primary)
        ground = self.groundwork(dataset)
        models, clips = {}, {}
        for seed in self.turns:
            for system, (paradigm, trained) in SYSTEMS.items():
                run, sampling = at_seed(system, seed), self.sampling[paradigm]
                models[run] = self.model_step(paradigm, ground=ground, trained=trained, seed=seed)
                clips[run] = self.clips_step(system, model=models[run], sampling=sampling, ground=ground, seed=seed)
        steered = {} if dataset else self.steered_steps(ground)
        return {
            **ground.inputs,
            "evaluate": self.evaluation_step(clips, ground=ground, pairs=[PARADIGMS]),
            **{step.name: step for step in (*models.values(), *clips.values())},
            **steered,
        }

    def write_page(self, folders: Mapping[str, Path], *, name: str, own_data: bool, out: Path) -> None:
        """See `Study`."""
        from counterpoint.study.steps.report import make_report

        make_report(Work(out, {"name": name, "study": self, "own_data": own_data}, folders))

    def steered_steps(self, ground: Groundwork) -> dict[str, Step]:
        """Clips of the models in `steered`, given all controls and none, and how well they follow; by step name.

        Raises:
            UserError: no such model ships.
        """
        if not self.steered:
            return {}
        controls, clips = self.controls_step(ground), {}
        for paradigm, steered in self.steered.items():
            model = shipped_source(steered.model)
            for mode, given in (("null", ()), ("all", self.controls.names)):
                system = f"{paradigm}_{mode}"
                clips[system] = self.clips_step(
                    system, model=model, sampling=steered.sampling, ground=ground, controls=controls, given=given
                )
        pairs = [(f"{paradigm}_all", f"{paradigm}_null") for paradigm in self.steered]
        adhere = self.adherence_step(clips, ground=ground, pairs=pairs, examples=STEERED_EXAMPLES)
        return {step.name: step for step in (*clips.values(), adhere)}
