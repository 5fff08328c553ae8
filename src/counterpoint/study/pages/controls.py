"""The report of a study of controls (Table 3): who follows what is given beside the text, and what that costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from counterpoint.claims.paper import SteeredRow, paper_controls
from counterpoint.metrics.preferences import best_judge
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import Block, Column, Dots, Fact, Report, Row, Section, System, Table, Text, Verdict
from counterpoint.report.numbers import MINUS, listed
from counterpoint.report.tables import Place
from counterpoint.results.schema import OTHER, TRUTH, Results
from counterpoint.study.kinds.controls import ControlStudy
from counterpoint.study.pages import facts as said
from counterpoint.study.pages.cells import differences_table, paper_cell, tested_cell, value_cell
from counterpoint.study.pages.looks import of_paradigm, shown_systems
from counterpoint.study.pages.notes import beside_paper_note, judges_note, notes, source_of
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
from counterpoint.study.pages.steered import ADHERE, FOLLOWED, given_against_free, measures
from counterpoint.study.pages.words import WORSE_OR_BETTER, capital, outcome, scored, sentences, span, terms

FIDELITY = {"fidelity": "FAD", "text": "Clap"}
"""Families of judges in the columns of the paper's table, with its names."""
_NAMES = {"chords": "Chords IOU", "drums": "Beat F1", "melody": "Melody Sim."}
_READ_ROWS = "Its models, music and extractors are others: read rows against rows of the same source."


class ControlsPage:
    """What is known of a study of controls, ready to be written down.

    Attributes:
        judges, paper_way: the metric that judges each control, against exact truth where it is known, and as the paper
            does.
        fidelity: by family, the judges of what control may cost.
    """

    def __init__(self, study: ControlStudy, results: Results):
        self.study, self.results = study, results
        self.judged = results.judged(ADHERE, "evaluate")
        self.given = study.training.controls
        self.paradigms = list(study.trained())
        self.judges, self.paper_way = (measures(self.judged, self.given, played=played) for played in (True, False))
        found = {family: best_judge(family, self.judged.metrics) for family in FIDELITY}
        self.fidelity = {family: metric for family, metric in found.items() if metric}
        own = {system.key: system for paradigm in self.paradigms for system in self._systems(paradigm)}
        self.systems = shown_systems(results, self.judged, own=own)

    def _systems(self, paradigm: str) -> Iterator[System]:
        entry, mark = PARADIGMS[paradigm], of_paradigm(paradigm)
        steered = "The model with controls"
        for mode, name, what, look in (
            ("all", "all", f"{steered}, given {listed(self.given)}.", mark),
            *((name, name, f"{steered}, {name} alone.", replace(mark, fill="half")) for name in self.given),
            ("null", "nothing", f"{steered}, given none of them.", replace(mark, fill="hollow")),
            ("text", "text model", "A model that knows no controls.", replace(mark, fill="dotted")),
        ):
            name, short = f"{entry.label}, {name}", f"{entry.short}, {name}"
            yield System(key=f"{paradigm}_{mode}", name=name, short=short, what=what, mark=look)

    def short(self, paradigm: str, mode: str) -> str:
        words = {"null": "nothing", "text": "text model"}
        return f"{PARADIGMS[paradigm].short}, {words.get(mode, mode)}"

    def better(self, metric: str, first: str, second: str) -> str:
        """`first`, `second` or `open`, as the test says; "" where there was none."""
        return outcome(self.judged, metric, first, second) or ""


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
            compared_section(_facts(page), page.systems.values()),
            methods_section(_notes(page)),
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


def _facts(page: ControlsPage) -> list[Fact]:
    study, results = page.study, page.results
    models = [results.models[f"train_{key}"] for key in page.paradigms]
    tracks: Mapping[str, str] = results.models[f"train_{page.paradigms[0]}_controlled"].config.data.tracks
    taught = listed([tracks.get(name, name) for name in page.given])
    return [
        *said.data_facts(results),
        *said.model_facts(study, models),
        Fact(
            "Controls",
            f"{taught}, at the latents' frame rate; each embedded in {study.training.control_width} channels, hidden "
            f"from a sample with probability {study.training.control_dropout:g}",
        ),
        said.sampling_fact(study, {key: study.sampling_of(key) for key in page.paradigms}),
        *said.machine_facts(results),
    ]


def _notes(page: ControlsPage) -> list[Text]:
    adherence = page.results.evaluations[ADHERE]
    models = [page.results.models[f"train_{key}"] for key in page.paradigms]
    own = notes(
        page.study,
        [page.results.evaluations["evaluate"]],
        page.results.prompts["prompts"],
        budget=said.budget_words(models),
        own_data=page.results.study.own_data,
    )
    remarks = [Text(title="Remarks on adherence", items=adherence.notes)] if adherence.notes else []
    exact = any(key.endswith("_exact") for key in page.judges.values())
    return [
        judges_note(adherence.metrics, title="How following is measured", tail=_targets(exact)),
        *_ADHERENCE,
        *remarks,
        *own,
    ]


def _targets(exact: bool) -> str:
    truth = (
        "Where the music is composed, chords, melody and beats are known, and a name that ends in _exact says that a "
        "score is against those. The ground truth row of such a score is the ceiling of its extractor: no clip can be "
        "expected to be heard better than the real music is. "
    )
    return (
        f"{truth if exact else ''}Other scores are against what the same extractor hears in the prompt's own music, as "
        "in the paper; its errors count on both sides. Another clip is the music of another prompt held against this "
        "one's target: what following nothing scores, which is above zero, since music shares beats and keys."
    )


_ADHERENCE = (
    Text(
        title="What was given",
        paragraphs=[
            "Every prompt is a caption and what its own music plays. All: every control. One alone: the others are not "
            "given, in the paper's words set to the null token. Nothing: the same model without any. Text model: "
            "another model, which has never had controls; it is what the cost of control is measured against."
        ],
    ),
    Text(
        title="Not the paper's extractors",
        paragraphs=[
            "The paper hears chords with Chordino and downbeats with a trained network. Here each metric's name says "
            "what has heard it. An intersection over union of two labellings of T frames that agree in m of them is "
            "m / (2 T - m); the paper does not define its own, and nothing certifies that the two are the same."
        ],
    ),
)
