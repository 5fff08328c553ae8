"""The result of an evaluation, its JSON form, and its tables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from counterpoint.metrics.base import Difference, Fit, MetricInfo, Score

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.table import Table

GROUND_TRUTH = "ground truth"
ANOTHER_CLIP = "another clip"


@dataclass(frozen=True)
class Evaluation:
    """The result of `evaluate`, `evaluate_adherence` or `evaluate_seams`.

    Attributes:
        n: clips on each side of every distance; without distances, clips of the smallest system; with several training
            runs, clips of one run.
        seed: seed of every resampling and selection.
        metrics: in the order of the table.
        scores: by system, then metric; a metric that does not apply to a system is left out, and a note says why.
        floors: by row, then metric. `ground truth` is one half of the reference against the other (for metrics that are
            not distances: the reference itself). `another clip` is the audio of another prompt.
        differences: one for each pair and metric.
        ids: by system, the prompts in the order of `Score.per_clip`.
        notes: remarks that a reader of the table must know.
        absent: the notes on missing published metrics and how to get them.
    """

    n: int
    seed: int
    metrics: tuple[MetricInfo, ...]
    scores: dict[str, dict[str, Score]]
    floors: dict[str, dict[str, Score]]
    differences: tuple[Difference, ...]
    ids: dict[str, tuple[str, ...]]
    notes: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that every score is a finite number; a metric without a value is left out, and a note gives the
        reason."""
        rows = [score for row in (*self.scores.values(), *self.floors.values()) for score in row.values()]
        for each in (*rows, *self.differences):
            name = each.name if isinstance(each, Score) else each.metric
            assert all(map(math.isfinite, (each.value, each.low, each.high))), f"{name} is not a number: {each}"

    def to_json(self) -> dict[str, Any]:
        """JSON-serializable values for `write_json`."""
        return asdict(self)

    def rows(self) -> list[dict[str, Any]]:
        """Every score of every system and floor as a row of plain values."""
        infos = {info.name: info for info in self.metrics}
        return [
            {
                "kind": kind,
                "system": system,
                "metric": metric,
                **{name: getattr(score, name) for name in ("value", "low", "high", "n", "seeds")},
                "unit": infos[metric].unit,
                "better": infos[metric].better,
            }
            for kind, of_kind in (("system", self.scores), ("floor", self.floors))
            for system, scores in of_kind.items()
            for metric, score in scores.items()
        ]

    def frame(self) -> pd.DataFrame:
        """`rows` as a DataFrame."""
        import pandas as pd

        return pd.DataFrame(self.rows())

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Evaluation:
        """The inverse of `to_json`, also for values read back from a file."""
        return TypeAdapter(cls).validate_python(value)


def print_evaluation(evaluation: Evaluation, *, console: Console) -> None:
    """Print the scores, the floors, the differences and the notes."""
    console.print(_score_table(evaluation))
    if evaluation.differences:
        console.print(_difference_table(evaluation))
    for info in evaluation.metrics:
        if any(info.name in row for row in evaluation.scores.values()):
            console.print(f"[bold]{info.name}[/]: {info.description}.", highlight=False)
            for system, scores in evaluation.scores.items():
                if info.name in scores and (fit := scores[info.name].fit):
                    console.print(f"  {system}: {_fit(fit)}", highlight=False, markup=False)
    for note in evaluation.notes:
        console.print(f"Note: {note}", highlight=False, markup=False)


def _score_table(evaluation: Evaluation) -> Table:
    from rich.table import Table

    columns = {**evaluation.scores, **evaluation.floors}
    distances = any(score.per_clip is None for scores in columns.values() for score in scores.values())
    title = "Scores with 95% intervals" + f"; {evaluation.n} clips on each side of a distance" * distances
    runs = {name: max((score.seeds for score in scores.values()), default=1) for name, scores in columns.items()}
    table = Table(title=title, title_justify="left", show_lines=True)
    table.add_column("metric", min_width=20, overflow="fold")
    for name in columns:
        heading = _plain(name) + (f"\n{runs[name]} runs" if runs[name] > 1 else "")
        table.add_column(heading, justify="right", no_wrap=True, style="dim" if name in evaluation.floors else "")
    arrows = {"lower": " ↓", "higher": " ↑", "neither": ""}
    for info in evaluation.metrics:
        if any(info.name in scores for scores in columns.values()):
            unit = f"\n{info.unit}" if info.unit else ""
            chance = "" if info.chance is None else f"\nchance {_number(info.chance)}"
            cells = (_cell(scores.get(info.name)) for scores in columns.values())
            table.add_row(_plain(f"{info.name}{arrows[info.better]}{unit}{chance}"), *cells)
    return table


def _difference_table(evaluation: Evaluation) -> Table:
    from rich.table import Table

    table = Table(
        title="Differences, first minus second; p from permutations, Holm-corrected over the table;\n"
        "effect in standard deviations of one prompt",
        title_justify="left",
    )
    several = any(each.seeds > 1 for each in evaluation.differences)
    table.add_column("pair", overflow="fold")
    table.add_column("metric", overflow="fold", min_width=20)
    for name in ("difference", "95% interval", "effect", "p", "p Holm", "n", *["runs"] * several):
        table.add_column(name, justify="right", no_wrap=True)
    for each in evaluation.differences:
        table.add_row(
            _plain(f"{each.first} - {each.second}" + ("" if each.paired else " (not paired)")),
            each.metric,
            _number(each.value),
            f"{_number(each.low)} to {_number(each.high)}",
            "" if each.effect is None else f"{each.effect:.2f}",
            f"{each.p:.3f}",
            f"{each.p_holm:.3f}",
            str(each.n),
            *[str(each.seeds)] * several,
        )
    return table


def _fit(fit: Fit) -> str:
    """Description of an extrapolation."""
    points = ", ".join(f"{_number(value)} at {n}" for n, value in fit.points)
    return (
        f"{points} clips; slope {_number(fit.slope)} / n, no point farther than {_number(fit.residual)} from the line"
    )


def _cell(score: Score | None) -> str:
    """Value and interval as text."""
    return "" if score is None else f"{_number(score.value)}\n{_number(score.low)} to {_number(score.high)}"


def _number(value: float) -> str:
    if not value or abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 else f"{value:.4f}"


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)
