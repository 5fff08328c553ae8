"""The report of a search: the folders of its steps to a page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from counterpoint.config import read_sampling
from counterpoint.config.schema import ParadigmName
from counterpoint.report.numbers import duration, interval, number, p_value
from counterpoint.results.search import Found, SearchResult, Standing
from counterpoint.study.report.assemble import CODES, LATENTS, PAIR, budget_of, command_of, data_facts, model_facts
from counterpoint.study.report.content import Compared, Difference, Example, Fact, Metric, Note, System, Verdict
from counterpoint.study.report.guidance import guidance_chart, span
from counterpoint.study.report.machine import machine_facts
from counterpoint.study.report.notes import notes
from counterpoint.study.report.outside import outside_clips, outside_systems
from counterpoint.study.report.page import write_page, write_players
from counterpoint.study.report.read import HALVES, Folders, read_difference, read_metrics, read_scores
from counterpoint.study.report.tables import Table, scores_csv, scores_table, to_csv
from counterpoint.study.report.verdict import against_outside, judge
from counterpoint.study.search.points import described, in_words
from counterpoint.study.windows import spread

TRUTH = "ground_truth"
NAMES: Mapping[str, str] = {"autoregressive": "auto-regression", "flow_matching": "flow matching"}
SHORT = {"autoregressive": "AR", "flow_matching": "FM"}
STYLES = {"autoregressive": "ar", "flow_matching": "fm"}


@dataclass(frozen=True)
class Confirmed:
    """A setting on the prompts that the search never saw.

    Attributes:
        words: the setting.
        passes, evaluations: of the network a clip; in the second the rows of guidance count.
        seconds: a clip, drawn in batches, text and codec included.
    """

    system: str
    words: str
    passes: int
    evaluations: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class SearchContent(Compared):
    """All that the report of a search says.

    Attributes:
        primary: key of the metric that the searches went by.
        searches: by paradigm.
        lines: of each paradigm's charts: by chart, then line, the keys of its points.
        confirmed: what the settings that were confirmed are and cost.
    """

    primary: str
    searches: Mapping[str, SearchResult]
    lines: Mapping[str, Mapping[str, Mapping[str, Sequence[str]]]]
    confirmed: Sequence[Confirmed]
    example_systems: Sequence[str]


def write_search_report(
    content: SearchContent, out: Path, *, progress: Callable[[int, int], None] | None = None
) -> Path:
    """Write the report into `out`; returns its `index.html`."""
    from markupsafe import Markup

    players = write_players(content, out, wanted=lambda number, key: True, progress=progress)
    return write_page(
        content,
        out,
        template="search.html",
        tables={
            "differences": differences_table(content),
            "scores": scores_table(content, content.judges),
            "confirmed": confirmed_table(content),
            "spent": spent_table(content),
            **{f"points_{paradigm}": points_table(found) for paradigm, found in content.searches.items()},
            **{f"skipped_{paradigm}": skipped_table(found) for paradigm, found in content.searches.items()},
        },
        csv={"points": points_csv(content), "scores": scores_csv(content)},
        players=[
            [player for (number, _), player in players.items() if number == index]
            for index in range(len(content.examples))
        ],
        charts={
            paradigm: {title: Markup(picture) for title, picture in _charts(content, paradigm)}
            for paradigm in content.searches
        },
        tried={paradigm: _ranked(found) for paradigm, found in content.searches.items()},
        names={paradigm: name.capitalize() for paradigm, name in NAMES.items()},
        looks={key: f"{key}_tuned" for key in PAIR},
    )


def assemble_search(
    folders: Folders, *, name: str, study: Mapping[str, Any], study_yaml: str, own_data: bool
) -> SearchContent:
    """Everything the report says.

    Args:
        study: the configuration, plain.
        study_yaml: the same, as a file that `study run` takes.
        own_data: the music is the user's.
    """
    evaluation = folders.json("evaluate", "evaluation.json")
    scores = read_scores(evaluation)
    metrics = read_metrics(evaluation, scores)
    differences = [read_difference(item) for item in evaluation["differences"]]
    searches = {key: SearchResult.read(folders.paths[f"search_{key}"]) for key in PAIR}
    confirmed = [_confirmed(folders, searches[key], key, end) for key in PAIR for end in ("default", "tuned")]
    outside = outside_systems(study)
    systems = [*_systems(confirmed, searches), *outside]
    known = [system for system in systems if any(system.key in of_metric for of_metric in scores.values())]
    prompts = folders.json("prompts", "prompts.json")
    primary = next(metric for metric in metrics if metric.key == study["evaluation"]["primary"])
    shown = [TRUTH, *(item.system for item in confirmed), *(system.key for system in outside)]
    return SearchContent(
        name=name,
        made=time.strftime("%-d %B %Y"),
        verdict=Verdict(
            _sentence(differences, primary, searches, metrics),
            [
                *_points(differences, metrics, primary, confirmed, searches),
                *against_outside(
                    differences, outside, metric=primary, names={system.key: system.name for system in systems}
                ),
                *(_stopping(found, key) for key, found in searches.items()),
                "The paper lists the settings it tried and names no winner, so nothing of this can be set beside it.",
            ],
        ),
        headline_facts=_headline(folders, searches, prompts),
        systems=known,
        metrics=metrics,
        scores=scores,
        differences=differences,
        examples=[
            Example(
                window["id"],
                window["caption"],
                _clips(folders, window["id"], confirmed) | outside_clips(folders.paths, outside, window["id"]),
            )
            for window in spread(prompts["windows"], study["examples"])
        ],
        facts=[*data_facts(folders, prompts), *model_facts(folders, study), *_facts(study), *machine_facts()],
        notes=[
            *notes(evaluation, prompts=prompts, study=study, budget=budget_of(folders), own_data=own_data),
            *_notes(searches, primary),
        ],
        command=command_of(own_data=own_data),
        files={"study.yaml": study_yaml},
        primary=primary.key,
        searches=searches,
        lines={key: _lines(study["searches"][key], searches[key]) for key in PAIR},
        confirmed=confirmed,
        example_systems=shown,
    )


def _confirmed(folders: Folders, found: SearchResult, paradigm: ParadigmName, end: str) -> Confirmed:
    report = folders.json(f"generate_{paradigm}_{end}", "generation.json")["report"]
    point = found.point(found.default if end == "default" else found.chosen)
    return Confirmed(
        f"{paradigm}_{end}",
        in_words(read_sampling(paradigm, point.sampling)),
        report["network_evaluations"],
        report["model_evaluations"],
        report["latency_s"] / report["clips"],
    )


def _systems(confirmed: Sequence[Confirmed], searches: Mapping[str, SearchResult]) -> Iterator[System]:
    yield System(TRUTH, "Ground truth", "Ground truth", "The held-out music of the confirmation prompts itself.")
    yield System(
        LATENTS, "Codec, continuous", "Codec, continuous", "The ground truth through the codec, not quantised."
    )
    yield System(CODES, "Codec, quantised", "Codec, quantised", "The ground truth through the codec and its quantiser.")
    for item in confirmed:
        paradigm, _, end = item.system.rpartition("_")
        what = "the setting to improve on" if end == "default" else "the best of the search"
        yield System(
            item.system,
            f"{NAMES[paradigm].capitalize()}, {end}",
            f"{SHORT[paradigm]}, {end}",
            f"{item.words}: {what}.".capitalize(),
            style=f"{STYLES[paradigm]}-{int(end == 'default')}",
        )
    yield System(
        HALVES, "Training music, two halves", "Training halves", "One half of the reference tracks against the other."
    )


def _clips(folders: Folders, name: str, confirmed: Sequence[Confirmed]) -> dict[str, Path]:
    places = {TRUTH: folders.paths["prompts"] / "truth"}
    places |= {item.system: folders.paths[f"generate_{item.system}"] for item in confirmed}
    return {key: place / f"{name}.wav" for key, place in places.items()}


def _lines(grid: Mapping[str, Any], found: SearchResult) -> dict[str, dict[str, list[str]]]:
    """By chart (the settings of all axes but the first), then line (those of the first), keys of the points tried."""
    first, *rest = grid["axes"] or [[{}]]
    charts: dict[str, dict[str, list[str]]] = {}
    for of_chart in product(*rest):
        shared = {name: value for settings in of_chart for name, value in settings.items()}
        lines = {described(own) or "all": _keys(found, {**own, **shared}) for own in first}
        if any(lines.values()):
            charts[described(shared)] = {name: keys for name, keys in lines.items() if keys}
    placed = {key for lines in charts.values() for keys in lines.values() for key in keys}
    for lines in charts.values():  # a default that is no point of the grid stands in every chart
        if found.default not in placed:
            lines["default"] = [found.default]
    return charts


def _keys(found: SearchResult, settings: Mapping[str, Any]) -> list[str]:
    return [point.key for point in found.tried if settings.items() <= point.settings.items()]


def _charts(content: SearchContent, paradigm: str) -> Iterator[tuple[str, str]]:
    found = content.searches[paradigm]
    guidance = sorted({point.guidance for point in found.tried})
    for title, lines in content.lines[paradigm].items():
        points = {name: [found.point(key) for key in keys] for name, keys in lines.items()}
        name = f"{content.primary} of {NAMES[paradigm]}{f', {title}' if title else ''}"
        yield title, guidance_chart(points, title=name, bounds=span(found.tried), guidance=guidance)


# The verdict.


def _between(differences: Sequence[Difference], metric: Metric, first: str, second: str) -> Difference:
    return next(item for item in differences if (item.metric, item.first, item.second) == (metric.key, first, second))


def _sentence(
    differences: Sequence[Difference],
    metric: Metric,
    searches: Mapping[str, SearchResult],
    metrics: Sequence[Metric] = (),
) -> str:
    gains = []
    for key, found in searches.items():
        if found.chosen == found.default:
            gains.append(f"for {NAMES[key]} no setting was better than the default")
            continue
        item = _between(differences, metric, f"{key}_tuned", f"{key}_default")
        change = interval(item.value, item.low, item.high)
        outcome = judge(item, metric)
        words = {
            "first": f"tuning improves {NAMES[key]}: its {metric.key} changes by {change}",
            "second": f"the setting chosen for {NAMES[key]} proves worse: its {metric.key} changes by {change}",
            "open": f"no gain from tuning {NAMES[key]} could be shown: its {metric.key} changes by {change}",
        }
        others = _others(differences, metrics, metric, key)
        against = outcome == "first" and " worse" in others  # a gain by one judge that another calls a loss
        gains.append(words[outcome] + (", but other judges disagree" if against else ""))
    return f"On prompts that the search never saw, {'; '.join(gains)}."


def _points(
    differences: Sequence[Difference],
    metrics: Sequence[Metric],
    primary: Metric,
    confirmed: Sequence[Confirmed],
    searches: Mapping[str, SearchResult],
) -> Iterator[str]:
    by_system = {item.system: item for item in confirmed}
    for key in searches:
        default, tuned = by_system[f"{key}_default"], by_system[f"{key}_tuned"]
        if tuned.words == default.words:
            yield (
                f"Best of {NAMES[key]}: the default itself, {tuned.words}, with {tuned.evaluations} model evaluations "
                f"and {duration(tuned.seconds)} a clip."
            )
            continue
        yield (
            f"Best of {NAMES[key]}: {tuned.words}, in place of {default.words}. A clip takes {tuned.evaluations} model "
            f"evaluations and {duration(tuned.seconds)}, in place of {default.evaluations} and "
            f"{duration(default.seconds)}.{_edge(searches[key])}{_others(differences, metrics, primary, key)}"
        )
    yield _order(differences, primary)


def _edge(found: SearchResult) -> str:
    """A best at the border of what was tried may have a better one beyond it."""
    best, guidance = found.point(found.chosen).guidance, [point.guidance for point in found.tried]
    if min(guidance) < best < max(guidance):
        return ""
    side = "least" if best == min(guidance) else "most"
    return f" That is the {side} guidance of those tried, so there may be better beyond it."


def _others(differences: Sequence[Difference], metrics: Sequence[Metric], primary: Metric, key: str) -> str:
    words = {"first": "better", "second": "worse"}
    shown = [
        f"{metric.key} {words[outcome]}"
        for metric in metrics
        if metric.better != "neither" and metric is not primary
        for item in differences
        if (item.metric, item.first, item.second) == (metric.key, f"{key}_tuned", f"{key}_default")
        and (outcome := judge(item, metric)) != "open"
    ]
    return f" Other judges: {', '.join(shown)}." if shown else " No other judge shows a difference."


def _order(differences: Sequence[Difference], metric: Metric) -> str:
    """Whether tuning changes which paradigm is ahead."""
    first, second = PAIR
    items = {end: _between(differences, metric, f"{first}_{end}", f"{second}_{end}") for end in ("default", "tuned")}
    outcomes = {end: judge(item, metric) for end, item in items.items()}
    ahead = {
        "first": f"{NAMES[first]} is ahead",
        "second": f"{NAMES[second]} is ahead",
        "open": "neither is shown to be ahead",
    }
    told = {end: interval(item.value, item.low, item.high) for end, item in items.items()}
    changed = "does not change" if outcomes["default"] == outcomes["tuned"] else "changes"
    return (
        f"Tuning {changed} the comparison of the paradigms: with the defaults {ahead[outcomes['default']]} ("
        f"{SHORT[first]} minus {SHORT[second]} {told['default']} in {metric.key}), with both tuned "
        f"{ahead[outcomes['tuned']]} ({told['tuned']})."
    )


def _stopping(found: SearchResult, paradigm: str) -> str:
    tried, stopped = found.tried, [point for point in found.points if point.outcome == "stopped"]
    skipped = len(found.points) - len(tried)
    spent, full = found.spent()[0], found.in_full()[0]
    left = f" ({skipped} more of the grid are left out at this scale)" if skipped else ""
    early = (
        f"{len(stopped)} were stopped early, which saved {100 * (1 - spent / max(full, 1)):.0f}% of the model "
        "evaluations of trying all on all prompts"
        if stopped
        else "none could be shown to be hopeless before the last rung"
    )
    return f"{NAMES[paradigm].capitalize()}: {len(tried)} settings tried{left}; {early}."


# Tables.


def points_table(found: SearchResult) -> Table:
    """One row a point that was tried, the best first."""
    header = [
        "Setting",
        "Outcome",
        "n",
        f"{found.primary}",
        "Behind the best",
        "At the rule's level",
        "Evaluations",
        "Time",
    ]
    rows = [
        [
            f"guidance {point.guidance:g}, {point.others}" + (" (default)" if point.is_default else ""),
            point.outcome,
            str(last.n),
            _span(last.value, last.low, last.high),
            "–" if point.key == last.best else _span(last.difference, last.difference_low, last.difference_high),
            "–" if point.key == last.best or last.n == found.rungs[-1] else f"≥ {number(last.bound, places=1)}",
            f"{point.cost.evaluations:,}",
            duration(point.cost.seconds_per_clip),
        ]
        for point in _ranked(found)
        for last in [point.standings[-1]]
    ]
    caption = (
        f"Every setting tried, on its last rung: {found.primary} on n prompts with its 95% interval; how far it is "
        "behind the best of that rung on the same prompts, with a 95% interval, and at least how far at the rule's "
        "level (above 0 it is stopped); model evaluations and time a clip."
    )
    return Table(caption, header, rows)


def _ranked(found: SearchResult) -> list[Found]:
    """The points that answered most first, the best of them first."""

    def place(point: Found) -> tuple[int, float]:
        last = point.standings[-1]
        value = last.value if last.value == last.value else float("inf")
        return (-last.n, value if found.better == "lower" else -value)

    return sorted(found.tried, key=place)


def _span(value: float, low: float, high: float) -> str:
    return interval(value, low, high) if value == value else "not defined"


def skipped_table(found: SearchResult) -> Table:
    """One row a point of the grid that was not tried."""
    rows = [
        [f"guidance {point.guidance:g}, {point.others}", point.reason]
        for point in found.points
        if point.outcome == "skipped"
    ]
    return Table("Settings of the whole grid that this scale does not try.", ["Setting", "Why"], rows)


def points_csv(content: SearchContent) -> str:
    """Every point of both grids on every rung, with full precision."""
    names = [name for name in Standing.__dataclass_fields__ if name != "reason"]
    header = ["paradigm", "key", "guidance", "others", "outcome", "reason", "clips", "evaluations", "seconds", *names]
    rows: list[list[object]] = []
    for paradigm, found in content.searches.items():
        for point in found.points:
            own = [paradigm, point.key, point.guidance, point.others, point.outcome, point.reason, point.cost.clips]
            own += [point.cost.evaluations, point.cost.seconds_per_clip]
            rows += [[*own, *(getattr(each, name) for name in names)] for each in point.standings] or [
                [*own, *("" for _ in names)]
            ]
    return to_csv([header, *rows])


def differences_table(content: SearchContent) -> Table:
    """The tests of the confirmation: a row a pair, a column a judge."""
    names = {system.key: system.name for system in content.systems}
    pairs = dict.fromkeys((item.first, item.second) for item in content.differences)
    by_cell = {(item.first, item.second, item.metric): item for item in content.differences}
    rows = [
        [
            f"{names.get(first, first)} − {names.get(second, second)}",
            *(
                f"{interval(item.value, item.low, item.high)}; p {p_value(item.p_holm)}"
                if (item := by_cell.get((first, second, metric.key)))
                else "–"
                for metric in content.judges
            ),
        ]
        for first, second in pairs
    ]
    caption = "Paired differences on the confirmation prompts with 95% intervals; p two-sided, after Holm's correction."
    return Table(caption, ["Pair", *(metric.key for metric in content.judges)], rows)


def confirmed_table(content: SearchContent) -> Table:
    """What the confirmed settings cost."""
    names = {system.key: system.name for system in content.systems}
    rows = [
        [names[item.system], item.words, f"{item.passes:,}", f"{item.evaluations:,}", duration(item.seconds)]
        for item in content.confirmed
    ]
    caption = "Passes of the network and model evaluations a clip (a guided pass is two), and the time a clip took."
    return Table(caption, ["System", "Setting", "Passes", "Evaluations", "Time a clip"], rows)


def spent_table(content: SearchContent) -> Table:
    """What the searches cost, and what stopping saved."""
    rows = []
    for paradigm, found in content.searches.items():
        (evaluations, seconds), (all_evaluations, all_seconds) = found.spent(), found.in_full()
        stopped = [
            sum(point.outcome == "stopped" and point.standings[-1].n == n for point in found.points)
            for n in found.rungs[:-1]
        ]
        rows.append(
            [
                NAMES[paradigm].capitalize(),
                f"{len(found.points)}",
                f"{len(found.tried)}",
                ", ".join(f"{count} after {n}" for count, n in zip(stopped, found.rungs, strict=False)) or "–",
                f"{evaluations:,.0f} of {all_evaluations:,.0f}",
                f"{duration(seconds)} of {duration(all_seconds)}",
                f"{100 * (1 - evaluations / max(all_evaluations, 1)):.0f}%",
            ]
        )
    header = ["Search", "Grid", "Tried", "Stopped after n prompts", "Model evaluations", "Time of drawing", "Saved"]
    caption = "What was spent, of what trying every setting on every search prompt would have taken."
    return Table(caption, header, rows)


# Facts and notes.


def _headline(folders: Folders, searches: Mapping[str, SearchResult], prompts: Mapping[str, Any]) -> list[Fact]:
    spent = sum(folders.record(step).get("seconds", 0.0) for step in folders.paths)
    counts = [(len(found.tried), len(found.points)) for found in searches.values()]
    each = next(iter(searches.values()))
    return [
        Fact("Settings tried, AR / FM", " / ".join(f"{tried} of {all_}" for tried, all_ in counts)),
        Fact("Search prompts", f"{len(each.prompts)} in rungs of {', '.join(map(str, each.rungs))}"),
        Fact("Confirmation prompts", f"{len(prompts['windows'])} of {prompts['duration_s']:g} s, of other tracks"),
        Fact("Time, everything", duration(spent)),
    ]


def _facts(study: Mapping[str, Any]) -> list[Fact]:
    seed = study["prompts"]["seed"]
    return [
        Fact(
            "Sampling",
            f"prompt i has seed {seed} + i at every setting, search prompts first; {study['prompts']['batch_size']} "
            "clips a batch at most",
        ),
        Fact(
            "Search",
            f"by {study['evaluation']['primary']}; the first rung has {study['ladder']['first']} prompts, each further "
            f"one twice as many, up to all; the best {study['ladder']['keep']} always go on",
        ),
    ]


def _notes(searches: Mapping[str, SearchResult], primary: Metric) -> list[Note]:
    rules = "; ".join(
        f"{NAMES[key]}: {found.comparisons} comparisons share {100 * found.level:.0f}%"
        for key, found in searches.items()
    )
    first = next(iter(searches.values()))
    return [
        Note(
            "When a setting is stopped",
            "After every rung but the last, each setting is compared with the best one so far on the same prompts and "
            "from the same noise. It is stopped where the whole interval of the difference lies on the worse side. "
            "The interval is one-sided, a t interval from half samples of the tracks, and its level is shared by all "
            f"comparisons that could stop any one setting ({rules}), so that the chance to stop the setting that is "
            f"truly best is below {100 * first.level:.0f}% for a whole search. The best {first.keep} go on in any "
            "case. With few prompts such a rule stops only what is far behind; that is what it is for.",
        ),
        Note(
            "The best of many",
            "The setting that leads a search owes some of its lead to luck, the more so the more settings are tried. "
            "Its score in the search is therefore not what is claimed: it is drawn again for prompts of other tracks, "
            "with other noise, beside the default, and only that difference is reported as the gain. Settings close "
            "to the best in the search may be as good as it.",
        ),
        Note(
            "Search and confirmation prompts",
            "The tracks of the held-out windows, in an order that a digest of their names decides, go to the search "
            "and to the confirmation in turn; the two share no track. Both are captions that training never saw.",
        ),
        Note(
            "What the search goes by",
            f"{primary.key} against {first.reference} clips of the training split, the same for every setting and "
            "rung. A kernel distance is unbiased, so that scores on few and on many prompts mean the same; a Frechet "
            "distance falls as clips are added, and falls differently for settings that differ in diversity. What is "
            "best by a distance of distributions need not be what follows the caption best: the table of all judges "
            "says what became of that.",
        ),
        Note(
            "Time",
            "Times are of batches as they were drawn, text and codec included, on a machine that may have done other "
            "things; model evaluations are exact.",
        ),
    ]
