"""The cross-entropy that works in place is PyTorch's own."""

import pytest
import torch
import torch.nn.functional as F

from counterpoint.paradigm.entropy import IGNORED, cross_entropy


@pytest.mark.parametrize("rows", [1, 5, 256, 700])
def test_values_and_gradients(rows):
    torch.manual_seed(0)
    hidden, weight = torch.randn(rows, 8), torch.randn(33, 8, requires_grad=True)
    labels = torch.randint(0, 33, (rows,))
    labels[::3] = IGNORED
    scale = torch.randn(rows)

    def run(entropy):
        weight.grad = None
        values = entropy(10 * hidden @ weight.T, labels)
        (values * scale).sum().backward()
        return values.detach(), weight.grad

    expected = run(lambda x, y: F.cross_entropy(x, y, reduction="none", ignore_index=IGNORED))
    torch.testing.assert_close(run(cross_entropy), expected, atol=1e-3, rtol=1e-4)
    assert not expected[0][::3].any() and (rows == 1 or expected[1].abs().max() > 1)


def test_no_second_tensor_of_the_logits_size_is_made():
    logits = torch.randn(512, 64, requires_grad=True)
    copy = logits * 1
    place = copy.data_ptr()
    copy.register_hook(lambda gradient: seen.append(gradient.data_ptr()))
    seen = []
    cross_entropy(copy, torch.zeros(512, dtype=torch.long)).sum().backward()
    assert seen == [place]
