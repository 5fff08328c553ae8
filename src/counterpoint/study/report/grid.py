"""The report of a grid of configurations: the folders of its steps to a page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from counterpoint.study.paper import paper_scores
from counterpoint.study.report.assemble import command_of
from counterpoint.study.report.cells import PARADIGM, Cells, read_axes
from counterpoint.study.report.charts import loss_curve
from counterpoint.study.report.content import (
    Difference,
    Example,
    GridCell,
    GridContent,
    GridPanel,
    Metric,
    Place,
    Score,
    Series,
    System,
)
from counterpoint.study.report.curves import curves
from counterpoint.study.report.following import NAMES, Findings, listed
from counterpoint.study.report.grid_costs import codec_grid, generation_grid, loss_curves, training_grid
from counterpoint.study.report.grid_facts import grid_facts, grid_headline, grid_notes
from counterpoint.study.report.grid_table import comparison_tables, grid_table, grid_text
from counterpoint.study.report.grid_verdict import grid_verdict
from counterpoint.study.report.numbers import interval
from counterpoint.study.report.outside import outside_clips, outside_systems
from counterpoint.study.report.page import write_page, write_players
from counterpoint.study.report.read import HALVES, Folders, read_difference, read_metrics, read_scores
from counterpoint.study.report.tables import (
    Table,
    cells_table,
    differences_csv,
    differences_table,
    scores_csv,
    scores_table,
)
from counterpoint.study.windows import spread

TRUTH = "ground_truth"
VIEWS = {"latents": "continuous", "codes": "quantised"}


def write_grid_report(content: GridContent, out: Path, *, progress: Callable[[int, int], None] | None = None) -> Path:
    """Write the report into `out`; returns its `index.html`."""
    from markupsafe import Markup

    players = write_players(content, out, wanted=lambda number, key: True, progress=progress)
    caption = "Values with 95% intervals; an asterisk marks a value shown to be the best of its group."
    return write_page(
        content,
        out,
        template="grid.html",
        tables={
            "grid": grid_text(content.table, caption=caption),
            **{f"comparison{index}": cells_table(table) for index, table in enumerate(content.comparisons, 1)},
            "differences": differences_table(content),
            "signals": scores_table(content, content.descriptions),
            **{
                name: Table(caption, grid.header, grid.rows)
                for name, caption, grid in (
                    ("training", "What training took.", content.training),
                    ("generation", "What generation took.", content.generation),
                    ("codecs", "What the codecs keep.", content.codecs),
                )
            },
        },
        csv={"scores": scores_csv(content), "differences": differences_csv(content)},
        players=[
            [players[number, key] for key in example.clips if (number, key) in players]
            for number, example in enumerate(content.examples)
        ],
        panels=[(content.metric(panel.metric), Markup(curves(panel))) for panel in content.panels],
        losses=lambda curve: Markup(loss_curve(curve, name=curve.name)),
    )


def assemble_grid(
    folders: Folders,
    *,
    name: str,
    study: Mapping[str, Any],
    study_yaml: str,
    own_data: bool,
    cells: Sequence[Mapping[str, Any]],
    codecs: Mapping[str, str],
) -> GridContent:
    """Everything the report says.

    Args:
        study: the configuration, plain.
        study_yaml: the same, as a file that `study run` takes.
        own_data: the music is the user's.
        cells: of each its `system`, `model`, `labels` by axis, `paradigm`, `codec`, `duration_s`, and `evaluate`, the
            step that judged it.
        codecs: by label, their names.
    """
    judged = Judged(folders, cells, outside=outside_systems(study))
    found = Findings(
        metrics={metric.key: metric for metric in judged.metrics}, scores=judged.scores, differences=judged.differences
    )
    axes = read_axes(study, cells)
    wanted = study["x"] or [*study["axes"]][-1]
    x = wanted if any(axis.key == wanted for axis in axes) else ""
    grid = Cells(axes, [_cell(cell, folders) for cell in cells], x, found)
    primary = study["evaluation"]["primary"]
    decided = grid.deciding(primary)
    paper = paper_scores(study["paper"]) if study["paper"] else None
    names = {label: (grid.codec(label), Path(codec).name) for label, codec in codecs.items()}
    floors = {key: judged.floors(suffix, names) for key, suffix in judged.suffixes.items()}
    outside = [system for suffix in judged.suffixes.values() for system in judged.outside(suffix)]
    return GridContent(
        name=name,
        made=time.strftime("%-d %B %Y"),
        title=_title(grid),
        verdict=grid_verdict(
            grid,
            primary=primary,
            decided=decided,
            floors={key: f"{TRUTH}{suffix}" for key, suffix in judged.suffixes.items()},
            outside=[system.key for system in outside],
        ),
        headline_facts=grid_headline(folders, study, grid),
        systems=[*_systems(grid, codecs), *outside, *(system for group in floors.values() for system in group)],
        metrics=judged.metrics,
        scores=judged.scores,
        differences=judged.differences,
        primary=primary,
        decided=decided,
        axes=axes,
        cells=grid.cells,
        table=grid_table(
            grid,
            paper=paper,
            floors={f"Floors{f', {key}' if key else ''}": group for key, group in floors.items()},
            outside=outside,
        ),
        panels=[panel(grid, metric, judged=judged) for metric in grid.metrics()] if x else [],
        comparisons=comparison_tables(grid, decided=decided, outside=outside),
        curves=loss_curves(folders, grid),
        training=training_grid(folders, grid),
        generation=generation_grid(folders, grid),
        codecs=codec_grid(folders, grid, codecs),
        examples=_examples(folders, grid, judged, wanted=study["report"]["examples"]),
        source=f"{paper.source}: {paper.where}. {paper.about}" if paper else "",
        claims=paper.claims if paper else (),
        evaluations={step: _told(step, evaluation, judged) for step, evaluation in judged.evaluations.items()},
        facts=grid_facts(folders, study, grid, codecs),
        notes=grid_notes(
            folders, judged.evaluations, study=study, grid=grid, decided=decided, own_data=own_data, paper=paper
        ),
        command=command_of(own_data=own_data),
        files={"study.yaml": study_yaml},
    )


class Judged:
    """What every evaluation of a grid found, on one page: systems that several of them know, such as the ground truth,
    get a key of their own for each.

    Attributes:
        evaluations: by step.
        suffixes: by name of a duration, what such keys end with; both "" where there is one evaluation alone.
    """

    def __init__(self, folders: Folders, cells: Sequence[Mapping[str, Any]], *, outside: Sequence[System]):
        durations = {cell["evaluate"]: f"{cell['duration_s']:g} s" for cell in cells}
        self.evaluations = {step: folders.json(step, "evaluation.json") for step in durations}
        several = len(durations) > 1
        self.durations = {step: name if several else "" for step, name in durations.items()}
        self.suffixes = {name: f"_{name.replace(' ', '')}" if name else "" for name in self.durations.values()}
        self._outside = outside
        self._own = {cell["system"] for cell in cells}
        metrics: dict[str, Metric] = {}
        self.scores: dict[str, dict[str, Score]] = {}
        self.differences: list[Difference] = []
        for step, evaluation in self.evaluations.items():
            scores, suffix = read_scores(evaluation), self.suffixes[self.durations[step]]
            for metric, of_metric in scores.items():
                renamed = {self._key(system, suffix): score for system, score in of_metric.items()}
                self.scores.setdefault(metric, {}).update(renamed)
            metrics |= {metric.key: metric for metric in read_metrics(evaluation, scores) if metric.key not in metrics}
            self.differences += [self._renamed(item, suffix) for item in evaluation["differences"]]
        self.metrics = list(metrics.values())

    def _key(self, system: str, suffix: str) -> str:
        return system if system in self._own else f"{system}{suffix}"

    def _renamed(self, item: Mapping[str, Any], suffix: str) -> Difference:
        pair = {side: self._key(item[side], suffix) for side in ("first", "second")}
        return read_difference({**item, **pair})

    def _known(self, systems: Iterator[System]) -> list[System]:
        return [system for system in systems if any(system.key in of_metric for of_metric in self.scores.values())]

    def floors(self, suffix: str, codecs: Mapping[str, tuple[str, str]]) -> list[System]:
        """What no model made: the music, through each codec, and halves of the reference.

        Args:
            codecs: by label, what tells each from the others, and its name.
        """

        def every() -> Iterator[System]:
            yield System(f"{TRUTH}{suffix}", "Ground truth", "Ground truth", "The held-out music itself.", style=TRUTH)
            for label, (place, codec) in codecs.items():
                for view, how in VIEWS.items():
                    name = f"Codec, {place}, {how}" if place else f"Codec, {how}"
                    what = f"The ground truth through {codec}, {how}: the best that models which speak it can sound."
                    key = f"reconstruction_{label}_{view}{suffix}"
                    yield System(key, name, name, what, style=f"reconstruction_{view}")
            what = "One half of the reference tracks against the other: what distances come to when nothing differs."
            yield System(f"{HALVES}{suffix}", "Training music, two halves", "Training halves", what, style=HALVES)

        return self._known(every())

    def outside(self, suffix: str) -> list[System]:
        """Those from outside, under the key of this evaluation."""
        told = f", {suffix[1:].replace('s', ' s')}" if suffix else ""
        return self._known(
            replace(system, key=f"{system.key}{suffix}", name=f"{system.name}{told}", short=f"{system.short}{told}")
            for system in self._outside
        )

    def suffix(self, cell: GridCell) -> str:
        name = f"{cell.duration_s:g} s"
        return self.suffixes.get(name, "")


def _told(step: str, evaluation: Mapping[str, Any], judged: Judged) -> str:
    name = judged.durations[step]
    return f"{f'clips of {name}, ' if name else ''}{evaluation['n']} on each side of a distance"


def _cell(cell: Mapping[str, Any], folders: Folders) -> GridCell:
    step = f"train_{cell['model']}"
    runs = [step, *sorted(name for name in folders.paths if name.startswith(f"{step}@"))]
    names = ("system", "model", "labels", "paradigm", "codec", "duration_s")
    return GridCell(**{name: cell[name] for name in names}, runs=runs)


def _title(grid: Cells) -> str:
    others = [axis.name for axis in grid.axes if axis.key != PARADIGM]
    if not grid.axis(PARADIGM):
        return f"What changes with {listed(others)}?"
    return f"Auto-regressive or flow matching{f', by {listed(others)}' if others else '?'}"


def _systems(grid: Cells, codecs: Mapping[str, str]) -> list[System]:
    found = []
    for cell in grid.cells:
        name = grid.place(cell.labels) or NAMES[cell.paradigm]
        runs = f" {len(cell.runs)} training seeds." if len(cell.runs) > 1 else ""
        what = f"{NAMES[cell.paradigm]}, trained from scratch on {Path(codecs[cell.codec]).name}.{runs}"
        found.append(System(cell.system, name, name, what, style=grid.style(cell)))
    return found


def panel(grid: Cells, metric: Metric, *, judged: Judged) -> GridPanel:
    """The curves of a metric, with what real music scores, and the music through each line's codec."""
    axis = grid.axis(grid.x)
    assert axis is not None
    numbers = axis.numbers or {label: float(index) for index, label in enumerate(axis.labels)}
    log = bool(axis.numbers) and min(numbers.values()) > 0 and max(numbers.values()) >= 2 * min(numbers.values())

    def points(cells: Sequence[GridCell], key: Callable[[GridCell], str]) -> list[Place]:
        found = [(cell, grid.score(metric.key, key(cell))) for cell in cells]
        return sorted(
            (_place(numbers[cell.labels[axis.key]], grid, cell, key(cell), score) for cell, score in found if score),
            key=lambda place: place.x,
        )

    series, levels = [], []
    for cells in grid.lines().values():
        style = grid.style(cells[0])
        name = grid.place(cells[0].labels, without=[axis.key])
        series.append(Series(style, name, points(cells, lambda cell: cell.system)))
        levels.append(Series(style, "", points(cells, lambda cell: _ceiling(cell, judged)), is_limit=True))
    levels += _truths(grid, points, judged)
    return GridPanel(
        metric.key,
        axis.name,
        [(numbers[label], text) for label, text in axis.labels.items()],
        log,
        [line for line in series if line.points],
        [line for line in levels if line.points],
    )


def _place(x: float, grid: Cells, cell: GridCell, system: str, score: Score) -> Place:
    name = grid.place(cell.labels)
    who = name if system == cell.system else f"the codec of {name}" if "reconstruction" in system else "ground truth"
    text = f"{who} {interval(score.value, score.low, score.high)}"
    return Place(x, score.value, score.low, score.high, text)


def _ceiling(cell: GridCell, judged: Judged) -> str:
    view = "codes" if cell.paradigm == "autoregressive" else "latents"
    return f"reconstruction_{cell.codec}_{view}{judged.suffix(cell)}"


def _truths(
    grid: Cells, points: Callable[[Sequence[GridCell], Callable[[GridCell], str]], list[Place]], judged: Judged
) -> list[Series]:
    """One where clips have one length at each place; else one a length."""
    lines = list(grid.lines().values())
    if all(len({cell.duration_s for cell in line}) == 1 for line in lines):
        by_duration = {line[0].duration_s: [] for line in lines}
        for line in lines:
            by_duration[line[0].duration_s] += line
        groups = [
            (f"Ground truth, {duration:g} s" if len(by_duration) > 1 else "Ground truth", cells)
            for duration, cells in by_duration.items()
        ]
    else:
        groups = [("Ground truth", max(lines, key=len))]
    found = []
    for name, cells in groups:
        places = {point.x: point for point in points(cells, lambda cell: f"{TRUTH}{judged.suffix(cell)}")}
        found.append(Series(TRUTH, name, list(places.values()), is_limit=True))
    return found


def _examples(folders: Folders, grid: Cells, judged: Judged, *, wanted: int) -> list[Example]:
    """Evenly spread over the prompts of every duration, not chosen by ear; of several training seeds the first."""
    durations = dict.fromkeys(cell.duration_s for cell in grid.cells)
    examples = []
    for duration in durations:
        step = f"prompts_{duration:g}s"
        own = [cell for cell in grid.cells if cell.duration_s == duration]
        suffix = judged.suffix(own[0])
        places = {f"{TRUTH}{suffix}": folders.paths[step] / "truth"}
        places |= {cell.system: folders.paths[f"generate_{cell.system}"] for cell in own}
        for window in spread(folders.json(step, "prompts.json")["windows"], -(-wanted // len(durations))):
            clips = {key: place / f"{window['id']}.wav" for key, place in places.items()}
            clips |= outside_clips(folders.paths, judged.outside(suffix), window["id"])
            examples.append(Example(window["id"], window["caption"], clips))
    return examples
