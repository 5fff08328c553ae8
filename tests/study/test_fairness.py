"""What models were given is summed over all trainings behind them, and what differs is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from counterpoint.results.fairness import side_by_side, unequal
from counterpoint.results.records import StepRecord
from counterpoint.results.schema import Results

AR, FM, TEXT = "inpaint_autoregressive", "inpaint_flow_matching", "train_flow_matching"


@pytest.fixture
def table4(fabricate_inpainting: Callable[..., Results], tmp_path: Path) -> Results:
    """As at quick scale: flow matching begins with its text model, auto-regression from scratch."""
    results = fabricate_inpainting(tmp_path, clips=False, text_model=False)
    records = {
        name: StepRecord(
            name=name,
            function="train",
            version=1,
            inputs={"start": f"key-{TEXT}"} if name == FM else {},
            key=f"key-{name}",
            code="",
            package="",
            finished=1.0,
            seconds=1.0,
        )
        for name in results.models
    }
    provenance = results.provenance.model_copy(update={"steps": records})
    return results.model_copy(update={"provenance": provenance})


def test_the_updates_behind_a_start_count_and_are_told_to_be_unequal(table4: Results) -> None:
    given = {each.step: each for each in side_by_side(table4)}
    assert (given[AR].updates, given[FM].updates, given[TEXT].updates) == (300, 600, 300)
    assert given[FM].start and not given[AR].start
    assert given[FM].flops is not None and given[TEXT].flops is not None and given[FM].flops > 1.9 * given[TEXT].flops
    found = unequal([given[AR], given[FM]])
    assert {"updates", "examples", "FLOPs of training", "time in updates", "starting point"} <= set(found)
    assert "parameters" not in found


def test_five_per_cent_are_no_difference(table4: Results) -> None:
    one = side_by_side(table4)[0]
    assert unequal([one, replace(one, parameters=round(1.04 * one.parameters))]) == []
    assert unequal([one, replace(one, parameters=round(1.06 * one.parameters))]) == ["parameters"]
    assert unequal([one, replace(one, trials=12)]) == ["settings of the sampler tried"]


def test_what_the_axes_of_a_grid_set_may_differ_between_its_places(table4: Results) -> None:
    one = replace(side_by_side(table4)[0], place=("scratch",))
    other = replace(one, place=("finetuned",), updates=2 * one.updates, start="a model")
    assert unequal([one, one, other, other]) == []
    assert unequal([one, one, other, replace(other, start="")]) == ["starting point"]
