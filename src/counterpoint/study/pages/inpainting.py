"""The report of a study of inpainting (Tables 4 and 5): who fills the gap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from counterpoint.claims.paper import PaperInpainting, paper_inpainting
from counterpoint.metrics.preferences import PAPER_MEASURES
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import Block, Chart, Column, Fact, Report, Row, Section, Table, Text, Verdict
from counterpoint.report.numbers import MINUS, duration
from counterpoint.report.tables import grid as plain_grid
from counterpoint.results.schema import TRUTH, Results
from counterpoint.study.kinds.inpainting import TRAINED, InpaintingStudy
from counterpoint.study.pages import facts as said
from counterpoint.study.pages.cells import differences_table, paper_cell, tested_cell, value_cell
from counterpoint.study.pages.filling import (
    ANCHORS,
    AR,
    BEST,
    FM,
    INVERSION,
    METHODS,
    filling_points,
    filling_sentence,
    noun,
)
from counterpoint.study.pages.inpainting_methods import inpainting_facts, inpainting_notes
from counterpoint.study.pages.inpainting_page import InpaintingPage
from counterpoint.study.pages.notes import beside_paper_note, source_of
from counterpoint.study.pages.ratings import rating_sections
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
from counterpoint.study.pages.words import sentences, terms

_AESTHETICS = {"pq": "production quality", "pc": "production complexity", "ce": "content enjoyment"}
_RUNS = {"inpaint_{}": "to fill in", "train_{}": "text to music"}
"""Trainings by step and paradigm."""


def inpainting_report(study: InpaintingStudy, results: Results) -> Report:
    """The report of a finished study."""
    page = InpaintingPage(study, results)
    others = [info for info in page.judged.judges if info.name not in page.seams]
    points = filling_points(
        page.judged, seams=page.seams, fidelity=page.spoken, methods=page.methods, chosen=page.chosen
    )
    sentence = filling_sentence(page.judged, seams=page.seams, fidelity=page.spoken, methods=page.methods)
    task = next(iter(results.spans.values()))
    return report_of(
        results,
        title="Who fills the gap?",
        verdict=Verdict(sentence, sentences([*points, _cost_point(page)])),
        facts=[
            Fact("To fill in", f"{task.mask_s:g} of {task.duration_s:g} s"),
            said.budget_headline(study.training, steps=study.inpainting.steps, label="Supervised, each"),
            said.parameters_headline(results.models[f"inpaint_{paradigm}"] for paradigm in TRAINED.values()),
            said.prompts_headline(results.prompts["prompts"], label="Clips"),
            said.time_headline(results),
        ],
        sections=[
            _seams(page),
            listen_section(
                examples_of(results, page.systems, _heard(page)),
                lead="The same music, and the same span of it filled in by each system: on yellow. Outside the yellow "
                "and a short crossfade everything is the music itself.",
                note="The dashed lines are the borders of the span. All versions of a clip have one gain.",
                noun="clip",
                untitled="No caption",
                is_wide=True,
            ),
            *rating_sections(
                results, marks={key: system.mark for key, system in page.systems.items()}, paper=paper_inpainting()
            ),
            _differences(page),
            _paper(page),
            _cost(page),
            scores_section(page.judged, page.systems, others, subjects=[*TRAINED], with_all=True, is_folded=True),
            tests_section(page.judged, page.systems),
            training_section(
                list(_curves(page)),
                lead="The models that learned to fill in, and those of text alone. The losses of the paradigms are "
                "different quantities.",
            ),
            compared_section(inpainting_facts(page), page.systems.values()),
            methods_section(inpainting_notes(page)),
        ],
        terms=terms(page.judged),
    )


def _seams(page: InpaintingPage) -> Section | None:
    lead = (
        "How a span joins the music on both sides of it. Above, the music itself and its reconstruction by the codec; "
        f"below, the anchors, which do not fit. Hollow marks are zero-shot. {READING}"
    )
    return scores_section(
        page.judged,
        page.systems,
        page.infos(page.seams),
        subjects=[*TRAINED],
        id="seams",
        title="Seams",
        lead=lead,
        charts=True,
    )


def _heard(page: InpaintingPage) -> list[str]:
    """The systems of the examples: the music and the best fills side by side, each zero-shot method, the anchors. The
    codec's own clips tell nothing of seams."""
    first = [TRUTH, *TRAINED, BEST]
    return [*first, *(key for key in METHODS if key not in first)]


def _differences(page: InpaintingPage) -> Section:
    zero_shot = [key for key in page.methods if key not in TRAINED]
    entered, everything = [*page.methods, BEST], [*page.seams, *page.spoken]

    def table(name: str, pairs: Iterable[tuple[str, str]], keys: Sequence[str]) -> Table:
        rows = [
            Row(
                label=f"{_short(page, pair[0])} {MINUS} {_short(page, pair[1])}",
                mark=page.systems[pair[0]].mark,
                places=[tested_cell(page.judged, key, *pair, counts=page.is_evidence(key, *pair)) for key in keys],
            )
            for pair in pairs
            if {*pair} <= page.systems.keys()
        ]
        return differences_table(name, page.infos(keys), rows)

    told = [
        (
            "Does each method beat silence and another clip?",
            f"Method {MINUS} anchor, on the same clips and spans.",
            table(
                "differences_anchors",
                ((key, anchor) for anchor in ANCHORS for key in entered),
                [*page.seams, *page.spoken[:1]],
            ),
        ),
        (
            "Which zero-shot method wins?",
            "The zero-shot methods against each other, with the same model; and the best take against inversion alone.",
            table(
                "differences_zero_shot",
                [*((key, rival) for rival, key in combinations(zero_shot, 2)), (BEST, INVERSION)],
                everything,
            ),
        ),
        (
            "Trained for it, or zero-shot?",
            "The supervised methods against each other, and each against zero-shot.",
            table(
                "differences_trained",
                [(AR, FM), *((key, other) for other in (*zero_shot, BEST) for key in (FM, AR))],
                everything,
            ),
        ),
    ]
    blocks: list[Block] = []
    for title, what, found in told:
        if found.rows:
            blocks += [Text(title=title, paragraphs=[what]), found]
    if page.chosen:
        kept = [f"{page.systems[key].label}: {number}" for key, number in page.chosen.items()]
        what = "How many clips each zero-shot method's take was kept for, by its seam score."
        blocks.append(Text(title="Whose take is the best?", paragraphs=[what], items=kept))
    lead = (
        "Clip by clip, with 95% intervals. Strong: the interval leaves zero out, and the p-value, corrected for the "
        "number of measures and of pairs (Holm), is below 0.05; whether below or above zero is better, the arrow says. "
        "The best take is chosen by its seams: what they say of it, always in grey, is no evidence."
    )
    return Section(id="differences", title="Paired differences", lead=lead, blocks=blocks)


def _short(page: InpaintingPage, key: str) -> str:
    return page.systems[key].label.lower() if key in ANCHORS else page.systems[key].label


def _paper(page: InpaintingPage) -> Section:
    """The paper's rows below ours of the same method, then the other methods, then what is none."""
    paper = paper_inpainting()
    theirs = {row.system: row for row in paper.rows}
    rows = []
    order = [key for key in dict.fromkeys([*theirs, *METHODS, *page.systems]) if key in page.systems]
    for key in order:
        system = page.systems[key]
        own = [value_cell(page.judged, page.fidelity.get(measure, ""), key) for measure in PAPER_MEASURES]
        rows.append(Row(label=system.label, mark=system.mark, places=own))
        if row := theirs.get(key):
            values = [paper_cell(getattr(row, measure)) for measure in PAPER_MEASURES]
            rows.append(Row(label=f"{row.name}, the paper", places=values, tone="theirs"))
    table = Table(
        name="table4",
        label="Table 4",
        corner="Method",
        columns=[_column(page, measure) for measure in PAPER_MEASURES],
        rows=rows,
        caption="Ours with 95% intervals, in the layout of the paper's Table 4, under its names of the measures.",
    )
    lead = "Objective scores of whole clips: what was left as it was counts in every score."
    if absent := [measure.upper() for measure in _AESTHETICS if measure not in page.fidelity]:
        lead += f" {', '.join(absent)} are Audiobox Aesthetics, which was not here; no honest stand-in exists."
    remark = "Its models and music are others: read rows against rows of the same source."
    blocks = [table, beside_paper_note(paper.claims, source_of(paper), remark), _ratings(paper)]
    return Section(id="table4", title="Beside the paper", lead=lead, blocks=blocks, short="Table 4", is_digest=True)


def _column(page: InpaintingPage, measure: str) -> Column:
    name = measure.upper()
    if metric := page.fidelity.get(measure):
        return Column.of(page.judged.metrics[metric], over=name)
    title = _AESTHETICS.get(measure, name).capitalize()
    return Column(title=title, over=name, better="lower" if measure == "fad" else "higher")


def _ratings(paper: PaperInpainting) -> Text:
    """What the paper's listeners said."""
    items = [
        f"{rating.criterion}: "
        + "; ".join(
            f"{noun(key)} {value[0]:.2f} ± {value[1]:.2f}" for key, value in rating.values.items() if value is not None
        )
        for rating in paper.ratings
    ]
    what = "Its listeners rated from 1 to 10 (Table 5; only these ratings could be read in the text)."
    return Text(paragraphs=[what], items=items, is_small=True)


def _costs(page: InpaintingPage) -> dict[str, tuple[float, int]]:
    """By system that a model fills in for, seconds and model evaluations a clip; the best take costs what all its
    takes do."""
    found = page.results.fillings
    costs = {
        key: (found[f"generate_{key}"].seconds_per_clip, found[f"generate_{key}"].model_evaluations)
        for key in METHODS
        if f"generate_{key}" in found
    }
    takes = [cost for key, cost in costs.items() if key not in TRAINED]
    if BEST in page.systems and BEST not in costs and takes:
        costs[BEST] = (sum(seconds for seconds, _ in takes), sum(evaluations for _, evaluations in takes))
    return costs


def _cost_point(page: InpaintingPage) -> str:
    parts = [f"{noun(key)} {duration(s)} ({n:,})" for key, (s, n) in _costs(page).items() if key in page.methods]
    return f"What a clip costs, with model evaluations: {'; '.join(parts)}." if parts else ""


def _cost(page: InpaintingPage) -> Section:
    rows = [[METHODS[key].name, duration(s), f"{n:,}"] for key, (s, n) in _costs(page).items()]
    header = ["System", "Time a clip", "Model evaluations a clip"]
    lead = (
        "In batches, the codec included; model evaluations count the rows of guidance. The best take costs what all "
        "its takes do."
    )
    table = plain_grid("cost", header, rows, label="Table of costs", is_narrow=True)
    return Section(id="cost", title="Cost", lead=lead, blocks=[table])


def _curves(page: InpaintingPage) -> Iterator[Chart]:
    for step, what in _RUNS.items():
        for paradigm in TRAINED.values():
            if model := page.results.models.get(step.format(paradigm)):
                yield model_chart(model, name=f"{PARADIGMS[paradigm].label}, {what}")
