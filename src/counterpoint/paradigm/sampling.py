"""Drawing tokens from logits with separate random numbers for each sample.

Shapes: B batch, K codebooks, V codebook size.
"""

from __future__ import annotations

import torch
from torch import Tensor

from counterpoint.config import AutoregressiveSampling
from counterpoint.config.device import widest_float


def draw_tokens(logits: Tensor, *, uniforms: Tensor, sampling: AutoregressiveSampling) -> Tensor:
    """Draw token ids [...] from logits [..., V] by inverting the cumulative distribution.

    One uniform number determines one token, so that a sample's tokens depend only on its own numbers, which can all be
    drawn before the first step.

    Args:
        uniforms: [...] in [0, 1); float64 if the device supports it.
        sampling: temperature (0 takes the likeliest), then top_k, then top_p of the remaining distribution.
    """
    if sampling.temperature == 0:
        return logits.argmax(dim=-1)
    scaled = logits.float() / sampling.temperature
    V = scaled.shape[-1]
    k = min(sampling.top_k, V) if sampling.top_k else V
    if k == V and sampling.top_p == 1.0:
        return _invert(scaled.softmax(dim=-1), uniforms)
    kept, ids = scaled.topk(k, dim=-1)
    probabilities = kept.softmax(dim=-1)
    if sampling.top_p < 1.0:
        # The smallest set of likeliest tokens whose sum reaches top_p: tokens before which it is not reached.
        before = probabilities.cumsum(dim=-1) - probabilities
        probabilities = probabilities.masked_fill(before >= sampling.top_p, 0.0)
    return ids.gather(-1, _invert(probabilities, uniforms)[..., None])[..., 0]


def _invert(probabilities: Tensor, uniforms: Tensor) -> Tensor:
    """The first index whose cumulative probability exceeds uniform x total."""
    cumulative = probabilities.to(widest_float(probabilities.device)).cumsum(dim=-1)
    point = uniforms[..., None] * cumulative[..., -1:]
    index = torch.searchsorted(cumulative, point, right=True)[..., 0]
    # point < total, but rounding may make them equal: then the last index with a positive probability.
    last = (cumulative < cumulative[..., -1:]).sum(dim=-1)
    return torch.minimum(index, last)
