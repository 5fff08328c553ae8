"""The spans that a model learns to fill."""

import torch

from counterpoint.paradigm.spans import LONGEST, SHORTEST, draw_spans, inside


def test_spans_lie_within_their_examples_and_touch_both_ends():
    lengths = torch.tensor([100, 40, 7, 1]).repeat(500)
    spans = draw_spans(lengths, share=1.0, generator=torch.Generator().manual_seed(0))
    start, stop = spans.unbind(1)
    assert (start >= 0).all() and (start < stop).all() and (stop <= lengths).all()
    count = (stop - start)[lengths == 100]
    assert count.min() >= SHORTEST * 100 and count.max() <= LONGEST * 100 and count.float().std() > 10
    for touches in ((start == 0), (stop == lengths)):  # lead-ins and continuations are learned
        assert 0.04 < touches[lengths == 100].float().mean() < 0.2


def test_the_share_of_examples_with_a_span():
    lengths = torch.full((4000,), 50)
    spans = draw_spans(lengths, share=0.7, generator=torch.Generator().manual_seed(0))
    hidden = inside(spans, 50)
    assert 0.67 < hidden.any(dim=1).float().mean() < 0.73
    assert torch.equal(hidden.sum(dim=1), spans[:, 1] - spans[:, 0])
