"""The data of every page of a study: the study, its results and its systems; and sections that pages share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import yaml

from counterpoint import report as blocks
from counterpoint.claims.paper import Paper, paper_scores
from counterpoint.metrics.base import MetricInfo
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import Block, Chart, Clip, Example, Fact, Mark, Report, Section, System, Text, Verdict
from counterpoint.report.chart import loss_chart
from counterpoint.report.numbers import day
from counterpoint.report.tables import Column, Row, Table
from counterpoint.results.costs import Model
from counterpoint.results.parts import DetectedMusic
from counterpoint.results.records import RESULTS_FILE
from counterpoint.results.schema import Judged, Results
from counterpoint.study.kinds.base import Study
from counterpoint.study.pages import facts as said
from counterpoint.study.pages.cells import tested_cell
from counterpoint.study.pages.evidence import evidence_sections, gated
from counterpoint.study.pages.looks import of_paradigm, shown_systems
from counterpoint.study.pages.ratings import rating_sections

Kind = TypeVar("Kind", bound=Study)
READING = "Each mark is a value, each line its 95% interval. ↓ lower is better, ↑ higher is better."
SECTIONS: Mapping[str, Mapping[str, Mapping[str, Any]]] = yaml.safe_load(
    (Path(__file__).parent / "sections.yaml").read_text(encoding="utf-8")
)
"""Headings of sections and how to read them, by kind of study; those under `all` are shared."""
LOSSES = "Faint: each logged update. Strong: running mean. Dashed with points: validation loss."


def headed(kind: str, id: str, *shown: Block | None, heading: str = "", **values: object) -> Section | None:
    """A section with its text in `sections.yaml`; None if it has no blocks.

    Args:
        kind: kind of the study.
        shown: its blocks; None for a block that the study does not have.
        heading: the key of its text, if it is not its id.
        values: values of the words in braces.
    """
    key, own = heading or id, SECTIONS.get(kind, {})
    words = own[key] if key in own else SECTIONS["all"][key]
    filled = {name: words[name].format(reading=READING, **values) for name in ("title", "lead") if name in words}
    found = [block for block in shown if block]
    return Section(id=id, **{**words, **filled}, blocks=found) if found else None


class Page(Generic[Kind]):
    """The data of a finished study's page. Each kind of study adds its own.

    Attributes:
        judging: the steps of its evaluations; by default all.
        rated: the paper's table whose ratings are next to those of listeners; "" for none.
        judged: their results.
        systems: by key, in the order of tables.
    """

    judging: ClassVar[Sequence[str]] = ()
    rated: ClassVar[str] = ""

    def __init__(
        self, study: Kind, results: Results, *, own: Iterable[System] = (), systems: Iterable[System] | None = None,
        judged: Judged | None = None,
    ):  # fmt: skip
        """
        Args:
            own: the systems that the page names itself, in their order.
            systems: all systems; by default those that were evaluated.
            judged: results to use instead of those of the steps.
        """
        self.study, self.results = study, results
        self.judged = judged or results.judged(*self.judging)
        if systems is None:
            self.systems = shown_systems(results, self.judged, own={system.key: system for system in own})
        else:
            self.systems = {system.key: system for system in systems}

    def report(
        self, *, title: str, verdict: Verdict, facts: Sequence[Fact], sections: Iterable[Section | None],
        compared: Iterable[Fact], methods: Iterable[Text], terms: Iterable[str] = (),
    ) -> Report:  # fmt: skip
        """The report, with its common parts: name, date, command and files; the ratings of listeners, after the first
        section; at the end what was compared, on which machine and how, and the evidence.

        Args:
            facts: facts at the head; the time of all steps follows them.
            sections: sections in reading order; None for one that the study does not have.
            terms: further words that the page sets as code, besides the names of metrics.
        """
        systems = list(self.systems.values())
        of_all = blocks.Facts(facts=[*compared, *said.machine_facts(self.results)], systems=systems)
        first, *others = [section for section in sections if section]
        rated = paper_scores(self.rated) if self.rated else None
        last = (self.section("compared", of_all), self.section("methods", *methods), *evidence_sections(self.results))
        shown = [first, *rating_sections(self.results, systems=self.systems, paper=rated), *others, *last]
        info = self.results.study
        config = yaml.safe_dump(dict(info.config), sort_keys=False, allow_unicode=True)
        return Report(
            title=title,
            name=info.name,
            made=day(info.made),
            verdict=gated(self.results, verdict),
            facts=[*facts, said.time_headline(self.results)],
            sections=[section for section in shown if section],
            command=info.command,
            files={"study.yaml": config, RESULTS_FILE: self.results.model_dump_json(indent=1)},
            terms=list(dict.fromkeys(chain(self.judged.metrics, terms))),
        )

    def infos(self, names: Iterable[str]) -> list[MetricInfo]:
        return [self.judged.metrics[name] for name in names]

    def dots(self, metrics: Sequence[MetricInfo], **options: Any) -> blocks.Dots:
        """A chart for each metric; see `Dots` for the options."""
        return blocks.Dots(systems=list(self.systems.values()), metrics=metrics, scores=self.judged.scores, **options)

    def section(self, id: str, *shown: Block | None, heading: str = "", **values: object) -> Section | None:
        """A section with the text for this kind of study; see `headed`."""
        return headed(self.study.kind, id, *shown, heading=heading, **values)

    def scores(
        self, metrics: Sequence[MetricInfo] | None = None, *, id: str = "scores", heading: str = "",
        subjects: Sequence[str] = (), charts: bool = False, with_all: bool = False,
    ) -> Section | None:  # fmt: skip
        """The table of scores of some metrics; by default of all with a better direction.

        Args:
            charts: whether to add a chart for each metric.
            with_all: whether its CSV file has all metrics.
        """
        shown = self.judged.judges if metrics is None else metrics
        table = blocks.Scores(
            name=id,
            systems=list(self.systems.values()),
            metrics=shown,
            scores=self.judged.scores,
            subjects=subjects,
            csv_metrics=list(self.judged.metrics.values()) if with_all else (),
        )
        drawn = self.dots(shown) if charts else None
        return self.section(id, drawn, table, heading=heading) if shown else None

    def signals(self) -> Section | None:
        """Statistics of the signals, which only describe."""
        return self.scores(self.judged.descriptions, id="signals", charts=True)

    def tests(self, *, is_folded: bool = True) -> Section | None:
        """Every paired difference with its p-values."""
        systems, metrics = list(self.systems.values()), list(self.judged.metrics.values())
        known = [item for item in self.judged.differences if {item.first, item.second} <= self.systems.keys()]
        block = blocks.Differences(name="differences", systems=systems, metrics=metrics, differences=known)
        id, heading = ("tests", "") if is_folded else ("differences", "tests_open")
        return self.section(id, block if known else None, heading=heading)

    def differences(
        self, name: str, metrics: Iterable[str], pairs: Mapping[tuple[str, str], str], *,
        counts: Callable[[str, tuple[str, str]], bool] = lambda metric, pair: True, p: bool = False,
    ) -> Table:  # fmt: skip
        """A table of tested differences, one metric per column; pairs without any are left out.

        Args:
            pairs: one row each, with its label.
            counts: whether a metric is evidence for a pair.
            p: whether p-values and effects are shown.
        """
        infos, rows = self.infos(metrics), []
        for pair, label in pairs.items():
            places = [tested_cell(self.judged, each.name, *pair, counts=counts(each.name, pair), p=p) for each in infos]
            if any(places):
                rows.append(Row(label=label, mark=self.systems[pair[0]].mark, places=places))
        with_p = ", p after Holm's correction, and effects in standard deviations of the difference between prompts"
        return Table(
            name=name,
            label="Table of differences",
            columns=[Column.of(info) for info in infos],
            rows=rows,
            caption=f"Differences with 95% intervals{with_p if p else ''}.",
        )

    def listen(
        self, examples: Sequence[str] | Sequence[Example], *, heard: DetectedMusic | None = None,
        received: Mapping[str, Sequence[str]] | None = None, words: Mapping[str, Any] | None = None, **options: Any,
    ) -> Section | None:  # fmt: skip
        """Examples to listen to.

        Args:
            examples: the examples, or the keys of the systems whose clips are in them (see `examples_of`).
            words: values of words in braces.
            options: options of `Players`.
        """
        keys = [key for key in examples if isinstance(key, str)]
        own = [example for example in examples if isinstance(example, Example)]
        shown = own or examples_of(self.results, self.systems, keys, heard=heard, received=received)
        players = blocks.Players(id="listen", examples=shown, **options)
        return self.section("listen", players if shown else None, **(words or {}))

    def training(self, charts: Iterable[Chart]) -> Section | None:
        """Learning curves."""
        shown = [chart for chart in charts if chart.svg()]
        return self.section("training", blocks.Charts(name="losses", charts=shown, note=LOSSES) if shown else None)

    def beside_paper(
        self, paper: Paper, table: Table, *more: Block, id: str = "paper", remark: str = "", **values: Any
    ) -> Section | None:
        """A table with numbers of the paper and ours, their sources, and the paper's conclusions from them.

        Args:
            more: further blocks below them.
            remark: how to read the two together.
            values: values of the words in braces.
        """
        note = Text(
            paragraphs=[f"The paper: {paper.cited} {remark}".strip()],
            items=[f"The paper concludes: \u201c{claim}\u201d" for claim in paper.claims],
            is_small=True,
        )
        return self.section(id, table, note, *more, **values)


def titled(title: str, what: str, table: Table) -> list[Block]:
    """A table under its own heading, with a sentence about it; nothing for a table without rows."""
    return [Text(title=title, paragraphs=[what]), table] if table.rows else []


def examples_of(
    results: Results,
    systems: Mapping[str, System],
    keys: Sequence[str],
    *,
    heard: DetectedMusic | None = None,
    received: Mapping[str, Sequence[str]] | None = None,
) -> list[Example]:
    """The examples with the clips of some systems, in their order; examples without any are left out.

    Args:
        heard: chords, melody and beats in them, for timelines.
        received: by system, the controls that it received; by default all of them.
    """

    def timelines(clip: str, key: str) -> blocks.Timelines | None:
        if heard is None or clip not in heard.target or clip not in heard.systems.get(key, {}):
            return None
        given = {"received": received[key]} if received is not None and key in received else {}
        return blocks.Timelines(target=heard.target[clip], detected=heard.systems[key][clip], **given)

    found = []
    for example in results.examples:
        clips = [
            Clip(system=systems[key], file=results.path(example.clips[key]), timelines=timelines(example.id, key))
            for key in keys
            if key in example.clips and key in systems and results.path(example.clips[key]).is_file()
        ]
        if clips:
            found.append(Example(caption=example.caption, clips=clips, span_s=example.span_s))
    return found


def model_chart(model: Model, *, name: str, mark: Mark | None = None) -> Chart:
    """The learning curves of a model."""
    paradigm, curve = model.config.model.paradigm, model.curve
    unit = PARADIGMS[paradigm].objective
    return loss_chart(name, mark or of_paradigm(paradigm), train=curve.train, valid=curve.valid, unit=unit)
