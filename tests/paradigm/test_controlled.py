"""Controls inside the paradigms: where they enter, how far they reach, and that sampling is fed as training is."""

import pytest
import torch

from counterpoint.analysis.tracks import NOT_GIVEN
from counterpoint.config import AutoregressiveSampling, FlowMatchingSampling
from counterpoint.kernels import pack
from counterpoint.paradigm.delay import delay, shift_right, undelay

CONTROLS = ("chords", "melody", "drums")
PARADIGMS = ("autoregressive", "flow_matching")
GREEDY = AutoregressiveSampling(temperature=0.0, guidance=1.0)


def build(kit, paradigm, **kwargs):
    """A model whose controls say something, as they do not before training."""
    model = kit.build(paradigm, controls=CONTROLS, control_width=8, **kwargs)
    torch.nn.init.normal_(model.controls.project.weight, generator=torch.Generator().manual_seed(5))
    return model


def tracks(batch, frames, *, seed=3):
    return torch.randint(0, 11, (batch, 3, frames), generator=torch.Generator().manual_seed(seed))


def draw(kit, model, *, controls, captions=("piano", None), frames=(9, 9), window=None, sampling=None):
    return model.sample(
        text=model.prepare(list(captions)),
        lengths=torch.tensor(frames),
        sampling=sampling or kit.sampling(model, steps=3, top_k=0),
        generators=kit.generators(*range(len(frames))),
        window=window,
        controls=controls,
    )


def test_the_control_of_a_frame_reaches_its_prediction_and_none_earlier(kit):
    """By gradient: frame t of codebook k hears the controls of frames up to t + k, its own at the least (Fig. 2)."""
    model, T, K = build(kit, "autoregressive"), 6, kit.latent.num_codebooks
    codes, text = kit.target(model, batch=1, frames=T), model.prepare(["piano"])
    memory = model.backbone.remember(model.text(text), mask=text.mask)
    delayed = delay(codes, lengths=torch.tensor([T]), filler=model.filler)
    control = model.steer(tracks(1, T)).detach().requires_grad_()
    logits = undelay(model.logits(shift_right(delayed, filler=model.filler), memory=memory, control=control))
    for k in range(K):
        for t in range(T):
            grad = torch.autograd.grad(logits[0, k, t].square().sum(), control, retain_graph=True)[0]
            reached = grad[0].abs().sum(dim=-1).nonzero()[:, 0].tolist()
            assert reached == list(range(t + k + 1)), (k, t)


def test_step_s_is_given_the_control_of_frame_s(kit):
    model = build(kit, "autoregressive")
    asked = tracks(1, 5)
    control = model.steer(asked)
    assert control.shape[1] == 5 + kit.latent.num_codebooks - 1
    torch.testing.assert_close(control[:, :5], model.controls(asked))
    nothing = model.controls(torch.full((1, 3, 1), NOT_GIVEN))
    torch.testing.assert_close(control[:, 5:], nothing.expand(-1, 2, -1))  # the steps that begin no frame


def test_flow_matching_hears_the_controls_of_all_frames(kit):
    model = build(kit, "flow_matching")
    control = model.controls(tracks(1, 5)).detach().requires_grad_()
    text = model.prepare(["piano"])
    memory = model.backbone.remember(model.text(text), mask=text.mask)
    v = model.velocity(torch.tensor([0.3]), torch.randn(1, 5, 6), memory=memory, mask=None, control=control)
    grad = torch.autograd.grad(v[0, 2].square().sum(), control)[0]
    assert grad[0].abs().sum(dim=-1).gt(0).all()


@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_a_model_with_controls_begins_as_the_one_without(kit, paradigm):
    plain, steered = kit.build(paradigm), kit.build(paradigm, controls=CONTROLS)
    ours = steered.state_dict()
    assert all(torch.equal(value, ours[name]) for name, value in plain.state_dict().items())
    one = kit.drawn(draw(kit, plain, controls=None))
    assert torch.equal(one, kit.drawn(draw(kit, steered, controls=tracks(2, 9))))


@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_not_given_is_asking_nothing(kit, paradigm):
    model = build(kit, paradigm)
    nothing = draw(kit, model, controls=torch.full((2, 3, 9), NOT_GIVEN))
    assert torch.equal(kit.drawn(nothing), kit.drawn(draw(kit, model, controls=None)))
    assert not torch.equal(kit.drawn(nothing), kit.drawn(draw(kit, model, controls=tracks(2, 9))))


@pytest.mark.parametrize("text_guidance", [0.0, 1.5])
@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_a_sample_does_not_depend_on_its_batch(kit, paradigm, text_guidance):
    model, asked = build(kit, paradigm), tracks(2, 9)
    sampling = kit.sampling(model, steps=3, top_k=0, guidance=2.0, text_guidance=text_guidance)
    both = draw(kit, model, controls=asked, sampling=sampling, frames=(9, 6))
    solo = draw(kit, model, controls=asked[:1], sampling=sampling, captions=["piano"], frames=(9,))
    torch.testing.assert_close(kit.drawn(both)[:1], kit.drawn(solo))
    passes = 3 if text_guidance else 2
    assert both.model_evaluations == passes * both.network_evaluations


def test_cached_steps_see_the_controls_that_training_sees(kit):
    """Greedy decoding, step by step, gives the likeliest tokens of teacher forcing on what it drew."""
    model, asked = build(kit, "autoregressive"), tracks(2, 9)
    codes = draw(kit, model, controls=asked, sampling=GREEDY).codes
    text = model.prepare(["piano", None])
    memory = model.backbone.remember(model.text(text), mask=text.mask)
    delayed = delay(codes, lengths=torch.tensor([9, 9]), filler=model.filler)
    logits = undelay(model.logits(shift_right(delayed, filler=model.filler), memory=memory, control=model.steer(asked)))
    assert torch.equal(codes, logits.argmax(dim=-1))


def test_multi_source_guidance_is_a_sum_of_three_passes(kit):
    """w_all all + w_text text + w_null null, weights that sum to 1, pass by pass."""
    model, asked = build(kit, "flow_matching"), tracks(1, 7)
    sampling = FlowMatchingSampling(steps=1, guidance=2.0, text_guidance=0.7)
    plain = FlowMatchingSampling(steps=1, guidance=1.0)

    def one_step(controls, caption, settings=plain):
        drawn = draw(kit, model, controls=controls, captions=[caption], frames=(7,), sampling=settings)
        return kit.latent.normalize(drawn.latents)

    guided = one_step(asked, "piano", sampling)
    expected = 2.0 * one_step(asked, "piano") + 0.7 * one_step(None, "piano") - 1.7 * one_step(None, None)
    torch.testing.assert_close(guided, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_long_music_hears_the_controls_of_each_window(kit, paradigm):
    """Controls of the second half change nothing in the first window's own frames, and something after them."""
    model, T, W = build(kit, paradigm), 24, 8
    asked = tracks(1, T)
    other = asked.clone()
    other[:, :, 16:] = (other[:, :, 16:] + 1) % 11
    settings = kit.sampling(model, steps=1, top_k=0, guidance=2.0)
    first, second = (
        kit.drawn(draw(kit, model, controls=c, captions=["piano"], frames=(T,), window=W, sampling=settings))
        for c in (asked, other)
    )
    known = 8  # frames that no window sees together with frame 16
    torch.testing.assert_close(first[:, :known], second[:, :known])
    assert not torch.equal(first[:, 16:], second[:, 16:])


@pytest.mark.parametrize("compiled", [True, False])
def test_packed_weights_and_fixed_shapes_hear_the_same(kit, compiled):
    asked = tracks(2, 9)
    plain = draw(kit, build(kit, "autoregressive"), controls=asked, sampling=GREEDY).codes
    packed = pack(build(kit, "autoregressive"), compiled=compiled)
    assert torch.equal(plain, draw(kit, packed, controls=asked, sampling=GREEDY).codes)


def test_training_hides_controls(kit):
    model = build(kit, "autoregressive").train()
    codes, asked = kit.target(model, batch=4, frames=6), tracks(4, 6)

    def loss(controls, p):
        model.config = model.config.model_copy(update={"control_dropout": p, "text_dropout": 0.0})
        text, generator = model.prepare(["piano"] * 4), torch.Generator().manual_seed(0)
        arguments = {"text": text, "lengths": torch.full((4,), 6), "generator": generator}
        return model(codes, controls=controls, **arguments).per_example

    torch.testing.assert_close(loss(asked, 1.0), loss(None, 0.0))
    assert not torch.allclose(loss(asked, 0.0), loss(None, 0.0))


def test_entropies_are_those_of_what_is_drawn_from(kit):
    model, asked = build(kit, "autoregressive"), tracks(2, 9)
    sample = draw(kit, model, controls=asked, sampling=GREEDY, frames=(9, 5))
    text = model.prepare(["piano", None])
    memory = model.backbone.remember(model.text(text), mask=text.mask)
    delayed = delay(sample.codes, lengths=torch.tensor([9, 5]), filler=model.filler)
    logits = model.logits(shift_right(delayed, filler=model.filler), memory=memory, control=model.steer(asked))
    expected = torch.distributions.Categorical(logits=undelay(logits)[:, 0]).entropy()
    torch.testing.assert_close(sample.entropies[0], expected[0])
    torch.testing.assert_close(sample.entropies[1, :5], expected[1, :5])
    assert sample.entropies[1, 5:].eq(0).all()
    assert draw(kit, build(kit, "flow_matching"), controls=asked).entropies is None
