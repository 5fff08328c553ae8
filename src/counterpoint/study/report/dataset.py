"""The report of a study of datasets: the folders of its steps to a page."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

from counterpoint.report.numbers import decimals, duration, interval, number
from counterpoint.study.paper import paper_scores
from counterpoint.study.report.charts import WIDTH, Axis, mark, svg
from counterpoint.study.report.content import (
    Cell,
    CellRow,
    CellTable,
    Compared,
    Example,
    Fact,
    Metric,
    Note,
    System,
    Verdict,
)
from counterpoint.study.report.machine import machine_facts
from counterpoint.study.report.page import Player, write_page, write_players
from counterpoint.study.report.read import Folders, read_difference, read_metrics, read_scores
from counterpoint.study.report.tables import Table, cells_table, metric_heading, to_csv
from counterpoint.study.report.verdict import judge
from counterpoint.study.windows import spread

STYLES = 6
"""Marks that the style sheet has for lines of which none is more than the others; a seventh takes the first again."""
COMPOSED = "composed"
OURS = {"ce": "ce_audiobox", "pq": "pq_audiobox", "clap": "clap_laion"}
"""The paper's measures, by its names, as they are called here."""
EXTRA = "tag_match_musicnn"
PRIMARY = ("clap_laion", EXTRA, "ce_audiobox")
"""The first that is there orders the examples and makes the first sentence."""
_ABSENT = "needs weights that are not here"


@dataclass(frozen=True)
class Spread:
    """One measure of a dataset's clips.

    Attributes:
        mean, low, high: with a 95% interval.
        deviation: standard, between clips.
        values: of the clips that have one.
    """

    mean: float
    low: float
    high: float
    deviation: float
    values: Sequence[float]

    @property
    def text(self) -> str:
        """`7.23 ± 0.57`."""
        digits = 3 if f"{self.deviation:e}".startswith("1") else 2  # 1.02 as exactly as 0.94
        places = decimals(self.deviation, digits=digits) if self.deviation > 0 else decimals(self.mean)
        places = min(places, 4)
        return f"{number(self.mean, places=places)} ± {number(self.deviation, places=places)}"


@dataclass(frozen=True, kw_only=True)
class DatasetContent(Compared):
    """All that the report of a study of datasets says.

    Attributes:
        spreads: by metric, then dataset.
        paper: its table with ours below.
        source: of the paper's numbers.
        holdings: what each dataset holds, a row a property.
        told: of each example, what it is an example of.
        ordered_by: the metric that examples are ordered by.
    """

    spreads: Mapping[str, Mapping[str, Spread]]
    paper: CellTable
    source: str
    holdings: Table
    told: Sequence[str]
    ordered_by: str


def write_dataset_report(
    content: DatasetContent, out: Path, *, progress: Callable[[int, int], None] | None = None
) -> Path:
    """Write the report into `out`; returns its `index.html`."""
    from markupsafe import Markup

    players = write_players(content, out, wanted=lambda number, key: True, progress=progress)
    groups: dict[str, list[Player]] = {}
    for (index, key), player in players.items():
        groups.setdefault(key, []).append(
            replace(player, name=content.told[index], short=content.examples[index].caption)
        )
    table = measures_table(content)
    return write_page(
        content,
        out,
        template="dataset.html",
        tables={"measures": table, "paper": cells_table(content.paper), "holdings": content.holdings},
        csv={"measures": measures_csv(content)},
        groups=groups,
        chart=lambda metric: Markup(spread_chart(metric, content.spreads[metric.key], content.systems)),
    )


def assemble_datasets(
    folders: Folders, *, labels: Sequence[str], name: str, study: Mapping[str, Any], study_yaml: str, own_data: bool
) -> DatasetContent:
    """Everything the report says.

    Args:
        labels: of the datasets, in the order of the study.
        study: the configuration, plain.
        study_yaml: the same, as a file that `study run` takes.
        own_data: one dataset was given beside the study's.
    """
    evaluation = folders.json("judge", "evaluation.json")
    absent = [note for note in evaluation["notes"] if note.startswith("Absent")]
    samples = {label: folders.json(f"sample_{label}", "sample.json") for label in labels}
    spreads = read_spreads(evaluation)
    scores = {metric: found for metric, found in read_scores(evaluation).items() if metric in spreads}
    metrics = read_metrics(evaluation, spreads)
    systems = [_system(label, samples[label], index) for index, label in enumerate(labels)]
    primary = next((key for key in PRIMARY if key in spreads), metrics[0].key)
    differences = [item for item in map(read_difference, evaluation["differences"]) if item.metric in spreads]
    examples, told = _examples(folders, samples, evaluation, by=primary, wanted=study["examples"])
    paper = paper_scores("appendix_a")
    content = DatasetContent(
        name=name,
        made=time.strftime("%-d %B %Y"),
        headline_facts=[
            Fact("Datasets", str(len(labels))),
            Fact("Clips of each", f"{_counts(samples)} of {study['sample']['duration_s']:g} s, drawn at random"),
            Fact("Time, everything", duration(sum(folders.record(step).get("seconds", 0) for step in folders.paths))),
        ],
        systems=systems,
        metrics=metrics,
        scores=scores,
        examples=examples,
        facts=[*(_data_fact(systems[i], samples[label]) for i, label in enumerate(labels)), *machine_facts()],
        notes=_notes(evaluation, absent, metrics, seed=study["sample"]["seed"]),
        command=f"counterpoint study run study.yaml{' --data DATASET' if own_data else ''}",
        files={"study.yaml": study_yaml},
        verdict=Verdict("", ()),
        differences=differences,
        spreads=spreads,
        paper=_beside_paper(spreads, metrics, systems),
        source=f"{paper.source}: {paper.where}. {paper.about}",
        holdings=_holdings(samples, systems),
        told=told,
        ordered_by=primary,
    )
    return replace(content, verdict=_verdict(content, primary=primary, absent=absent))


def read_spreads(evaluation: Mapping[str, Any]) -> dict[str, dict[str, Spread]]:
    """By metric, then dataset: of every metric that has a value for a single clip."""
    found: dict[str, dict[str, Spread]] = {}
    for info in evaluation["metrics"]:
        for label, scores in evaluation["scores"].items():
            score = scores.get(info["name"])
            values = [value for value in (score or {}).get("per_clip") or () if value is not None]
            if score is not None and len(values) > 1:
                spread_ = Spread(score["value"], score["low"], score["high"], statistics.stdev(values), values)
                found.setdefault(info["name"], {})[label] = spread_
    return found


def spread_chart(metric: Metric, spreads: Mapping[str, Spread], systems: Sequence[System]) -> str:
    """A row a dataset: every clip a faint mark, a bar of one deviation to either side, the mean with its interval."""
    rows = [(system, spreads[system.key]) for system in systems if system.key in spreads]
    labels = min(190.0, max(70.0, 6 + 7.4 * max(len(system.short) for system, _ in rows)))
    values = [value for _, found in rows for value in found.values]
    margin = 0.05 * (max(values) - min(values) or 1.0)
    axis, height = Axis(min(values) - margin, max(values) + margin, labels + 10, WIDTH - 10), 34
    bottom, parts = 8 + height * len(rows), []
    ticks = axis.ticks()
    places = decimals(ticks[1] - ticks[0], digits=1) if len(ticks) > 1 else 2
    for tick in ticks:
        x = axis(tick)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{bottom}"/>')
        text = number(tick, places=places)
        parts.append(f'<text class="tick" x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">{text}</text>')
    for index, (system, found) in enumerate(rows):
        parts.append(_row(system, found, axis, labels=labels, y=8 + height * (index + 0.5)))
    label = f"{metric.key}: " + "; ".join(f"{system.name} {found.text}" for system, found in rows)
    return svg(bottom + 20, parts, label=label)


def _row(system: System, found: Spread, axis: Axis, *, labels: float, y: float) -> str:
    left, right = (axis(found.mean + side * found.deviation) for side in (-1, 1))
    # Golden-ratio steps spread the marks over the row without a draw.
    clips = "".join(
        f'<circle class="clip" cx="{axis(value):.1f}" cy="{y - 9 + 18 * (index * 0.618 % 1):.1f}" r="1.6"/>'
        for index, value in enumerate(found.values)
    )
    title = f"{system.name}: {found.text}, mean {interval(found.mean, found.low, found.high)}, n = {len(found.values)}"
    return (
        f'<g class="mark s-{system.look}"><title>{escape(title)}</title>'
        f'<text class="row" x="{labels:.0f}" y="{y + 4:.1f}" text-anchor="end">{escape(system.short)}</text>{clips}'
        f'<rect class="spread" x="{left:.1f}" y="{y - 10:.1f}" width="{right - left:.1f}" height="20"/>'
        f'<line class="whisker" x1="{axis(found.low):.1f}" x2="{axis(found.high):.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f"{mark(system.look, axis(found.mean), y)}</g>"
    )


def measures_table(content: DatasetContent) -> Table:
    """A row a measure, a column a dataset."""
    rows = [
        [
            metric_heading(metric),
            *(_measured(content.spreads[metric.key].get(system.key)) for system in content.systems),
        ]
        for metric in content.metrics
    ]
    caption = "Mean ± standard deviation between clips, and the mean's 95% interval; arrows point to what is better."
    return Table(caption, ["Measure", *(system.name for system in content.systems)], rows)


def measures_csv(content: DatasetContent) -> str:
    """One line a measure of a dataset, with full precision."""
    rows = [
        [system.key, metric.key, metric.better, found.mean, found.deviation, found.low, found.high, len(found.values)]
        for system in content.systems
        for metric in content.metrics
        if (found := content.spreads[metric.key].get(system.key))
    ]
    return to_csv([["dataset", "metric", "better", "mean", "deviation", "low_95", "high_95", "n"], *rows])


def _measured(found: Spread | None) -> str:
    return "–" if found is None else f"{found.text} {interval(found.mean, found.low, found.high).split(' ', 1)[1]}"


def _system(label: str, sample: Mapping[str, Any], index: int) -> System:
    name = "Embedded corpus" if label == COMPOSED else label
    rows = len({window["row"] for window in sample["judged"]})
    what = f"{len(sample['judged'])} windows of {sample['duration_s']:g} s from {rows} of its tracks, drawn at random."
    return System(label, name, name if len(name) <= 22 else f"{name[:21]}…", what, style=f"line-{index % STYLES}")


def _counts(samples: Mapping[str, Any]) -> str:
    counts = sorted({len(sample["judged"]) for sample in samples.values()})
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def _data_fact(system: System, sample: Mapping[str, Any]) -> Fact:
    info = sample["info"]
    return Fact(system.name, f"{info['name'] or info['kind']}; fingerprint {info['fingerprint']}")


def _holdings(samples: Mapping[str, Any], systems: Sequence[System]) -> Table:
    names = dict.fromkeys(name for sample in samples.values() for name in sample["holds"])
    rows = [[name, *(samples[system.key]["holds"].get(name, "–") for system in systems)] for name in names]
    return Table("What the datasets hold; medians.", ["", *(system.name for system in systems)], rows)


def _examples(
    folders: Folders, samples: Mapping[str, Any], evaluation: Mapping[str, Any], *, by: str, wanted: int
) -> tuple[list[Example], list[str]]:
    """Of each dataset clips from the lowest to the highest of a measure, with that said of each."""
    examples, told = [], []
    for label, sample in samples.items():
        values = evaluation["scores"][label].get(by, {}).get("per_clip") or [None] * len(sample["judged"])
        order = dict(zip(evaluation["ids"][label], values, strict=False))
        known = [(order.get(f"{label}-{window['id']}"), window) for window in sample["judged"]]
        ranked = sorted(((value, window["id"], window) for value, window in known if value is not None), key=_rank)
        for place, (value, _, window) in _ends_and_between(ranked, wanted):
            clip = folders.paths[f"sample_{label}"] / "clips" / f"{window['id']}.wav"
            examples.append(Example(f"{label}-{window['id']}", window["caption"], {label: clip}))
            told.append(f"{place}: {number(value, places=2)}")
    return examples, told


def _rank(item: tuple[float, str, Any]) -> tuple[float, str]:
    return item[:2]


def _ends_and_between(ranked: Sequence[Any], wanted: int) -> list[tuple[str, Any]]:
    """The first, the last, and some evenly between them."""
    if wanted < 2 or len(ranked) < 2:
        return [("Middle", item) for item in spread(ranked, wanted)]
    count = min(wanted, len(ranked))
    places = [round(turn * (len(ranked) - 1) / (count - 1)) for turn in range(count)]
    names = ["Lowest", *(["Middle"] if count == 3 else ["Between"] * (count - 2)), "Highest"]
    return [(name, ranked[place]) for name, place in zip(names, places, strict=True)]


def _beside_paper(
    spreads: Mapping[str, Mapping[str, Spread]], metrics: Sequence[Metric], systems: Sequence[System]
) -> CellTable:
    """The paper's rows, then ours; a measure of ours that the paper lacks stands last."""
    known = {metric.key: metric for metric in metrics}
    columns = [(known.get(ours, Metric(ours, "higher", _ABSENT)), theirs.upper()) for theirs, ours in OURS.items()]
    columns += [(known[EXTRA], "")] if EXTRA in known else []
    rows = []
    for row in paper_scores("appendix_a").rows:
        cells = [[Cell(f"{row.scores[name]:.2f} ± {row.scores[f'{name}_sd']:.2f}")] for name in OURS]
        rows.append(CellRow(f"{row.name}, the paper", "", [*cells, *[()] * (len(columns) - len(cells))], is_ours=False))
    for system in systems:
        cells = [_cell(spreads.get(metric.key, {}).get(system.key)) for metric, _ in columns]
        rows.append(CellRow(system.name, system.key, cells))
    lead = "Mean ± standard deviation between clips; ours with the mean's 95% interval."
    return CellTable("Beside the paper", lead, columns, rows)


def _cell(found: Spread | None) -> list[Cell]:
    if found is None:
        return []
    return [Cell(found.text, interval(found.mean, found.low, found.high).split(" ", 1)[1])]


def _verdict(content: DatasetContent, *, primary: str, absent: Sequence[str]) -> Verdict:
    """What captions are worth, then how the later datasets stand against the first."""
    first, *rest = content.systems
    own, metric = content.spreads[primary], content.metric(primary)
    told = ", ".join(f"{system.name} {own[system.key].text}" for system in content.systems if system.key in own)
    apart = [item for item in content.differences if item.metric == primary and judge(item, metric) != "open"]
    if not rest:
        found = own[first.key]
        sentence = f"{first.name}: {primary} is {found.text} between clips{_above_chance(metric, found)}."
    elif apart:
        sentence = f"The datasets differ in {primary}: {told}."
    else:
        sentence = f"No difference in {primary} is shown: {told}."
    points = [_against(first, system, content) for system in rest]
    if any(ours not in content.spreads for ours in OURS.values()):
        points.append(f"Not all of the paper's CE, PQ and CLAP could be measured. {' '.join(absent)}".strip())
    return Verdict(sentence.replace(" ± ", "\u00a0±\u00a0"), points)


def _against(first: System, system: System, content: DatasetContent) -> str:
    """What tests say of a dataset and the first."""
    outcomes: dict[str, list[str]] = {}
    for item in content.differences:
        if item.first == system.key:
            outcomes.setdefault(judge(item, content.metric(item.metric)), []).append(item.metric)
    words = {"first": "better in", "second": "worse in"}
    said = [f"{words[outcome]} {', '.join(outcomes[outcome])}" for outcome in words if outcome in outcomes]
    return f"{system.name} against {first.name}: {' and '.join(said) or 'no difference shown by any judge'}."


def _above_chance(metric: Metric, found: Spread) -> str:
    if metric.chance is None:
        return ""
    clear = found.low > metric.chance
    return f", {'clearly above' if clear else 'not clearly above'} the {metric.chance:g} of another clip's caption"


def _notes(evaluation: Mapping[str, Any], absent: Sequence[str], metrics: Sequence[Metric], *, seed: int) -> list[Note]:
    remarks = [note for note in evaluation["notes"] if note not in absent and "distance" not in note.lower()]
    return [
        Note("The measures", "\n".join(f"{metric.key}: {metric.what}" for metric in metrics)),
        Note(
            "The sample",
            f"Rows of all splits are drawn at random without replacement (seed {seed}), a window of each, and a second "
            "of any only where there are too few rows. A window is the middle of its row, or of an equal part of it. "
            "As many further windows, of other rows where there are any, tell the judges what is usual: "
            "tag_match_musicnn is in units of their spread, over all datasets of this study, so that its values "
            "compare within a study and not between two.",
        ),
        Note(
            "Deviations and intervals",
            "The deviation is between clips, as in the paper, and does not shrink with more of them. The interval is "
            "the mean's, of 95%, from half samples (delete-half jackknife); windows of one group are drawn together. "
            "Differences between datasets are tested by permutation, with Holm's correction.",
        ),
        Note(
            "Loudness",
            "Every clip is brought to -20 dBFS (RMS), its peak below full scale, before it is judged and before it is "
            "heard here; only sig_loudness looks at the level as it was.",
        ),
        *([Note("Absent", "\n".join(absent))] if absent else []),
        *([Note("Remarks of the judges", "\n".join(remarks))] if remarks else []),
    ]
