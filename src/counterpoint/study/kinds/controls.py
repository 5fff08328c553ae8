"""How faithfully models follow temporally aligned controls, and what that costs (Table 3, Figure 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from counterpoint.config.schema import ControlName, ParadigmName
from counterpoint.study.engine import Source, Step
from counterpoint.study.kinds.trained import BOTH, Groundwork, SampledStudy, at_seed, examined
from counterpoint.study.workload import Workload


class SteeredStudy(SampledStudy):
    """A study of models with and without controls."""

    def shortcuts(self) -> dict[str, str]:
        """The trained models."""
        return {paradigm: f"train_{paradigm}_controlled" for paradigm in self.trained()}

    def contestants(self) -> Sequence[str]:
        """Models of text alone: an outside system is given no controls."""
        return [f"{paradigm}_text" for paradigm in self.trained()]

    def workload(self) -> Workload:
        """See `Study`."""
        runs, draws = [], []
        for paradigm, seed in product(self.trained(), self.training_seeds):
            text, steered = (
                self.training_config(paradigm, dataset="data", controlled=controlled, seed=seed)
                for controlled in (False, True)
            )
            sampling = self.sampling_of(paradigm)
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
        for paradigm, seed in product(self.trained(), self.turns):
            text = self.model_step(paradigm, ground=ground, seed=seed)
            steered = self.model_step(paradigm, ground=ground, controls=controls, seed=seed)
            models |= {text.name: text, steered.name: steered}
            given: dict[str, tuple[ControlName, ...]] = {"null": (), "all": self.training.controls}
            if single:
                given |= {name: (name,) for name in self.training.controls}
            sampling = self.sampling_of(paradigm)
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
    page: ClassVar[str] = "counterpoint.study.pages.controls:controls_report"
    paradigms: Annotated[tuple[ParadigmName, ...], Field(min_length=1)] = BOTH

    def trained(self) -> Sequence[ParadigmName]:
        """See `TrainedStudy`."""
        return self.paradigms

    def ways_to_steer(self) -> int:
        """All controls together, and each alone."""
        return 1 + len(self.training.controls)

    def summary(self) -> str:
        """See `Study`."""
        controls, paradigms = ", ".join(self.training.controls), " and ".join(self.paradigms)
        return f"{controls} steer models of {paradigms}, {self.training.steps:,} updates each"

    def next_command(self, out: Path) -> str:
        """Play with it."""
        return f'counterpoint generate CAPTION --model {out / self.paradigms[0]} --chords "C:0 Am:2" --out x.wav'

    def plan(self, *, dataset: Path | None = None) -> Mapping[str, Step | Source]:
        """See `Study`."""

        ground = self.groundwork(dataset)
        models, clips = self.models_and_clips(ground, single=True)
        modes = ("all", *self.training.controls)
        own = [(f"{paradigm}_{mode}", f"{paradigm}_null") for paradigm in self.paradigms for mode in modes]
        pairs = combinations(self.paradigms, 2)
        across = [(f"{first}_{mode}", f"{second}_{mode}") for first, second in pairs for mode in modes]
        text = [(f"{paradigm}_{mode}", f"{paradigm}_text") for paradigm in self.paradigms for mode in (*modes, "null")]
        return examined(
            {
                **ground.inputs,
                **models,
                **{step.name: step for step in clips.values()},
                "evaluate": self.evaluation_step(clips, ground=ground, pairs=text),
                "adhere": self.adherence_step(clips, ground=ground, pairs=[*own, *across], examples=[self.examples]),
            }
        )


class EntropyStudy(SteeredStudy):
    """How sure the auto-regressive model is of its next token, with controls and without (Figure 9)."""

    kind: Literal["entropy"]
    page: ClassVar[str] = "counterpoint.study.pages.entropy:entropy_report"

    def trained(self) -> Sequence[ParadigmName]:
        """Flow matching draws no tokens."""
        return BOTH[:1]

    def summary(self) -> str:
        """See `Study`."""
        return "entropy of the first codebook's tokens, with controls and without"

    def plan(self, *, dataset: Path | None = None) -> Mapping[str, Step | Source]:
        """See `Study`."""
        from counterpoint.study.steps.entropy import collect_entropies

        ground = self.groundwork(dataset)
        models, clips = self.models_and_clips(ground, single=False)
        steps = {step.name: step for step in clips.values()}
        pairs = [
            (f"{paradigm}_all", f"{paradigm}_{other}") for paradigm in self.trained() for other in ("text", "null")
        ]
        inputs = {"prompts": ground.prompts, "encode": ground.encode, **steps}
        entropy = Step("entropy", collect_entropies, {"pairs": pairs}, inputs)
        return examined({**ground.inputs, **models, **steps, "entropy": entropy})
