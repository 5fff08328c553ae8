"""Inpainting by both paradigms: what stays, what is read, what is learned."""

import pytest
import torch

from counterpoint.config import UserError
from counterpoint.paradigm.fill_in_the_middle import lay_out, take
from counterpoint.paradigm.spans import inside

PARADIGMS = ("autoregressive", "flow_matching")
SPANS = torch.tensor([[0, 4], [3, 7], [8, 12]])
CAPTIONS = ["piano", None, "slow drums"]


def build(kit, paradigm, **kwargs):
    """A model whose new parameters matter already."""
    model = kit.build(paradigm, inpainting=0.9, **kwargs)
    generator = torch.Generator().manual_seed(5)
    for name, parameter in model.named_parameters():
        if name.startswith(("known", "end.")):
            parameter.data.normal_(generator=generator)
    return model


def fill(kit, model, target, *, spans=SPANS, captions=CAPTIONS, seeds=(1, 2, 3), method=None, controls=None, **options):
    return model.inpaint(
        target,
        spans=spans,
        text=model.prepare(captions),
        sampling=kit.sampling(model, **{"steps": 3, "top_k": 0, **options}),
        generators=kit.generators(*seeds),
        method=method,
        controls=controls,
    )


def as_target(paradigm, drawn):
    return drawn if paradigm == "flow_matching" else drawn.transpose(1, 2)


@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_outside_nothing_changes_and_inside_nothing_is_read(kit, paradigm):
    model = build(kit, paradigm)
    target = kit.target(model, batch=3, frames=12)
    other = kit.target(model, batch=3, frames=12, seed=7)
    hidden = inside(SPANS, 12)[:, :, None]
    first, theirs = (as_target(paradigm, x) for x in (target, other))
    one = kit.drawn(fill(kit, model, target))
    mixed = as_target(paradigm, theirs.where(hidden, first))
    two = kit.drawn(fill(kit, model, mixed))
    assert torch.equal(one, two)
    assert torch.equal(one.where(~hidden, 0), first.where(~hidden, 0))
    assert not torch.equal(one, first)
    changed = kit.drawn(fill(kit, model, as_target(paradigm, first.where(hidden, theirs))))
    assert not torch.equal(changed.where(hidden, 0), one.where(hidden, 0))  # the music around it is read


@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_a_fill_does_not_depend_on_its_batch(kit, paradigm):
    model = build(kit, paradigm)
    target = kit.target(model, batch=3, frames=12)
    together = kit.drawn(fill(kit, model, target))
    for row in range(3):
        part = slice(row, row + 1)
        alone = fill(kit, model, target[part], spans=SPANS[part], captions=CAPTIONS[part], seeds=(row + 1,))
        torch.testing.assert_close(kit.drawn(alone), together[part])


def test_cached_decoding_of_a_span_is_teacher_forcing(kit):
    """Greedily filled, every code is the likeliest given all that its column may read."""
    model = build(kit, "autoregressive", controls=("chords", "melody"))
    generator = torch.Generator().manual_seed(3)
    model.controls.project.weight.data.normal_(generator=generator)
    target = kit.target(model, batch=3, frames=12)
    asked = torch.randint(0, 12, (3, 2, 12), generator=generator)
    sample = fill(kit, model, target, temperature=0.0, guidance=1.0, controls=asked)
    layout = lay_out(SPANS, lengths=torch.full((3,), 12), frames=12, codebooks=3)
    text = model.prepare(CAPTIONS)
    hidden = model.hidden(
        take(sample.codes, layout.inputs, filler=model.filler),
        memory=model.backbone.remember(model.text(text), mask=text.mask),
        control=model.arrange(asked, layout=layout),
    )
    likeliest = model.heads(hidden).unflatten(-1, (3, -1)).argmax(dim=-1).transpose(1, 2)
    inside_span = (layout.targets != -1) & (torch.arange(layout.columns) >= layout.drawn[0])
    drawn = take(sample.codes, layout.targets, filler=-1)
    assert torch.equal(drawn[inside_span], likeliest[inside_span])
    ends = model.end(hidden)[:, :, 0].sigmoid().gather(1, layout.ends[:, None])[:, 0]
    torch.testing.assert_close(sample.endings, ends)
    assert sample.network_evaluations == 4 + 3 - 1 + 2


def test_guided_filling_counts_its_rows(kit):
    sample = fill(kit, build(kit, "autoregressive"), kit.target(build(kit, "autoregressive"), batch=3, frames=12))
    assert sample.model_evaluations == 2 * sample.network_evaluations


def test_the_loss_is_that_of_all_segments_and_of_the_end(kit):
    """Worked out column by column, for the span that training drew."""
    from counterpoint.paradigm.spans import draw_spans

    model = build(kit, "autoregressive")
    codes, lengths = kit.target(model, batch=4, frames=12), torch.tensor([12, 12, 9, 12])
    captions = ["piano", None, "drums", ""]
    loss = model(codes, text=model.prepare(captions), lengths=lengths, generator=torch.Generator().manual_seed(2))
    spans = draw_spans(lengths, share=0.9, generator=torch.Generator().manual_seed(2))
    for row in range(4):
        layout = lay_out(spans[row : row + 1], lengths=lengths[row : row + 1], frames=12, codebooks=3)
        text = model.prepare(captions[row : row + 1])
        hidden = model.hidden(
            take(codes[row : row + 1], layout.inputs, filler=model.filler),
            memory=model.backbone.remember(model.text(text), mask=text.mask),
            control=model.arrange(None, layout=layout),
        )
        logs = model.heads(hidden).unflatten(-1, (3, -1)).log_softmax(dim=-1)
        total = 0.0
        for k in range(3):
            for column, frame in enumerate(layout.targets[0, k].tolist()):
                if frame >= 0:
                    total = total - logs[0, column, k, codes[row, k, frame]]
        if layout.ends[0] >= 0:
            for column in range(int(layout.drawn[0]), int(layout.ends[0]) + 1):
                p = model.end(hidden)[0, column, 0].sigmoid()
                total = total - (p if column == layout.ends[0] else 1 - p).log()
        torch.testing.assert_close(loss.per_example[row], total.detach() / 3 / lengths[row], atol=1e-3, rtol=0)


def test_flow_matching_learns_the_span_from_the_music_around_it(kit):
    """The loss is of the span alone, and what surrounds it is not noised: at t = 0 it is all there is to learn from."""
    model = build(kit, "flow_matching")
    model.config = model.config.model_copy(update={"inpainting": 1.0})
    target, lengths = kit.target(model, batch=2, frames=12), torch.tensor([12, 9])
    seen = []
    velocity = model.velocity
    model.velocity = lambda t, z, **given: seen.append((t, z, given["control"])) or velocity(t, z, **given)
    generator = torch.Generator().manual_seed(2)
    out = model(target, text=model.prepare(["piano", None]), lengths=lengths, generator=generator)
    _, z, control = seen[0]
    marked = control.abs().sum(dim=-1) > 0
    torch.testing.assert_close(z[marked], model.latent.normalize(target)[marked])
    assert not torch.isclose(z, model.latent.normalize(target))[~marked].any()
    moved = target.clone()
    moved[~marked] += 1.0  # the span is what is regressed to
    again = torch.Generator().manual_seed(2)
    assert not torch.equal(
        model(moved, text=model.prepare(["piano", None]), lengths=lengths, generator=again).loss, out.loss
    )
    assert out.per_example.shape == (2,) and (~marked).any(dim=1).all() and marked.any(dim=1).all()


@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_without_a_share_a_model_is_the_one_it_ever_was(kit, paradigm):
    plain, learned = kit.build(paradigm), kit.build(paradigm, inpainting=0.5)
    ours = learned.state_dict()
    assert all(torch.equal(value, ours[name]) for name, value in plain.state_dict().items())
    assert not set(plain.state_dict()) & {"known", "end.weight", "special.weight"}
    sampling = kit.sampling(plain, steps=3, top_k=0)
    draws = [
        kit.drawn(
            model.sample(
                text=model.prepare(["piano"]),
                lengths=torch.tensor([9]),
                sampling=sampling,
                generators=kit.generators(1),
            )
        )
        for model in (plain, learned)
    ]
    assert torch.equal(*draws)  # text to music is as before


def test_supervised_filling_takes_any_solver(kit):
    model = build(kit, "flow_matching")
    target = kit.target(model, batch=3, frames=12)
    fills = [kit.drawn(fill(kit, model, target, solver=solver, steps=200)) for solver in ("euler", "heun", "adams")]
    for one in fills[1:]:
        torch.testing.assert_close(one, fills[0], atol=0.2, rtol=0.05)


def test_a_method_that_a_model_does_not_know_names_one_that_would_work(kit):
    target, text = kit.target(kit.build("flow_matching"), batch=3, frames=12), "supervised"
    with pytest.raises(UserError, match=r"cannot inpaint by 'supervised', for which it was not trained; .* inversion"):
        fill(kit, kit.build("flow_matching"), target, method=text)
    codes = kit.target(kit.build("autoregressive"), batch=3, frames=12)
    with pytest.raises(UserError, match=r"fine-tune it with model\.inpainting, or use .* \(flow_matching\)"):
        fill(kit, kit.build("autoregressive"), codes)
    with pytest.raises(UserError, match="cannot inpaint by 'repaint'; it supports supervised"):
        fill(kit, build(kit, "autoregressive"), codes, method="repaint")
    with pytest.raises(UserError, match="positions"):
        frames = build(kit, "autoregressive").max_frames() + 1
        fill(kit, build(kit, "autoregressive"), kit.target(kit.build("autoregressive"), batch=3, frames=frames))
