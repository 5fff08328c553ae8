"""The answer of a grid in words: which paradigm is better where, and what the other axes do; only what tests allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from counterpoint.report.numbers import interval, p_value
from counterpoint.study.report.cells import PARADIGM, Cells, Contrast, named, told
from counterpoint.study.report.content import GridAxis, Verdict
from counterpoint.study.report.following import listed
from counterpoint.study.report.verdict import LEVEL

MOST_LISTED = 6
"""Settings named in a sentence; more are counted."""
MOST_LABELS = 3
"""On an axis whose labels are compared one by one; with more, how many tests favour the larger is told."""
UNTESTED = "not tested; clips of different lengths are judged apart from each other, and see the curves"
Sorted = Mapping[str, Sequence[Contrast]]


def grid_verdict(
    grid: Cells, *, primary: str, decided: str, floors: Mapping[str, str], outside: Sequence[str]
) -> Verdict:
    """
    Args:
        primary: the metric that was to decide.
        decided: the one that does; "" where no judge has judged any cell.
        floors: by the name of a duration, "" where there is one alone, the key of its ground truth.
        outside: keys of outside systems.
    """
    if not decided:
        return Verdict("No metric that says better or worse has judged any of the cells.", [])
    tested = {axis.key: grid.contrasts(axis, metric=decided) for axis in grid.axes}
    of_paradigm = tested.get(PARADIGM, [])
    judged = f"judged by {decided}" + ("" if decided == primary else f" ({primary}, which was to decide, is absent)")
    first = next((axis.key for axis in grid.axes if tested[axis.key]), "")
    if of_paradigm:
        first = PARADIGM
        sentence = f"On this data and budget{_shared(grid, of_paradigm)}, {judged}, {_paradigms(grid, decided)}."
    elif first:
        axis = next(axis for axis in grid.axes if axis.key == first)
        sentence = f"On this data and budget, {judged}: {axis_words(grid, axis, decided)}."
    else:
        sentence = f"No two cells of this grid were compared on {decided}."
    points = [
        _sizes(grid, of_paradigm, decided),
        _others(grid, decided),
        *(
            f"{axis.name.capitalize()}: {axis_words(grid, axis, decided) if tested[axis.key] else UNTESTED}."
            for axis in grid.axes
            if axis.key != first
        ),
        *(_against(grid, system, decided) for system in outside),
        *_best(grid, decided, floors),
    ]
    return Verdict(sentence, [point for point in points if point])


def _sorted(grid: Cells, contrasts: Sequence[Contrast], metric: str) -> Sorted:
    found: dict[str, list[Contrast]] = {"first": [], "second": [], "open": []}
    for item in contrasts:
        outcome = grid.outcome(metric, item.first.system, item.second.system)
        if outcome:
            found[outcome].append(item)
    return found


def _fixed(grid: Cells, contrasts: Sequence[Contrast]) -> list[str]:
    """The axes, beside their own, along which the contrasts do not differ."""
    return [
        axis.key
        for axis in grid.axes
        if axis.key != contrasts[0].axis.key and len({item.place[axis.key] for item in contrasts}) == 1
    ]


def _shared(grid: Cells, contrasts: Sequence[Contrast]) -> str:
    """Where all of them lie."""
    fixed = _fixed(grid, contrasts)
    words = [told(axis, contrasts[0].place[axis.key]) for axis in grid.axes if axis.key in fixed]
    return f", with {listed(words)}" if words else ""


def _places(grid: Cells, chosen: Sequence[Contrast], of: Sequence[Contrast]) -> str:
    """Where some contrasts lie, as told from the others: ` at 25 Hz and 50 Hz`; "" where there is but one place."""
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


def _paradigms(grid: Cells, metric: str) -> str:
    axis = grid.axis(PARADIGM)
    assert axis is not None
    contrasts = grid.contrasts(axis, metric=metric)
    one, other = named(contrasts[0].first.paradigm), named(contrasts[0].second.paradigm)
    found = _sorted(grid, contrasts, metric)
    places = {side: _places(grid, chosen, contrasts) for side, chosen in found.items() if chosen}
    if {"first", "second"} <= places.keys():
        parts = [f"{one} does better than {other}{places['first']}, the other way round{places['second']}"]
    else:
        sides = (("first", one, other), ("second", other, one))
        parts = [f"{better} does better than {worse}{places[side]}" for side, better, worse in sides if side in places]
    if "open" in places:
        of_whom = "the two" if parts else f"{one} and {other}"
        parts.append(f"no difference between {of_whom} could be shown{places['open']}")
    return "; ".join(parts)


def _sizes(grid: Cells, contrasts: Sequence[Contrast], metric: str) -> str:
    """The numbers of the sentence."""
    if not 0 < len(contrasts) <= MOST_LISTED:
        return ""
    without = [PARADIGM, *_fixed(grid, contrasts)]
    parts = []
    for item in contrasts:
        found = grid.difference(metric, item.first.system, item.second.system)
        assert found is not None
        words = (
            f"{grid.place(item.first.labels, without=without)} {interval(found.value, found.low, found.high)}".strip()
        )
        if (found.low > 0 or found.high < 0) and found.p_holm >= LEVEL:
            words += f" (the interval leaves out zero, but p is {p_value(found.p_holm)} after Holm's correction)"
        parts.append(words)
    first, second = named(contrasts[0].first.paradigm), named(contrasts[0].second.paradigm)
    return f"{first.capitalize()} minus {second} in {metric}: {'; '.join(parts)}."


def _others(grid: Cells, decided: str) -> str:
    """What the other judges say of the paradigms."""
    axis = grid.axis(PARADIGM)
    parts = []
    for metric in grid.metrics() if axis else ():
        contrasts = grid.contrasts(axis, metric=metric.key) if axis and metric.key != decided else []
        if not contrasts:
            continue
        found = _sorted(grid, contrasts, metric.key)
        sides = {
            "first": f"favours {named(contrasts[0].first.paradigm)}",
            "second": f"favours {named(contrasts[0].second.paradigm)}",
            "open": "shows no difference",
        }
        words = [f"{text}{_places(grid, found[side], contrasts)}" for side, text in sides.items() if found[side]]
        parts.append(f"{metric.key} {listed(words)}")
    return f"Other judges: {'; '.join(parts)}." if parts else ""


def axis_words(grid: Cells, axis: GridAxis, metric: str) -> str:
    """What the tests say of an axis."""
    contrasts = grid.contrasts(axis, metric=metric)
    found = _sorted(grid, contrasts, metric)
    shown = len(found["first"]) + len(found["second"])
    if not shown:
        return "no two of them could be shown to differ" if len(contrasts) > 1 else "no difference could be shown"
    if len(axis.labels) > MOST_LABELS and axis.numbers:
        return _by_size(axis, found, total=len(contrasts))
    parts = []
    for first in axis.labels:
        for second in axis.labels:
            pair = [item for item in contrasts if {first, second} == _ends(item) and first != second]
            better = [item for item in found["first"] if _labels(item) == (first, second)]
            better += [item for item in found["second"] if _labels(item) == (second, first)]
            if better:
                better_than = f"{told(axis, first)} does better than {told(axis, second)}"
                parts.append(f"{better_than}{_places(grid, better, pair)}")
    rest = len(contrasts) - shown
    if rest:
        parts.append(f"{rest} of {len(contrasts)} tests show no difference")
    return "; ".join(parts)


def _by_size(axis: GridAxis, found: Sorted, *, total: int) -> str:
    larger = sum(
        axis.numbers[better] > axis.numbers[worse]
        for side, turn in (("first", 1), ("second", -1))
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


def _ends(item: Contrast) -> set[str]:
    return set(_labels(item))


def _against(grid: Cells, system: str, metric: str) -> str:
    """An outside system against the cells it was tested with."""
    found: dict[str, list[str]] = {"first": [], "second": [], "open": []}
    for cell in grid.cells:
        outcome = grid.outcome(metric, cell.system, system)
        if outcome:
            found[outcome].append(grid.place(cell.labels))
    words = {"first": "better", "second": "worse", "open": "not told apart"}
    total = sum(map(len, found.values()))
    parts = [f"{len(found[side])} {text}" for side, text in words.items() if found[side]]
    return f"Against {system}, of {total} cells by {metric}: {', '.join(parts)}." if parts else ""


def _best(grid: Cells, metric: str, floors: Mapping[str, str]) -> list[str]:
    """The best value of each duration, beside what real music scores."""
    info = grid.found.metrics[metric]
    word, pick = ("lowest", min) if info.better == "lower" else ("highest", max)
    points = []
    for duration, truth in floors.items():
        scored = {
            cell.system: score.value
            for cell in grid.cells
            if (not duration or f"{cell.duration_s:g} s" == duration) and (score := grid.score(metric, cell.system))
        }
        if scored:
            best = pick(scored, key=lambda system: scored[system])
            cell = next(cell for cell in grid.cells if cell.system == best)
            real = f"; real, unheard music scores {grid.found.span(metric, truth)}" if grid.score(metric, truth) else ""
            points.append(
                f"The {word} {metric}{f' at {duration}' if duration else ''} is that of {grid.place(cell.labels)}, "
                f"{grid.found.span(metric, best)}{real}."
            )
    return points
