"""The best sampler settings of each paradigm (App. D), found in rungs and confirmed on separate prompts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from counterpoint.config.sampling import sampling_in
from counterpoint.config.schema import ParadigmName
from counterpoint.study.kinds.examined import examined
from counterpoint.study.kinds.trained import TrainedStudy, codec_config
from counterpoint.study.search.split import PARTS
from counterpoint.study.settings import Grid, LadderConfig
from counterpoint.study.surroundings import Surroundings
from counterpoint.study.work import Source, Step

TAKES = {"default": "default", "tuned": "chosen"}
"""By the end of the system's name, the point of a `SearchResult` that is drawn for confirmation."""


class SearchStudy(TrainedStudy):
    """The best settings of both samplers, and a comparison of the tuned paradigms."""

    kind: Literal["search"]
    page: ClassVar[str] = "counterpoint.study.pages.search:search_report"
    searches: Annotated[dict[ParadigmName, Grid], sampling_in("default"), Field(min_length=1)]
    ladder: LadderConfig = LadderConfig()

    @model_validator(mode="after")
    def _grids_fit(self) -> SearchStudy:
        for paradigm, grid in self.searches.items():
            try:
                grid.check(paradigm)
            except ValueError as error:
                raise ValueError(f"searches.{paradigm}: {error}") from None
        if len(self.seeds) > 1:
            raise ValueError("a search tunes one model of each paradigm: set one of `seeds`, or none")
        return self

    def trained(self) -> Sequence[ParadigmName]:
        return tuple(self.searches)

    def summary(self) -> str:
        counts = " and ".join(f"{len(self.searches[key].tried())} of {key.replace('_', ' ')}" for key in self.trained())
        return f"settings of the samplers, {counts}; the best of each confirmed on separate prompts"

    def contestants(self) -> tuple[str, ...]:
        return tuple(f"{paradigm}_tuned" for paradigm in self.trained())

    def steps_in(self, around: Surroundings) -> Iterable[Step | Source]:
        """The steps; see `Study`. Models, prompts and earlier steps are those of a comparison with the same
        configuration."""
        from counterpoint.study.steps.search import confirm, search, take_part

        codec = codec_config(self.codec, around, paradigms=self.trained())
        data = around.music(self.compose)
        whole = self.prompts_step(data, name="prompts_all")
        searched, confirmed = (
            Step(name, take_part, {"part": part, "seed": self.prompts.seed}, {"prompts": whole})
            for name, part in zip(("prompts_search", "prompts"), PARTS, strict=True)
        )
        ground = self.ground(data, codec, confirmed)
        models: dict[ParadigmName, Step] = {name: self.model_step(name, ground=ground) for name in self.trained()}
        searches = {
            paradigm: Step(
                f"search_{paradigm}",
                search,
                {
                    "paradigm": paradigm,
                    "grid": self.searches[paradigm],
                    "ladder": self.ladder,
                    "prompts": self.prompts,
                    "primary": self.evaluation.primary,
                    "seed": self.evaluation.seed,
                },
                {"data": data, "prompts": searched, "all_prompts": whole, "model": model},
                resumable=True,
            )
            for paradigm, model in models.items()
        }
        clips = {
            f"{paradigm}_{end}": Step(
                f"generate_{paradigm}_{end}",
                confirm,
                {"prompts": self.prompts, "take": take},
                {"prompts": confirmed, "model": models[paradigm], "search": searches[paradigm]},
            )
            for paradigm in self.trained()
            for end, take in TAKES.items()
        }
        evaluation = self.evaluation_step(clips, ground=ground, pairs=pairs(self.trained()))
        drawn = (*models.values(), *searches.values(), *clips.values())
        return examined(*ground.steps, searched, evaluation, *drawn)


def pairs(paradigms: Sequence[ParadigmName]) -> list[tuple[str, str]]:
    """Pairs to test: each tuned paradigm against its default, and the paradigms against each other for both."""
    return [
        *((f"{paradigm}_tuned", f"{paradigm}_default") for paradigm in paradigms),
        *((f"{first}_{end}", f"{second}_{end}") for first, second in combinations(paradigms, 2) for end in TAKES),
    ]
