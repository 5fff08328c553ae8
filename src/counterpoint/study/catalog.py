"""The shipped studies: what each reproduces, compares and costs, and which are finished. Imports no torch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from counterpoint.study.kinds import load_study
from counterpoint.study.shipped import CONFIGS

RUNS = Path("runs")


@dataclass(frozen=True)
class Listed:
    """A study.

    Attributes:
        reproduces: of the paper.
        scales: the first is the default; none where it has one only.
        compares: in a few words, at the default scale.
        cost: at the default scale on this kind of machine, from the file's header, where it is kept as measured.
        finished: folders that hold its report.
    """

    name: str
    reproduces: str
    scales: tuple[str, ...]
    compares: str
    cost: str
    finished: tuple[Path, ...]


def catalog(runs: Path = RUNS) -> list[Listed]:
    """All that ship, in the order of the paper."""
    paths = sorted(CONFIGS.glob("*.yaml"))
    finished = finished_in(runs, names=[path.stem for path in paths])
    return sorted((_listed(path, finished[path.stem]) for path in paths), key=_place)


def finished_in(runs: Path, *, names: Sequence[str]) -> dict[str, tuple[Path, ...]]:
    """By study, the folders of `runs` that hold its report, which is put there whole and last.

    A folder is a study's if it bears its name, alone or before a scale's or a dataset's: `table3`, `table3-paper`.
    """
    reports = sorted(path.parents[1] for path in runs.glob("*/report/index.html"))
    found: dict[str, tuple[Path, ...]] = dict.fromkeys(names, ())
    for folder in reports:
        owners = [name for name in names if folder.name == name or folder.name.startswith(f"{name}-")]
        if owners:
            found[max(owners, key=len)] += (folder,)
    return found


def header_cost(path: Path) -> str:
    """The first sentence of `Cost:` in the comment that a configuration begins with; "" where there is none."""
    lines = path.read_text(encoding="utf-8").splitlines()
    end = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    header = " ".join(line.lstrip("# ") for line in lines[:end])
    cost = re.search(r"Cost:\s*(.+?)(?:\.\s|\.?\s*(?:Run:|$))", header)
    return cost[1].strip().removeprefix("quick, ") if cost else ""


def told(study: Listed) -> str:
    """A few lines for a terminal of any width."""
    scales = f" (scales: {', '.join(study.scales)})" if study.scales else ""
    lines = [f"{study.name:<12}{study.reproduces}{scales}", study.compares, f"cost: {study.cost}"]
    if study.finished:
        lines.append(f"finished: {', '.join(map(str, study.finished))}")
    return f"\n{' ' * 12}".join(lines)


def _listed(path: Path, finished: tuple[Path, ...]) -> Listed:
    study = load_study(path)
    scales = yaml.safe_load(path.read_text(encoding="utf-8")).get("scales", {})
    return Listed(path.stem, study.reproduces, tuple(scales), study.summary(), header_cost(path), finished)


def _place(study: Listed) -> tuple[int, int, str]:
    """Tables, figures and appendices, each by number."""
    first = re.match(r"(Table|Figure|Appendix) (\w+)", study.reproduces)
    if not first:
        return 3, 0, study.name
    number = int(first[2]) if first[2].isdigit() else ord(first[2][0])
    return ("Table", "Figure", "Appendix").index(first[1]), number, study.name
