"""The report of a study of controls (Table 3): who follows what is given beside the text, and what that costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from counterpoint.claims.paper import SteeredRow, paper_controls
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import Block, Column, Dots, Fact, Report, Row, Section, Table, Text, Verdict
from counterpoint.report.numbers import MINUS, listed
from counterpoint.report.tables import Place
from counterpoint.results.schema import OTHER, TRUTH, Results
from counterpoint.study.kinds.controls import ControlStudy
from counterpoint.study.pages import facts as said
from counterpoint.study.pages.cells import differences_table, paper_cell, tested_cell, value_cell
from counterpoint.study.pages.controls_methods import controls_facts, controls_notes
from counterpoint.study.pages.controls_page import FIDELITY, ControlsPage
from counterpoint.study.pages.notes import beside_paper_note, source_of
from counterpoint.study.pages.sections import (
    READING,
    compared_section,
    examples_of,
    listen_section,
    methods_section,
    model_chart,
    report_of,
    scores_section,
    tests_section,
    training_section,
)
from counterpoint.study.pages.steered import ADHERE, FOLLOWED, given_against_free
from counterpoint.study.pages.words import WORSE_OR_BETTER, capital, outcome, scored, sentences, span, terms

_NAMES = {"chords": "Chords IOU", "drums": "Beat F1", "melody": "Melody Sim."}
_READ_ROWS = "Its models, music and extractors are others: read rows against rows of the same source."


def controls_report(study: ControlStudy, results: Results) -> Report:
    """The report of a finished study."""
    page = ControlsPage(study, results)
    others = [info for info in page.judged.judges if info.name not in results.judged(ADHERE).metrics]
    followed = [*dict.fromkeys([*page.judges.values(), *results.judged(ADHERE).metrics])]
    return report_of(
        results,
        title="Who follows?",
        verdict=_verdict(page),
        facts=[
            Fact("Controls", listed(page.given)),
            said.budget_headline(study.training),
            said.parameters_headline(results.models[f"train_{key}_controlled"] for key in page.paradigms),
            said.prompts_headline(results.prompts["prompts"]),
            said.time_headline(results),
        ],
        sections=[
            _following(page),
            listen_section(
                examples_of(
                    results,
                    page.systems,
                    [TRUTH, *(f"{key}_{mode}" for mode in ("all", "null") for key in page.paradigms)],
                    heard=results.heard[ADHERE],
                    asked={f"{key}_all": page.given for key in page.paradigms}
                    | {f"{key}_null": () for key in page.paradigms},
                ),
                lead="The same prompts, with what was asked for and what is heard.",
            ),
            _paper(page),
            _differences(page),
            _cost(page),
            scores_section(
                page.judged,
                page.systems,
                [page.judged.metrics[key] for key in followed],
                id="adherence",
                title="All scores of following",
                is_folded=True,
            ),
            scores_section(page.judged, page.systems, others, with_all=True, is_folded=True),
            tests_section(page.judged, page.systems),
            training_section(list(_curves(page)), lead="Same examples in the same order, same number of updates. The "
                             "losses of the paradigms are different quantities: compare each with itself."),
            compared_section(controls_facts(page), page.systems.values()),
            methods_section(controls_notes(page)),
        ],
        terms=terms(page.judged),
    )  # fmt: skip


def _verdict(page: ControlsPage) -> Verdict:
    sentence = f"Given {listed(page.given)}, {_who_follows(page)}. {_more_faithful(page)}"
    points = [
        *(
            given_against_free(page.judged, page.judges, f"{key}_all", f"{key}_null", name=PARADIGMS[key].label)
            for key in page.paradigms
        ),
        *(_across(page, first, second) for first, second in combinations(page.paradigms, 2)),
        *(_price(page, key) for key in page.paradigms),
        _frame(page),
    ]
    return Verdict(sentence.strip(), sentences(points))


def _who_follows(page: ControlsPage) -> str:
    """What each paradigm follows: it is better given all than its own model given nothing."""
    followed = {
        paradigm: [
            FOLLOWED[control]
            for control, key in page.judges.items()
            if page.better(key, f"{paradigm}_all", f"{paradigm}_null") == "first"
        ]
        for paradigm in page.paradigms
    }
    if not any(followed.values()):
        return "no paradigm has been shown to follow any of them"
    if len({tuple(names) for names in followed.values()}) == 1 < len(followed):
        return _follows(
            page,
            "both paradigms" if len(followed) == 2 else "all paradigms",
            ("follow", "have"),
            next(iter(followed.values())),
        )
    return "; ".join(
        _follows(page, PARADIGMS[paradigm].label.lower(), ("follows", "has"), names)
        for paradigm, names in followed.items()
    )  # fmt: skip


def _follows(page: ControlsPage, subject: str, verbs: tuple[str, str], names: Sequence[str]) -> str:
    follow, have = verbs
    others = [FOLLOWED[control] for control in page.judges if FOLLOWED[control] not in names]
    if not names:
        return f"{subject} {have} not been shown to follow any of them"
    missing = f" but {have} not been shown to follow {listed(others)}" if others else ""
    return f"{subject} {follow} {listed(names)}{missing}"


def _more_faithful(page: ControlsPage) -> str:
    return " ".join(filter(None, (_rivals(page, *pair) for pair in combinations(page.paradigms, 2))))


def _rivals(page: ControlsPage, first: str, second: str) -> str:
    sides: dict[str, list[str]] = {"first": [], "second": [], "open": []}
    for control, key in page.judges.items():
        if side := page.better(key, f"{first}_all", f"{second}_all"):
            sides[side].append(FOLLOWED[control])
    parts = [
        f"{PARADIGMS[paradigm].label.lower()} is the more faithful in {listed(sides[side])}"
        for side, paradigm in (("first", first), ("second", second))
        if sides[side]
    ]
    if sides["open"]:
        parts.append(f"in {listed(sides['open'])} no difference between the two could be shown")
    return f"{capital('; '.join(parts))}." if parts else ""


def _across(page: ControlsPage, first: str, second: str) -> str:
    items = [
        (FOLLOWED[control], page.judged.difference(key, f"{first}_all", f"{second}_all"))
        for control, key in page.judges.items()
    ]
    parts = [f"{name} {span(item)}" for name, item in items if item]
    names = f"{PARADIGMS[first].label} minus {PARADIGMS[second].label.lower()}"
    return f"{names}, both with all controls: {'; '.join(parts)}." if parts else ""


def _price(page: ControlsPage, paradigm: str) -> str:
    """All against the model of text alone."""
    parts = []
    for key in page.fidelity.values():
        first, second = f"{paradigm}_all", f"{paradigm}_text"
        if item := page.judged.difference(key, first, second):
            words = WORSE_OR_BETTER[outcome(page.judged, key, first, second) or "open"]
            parts.append(f"{key} {span(item)} ({words})")
    label = PARADIGMS[paradigm].label.lower()
    return (
        f"What control costs, {label} with all controls minus its model of text alone: {'; '.join(parts)}."
        if parts
        else ""
    )


def _frame(page: ControlsPage) -> str:
    """What these numbers are, with ceiling and chance."""
    parts = [
        f"{FOLLOWED[control]} by {key} (another prompt's music {scored(page.judged, key, OTHER)}"
        + (f", the real music {scored(page.judged, key, TRUTH)})" if page.judged.score(key, TRUTH) else ")")
        for control, key in page.judges.items()
    ]
    return f"Judged are {'; '.join(parts)}." if parts else ""


def _following(page: ControlsPage) -> Section:
    """A chart of each control's judge: the ceiling, who was given it, who was not, and chance."""

    def beside(control: str) -> list[str]:
        modes = ("all", control, "null", "text")
        own = [f"{paradigm}_{mode}" for paradigm in page.paradigms for mode in modes]
        return [TRUTH, "reconstruction_codes", *own, OTHER]

    shown = {key: beside(control) for way in (page.judges, page.paper_way) for control, key in way.items()}
    block = Dots(
        systems=list(page.systems.values()),
        metrics=[page.judged.metrics[key] for key in page.judges.values()],
        scores=page.judged.scores,
        shown=shown,
    )
    lead = (
        f"{READING} Solid: all controls given. Half: that control alone. Hollow: nothing given, by the same model; "
        "dotted: a model of text alone. The ground truth is the ceiling of each detector, another clip is chance."
    )
    return Section(id="following", title="Following", lead=lead, blocks=[block])


def _paper(page: ControlsPage) -> Section:
    """The paper's rows, with ours above each, and two of ours below."""
    paper = paper_controls()
    rows: list[Row] = []
    for row in paper.rows:
        label = f"{PARADIGMS[row.paradigm].short}, {'all' if row.given == 'all' else 'one alone'}"
        if row.paradigm in page.paradigms:
            mark = page.systems[f"{row.paradigm}_all"].mark
            rows.append(Row(label=label, mark=mark, places=_our_places(page, row)))
        rows.append(Row(label=f"{label}, the paper", places=_paper_places(page, row), tone="theirs"))
    for mode in ("null", "text"):
        for paradigm in page.paradigms:
            system = page.systems[f"{paradigm}_{mode}"]
            keys = [*page.fidelity.values(), *page.paper_way.values()]
            places = [value_cell(page.judged, key, system.key) for key in keys]
            rows.append(Row(label=system.label, mark=system.mark, places=places))
    metrics = page.judged.metrics
    table = Table(
        name="table3",
        label="Table 3",
        corner="Given",
        columns=[
            *(Column.of(metrics[key], over=FIDELITY[family]) for family, key in page.fidelity.items()),
            *(Column.of(metrics[key], over=_NAMES[control]) for control, key in page.paper_way.items()),
        ],
        rows=rows,
        caption="Ours with 95% intervals, in the layout of the paper's Table 3, under its names of the measures.",
    )
    lead = (
        "One alone: fidelity of chords, drums and melody alone, and of each its own adherence. Adherence is to what is "
        "heard in the prompt's own music, as in the paper."
    )
    blocks = [table, beside_paper_note(paper.claims, source_of(paper), _READ_ROWS)]
    return Section(id="table3", title="Beside the paper", lead=lead, blocks=blocks, short="Table 3", is_digest=True)


def _our_places(page: ControlsPage, row: SteeredRow) -> list[Place]:
    keys = page.fidelity.values()
    if row.given == "all":
        return [value_cell(page.judged, key, f"{row.paradigm}_all") for key in (*keys, *page.paper_way.values())]
    order = [control for control in FOLLOWED if control in page.given]
    alone = [
        [cell for name in order for cell in value_cell(page.judged, key, f"{row.paradigm}_{name}", what=name)]
        for key in keys
    ]
    return [
        *alone,
        *(value_cell(page.judged, key, f"{row.paradigm}_{control}") for control, key in page.paper_way.items()),
    ]


def _paper_places(page: ControlsPage, row: SteeredRow) -> list[Place]:
    what = ("",) if row.given == "all" else tuple(FOLLOWED)
    own = {"fidelity": row.fad, "text": row.clap}
    following = {"chords": row.chords, "drums": row.beats, "melody": row.melody}
    fidelity = [
        [cell for value, name in zip(own[family], what, strict=True) for cell in paper_cell(value, what=name)]
        for family in page.fidelity
    ]
    return [*fidelity, *(paper_cell(following[control]) for control in page.paper_way)]


def _differences(page: ControlsPage) -> Section:
    modes = ("all", *page.given)
    follow = [page.judged.metrics[key] for key in page.judges.values()]

    def row(label: str, first: str, second: str, metrics: Sequence[str]) -> Row:
        places = [tested_cell(page.judged, key, first, second) for key in metrics]
        return Row(label=label, mark=page.systems[first].mark, places=places)

    own = [
        row(page.short(key, mode), f"{key}_{mode}", f"{key}_null", list(page.judges.values()))
        for key in page.paradigms
        for mode in modes
    ]
    blocks: list[Block] = [
        Text(
            title="Does it follow?",
            paragraphs=[
                f"Controls given {MINUS} caption only, by the same model on the same prompts. Above zero: it follows."
            ],
        ),
        differences_table("differences_following", follow, own),
    ]
    for first, second in combinations(page.paradigms, 2):
        names = f"{PARADIGMS[first].label} {MINUS} {PARADIGMS[second].label.lower()}"
        rival = [
            row(f"{mode} given", f"{first}_{mode}", f"{second}_{mode}", list(page.judges.values())) for mode in modes
        ]
        blocks += [
            Text(
                title="Which follows more faithfully?",
                paragraphs=[f"{names}, given the same. Above zero: the first does."],
            ),
            differences_table(f"differences_{first}_{second}", follow, rival),
        ]
    lead = (
        "Prompt by prompt, with 95% intervals. Strong: the interval leaves zero out and p, after Holm's correction, is "
        "below 0.05."
    )
    return Section(id="differences", title="Differences", lead=lead, blocks=blocks)  # fmt: skip


def _cost(page: ControlsPage) -> Section:
    keys = list(page.fidelity.values())
    rows = [
        Row(
            label=page.short(paradigm, mode),
            mark=page.systems[f"{paradigm}_{mode}"].mark,
            places=[tested_cell(page.judged, key, f"{paradigm}_{mode}", f"{paradigm}_text") for key in keys],
        )
        for paradigm in page.paradigms
        for mode in ("all", *page.given, "null")
    ]
    shown = [TRUTH, *(f"{key}_{mode}" for key in page.paradigms for mode in ("text", "null", "all", *page.given))]
    metrics = [page.judged.metrics[key] for key in keys]
    charts = Dots(
        systems=list(page.systems.values()),
        metrics=metrics,
        scores=page.judged.scores,
        shown=dict.fromkeys(keys, shown),
    )
    lead = f"The model with controls {MINUS} the model of text alone, of the same paradigm."
    return Section(
        id="cost",
        title="What control costs",
        lead=lead,
        blocks=[charts, differences_table("differences_cost", metrics, rows)],
    )


def _curves(page: ControlsPage) -> Iterator:
    for ending, what in (("_controlled", "with controls"), ("", "text alone")):
        for paradigm in page.paradigms:
            model = page.results.models[f"train_{paradigm}{ending}"]
            yield model_chart(model, name=f"{PARADIGMS[paradigm].label}, {what}")
