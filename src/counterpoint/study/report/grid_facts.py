"""What the report of a grid says of its data, models, budget and methods."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from counterpoint.report.numbers import count, duration
from counterpoint.study.paper import PaperScores
from counterpoint.study.report.assemble import (
    backbone_fact,
    clips_of,
    hours_of,
    music_fact,
    optimiser_fact,
    sampling_facts,
)
from counterpoint.study.report.cells import Cells
from counterpoint.study.report.content import Fact, Note
from counterpoint.study.report.following import listed
from counterpoint.study.report.grid_costs import models
from counterpoint.study.report.machine import machine_facts
from counterpoint.study.report.notes import notes
from counterpoint.study.report.read import Folders


def grid_headline(folders: Folders, study: Mapping[str, Any], grid: Cells) -> list[Fact]:
    """Beside the verdict."""
    info = folders.json("data", "dataset.json")
    runs = {step for cell in grid.cells for step in cell.runs}
    spent = sum(folders.record(step).get("seconds", 0.0) for step in folders.paths)
    return [
        Fact("Music", f"{sum(info['rows'].values()):,} {clips_of(info)}, {hours_of(sum(info['hours'].values()))}"),
        Fact("Grid", f"{len(grid.cells)} cells of {listed([axis.name for axis in grid.axes])}"),
        Fact("Training runs", f"{len(runs)}{f', {_seeds(grid)} seeds each' if _seeds(grid) > 1 else ''}"),
        Fact("Prompts", "; ".join(_prompts(folders, grid).values())),
        Fact("Time, everything", duration(spent)),
    ]


def _seeds(grid: Cells) -> int:
    return max(len(cell.runs) for cell in grid.cells)


def _prompts(folders: Folders, grid: Cells) -> dict[float, str]:
    """By duration, how many."""
    durations = dict.fromkeys(cell.duration_s for cell in grid.cells)
    counts = {each: len(folders.json(f"prompts_{each:g}s", "prompts.json")["windows"]) for each in durations}
    return {each: f"{found} of {each:g} s" for each, found in counts.items()}


def _captions(folders: Folders, study: Mapping[str, Any], grid: Cells) -> str:
    windows = listed([*_prompts(folders, grid).values()])
    others = study.get("prompts_from", "")
    whose = {"": "held-out music", "composed": "music composed with another seed"}.get(others, Path(others).name)
    return f"captions of windows of {whose}: {windows}; never trained on"


def grid_facts(folders: Folders, study: Mapping[str, Any], grid: Cells, codecs: Mapping[str, str]) -> list[Fact]:
    """What was compared."""
    training = study["training"]
    varied = " Where an axis sets one of these, it is as the axis says."
    return [
        music_fact(folders),
        Fact("Prompts", _captions(folders, study, grid)),
        *(
            Fact(f"Axis {axis.name}", f"{', '.join(axis.labels.values())}; changes {listed(axis.sets)}")
            for axis in grid.axes
        ),
        Fact("Codecs", ", ".join(Path(name).name for name in codecs.values())),
        backbone_fact(training, "Backbone of all"),
        Fact(
            "Budget of each",
            f"{training['steps']:,} updates of {training['batch_size']} segments of {training['segment_s']:g} s, the "
            f"same segments in the same order.{varied}",
        ),
        optimiser_fact(training, "Optimiser of all"),
        *(Fact(fact.label, f"{fact.value}.{varied}") for fact in sampling_facts(study)),
        *machine_facts(),
    ]


def grid_notes(
    folders: Folders,
    evaluations: Mapping[str, Mapping[str, Any]],
    *,
    study: Mapping[str, Any],
    grid: Cells,
    decided: str,
    own_data: bool,
    paper: PaperScores | None,
) -> list[Note]:
    """Methods and limits."""
    first = next(iter(evaluations.values()))
    remarks = list(dict.fromkeys(line for evaluation in evaluations.values() for line in evaluation["notes"]))
    durations = [*_prompts(folders, grid)]
    primary = study["evaluation"]["primary"]
    found = notes(
        {**first, "notes": remarks},
        prompts=folders.json(f"prompts_{durations[0]:g}s", "prompts.json"),
        study=study,
        budget=_budget(folders, grid),
        own_data=own_data,
        decides=_decides(primary, decided),
        own=_others(study),
    )
    extra = [Note("Several lengths of clips", _LENGTHS)] if len(durations) > 1 else []
    if paper:
        extra.append(Note("Beside the paper", _BESIDE))
    return [*found, *extra]


_LENGTHS = (
    "Clips of each length answer prompts of that length and are judged against reference clips of that length, apart "
    "from those of other lengths. Floors are given for each; differences are tested within one length alone."
)
_BESIDE = (
    "The paper's models are of 400M parameters and its metrics are of other judges or of other music. Numbers of ours "
    "and of the paper are on different scales unless they bear the same name; what can be compared is the order of "
    "the rows."
)


def _others(study: Mapping[str, Any]) -> list[Note]:
    """Of prompts that are not of the music that models learned from."""
    others = study.get("prompts_from", "")
    if not others:
        return []
    whose = "an embedded corpus of another seed" if others == "composed" else f"the dataset {Path(others).name}"
    return [
        Note(
            "Prompts",
            f"Captions and ground truth are of {whose}, none of which any model has heard, and so is the reference of "
            "the distances. The examples on this page are spread evenly over the prompts; nobody chose them by ear.",
        )
    ]


def _decides(primary: str, decided: str) -> str:
    if primary == decided:
        return f"The metric of the verdict, {primary}, was set in the configuration before anything was run"
    return (
        f"The metric that was to decide, {primary}, is absent; {decided or 'no other'} decides in its place, the first "
        "of its family that is there, else the first of the table"
    )


def _budget(folders: Folders, grid: Cells) -> str:
    results = [folders.json(cells[0].runs[0], "result.json") for cells in models(grid).values()]
    parameters, times, steps = ([result[key] for result in results] for key in ("parameters", "wall_s", "steps"))
    sizes = f"{count(min(parameters))} to {count(max(parameters))}" if len({*parameters}) > 1 else count(parameters[0])
    updates = f"{min(steps):,} to {max(steps):,}" if len({*steps}) > 1 else f"{steps[0]:,}"
    return (
        f"{len(results)} models of {sizes} parameters, trained for {updates} updates each ({duration(min(times))} to "
        f"{duration(max(times))})"
    )
