"""The findings of an ingest, as a value and as a printed table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from counterpoint.config.text import printable

if TYPE_CHECKING:
    from rich.console import Console

ProblemKind = Literal[
    "unreadable",
    "too short",
    "silent",
    "duplicate",
    "clipped",
    "cut short",
    "no caption",
    "missing file",
    "broken metadata",
    "guessed encoding",
    "unused text",
    "closed folder",
    "repeated folder",
    "broken archive",
]
SKIPPED: tuple[ProblemKind, ...] = ("unreadable", "too short", "silent", "duplicate")
"""Kinds that exclude a file from the dataset; the others are only reported."""
_KEPT: tuple[ProblemKind, ...] = ("clipped", "cut short", "no caption", "guessed encoding")
_MEANING: dict[ProblemKind, str] = {
    "unreadable": "cannot be decoded",
    "too short": "shorter than the minimum",
    "silent": "peak below -60 dBFS",
    "duplicate": "same audio as another file",
    "clipped": "0.1% of the samples or more at full scale",
    "cut short": "ends before its header says",
    "no caption": "trains without text",
    "missing file": "listed in metadata but missing",
    "broken metadata": "a line or file that cannot be used",
    "guessed encoding": "not UTF-8, so read as Latin-1",
    "unused text": "has no audio file of the same name",
    "closed folder": "cannot be read",
    "repeated folder": "a link to music that is read elsewhere",
    "broken archive": "a part that cannot be unpacked",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One file or metadata line, and its problem."""

    path: str
    kind: ProblemKind
    reason: str


@dataclass(frozen=True)
class IngestReport:
    """The findings; `found` = `clips` + the skipped problems.

    Attributes:
        source: the ingested folder or manifest.
        dataset: folder of the dataset.
        found: number of audio files found.
        clips: number of rows in the dataset.
        hours: total duration of the clips.
        groups: number of artists or tracks, which are never divided between splits.
        splits: number of rows by split.
        split_hours: hours by split.
        caption_sources: number of clips by source of their caption.
        formats: number of clips by file suffix.
        sample_rates: number of clips by sample rate in Hz.
        problems: in order of path.
        hints: suggestions for the user.
    """

    source: str
    dataset: str
    found: int
    clips: int
    hours: float
    groups: int
    splits: dict[str, int]
    split_hours: dict[str, float]
    caption_sources: dict[str, int]
    formats: dict[str, int]
    sample_rates: dict[str, int]
    problems: list[Problem]
    hints: list[str]

    def count(self, kind: ProblemKind) -> int:
        """Number of problems of a kind."""
        return sum(problem.kind == kind for problem in self.problems)

    def to_dict(self) -> dict[str, Any]:
        """JSON-serializable values, with counts beside the list."""
        counts = {kind.replace(" ", "_"): self.count(kind) for kind in _MEANING}
        return {**asdict(self), "counts": counts}


def print_report(report: IngestReport, *, console: Console, per_kind: int = 5) -> None:
    """Print the report: what was included, what was excluded and why, and the first few files of each kind."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(report.source), title_justify="left", show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("clips", f"{report.clips} of {report.found} files, {_duration(report.hours)}")
    table.add_row("splits", _splits(report))
    table.add_row("captions", ", ".join([*_tally(report.caption_sources), f"{report.count('no caption')} without"]))
    table.add_row("formats", ", ".join(_tally(report.formats)))
    table.add_row("rates", ", ".join(f"{number} at {rate} Hz" for rate, number in report.sample_rates.items()))
    console.print(table)
    if report.problems:
        console.print(_problem_table(report, per_kind=per_kind))
    for hint in report.hints:
        console.print(f"[yellow]![/] {hint}", highlight=False)
    listed = " All problems are listed in its dataset.json." if report.problems else ""
    console.print(f"Wrote [bold]{escape(report.dataset)}[/].{listed}", highlight=False, soft_wrap=True)


def _problem_table(report: IngestReport, *, per_kind: int) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(title="\nNoticed", title_justify="left", header_style="dim", box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("", "files", "", "example"):
        table.add_column(title, justify="right" if title == "files" else "left", overflow="fold")
    for kind, meaning in _MEANING.items():
        problems = [problem for problem in report.problems if problem.kind == kind]
        if not problems:
            continue
        shown = [_example(problem, source=report.source) for problem in problems[:per_kind]]
        if len(problems) > per_kind:
            shown.append(f"[dim]... and {len(problems) - per_kind} more[/]")
        fate = "[red]skipped[/]" if kind in SKIPPED else "kept" if kind in _KEPT else "ignored"
        table.add_row(
            f"[bold]{kind}[/]\n[dim]{meaning}[/]", str(len(problems)), fate, "\n".join(shown), end_section=True
        )
    return table


def _example(problem: Problem, *, source: str) -> str:
    from rich.markup import escape

    path = Path(problem.path)
    name = path.relative_to(source) if path.is_relative_to(source) else path
    reason = problem.reason.replace(f"{source}/", "")
    return escape(printable(str(name))) + (f" [dim]- {escape(printable(reason))}[/]" if reason else "")


def _splits(report: IngestReport) -> str:
    parts = [f"{split} {rows} ({_duration(report.split_hours[split])})" for split, rows in report.splits.items()]
    return f"{', '.join(parts)}; {report.groups} groups, none of which is divided between splits"


def _tally(counts: dict[str, int]) -> list[str]:
    return [f"{number} {name}" for name, number in counts.items()]


def _duration(hours: float) -> str:
    if hours >= 1:
        return f"{hours:.1f} h"
    return f"{hours * 60:.1f} min" if hours * 60 >= 1 else f"{hours * 3600:.1f} s"


def tally(values: Iterable[str]) -> dict[str, int]:
    """Counts of the values, the most frequent first."""
    return dict(Counter(values).most_common())
