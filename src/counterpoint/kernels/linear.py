"""Linear layers with fast weight reads for a few rows of input on a CPU.

`F.linear` with 2 to 16 rows reads weights at a fifth of the memory's speed. `pack` replaces it by our own kernels
(`kernels.cpp`) if they can be compiled, and otherwise by those of oneDNN and FBGEMM, which torch includes.

Shapes: M rows, K in, N out.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from counterpoint.config import UserError
from counterpoint.kernels.build import library
from counterpoint.kernels.precision import Precision

_LANES = 16
"""Number of adjacent outputs in packed weights."""
_INTEGERS = {"fp16": torch.int16, "int8": torch.int8}
"""Types of weights that our kernels multiply as integers."""
GROUP = 64
"""Number of inputs with a common scale."""
LEVELS = 11585
"""The largest integer of an input, about 2^13.5: inputs and weights then have about equal shares of the 31 bits of the
sum of a group."""


def pack(module: nn.Module, *, precision: Precision = "fp32", compiled: bool = True) -> nn.Module:
    """Replace, in place, every `nn.Linear` in `module` by one laid out for few rows on a CPU; for inference only.

    Args:
        precision: precision of the stored weights. fp32 changes results only by rounding. fp16 and int8 keep 16 and 8
            bits of a weight: our kernels take them as integers with a scale for each output and group of `GROUP`
            inputs, and round inputs to 2 x `LEVELS` + 1 levels; torch's take halves. After the same frames, fp16 leaves
            99.8% of the greedy frames of an included model as they are, and int8 97.7% (`bench.engines`).
        compiled: whether to use our own kernels if they can be compiled; without them, fp16 replaces int8.

    Returns:
        `module`. Layers with unsuitable sizes are left unchanged.

    Raises:
        UserError: the precision is bf16, for which CPUs of this kind have no arithmetic.
    """
    if precision == "bf16":
        raise UserError("bf16 is for a GPU; on a CPU choose fp32, fp16 or int8.")
    compiled = compiled and library() is not None
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Linear and child.out_features % _LANES == 0 and child.in_features % 8 == 0:
                setattr(parent, name, _packed(child, precision=precision, compiled=compiled))
    return module


def _packed(linear: nn.Linear, *, precision: Precision, compiled: bool) -> nn.Module:
    if compiled:
        return CompiledLinear(linear, precision=precision)
    return OneDnnLinear(linear) if precision == "fp32" else FbgemmLinear(linear)


class PackedLinear(nn.Module):
    """A linear layer laid out for few rows, which includes its neighbouring operations.

    Weights are plain attributes, because these layouts are meaningless to other devices and to a state_dict.
    """

    def forward(
        self, x: Tensor, *, norm: nn.LayerNorm | None = None, gelu: bool = False, base: Tensor | None = None
    ) -> Tensor:
        """Apply the layer to [..., K]: [..., N].

        Args:
            norm: applied to x first.
            gelu: apply the exact GELU to the product; not together with `base`.
            base: [..., N] to which the product is added, in place.
        """
        assert not (gelu and base is not None)
        product = self._product(x if norm is None else norm(x), gelu=gelu)
        return product if base is None else base.add_(product)

    def _product(self, x: Tensor, *, gelu: bool) -> Tensor:
        raise NotImplementedError


class CompiledLinear(PackedLinear):
    """Our own kernel, with weights [N / 16, K, 16], or with integers [N / 16, K / 2, 16, 2] and their scales
    [N / 16, ceil(K / GROUP), 16]."""

    def __init__(self, linear: nn.Linear, *, precision: Precision):
        super().__init__()
        self.precision = precision
        self.out_features, self.in_features = linear.weight.shape
        weight = linear.weight.detach().float()
        self.scale = None
        if precision in _INTEGERS:
            weight, scale = to_integers(weight, dtype=_INTEGERS[precision])
            self.scale = scale.view(-1, _LANES, scale.shape[1]).transpose(1, 2).contiguous()
            columns = weight.view(-1, _LANES, self.in_features // 2, 2).transpose(1, 2)
        else:
            columns = weight.view(-1, _LANES, self.in_features).transpose(1, 2)
        self.weight = columns.contiguous()
        self.bias = None if linear.bias is None else linear.bias.detach()

    def forward(
        self, x: Tensor, *, norm: nn.LayerNorm | None = None, gelu: bool = False, base: Tensor | None = None
    ) -> Tensor:
        """Apply the layer in one call; see `PackedLinear`."""
        found = library()
        assert found is not None and not (gelu and (base is not None or self.bias is not None))
        x = x.contiguous()
        y = x.new_empty((*x.shape[:-1], self.out_features)) if base is None else base
        getattr(found, f"linear_{self.precision}")(
            x.data_ptr(),
            *((None, None) if norm is None else (norm.weight.data_ptr(), norm.bias.data_ptr())),
            self.weight.data_ptr(),
            None if self.scale is None else self.scale.data_ptr(),
            None if base is None else base.data_ptr(),
            y.data_ptr(),
            int(gelu),
            x.numel() // self.in_features,
            self.out_features,
            self.in_features,
        )
        return y if self.bias is None else y.add_(self.bias)


def to_integers(weight: Tensor, *, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Round weights [N, K] to integers times a scale [N, ceil(K / GROUP)] of each group of inputs.

    The largest weight of a group is the largest integer, unless products of the group with inputs of `LEVELS` could
    then add up to more than 32 bits.
    """
    groups = F.pad(weight, (0, -weight.shape[1] % GROUP)).unflatten(1, (-1, GROUP)).abs()
    sum_limit = (2**31 - 1) / LEVELS - GROUP / 2  # the last term is for the rounding of weights
    scale = torch.maximum(groups.amax(dim=2) / torch.iinfo(dtype).max, groups.sum(dim=2) / sum_limit).clamp(min=1e-30)
    per_weight = scale.repeat_interleave(GROUP, dim=1)[:, : weight.shape[1]]
    return (weight / per_weight).round().to(dtype), scale


class OneDnnLinear(PackedLinear):
    """oneDNN with weights in a prepared layout, for a few rows."""

    ROWS = 2
    """The number of rows for which the layout is chosen; others work as well, slightly slower."""

    def __init__(self, linear: nn.Linear):
        super().__init__()
        self.weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach().float().contiguous(), self.ROWS)
        self.bias = None if linear.bias is None else linear.bias.detach()

    def _product(self, x: Tensor, *, gelu: bool) -> Tensor:
        after = ("gelu", [], "none") if gelu else ("none", [], "")
        return torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, *after)


class FbgemmLinear(PackedLinear):
    """FBGEMM with weights stored in half precision."""

    ROWS = 4
    """The least number of rows: with fewer rows FBGEMM is slower than with this many."""

    def __init__(self, linear: nn.Linear):
        super().__init__()
        bias = None if linear.bias is None else linear.bias.detach()
        self.weight = torch.ops.quantized.linear_prepack_fp16(linear.weight.detach().float(), bias)

    def _product(self, x: Tensor, *, gelu: bool) -> Tensor:
        rows = x.flatten(0, -2)
        missing = max(0, self.ROWS - len(rows))
        y = torch.ops.quantized.linear_dynamic_fp16(F.pad(rows, (0, 0, 0, missing)), self.weight)
        y = y[: len(rows)].view(*x.shape[:-1], -1)
        return F.gelu(y) if gelu else y
