"""The report of a search over samplers' settings (Appendix D): the best settings, and the cost of the search."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from counterpoint.config import read_sampling
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import Block, Charts, Fact, Outcome, Report, Section, Text, Verdict, judge, plain_table
from counterpoint.report.numbers import duration, span
from counterpoint.results.schema import TRUTH, Results
from counterpoint.results.search import SearchResult
from counterpoint.study.kinds.search import SearchStudy
from counterpoint.study.pages import facts as said
from counterpoint.study.pages.notes import common_notes, prose
from counterpoint.study.pages.search_page import ENDS, SearchPage, points_blocks, search_charts, spent
from counterpoint.study.pages.words import against_outside, capital, sentences, sides, title

_WORDS: dict[Outcome, str] = {"first": "better", "second": "worse"}
NO_WINNER = "The paper lists the settings that it tried but names no winner, so a comparison is impossible."


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
    return page.report(
        title="Which settings of the sampler are best?",
        verdict=Verdict(_sentence(page), sentences(points)),
        facts=_headline(page),
        sections=[
            _confirmed_section(page),
            page.listen([TRUTH, *page.confirmed, *outside]),
            page.tests(is_folded=False),
            _search_section(page),
            page.section("points", *points_blocks(page)),
            page.scores(with_all=True),
        ],
        compared=_facts(page),
        methods=_notes(page),
    )


def _sentence(page: SearchPage) -> str:
    gains = []
    for paradigm, found in page.searches.items():
        if found.chosen == found.default:
            gains.append(f"for {PARADIGMS[paradigm].noun} no setting was better than the default")
            continue
        item = page.judged.difference(page.metric.name, f"{paradigm}_tuned", f"{paradigm}_default")
        assert item is not None
        side, change = judge(item, page.metric), f"its {title(page.metric)} changes by {span(item)}"
        words = {
            "first": f"tuning improves {PARADIGMS[paradigm].noun}: {change}",
            "second": f"the chosen setting of {PARADIGMS[paradigm].noun} is worse: {change}",
            "open": f"no gain from tuning {PARADIGMS[paradigm].noun} could be shown: {change}",
        }
        against = side == "first" and " worse" in _others(page, paradigm)  # a gain that is a loss in another metric
        gains.append(words[side] + (", but other metrics disagree" if against else ""))
    return f"On prompts that were not used for the search, {'; '.join(gains)}."


def _gain(page: SearchPage, paradigm: str) -> Iterator[str]:
    """The best setting in words."""
    words, other_words = (page.confirmed[f"{paradigm}_{end}"] for end in ("tuned", "default"))
    tuned, default = (page.results.cost(f"{paradigm}_{end}") for end in ("tuned", "default"))
    best, taken = f"Best of {PARADIGMS[paradigm].noun}", f"{tuned.model_evaluations} model evaluations"
    if words == other_words:
        yield f"{best}: the default itself, {words}, with {taken} and {duration(tuned.clip_s)} a clip."
        return
    yield (
        f"{best}: {words}, instead of {other_words}. A clip takes {taken} and {duration(tuned.clip_s)}, instead of "
        f"{default.model_evaluations} and {duration(default.clip_s)}.{_edge(page.searches[paradigm])}"
        f"{_others(page, paradigm)}"
    )


def _edge(found: SearchResult) -> str:
    """A remark if the best setting is at the border of the grid, beyond which there may be a better one."""
    best, guidance = found.point(found.chosen).guidance, [point.guidance for point in found.tried]
    if min(guidance) < best < max(guidance):
        return ""
    side = "least" if best == min(guidance) else "most"
    return f" It has the {side} guidance in the grid, so better settings may exist beyond it."


def _others(page: SearchPage, paradigm: str) -> str:
    names = [info.name for info in page.judged.judges if info is not page.metric]
    found = sides(page.judged, names, f"{paradigm}_tuned", f"{paradigm}_default")
    words = {name: word for side, word in _WORDS.items() for name in found[side]}
    shown = [f"{name} {words[name]}" for name in names if name in words]
    return f" Other metrics: {', '.join(shown)}." if shown else " No other metric shows a difference."


def _order(page: SearchPage, first: str, second: str) -> str:
    """Whether tuning changes the order of two paradigms."""
    items = {end: page.judged.difference(page.metric.name, f"{first}_{end}", f"{second}_{end}") for end in ENDS}
    known = {end: item for end, item in items.items() if item}
    if len(known) < len(ENDS):
        return ""
    sides = {end: judge(item, page.metric) for end, item in known.items()}
    ahead = {
        "first": f"{PARADIGMS[first].noun} is ahead",
        "second": f"{PARADIGMS[second].noun} is ahead",
        "open": "neither is clearly ahead",
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
        else "none was clearly worse before the last rung"
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
    ]


def _confirmed_section(page: SearchPage) -> Section | None:
    rows = []
    for key, words in page.confirmed.items():
        cost = page.results.cost(key)
        taken = [f"{cost.network_evaluations:,}", f"{cost.model_evaluations:,}", duration(cost.clip_s)]
        rows.append([page.systems[key].name, words, *taken])
    header = ["System", "Setting", "Passes", "Evaluations", "Time a clip"]
    caption = "Network passes and model evaluations per clip (a guided pass counts as two), and the time per clip."
    cost = plain_table("confirmed", header, rows, label="Cost of the settings", caption=caption, is_narrow=True)
    return page.section("confirmed", page.dots(page.judged.judges), cost)


def _search_section(page: SearchPage) -> Section | None:
    blocks: list[Block] = []
    for paradigm, found in page.searches.items():
        own = list(search_charts(page, paradigm))
        label = PARADIGMS[paradigm].label
        blocks += [
            Text(title=label, paragraphs=("To store the best setting with the model:",), code=_keep(found)),
            Charts(name=f"search_{paradigm}", charts=own),
        ]
    return page.section("search", *blocks, spent(page), metric=capital(title(page.metric)))


def _keep(found: SearchResult) -> str:
    """The command that stores the best setting with the model as its default."""
    usual = read_sampling(found.paradigm, {}).model_dump(mode="json")
    chosen = {name: value for name, value in found.point(found.chosen).sampling.items() if value != usual[name]}
    options = "".join(f" --{name.replace('_', '-')} {_plain(value)}" for name, value in chosen.items())
    return f"counterpoint export STUDY/{found.paradigm} FOLDER --as weights{options}"


def _plain(value: float | str | list[float]) -> str:
    """A value on the command line."""
    if isinstance(value, list):
        return " ".join(map(_plain, value))
    return value if isinstance(value, str) else f"{value:g}"


def _facts(page: SearchPage) -> list[Fact]:
    study = page.study
    return [
        *said.data_facts(page.results),
        *said.model_facts(study, page.results.models.values()),
        said.fact("search_sampling", prompts=study.prompts),
        said.fact("search", metric=page.metric.name, ladder=study.ladder),
    ]


def _notes(page: SearchPage) -> list[Text]:
    first = next(iter(page.searches.values()))
    rules = [
        f"{PARADIGMS[paradigm].noun}: {found.comparisons} comparisons share {100 * found.level:.0f}%"
        for paradigm, found in page.searches.items()
    ]
    own = prose(
        "search",
        rules="; ".join(rules),
        level=100 * first.level,
        keep=first.keep,
        primary=page.metric.name,
        reference=first.reference,
    )
    return common_notes(page.study, page.results, own=own)
