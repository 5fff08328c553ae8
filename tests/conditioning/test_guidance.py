"""Which passes guidance makes, and how it adds them up."""

import pytest
import torch

from counterpoint.analysis.tracks import NOT_GIVEN
from counterpoint.conditioning import Guidance, TextTokens, plan_guidance
from counterpoint.config import SamplingConfig


def text(*told):
    mask = torch.tensor([[flag, flag] for flag in told])
    return TextTokens(ids=torch.ones_like(mask, dtype=torch.long), mask=mask)


def tracks(*, given, batch=2):
    return torch.full((batch, 3, 5), 7 if given else NOT_GIVEN)


@pytest.mark.parametrize(
    "told, given, settings, weights",
    [
        (True, True, {"guidance": 3.0}, (3.0,)),
        (True, False, {"guidance": 3.0}, (3.0,)),
        (False, True, {"guidance": 3.0}, (3.0,)),
        (False, False, {"guidance": 3.0}, ()),
        (True, True, {"guidance": 1.0}, ()),
        (True, True, {"guidance": 2.0, "text_guidance": 1.5}, (2.0, 1.5)),
        (True, True, {"guidance": 1.0, "text_guidance": 1.5}, (1.0, 1.5)),
        (True, False, {"guidance": 2.0, "text_guidance": 1.5}, (3.5,)),  # the caption is all there is
        (False, True, {"guidance": 2.0, "text_guidance": 1.5}, (2.0,)),  # the caption is nothing
    ],
)
def test_only_the_passes_that_are_needed(told, given, settings, weights):
    plan = plan_guidance(text(told, False), controls=tracks(given=given), sampling=SamplingConfig(**settings))
    assert plan.weights == weights
    assert plan.passes == len(weights) + 1


def test_a_model_without_controls_is_guided_by_its_caption():
    assert plan_guidance(text(True), controls=None, sampling=SamplingConfig()).weights == (3.0,)


def test_two_passes_are_classifier_free_guidance():
    both = torch.tensor([[5.0], [1.0]])
    assert Guidance((3.0,)).combine(both).item() == 13.0  # u + c (cond - u)
    assert Guidance((0.0,)).combine(both).item() == 1.0
    assert torch.equal(Guidance().combine(both), both)


def test_three_passes_are_a_sum_whose_weights_sum_to_one():
    rows = torch.tensor([[5.0], [2.0], [1.0]])
    assert Guidance((2.0, 0.5)).combine(rows).item() == pytest.approx(2.0 * 5 + 0.5 * 2 - 1.5 * 1)
    assert Guidance((2.0, 0.5)).combine(torch.full((6, 4), 7.0)).eq(7.0).all()


def test_only_the_first_pass_is_told_the_controls():
    given = tracks(given=True)
    rows = Guidance((2.0, 0.5)).control_rows(given)
    assert torch.equal(rows[:2], given)
    assert rows[2:].eq(NOT_GIVEN).all() and len(rows) == 6
    assert torch.equal(Guidance().control_rows(given), given)
