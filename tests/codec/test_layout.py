"""Convolutions with channels last: the same numbers, and the layout that makes them fast."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from counterpoint.codec.layout import channels_last, pad


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (nn.Conv1d, {"kernel_size": 7, "padding": 3}),
        (nn.Conv1d, {"kernel_size": 7, "padding": 9, "dilation": 3}),
        (nn.Conv1d, {"kernel_size": 10, "padding": 3, "stride": 5}),
        (nn.Conv1d, {"kernel_size": 1, "bias": False}),
        (nn.ConvTranspose1d, {"kernel_size": 10, "padding": 3, "stride": 5}),
        (nn.ConvTranspose1d, {"kernel_size": 8, "stride": 4, "output_padding": 1, "bias": False}),
    ],
)
@pytest.mark.parametrize("channels", [(1, 6), (6, 1), (4, 6)])
def test_a_convolution_does_what_it_did(kind: Any, options: dict[str, Any], channels: tuple[int, int]) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(kind(*channels, **options)).requires_grad_(False)
    x = torch.randn(2, channels[0], 40)
    expected = model(x)
    channels_last(model)
    assert not isinstance(model[0], kind)
    for given in (x, x.transpose(1, 2).contiguous().transpose(1, 2)):
        found = model(given)
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
        assert found.transpose(1, 2).is_contiguous()


@pytest.mark.parametrize("mode", ["reflect", "constant"])
def test_padding_keeps_the_layout(mode: str) -> None:
    x = torch.randn(2, 9, 5).transpose(1, 2)
    found = pad(x, (3, 2), mode)
    assert torch.equal(found, torch.nn.functional.pad(x, (3, 2), mode=mode))
    assert found.transpose(1, 2).is_contiguous()
