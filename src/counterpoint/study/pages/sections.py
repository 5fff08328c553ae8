"""Sections that the reports of several kinds of studies share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import yaml

from counterpoint.metrics.base import MetricInfo
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import (
    Block,
    Chart,
    Charts,
    Clip,
    Differences,
    Dots,
    Example,
    Fact,
    Facts,
    Mark,
    Players,
    Report,
    Scores,
    Section,
    System,
    Text,
    Timelines,
    Verdict,
)
from counterpoint.report.chart import loss_chart
from counterpoint.results.costs import Model
from counterpoint.results.parts import Heard
from counterpoint.results.records import RESULTS_FILE
from counterpoint.results.schema import Judged, Results
from counterpoint.study.pages.looks import of_paradigm
from counterpoint.study.pages.ratings import ID as RATINGS
from counterpoint.study.pages.ratings import rating_sections

READING = "Each mark is a value, each line its 95% interval. ↓ lower is better, ↑ higher is better."
LOSS_NOTE = "Faint: each logged update. Strong: their running mean. Dashed, with points: the validation split."


def report_of(
    results: Results,
    *,
    title: str,
    verdict: Verdict,
    facts: Sequence[Fact],
    sections: Iterable[Section | None],
    terms: Sequence[str] = (),
) -> Report:
    """A report with what all of them have: name, date, command and files.

    Args:
        sections: in reading order; None for one that this study has nothing for.
    """
    config = yaml.safe_dump(dict(results.study.config), sort_keys=False, allow_unicode=True)
    return Report(
        title=title,
        name=results.study.name,
        made=time.strftime("%-d %B %Y", time.localtime(results.study.made)),
        verdict=verdict,
        facts=facts,
        sections=_with_ratings([section for section in sections if section], results),
        command=results.study.command,
        files={"study.yaml": config, RESULTS_FILE: results.model_dump_json(indent=1)},
        terms=terms,
    )


def _with_ratings(sections: Sequence[Section], results: Results) -> list[Section]:
    """With what listeners said, after the first section, where the report does not show it already."""
    if any(section.id.startswith(RATINGS) for section in sections):
        return list(sections)
    return [*sections[:1], *rating_sections(results), *sections[1:]]


def scores_section(
    judged: Judged,
    systems: Mapping[str, System],
    metrics: Sequence[MetricInfo],
    *,
    subjects: Sequence[str] = (),
    id: str = "scores",
    title: str = "All scores",
    lead: str = READING,
    charts: bool = False,
    is_folded: bool = False,
    with_all: bool = False,
) -> Section | None:
    """The table of scores of some metrics.

    Args:
        charts: with a chart for each metric.
        with_all: its CSV file holds all metrics that there are.
    """
    if not metrics:
        return None
    shown = list(systems.values())
    table = Scores(
        name=id,
        systems=shown,
        metrics=metrics,
        scores=judged.scores,
        subjects=subjects,
        csv_metrics=list(judged.metrics.values()) if with_all else (),
    )
    drawn: list[Block] = [Dots(systems=shown, metrics=metrics, scores=judged.scores)] if charts else []
    return Section(id=id, title=title, lead=lead, blocks=[*drawn, table], is_folded=is_folded)


def signals_section(judged: Judged, systems: Mapping[str, System], *, subjects: Sequence[str] = ()) -> Section | None:
    """Statistics of the signals, which only describe."""
    lead = (
        "These statistics describe and favour nobody; the nearer to the ground truth, the more alike in that one "
        "respect."
    )
    return scores_section(
        judged,
        systems,
        judged.descriptions,
        subjects=subjects,
        id="signals",
        title="Signals",
        lead=lead,
        charts=True,
        is_folded=True,
    )


def tests_section(judged: Judged, systems: Mapping[str, System], *, is_folded: bool = True) -> Section | None:
    """Every paired difference with its p-values."""
    known = [item for item in judged.differences if item.first in systems and item.second in systems]
    if not known:
        return None
    lead = (
        "The systems answered the same prompts, so they are compared prompt by prompt, which tells more than two "
        "separate intervals. A difference is called where its interval leaves zero out and its p-value, corrected for "
        "the number of comparisons (Holm), is below 0.05."
    )
    metrics = list(judged.metrics.values())
    block = Differences(name="differences", systems=list(systems.values()), metrics=metrics, differences=known)
    name, title = ("tests", "All paired tests") if is_folded else ("differences", "Paired differences")
    return Section(id=name, title=title, lead=lead, blocks=[block], is_folded=is_folded)


def examples_of(
    results: Results,
    systems: Mapping[str, System],
    keys: Sequence[str],
    *,
    heard: Heard | None = None,
    asked: Mapping[str, Sequence[str]] | None = None,
    wanted: Callable[[str], bool] = lambda _: True,
) -> list[Example]:
    """The examples with the clips of some systems, in their order; those without any are left out.

    Args:
        heard: what is played in them, for timelines.
        asked: by system, the controls that it was given; all of them where it is not named.
        wanted: tells by the id of an example whether it is shown.
    """

    def timelines(clip: str, key: str) -> Timelines | None:
        if heard is None or clip not in heard.target or clip not in heard.systems.get(key, {}):
            return None
        given = {"asked": asked[key]} if asked is not None and key in asked else {}
        return Timelines(target=heard.target[clip], heard=heard.systems[key][clip], **given)

    found = []
    for example in results.examples:
        clips = [
            Clip(system=systems[key], file=results.path(example.clips[key]), timelines=timelines(example.id, key))
            for key in keys
            if key in example.clips and key in systems and results.path(example.clips[key]).is_file()
        ]
        if clips and wanted(example.id):
            found.append(Example(caption=example.caption, clips=clips, span_s=example.span_s))
    return found


def listen_section(examples: Sequence[Example], *, lead: str, note: str = "", **options: object) -> Section | None:
    """Examples to listen to.

    Args:
        options: of `Players`.
    """
    if not examples:
        return None
    players = Players(id="listen", examples=examples, note=note, **options)  # pyright: ignore[reportArgumentType]
    return Section(id="listen", title="Listen", lead=lead, blocks=[players])


def model_chart(model: Model, *, name: str, mark: Mark | None = None) -> Chart:
    """How a model learned."""
    paradigm = model.config.model.paradigm
    return loss_chart(
        name,
        mark or of_paradigm(paradigm),
        train=model.curve.train,
        valid=model.curve.valid,
        unit=PARADIGMS[paradigm].objective,
    )


def training_section(charts: Sequence[Chart], *, lead: str) -> Section | None:
    """Learning curves."""
    shown = [chart for chart in charts if chart.svg()]
    if not shown:
        return None
    block = Charts(name="losses", charts=shown, note=LOSS_NOTE)
    return Section(id="training", title="Training", lead=lead, blocks=[block], is_folded=True)


def compared_section(facts: Sequence[Fact], systems: Iterable[System]) -> Section:
    """What was compared."""
    return Section(
        id="compared", title="What was compared", blocks=[Facts(facts=facts, systems=list(systems))], short="Compared"
    )


def methods_section(texts: Sequence[Text]) -> Section:
    """Methods and limits."""
    return Section(id="methods", title="Methods and limits", blocks=texts, short="Methods")
