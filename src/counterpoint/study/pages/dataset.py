"""The report of a study of datasets (Appendix A): quality of music and captions."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

from counterpoint.claims.paper import paper_scores
from counterpoint.metrics.base import MetricInfo
from counterpoint.report import Clip, Example, Fact, Report, Section, Spread, System, Text, Verdict, judge
from counterpoint.report.marks import DISTINCT
from counterpoint.report.numbers import decimals, number
from counterpoint.report.tables import Cell, Column, Place, Row, Table, plain_table
from counterpoint.results.parts import Window
from counterpoint.results.schema import Results
from counterpoint.study.kinds.dataset import COMPOSED, DatasetStudy
from counterpoint.study.pages.notes import measures_of, prose
from counterpoint.study.pages.page import Page
from counterpoint.study.pages.words import sentences, sides
from counterpoint.study.windows import spread

OURS = {"ce": "ce_audiobox", "pq": "pq_audiobox", "clap": "clap_laion"}
"""The paper's measures, by its names, and our metrics."""
EXTRA = "tag_match_musicnn"
PRIMARY = ("clap_laion", EXTRA, "ce_audiobox")
"""The first available metric orders the examples and is the subject of the first sentence."""
_ABSENT = "weights missing"


class DatasetPage(Page[DatasetStudy]):
    """The data of a dataset study's page.

    Attributes:
        spreads: by metric with a value for a single clip, then dataset.
        absent: sentences on the missing metrics.
    """

    judging = ("judge",)

    def __init__(self, study: DatasetStudy, results: Results):
        self.samples = {step.removeprefix("sample_"): sample for step, sample in results.samples.items()}
        super().__init__(study, results, systems=[self._system(*each) for each in enumerate(self.samples)])
        self.evaluation = results.evaluations["judge"]
        self.spreads = self._spreads()
        self.metrics = [info for info in self.judged.metrics.values() if info.name in self.spreads]
        self.primary = next((name for name in PRIMARY if name in self.spreads), self.metrics[0].name)
        self.absent = list(self.evaluation.absent)

    def _spreads(self) -> dict[str, dict[str, Spread]]:
        found: dict[str, dict[str, Spread]] = {}
        for info in self.evaluation.metrics:
            for label, scores in self.evaluation.scores.items():
                score = scores.get(info.name)
                values = [value for value in (score.per_clip if score else None) or () if value is not None]
                if len(values) > 1:
                    own = Spread(deviation=statistics.stdev(values), clips=values)
                    found.setdefault(info.name, {})[label] = own
        return found

    def _system(self, place: int, label: str) -> System:
        sample = self.samples[label]
        rows = len({window.row for window in sample.judged})
        what = f"{len(sample.judged)} windows of {sample.duration_s:g} s from {rows} of its tracks, drawn at random."
        name = "Embedded corpus" if label == COMPOSED else label
        return System(key=label, name=name, what=what, mark=DISTINCT[place % len(DISTINCT)])

    def text(self, metric: str, label: str) -> str:
        """`7.23 ± 0.57`; "" where it was not measured."""
        score, own = self.judged.score(metric, label), self.spreads.get(metric, {}).get(label)
        if score is None or own is None:
            return ""
        digits = 3 if f"{own.deviation:e}".startswith("1") else 2  # 1.02 as exactly as 0.94
        places = decimals(own.deviation, digits=digits) if own.deviation > 0 else decimals(score.value)
        places = min(places, 4)
        return f"{number(score.value, places=places)}\u00a0±\u00a0{number(own.deviation, places=places)}"

    def cell(self, metric: str, label: str) -> Place:
        """The mean, the deviation between clips, and the mean's interval."""
        text, score = self.text(metric, label), self.judged.score(metric, label)
        return [replace(Cell.of(score), text=text)] if score and text else []


def dataset_report(study: DatasetStudy, results: Results) -> Report:
    """The report of a finished study."""
    page = DatasetPage(study, results)
    counts = sorted({len(sample.judged) for sample in page.samples.values()})
    clips = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return page.report(
        title="How good is the music?",
        verdict=_verdict(page),
        facts=[
            Fact("Datasets", str(len(page.samples))),
            Fact("Clips of each", f"{clips} of {study.sample.duration_s:g} s, drawn at random"),
        ],
        sections=[
            _measures(page),
            page.listen(list(_examples(page)), words={"metric": page.primary}, noun="dataset", is_wide=True),
            _paper(page),
            _holdings(page),
            page.tests(),
        ],
        compared=_data_facts(page),
        methods=_notes(page),
        terms=OURS.values(),
    )


def _verdict(page: DatasetPage) -> Verdict:
    """The match of captions, then a comparison of the later datasets with the first."""
    first, *rest = page.systems.values()
    metric = page.judged.metrics[page.primary]
    values = ", ".join(f"{system.name} {page.text(metric.name, key)}" for key, system in page.systems.items())
    own = [item for item in page.judged.differences if item.metric == metric.name and judge(item, metric) != "open"]
    if not rest:
        own_text, chance = page.text(metric.name, first.key), _chance(page, first)
        sentence = f"{first.name}: {metric.name} is {own_text} between clips{chance}."
    elif own:
        sentence = f"The datasets differ in {metric.name}: {values}."
    else:
        sentence = f"No difference in {metric.name} is shown: {values}."
    points = [_against(page, first, system) for system in rest]
    if any(ours not in page.spreads for ours in OURS.values()):
        points.append(f"The paper's CE, PQ and CLAP could not all be measured. {' '.join(page.absent)}".strip())
    return Verdict(sentence, sentences(points))


def _against(page: DatasetPage, first: System, system: System) -> str:
    """The tests of a dataset against the first."""
    found = sides(page.judged, [info.name for info in page.metrics], system.key, first.key)
    parts = [
        f"{word} in {', '.join(own)}" for word, own in (("better", found["first"]), ("worse", found["second"])) if own
    ]
    return f"{system.name} against {first.name}: {' and '.join(parts) or 'no metric shows a difference'}."


def _chance(page: DatasetPage, system: System) -> str:
    metric, score = page.judged.metrics[page.primary], page.judged.score(page.primary, system.key)
    if metric.chance is None or score is None:
        return ""
    clear = "clearly above" if score.low > metric.chance else "not clearly above"
    return f", {clear} the {metric.chance:g} of another clip's caption"


def _measures(page: DatasetPage) -> Section | None:
    systems = list(page.systems.values())
    order = sorted(page.metrics, key=lambda info: info.better == "neither")
    charts = page.dots(order, spreads=page.spreads)
    table = Table(
        name="measures",
        label="Table of measures",
        corner="Measure",
        columns=[Column(title=system.name, mark=system.mark) for system in systems],
        rows=[
            Row(
                label=f"{info.label}{f' ({info.unit})' if info.unit else ''}",
                note=info.exact,
                places=[page.cell(info.name, system.key) for system in systems],
            )
            for info in order
        ],
        caption="Mean ± standard deviation between clips, and the mean's 95% interval.",
        csv=list(_csv(page, order)),
    )
    return page.section("measures", charts, table)


def _csv(page: DatasetPage, metrics: Sequence[MetricInfo]) -> Iterator[dict[str, object]]:
    """One line per metric and dataset, in full precision."""
    for label, info in product(page.systems, metrics):
        score, own = page.judged.score(info.name, label), page.spreads[info.name].get(label)
        if score and own:
            line: dict[str, object] = {"dataset": label, "metric": info.name, "better": info.better}
            line |= {"mean": score.value, "deviation": own.deviation, "low_95": score.low, "high_95": score.high}
            yield {**line, "n": len(own.clips)}


def _paper(page: DatasetPage) -> Section | None:
    """The paper's rows, then ours; our metrics that the paper lacks are last."""
    paper, known = paper_scores("appendix_a"), page.judged.metrics
    columns = [
        Column.of(known.get(ours) or MetricInfo(ours, _ABSENT, "", "higher"), over=theirs.upper())
        for theirs, ours in OURS.items()
    ]
    extra = [EXTRA] if EXTRA in page.spreads else []
    columns += [Column.of(known[name]) for name in extra]
    rows = [
        Row(
            label=f"{row.name}, the paper",
            places=[
                *([Cell(text=f"{row.scores[name]:.2f} ± {row.scores[f'{name}_sd']:.2f}")] for name in OURS),
                *([] for _ in extra),
            ],
            tone="theirs",
        )
        for row in paper.rows
    ]
    for key, system in page.systems.items():
        places = [page.cell(name, key) for name in (*OURS.values(), *extra)]
        rows.append(Row(label=system.name, mark=system.mark, places=places))
    caption = "Mean ± standard deviation between clips; ours with the mean's 95% interval."
    label = "Table of the paper with our values"
    table = Table(name="paper", label=label, corner="Dataset", columns=columns, rows=rows, caption=caption)
    return page.beside_paper(paper, table)


def _examples(page: DatasetPage) -> Iterator[Example]:
    """Clips of each dataset from the lowest to the highest value of the primary metric."""
    for label, sample in page.samples.items():
        score = page.evaluation.scores[label].get(page.primary)
        values = (score.per_clip if score else None) or [None] * len(sample.judged)
        by_clip = dict(zip(page.evaluation.ids[label], values, strict=False))
        known = [(by_clip.get(f"{label}-{window.id}"), window) for window in sample.judged]
        ranked = sorted(((value, window) for value, window in known if value is not None), key=_rank)
        clips = [
            Clip(
                system=page.systems[label],
                file=page.results.path(f"steps/sample_{label}/clips/{window.id}.wav"),
                name=f"{place}: {number(value, places=2)}",
                caption=window.caption or "No caption",
            )
            for place, (value, window) in _ends_and_between(ranked, page.study.examples)
        ]
        if clips:
            yield Example(caption="", title=page.systems[label].name, clips=clips)


def _rank(item: tuple[float, Window]) -> tuple[float, str]:
    return item[0], item[1].id


def _ends_and_between(ranked: Sequence[tuple[float, Window]], wanted: int) -> list[tuple[str, tuple[float, Window]]]:
    """The first, the last, and some evenly between them."""
    if wanted < 2 or len(ranked) < 2:
        return [("Middle", item) for item in spread(ranked, wanted)]
    count = min(wanted, len(ranked))
    places = [round(turn * (len(ranked) - 1) / (count - 1)) for turn in range(count)]
    names = ["Lowest", *(["Middle"] if count == 3 else ["Between"] * (count - 2)), "Highest"]
    return [(name, ranked[place]) for name, place in zip(names, places, strict=True)]


def _holdings(page: DatasetPage) -> Section | None:
    names = dict.fromkeys(name for sample in page.samples.values() for name in sample.holds)
    rows = [[name, *(sample.holds.get(name, "") for sample in page.samples.values())] for name in names]
    header = ["Property", *(system.name for system in page.systems.values())]
    table = plain_table("holdings", header, rows, label="Contents of the datasets", caption="Medians.")
    return page.section("holdings", table)


def _data_facts(page: DatasetPage) -> Iterator[Fact]:
    for label, sample in page.samples.items():
        name = sample.info["name"] or sample.info["kind"]
        yield Fact(page.systems[label].name, f"{name}; fingerprint {sample.info['fingerprint']}")


def _notes(page: DatasetPage) -> list[Text]:
    remarks = [note for note in page.evaluation.notes if note not in page.absent and "distance" not in note.lower()]
    measures, seed = measures_of(page.metrics), page.study.sample.seed
    return prose("dataset", measures=measures, seed=seed, absent=page.absent, remarks=remarks)
