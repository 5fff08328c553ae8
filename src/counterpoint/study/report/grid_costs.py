"""What the models of a grid cost, how they learned, and what their codecs keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from counterpoint.report.numbers import count, duration, memory, number
from counterpoint.study.report.assemble import loss_curve_of
from counterpoint.study.report.cells import Cells
from counterpoint.study.report.content import Curve, Grid, GridCell
from counterpoint.study.report.read import Folders


def models(grid: Cells) -> dict[str, list[GridCell]]:
    """The cells of each model."""
    found: dict[str, list[GridCell]] = {}
    for cell in grid.cells:
        found.setdefault(cell.model, []).append(cell)
    return found


def model_name(grid: Cells, cells: list[GridCell]) -> str:
    """What its cells have in common."""
    shared = [axis.key for axis in grid.axes if len({cell.labels[axis.key] for cell in cells}) > 1]
    return grid.place(cells[0].labels, without=shared) or "all"


def _runs(grid: Cells) -> list[tuple[str, str, GridCell]]:
    """Of every training run its name, its step and one of its model's cells."""
    found = []
    for cells in models(grid).values():
        name, steps = model_name(grid, cells), cells[0].runs
        for turn, step in enumerate(steps, start=1):
            found.append((f"{name}, run {turn}" if len(steps) > 1 else name, step, cells[0]))
    return found


def loss_curves(folders: Folders, grid: Cells) -> list[Curve]:
    """One a run."""
    found = []
    for name, step, cell in _runs(grid):
        curve = loss_curve_of(folders.paths[step] / "metrics.jsonl", cell.paradigm, name=name)
        found.append(replace(curve, system=grid.style(cell)))
    return found


def training_grid(folders: Folders, grid: Cells) -> Grid:
    """One row a run."""
    header = ["Model", "Parameters", "Updates", "Music seen", "Time in updates", "Updates a second", "Peak memory"]
    rows = []
    for name, step, _ in _runs(grid):
        result = folders.json(step, "result.json")
        rows.append(
            [
                name,
                count(result["parameters"]),
                f"{result['steps']:,}",
                duration(result["audio_s"]),
                duration(result["wall_s"]),
                number(result["steps"] / max(result["wall_s"], 1e-9)),
                memory(folders.record(step).get("peak_memory_bytes")),
            ]
        )
    return Grid(header, rows)


def generation_grid(folders: Folders, grid: Cells) -> Grid:
    """One row a cell; of several training seeds the first."""
    header = ["System", "Clips a second", "Time a clip", "Times real time", "Network evaluations a clip"]
    rows = []
    for cell in grid.cells:
        report = folders.json(f"generate_{cell.system}", "generation.json")["report"]
        latency = max(report["latency_s"], 1e-9)
        rows.append(
            [
                grid.place(cell.labels) or "all",
                number(report["clips"] / latency),
                duration(latency / report["clips"]),
                f"{number(report['audio_s'] / latency)} ×",
                f"{report['network_evaluations']:,}",
            ]
        )
    return Grid(header, rows)


def codec_grid(folders: Folders, grid: Cells, codecs: Mapping[str, str]) -> Grid:
    """One row a codec and length of clips; each measure of what was not quantised, then of what was. A codec that makes
    phases anew has no SI-SNR."""
    pairs = {
        (cell.codec, cell.duration_s): folders.json(
            f"reconstruct_{cell.codec}_{cell.duration_s:g}s", "reconstruction.json"
        )["views"]
        for cell in grid.cells
    }
    known = {key for each in pairs.values() for values in each.values() for key in values}
    names = {"si_snr_db": "SI-SNR, dB ↑", "log_spectral_distance_db": "Log-spectral distance, dB ↓"}
    measures = {key: name for key, name in names.items() if key in known}
    views = {"latents": "continuous", "codes": "quantised"}
    header = ["Codec", *(f"{name}, {how}" for name in measures.values() for how in views.values())]
    lengths = {duration_s for _, duration_s in pairs}
    rows = []
    for (label, duration_s), found in pairs.items():
        name = f"{Path(codecs[label]).name}{f', clips of {duration_s:g} s' if len(lengths) > 1 else ''}"
        values = [number(found[view][key]) if key in found.get(view, ()) else "–" for key in measures for view in views]
        rows.append([name, *values])
    return Grid(header, rows)
