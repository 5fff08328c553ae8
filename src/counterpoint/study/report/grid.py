"""The report of a grid of configurations: the folders of its steps to a page."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from counterpoint.study.paper import paper_scores
from counterpoint.study.report.assemble import command_of
from counterpoint.study.report.cells import PARADIGM, Cells, read_axes
from counterpoint.study.report.charts import loss_curve
from counterpoint.study.report.content import (
    Example,
    GridCell,
    GridContent,
    System,
)
from counterpoint.study.report.curves import curves
from counterpoint.study.report.following import NAMES, Findings, listed
from counterpoint.study.report.grid_costs import codec_grid, generation_grid, loss_curves, training_grid
from counterpoint.study.report.grid_facts import grid_facts, grid_headline, grid_notes
from counterpoint.study.report.grid_judged import TRUTH, Judged
from counterpoint.study.report.grid_panels import grid_panels
from counterpoint.study.report.grid_table import comparison_tables, grid_table, grid_text
from counterpoint.study.report.grid_verdict import grid_verdict
from counterpoint.study.report.outside import STYLE, outside_clips, outside_systems
from counterpoint.study.report.page import write_page, write_players
from counterpoint.study.report.read import Folders
from counterpoint.study.report.tables import (
    Table,
    cells_table,
    differences_csv,
    differences_table,
    scores_csv,
    scores_table,
)
from counterpoint.study.windows import spread


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
        has_outside=any(system.style == STYLE for system in content.systems),
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
        panels=grid_panels(grid, judged) if x else [],
        comparisons=comparison_tables(grid, decided=decided, outside=outside),
        curves=loss_curves(folders, grid),
        training=training_grid(folders, grid),
        generation=generation_grid(folders, grid),
        codecs=codec_grid(folders, grid, codecs),
        examples=_examples(folders, grid, judged, wanted=study["examples"]),
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
