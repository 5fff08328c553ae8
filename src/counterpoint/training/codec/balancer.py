"""Gradient balancer (Défossez et al. 2022, section 3.4): a loss's weight is its share of the gradient.

Shapes: B batch, N audio samples.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

_DECAY = 0.99


class Balancer:
    """Rescales gradients with respect to the output, so that each loss has the share of its weight at any scale.

    g = sum_i  w_i / sum_j w_j  *  g_i / <|g_i|>,  <|g_i|> the moving average of the gradient's norm per clip.
    """

    def __init__(self) -> None:
        self.norms: dict[str, float] = {}
        """Averages so far, by loss, for checkpoints."""

    def __call__(self, gradients: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
        """The balanced gradient [B, N], of norm about 1 per clip, of the gradients [B, N] by loss."""
        total = sum(weights[name] for name in gradients)
        balanced = torch.zeros_like(next(iter(gradients.values())))
        for name, gradient in gradients.items():
            norm = float(gradient.flatten(1).norm(dim=1).mean())
            self.norms[name] = _DECAY * self.norms.get(name, norm) + (1 - _DECAY) * norm
            balanced += weights[name] / total / max(self.norms[name], 1e-12) * gradient
        return balanced
