"""The report of a search over samplers' settings (Appendix D): which are best, and what finding them cost."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

from counterpoint.config import read_sampling
from counterpoint.metrics.base import MetricInfo
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import (
    Block,
    Chart,
    Charts,
    Fact,
    Line,
    Report,
    Section,
    System,
    Table,
    Text,
    Verdict,
    judge,
)
from counterpoint.report.chart import scored
from counterpoint.report.marks import DISTINCT
from counterpoint.report.numbers import duration, interval, number
from counterpoint.report.tables import grid as plain_grid
from counterpoint.results.schema import TRUTH, Results
from counterpoint.results.search import Found, SearchResult, Standing
from counterpoint.study.kinds.search import SearchStudy
from counterpoint.study.pages import facts as said
from counterpoint.study.pages.looks import of_paradigm, shown_systems
from counterpoint.study.pages.notes import notes
from counterpoint.study.pages.sections import (
    compared_section,
    examples_of,
    listen_section,
    methods_section,
    report_of,
    scores_section,
    tests_section,
)
from counterpoint.study.pages.words import against_outside, outcome, sentences, span, terms, title
from counterpoint.study.search.points import described, in_words

ENDS = {"default": "the setting to improve on", "tuned": "the best of the search"}
NO_WINNER = "The paper lists the settings it tried and names no winner, so nothing of this can be set beside it."


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


class SearchPage:
    """What is known of a search, ready to be written down.

    Attributes:
        searches: by paradigm.
        confirmed: by system, what was confirmed.
    """

    def __init__(self, study: SearchStudy, results: Results):
        self.study, self.results = study, results
        self.judged = results.judged("evaluate")
        self.metric = self.judged.metrics[study.evaluation.primary]
        self.searches = {step.removeprefix("search_"): found for step, found in results.searches.items()}
        found = [self._confirmed(paradigm, end) for paradigm in self.searches for end in ENDS]
        self.confirmed = {item.system: item for item in found}
        own = [self._system(paradigm, end) for paradigm in self.searches for end in ENDS]
        self.systems = shown_systems(results, self.judged, own={system.key: system for system in own})

    def _confirmed(self, paradigm: str, end: str) -> Confirmed:
        found, system = self.searches[paradigm], f"{paradigm}_{end}"
        report = self.results.generations[f"generate_{system}"].report
        point = found.point(found.default if end == "default" else found.chosen)
        words = in_words(read_sampling(paradigm, dict(point.sampling)))
        each = report.latency_s / report.clips
        return Confirmed(system, words, report.network_evaluations, report.model_evaluations, each)

    def _system(self, paradigm: str, end: str) -> System:
        entry, mark = PARADIGMS[paradigm], of_paradigm(paradigm)
        words = self.confirmed[f"{paradigm}_{end}"].words
        return System(
            key=f"{paradigm}_{end}",
            name=f"{entry.label}, {end}",
            short=f"{entry.short}, {end}",
            what=f"{words[:1].upper()}{words[1:]}: {ENDS[end]}.",
            mark=mark if end == "tuned" else replace(mark, fill="hollow"),
        )


def search_report(study: SearchStudy, results: Results) -> Report:
    """The report of a finished study."""
    page = SearchPage(study, results)
    outside = {key: key for key in study.systems if key in page.systems}
    own = {key: page.systems[key].name for key in page.confirmed}
    points = [
        *(point for paradigm in page.searches for point in _gain(page, paradigm)),
        *(_order(page, first, second) for first, second in combinations(page.searches, 2)),
        *against_outside(page.judged, page.metric.name, own, outside),
        *(_stopping(found, paradigm) for paradigm, found in page.searches.items()),
        NO_WINNER,
    ]
    return report_of(
        results,
        title="Which settings of the sampler are best?",
        verdict=Verdict(_sentence(page), sentences(points)),
        facts=_headline(page),
        sections=[
            _confirmed_section(page),
            listen_section(
                examples_of(results, page.systems, [TRUTH, *page.confirmed, *outside]),
                lead="The same prompts with the default and the tuned setting, from the same noise.",
            ),
            tests_section(page.judged, page.systems, is_folded=False),
            _search_section(page),
            _points_section(page),
            scores_section(page.judged, page.systems, page.judged.judges, with_all=True, is_folded=True),
            compared_section(_facts(page), page.systems.values()),
            methods_section(_notes(page)),
        ],
        terms=terms(page.judged),
    )


def _label(paradigm: str) -> str:
    return PARADIGMS[paradigm].label.lower()


def _sentence(page: SearchPage) -> str:
    gains = []
    for paradigm, found in page.searches.items():
        if found.chosen == found.default:
            gains.append(f"for {_label(paradigm)} no setting was better than the default")
            continue
        item = page.judged.difference(page.metric.name, f"{paradigm}_tuned", f"{paradigm}_default")
        assert item is not None
        side, change = judge(item, page.metric), f"its {title(page.metric)} changes by {span(item)}"
        words = {
            "first": f"tuning improves {_label(paradigm)}: {change}",
            "second": f"the setting chosen for {_label(paradigm)} proves worse: {change}",
            "open": f"no gain from tuning {_label(paradigm)} could be shown: {change}",
        }
        against = side == "first" and " worse" in _others(page, paradigm)  # a gain that another judge calls a loss
        gains.append(words[side] + (", but other judges disagree" if against else ""))
    return f"On prompts that the search never saw, {'; '.join(gains)}."


def _gain(page: SearchPage, paradigm: str) -> Iterator[str]:
    """The best setting in words."""
    default, tuned = (page.confirmed[f"{paradigm}_{end}"] for end in ENDS)
    if tuned.words == default.words:
        yield (
            f"Best of {_label(paradigm)}: the default itself, {tuned.words}, with {tuned.evaluations} model "
            f"evaluations and {duration(tuned.seconds)} a clip."
        )
        return
    yield (
        f"Best of {_label(paradigm)}: {tuned.words}, in place of {default.words}. A clip takes {tuned.evaluations} "
        f"model evaluations and {duration(tuned.seconds)}, in place of {default.evaluations} and "
        f"{duration(default.seconds)}.{_edge(page.searches[paradigm])}{_others(page, paradigm)}"
    )


def _edge(found: SearchResult) -> str:
    """A best at the border of what was tried may have a better one beyond it."""
    best, guidance = found.point(found.chosen).guidance, [point.guidance for point in found.tried]
    if min(guidance) < best < max(guidance):
        return ""
    side = "least" if best == min(guidance) else "most"
    return f" That is the {side} guidance of those tried, so there may be better beyond it."


def _others(page: SearchPage, paradigm: str) -> str:
    words = {"first": "better", "second": "worse"}
    shown = []
    for info in page.judged.judges:
        side = outcome(page.judged, info.name, f"{paradigm}_tuned", f"{paradigm}_default")
        if info.name != page.metric.name and side in words:
            shown.append(f"{info.name} {words[side]}")
    return f" Other judges: {', '.join(shown)}." if shown else " No other judge shows a difference."


def _order(page: SearchPage, first: str, second: str) -> str:
    """Whether tuning changes which of two paradigms is ahead."""
    items = {end: page.judged.difference(page.metric.name, f"{first}_{end}", f"{second}_{end}") for end in ENDS}
    known = {end: item for end, item in items.items() if item}
    if len(known) < len(ENDS):
        return ""
    sides = {end: judge(item, page.metric) for end, item in known.items()}
    ahead = {
        "first": f"{_label(first)} is ahead",
        "second": f"{_label(second)} is ahead",
        "open": "neither is shown to be ahead",
    }
    changed = "does not change" if sides["default"] == sides["tuned"] else "changes"
    return (
        f"Tuning {changed} the comparison of the paradigms: with the defaults {ahead[sides['default']]} "
        f"({PARADIGMS[first].short} minus {PARADIGMS[second].short} {span(known['default'])} in {page.metric.name}), "
        f"with both tuned {ahead[sides['tuned']]} ({span(known['tuned'])})."
    )


def _stopping(found: SearchResult, paradigm: str) -> str:
    tried, stopped = found.tried, [point for point in found.points if point.outcome == "stopped"]
    skipped, (spent, _), (full, _) = len(found.points) - len(tried), found.spent(), found.in_full()
    left = f" ({skipped} more of the grid are left out at this scale)" if skipped else ""
    early = (
        f"{len(stopped)} were stopped early, which saved {100 * (1 - spent / max(full, 1)):.0f}% of the model "
        "evaluations of trying all on all prompts"
        if stopped
        else "none could be shown to be hopeless before the last rung"
    )
    return f"{PARADIGMS[paradigm].label}: {len(tried)} settings tried{left}; {early}."


def _headline(page: SearchPage) -> list[Fact]:
    counts = [f"{len(found.tried)} of {len(found.points)}" for found in page.searches.values()]
    shorts = " / ".join(PARADIGMS[paradigm].short for paradigm in page.searches)
    each, prompts = next(iter(page.searches.values())), page.results.prompts["prompts"]
    return [
        Fact(f"Settings tried, {shorts}", " / ".join(counts)),
        Fact("Search prompts", f"{len(each.prompts)} in rungs of {', '.join(map(str, each.rungs))}"),
        Fact("Confirmation prompts", f"{len(prompts.windows)} of {prompts.duration_s:g} s, of other tracks"),
        said.time_headline(page.results),
    ]


def _confirmed_section(page: SearchPage) -> Section:
    rows = [
        [page.systems[key].name, item.words, f"{item.passes:,}", f"{item.evaluations:,}", duration(item.seconds)]
        for key, item in page.confirmed.items()
    ]
    header = ["System", "Setting", "Passes", "Evaluations", "Time a clip"]
    caption = "Passes of the network and model evaluations a clip (a guided pass is two), and the time a clip took."
    cost = plain_grid("confirmed", header, rows, label="What the settings cost", caption=caption, is_narrow=True)
    scores = scores_section(page.judged, page.systems, page.judged.judges, charts=True)
    charts: Sequence[Block] = scores.blocks[:1] if scores else []
    lead = (
        "On prompts of tracks that the search never saw. Hollow marks are the defaults. ↓ lower is better, ↑ higher is "
        "better."
    )
    return Section(id="confirmed", title="Tuned and default", lead=lead, blocks=[*charts, cost], is_digest=True)


def _search_section(page: SearchPage) -> Section:
    lead = (
        f"{title(page.metric)} of every setting tried, against guidance, on the last prompts it answered, with 95% "
        "intervals. A cross is a setting that was stopped early; few prompts, wide intervals. A ring marks the best "
        "and the default. Marks at one guidance are set a little apart."
    )
    blocks: list[Block] = []
    for paradigm in page.searches:
        charts = list(_charts(page, paradigm))
        blocks += [Text(title=PARADIGMS[paradigm].label), Charts(name=f"search_{paradigm}", charts=charts)]
    return Section(
        id="search", title="The search", lead=f"{lead[:1].upper()}{lead[1:]}", blocks=[*blocks, _spent(page)]
    )


def chart_lines(axes: Sequence[Sequence[Mapping]], found: SearchResult) -> dict[str, dict[str, list[str]]]:
    """By chart (the settings of all axes but the first), then line (those of the first), keys of the points tried."""
    first, *rest = axes or [[{}]]
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


def _keys(found: SearchResult, settings: Mapping) -> list[str]:
    return [point.key for point in found.tried if settings.items() <= point.settings.items()]


def _charts(page: SearchPage, paradigm: str) -> Iterator[Chart]:
    """One for each combination of the settings but guidance and the first axis; all with one scale."""
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
    """The lowest and highest bound of the last standings of these points."""
    last = [point.standings[-1] for point in points]
    bounds = [bound for standing in last for bound in (standing.low, standing.high) if math.isfinite(bound)]
    return (min(bounds), max(bounds)) if bounds else (0.0, 1.0)


def _line(name: str, points: Iterable[Found], place: int) -> Line:
    drawn = []
    for point in sorted(points, key=lambda point: point.guidance):
        last = point.standings[-1]
        words = f"guidance {point.guidance:g}, {name}: {point.reason}; "
        own = scored(point.guidance, last.value, last.low, last.high, name=words, n=last.n)
        named = [word for word, holds in (("best", point.outcome == "chosen"), ("default", point.is_default)) if holds]
        drawn.append(replace(own, name=", ".join(named), is_ringed=bool(named), is_stopped=point.outcome == "stopped"))
    return Line(name=name, mark=DISTINCT[place % len(DISTINCT)], points=drawn)


def _spent(page: SearchPage) -> Table:
    """What the searches cost, and what stopping saved."""
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
    caption = "What was spent, of what trying every setting on every search prompt would have taken."
    return plain_grid("spent", header, rows, label="What the searches cost", caption=caption, is_narrow=True)


def _points_section(page: SearchPage) -> Section:
    blocks: list[Block] = []
    for paradigm, found in page.searches.items():
        blocks += [Text(title=PARADIGMS[paradigm].label), points_table(found, paradigm)]
        skipped = [
            [f"guidance {point.guidance:g}, {point.others}", point.reason]
            for point in found.points
            if point.outcome == "skipped"
        ]
        if skipped:
            caption = f"{len(skipped)} settings of the whole grid that this scale does not try."
            own = {"label": "Settings not tried", "caption": caption}
            blocks.append(plain_grid(f"skipped_{paradigm}", ["Setting", "Why"], skipped, **own))
    lead = "What became of every setting. The CSV files have all of it, rung by rung."
    return Section(id="points", title="All settings", lead=lead, blocks=blocks, is_folded=True)


def points_table(found: SearchResult, paradigm: str) -> Table:
    """One row a point that was tried, the best first; as CSV every point of the grid on every rung."""
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
        f"Every setting tried, on its last rung: {found.primary} on n prompts with its 95% interval; how far it is "
        "behind the best of that rung on the same prompts, with a 95% interval, and at least how far at the rule's "
        "level (above 0 it is stopped); model evaluations and time a clip."
    )
    table = plain_grid(f"points_{paradigm}", header, rows, label=f"Settings of {_label(paradigm)}", caption=caption)
    return replace(table, csv=_points_csv(found))


def _points_csv(found: SearchResult) -> list[list[object]]:
    names = [name for name in Standing.model_fields if name != "reason"]
    header = ["key", "guidance", "others", "outcome", "reason", "clips", "evaluations", "seconds", *names]
    rows: list[list[object]] = [list(header)]
    for point in found.points:
        own = [point.key, point.guidance, point.others, point.outcome, point.reason]
        own += [point.cost.clips, point.cost.evaluations, point.cost.seconds_per_clip]
        rows += [[*own, *(getattr(each, name) for name in names)] for each in point.standings] or [
            [*own, *("" for _ in names)]
        ]
    return rows


def ranked(found: SearchResult) -> list[Found]:
    """The points that answered most first, the best of them first."""

    def place(point: Found) -> tuple[int, float]:
        last = point.standings[-1]
        value = last.value if math.isfinite(last.value) else math.inf
        return -last.n, value if found.better == "lower" else -value

    return sorted(found.tried, key=place)


def _span(value: float, low: float, high: float) -> str:
    return interval(value, low, high) if math.isfinite(value) else "not defined"


def _facts(page: SearchPage) -> list[Fact]:
    study, prompts = page.study, page.study.prompts
    return [
        *said.data_facts(page.results),
        *said.model_facts(study, page.results.models.values()),
        Fact(
            "Sampling",
            f"prompt i has seed {prompts.seed} + i at every setting, search prompts first; {prompts.batch_size} clips "
            "a batch at most",
        ),
        Fact(
            "Search",
            f"by {page.metric.name}; the first rung has {study.ladder.first} prompts, each further one twice as many, "
            f"up to all; the best {study.ladder.keep} always go on",
        ),
        *said.machine_facts(page.results),
    ]


def _notes(page: SearchPage) -> list[Text]:
    return notes(
        page.study,
        [page.results.evaluations["evaluate"]],
        page.results.prompts["prompts"],
        budget=said.budget_words(page.results.models.values()),
        own_data=page.results.study.own_data,
        own=_own_notes(page.searches, page.metric),
    )


def _own_notes(searches: Mapping[str, SearchResult], primary: MetricInfo) -> list[Text]:
    first = next(iter(searches.values()))
    shares = {_label(key): (found.comparisons, 100 * found.level) for key, found in searches.items()}
    rules = "; ".join(f"{name}: {count} comparisons share {level:.0f}%" for name, (count, level) in shares.items())
    stopped = _STOPPED.format(rules=rules, level=100 * first.level, keep=first.keep)
    told = {
        "When a setting is stopped": stopped,
        "The best of many": _BEST,
        "Search and confirmation prompts": _PROMPTS,
        "What the search goes by": _PRIMARY.format(primary=primary.name, reference=first.reference),
        "Time": _TIME,
    }
    return [Text(title=name, paragraphs=[words]) for name, words in told.items()]


_STOPPED = (
    "After every rung but the last, each setting is compared with the best one so far on the same prompts and from the "
    "same noise. It is stopped where the whole interval of the difference lies on the worse side. The interval is "
    "one-sided, a t interval from half samples of the tracks, and its level is shared by all comparisons that could "
    "stop any one setting ({rules}), so that the chance to stop the setting that is truly best is below {level:.0f}% "
    "for a whole search. The best {keep} go on in any case. With few prompts such a rule stops only what is far "
    "behind; that is what it is for."
)
_BEST = (
    "The setting that leads a search owes some of its lead to luck, the more so the more settings are tried. Its score "
    "in the search is therefore not what is claimed: it is drawn again for prompts of other tracks, with other noise, "
    "beside the default, and only that difference is reported as the gain. Settings close to the best in the search "
    "may be as good as it."
)
_PROMPTS = (
    "The tracks of the held-out windows, in an order that a digest of their names decides, go to the search and to the "
    "confirmation in turn; the two share no track. Both are captions that training never saw."
)
_PRIMARY = (
    "{primary} against {reference} clips of the training split, the same for every setting and rung. A kernel distance "
    "is unbiased, so that scores on few and on many prompts mean the same; a Frechet distance falls as clips are "
    "added, and falls differently for settings that differ in diversity. What is best by a distance of distributions "
    "need not be what follows the caption best: the table of all judges says what became of that."
)
_TIME = (
    "Times are of batches as they were drawn, text and codec included, on a machine that may have done other things; "
    "model evaluations are exact."
)
