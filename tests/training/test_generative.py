import math

import pytest
import torch
from accelerate import Accelerator

from counterpoint.config import UserError
from counterpoint.paradigm import build_paradigm
from counterpoint.training.generative import GenerativeStep, calibration_frames
from counterpoint.training.optimization import Ema

PARADIGMS = ["autoregressive", "flow_matching"]


class Processes:
    """An Accelerator that says how many processes there are, and is alone."""

    def __init__(self, count: int):
        self.num_processes, self.process_index = count, 0
        self.device = torch.device("cpu")


def make(configure, encoded, paradigm: str, **changes) -> GenerativeStep:
    config = configure(paradigm, **changes)
    model = build_paradigm(config.model, encoded.spec, seed=config.seed).train()
    accelerator = Accelerator(mixed_precision="no", cpu=True)
    return GenerativeStep(model, config=config, encoded=encoded, accelerator=accelerator)


def gradients(step: GenerativeStep) -> dict[str, torch.Tensor]:
    return {name: p.grad for name, p in step.model.named_parameters() if p.grad is not None}


def undrawn(step: GenerativeStep) -> list[torch.Tensor]:
    """Everything the paradigm was given in one update."""
    seen = []
    step.model.register_forward_pre_hook(
        lambda _module, args, kwargs: seen.append((args[0], kwargs["lengths"], kwargs["text"].ids)), with_kwargs=True
    )
    return seen


def test_accumulation_gives_the_update_of_the_whole_batch(configure, encoded):
    """Auto-regressive without caption dropout draws nothing, so the split alone differs. Rows of unlike lengths."""
    still = {"model": {"text_dropout": 0.0}, "data": {"segment_s": 4.0}, "batch_size": 8}
    whole, parts = (make(configure, encoded, "autoregressive", accumulate=n, **still) for n in (1, 4))
    for step in range(2):
        a, b = whole.update(step), parts.update(step)
        assert a.loss == pytest.approx(b.loss, rel=1e-5)
        assert a.grad_norm == pytest.approx(b.grad_norm, rel=1e-4)
        assert a.audio_s == pytest.approx(b.audio_s)
        for name, gradient in gradients(whole).items():
            torch.testing.assert_close(gradients(parts)[name], gradient, rtol=1e-3, atol=1e-6)


def test_both_paradigms_see_the_same_segments(configure, encoded):
    steps = [make(configure, encoded, paradigm, accumulate=2) for paradigm in PARADIGMS]
    codes, latents = (undrawn(step) for step in steps)
    for number in range(3):
        for step in steps:
            step.update(number)
    assert len(codes) == len(latents) == 6
    rows = [encoded["train"].slice(row, 0, length) for row, length in enumerate(encoded["train"].lengths)]
    for (target, lengths, text), (other, other_lengths, other_text) in zip(codes, latents, strict=True):
        assert torch.equal(lengths, other_lengths) and torch.equal(text, other_text)
        for index, length in enumerate(lengths.tolist()):
            places = [find(row[0], target[index, :, :length].numpy()) for row in rows]
            [row] = [number for number, place in enumerate(places) if place is not None]
            expected = rows[row][1][places[row] : places[row] + length]
            assert (other[index, :length].numpy() == expected).all()


def find(codes, part) -> int | None:
    for start in range(codes.shape[1] - part.shape[1] + 1):
        if (codes[:, start : start + part.shape[1]] == part).all():
            return start
    return None


@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_an_update_depends_on_seed_and_step_alone(configure, encoded, paradigm):
    """Not on the global generator, and not on what was drawn before."""
    dropout = {"model": {"backbone": {"layers": 2, "width": 32, "heads": 2, "feed_forward": 64, "dropout": 0.2}}}
    losses = []
    for number in range(2):
        torch.manual_seed(number)
        step = make(configure, encoded, paradigm, **dropout)
        if number:
            step.validate()
            torch.rand(5)
        losses.append(step.update(3).loss)
    other_step = make(configure, encoded, paradigm, **dropout).update(4).loss
    other_seed = make(configure, encoded, paradigm, seed=1, **dropout).update(3).loss
    assert losses[0] == losses[1]
    assert len({losses[0], other_step, other_seed}) == 3


@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_validation_repeats_itself_and_touches_nothing(configure, encoded, paradigm):
    step = make(configure, encoded, paradigm)
    state = torch.get_rng_state()
    before = {name: value.clone() for name, value in step.model.state_dict().items()}
    first = step.validate()
    assert math.isfinite(first["valid_loss"])
    assert first == step.validate()
    assert step.model.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in step.model.state_dict().items())
    assert not gradients(step)


@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_validation_measures_the_averaged_weights(configure, encoded, paradigm):
    step = make(configure, encoded, paradigm)
    untrained = step.validate()
    with torch.no_grad():
        for parameter in step.model.parameters():
            parameter.zero_()
    assert step.validate() == untrained, "the live weights do not enter"
    for number in range(50):
        step.ema.update(number)
    assert step.validate() != untrained


@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_learns_the_training_set(configure, encoded, paradigm):
    step = make(configure, encoded, paradigm, steps=80, batch_size=8)
    losses = [step.update(number).loss for number in range(80)]
    assert sum(losses[-10:]) < 0.93 * sum(losses[:10])


def test_a_loss_that_is_not_finite_stops_before_the_weights(configure, encoded):
    step = make(configure, encoded, "flow_matching")
    step.update(0)
    with torch.no_grad():
        step.model.get_parameter("head.weight")[0, 0] = math.nan
    before = {name: value.clone() for name, value in step.model.state_dict().items()}
    with pytest.raises(UserError, match=r"loss was nan in update 2.*learning_rate"):
        step.update(1)
    assert all(torch.equal(v, before[name]) or name == "head.weight" for name, v in step.model.state_dict().items())


def test_refuses_a_batch_that_cannot_be_split(configure, encoded):
    config = configure("autoregressive", batch_size=4, accumulate=2)
    model = build_paradigm(config.model, encoded.spec)
    with pytest.raises(UserError, match=r"multiple of accumulate x processes, which is 6"):
        GenerativeStep(model, config=config, encoded=encoded, accelerator=Processes(3))  # type: ignore[arg-type]


@pytest.mark.parametrize("paradigm", ["autoregressive", "flow_matching"])
def test_refuses_a_batch_that_memory_cannot_hold(configure, encoded, paradigm):
    with pytest.raises(UserError, match="micro-batch of 100,000,000 examples needs"):
        make(configure, encoded, paradigm, batch_size=100_000_000)


@pytest.mark.parametrize("backbone", [{"width": 10**12}, {"layers": 10**8}])
def test_refuses_a_network_that_memory_cannot_hold(configure, encoded, backbone):
    with pytest.raises(UserError, match="of memory are free"):
        make(configure, encoded, "flow_matching", model={"paradigm": "flow_matching", "backbone": backbone})


def test_refuses_a_segment_beyond_the_positions(configure, encoded):
    with pytest.raises(UserError, match=r"segment_s 60 is 600 frames.*positions for only 512"):
        make(configure, encoded, "flow_matching", data={"segment_s": 60.0})


def test_validation_is_of_eq_4_whatever_training_minimises(configure, encoded):
    """And the loss that an update reports is too, where times are drawn alike."""
    ways = [{}, {"loss_weight": "unit"}, {"loss_weight": "unit", "times": "logit_normal"}]
    steps = [make(configure, encoded, "flow_matching", model={"preconditioning": "gaussian", **way}) for way in ways]
    for step in steps:
        step.model.calibrate(calibration_frames(encoded, config=step.config))
        step.ema = Ema(step.model, decay=0.9)
    first, *others = [step.validate() for step in steps]
    assert others == [first, first]
    updates = [step.update(0) for step in steps]
    assert updates[0].loss == updates[1].loss != updates[2].loss
    assert updates[0].grad_norm != updates[1].grad_norm


def test_calibration_reads_the_training_split_alone(configure, encoded):
    found = calibration_frames(encoded, config=configure("flow_matching"))
    rows = [encoded["train"].slice(row, 0, int(n))[1] for row, n in enumerate(encoded["train"].lengths)]
    known = {tuple(frame) for latents in rows for frame in latents.tolist()}
    assert found.shape[1] == 4 and {tuple(frame) for frame in found.tolist()} <= known
