"""The answer of a grid in words: which paradigm is better where, and the effect of other axes; as the tests justify."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from counterpoint.report import Outcome
from counterpoint.report.numbers import listed, p_value, span
from counterpoint.report.scores import is_clear
from counterpoint.study.pages.grid_cells import PARADIGM, Contrast, Grid, Varied, phrase
from counterpoint.study.pages.words import by_outcome, compared, outcome, scored, title

MOST_LISTED = 6
"""Greatest number of settings named in a sentence; more are counted."""
MOST_LABELS = 3
"""Greatest number of labels of an axis that are compared one by one; with more, tests are counted."""
UNTESTED = "not tested, because clips of different lengths are evaluated separately; see the curves"
Sorted = Mapping[Outcome, Sequence[Contrast]]


def grid_sentence(grid: Grid, *, primary: str, decided: str) -> str:
    """The answer.

    Args:
        primary: the metric chosen for the verdict.
        decided: the metric used; "" if no metric has a value for any cell.
    """
    if not decided:
        return "No metric with a better direction has a value for any of the cells."
    of_paradigm = tested(grid, PARADIGM, decided)
    if len(of_paradigm) == 1 and len(grid.cells) == 2:
        item = of_paradigm[0]
        names = {cell.system: cell.paradigm.noun for cell in (item.first, item.second)}
        said = compared(
            grid.judged, decided, item.first.system, item.second.system, names, truth=grid.truth(item.first.duration)
        )
        return f"On this data and budget: {said[:1].lower()}{said[1:]}{_instead(primary, decided)}"
    judged = f"judged by {title(grid.judged.metrics[decided])}"
    judged += "" if decided == primary else f" ({primary}, which was chosen for the verdict, is absent)"
    if of_paradigm:
        shared, answer = _shared(grid, of_paradigm), _paradigms(grid, of_paradigm, decided)
        return f"On this data and budget{shared}, {judged}, {answer}."
    axis = next((axis for axis in grid.axes if tested(grid, axis.key, decided)), None)
    if axis is None:
        return f"No two cells of this grid were compared on {decided}."
    return f"On this data and budget, {judged}: {axis_words(grid, axis, decided)}."


def _instead(primary: str, decided: str) -> str:
    return "" if primary == decided else f" {primary}, which was chosen for the verdict, is absent."


def grid_points(grid: Grid, *, decided: str) -> list[str]:
    """Findings beside the answer."""
    if not decided:
        return []
    of_paradigm = tested(grid, PARADIGM, decided)
    first = PARADIGM if of_paradigm else next((axis.key for axis in grid.axes if tested(grid, axis.key, decided)), "")
    return [
        _sizes(grid, of_paradigm, decided) if len(grid.cells) > 2 else "",
        _others(grid, decided),
        *(f"{axis.name.capitalize()}: {axis_words(grid, axis, decided)}." for axis in grid.axes if axis.key != first),
        *(_best(grid, decided) if len(grid.cells) > 2 else []),
    ]


def tested(grid: Grid, key: str, metric: str) -> list[Contrast]:
    """Contrasts along an axis that were tested in a metric."""
    axis = grid.axis(key)
    return grid.contrasts(axis, metric=metric) if axis else []


def _sorted(grid: Grid, contrasts: Sequence[Contrast], metric: str) -> Sorted:
    return by_outcome(contrasts, lambda item: grid.outcome(metric, item.first, item.second))


def _fixed(grid: Grid, contrasts: Sequence[Contrast]) -> list[str]:
    """The other axes along which the contrasts do not differ."""
    return [
        axis.key
        for axis in grid.axes
        if axis.key != contrasts[0].axis.key and len({item.place[axis.key] for item in contrasts}) == 1
    ]


def _shared(grid: Grid, contrasts: Sequence[Contrast]) -> str:
    """The common place of all contrasts."""
    fixed = _fixed(grid, contrasts)
    words = [phrase(axis, contrasts[0].place[axis.key]) for axis in grid.axes if axis.key in fixed]
    return f", with {listed(words)}" if words else ""


def _places(grid: Grid, chosen: Sequence[Contrast], of: Sequence[Contrast]) -> str:
    """The places of some contrasts among all: ` at 25 Hz and 50 Hz`; "" if there is only one place."""
    without = [of[0].axis.key, *_fixed(grid, of)]
    names = list(dict.fromkeys(grid.place({**item.first.labels, **item.place}, without=without) for item in chosen))
    if not any(names):
        return ""
    total = len({grid.place(item.first.labels, without=without) for item in of})
    if len(names) == total > 2:
        return f" at all {total} settings"
    if total > MOST_LISTED:
        return f" at {len(names)} of {total} settings"
    plain = all(name[0].isdigit() and ", " not in name for name in names)
    return f" at {listed(names)}" if plain else f" ({'; '.join(names)})"


def _paradigms(grid: Grid, contrasts: Sequence[Contrast], metric: str) -> str:
    """The outcomes for each pair of paradigms."""
    pairs: dict[tuple[str, str], list[Contrast]] = {}
    for item in contrasts:
        pairs.setdefault((item.first.paradigm.noun, item.second.paradigm.noun), []).append(item)
    return "; ".join(_pair(grid, one, other, own, metric) for (one, other), own in pairs.items())


def _pair(grid: Grid, one: str, other: str, contrasts: Sequence[Contrast], metric: str) -> str:
    found = _sorted(grid, contrasts, metric)
    places = {side: _places(grid, chosen, contrasts) for side, chosen in found.items() if chosen}
    if {"first", "second"} <= places.keys():
        parts = [
            f"{one} does better than {other}{places['first']}, but {other} does better than {one}{places['second']}"
        ]
    else:
        sides: tuple[tuple[Outcome, str, str], ...] = (("first", one, other), ("second", other, one))
        parts = [f"{better} does better than {worse}{places[side]}" for side, better, worse in sides if side in places]
    if "open" in places:
        of_whom = "the two" if parts else f"{one} and {other}"
        parts.append(f"no difference between {of_whom} could be shown{places['open']}")
    return "; ".join(parts)


def _sizes(grid: Grid, contrasts: Sequence[Contrast], metric: str) -> str:
    """The numbers of the sentence."""
    if not 0 < len(contrasts) <= MOST_LISTED:
        return ""
    without = [PARADIGM, *_fixed(grid, contrasts)]
    parts = []
    for item in contrasts:
        found = grid.judged.difference(metric, item.first.system, item.second.system)
        assert found is not None
        words = f"{grid.place(item.first.labels, without=without)} {span(found)}"
        if (found.low > 0 or found.high < 0) and not is_clear(found):
            words += f"(the interval excludes zero, but p is {p_value(found.p_holm)} after Holm's correction)"
        parts.append(words.strip())
    first, second = contrasts[0].first.paradigm.noun, contrasts[0].second.paradigm.noun
    return f"{first.capitalize()} minus {second} in {metric}: {'; '.join(parts)}."


def _others(grid: Grid, decided: str) -> str:
    """The outcomes of the other metrics for the paradigms."""
    parts = []
    for metric in grid.judged.judges:
        contrasts = tested(grid, PARADIGM, metric.name) if metric.name != decided else []
        if not contrasts:
            continue
        found = _sorted(grid, contrasts, metric.name)
        sides: dict[Outcome, str] = {
            "first": f"favours {contrasts[0].first.paradigm.noun}",
            "second": f"favours {contrasts[0].second.paradigm.noun}",
            "open": "shows no difference",
        }
        words = [f"{text}{_places(grid, found[side], contrasts)}" for side, text in sides.items() if found[side]]
        parts.append(f"{metric.name} {listed(words)}")
    return f"Other metrics: {'; '.join(parts)}." if parts else ""


def axis_words(grid: Grid, axis: Varied, metric: str) -> str:
    """The outcomes of the tests along an axis."""
    contrasts = grid.contrasts(axis, metric=metric)
    if not contrasts:
        return UNTESTED
    found = _sorted(grid, contrasts, metric)
    shown = len(found["first"]) + len(found["second"])
    if not shown:
        return "no two of them could be shown to differ" if len(contrasts) > 1 else "no difference could be shown"
    if len(axis.labels) > MOST_LABELS and axis.numbers:
        return _by_size(axis, found, total=len(contrasts))
    parts = []
    for first in axis.labels:
        for second in axis.labels:
            pair = [item for item in contrasts if {first, second} == set(_labels(item)) and first != second]
            better = [item for item in found["first"] if _labels(item) == (first, second)]
            better += [item for item in found["second"] if _labels(item) == (second, first)]
            if better:
                better_than = f"{phrase(axis, first)} does better than {phrase(axis, second)}"
                parts.append(f"{better_than}{_places(grid, better, pair)}")
    rest = len(contrasts) - shown
    if rest:
        parts.append(f"{rest} of {len(contrasts)} tests show no difference")
    return "; ".join(parts)


def _by_size(axis: Varied, found: Sorted, *, total: int) -> str:
    sides: tuple[tuple[Outcome, int], ...] = (("first", 1), ("second", -1))
    larger = sum(
        axis.numbers[better] > axis.numbers[worse]
        for side, turn in sides
        for better, worse in (_labels(item)[::turn] for item in found[side])
    )
    smaller = len(found["first"]) + len(found["second"]) - larger
    parts = [
        f"in {count} of {total} tests the {which} does better"
        for count, which in ((larger, "larger"), (smaller, "smaller"))
        if count
    ]
    if found["open"]:
        parts.append(f"{len(found['open'])} show no difference")
    return ", ".join(parts)


def _labels(item: Contrast) -> tuple[str, str]:
    return item.first.labels[item.axis.key], item.second.labels[item.axis.key]


def grid_outside(grid: Grid, outside: Mapping[str, str], metric: str) -> list[str]:
    """Comparisons of outside systems with the cells, one point for each."""
    points = []
    for key, name in outside.items():
        found = by_outcome(grid.cells, lambda cell, key=key: outcome(grid.judged, metric, cell.system, key))
        words: dict[Outcome, str] = {"first": "better", "second": "worse", "open": "without a clear difference"}
        parts = [f"{len(found[side])} {text}" for side, text in words.items() if found[side]]
        if parts:
            cells = sum(map(len, found.values()))
            points.append(f"Compared with {name} by {metric}, the {cells} cells are {listed(parts)}.")
    return points


def _best(grid: Grid, metric: str) -> list[str]:
    """The best value of each length of clips, compared with real music."""
    info = grid.judged.metrics[metric]
    word, pick = ("lowest", min) if info.better == "lower" else ("highest", max)
    points = []
    for duration, seconds in grid.durations.items():
        values = {
            cell.system: score.value
            for cell in grid.cells
            if cell.duration == duration and (score := grid.judged.score(metric, cell.system))
        }
        if values:
            best = pick(values, key=lambda system: values[system])
            cell = next(cell for cell in grid.cells if cell.system == best)
            truth = grid.truth(duration)
            real = f"; real held-out music scores {scored(grid.judged, metric, truth)}"
            points.append(
                f"{grid.name(cell)} has the {word} {metric}{f' at {seconds:g} s' if len(grid.durations) > 1 else ''}, "
                f"{scored(grid.judged, metric, best)}"
                f"{real if grid.judged.score(metric, truth) else ''}."
            )
    return points
