"""Cross-entropy of many tokens over a large vocabulary, without memory beyond the logits.

`F.cross_entropy` allocates two more tensors of the logits' size and makes several passes over them; here a few rows at
a time stay in the processor's cache, and the gradient overwrites the logits.

Shapes: N tokens, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

IGNORED = -100
"""The label of a row without an entropy."""
_ROWS = 256
"""Rows processed at once: 2 MB at V = 2048."""


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Entropies [N] -log softmax(logits)[label] of logits [N, V], which the gradient overwrites: do not use them later.

    Args:
        labels: [N] long; `IGNORED` gives 0.
    """
    return _CrossEntropy.apply(logits, labels)  # pyright: ignore[reportReturnType]


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, labels: Tensor) -> Tensor:
        total = torch.cat([rows.logsumexp(dim=1) for rows in logits.detach().split(_ROWS)])
        kept = labels != IGNORED
        gold = logits.gather(1, labels.where(kept, 0)[:, None])[:, 0]
        ctx.save_for_backward(logits, labels, total)
        return (total - gold).where(kept, 0.0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """d entropy / d logits = softmax(logits) - onehot(label)."""
        logits, labels, total = ctx.saved_tensors
        kept = labels != IGNORED
        gradient = gradients[0].where(kept, 0.0)[:, None]
        logits = logits.detach()
        for rows, sums, scale in zip(logits.split(_ROWS), total.split(_ROWS), gradient.split(_ROWS), strict=True):
            rows.sub_(sums[:, None]).exp_().mul_(scale)
        return logits.scatter_add_(1, labels.where(kept, 0)[:, None], -gradient), None
