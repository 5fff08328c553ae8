"""The studies of the package: what each reproduces, compares and costs, and which are finished. Imports no torch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from counterpoint.config import UserError
from counterpoint.results.records import RESULTS_FILE, read_header
from counterpoint.runs import RUNS
from counterpoint.study.kinds import load_study
from counterpoint.study.shipped import CONFIGS, scales_of


@dataclass(frozen=True)
class Listed:
    """One study of the list.

    Attributes:
        reproduces: the part of the paper.
        scales: its scales, the first of which is the default; empty for a single scale.
        compares: the comparison in a few words, at the default scale.
        cost: cost at the default scale, from its file.
        finished: folders with its results.
    """

    name: str
    reproduces: str
    scales: tuple[str, ...]
    compares: str
    cost: str
    finished: tuple[Path, ...]


def catalog(runs: Path = RUNS) -> list[Listed]:
    """All studies of the package, in the order of the paper."""
    paths = sorted(CONFIGS.glob("*.yaml"))
    finished = finished_in(runs, names=[path.stem for path in paths])
    return sorted((_listed(path, finished[path.stem]) for path in paths), key=_place)


def finished_in(runs: Path, *, names: Sequence[str]) -> dict[str, tuple[Path, ...]]:
    """By study, the folders in `runs` with its results, except those written by another version."""
    found: dict[str, tuple[Path, ...]] = dict.fromkeys(names, ())
    for path in sorted(runs.glob(f"*/{RESULTS_FILE}")):
        try:
            shipped = read_header(path.parent).study.shipped
        except UserError:
            continue
        if shipped in found:
            found[shipped] += (path.parent,)
    return found


def listing(study: Listed) -> str:
    """A few lines about a study, for a terminal of any width."""
    scales = f" (scales: {', '.join(study.scales)})" if study.scales else ""
    lines = [f"{study.name:<12}{study.reproduces}{scales}", study.compares, f"cost: {study.cost}"]
    if study.finished:
        lines.append(f"finished: {', '.join(map(str, study.finished))}")
    return f"\n{' ' * 12}".join(lines)


def _listed(path: Path, finished: tuple[Path, ...]) -> Listed:
    study = load_study(path)
    return Listed(path.stem, study.reproduces, scales_of(path), study.summary(), study.cost, finished)


def _place(study: Listed) -> tuple[int, int, str]:
    """Sort key: tables, figures and appendices, each by number."""
    first = re.match(r"(Table|Figure|Appendix) (\w+)", study.reproduces)
    if not first:
        return 3, 0, study.name
    number = int(first[2]) if first[2].isdigit() else ord(first[2][0])
    return ("Table", "Figure", "Appendix").index(first[1]), number, study.name
