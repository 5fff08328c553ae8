"""[<a>, A, <c>, C, <b>, B]: where everything stands, and what may know of what."""

import pytest
import torch

from counterpoint.paradigm.autoregressive import Autoregressive
from counterpoint.paradigm.fill_in_the_middle import NONE, SPECIAL, columns, lay_out, put_back, take

K, T = 3, 7
EVERY_SPAN = [(start, stop) for start in range(T) for stop in range(start + 1, T + 1)]


def layout_of(spans, *, lengths=None, frames=T):
    spans = torch.tensor(spans)
    lengths = torch.full((len(spans),), frames) if lengths is None else torch.tensor(lengths)
    return lay_out(spans, lengths=lengths, frames=frames, codebooks=K)


def test_golden():
    """A is frames 0-1, B 2-4, C 5-6; every segment is delayed by itself."""
    layout = lay_out(torch.tensor([[2, 5]]), lengths=torch.tensor([7]), frames=7, codebooks=2)
    o = NONE
    assert layout.special[0].tolist() == [0, o, o, o, 1, o, o, o, 2, o, o, o, o]
    assert layout.inputs[0].tolist() == [
        [o, 0, 1, o, o, 5, 6, o, o, 2, 3, 4, o],
        [o, o, 0, 1, o, o, 5, 6, o, o, 2, 3, 4],
    ]
    assert layout.targets[0].tolist() == [
        [0, 1, o, o, 5, 6, o, o, 2, 3, 4, o, o],
        [o, 0, 1, o, o, 5, 6, o, o, 2, 3, 4, o],
    ]
    assert layout.positions[0].tolist() == [0, 1, 2, 3, 5, 6, 7, 8, 2, 3, 4, 5, 6]
    assert (int(layout.drawn[0]), int(layout.ends[0]), layout.columns) == (8, 11, columns(7, codebooks=2))


@pytest.mark.parametrize("lengths", [None, [7] * 27 + [6]])
def test_every_code_of_every_span_comes_back(lengths):
    spans = [*EVERY_SPAN[:-1], (2, 5)] if lengths else EVERY_SPAN
    layout = layout_of(spans, lengths=lengths)
    codes = torch.randint(0, 11, (len(spans), K, T), generator=torch.Generator().manual_seed(0))
    predicted = take(codes, layout.targets, filler=99)
    again = put_back(torch.full_like(codes, 50), predicted, layout=layout)
    last = torch.arange(T) < torch.tensor(lengths or [T] * len(spans))[:, None, None]
    assert torch.equal(again, codes.where(last, 50))
    count = last.expand(-1, K, -1).sum(dim=(1, 2))
    assert torch.equal((layout.targets != NONE).sum(dim=(1, 2)), count)  # once each
    assert torch.equal((layout.inputs != NONE).sum(dim=(1, 2)), count)
    assert torch.equal(layout.inputs[:, :, 1:], layout.targets[:, :, :-1])  # a column reads what the last predicted


def test_all_prompts_of_one_length_end_in_one_column():
    for length in range(1, T + 1):
        layout = layout_of([span for span in EVERY_SPAN if span[1] - span[0] == length])
        assert len(set(layout.drawn.tolist())) == 1
        assert (layout.special == SPECIAL.index("<b>")).nonzero()[:, 1].eq(layout.drawn).all()
        assert (layout.ends == layout.drawn + length).all()


def test_without_a_span_it_is_the_music_as_ever():
    layout = layout_of([(T, T)])
    assert (layout.special == NONE).all() and int(layout.ends[0]) == NONE
    assert layout.positions[0, : T + K - 1].tolist() == list(range(T + K - 1))
    assert layout.targets[0, 0, : T + 1].tolist() == [*range(T), NONE]


def gradient_reach(model: Autoregressive, codes, spans):
    """[S, K, T] bool for a probe: which codes (as inputs) reach the prediction in column s of codebook k."""
    layout = lay_out(spans, lengths=torch.tensor([codes.shape[2]]), frames=codes.shape[2], codebooks=K)
    tokens = take(codes, layout.inputs, filler=model.filler)
    embedded = []

    def keep(_module, _args, output):
        output.retain_grad()
        embedded.append(output)

    handle = model.embed.register_forward_hook(keep)
    text = model.prepare(["piano"])
    memory = model.backbone.remember(model.text(text), mask=text.mask)
    logits = model.logits(tokens, memory=memory, control=model.arrange(None, layout=layout))
    handle.remove()
    return layout, logits, embedded[0]


def test_no_token_hears_a_later_one_and_b_hears_all_of_a_and_c(kit):
    """By gradient: a code is told by exactly the codes of earlier segments and, of its own, what the delay allows."""
    model = kit.build("autoregressive", inpainting=1.0)
    spans, frames = torch.tensor([[2, 5]]), 7
    layout, logits, embedded = gradient_reach(model, kit.target(model, batch=1, frames=frames), spans)
    order = {frame: segment for segment, part in enumerate(((0, 1), (5, 6), (2, 3, 4))) for frame in part}
    for k in range(K):
        for t in range(frames):
            column = int((layout.targets[0, k] == t).nonzero())
            grad = torch.autograd.grad(logits[0, k, column].square().sum(), embedded, retain_graph=True)[0]
            told = grad[0].abs().sum(dim=-1) > 0  # [K, S]
            heard = {(j, int(u)) for j in range(K) for u in layout.inputs[0, j][told[j]].tolist() if u != NONE}
            wanted = {
                (j, u)
                for j in range(K)
                for u in range(frames)
                if order[u] < order[t] or (order[u] == order[t] and u + j < t + k)
            }
            assert heard == wanted, (k, t)
