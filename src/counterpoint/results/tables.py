"""`Results` as tables: rows of plain values, CSV and DataFrames."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from counterpoint.config import UserError
from counterpoint.results.schema import Results

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]
_DIFFERENCE = ("metric", "first", "second", "value", "low", "high", "p", "p_holm", "n", "paired", "effect", "seeds")


def _scores(results: Results) -> Iterator[Row]:
    for step, evaluation in results.evaluations.items():
        yield from ({"step": step, **row} for row in evaluation.rows())


def _clips(results: Results) -> Iterator[Row]:
    for step, evaluation in results.evaluations.items():
        for system, of_system in evaluation.scores.items():
            for metric, score in of_system.items():
                for clip, value in zip(evaluation.ids.get(system, ()), score.per_clip or (), strict=False):
                    yield {"step": step, "system": system, "metric": metric, "clip": clip, "value": value}


def _differences(results: Results) -> Iterator[Row]:
    for step, evaluation in results.evaluations.items():
        for item in evaluation.differences:
            yield {"step": step, **{name: getattr(item, name) for name in _DIFFERENCE}}


def _models(results: Results) -> Iterator[Row]:
    for step, model in results.models.items():
        yield {
            "step": step,
            "paradigm": model.config.model.paradigm,
            "codec": model.config.data.codec,
            **{name: getattr(model.result, name) for name in model.result.__dataclass_fields__},
        }


def _curves(results: Results) -> Iterator[Row]:
    for step, model in results.models.items():
        for split, points in (("train", model.curve.train), ("valid", model.curve.valid)):
            for update, loss in points:
                yield {"step": step, "split": split, "update": update, "loss": loss}


def _generations(results: Results) -> Iterator[Row]:
    for step, found in results.generations.items():
        report = found.report
        yield {
            "step": step,
            "paradigm": report.paradigm,
            "clips": report.clips,
            "seconds_per_clip": report.latency_s / max(1, report.clips),
            "times_real_time": report.audio_s / report.latency_s if report.latency_s else None,
            "alone_s": found.alone.latency_s if found.alone else None,
            "network_evaluations": report.network_evaluations,
            "model_evaluations": report.model_evaluations,
        }


def _speed(results: Results) -> Iterator[Row]:
    for step, found in results.speed.items():
        for item in found.points:
            point = item.point
            yield {
                "step": step,
                "device": item.device,
                "draws": point.label,
                "engine": point.engine,
                "layers": point.backbone.layers,
                "batch": point.batch,
                "duration_s": point.duration_s,
                "fits": item.out_of_memory is None,
                "latency_s": item.latency_s,
                "low_s": item.low_s,
                "high_s": item.high_s,
                "runs": item.runs,
                "peak_bytes": item.peak_bytes,
            }


def _steps(results: Results) -> Iterator[Row]:
    for step, record in results.provenance.steps.items():
        yield {"step": step, **record.model_dump(exclude={"name", "config", "inputs"})}


TABLES: Mapping[str, Callable[[Results], Iterator[Row]]] = {
    "scores": _scores,
    "differences": _differences,
    "clips": _clips,
    "models": _models,
    "curves": _curves,
    "generations": _generations,
    "speed": _speed,
    "steps": _steps,
}
"""The rows of each table, by name."""


def rows(results: Results, table: str) -> list[Row]:
    """The rows of a table.

    Raises:
        UserError: there is no such table.
    """
    if table not in TABLES:
        raise UserError(f"There is no table {table!r}; the tables are {', '.join(TABLES)}.")
    return list(TABLES[table](results))


def to_csv(results: Results, table: str) -> str:
    """A table as CSV with a header; "" where it has no rows."""
    found = rows(results, table)
    if not found:
        return ""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(found[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    return text.getvalue()


def to_frame(results: Results, table: str) -> pd.DataFrame:
    """A table as a DataFrame."""
    import pandas as pd

    return pd.DataFrame(rows(results, table))
