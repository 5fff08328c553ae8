"""The report of a grid of configurations, of which a comparison of the paradigms alone is the smallest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from counterpoint.metrics.preferences import best_judge
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import (
    Block,
    Charts,
    Clip,
    Dots,
    Example,
    Players,
    Report,
    Section,
    System,
    Text,
    Verdict,
)
from counterpoint.report.numbers import duration, listed
from counterpoint.results.schema import Results
from counterpoint.study.kinds.grid import GridStudy
from counterpoint.study.pages.grid_cells import PARADIGM, Grid
from counterpoint.study.pages.grid_methods import grid_facts, grid_headline, grid_notes
from counterpoint.study.pages.grid_page import GridPage
from counterpoint.study.pages.grid_tables import (
    codec_table,
    comparison_tables,
    generation_table,
    grid_charts,
    grid_table,
    judging,
    training_table,
)
from counterpoint.study.pages.grid_verdict import grid_outside, grid_points, grid_sentence
from counterpoint.study.pages.looks import is_truth
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
    signals_section,
    tests_section,
    training_section,
)
from counterpoint.study.pages.words import learned, sentences, terms, warnings

CODEC_EXAMPLES = 2
"""Examples by which the codec alone is heard."""
_NOT_OURS = (
    "Ours and the paper's are different judges on different music, unless they bear one name: compare the order of the "
    "rows, not the values."
)


def grid_report(study: GridStudy, results: Results) -> Report:
    """The report of a finished study."""
    page = GridPage(study, results)
    return report_of(
        results,
        title=_title(page.grid),
        verdict=_verdict(page),
        facts=grid_headline(page),
        sections=[
            _primary_section(page),
            _listen(page),
            _scores(page),
            _curves(page),
            _differences(page),
            page.steered.section() if page.steered else None,
            _cost(page),
            _beside_paper(page),
            _all_scores(page),
            tests_section(page.judged, page.systems) if not page.is_pair else None,
            _codec(page),
            _training(page),
            signals_section(page.judged, page.systems),
            compared_section(grid_facts(page), page.systems.values()),
            methods_section(grid_notes(page)),
        ],
        terms=terms(page.judged, page.steered.terms if page.steered else ()),
    )


def _title(grid: Grid) -> str:
    others = [axis.name for axis in grid.axes if axis.key != PARADIGM]
    if not grid.axis(PARADIGM):
        return f"What changes with {listed(others)}?"
    labels = [PARADIGMS[name].label for name in dict.fromkeys(cell.study.paradigm for cell in grid.cells)]
    question = " or ".join([labels[0], *(label.lower() for label in labels[1:])])
    return f"{question}, by {listed(others)}?" if others else f"{question}?"


def _verdict(page: GridPage) -> Verdict:
    own = {cell.system: page.systems[cell.system].name for cell in page.grid.cells}
    untrained = {system.key: system.name for system in page.of_origin("untrained")}
    outside = {system.key: system.name for system in page.of_origin("outside")}
    points = [
        *grid_points(page.grid, decided=page.decided),
        *(_learned(page, untrained) if page.decided else []),
        *grid_outside(page.grid, outside, page.decided),
        _cost_point(page) if page.is_pair else "",
    ]
    floors = {system.key: system.name for system in page.of_origin("untrained", "trivial")}
    found = warnings(page.judged, page.decided, own, floors) if page.decided else []
    sentence = grid_sentence(page.grid, primary=page.study.evaluation.primary, decided=page.decided)
    return Verdict(sentence, sentences(points), found)


def _learned(page: GridPage, untrained: Mapping[str, str]) -> list[str]:
    """Each untrained model beside those of its paradigm."""
    paradigms = {key: page.results.systems[key].paradigm for key in untrained}
    return [
        learned(page.judged, page.decided, cell.system, floor, name=page.systems[cell.system].name)
        for cell in page.grid.cells
        for floor, paradigm in paradigms.items()
        if paradigm == cell.study.paradigm
    ]


def _cost_point(page: GridPage) -> str:
    """The price beside the verdict."""
    names, training, clips = [], [], []
    for cell in page.grid.cells:
        report = page.results.generations[f"generate_{cell.system}"].report
        names.append(PARADIGMS[cell.study.paradigm].label.lower())
        training.append(duration(page.results.models[page.grid.runs(cell.model)[0]].result.wall_s))
        clips.append(duration(report.latency_s / report.clips))
    return (
        f"What it cost, {listed(names)}: training {listed(training)}; a clip {listed(clips)}, "
        f"{page.study.prompts.batch_size} at a time."
    )


def _floors(page: GridPage) -> dict[str, list[System]]:
    """Systems that are no cells, by the name of their group."""
    found: dict[str, list[System]] = {}
    if outside := page.of_origin("outside"):
        found["Outside"] = outside
    for system in page.of_origin("truth", "codec", "untrained", "trivial", "floor"):
        lengths = [label for label in page.lengths if system.key.endswith(f"_{label}")]
        name = f"Floors, {page.grid.durations[lengths[0]]:g} s" if lengths else "Floors"
        found.setdefault(name, []).append(system)
    return found


def _primary_section(page: GridPage) -> Section | None:
    """One chart of the metric of the verdict, and of what says whether captions are followed."""
    names = dict.fromkeys(filter(None, (page.decided, best_judge("text", page.judged.metrics))))
    metrics = [page.judged.metrics[name] for name in names]
    if not metrics:
        return None
    lead = f"{READING} Hollow marks in a paradigm's shape may be untrained models or variants; the rows say which."
    shown = Dots(systems=list(page.systems.values()), metrics=metrics, scores=page.judged.scores)
    return Section(id="verdict", title="At a glance", lead=lead, blocks=[shown])


def _scores(page: GridPage) -> Section | None:
    """All judges: of a pair in one table, of a grid in the paper's layout."""
    if page.is_pair:
        subjects = [cell.system for cell in page.grid.cells]
        return scores_section(
            page.judged, page.systems, page.judged.judges, title="Scores", subjects=subjects, charts=True, with_all=True
        )
    lead = (
        "Each value with its 95% interval. ↓ lower is better, ↑ higher is better. A star marks a value only where "
        "tests show it to be better than every other of its group."
    )
    blocks: list[Block] = []
    if not page.grid.x:
        blocks.append(Dots(systems=list(page.systems.values()), metrics=judging(page.grid), scores=page.judged.scores))
    blocks.append(grid_table(page.grid, page.systems, paper=page.paper, floors=_floors(page)))
    if page.paper:
        blocks.append(beside_paper_note(page.paper.claims, source_of(page.paper), _NOT_OURS))
    return Section(id="table", title="Scores", lead=lead, blocks=blocks, is_digest=True)


def _beside_paper(page: GridPage) -> Section | None:
    """Of a pair, the paper's numbers beside ours; of a grid they stand in the table of scores."""
    if not (page.is_pair and page.paper):
        return None
    table = grid_table(page.grid, page.systems, paper=page.paper, floors={})
    remark = beside_paper_note(page.paper.claims, source_of(page.paper), _NOT_OURS)
    return Section(id="paper", title="Beside the paper", blocks=[table, remark], is_digest=True)


def _all_scores(page: GridPage) -> Section | None:
    """Of a grid, everything in one table, with numbers of clips."""
    if page.is_pair:
        return None
    return scores_section(page.judged, page.systems, page.judged.judges, with_all=True, is_folded=True)


def _curves(page: GridPage) -> Section | None:
    charts = grid_charts(page.grid, page.systems, [*page.study.systems])
    if not charts:
        return None
    lead = (
        "Each mark is a cell, each upright line its 95% interval; marks at one place are moved apart to be told from "
        "each other. Dashed across the chart: real, unheard music. Dotted: that music through the codec of the line's "
        "models, as near as they could come."
    )
    lead += " Dashes and dots: a system from outside." if page.study.systems else ""
    return Section(
        id="curves",
        title=f"By {charts[0].x_name}",
        lead=lead,
        blocks=[Charts(name="curves", charts=charts)],
        short="Curves",
    )


def _differences(page: GridPage) -> Section | None:
    """Of a pair all tests; of a grid a table for each axis along which there were any."""
    if page.is_pair:
        return tests_section(page.judged, page.systems, is_folded=False)
    blocks: list[Block] = []
    for title, lead, table in comparison_tables(page.grid, decided=page.decided, outside=page.of_origin("outside")):
        blocks += [Text(title=title, paragraphs=[lead]), table]
    lead = (
        "Prompt by prompt, with 95% intervals. Strong: the interval leaves zero out and p, after Holm's correction, is "
        "below 0.05; the arrow says whether below or above zero is better. All of them, with both p-values, stand "
        "further below."
    )
    return Section(id="differences", title="Differences", lead=lead, blocks=blocks) if blocks else None


def _listen(page: GridPage) -> Section | None:
    """Evenly spread over the prompts of every length; of several training seeds the first."""
    keys = [key for key in page.systems if is_truth(key)]
    if page.is_pair:
        keys += [system.key for system in page.of_origin("codec") if "codes" in system.key]
    keys += [cell.system for cell in page.grid.cells]
    keys += [system.key for system in page.of_origin("outside")]
    lead = "The same prompts for every system. All clips are at the loudness the metrics hear them at."
    return listen_section(examples_of(page.results, page.systems, keys), lead=lead)


def _cost(page: GridPage) -> Section:
    return Section(id="cost", title="Cost", blocks=[training_table(page.grid), generation_table(page.grid)])


def _codec(page: GridPage) -> Section:
    """What the codecs keep; with one codec, to hear too."""
    lead = (
        "Everything a model makes passes through its codec: what that keeps of real music is the most its models can "
        "reach. Models of codes pass through the quantiser, models of latents do not."
    )
    blocks: list[Block] = [codec_table(page.grid)]
    keys = [key for key in page.systems if is_truth(key)] + [system.key for system in page.of_origin("codec")]
    examples: Sequence[Example] = examples_of(page.results, page.systems, keys)[:CODEC_EXAMPLES]
    if page.is_pair and examples and any(_is_codec(page, clip) for clip in examples[0].clips):
        blocks.append(Players(id="codec-clips", examples=examples))
    return Section(id="codec", title="Codec", lead=lead, blocks=blocks, is_folded=True)


def _is_codec(page: GridPage, clip: Clip) -> bool:
    return page.results.systems[clip.system.key].origin == "codec"


def _training(page: GridPage) -> Section | None:
    charts = []
    for cells in page.grid.models.values():
        runs = page.grid.runs(cells[0].model)
        for turn, step in enumerate(runs, start=1):
            name = page.grid.model_name(cells) + (f", run {turn}" if len(runs) > 1 else "")
            charts.append(model_chart(page.results.models[step], name=name, mark=page.grid.mark(cells[0])))
    lead = (
        "The same examples in the same order. Losses of different paradigms are different quantities, and those of "
        "models on different codecs are of different data: compare each with itself."
    )
    return training_section(charts, lead=lead)
