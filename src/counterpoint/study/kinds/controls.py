"""How faithfully models follow temporally aligned controls, and what that costs (Table 3, Figure 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Literal

from pydantic import Field

from counterpoint.config.schema import ControlName, ParadigmName
from counterpoint.study.engine import Source, Step
from counterpoint.study.kinds.trained import PARADIGMS, BothSampling, Groundwork, TrainedStudy, at_seed, both_sampling
from counterpoint.study.work import Work
from counterpoint.study.workload import Workload


class SteeredStudy(TrainedStudy):
    """A study of models with and without controls."""

    sampling: BothSampling = Field(default_factory=both_sampling)

    def shortcuts(self) -> dict[str, str]:
        """The trained models."""
        return {paradigm: f"train_{paradigm}_controlled" for paradigm in self.paradigms()}

    def paradigms(self) -> Sequence[ParadigmName]:
        """Those that the study trains."""
        return PARADIGMS

    def contestants(self) -> Sequence[str]:
        """Models of text alone: an outside system is given no controls."""
        return [f"{paradigm}_text" for paradigm in self.paradigms()]

    def workload(self) -> Workload:
        """See `Study`."""
        runs, draws = [], []
        for paradigm, seed in product(self.paradigms(), self.training_seeds):
            text, steered = (
                self.training_config(paradigm, dataset="data", controlled=controlled, seed=seed)
                for controlled in (False, True)
            )
            sampling = self.sampling[paradigm]
            runs += [text, steered]
            draws += [self.draw(text, sampling), self.draw(steered, sampling)]
            draws += [self.draw(steered, sampling, steered=True)] * self.ways_to_steer()
        return Workload(runs, draws)

    def ways_to_steer(self) -> int:
        """Systems of a model with controls that are given some."""
        return 1

    def models_and_clips(self, ground: Groundwork, *, single: bool) -> tuple[dict[str, Step], dict[str, Step]]:
        """Models and clips, by system: `{paradigm}_text` of a model without controls; of one with them `_null`, where
        nothing is given, `_all`, and, if `single`, one for each control given alone."""
        controls = self.controls_step(ground)
        models, clips = {}, {}
        for paradigm, seed in product(self.paradigms(), self.turns):
            text = self.model_step(paradigm, ground=ground, seed=seed)
            steered = self.model_step(paradigm, ground=ground, controls=controls, seed=seed)
            models |= {text.name: text, steered.name: steered}
            given: dict[str, tuple[ControlName, ...]] = {"null": (), "all": self.controls.names}
            if single:
                given |= {name: (name,) for name in self.controls.names}
            sampling = self.sampling[paradigm]
            system = f"{paradigm}_text"
            clips[at_seed(system, seed)] = self.clips_step(
                system, model=text, sampling=sampling, ground=ground, seed=seed
            )
            for mode, names in given.items():
                system = f"{paradigm}_{mode}"
                clips[at_seed(system, seed)] = self.clips_step(
                    system, model=steered, sampling=sampling, ground=ground, controls=controls, given=names, seed=seed
                )
        return models, clips


class ControlStudy(SteeredStudy):
    """All controls, one alone, none; both paradigms; against models of text alone (Table 3)."""

    kind: Literal["controls"]

    def ways_to_steer(self) -> int:
        """All controls together, and each alone."""
        return 1 + len(self.controls.names)

    def summary(self) -> str:
        """See `Study`."""
        return f"{', '.join(self.controls.names)} steer both paradigms, {self.training.steps:,} updates each"

    def next_command(self, out: Path) -> str:
        """Play with it."""
        return f'counterpoint generate CAPTION --model {out / PARADIGMS[0]} --chords "C:0 Am:2" --out x.wav'

    def plan(self, *, dataset: Path | None = None) -> Mapping[str, Step | Source]:
        """See `Study`."""

        ground = self.groundwork(dataset)
        models, clips = self.models_and_clips(ground, single=True)
        modes = ("all", *self.controls.names)
        own = [(f"{paradigm}_{mode}", f"{paradigm}_null") for paradigm in PARADIGMS for mode in modes]
        first, second = PARADIGMS
        across = [(f"{first}_{mode}", f"{second}_{mode}") for mode in modes]
        text = [(f"{paradigm}_{mode}", f"{paradigm}_text") for paradigm in PARADIGMS for mode in (*modes, "null")]
        return {
            **ground.inputs,
            **models,
            **{step.name: step for step in clips.values()},
            "evaluate": self.evaluation_step(clips, ground=ground, pairs=text),
            "adhere": self.adherence_step(clips, ground=ground, pairs=[*own, *across], examples=self.report.examples),
        }

    def write_page(self, folders: Mapping[str, Path], *, name: str, own_data: bool, out: Path) -> None:
        """See `Study`."""
        from counterpoint.study.steps.controls_report import make_controls_report

        make_controls_report(Work(out, {"name": name, "study": self, "own_data": own_data}, folders))


class EntropyStudy(SteeredStudy):
    """How sure the auto-regressive model is of its next token, with controls and without (Figure 9)."""

    kind: Literal["entropy"]

    def paradigms(self) -> Sequence[ParadigmName]:
        """Flow matching draws no tokens."""
        return PARADIGMS[:1]

    def summary(self) -> str:
        """See `Study`."""
        return "entropy of the first codebook's tokens, with controls and without"

    def plan(self, *, dataset: Path | None = None) -> Mapping[str, Step | Source]:
        """See `Study`."""
        from counterpoint.study.steps.entropy import collect_entropies

        ground = self.groundwork(dataset)
        models, clips = self.models_and_clips(ground, single=False)
        steps = {step.name: step for step in clips.values()}
        entropy = Step("entropy", collect_entropies, {}, {"encode": ground.encode, **steps})
        return {**ground.inputs, **models, **steps, "entropy": entropy}

    def write_page(self, folders: Mapping[str, Path], *, name: str, own_data: bool, out: Path) -> None:
        """See `Study`."""
        from counterpoint.study.steps.entropy_report import make_entropy_report

        make_entropy_report(Work(out, {"name": name, "study": self, "own_data": own_data}, folders))
