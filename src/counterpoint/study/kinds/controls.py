"""How well models follow temporally aligned controls, and what this costs (Table 3, Figure 9)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from counterpoint.config.schema import ControlName, ParadigmName
from counterpoint.study.kinds.examined import examined
from counterpoint.study.kinds.groundwork import named
from counterpoint.study.kinds.trained import BOTH, Drawn, SampledStudy
from counterpoint.study.surroundings import Surroundings
from counterpoint.study.work import Source, Step


class SteeredStudy(SampledStudy):
    """A study of models with and without controls."""

    def shortcuts(self) -> dict[str, str]:
        """The trained models."""
        return {paradigm: f"train_{paradigm}_controlled" for paradigm in self.trained()}

    def contestants(self) -> Sequence[str]:
        """Models without controls, because an outside system gets none."""
        return [f"{paradigm}_text" for paradigm in self.trained()]

    def drawn(self) -> Sequence[Drawn]:
        """By mode: `text` is drawn by a model without controls; by one with them `null`, where none are given, `all`,
        and the modes of the kind of study."""
        given = {"null": (), "all": self.training.controls, **self.further_modes()}
        found = []
        for paradigm in self.trained():
            own: dict[str, Any] = {"paradigm": paradigm, "sampling": self.sampling_of(paradigm)}
            found.append(Drawn(system=f"{paradigm}_text", **own))
            for mode, names in given.items():
                found.append(Drawn(system=f"{paradigm}_{mode}", controlled=True, given=names, **own))
        return found

    def further_modes(self) -> dict[str, tuple[ControlName, ...]]:
        """Further combinations of given controls, by name."""
        return {}


class ControlStudy(SteeredStudy):
    """All controls, a single one, none; both paradigms; compared with models without controls (Table 3)."""

    kind: Literal["controls"]
    page: ClassVar[str] = "counterpoint.study.pages.controls:controls_report"
    paradigms: Annotated[tuple[ParadigmName, ...], Field(min_length=1)] = BOTH

    def trained(self) -> Sequence[ParadigmName]:
        return self.paradigms

    def further_modes(self) -> dict[str, tuple[ControlName, ...]]:
        """Each control alone."""
        return {name: (name,) for name in self.training.controls}

    def summary(self) -> str:
        controls, paradigms = ", ".join(self.training.controls), " and ".join(self.paradigms)
        return f"{controls} steer models of {paradigms}, {self.training.steps:,} updates each"

    def next_command(self, out: Path) -> str:
        """Generate with controls."""
        return f'counterpoint generate CAPTION --model {out / self.paradigms[0]} --chords "C:0 Am:2" --out x.wav'

    def steps_in(self, around: Surroundings) -> Iterable[Step | Source]:
        ground = self.groundwork(around)
        models, clips = self.models_and_clips(ground)
        modes = ("all", *self.training.controls)
        own = [(f"{paradigm}_{mode}", f"{paradigm}_null") for paradigm in self.paradigms for mode in modes]
        pairs = combinations(self.paradigms, 2)
        across = [(f"{first}_{mode}", f"{second}_{mode}") for first, second in pairs for mode in modes]
        text = [(f"{paradigm}_{mode}", f"{paradigm}_text") for paradigm in self.paradigms for mode in (*modes, "null")]
        return examined(
            *ground.steps,
            *models.values(),
            *clips.values(),
            self.evaluation_step(clips, ground=ground, pairs=text),
            self.adherence_step(clips, ground=ground, pairs=[*own, *across], examples=[self.examples]),
        )


class EntropyStudy(SteeredStudy):
    """Entropy of the auto-regressive model's next token, with controls and without (Figure 9)."""

    kind: Literal["entropy"]
    page: ClassVar[str] = "counterpoint.study.pages.entropy:entropy_report"

    def trained(self) -> Sequence[ParadigmName]:
        """Only auto-regressive models draw tokens."""
        return BOTH[:1]

    def summary(self) -> str:
        return "entropy of the first codebook's tokens, with controls and without"

    def steps_in(self, around: Surroundings) -> Iterable[Step | Source]:
        from counterpoint.study.steps.entropy import collect_entropies

        ground = self.groundwork(around)
        models, clips = self.models_and_clips(ground)
        pairs = [
            (f"{paradigm}_all", f"{paradigm}_{other}") for paradigm in self.trained() for other in ("text", "null")
        ]
        inputs = named(ground.prompts, ground.encode, *clips.values())
        entropy = Step("entropy", collect_entropies, {"pairs": pairs}, inputs)
        return examined(*ground.steps, *models.values(), *clips.values(), entropy)
