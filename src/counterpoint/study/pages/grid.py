"""The report of a grid of configurations, the smallest of which is a comparison of the paradigms."""

from __future__ import annotations

from counterpoint.metrics.preferences import best_judge
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import Block, Charts, Players, Report, Section, System, Verdict
from counterpoint.report.numbers import MINUS, duration, listed
from counterpoint.results.schema import Results
from counterpoint.study.kinds.grid import GridStudy
from counterpoint.study.pages.grid_cells import PARADIGM, Grid
from counterpoint.study.pages.grid_page import GridPage, grid_facts, grid_headline, grid_notes
from counterpoint.study.pages.grid_tables import (
    codec_table,
    generation_table,
    grid_charts,
    grid_table,
    judging,
    training_table,
)
from counterpoint.study.pages.grid_verdict import grid_outside, grid_points, grid_sentence
from counterpoint.study.pages.looks import is_truth
from counterpoint.study.pages.page import examples_of, model_chart, titled
from counterpoint.study.pages.words import sentences, warnings

CODEC_EXAMPLES = 2
"""Number of examples of the codec alone."""
_NOT_OURS = (
    "Our metrics and the paper's differ unless they have the same name, and so does the music: compare the order of "
    "the rows, not the values."
)


def grid_report(study: GridStudy, results: Results) -> Report:
    """The report of a finished study."""
    page = GridPage(study, results)
    return page.report(
        title=_title(page.grid),
        verdict=_verdict(page),
        facts=grid_headline(page),
        sections=[
            _primary(page),
            _listen(page),
            _scores(page),
            _curves(page),
            _differences(page),
            page.section("cost", training_table(page.grid), generation_table(page.grid)),
            _beside_paper(page),
            *(() if page.is_pair else (page.scores(with_all=True), page.tests())),
            _codec(page),
            _training(page),
            page.signals(),
        ],
        compared=grid_facts(page),
        methods=grid_notes(page),
    )


def _title(grid: Grid) -> str:
    others = [axis.name for axis in grid.axes if axis.key != PARADIGM]
    if not grid.axis(PARADIGM):
        return f"What changes with {listed(others)}?"
    entries = [PARADIGMS[name] for name in grid.study.trained()]
    question = " or ".join([entries[0].label, *(entry.noun for entry in entries[1:])])
    return f"{question}, for each {listed(others)}?" if others else f"{question}?"


def _verdict(page: GridPage) -> Verdict:
    own = {cell.system: page.systems[cell.system].name for cell in page.grid.cells}
    outside = {system.key: system.name for system in page.of_origin("outside")}
    points = [
        *grid_points(page.grid, decided=page.decided),
        *grid_outside(page.grid, outside, page.decided),
        _cost_point(page) if page.is_pair else "",
    ]
    # Copies of training clips are music, which no model has to outperform.
    predictors = {
        system.key: system.name
        for system in page.results.systems.values()
        if system.origin == "trivial" and system.paradigm
    }
    found = warnings(page.judged, page.decided, own, predictors) if page.decided else []
    sentence = grid_sentence(page.grid, primary=page.study.evaluation.primary, decided=page.decided)
    return Verdict(sentence, sentences(points), found)


def _cost_point(page: GridPage) -> str:
    """The cost beside the verdict."""
    names, training, clips = [], [], []
    for cell in page.grid.cells:
        report = page.results.cost(cell.system)
        names.append(cell.paradigm.noun)
        training.append(duration(page.results.models[page.grid.runs(cell.model)[0]].result.wall_s))
        clips.append(duration(report.latency_s / report.clips))
    return (
        f"Cost of {listed(names)}: training {listed(training)}; one clip {listed(clips)}, "
        f"{page.study.prompts.batch_size} at a time."
    )


def _floors(page: GridPage) -> dict[str, list[System]]:
    """Systems that are not cells, by the name of their group."""
    found: dict[str, list[System]] = {}
    if outside := page.of_origin("outside"):
        found["Outside"] = outside
    for system in page.of_origin("truth", "codec", "trivial", "floor"):
        lengths = [label for label in page.lengths if system.key.endswith(f"_{label}")]
        name = f"Floors, {page.grid.durations[lengths[0]]:g} s" if lengths else "Floors"
        found.setdefault(name, []).append(system)
    return found


def _primary(page: GridPage) -> Section | None:
    """A chart of the metric of the verdict, and of the one that shows whether captions are followed."""
    metrics = page.infos(dict.fromkeys(filter(None, (page.decided, best_judge("text", page.judged.metrics)))))
    return page.section("verdict", page.dots(metrics) if metrics else None)


def _scores(page: GridPage) -> Section | None:
    """All metrics: for a pair in one table, for a grid in the paper's layout."""
    if page.is_pair:
        return page.scores(heading="pair", subjects=page.study.contestants(), charts=True, with_all=True)
    table = grid_table(page.grid, page.systems, paper=page.paper, floors=_floors(page))
    charts = None if page.grid.x else page.dots(judging(page.grid))
    beside = page.beside_paper(page.paper, table, remark=_NOT_OURS) if page.paper else None
    return page.section("table", charts, *(beside.blocks if beside else [table]))


def _beside_paper(page: GridPage) -> Section | None:
    """The paper's numbers beside ours for a pair; for a grid they are in the table of scores."""
    if not (page.is_pair and page.paper):
        return None
    table = grid_table(page.grid, page.systems, paper=page.paper, floors={})
    return page.beside_paper(page.paper, table, remark=_NOT_OURS)


def _curves(page: GridPage) -> Section | None:
    charts = grid_charts(page.grid, page.systems, [*page.study.systems])
    outside = " Dashes and dots: an outside system." if page.study.systems else ""
    shown = Charts(name="curves", charts=charts) if charts else None
    return page.section("curves", shown, axis=charts[0].x_name if charts else "", outside=outside)


def _differences(page: GridPage) -> Section | None:
    """All tests for a pair; for a grid a table for each axis with tests."""
    if page.is_pair:
        return page.tests(is_folded=False)
    grid, metrics = page.grid, [info.name for info in judging(page.grid)]
    shown: list[Block] = []
    for axis in grid.axes:
        contrasts = grid.contrasts(axis, metric=page.decided) if page.decided else []
        pairs = {(item.first.system, item.second.system): grid.minus(item) for item in contrasts}
        lead = f"Each row compares two systems that differ only in the {axis.name} (first minus second)."
        table = page.differences(f"differences_{axis.key}", metrics, pairs, p=True)
        shown += titled(axis.name.capitalize(), lead, table)
    outside, cells = page.of_origin("outside"), grid.cells
    pairs = {
        (cell.system, other.key): f"{grid.name(cell)} {MINUS} {other.label}" for other in outside for cell in cells
    }
    table = page.differences("differences_outside", metrics, pairs, p=True)
    lead = "Cells of this study minus systems from outside, on the prompts that both answer."
    shown += titled("Outside systems", lead, table)
    return page.section("differences", *shown, heading="axes")


def _listen(page: GridPage) -> Section | None:
    """Examples spread evenly over the prompts of every length, of the first training seed."""
    keys = [key for key in page.systems if is_truth(key)]
    if page.is_pair:
        keys += [system.key for system in page.of_origin("codec") if "codes" in system.key]
    keys += [cell.system for cell in page.grid.cells]
    keys += [system.key for system in page.of_origin("outside")]
    return page.listen(keys)


def _codec(page: GridPage) -> Section | None:
    """Reconstruction by the codecs; with a single codec, with examples."""
    keys = [key for key in page.systems if is_truth(key)] + [system.key for system in page.of_origin("codec")]
    examples = examples_of(page.results, page.systems, keys)[:CODEC_EXAMPLES]
    origins = [page.results.systems[clip.system.key].origin for example in examples[:1] for clip in example.clips]
    has_clips = page.is_pair and "codec" in origins
    return page.section(
        "codec", codec_table(page.grid), Players(id="codec-clips", examples=examples) if has_clips else None
    )


def _training(page: GridPage) -> Section | None:
    charts = []
    for cells in page.grid.models.values():
        runs = page.grid.runs(cells[0].model)
        for turn, step in enumerate(runs, start=1):
            name = page.grid.model_name(cells) + (f", run {turn}" if len(runs) > 1 else "")
            charts.append(model_chart(page.results.models[step], name=name, mark=page.grid.mark(cells[0])))
    return page.training(charts)
