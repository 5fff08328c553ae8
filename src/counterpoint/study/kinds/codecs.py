"""The reconstruction study (Appendix B): codecs against each other, with and without their quantiser."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from counterpoint.config import UserError
from counterpoint.study.engine import Source, Step
from counterpoint.study.kinds.base import Study, data_step, identify_codec, judges_there
from counterpoint.study.settings import ClipsConfig
from counterpoint.study.workload import Workload

if TYPE_CHECKING:
    from counterpoint.results.schema import System


ORIGINAL = "original"
RECONSTRUCTED = "reconstruct_"


class CodecStudy(Study):
    """What codecs keep of held-out music. A system is a codec and a view: its latents, or its codes if it has any."""

    kind: Literal["codecs"]
    page: ClassVar[str] = "counterpoint.study.pages.codecs:codec_report"
    codecs: Annotated[list[str], Field(min_length=1)]
    """Shipped names, folders (of a run, too) or hub ids."""
    clips: ClipsConfig = ClipsConfig()

    @field_validator("codecs")
    @classmethod
    def _once_each(cls, codecs: list[str]) -> list[str]:
        twice = sorted({name for name in codecs if codecs.count(name) > 1})
        if twice:
            raise ValueError(f"the codec {twice[0]!r} is named twice; name each once")
        return codecs

    def summary(self) -> str:
        return f"reconstruction by {len(self.codecs)} codec{'s' * (len(self.codecs) > 1)}, {', '.join(self.codecs)}"

    def workload(self) -> Workload:
        return Workload(codecs=self.codecs, heard=self.clips.clips * (1 + 2 * len(self.codecs)))

    def describe(self, steps: Mapping[str, Step | Source]) -> Mapping[str, System]:
        """See `Study`. The keys are LABEL_VIEW; in the evaluation of a codec its systems are views."""
        from counterpoint.results.schema import System

        found = [System(key=ORIGINAL, name="Original", origin="truth", prompts="clips", clips=("steps/clips/truth",))]
        for name, step in steps.items():
            if isinstance(step, Step) and name.startswith(RECONSTRUCTED):
                label = name.removeprefix(RECONSTRUCTED)
                assert isinstance(step.config, Mapping)
                for view in ("latents", "codes") if step.config["num_codebooks"] else ("latents",):
                    key, clips = f"{label}_{view}", (f"steps/{name}/{view}",)
                    title = f"{label}, {view}"
                    found.append(System(key=key, name=title, origin="codec", prompts="clips", clips=clips))
        return {system.key: system for system in found}

    def next_command(self, out: Path) -> str:
        """Hear the first with music of one's own."""
        del out
        return f"counterpoint codec reconstruct IN.wav --codec {shlex.quote(self.codecs[0])} --out OUT.wav"

    def plan(self, *, dataset: Path | None = None) -> Mapping[str, Step | Source]:
        """See `Study`. The codecs are loaded, so that one which cannot be is known before anything is computed."""
        from counterpoint.study.steps.compare import measure_chance
        from counterpoint.study.steps.judge import judge
        from counterpoint.study.steps.prompts import choose_prompts

        codecs = _identified(self.codecs)
        data = data_step(self.compose, dataset)
        clips = Step("clips", choose_prompts, self.clips, {"data": data})
        floors = [
            Step("chance", measure_chance, {}, {"clips": clips}),
            Step("judge_original", judge, {"judges": judges_there()}, {"clips": clips, "data": data}),
        ]
        of_codecs = [step for codec in codecs for step in _codec_steps(codec, codecs[codec], clips=clips, data=data)]
        steps = {step.name: step for step in (clips, *floors, *of_codecs)}
        return {"data": data, **steps}


def _codec_steps(label: str, identity: dict[str, Any], *, clips: Step, data: Step | Source) -> list[Step]:
    """All that one codec needs; no other codec's steps depend on them."""
    from counterpoint.data.layout import file_digest
    from counterpoint.metrics.visqol import find_visqol
    from counterpoint.study.steps.compare import ask_visqol, measure
    from counterpoint.study.steps.judge import judge
    from counterpoint.study.steps.round_trip import round_trip

    made = Step(f"reconstruct_{label}", round_trip, identity, {"clips": clips})
    pair = {"clips": clips, "reconstruction": made}
    steps = [
        made,
        Step(f"measure_{label}", measure, {}, pair),
        Step(f"judge_{label}", judge, {"judges": judges_there()}, {**pair, "data": data}),
    ]
    program = find_visqol()
    if program is not None:
        steps.append(
            Step(f"visqol_{label}", ask_visqol, {"program": str(program), "content": file_digest(program)}, pair)
        )
    return steps


def _identified(names: list[str]) -> dict[str, dict[str, Any]]:
    """A short label for each codec, and its identity.

    Raises:
        UserError: a codec that cannot be loaded, or one under two names.
    """
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        identity = identify_codec(name)
        twin = next((known for known in found.values() if known["fingerprint"] == identity["fingerprint"]), None)
        if twin is not None:
            raise UserError(f"{twin['codec']} and {name} are the same codec; name it once.")
        place = Path(identity["codec"])
        label = re.sub(r"[^\w.-]+", "-", place.name if place.is_absolute() else name)
        found[f"{label}-{identity['fingerprint'][:6]}" if label in found else label] = identity
    return found
