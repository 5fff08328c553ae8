"""The comparison of the paradigms."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from counterpoint.config.schema import ParadigmName
from counterpoint.study.engine import Step
from counterpoint.study.kinds.trained import PARADIGMS, BothSampling, TrainedStudy, both_sampling

SYSTEMS: dict[str, tuple[ParadigmName, bool]] = {
    **{paradigm: (paradigm, True) for paradigm in PARADIGMS},
    **{f"untrained_{paradigm}": (paradigm, False) for paradigm in PARADIGMS},
}
"""Paradigm of each model, and whether it is trained; an untrained one is the same before its first update."""


class ParadigmStudy(TrainedStudy):
    """A comparison of the paradigms, from data to report."""

    kind: Literal["paradigms"] = "paradigms"
    sampling: BothSampling = Field(default_factory=both_sampling)

    def summary(self) -> str:
        """See `Study`."""
        return f"auto-regressive and flow matching, {self.training.steps:,} updates each"

    def next_command(self, out: Path) -> str:
        """Hear more of the first."""
        return f"counterpoint generate CAPTION --model {out / PARADIGMS[0]} --out x.wav"

    def plan(self, *, name: str, dataset: Path | None = None) -> Step:
        """See `Study`. The codec is loaded, so that one which cannot be is known before anything is computed."""
        from counterpoint.study.steps.report import make_report

        ground = self.groundwork(dataset)
        models = {
            system: self.model_step(paradigm, ground=ground, trained=trained)
            for system, (paradigm, trained) in SYSTEMS.items()
        }
        clips = {
            system: self.clips_step(system, model=models[system], sampling=self.sampling[paradigm], ground=ground)
            for system, (paradigm, _) in SYSTEMS.items()
        }
        return Step(
            "report",
            make_report,
            {"name": name, "study": self, "own_data": dataset is not None},
            {
                **ground.inputs,
                "evaluate": self.evaluation_step(clips, ground=ground, pairs=[PARADIGMS]),
                **{step.name: step for step in (*models.values(), *clips.values())},
            },
        )
