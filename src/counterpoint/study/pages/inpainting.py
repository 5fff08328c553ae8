"""The report of a study of inpainting (Tables 4 and 5): which method fills the gap best."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from counterpoint.claims.paper import PaperScores, paper_scores
from counterpoint.metrics.preferences import PAPER_MEASURES, best_judge
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import Chart, Column, Fact, Report, Row, Scores, Section, System, Table, Text, Verdict
from counterpoint.report.numbers import MINUS, count, duration
from counterpoint.report.tables import plain_table
from counterpoint.results.schema import TRUTH, Results
from counterpoint.study.kinds.inpainting import ANCHORS, AR, BEST, FM, INVERSION, TRAINED, InpaintingStudy
from counterpoint.study.pages import facts as said
from counterpoint.study.pages.cells import paper_cell, value_cell
from counterpoint.study.pages.filling import METHODS, Fillings, noun
from counterpoint.study.pages.looks import of_paradigm
from counterpoint.study.pages.notes import common_notes, measures_of, prose, trained_times
from counterpoint.study.pages.page import Page, model_chart, titled
from counterpoint.study.pages.words import sentences

SEAMS, SEAMS_PLAIN = "seams", "seams_plain"
"""The steps that evaluate the seams of spans: as users get them, and as the models made them."""
_AESTHETICS = {"pq": "production quality", "pc": "production complexity", "ce": "content enjoyment"}
_RUNS = {"inpaint_{}": "to fill in", "train_{}": "text to music"}
"""Trainings by step and paradigm."""
_DECIDES = (
    "In the verdict a method beats another if it is clearly better in one of the named measures and clearly worse in "
    "none; the tests of different pairs are not corrected for each other"
)


class InpaintingPage(Page[InpaintingStudy]):
    """The data of an inpainting study's page.

    Attributes:
        seams: names of the measures of seams.
        fidelity: by measure of the paper, our metric, if there is one.
        methods: keys of the methods, without the best take.
        task: the hidden spans.
        models: steps that trained the models for inpainting.
    """

    judging = (SEAMS, "evaluate")
    rated = "table_4"

    def __init__(self, study: InpaintingStudy, results: Results):
        super().__init__(study, results, own=[method_system(key) for key in METHODS if key in results.systems])
        self.seams = [info.name for info in results.judged(SEAMS).judges]
        judges = {measure: best_judge(family, self.judged.metrics) for measure, family in PAPER_MEASURES.items()}
        self.fidelity = {measure: metric for measure, metric in judges.items() if metric}
        self.methods = [key for key in METHODS if key in self.systems and key not in (BEST, *ANCHORS)]
        self.task = next(iter(results.spans.values()))
        self.models = [f"inpaint_{paradigm}" for paradigm in TRAINED.values()]

    @property
    def spoken(self) -> list[str]:
        """Metrics named in verdicts: those of fidelity and text."""
        return [self.fidelity[measure] for measure in ("fad", "clap") if measure in self.fidelity]

    @property
    def chosen(self) -> Mapping[str, int]:
        """How often each method's take was the best."""
        return next((choice.counts for choice in self.results.choices.values()), {})

    def tested(self, name: str, pairs: Iterable[tuple[str, str]], keys: Sequence[str]) -> Table:
        """A table of tested differences. A take that was chosen by its seams is not compared by them."""
        labels = {key: each.label.lower() if key in ANCHORS else each.label for key, each in self.systems.items()}
        named = {
            (first, second): f"{labels[first]} {MINUS} {labels[second]}"
            for first, second in pairs
            if {first, second} <= labels.keys()
        }
        return self.differences(
            name, keys, named, counts=lambda metric, pair: BEST not in pair or metric not in self.seams
        )


def method_system(key: str) -> System:
    """A method with its paradigm's mark: hollow for zero-shot, half-filled for the best take."""
    method, paradigm = METHODS[key], TRAINED.get(key) or TRAINED[FM]
    mark = of_paradigm("" if key in ANCHORS else paradigm)
    fill = "solid" if key in TRAINED else "half" if key == BEST else "hollow"
    mark = replace(mark, shape="bar") if key in ANCHORS else replace(mark, fill=fill)
    return System(key=key, name=method.name, short=method.short, what=method.what, mark=mark)


def inpainting_report(study: InpaintingStudy, results: Results) -> Report:
    """The report of a finished study."""
    page = InpaintingPage(study, results)
    others = [info for info in page.judged.judges if info.name not in page.seams]
    found = Fillings(
        judged=page.judged, seams=page.seams, fidelity=page.spoken, methods=page.methods, chosen=page.chosen
    )
    first = [TRUTH, *TRAINED, BEST]  # the music and the best fills side by side; the codec's own clips have no seams
    return page.report(
        title="Who fills the gap?",
        verdict=Verdict(found.sentence, sentences([*found.points, _cost_point(page)])),
        facts=[
            Fact("To fill in", f"{page.task.mask_s:g} of {page.task.duration_s:g} s"),
            said.budget_headline(study.training, steps=study.inpainting.steps, label="Supervised, each"),
            said.parameters_headline(results.models[step] for step in page.models),
            said.prompts_headline(results.prompts["prompts"], label="Clips"),
        ],
        sections=[
            page.scores(page.infos(page.seams), id="seams", subjects=[*TRAINED], charts=True),
            page.listen(
                [*first, *(key for key in METHODS if key not in first)],
                note="The dashed lines are the borders of the span. All versions of a clip have one gain.",
                noun="clip",
                untitled="No caption",
                is_wide=True,
            ),
            _differences(page),
            _plain(page),
            _paper(page),
            _cost(page),
            page.scores(others, subjects=[*TRAINED], with_all=True),
            page.tests(),
            page.training(_curves(page)),
        ],
        compared=_facts(page),
        methods=_notes(page),
    )


def _differences(page: InpaintingPage) -> Section | None:
    zero_shot = [key for key in page.methods if key not in TRAINED]
    everything = [*page.seams, *page.spoken]
    anchored = [(key, anchor) for anchor in ANCHORS for key in (*page.methods, BEST)]
    among = [*((key, rival) for rival, key in combinations(zero_shot, 2)), (BEST, INVERSION)]
    trained = [(AR, FM), *((key, other) for other in (*zero_shot, BEST) for key in (FM, AR))]
    blocks = [
        *titled(
            "Does each method beat silence and another clip?",
            f"Method {MINUS} anchor, on the same clips and spans.",
            page.tested("differences_anchors", anchored, [*page.seams, *page.spoken[:1]]),
        ),
        *titled(
            "Which zero-shot method wins?",
            "The zero-shot methods against each other, with the same model; and the best take against always using "
            "inversion.",
            page.tested("differences_zero_shot", among, everything),
        ),
        *titled(
            "Trained for it, or zero-shot?",
            "The supervised methods against each other, and each against zero-shot.",
            page.tested("differences_trained", trained, everything),
        ),
    ]
    if page.chosen:
        kept = [f"{page.systems[key].label}: {number}" for key, number in page.chosen.items()]
        what = "The number of clips for which each zero-shot method's take had the best seam score."
        blocks.append(Text(title="Whose take is the best?", paragraphs=[what], items=kept))
    return page.section("differences", *blocks)


def _plain(page: InpaintingPage) -> Section | None:
    """The seams of the same fills, inserted as the models made them."""
    if SEAMS_PLAIN not in page.results.evaluations:
        return None
    judged = page.results.judged(SEAMS_PLAIN)
    systems = [system for key, system in page.systems.items() if key in judged.systems]
    table = Scores(name=SEAMS_PLAIN, systems=systems, metrics=judged.judges, scores=judged.scores, subjects=[*TRAINED])
    return page.section(SEAMS_PLAIN, table)


def _paper(page: InpaintingPage) -> Section | None:
    """The paper's rows below ours of the same method, then the other methods, then the anchors."""
    paper = paper_scores("table_4")
    theirs = {row.system: row for row in paper.rows}
    rows = []
    for key in dict.fromkeys([*theirs, *METHODS, *page.systems]):
        if system := page.systems.get(key):
            own = [value_cell(page.judged, page.fidelity.get(measure, ""), key) for measure in paper.measures]
            rows.append(Row(label=system.label, mark=system.mark, places=own))
        if system and (row := theirs.get(key)):
            values = [paper_cell(value) for value in row.scores.values()]
            rows.append(Row(label=f"{row.name}, the paper", places=values, tone="theirs"))
    table = Table(
        name="table4",
        label="Table 4",
        corner="Method",
        columns=[_column(page, measure) for measure in paper.measures],
        rows=rows,
        caption="Ours with 95% intervals, in the layout of the paper's Table 4, under its names of the measures.",
    )
    missing = ", ".join(measure.upper() for measure in _AESTHETICS if measure not in page.fidelity)
    absent = (
        f" {missing} are Audiobox Aesthetics, which was not available and has no honest stand-in." if missing else ""
    )
    remark = "Its models and music differ from ours: compare only rows of the same source."
    return page.beside_paper(paper, table, _ratings(paper), id="table4", remark=remark, absent=absent)


def _column(page: InpaintingPage, measure: str) -> Column:
    name = measure.upper()
    if metric := page.fidelity.get(measure):
        return Column.of(page.judged.metrics[metric], over=name)
    title = _AESTHETICS.get(measure, name).capitalize()
    return Column(title=title, over=name, better="lower" if measure == "fad" else "higher")


def _ratings(paper: PaperScores) -> Text:
    """The ratings of the paper's listeners."""
    items = []
    for rating in paper.ratings:
        known = {key: value for key, value in rating.values.items() if value}
        said_ = "; ".join(f"{noun(key)} {mean:.2f} ± {half:.2f}" for key, (mean, half) in known.items())
        items.append(f"{rating.criterion}: {said_}")
    what = "Its listeners rated from 1 to 10 (Table 5; only these ratings could be read in the text)."
    return Text(paragraphs=[what], items=items, is_small=True)


def _costs(page: InpaintingPage) -> dict[str, tuple[float, int]]:
    """By system with a model, seconds and model evaluations per clip; the best take costs as much as all its takes
    together."""
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
    return f"Cost per clip, with model evaluations: {'; '.join(parts)}." if parts else ""


def _cost(page: InpaintingPage) -> Section | None:
    rows = [[METHODS[key].name, duration(s), f"{n:,}"] for key, (s, n) in _costs(page).items()]
    header = ["System", "Time per clip", "Model evaluations per clip"]
    return page.section("cost", plain_table("cost", header, rows, label="Table of costs", is_narrow=True))


def _curves(page: InpaintingPage) -> Iterator[Chart]:
    for step, what in _RUNS.items():
        for paradigm in TRAINED.values():
            if model := page.results.models.get(step.format(paradigm)):
                yield model_chart(model, name=f"{PARADIGMS[paradigm].label}, {what}")


def _facts(page: InpaintingPage) -> list[Fact]:
    study, results, steps = page.study, page.results, page.study.inpainting.steps
    trained = study.training.model_copy(update={"optimizer": study.inpainting.optimizer})
    alike = study.model_copy(update={"training": trained})
    return [
        *said.data_facts(results),
        _task_fact(page),
        *said.model_facts(alike, [results.models[step] for step in page.models], steps=steps),
        *_text_model_fact(page),
        said.sampling_fact(study, {METHODS[key].short: own for key, own in study.sampling.items()}),
        *_ending_fact(page),
    ]


def _task_fact(page: InpaintingPage) -> Fact:
    task = page.task
    began = {
        PARADIGMS[paradigm].noun: "fine-tuned from its text-to-music model"
        if page.results.models[step].config.start
        else "trained from scratch"
        for paradigm, step in zip(TRAINED.values(), page.models, strict=True)
    }
    each = [f"each model {words}" for words in dict.fromkeys(began.values())]
    how = each[0] if len(each) == 1 else ", ".join(f"{name} {words}" for name, words in began.items())
    return said.fact("spans", task=task, share=page.study.inpainting.share, begun=how)


def _text_model_fact(page: InpaintingPage) -> list[Fact]:
    """The model that the zero-shot methods use."""
    model = page.results.models.get(f"train_{TRAINED[FM]}")
    if model is None:
        return []
    result, label = model.result, PARADIGMS[TRAINED[FM]].noun
    size, time = count(result.parameters), duration(result.wall_s)
    return [said.fact("text_model", paradigm=label, parameters=size, steps=result.steps, time=time)]


def _ending_fact(page: InpaintingPage) -> list[Fact]:
    """The probability that auto-regression gives to the end of a span; empty if it was not computed."""
    filling = page.results.fillings.get(f"generate_{AR}")
    if filling is None or filling.mean_ending is None:
        return []
    return [said.fact("endings", noun=noun(AR), share=filling.mean_ending)]


def _notes(page: InpaintingPage) -> list[Text]:
    seams = page.results.evaluations[SEAMS]
    own = prose(
        "inpainting", trained=trained_times(page.study), measures=measures_of(seams.metrics), remarks=seams.notes
    )
    general = common_notes(
        page.study, page.results, models=page.models, decides=_DECIDES, without=["What is held equal", "Loudness"]
    )
    return [*own, *general]
