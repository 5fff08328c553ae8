"""Convolutions of a loaded codec with channels last in memory: the same result, faster.

The outer layers of a codec have long time axes and few channels, and a CPU computes such a convolution two to five
times as fast if the channels of a moment are adjacent in memory. PyTorch does not offer this layout for one-dimensional
convolutions, so these are two-dimensional ones of height 1. Tensors keep their shape [B, C, T]; only strides differ.

Shapes: B batch, C channels, T time.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def channels_last(model: nn.Module) -> None:
    """Replace every one-dimensional convolution of `model` in place; its weights must already be plain."""
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Conv1d | nn.ConvTranspose1d):
                setattr(module, name, Convolution(child))


def pad(x: Tensor, paddings: tuple[int, int], mode: str, value: float = 0.0) -> Tensor:
    """`F.pad` of the last dimension of [B, C, T] that keeps the layout."""
    return F.pad(x[:, :, None], (*paddings, 0, 0), mode=mode, value=value)[:, :, 0]


class Convolution(nn.Module):
    """Applies `conv` to [B, C, T] that is stored as [B, T, C]."""

    def __init__(self, conv: nn.Conv1d | nn.ConvTranspose1d):
        super().__init__()
        weight = conv.weight.detach()[:, :, None].contiguous(memory_format=torch.channels_last)
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.bias = conv.bias
        self.kernel_size, self.stride = conv.kernel_size, conv.stride
        self.function: Any = F.conv2d
        self.options: dict[str, Any] = {
            "stride": (1, conv.stride[0]),
            "padding": (0, conv.padding[0]),
            "dilation": (1, conv.dilation[0]),
            "groups": conv.groups,
        }
        if isinstance(conv, nn.ConvTranspose1d):
            self.function = F.conv_transpose2d
            self.options["output_padding"] = (0, conv.output_padding[0])

        self.pointwise = isinstance(conv, nn.Conv1d) and conv.kernel_size == conv.stride == (1,) and conv.groups == 1

    def forward(self, x: Tensor) -> Tensor:
        if self.pointwise:  # a matrix product, for which a convolution would copy its input first
            return F.linear(x.transpose(1, 2), self.weight[:, :, 0, 0], self.bias).transpose(1, 2)
        x = x[:, :, None].contiguous(memory_format=torch.channels_last)
        y = self.function(x, self.weight, self.bias, **self.options)
        return y.contiguous(memory_format=torch.channels_last)[:, :, 0]  # one channel in leaves the layout open
