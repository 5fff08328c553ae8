"""Which settings of the sampler suit each paradigm (App. D), found by rungs and confirmed on prompts of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from counterpoint.config.sampling import AnySampling, sampling_in
from counterpoint.config.schema import Config, ParadigmName, Positive
from counterpoint.study.engine import Step
from counterpoint.study.kinds.trained import PARADIGMS, Groundwork, TrainedStudy
from counterpoint.study.search.points import Point, expand
from counterpoint.study.search.split import PARTS
from counterpoint.study.workload import Draw, Workload

Settings = dict[str, int | float | str | tuple[float, float]]
"""Fields of `SamplingConfig`, some of them."""
TAKES = {"default": "default", "tuned": "chosen"}
"""What is drawn for confirmation, by the end of the system's name: which point of a `SearchResult`."""


class Grid(Config):
    """The settings of one paradigm's sampler that are tried: every combination of guidance and the axes."""

    default: AnySampling
    """What the search is to improve on; settings that no axis names are as here."""
    guidance: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=1)]
    axes: tuple[Annotated[tuple[Settings, ...], Field(min_length=1)], ...] = ()
    """The values of each other hyper-parameter; two that belong together, as a solver and its steps, are one value."""
    skip: tuple[Settings, ...] = ()
    """Points that have all settings of one of these are not tried; the result and the report name them."""

    def points(self) -> list[Point]:
        """All of them, those skipped too.

        Raises:
            ValueError: see `expand`.
        """
        return expand(self.default, guidance=self.guidance, axes=self.axes, skip=self.skip)

    def tried(self) -> list[Point]:
        """Those that are not skipped."""
        return [point for point in self.points() if not point.skipped]

    def check(self, paradigm: ParadigmName) -> None:
        """
        Raises:
            ValueError: a setting that the paradigm does not read, a value of guidance among the axes, a point that is
                there twice, something skipped that is not there, or fewer than two points left.
        """
        given = [self.default.model_fields_set, *(value.keys() for axis in (*self.axes, self.skip) for value in axis)]
        known = type(self.default).model_fields
        for name in (name for names in given for name in names if name not in known):
            raise ValueError(f"{paradigm} does not read {name!r}; its settings are {', '.join(known)}")
        if any("guidance" in value for axis in self.axes for value in axis):
            raise ValueError("guidance is a list of its own beside the axes")
        points = self.points()
        for own in self.skip:
            if not any(own.items() <= point.settings.items() for point in points):
                raise ValueError(f"skip names {own}, which no point of the grid has")
        if len(self.tried()) < 2:
            raise ValueError("fewer than two points are left to be tried; give the axes more values, or skip fewer")


class LadderConfig(Config):
    """How the field is narrowed."""

    first: Annotated[int, Field(ge=8)] = 8
    """Prompts on the first rung; each further one doubles them, up to all."""
    keep: Positive = 3
    """So many best go on from every rung."""

    def rungs(self, prompts: int) -> tuple[int, ...]:
        """Prompts answered after each rung."""
        found, n = [], self.first
        while n < prompts:
            found.append(n)
            n *= 2
        return (*found, prompts)


class SearchStudy(TrainedStudy):
    """The best settings of both samplers, and the paradigms compared with both tuned."""

    kind: Literal["search"]
    searches: Annotated[dict[ParadigmName, Grid], sampling_in("default")]
    ladder: LadderConfig = LadderConfig()

    @model_validator(mode="after")
    def _grids_fit(self) -> SearchStudy:
        for paradigm in PARADIGMS:
            if paradigm not in self.searches:
                raise ValueError(f"searches must name both paradigms; {paradigm} is missing")
            try:
                self.searches[paradigm].check(paradigm)
            except ValueError as error:
                raise ValueError(f"searches.{paradigm}: {error}") from None
        if len(self.seeds) > 1:
            raise ValueError("a search tunes one model of each paradigm: give one of `seeds`, or none")
        return self

    def summary(self) -> str:
        """See `Study`."""
        counts = " and ".join(f"{len(self.searches[key].tried())} of {key.replace('_', ' ')}" for key in PARADIGMS)
        return f"settings of the samplers, {counts}; the best of each confirmed on prompts of their own"

    def contestants(self) -> tuple[str, ...]:
        """See `TrainedStudy`."""
        return tuple(f"{paradigm}_tuned" for paradigm in PARADIGMS)

    def workload(self) -> Workload:
        """See `Study`. No point is taken to be stopped, so this is the most that can be drawn."""
        prompts = self.prompts
        part = -(-prompts.clips // 2)
        runs = {paradigm: self.training_config(paradigm, dataset="data") for paradigm in PARADIGMS}
        draws = [
            Draw(runs[paradigm], sampling, part, prompts.duration_s, prompts.batch_size)
            for paradigm, grid in self.searches.items()
            for sampling in (*(point.sampling for point in grid.tried()), grid.default, grid.default)
        ]
        return Workload(tuple(runs.values()), draws)

    def plan(self, *, name: str, dataset: Path | None = None) -> Step:
        """See `Study`. Models, prompts and all before them are those of a comparison with the same configuration."""
        from counterpoint.metrics.registry import metric_named
        from counterpoint.study.steps.search import confirm, search, take_part
        from counterpoint.study.steps.search_report import make_search_report

        metric_named(self.evaluation.primary)
        ground = self.groundwork(dataset)
        parts = {
            part: Step(
                f"prompts_{part}", take_part, {"part": part, "seed": self.prompts.seed}, {"prompts": ground.prompts}
            )
            for part in PARTS
        }
        models: dict[ParadigmName, Step] = {name: self.model_step(name, ground=ground) for name in PARADIGMS}
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
                {"data": ground.data, "prompts": parts["search"], "model": model},
                resumable=True,
            )
            for paradigm, model in models.items()
        }
        clips = {
            f"{paradigm}_{end}": Step(
                f"generate_{paradigm}_{end}",
                confirm,
                {"prompts": self.prompts, "take": take},
                {"prompts": parts["confirmation"], "model": models[paradigm], "search": searches[paradigm]},
            )
            for paradigm in PARADIGMS
            for end, take in TAKES.items()
        }
        confirmed = self._confirmed(ground, parts["confirmation"])
        evaluation = self.evaluation_step(clips, ground=confirmed, pairs=pairs())
        steps = (*models.values(), *searches.values(), *clips.values(), *confirmed.outside.values())
        return Step(
            "report",
            make_search_report,
            {"name": name, "study": self, "own_data": dataset is not None},
            {
                **confirmed.inputs,
                "prompts_search": parts["search"],
                "evaluate": evaluation,
                **{step.name: step for step in steps},
            },
        )

    def _confirmed(self, ground: Groundwork, prompts: Step) -> Groundwork:
        """The same before any model, with other prompts."""
        from counterpoint.study.steps.reconstruct import reconstruct

        codec = ground.reconstruct.config
        return replace(
            ground,
            prompts=prompts,
            reconstruct=Step("reconstruct", reconstruct, codec, {"prompts": prompts}),
            outside=self.outside_steps(prompts),
        )


def pairs() -> list[tuple[str, str]]:
    """Of systems that are tested: each paradigm tuned against its default, and the two against each other at both."""
    ar, fm = PARADIGMS
    return [
        *((f"{paradigm}_tuned", f"{paradigm}_default") for paradigm in PARADIGMS),
        *((f"{ar}_{end}", f"{fm}_{end}") for end in TAKES),
    ]
