"""Residual k-means: codebooks fitted to a pool of latents.

Shapes: n vectors, K codebooks, V codebook size, D latent channels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from counterpoint.codec.quantize import nearest_code


def fit_codebooks(
    latents: Tensor,
    *,
    num_codebooks: int,
    codebook_size: int,
    iterations: int,
    generator: torch.Generator,
    initial: list[Tensor] | None = None,
) -> list[Tensor]:
    """Fit K codebooks, each by Lloyd's algorithm on the residual of the ones before.

    Args:
        latents: [n, D]; n should be several times V, or most codes represent a single vector.
        iterations: Lloyd steps of each codebook; the first few achieve nearly all.
        initial: K tensors [V, D] to start from; random vectors of the residual otherwise.

    Returns:
        K tensors [V, D].
    """
    residual = latents
    books = []
    for k in range(num_codebooks):
        start = initial[k] if initial is not None else _draw(residual, codebook_size, generator=generator)
        book = _lloyd(residual, start, iterations=iterations, generator=generator)
        residual = residual - book[nearest_code(residual, book)]
        books.append(book)
    return books


def _lloyd(vectors: Tensor, book: Tensor, *, iterations: int, generator: torch.Generator) -> Tensor:
    """Move every code to the mean of its vectors, and every unused code to a random vector."""
    for _ in range(iterations):
        chosen = nearest_code(vectors, book)
        counts = torch.bincount(chosen, minlength=len(book))
        sums = torch.zeros_like(book).index_add_(0, chosen, vectors)
        book = sums / counts.clamp(min=1)[:, None]
        empty = counts == 0
        book[empty] = _draw(vectors, int(empty.sum()), generator=generator)
    return book


def _draw(vectors: Tensor, count: int, *, generator: torch.Generator) -> Tensor:
    """Draw `count` random rows, without replacement if there are enough."""
    order = torch.randperm(len(vectors), generator=generator).to(vectors.device)
    return vectors[order[torch.arange(count, device=vectors.device) % len(vectors)]].clone()
