"""Rooflines against the numbers of the design, and their limits; devices' ceilings."""

import json

import pytest

from counterpoint.bench.limits import Limits, device_limits, known_devices, load_limits
from counterpoint.bench.point import Point
from counterpoint.bench.roofline import crossover_batch, crossover_duration, memory_needed, predict
from counterpoint.bench.run import find_limits, make_points
from counterpoint.config import UserError

KNOWN = known_devices()


def point(device, *, paradigm="autoregressive", **kwargs):
    kind = KNOWN[device].kind
    return Point(paradigm=paradigm, device=kind, dtype="fp32" if kind == "cpu" else "bf16", **kwargs)


@pytest.mark.parametrize(
    ("device", "clips", "flow"),
    [
        ("a100", {1: 4.4, 8: 24, 64: 53, 256: 61}, 5.4),
        ("h100", {1: 7.7, 8: 42, 64: 93, 256: 107}, 20),
        ("two-cores", {1: 1 / (503 * 0.062), 8: 8 / (503 * 0.096)}, 1 / 330),
    ],
)
def test_the_table_of_the_design(device, clips, flow):
    for batch, expected in clips.items():
        found = predict(point(device, batch=batch), limits=KNOWN[device])
        assert found.throughput == pytest.approx(expected, rel=0.1)
    for batch in (1, 64):
        found = predict(point(device, paradigm="flow_matching", batch=batch), limits=KNOWN[device])
        assert found.throughput == pytest.approx(flow, rel=0.1)
        assert found.bound == "arithmetic"


@pytest.mark.parametrize(
    ("device", "floor_s", "batches"),
    [("a100", 0, (2, 3)), ("h100", 0, (3, 4)), ("h100", 0.75e-3, (8,)), ("two-cores", 0, (1,))],
)
def test_crossover_batches_of_the_design(device, floor_s, batches):
    flow = point(device, paradigm="flow_matching")
    found = crossover_batch(flow, rival="autoregressive", limits=KNOWN[device], floor_s=floor_s)
    assert found in batches
    rates = [
        [
            predict(of, limits=KNOWN[device], floor_s=floor_s).throughput
            for of in (flow.model_copy(update={"batch": batch}), point(device, batch=batch))
        ]
        for batch in (found, max(1, found - 1))
    ]
    assert rates[0][1] >= rates[0][0]
    assert found == 1 or rates[1][1] < rates[1][0]


def test_crossover_duration_is_where_the_order_turns():
    flow = point("h100", paradigm="flow_matching", batch=64)
    seconds = crossover_duration(flow, rival="autoregressive", limits=KNOWN["h100"])
    assert 60 < seconds < 120

    def faster(duration_s):
        here = {"batch": 64, "duration_s": duration_s}
        ours, theirs = (predict(of.model_copy(update=here), limits=KNOWN["h100"]) for of in (point("h100"), flow))
        return ours.latency_s <= theirs.latency_s

    assert faster(seconds - 1)
    assert not faster(seconds)


def test_what_bounds_a_pass():
    assert predict(point("h100"), limits=KNOWN["h100"]).bound == "memory"
    slow = predict(point("h100"), limits=KNOWN["h100"], floor_s=1e-3)
    assert slow.bound == "launch"
    assert slow.latency_s == pytest.approx(0.503)
    assert slow.pass_s == pytest.approx(1e-3)
    assert predict(point("h100"), limits=KNOWN["h100"]).fits
    assert not predict(point("h100", batch=256, duration_s=60), limits=KNOWN["h100"]).fits
    assert memory_needed(point("h100")) > 0.8e9


def test_evaluations_may_be_known_from_a_measurement():
    flow = point("h100", paradigm="flow_matching", solver="dopri5")
    one = predict(flow, limits=KNOWN["h100"], evaluations=1).latency_s
    assert predict(flow, limits=KNOWN["h100"], evaluations=70).latency_s == pytest.approx(70 * one)


def test_points_are_all_combinations_with_steps_of_flow_matching_alone():
    points = make_points(batches=(1, 2), layers=(2, 4), steps=(10, "dopri5"), engines=("fast", "reference"))
    assert len(points) == len(set(points)) == 2 * 2 * 2 * 3
    assert {found.label for found in points} == {"AR", "FM-10", "FM-dopri5"}
    assert {found.backbone.layers for found in points} == {2, 4}


@pytest.mark.parametrize(
    "options",
    [
        {"batches": (0,)},
        {"steps": (0,)},
        {"durations_s": (0,)},
        {"backbone": "huge"},
        {"layers": (0,)},
        {"dtype": "int8", "engines": ("reference",)},
        {"dtype": "int8", "device": "cuda"},
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(options):
    with pytest.raises(UserError) as error:
        make_points(**options)
    assert "\n" not in str(error.value)


def test_unknown_devices_and_formats():
    with pytest.raises(UserError, match="h100"):
        find_limits("b9000")
    with pytest.raises(UserError, match="int8"):
        KNOWN["h100"].rate("int8")


def test_measured_ceilings_are_kept_for_their_device(tmp_path, monkeypatch):
    from counterpoint.bench import limits

    path = tmp_path / "limits.json"
    monkeypatch.setattr(limits, "PATIENCE_S", 0.01)
    measured = device_limits(path, device="cpu")
    found = measured.model_copy(update={"foreign": 0.0})
    path.write_text(found.model_dump_json())
    assert found.kind == "cpu"
    assert 1e9 < found.flops["fp32"] < 1e14
    assert 1e9 < found.bandwidth < 1e13
    assert load_limits(path) == find_limits(str(path)) == found
    monkeypatch.setattr(limits, "measure_limits", lambda device: pytest.fail("they are known"))
    assert device_limits(path, device="cpu") == found
    disturbed = {**found.model_dump(), "foreign": 0.5, "bandwidth": 9e99}
    path.write_text(json.dumps(disturbed))
    monkeypatch.setattr(limits, "measure_limits", lambda device: found)
    assert device_limits(path, device="cpu") == found.model_copy(update={"bandwidth": 9e99})
    path.write_text(json.dumps({**found.model_dump(), "name": "another"}))
    monkeypatch.setattr(limits, "measure_limits", lambda device: Limits(**{**found.model_dump(), "bandwidth": 1.0}))
    assert device_limits(path, device="cpu").bandwidth == 1.0
