"""Table cells: a score of a system, a tested difference of two systems, a number of the paper."""

from __future__ import annotations

from counterpoint.report import Cell, Place, place_of
from counterpoint.report.numbers import p_value
from counterpoint.report.tables import effect_text
from counterpoint.results.schema import Judged
from counterpoint.study.pages.words import outcome


def value_cell(judged: Judged, metric: str, system: str, *, what: str = "") -> Place:
    """The score of a system; empty without one."""
    return place_of(judged.score(metric, system), what=what)


def tested_cell(judged: Judged, metric: str, first: str, second: str, *, counts: bool = True, p: bool = False) -> Place:
    """First minus second, in a weaker tone if it could be chance; empty if it was not tested.

    Args:
        counts: whether it is evidence; otherwise it is always shown in a weaker tone.
        p: whether to show its p-value and effect.
    """
    item = judged.difference(metric, first, second)
    if item is None:
        return []
    is_open = not counts or outcome(judged, metric, first, second) == "open"
    note = f"p {p_value(item.p_holm)}" if p else ""
    note += f", effect {effect_text(item.effect)}" if p and item.effect is not None else ""
    return [Cell.of(item, note=note, state="open" if is_open else "")]


def paper_cell(value: float | None, *, what: str = "") -> Place:
    """A number of the paper; empty without one."""
    return [] if value is None else [Cell(text=f"{value:.2f}", what=what)]
