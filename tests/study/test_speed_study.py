"""The runtime study: what it plans, what its report says, from one tiny run of each figure's kind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from counterpoint.bench.limits import known_devices
from counterpoint.bench.measure import OutOfMemory
from counterpoint.bench.point import Point
from counterpoint.bench.sweep import Measured
from counterpoint.claims.paper import paper_speed
from counterpoint.config import UserError, load_yaml
from counterpoint.report import Charts, Report, Table
from counterpoint.results.costs import Speed
from counterpoint.results.records import Provenance, StudyInfo
from counterpoint.results.schema import Results
from counterpoint.study import load_study
from counterpoint.study.kinds.speed import SpeedStudy
from counterpoint.study.pages.crossings import crossings, overtaking
from counterpoint.study.pages.speed import SHAPES
from counterpoint.study.run import run_study
from counterpoint.study.shipped import CONFIGS, find_study


def measured(label: str, *, batch: int, latency_s: float, engine: str = "fast", **size: object) -> Measured:
    """A point of the paper's shape, as if it had been measured on an A100."""
    kind = (
        {"paradigm": "autoregressive"}
        if label == "AR"
        else {"paradigm": "flow_matching", "steps": int(label.removeprefix("FM-"))}
    )
    point = Point.model_validate({**kind, "engine": engine, "batch": batch, "device": "cuda", "dtype": "bf16", **size})
    return Measured(point, "NVIDIA A100", latency_s, latency_s * 0.9, latency_s * 1.1, runs=3, evaluations=50)


def report(*points: Measured) -> Report:
    """The report of a study of Figure 5 that measured these on an A100."""
    study = load_study(find_study("fig5"), scale="paper")
    results = Results(
        study=StudyInfo(name="x", kind="speed", config={}),
        provenance=Provenance(steps={}, machine="a machine", versions={"counterpoint": "1.0"}),
        speed={"measure": Speed(points=points, limits=known_devices()["a100"])},
    )
    return study.report(results)


def charts(found: Report, name: str) -> Charts:
    blocks = next(section.blocks for section in found.sections if section.id == name)
    return next(block for block in blocks if isinstance(block, Charts))


def points_of(found: Report) -> list[list[str]]:
    table = next(section.blocks[0] for section in found.sections if section.id == "points")
    assert isinstance(table, Table)
    return [[row.label, *("".join(cell.text for cell in place) for place in row.places)] for row in table.rows]


@pytest.mark.parametrize("figure", SHAPES)
def test_shipped_studies_have_two_scales(figure: str) -> None:
    quick = load_study(find_study(figure))
    paper = load_study(find_study(figure), scale="paper")
    assert isinstance(quick, SpeedStudy) and isinstance(paper, SpeedStudy)
    assert (quick.figure, paper.figure) == (figure, figure)
    assert (quick.device, paper.device, paper.dtype) == ("cpu", "cuda", "bf16")
    assert paper.backbone.width == 1024 > quick.backbone.width
    assert {point.engine for point in quick.points()} == {"fast", "reference"}


def test_depths_are_the_papers() -> None:
    depth = {figure: load_study(find_study(figure), scale="paper").layers for figure in SHAPES}
    assert depth == {"fig5": (24,), "fig6": (2,), "fig7": (24,), "fig10": (2, 4, 8, 16, 24)}
    fig10 = load_study(find_study("fig10"), scale="paper")
    assert not fig10.captioned and fig10.greedy


def test_unknown_scales_are_named() -> None:
    with pytest.raises(UserError, match="quick, paper, debug"):
        load_study(find_study("fig5"), scale="huge")
    with pytest.raises(UserError, match="its scales are quick, debug"):
        load_study(CONFIGS / "quick.yaml", scale="paper")


def test_a_scale_changes_single_keys_of_a_group(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(
        "kind: speed\nfigure: fig5\nlayers: [2]\nbatches: [1]\ndurations_s: [1]\nsteps: [2]\n"
        "backbone: {width: 32, heads: 2}\nscales:\n  a:\n  b: {backbone: {width: 64}, batches: [9]}\n"
    )
    first, second = load_yaml(path, SpeedStudy), load_yaml(path, SpeedStudy, scale="b", overrides=["layers=[4]"])
    assert (first.backbone.width, first.batches) == (32, (1,))
    assert (second.backbone.width, second.backbone.heads, second.batches, second.layers) == (64, 2, (9,), (4,))


def test_it_needs_no_music() -> None:
    with pytest.raises(UserError, match="--data"):
        load_study(find_study("fig5")).plan(dataset=Path("anything"))


def test_a_gpu_that_is_not_here_is_known_at_once() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(UserError, match="CUDA"):
        load_study(find_study("fig5"), scale="paper").plan()


@pytest.mark.parametrize(
    ("figure", "sizes", "panels"),
    [
        ("fig5", ["steps=[1,50]"], 4),
        ("fig7", ["steps=[1]"], 2),
        ("fig10", ["steps=[1]"], 4),
    ],
)
def test_from_configuration_to_report(tmp_path: Path, figure: str, sizes: list[str], panels: int) -> None:
    overrides = ["repeats=1", *sizes]
    result = run_study(
        figure, out=tmp_path / "out", store=tmp_path / "store", overrides=overrides, scale="debug", say=lambda _: None
    )
    page = result.report.read_text()
    study = load_study(find_study(figure), overrides=overrides, scale="debug")
    assert isinstance(study, SpeedStudy)
    found = study.report(result.results)
    assert len(points_of(found)) == len(study.points())
    assert len(charts(found, "measured").charts) == panels
    for panel in charts(found, "measured").charts:
        kinds = [line.kind == "limit" for line in panel.lines]
        assert any(kinds) and not all(kinds)
    assert page.count("<svg") >= panels + 2
    assert "None" not in page
    assert {row[-3][-1] for row in points_of(found)} == {"%"}
    points = (tmp_path / "out" / "steps" / "measure" / "points.jsonl").read_text().splitlines()
    assert len(points) >= len(study.points())
    again = run_study(
        figure, out=tmp_path / "out", store=tmp_path / "store", overrides=overrides, scale="debug", say=lambda _: None
    )
    assert all(step.cached for step in again.steps.values())
    assert load_study(tmp_path / "out" / "study.yaml") == study


def test_the_paper_is_marked_where_its_size_was_measured() -> None:
    points = [measured(label, batch=batch, latency_s=10) for label in ("AR", "FM-50") for batch in (2, 256)]
    found = report(*points)
    here, elsewhere = (
        [
            {(point.name, point.x): point.y for line in chart.lines for point in line.points if point.name}
            for chart in charts(found, name).charts
        ]
        for name in ("measured", "elsewhere")
    )
    assert here[0] == {("paper, AR", 256): 6.5, ("paper, FM-50", 256): 3.5}
    assert [*here[1].values()] == [256 / 6.5, 256 / 3.5]
    assert {*elsewhere[0].values()} == {6.5, 3.5}
    assert not elsewhere[1]
    [small, _] = charts(report(measured("AR", batch=256, latency_s=1, duration_s=2.0)), "measured").charts
    assert not any(point.name for line in small.lines for point in line.points)


def test_crossings_over_the_batch() -> None:
    limits, paper = known_devices()["a100"], paper_speed()
    times = {"AR": (4, 4, 4, 5), "FM-50": (1, 3, 5, 20)}
    points = [
        measured(label, batch=batch, latency_s=seconds)
        for label, found in times.items()
        for batch, seconds in zip((1, 4, 16, 64), found, strict=True)
    ]
    header, row = crossings(points, over="batch", limits=limits, paper=paper)
    assert len(row) == len(header)
    assert row[1] == "from a batch of 16 on"
    assert row[2] == "–"
    assert row[3] == "from a batch of 2 on"
    assert row[-1] == "only beyond a batch of 64"
    sentences = overtaking(points, over="batch", limits=limits, paper=paper)
    assert "from a batch of 16 on with this package's engine" in sentences[0]
    always = [point for point in points if point.point.batch == 64]
    assert crossings(always, over="batch", limits=limits, paper=paper)[1][1] == "at every batch from 64 on"
    never = [point for point in points if point.point.batch == 1]
    assert crossings(never, over="batch", limits=limits, paper=paper)[1][1] == "at no batch up to 1"


def test_crossings_over_the_duration() -> None:
    limits, paper = known_devices()["h100"], paper_speed()
    times = {"AR": (1, 4, 16), "FM-50": (2, 5, 10)}
    points = [
        measured(label, batch=64, latency_s=seconds, duration_s=duration_s)
        for label, found in times.items()
        for duration_s, seconds in zip((5.0, 10.0, 20.0), found, strict=True)
    ]
    _, row = crossings(points, over="duration_s", limits=limits, paper=paper)
    assert row[1] == "up to 10 s"
    assert int(re.findall(r"\d+", row[3])[0]) > 60
    assert row[-1] == "up to 20 s"


def test_points_out_of_memory_are_shown_and_do_no_harm() -> None:
    failed = Measured(
        measured("AR", batch=256, latency_s=1).point,
        "NVIDIA A100",
        out_of_memory=OutOfMemory(2**40, 2**30, tried=False),
    )
    fine = [measured(label, batch=2, latency_s=1) for label in ("AR", "FM-50")]
    rows = points_of(report(*fine, failed))
    assert rows[-1][5] == "out of memory"
    assert len(rows) == 3
    assert "no point fits" in report(failed).verdict.sentence
