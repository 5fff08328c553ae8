"""Models and sampling settings on a grid (Tables 2, 6, 7 and 8, Figures 4 and 8), with a cell for each combination."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from counterpoint.config.schema import ParadigmName
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.study.kinds.cells import Axis, Cell, CellStudy, neighbours, with_changes
from counterpoint.study.kinds.examined import examined
from counterpoint.study.kinds.groundwork import Groundwork, at_seed, named
from counterpoint.study.kinds.trained import codec_config
from counterpoint.study.settings import PromptsConfig, SharedTrainingConfig
from counterpoint.study.surroundings import Surroundings, judges_there
from counterpoint.study.work import Source, Step

if TYPE_CHECKING:
    from counterpoint.results.schema import System

_OF_OTHERS = ("test", "valid", "train")
"""Splits of a dataset on which no model is trained."""
_OF_TRAINING = ("paradigm", "codec", "start", "training.")
_OWN = ("paradigm", "codec", "start")
_GROUPS = ("training", "sampling", "prompts")
_OPEN = " and ".join(f"{group}.KEY" for group in _GROUPS)


class GridStudy(CellStudy):
    """A grid of configurations, all of whose cells are evaluated in the same way."""

    kind: Literal["grid"] = "grid"
    page: ClassVar[str] = "counterpoint.study.pages.grid:grid_report"
    axes: Annotated[dict[Annotated[str, Field(pattern=r"^[a-z_]+$")], Axis], Field(min_length=1)]
    x: str = ""
    """The axis of the curves in the report; by default the last."""
    without: list[dict[str, str]] = Field(default_factory=list)
    """Labels by axis: combinations to leave out, such as auto-regression with a VAE, which has no codes."""
    floors: bool = False
    """The prompts are also answered by trivial predictors, which any learning must beat, and by the training music as
    it is, which no judge may be taken in by."""
    paper: str = ""
    """The paper's table, by its name in `claims.paper`, whose rows have the names of cells."""
    paper_systems: dict[str, str] = Field(default_factory=dict)
    """Cells with other names in the table's rows."""
    prompts_from: str = ""
    """A dataset of other captions and music (from `data ingest`), all splits of which provide the prompts and the
    reference of distances; `composed` composes one with another seed. By default the held-out music is used."""

    @model_validator(mode="after")
    def _cells_fit(self) -> GridStudy:
        if self.x and self.x not in self.axes:
            raise ValueError(f"x {self.x!r} is not one of the axes: {', '.join(self.axes)}")
        systems = [cell.system for cell in self.cells()]
        if not systems:
            raise ValueError("no cell remains; exclude fewer in `without`")
        twice = {system for system in systems if systems.count(system) > 1}
        if twice:
            raise ValueError(f"two cells are named {min(twice)!r}; give the axes other labels")
        return self

    def cells(self) -> list[Cell]:
        """All combinations that are not excluded."""
        found = []
        for labels in product(*(axis.values for axis in self.axes.values())):
            of_axis = dict(zip(self.axes, labels, strict=True))
            if any(left_out.items() <= of_axis.items() for left_out in self.without):
                continue
            study = self._at(of_axis)
            named = {name: label for name, label in of_axis.items() if label != self.axes[name].unnamed}
            model = "_".join(label for name, label in named.items() if self._is_of_training(name))
            found.append(Cell("_".join(named.values()), of_axis, model or study.paradigm, study))
        return found

    def summary(self) -> str:
        cells = self.cells()
        models, runs = len({cell.model for cell in cells}), len(self.training_seeds)
        times = f", {runs} times each" if runs > 1 else ""
        if len(self.axes) == 1:
            names = " and ".join(cell.system for cell in cells)
            start = ", fine-tuned from the included models" if self.start else ""
            return f"{names}{start}{times}, {self.training.steps:,} updates each"
        return f"{len(cells)} cells of {' x '.join(self.axes)}; {models} models{times}, {self.training.steps:,} updates"

    def trained(self) -> Sequence[ParadigmName]:
        return tuple(dict.fromkeys(cell.study.paradigm for cell in self.cells()))

    def describe(self, steps: Mapping[str, Step | Source]) -> Mapping[str, System]:
        labels = {cell.system: cell.labels for cell in self.cells()}
        return {
            key: system.model_copy(update={"labels": labels.get(key, {})})
            for key, system in super().describe(steps).items()
        }

    def next_command(self, out: Path) -> str:
        """Generate more with the first model."""
        return f"counterpoint generate CAPTION --model {out / self.cells()[0].model} --out x.wav"

    def shortcuts(self) -> dict[str, str]:
        """The trained models."""
        return {cell.model: f"train_{cell.model}" for cell in self.cells()}

    def contestants(self) -> Sequence[str]:
        return [cell.system for cell in self.cells()]

    def steps_in(self, around: Surroundings) -> Iterable[Step | Source]:
        cells = self.cells()
        ground = self._grounds(cells, around)
        models: dict[str, Step] = {}
        clips: dict[str, dict[str, Step]] = {cell.duration: {} for cell in cells}
        for cell, seed in product(cells, self.turns):
            study, own = cell.study, ground[cell.system]
            model = study.model_step(study.paradigm, ground=own, seed=seed, label=cell.model)
            model = models.setdefault(model.name, model)
            sampling = study.sampling_of(study.paradigm)
            drawn = study.clips_step(cell.system, model=model, sampling=sampling, ground=own, seed=seed)
            clips[cell.duration][at_seed(cell.system, seed)] = drawn
        for cell in cells if self.floors else ():
            clips[cell.duration] |= self._floor_clips(cell, ground[cell.system])
        evaluations = [self._evaluation(cells, duration, clips[duration], ground) for duration in clips]
        before = [step for own in ground.values() for step in own.steps]
        drawn = [step for of_duration in clips.values() for step in of_duration.values()]
        return examined(*before, *models.values(), *drawn, *evaluations)

    def _floor_clips(self, cell: Cell, ground: Groundwork) -> dict[str, Step]:
        """The clips of systems without training, by name: the trivial predictors of a cell's paradigm, and the training
        music. Cells with the same codec and length share them."""
        from counterpoint.study.judged import COPIES
        from counterpoint.study.steps.copies import copy_training

        cells = self.cells()
        codec = f"_{cell.codec}" * (len({each.codec for each in cells}) > 1)
        length = f"_{cell.duration}" * (len({each.duration for each in cells}) > 1)
        suffix, paradigm = f"{codec}{length}", cell.study.paradigm
        trivial = [
            cell.study.trivial_step(entry, paradigm=paradigm, ground=ground, suffix=suffix)
            for entry in PARADIGMS[paradigm].trivial
        ]
        inputs = {"training": ground.data, "prompts": ground.prompts}
        copies = Step(f"generate_{COPIES}{length}", copy_training, {}, inputs)
        return {step.name.removeprefix("generate_"): step for step in (*trivial, copies)}

    def _grounds(self, cells: Sequence[Cell], around: Surroundings) -> dict[str, Groundwork]:
        """By system, the steps before its model; cells share equal steps."""
        data = around.music(self.compose)
        captions, found = self._captions(data, around), {}
        paradigms: dict[str, list[ParadigmName]] = {}
        for cell in cells:
            paradigms.setdefault(cell.study.codec, []).append(cell.study.paradigm)
        codecs = {name: codec_config(name, around, paradigms=own) for name, own in paradigms.items()}
        splits = {"splits": _OF_OTHERS} if self.prompts_from else {}
        for cell in cells:
            names = {"of_codec": f"_{cell.codec}", "of_prompts": f"_{cell.duration}"}
            prompts = cell.study.prompts_step(captions, name=f"prompts_{cell.duration}", **splits)
            found[cell.system] = self.ground(data, codecs[cell.study.codec], prompts, captions=captions, **names)
        return found

    def _captions(self, data: Step | Source, around: Surroundings) -> Step | Source:
        """The dataset of the prompts."""
        if not self.prompts_from:
            return data
        if self.prompts_from != "composed":
            return around.music(self.compose, folder=Path(self.prompts_from).expanduser())
        other = self.compose.model_copy(update={"clips": 4 * self.prompts.clips, "seed": self.compose.seed + 1})
        from counterpoint.study.steps.compose import compose_corpus

        return Step("captions", compose_corpus, other)

    def _evaluation(
        self, cells: Sequence[Cell], duration: str, clips: Mapping[str, Step], ground: Mapping[str, Groundwork]
    ) -> Step:
        """The metrics on all cells of one duration: clips of different lengths are not compared."""
        from counterpoint.study.steps.evaluate import evaluate_systems

        own = [cell for cell in cells if cell.duration == duration]
        first = ground[own[0].system]
        outside = [(cell.system, other) for cell in own for other in self.systems]
        return Step(
            f"evaluate_{duration}",
            evaluate_systems,
            {
                "seed": self.evaluation.seed,
                "pairs": [*neighbours(own), *outside],
                "judges": judges_there(),
                **({"reference": _OF_OTHERS} if self.prompts_from else {}),
            },
            {
                "data": first.captions,
                "training": first.data,
                "prompts": first.prompts,
                **{f"reconstruct_{cell.codec}": ground[cell.system].reconstruct for cell in own},
                **first.outside,
                **named(*clips.values()),
            },
        )

    def _is_of_training(self, axis: str) -> bool:
        return any(key.startswith(_OF_TRAINING) for key in self._keys(axis))

    def _keys(self, axis: str) -> Iterator[str]:
        """All keys that the axis changes."""
        yield from self.axes[axis].keys
        if not self.axes[axis].keys:
            for value in self.axes[axis].values.values():
                yield from value if isinstance(value, dict) else ("codec",)

    def _at(self, labels: Mapping[str, str]) -> GridStudy:
        """The configuration of one cell.

        Raises:
            ValueError: an axis names no key, or gives one an invalid value.
        """
        changes: dict[str, dict[str, Any]] = {"": {}, **{group: {} for group in _GROUPS}}
        filled = {}
        for name, label in labels.items():
            axis, value = self.axes[name], self.axes[name].values[label]
            if not axis.keys and not isinstance(value, dict):
                filled[name] = value
                continue
            for key, setting in (value if isinstance(value, dict) else dict.fromkeys(axis.keys, value)).items():
                group, dot, rest = key.partition(".")
                if key not in _OWN and not (dot and group in _GROUPS):
                    raise ValueError(f"the axis {name!r} changes {key!r}; it may change {', '.join(_OWN)}, {_OPEN}")
                changes[group if dot else ""][rest if dot else key] = setting
        try:
            codec = str(changes[""].get("codec", self.codec)).format_map(filled)
        except KeyError as missing:
            raise ValueError(f"codec {self.codec!r} contains {missing}, which is not an axis") from None
        paradigm = changes[""].get("paradigm", self.paradigm)
        PARADIGMS.check(paradigm)
        own = self.sampling_of(paradigm)
        sampling = {**self.sampling, paradigm: with_changes(own, changes["sampling"], type(own))}
        cell = self.model_copy(
            update={
                "paradigm": paradigm,
                "codec": codec,
                "start": changes[""].get("start", self.start),
                "training": with_changes(self.training, changes["training"], SharedTrainingConfig),
                "sampling": sampling,
                "prompts": with_changes(self.prompts, changes["prompts"], PromptsConfig),
            }
        )
        cell.check_lengths()
        return cell
