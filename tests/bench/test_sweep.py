"""Sweeps: interleaved, resumable, honest about disturbed runs and memory."""

import json

import pytest
import torch

from counterpoint.bench import measure
from counterpoint.bench.machine import Busy
from counterpoint.bench.measure import Bench, OutOfMemory, Run
from counterpoint.bench.point import Point
from counterpoint.bench.sweep import read_points, sweep
from counterpoint.config import BackboneConfig, UserError
from counterpoint.config.machine import cores

TINY = BackboneConfig(layers=2, width=32, heads=2, feed_forward=64)
POINTS = [
    Point(paradigm=paradigm, engine=engine, backbone=TINY, batch=2, duration_s=0.1, steps=2)
    for paradigm in ("autoregressive", "flow_matching")
    for engine in ("fast", "reference")
]


@pytest.fixture
def scripted(monkeypatch):
    """Runs come from a list instead of models; what was asked for is noted."""
    asked, answers = [], []

    def run(self, point):
        asked.append(point)
        return answers.pop(0) if answers else Run(1.0, 100, 0.0, 5)

    monkeypatch.setattr(Bench, "run", run)
    return asked, answers


def test_points_are_measured_by_both_engines(tmp_path):
    found = sweep(POINTS, out=tmp_path / "points.jsonl", repeats=1)
    assert [each.point for each in found] == POINTS
    for each in found:
        assert each.latency_s > 0
        assert each.throughput == pytest.approx(2 / each.latency_s)
        assert each.evaluations == (8 if each.point.paradigm == "autoregressive" else 2)
        assert each.low_s <= each.latency_s <= each.high_s


@pytest.mark.parametrize("options", [{"captioned": False, "greedy": True}, {"solver": "dopri5"}, {"dtype": "fp16"}])
def test_other_settings_run(options):
    bench = Bench()
    for point in POINTS[:: 1 if "dtype" not in options else 2]:
        assert isinstance(bench.run(point.model_copy(update=options)), Run)


@pytest.mark.parametrize("point", POINTS)
def test_half_precision_draws_as_on_a_gpu(point):
    """The same code on a CPU, where every kind of number is served, if slowly."""
    model = measure.build(point.model_copy(update={"engine": "reference"})).to(torch.bfloat16)
    if point.paradigm == "flow_matching":
        model.time.float()
    drawn = measure.draw(model, point)
    if drawn.codes is None:
        assert drawn.latents.dtype == torch.float32
        assert drawn.latents.isfinite().all()
    else:
        assert drawn.codes.max() < 2048


def test_repeats_are_interleaved_and_medians_taken(tmp_path, scripted):
    asked, answers = scripted
    answers += [Run(seconds, None, None, 5) for seconds in (1.0, 5.0, 3.0, 7.0, 2.0, 6.0)]
    found = sweep(POINTS[:2], out=tmp_path / "a.jsonl", repeats=3)
    assert asked == POINTS[:2] * 3
    assert [each.latency_s for each in found] == [2.0, 6.0]
    assert (found[0].low_s, found[0].high_s) == (1.5, 2.5)
    assert found[0].peak_bytes is None


def test_disturbed_runs_are_marked_and_repeated(tmp_path, scripted):
    asked, answers = scripted
    answers += [Run(9.0, 1, 0.5, 5), Run(1.0, 1, 0.0, 5), Run(8.0, 1, 0.3, 5), Run(1.2, 1, 0.01, 5)]
    (found,) = sweep(POINTS[:1], out=tmp_path / "a.jsonl", repeats=2)
    assert len(asked) == 4
    assert (found.latency_s, found.runs, found.disturbed, found.is_clean) == (1.1, 2, 2, True)


def test_where_every_run_is_disturbed_all_count_and_it_is_said(tmp_path, scripted):
    asked, answers = scripted
    answers += [Run(9.0, 1, 0.5, 5)] * 9
    (found,) = sweep(POINTS[:1], out=tmp_path / "a.jsonl", repeats=2)
    assert len(asked) == 4
    assert (found.runs, found.is_clean) == (4, False)


def test_long_points_are_run_once(tmp_path, scripted):
    asked, answers = scripted
    answers += [Run(99.0, 1, 0.0, 5)]
    sweep(POINTS[:1], out=tmp_path / "a.jsonl", repeats=3, long_s=15)
    assert len(asked) == 1


def test_a_sweep_goes_on_where_it_was(tmp_path, scripted):
    asked, _ = scripted
    path = tmp_path / "a.jsonl"
    sweep(POINTS[:2], out=path, repeats=2)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1]) + "\n" + lines[-1][:30])  # killed while it wrote
    asked.clear()
    found = sweep(POINTS[:3], out=path, repeats=2)
    assert asked == [POINTS[1], POINTS[2], POINTS[2]]
    assert [each.runs for each in found] == [2, 2, 2]
    assert len(read_points(path)) == 3


def test_another_version_of_torch_is_measured_anew(tmp_path, scripted, monkeypatch):
    asked, _ = scripted
    path = tmp_path / "a.jsonl"
    sweep(POINTS[:1], out=path, repeats=1)
    monkeypatch.setattr(torch, "__version__", "99.0")
    sweep(POINTS[:1], out=path, repeats=1)
    assert len(asked) == 2
    assert json.loads(path.read_text().splitlines()[1])["torch"] == "99.0"


def test_what_does_not_fit_is_recorded_and_the_sweep_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "free_bytes", lambda device: 10_000)
    points = [POINTS[0], POINTS[2]]
    path = tmp_path / "a.jsonl"
    found = sweep(points, out=path, repeats=2)
    assert all(each.out_of_memory is not None and not each.out_of_memory.tried for each in found)
    assert found[0].out_of_memory.planned > 10_000 == found[0].out_of_memory.free
    assert len(path.read_text().splitlines()) == 2
    monkeypatch.undo()
    monkeypatch.setattr(Bench, "run", lambda self, point: pytest.fail("it is known not to fit"))
    sweep(points, out=path, repeats=2)


def test_running_out_of_memory_is_caught_and_other_errors_are_not(monkeypatch):
    def fails(error):
        def draw(model, point):
            raise error

        return draw

    monkeypatch.setattr(measure, "draw", fails(torch.OutOfMemoryError("CUDA out of memory")))
    found = Bench().run(POINTS[0])
    assert isinstance(found, OutOfMemory)
    assert found.tried and 0 < found.planned < found.free
    monkeypatch.setattr(measure, "draw", fails(RuntimeError("DefaultCPUAllocator: can't allocate memory")))
    assert isinstance(Bench().run(POINTS[0]), OutOfMemory)
    monkeypatch.setattr(measure, "draw", fails(RuntimeError("a mistake")))
    with pytest.raises(RuntimeError, match="a mistake"):
        Bench().run(POINTS[0])


def test_processor_time_of_others():
    start, end = Busy(machine=100.0, own=10.0, wall=0.0), Busy(machine=103.0, own=12.0, wall=2.0)
    assert end.foreign_since(start) == pytest.approx(1.0 / (2.0 * cores()))
    assert Busy(machine=102.01, own=12.0, wall=2.0).foreign_since(start) == 0.0
    assert Busy(machine=None, own=0.0, wall=0.0).foreign_since(start) is None
    assert Run(1.0, None, 0.2, 1).disturbed and not Run(1.0, None, 0.02, 1).disturbed
    assert not Run(1.0, None, None, 1).disturbed


def test_a_device_that_is_not_here():
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(UserError, match="CUDA"):
        sweep([POINTS[0].model_copy(update={"device": "cuda", "dtype": "bf16"})], out=None, repeats=1)
    with pytest.raises(UserError, match="repeats"):
        sweep(POINTS, out=None, repeats=0)
