"""The data of a search's page, and charts and tables of the tried settings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product

from counterpoint.config import read_sampling
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import Block, Chart, Line, Point, System, Table, Text, plain_table
from counterpoint.report.marks import DISTINCT
from counterpoint.report.numbers import duration, interval, number
from counterpoint.results.schema import Results
from counterpoint.results.search import Found, SearchResult, Standing
from counterpoint.study.kinds.search import SearchStudy
from counterpoint.study.pages.looks import variant
from counterpoint.study.pages.page import Page
from counterpoint.study.pages.words import capital
from counterpoint.study.search.points import described, in_words

ENDS = {"default": "the default setting", "tuned": "the best of the search"}


class SearchPage(Page[SearchStudy]):
    """The data of a search's page.

    Attributes:
        searches: by paradigm.
        confirmed: by system, the setting in words that it was confirmed with, on prompts not used for the search.
    """

    judging = ("evaluate",)

    def __init__(self, study: SearchStudy, results: Results):
        self.searches = {step.removeprefix("search_"): found for step, found in results.searches.items()}
        self.confirmed: dict[str, str] = {}
        own = [self._system(paradigm, end) for paradigm in self.searches for end in ENDS]
        super().__init__(study, results, own=own)
        self.metric = self.judged.metrics[study.evaluation.primary]

    def _system(self, paradigm: str, end: str) -> System:
        key, found = f"{paradigm}_{end}", self.searches[paradigm]
        point = found.point(found.default if end == "default" else found.chosen)
        self.confirmed[key] = words = in_words(read_sampling(paradigm, dict(point.sampling)))
        fill = "solid" if end == "tuned" else "hollow"
        return variant(key, paradigm, end, f"{capital(words)}: {ENDS[end]}.", fill=fill)


def chart_lines(axes: Sequence[Sequence[Mapping]], found: SearchResult) -> dict[str, dict[str, list[str]]]:
    """Keys of the tried points by chart (settings of all axes but the first), then line (settings of the first)."""
    first, *rest = axes or [[{}]]
    charts: dict[str, dict[str, list[str]]] = {}
    for of_chart in product(*rest):
        shared = {name: value for settings in of_chart for name, value in settings.items()}
        lines = {described(own) or "all": _keys(found, {**own, **shared}) for own in first}
        if any(lines.values()):
            charts[described(shared)] = {name: keys for name, keys in lines.items() if keys}
    placed = {key for lines in charts.values() for keys in lines.values() for key in keys}
    for lines in charts.values():  # a default outside the grid is in every chart
        if found.default not in placed:
            lines["default"] = [found.default]
    return charts


def _keys(found: SearchResult, settings: Mapping) -> list[str]:
    return [point.key for point in found.tried if settings.items() <= point.settings.items()]


def search_charts(page: SearchPage, paradigm: str) -> Iterator[Chart]:
    """One chart for each combination of the settings except guidance and the first axis; all have one scale."""
    found = page.searches[paradigm]
    bounds = search_bounds(found.tried)
    ticks = [(value, f"{value:g}") for value in sorted({point.guidance for point in found.tried})]
    for name, lines in chart_lines(page.study.searches[paradigm].axes, found).items():
        yield Chart(
            title=name or PARADIGMS[paradigm].label,
            exact=page.metric.name,
            better=page.metric.better,
            x_name="guidance",
            ticks=ticks,
            lines=[_line(label, map(found.point, keys), place) for place, (label, keys) in enumerate(lines.items())],
            log=(False, False),
            bounds=bounds,
            is_dodged=True,
        )


def search_bounds(points: Sequence[Found]) -> tuple[float, float]:
    """The lowest and highest bound of these points on their last rung."""
    last = [point.standings[-1] for point in points]
    bounds = [bound for standing in last for bound in (standing.low, standing.high) if math.isfinite(bound)]
    return (min(bounds), max(bounds)) if bounds else (0.0, 1.0)


def _line(name: str, points: Iterable[Found], place: int) -> Line:
    drawn = []
    for point in sorted(points, key=lambda point: point.guidance):
        last = point.standings[-1]
        words = f"guidance {point.guidance:g}, {name}: {point.reason}; "
        own = Point.of(point.guidance, last, name=words, n=last.n)
        named = [word for word, holds in (("best", point.outcome == "chosen"), ("default", point.is_default)) if holds]
        drawn.append(replace(own, name=", ".join(named), is_ringed=bool(named), is_stopped=point.outcome == "stopped"))
    return Line(name=name, mark=DISTINCT[place % len(DISTINCT)], points=drawn)


def spent(page: SearchPage) -> Table:
    """The cost of the searches, and what stopping saved."""
    rows = []
    for paradigm, found in page.searches.items():
        (evaluations, seconds), (all_evaluations, all_seconds) = found.spent(), found.in_full()
        stopped = [
            sum(point.outcome == "stopped" and point.standings[-1].n == n for point in found.points)
            for n in found.rungs[:-1]
        ]
        rows.append(
            [
                PARADIGMS[paradigm].label,
                f"{len(found.points)}",
                f"{len(found.tried)}",
                ", ".join(f"{count} after {n}" for count, n in zip(stopped, found.rungs, strict=False)),
                f"{evaluations:,.0f} of {all_evaluations:,.0f}",
                f"{duration(seconds)} of {duration(all_seconds)}",
                f"{100 * (1 - evaluations / max(all_evaluations, 1)):.0f}%",
            ]
        )
    header = ["Search", "Grid", "Tried", "Stopped after n prompts", "Model evaluations", "Time of drawing", "Saved"]
    caption = "The cost, as a share of that of trying every setting on every search prompt."
    return plain_table("spent", header, rows, label="Cost of the searches", caption=caption, is_narrow=True)


def points_blocks(page: SearchPage) -> list[Block]:
    """The outcome of every setting."""
    blocks: list[Block] = []
    for paradigm, found in page.searches.items():
        blocks += [Text(title=PARADIGMS[paradigm].label), points_table(found, paradigm)]
        skipped = [
            [f"guidance {point.guidance:g}, {point.others}", point.reason]
            for point in found.points
            if point.outcome == "skipped"
        ]
        if skipped:
            caption = f"{len(skipped)} settings of the grid that this scale does not try."
            blocks.append(
                plain_table(
                    f"skipped_{paradigm}", ["Setting", "Reason"], skipped, label="Settings not tried", caption=caption
                )
            )
    return blocks


def points_table(found: SearchResult, paradigm: str) -> Table:
    """One row per tried point, the best first; as CSV every point of the grid on every rung."""
    header = ["Setting", "Outcome", "n", f"{found.primary}", "Behind the best", "At the rule's level"]
    header += ["Evaluations", "Time"]
    rows = []
    for point in ranked(found):
        last = point.standings[-1]
        is_best = point.key == last.best
        rows.append(
            [
                f"guidance {point.guidance:g}, {point.others}" + (" (default)" if point.is_default else ""),
                point.outcome,
                str(last.n),
                _span(last.value, last.low, last.high),
                "" if is_best else _span(last.difference, last.difference_low, last.difference_high),
                "" if is_best or last.n == found.rungs[-1] else f"≥ {number(last.bound, places=1)}",
                f"{point.cost.evaluations:,}",
                duration(point.cost.seconds_per_clip),
            ]
        )
    caption = (
        f"Every setting tried, on its last rung: {found.primary} on n prompts with its 95% interval; the difference "
        "from the best of that rung on the same prompts, with a 95% interval, and its lower bound at the rule's "
        "level (above 0 it is stopped); model evaluations and time per clip."
    )
    table = plain_table(
        f"points_{paradigm}", header, rows, label=f"Settings of {PARADIGMS[paradigm].noun}", caption=caption
    )
    return replace(table, csv=_points_csv(found))


def _points_csv(found: SearchResult) -> list[dict[str, object]]:
    names, lines = [name for name in Standing.model_fields if name != "reason"], []
    for point in found.points:
        own = {name: getattr(point, name) for name in ("key", "guidance", "others", "outcome", "reason")}
        cost = point.cost
        own |= {"clips": cost.clips, "evaluations": cost.evaluations, "seconds": cost.seconds_per_clip}
        for each in point.standings or [None]:
            lines.append({**own, **{name: "" if each is None else getattr(each, name) for name in names}})
    return lines


def ranked(found: SearchResult) -> list[Found]:
    """The points by number of answers, then by score."""

    def place(point: Found) -> tuple[int, float]:
        last = point.standings[-1]
        value = last.value if math.isfinite(last.value) else math.inf
        return -last.n, value if found.better == "lower" else -value

    return sorted(found.tried, key=place)


def _span(value: float, low: float, high: float) -> str:
    return interval(value, low, high) if math.isfinite(value) else "not defined"
