"""A report of made-up numbers with every kind of block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from counterpoint.analysis.annotation import Annotation
from counterpoint.audio import save_audio
from counterpoint.metrics.base import Difference, MetricInfo, Score
from counterpoint.metrics.contrasts import Estimate
from counterpoint.report import (
    Cell,
    Chart,
    Charts,
    Clip,
    Column,
    Differences,
    Dots,
    Example,
    Fact,
    Facts,
    Line,
    Mark,
    Players,
    Point,
    Report,
    Row,
    Scores,
    Section,
    Spread,
    System,
    Table,
    Text,
    Timelines,
    Verdict,
)
from counterpoint.report.chart import loss_chart

TRICKY = 'Drums & bass <script>alert("1")</script>, 50% {slow}_'
SYSTEMS = (
    System(key="truth", name="Real music", what="The music itself.", mark=Mark(shape="triangle", colour="ink")),
    System(key="alpha", name="Alpha model", short="Alpha", what="One of two.", mark=Mark(colour="red")),
    System(key="beta", name="Beta model", short="Beta", what="The other.", mark=Mark(shape="diamond", colour="blue")),
)
DISTANCE = MetricInfo("fad_toy", "A distance", "", "lower", title="Distance to real music")
MATCH = MetricInfo("match_toy", "An agreement", "sd", "higher", chance=0.0, title="Match with the caption")
NOISE = MetricInfo("sig_noise", "Noisiness", "", "neither")
TARGET = Annotation(0.5, chords=((0.0, "C"), (0.25, "G")), notes=((0.0, 0.2, 60),), beats=((0.0, 1), (0.25, 2)))


def score(metric: MetricInfo, value: float, *, wide: float = 1.0, n: int = 8) -> Score:
    return Score(metric.name, value, value - wide, value + 2 * wide, n, metric.unit, metric.better)


SCORES = {
    DISTANCE.name: {system.key: score(DISTANCE, 10.0 * place + 1) for place, system in enumerate(SYSTEMS)},
    MATCH.name: {"truth": score(MATCH, 1.0, wide=0.2), "alpha": score(MATCH, 0.1, wide=0.2)},
    NOISE.name: {"alpha": score(NOISE, 0.01, wide=0.002)},
}
DIFFERENCES = (
    Difference(DISTANCE.name, "alpha", "beta", -10.0, -12.0, -8.0, 0.001, 0.002, 8, True, effect=0.8),
    Difference(MATCH.name, "alpha", "beta", 0.1, -0.2, 0.4, 0.5, 0.5, 8, True),
)


def examples(folder: Path, *, count: int = 2, span_s: tuple[float, float] | None = None) -> list[Example]:
    rng = np.random.default_rng(0)
    found = []
    for place in range(count):
        clips = []
        for system in SYSTEMS:
            file = folder / f"{place}-{system.key}.wav"
            save_audio(file, rng.normal(0, 0.1, 16_000).astype(np.float32), sample_rate=32_000)
            steered = Timelines(target=TARGET, detected=TARGET) if system.key == "alpha" and place == 1 else None
            clips.append(Clip(system=system, file=file, timelines=steered))
        found.append(Example(caption=TRICKY if place == 0 else "", clips=clips, span_s=span_s))
    return found


def paper_table() -> Table:
    return Table(
        name="paper",
        label="Beside the paper",
        columns=[Column.of(DISTANCE, over="Here"), Column(title="FAD", over="The paper", is_theirs=True)],
        rows=[
            Row(
                label="Alpha",
                group="25 Hz",
                mark=SYSTEMS[1].mark,
                places=[[Cell.of(Estimate(1, 0.5, 1.5), state="best")], []],
            ),
            Row(label="Beta", group="25 Hz", places=[[Cell.of(Estimate(2, 1.8, 2.2), what="a")], [Cell(text="0.42")]]),
            Row(label="The music", group="Floors", tone="floor", places=[[], [Cell(text="no", state="supported")]]),
        ],
        by="Frame rate",
        caption="Ours beside the paper's, by `fad_toy`.",
    )


def sections(folder: Path, *, count: int) -> list[Section]:
    curve = [Point(x=step, y=3.0 / step, low=2.0 / step, high=4.0 / step) for step in (1, 2, 4)]
    lines = [
        Line(name="Alpha", mark=SYSTEMS[1].mark, points=curve),
        Line(name="Beta", mark=SYSTEMS[2].mark, points=[Point(x=2, y=1.0, name="named", is_ringed=True)]),
        Line(name="limit", mark=Mark(), points=curve, kind="limit"),
    ]
    losses = [(step, 3.0 - 0.1 * step) for step in range(1, 9)]
    spreads = {DISTANCE.name: {"alpha": Spread(deviation=2.0, clips=[9.0, 11.0, 14.0])}}
    judged = Dots(systems=SYSTEMS, metrics=[DISTANCE, MATCH], scores=SCORES)
    table = Scores(name="scores", systems=SYSTEMS, metrics=[DISTANCE, MATCH, NOISE], scores=SCORES, subjects=["alpha"])
    tests = Differences(name="differences", systems=SYSTEMS, metrics=[DISTANCE, MATCH], differences=DIFFERENCES)
    size = Chart(title="By size", x_name="size", lines=lines, log=(True, True), exact="fad_toy", upright=3.0)
    loss = loss_chart("Alpha", SYSTEMS[1].mark, train=losses, valid=[(0, 3.1), (8, 2.3)], unit="nats")
    return [
        Section(id="scores", title="Scores", lead="Lower is better.", blocks=[judged, table]),
        Section(id="listen", title="Listen", blocks=[Players(id="listen", examples=examples(folder, count=count))]),
        Section(id="differences", title="Differences", blocks=[tests, paper_table()]),
        Section(
            id="curves",
            title="Curves",
            blocks=[
                Charts(charts=[size, loss], legend=[(SYSTEMS[1].mark, "Alpha")], note="Faint: each update."),
                Dots(systems=SYSTEMS, metrics=[DISTANCE], scores=SCORES, spreads=spreads, shown={"fad_toy": ["alpha"]}),
            ],
            is_folded=True,
        ),
        Section(
            id="methods",
            title="Methods",
            blocks=[
                Facts(facts=[Fact("Data", "two clips", "few")], systems=SYSTEMS),
                Text(title="Limits", paragraphs=["Judged by fad_toy; see `--help`."], items=["One."], code="make it"),
            ],
        ),
    ]


@pytest.fixture(scope="session")
def make_report() -> Callable[..., Report]:
    """A function from a folder for clips to a report with every kind of block; its fields can be replaced."""

    def make(folder: Path, *, count: int = 2, **changes: object) -> Report:
        report = Report(
            title="Alpha or beta?",
            name="tiny",
            made="1 January 2026",
            verdict=Verdict("On this data, alpha is nearer, by fad_toy.", ["A point."], ["Neither follows."]),
            facts=[Fact("Music", "2 clips")],
            sections=sections(folder, count=count),
            command="counterpoint study run tiny",
            files={"study.yaml": "steps: 1\n"},
            terms=["fad_toy", "match_toy"],
        )
        return replace(report, **changes)  # pyright: ignore[reportArgumentType]

    return make
