"""The report of a study of controls (Table 3): how well models follow controls, and what this costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import Any

from counterpoint.claims.paper import ScoredRow, paper_scores
from counterpoint.metrics.preferences import best_judge
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import Chart, Column, Fact, Place, Report, Row, Section, System, Table, Text, Verdict
from counterpoint.report.numbers import MINUS, listed, span
from counterpoint.results.schema import OTHER, TRUTH, Judged, Results
from counterpoint.study.kinds.controls import ControlStudy
from counterpoint.study.pages import facts as said
from counterpoint.study.pages.cells import paper_cell, value_cell
from counterpoint.study.pages.looks import variant
from counterpoint.study.pages.notes import common_notes, measures_of, prose
from counterpoint.study.pages.page import Page, model_chart, titled
from counterpoint.study.pages.words import WORSE_OR_BETTER, are_apart, capital, outcome, scored, sentences, sides

FOLLOWED: Mapping[str, str] = {"chords": "chords", "drums": "downbeats", "melody": "melody"}
"""What each control is judged by, in words; the order of the paper's columns."""
ADHERE = "adhere"
"""The step that evaluates how well controls are followed."""
FIDELITY = {"fidelity": "FAD", "text": "Clap"}
"""Families of metrics in the columns of the paper's table, with its names."""
_NAMES = {"chords": "Chords IOU", "drums": "Beat F1", "melody": "Melody Sim."}
_EXACT = (
    "If the music is composed, chords, melody and beats are known exactly, and a name that ends in _exact means that a "
    "score uses them. The ground truth row of such a score is the ceiling of its extractor: no clip can be expected to "
    "score higher than the real music. "
)


def measures(judged: Judged, given: Sequence[str], *, played: bool = True) -> dict[str, str]:
    """The metric of each control.

    Args:
        played: whether to prefer exact truth if it is known; otherwise metrics are those of the paper, with labels
            detected in the prompt's own music, by the paper's own extractors if they are installed.
    """
    families = {control: f"{name} played" if played else name for control, name in FOLLOWED.items() if control in given}
    found = {control: best_judge(family, judged.metrics) for control, family in families.items()}
    return {control: metric for control, metric in found.items() if metric}


class ControlsPage(Page[ControlStudy]):
    """The data of a controls study's page.

    Attributes:
        judges, paper_way: the metric of each control, with exact truth if it is known, and as in the paper.
        fidelity: by family, the metrics that controls may worsen.
    """

    judging = (ADHERE, "evaluate")

    def __init__(self, study: ControlStudy, results: Results):
        self.given, self.paradigms = study.training.controls, list(study.trained())
        super().__init__(study, results, own=[system for key in self.paradigms for system in self._systems(key)])
        self.judges, self.paper_way = (measures(self.judged, self.given, played=played) for played in (True, False))
        found = {family: best_judge(family, self.judged.metrics) for family in FIDELITY}
        self.fidelity = {family: metric for family, metric in found.items() if metric}

    def _systems(self, paradigm: str) -> Iterator[System]:
        steered = "The model with controls"
        yield variant(f"{paradigm}_all", paradigm, "all", f"{steered}, which receives {listed(self.given)}.")
        for name in self.given:
            yield variant(f"{paradigm}_{name}", paradigm, name, f"{steered}, {name} alone.", fill="half")
        yield variant(
            f"{paradigm}_null", paradigm, "nothing", f"{steered}, which receives none of them.", fill="hollow"
        )
        what = "A model without controls."
        yield variant(f"{paradigm}_text", paradigm, "text model", what, fill="dotted")

    def models(self, ending: str = "") -> list[str]:
        """The steps that trained its models: those without controls, or `_controlled` ones."""
        return [f"train_{paradigm}{ending}" for paradigm in self.paradigms]

    def keys(self, *modes: str) -> list[str]:
        """Systems of these modes, paradigm by paradigm."""
        return [f"{paradigm}_{mode}" for paradigm, mode in product(self.paradigms, modes)]


def controls_report(study: ControlStudy, results: Results) -> Report:
    """The report of a finished study."""
    page = ControlsPage(study, results)
    adherence = results.judged(ADHERE).metrics
    others = [info for info in page.judged.judges if info.name not in adherence]
    followed = page.infos(dict.fromkeys([*page.judges.values(), *adherence]))
    received: dict[str, Sequence[str]] = dict.fromkeys(page.keys("all"), page.given)
    received |= dict.fromkeys(page.keys("null"), ())
    return page.report(
        title="Who follows the controls?",
        verdict=_verdict(page),
        facts=[
            Fact("Controls", listed(page.given)),
            said.budget_headline(study.training),
            said.parameters_headline(results.models[step] for step in page.models("_controlled")),
            said.prompts_headline(results.prompts["prompts"]),
        ],
        sections=[
            _following(page),
            page.listen(
                [TRUTH, *(f"{key}_{mode}" for mode in ("all", "null") for key in page.paradigms)],
                heard=results.heard[ADHERE],
                received=received,
            ),
            _paper(page),
            _differences(page),
            _cost(page),
            page.scores(followed, id="adherence"),
            page.scores(others, with_all=True),
            page.tests(),
            page.training(_curves(page)),
        ],
        compared=_facts(page),
        methods=_notes(page),
    )


def _verdict(page: ControlsPage) -> Verdict:
    sentence = f"Given {listed(page.given)}, {_who_follows(page)}. "
    sentence += " ".join(filter(None, (_rivals(page, *pair) for pair in combinations(page.paradigms, 2))))
    points = [
        *(_given_against_free(page, key) for key in page.paradigms),
        *(_across(page, first, second) for first, second in combinations(page.paradigms, 2)),
        *(_price(page, key) for key in page.paradigms),
        _frame(page),
    ]
    return Verdict(sentence.strip(), sentences(points))


def _given_against_free(page: ControlsPage, paradigm: str) -> str:
    """Numbers of a model with controls compared with those of the same without; "" without any metric."""
    (steered, free), judged = (f"{paradigm}_{mode}" for mode in ("all", "null")), page.judged
    parts = [
        f"{FOLLOWED[control]} {scored(judged, key, steered)} against {scored(judged, key, free)}"
        f" ({'clearly different' if are_apart(judged, key, steered, free) else 'could be chance'})"
        for control, key in page.judges.items()
    ]
    controls, name = listed([FOLLOWED[control] for control in page.judges]), PARADIGMS[paradigm].label
    return f"{name}, with {controls} given and with the caption only: {'; '.join(parts)}." if parts else ""


def _sides(page: ControlsPage, first: str, second: str) -> dict[Any, list[str]]:
    """The controls, by which of two systems follows each better."""
    names = {metric: FOLLOWED[control] for control, metric in page.judges.items()}
    return {side: [names[metric] for metric in own] for side, own in sides(page.judged, names, first, second).items()}


def _who_follows(page: ControlsPage) -> str:
    """The controls that each paradigm follows: its model with them is better than without."""
    followed = {key: _sides(page, f"{key}_all", f"{key}_null")["first"] for key in page.paradigms}
    if not any(followed.values()):
        return "no paradigm has been shown to follow any of them"
    if len({tuple(names) for names in followed.values()}) == 1 < len(followed):
        who = "both paradigms" if len(followed) == 2 else "all paradigms"
        return _follows(page, who, ("follow", "have"), next(iter(followed.values())))
    parts = [_follows(page, PARADIGMS[key].noun, ("follows", "has"), names) for key, names in followed.items()]
    return "; ".join(parts)


def _follows(page: ControlsPage, subject: str, verbs: tuple[str, str], names: Sequence[str]) -> str:
    follow, have = verbs
    others = [FOLLOWED[control] for control in page.judges if FOLLOWED[control] not in names]
    if not names:
        return f"{subject} {have} not been shown to follow any of them"
    missing = f" but {have} not been shown to follow {listed(others)}" if others else ""
    return f"{subject} {follow} {listed(names)}{missing}"


def _rivals(page: ControlsPage, first: str, second: str) -> str:
    found = _sides(page, f"{first}_all", f"{second}_all")
    parts = [
        f"{PARADIGMS[paradigm].noun} follows {listed(found[side])} more closely"
        for side, paradigm in (("first", first), ("second", second))
        if found[side]
    ]
    if found["open"]:
        parts.append(f"the difference in {listed(found['open'])} could be chance")
    return f"{capital('; '.join(parts))}." if parts else ""


def _across(page: ControlsPage, first: str, second: str) -> str:
    items = {
        FOLLOWED[control]: page.judged.difference(key, f"{first}_all", f"{second}_all")
        for control, key in page.judges.items()
    }
    parts = [f"{name} {span(item)}" for name, item in items.items() if item]
    names = f"{PARADIGMS[first].label} minus {PARADIGMS[second].noun}"
    return f"{names}, both with all controls: {'; '.join(parts)}." if parts else ""


def _price(page: ControlsPage, paradigm: str) -> str:
    """All controls compared with the model without controls."""
    first, second = f"{paradigm}_all", f"{paradigm}_text"
    parts = [
        f"{key} {span(item)} ({WORSE_OR_BETTER[outcome(page.judged, key, first, second) or 'open']})"
        for key in page.fidelity.values()
        if (item := page.judged.difference(key, first, second))
    ]
    what = f"Cost of control: {PARADIGMS[paradigm].noun} with all controls minus its model without controls"
    return f"{what}: {'; '.join(parts)}." if parts else ""


def _frame(page: ControlsPage) -> str:
    """The metrics, with ceiling and chance."""
    parts = [
        f"{FOLLOWED[control]} by {key} (another prompt's music {scored(page.judged, key, OTHER)}"
        + (f", the real music {scored(page.judged, key, TRUTH)})" if page.judged.score(key, TRUTH) else ")")
        for control, key in page.judges.items()
    ]
    return f"The metrics are {'; '.join(parts)}." if parts else ""


def _following(page: ControlsPage) -> Section | None:
    """A chart of each control's metric: the ceiling, with the control, without it, and chance."""
    shown = {
        key: [TRUTH, "reconstruction_codes", *page.keys("all", control, "null", "text"), OTHER]
        for way in (page.judges, page.paper_way)
        for control, key in way.items()
    }
    return page.section("following", page.dots(page.infos(page.judges.values()), shown=shown))


def _paper(page: ControlsPage) -> Section | None:
    """The paper's rows, with ours above each, and two of ours below."""
    paper, metrics = paper_scores("table_3"), page.judged.metrics
    keys = [*page.fidelity.values(), *page.paper_way.values()]
    rows: list[Row] = []
    for row in paper.rows:
        paradigm, _, given = row.system.rpartition("_")
        if paradigm in page.paradigms:
            mark = page.systems[f"{paradigm}_all"].mark
            rows.append(Row(label=row.name, mark=mark, places=_our_places(page, paradigm, is_alone=given == "single")))
        rows.append(Row(label=f"{row.name}, the paper", places=_paper_places(page, row), tone="theirs"))
    for mode, paradigm in product(("null", "text"), page.paradigms):
        system = page.systems[f"{paradigm}_{mode}"]
        places = [value_cell(page.judged, key, system.key) for key in keys]
        rows.append(Row(label=system.label, mark=system.mark, places=places))
    names = [*(FIDELITY[family] for family in page.fidelity), *(_NAMES[control] for control in page.paper_way)]
    table = Table(
        name="table3",
        label="Table 3",
        corner="Given",
        columns=[Column.of(metrics[key], over=name) for key, name in zip(keys, names, strict=True)],
        rows=rows,
        caption="Ours with 95% intervals, in the layout of the paper's Table 3, under its names of the measures.",
    )
    remark = "Its models, music and extractors differ from ours: compare only rows of the same source."
    return page.beside_paper(paper, table, id="table3", remark=remark)


def _our_places(page: ControlsPage, paradigm: str, *, is_alone: bool) -> list[Place]:
    """Our values with all controls, or with each alone: then its fidelity with each, and the adherence to each."""
    order = [control for control in FOLLOWED if control in page.given] if is_alone else ["all"]
    fidelity = [
        [
            cell
            for name in order
            for cell in value_cell(page.judged, key, f"{paradigm}_{name}", what=name if is_alone else "")
        ]
        for key in page.fidelity.values()
    ]
    return [
        *fidelity,
        *(
            value_cell(page.judged, key, f"{paradigm}_{control if is_alone else 'all'}")
            for control, key in page.paper_way.items()
        ),
    ]


def _paper_places(page: ControlsPage, row: ScoredRow) -> list[Place]:
    """The paper's values, with as many values of fidelity in one place as the row has."""
    found: list[Place] = []
    for family in page.fidelity:
        name = FIDELITY[family].lower()
        own = {key.removeprefix(name).strip("_"): value for key, value in row.scores.items() if key.startswith(name)}
        found.append([cell for what, value in own.items() for cell in paper_cell(value, what=what)])
    return [*found, *(paper_cell(row.scores[control]) for control in page.paper_way)]


def _differences(page: ControlsPage) -> Section | None:
    modes, judges = ("all", *page.given), page.judges.values()
    own = {
        (f"{key}_{mode}", f"{key}_null"): page.systems[f"{key}_{mode}"].label
        for key in page.paradigms
        for mode in modes
    }
    what = f"Controls given {MINUS} caption only, by the same model on the same prompts. Above zero, it follows."
    blocks = titled("Does it follow?", what, page.differences("differences_following", judges, own))
    for first, second in combinations(page.paradigms, 2):
        pair = f"{PARADIGMS[first].label} {MINUS} {PARADIGMS[second].noun}"
        rivals = {(f"{first}_{mode}", f"{second}_{mode}"): f"{mode} given" for mode in modes}
        blocks += titled(
            "Which paradigm follows more closely?",
            f"{pair}, with the same controls. Above zero, the first does.",
            page.differences(f"differences_{first}_{second}", judges, rivals),
        )
    return page.section("differences", *blocks)


def _cost(page: ControlsPage) -> Section | None:
    keys, modes = list(page.fidelity.values()), ("all", *page.given, "null")
    shown = [TRUTH, *page.keys("text", "null", "all", *page.given)]
    pairs = {
        (f"{paradigm}_{mode}", f"{paradigm}_text"): page.systems[f"{paradigm}_{mode}"].label
        for paradigm, mode in product(page.paradigms, modes)
    }
    charts = page.dots(page.infos(keys), shown=dict.fromkeys(keys, shown))
    return page.section("cost", charts, page.differences("differences_cost", keys, pairs))


def _curves(page: ControlsPage) -> Iterator[Chart]:
    for ending, what in (("_controlled", "with controls"), ("", "without controls")):
        for paradigm, step in zip(page.paradigms, page.models(ending), strict=True):
            yield model_chart(page.results.models[step], name=f"{PARADIGMS[paradigm].label}, {what}")


def _facts(page: ControlsPage) -> list[Fact]:
    study, results, training = page.study, page.results, page.study.training
    tracks: Mapping[Any, str] = results.models[page.models("_controlled")[0]].config.data.tracks
    taught = listed([tracks.get(name, name) for name in page.given])
    return [
        *said.data_facts(results),
        *said.model_facts(study, [results.models[step] for step in page.models()]),
        said.fact("controls", taught=taught, it=training),
        said.sampling_fact(study, {PARADIGMS[key].noun: study.sampling_of(key) for key in page.paradigms}),
    ]


def _notes(page: ControlsPage) -> list[Text]:
    adherence = page.results.evaluations[ADHERE]
    exact = _EXACT if any(key.endswith("_exact") for key in page.judges.values()) else ""
    own = prose("controls", exact=exact, measures=measures_of(adherence.metrics), remarks=adherence.notes)
    return [*own, *common_notes(page.study, page.results, models=page.models())]
