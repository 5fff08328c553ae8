"""The reconstruction study (Appendix B): codecs against each other, with and without their quantiser."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from counterpoint.config import UserError
from counterpoint.study.kinds.base import Study
from counterpoint.study.settings import ClipsConfig
from counterpoint.study.surroundings import CodecIdentity, Surroundings, judges_there
from counterpoint.study.work import Source, Step

if TYPE_CHECKING:
    from counterpoint.results.schema import System


ORIGINAL = "original"
RECONSTRUCTED = "reconstruct_"


class CodecStudy(Study):
    """How well codecs reconstruct held-out music. A system is a codec and a view: its latents, or its codes if any."""

    kind: Literal["codecs"]
    page: ClassVar[str] = "counterpoint.study.pages.codecs:codec_report"
    codecs: Annotated[list[str], Field(min_length=1)]
    """Names of codecs in the package, folders (including run folders) or hub ids."""
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

    def describe(self, steps: Mapping[str, Step | Source]) -> Mapping[str, System]:
        """The systems; see `Study`. The keys are LABEL_VIEW; in the evaluation of a codec its systems are views."""
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
        """Reconstruct the user's own music with the first codec."""
        del out
        return f"counterpoint codec reconstruct IN.wav --codec {shlex.quote(self.codecs[0])} --out OUT.wav"

    def steps_in(self, around: Surroundings) -> Iterable[Step | Source]:
        from counterpoint.study.steps.compare import measure_chance
        from counterpoint.study.steps.judge import judge
        from counterpoint.study.steps.prompts import choose_prompts

        codecs = _identified([around.codec(name) for name in self.codecs])
        data = around.music(self.compose)
        clips = Step("clips", choose_prompts, self.clips, {"data": data})
        floors = [
            Step("chance", measure_chance, {}, {"clips": clips}),
            Step("judge_original", judge, {"judges": judges_there()}, {"clips": clips, "data": data}),
        ]
        of_codecs = [step for codec in codecs for step in _codec_steps(codec, codecs[codec], clips=clips, data=data)]
        return [data, clips, *floors, *of_codecs]


def _codec_steps(label: str, codec: CodecIdentity, *, clips: Step, data: Step | Source) -> list[Step]:
    """All steps of one codec, on which no other codec's steps depend."""
    from counterpoint.data.layout import file_digest
    from counterpoint.metrics.visqol import find_visqol
    from counterpoint.study.steps.compare import ask_visqol, measure
    from counterpoint.study.steps.judge import judge
    from counterpoint.study.steps.round_trip import round_trip

    made = Step(f"reconstruct_{label}", round_trip, codec.config, {"clips": clips})
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


def _identified(codecs: Iterable[CodecIdentity]) -> dict[str, CodecIdentity]:
    """Codecs with a short label each.

    Raises:
        UserError: a codec has two names.
    """
    found: dict[str, CodecIdentity] = {}
    for codec in codecs:
        twin = next((known for known in found.values() if known.fingerprint == codec.fingerprint != ""), None)
        if twin is not None:
            raise UserError(f"{twin.place} and {codec.place} are the same codec; name it once.")
        place = Path(codec.place)
        label = re.sub(r"[^\w.-]+", "-", place.name if place.is_absolute() else codec.place)
        found[f"{label}-{codec.fingerprint[:6]}" if label in found else label] = codec
    return found
