"""Residual vector quantisation with codebooks that are fixed: latents to codes and back.

Shapes: B batch, n vectors, K codebooks, T latent frames, V codebook size, D latent channels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def nearest_code(vectors: Tensor, codebook: Tensor) -> Tensor:
    """Index of the nearest row of `codebook` [V, D], in Euclidean distance, of each of `vectors` [n, D]: [n] long.

    |v - c|^2 = |v|^2 - 2 v.c + |c|^2, whose first term does not depend on the code.
    """
    power = codebook.square().sum(dim=1)
    chunks = vectors.split(4096)  # the distances of all to all would not fit a processor's cache, or its memory
    return torch.cat([torch.addmm(power, part, codebook.T, alpha=-2).argmin(dim=1) for part in chunks])


def quantize(latents: Tensor, *, codebooks: Sequence[Tensor]) -> Tensor:
    """[B, T, D] to codes [B, K, T]: each codebook [V, D] takes the code nearest to what the ones before it left."""
    residual = latents
    codes = []
    for codebook in codebooks:
        chosen = nearest_code(residual.flatten(0, 1), codebook).view(residual.shape[:-1])
        residual = residual - codebook[chosen]
        codes.append(chosen)
    return torch.stack(codes, dim=1)


def dequantize(codes: Tensor, *, codebooks: Sequence[Tensor]) -> Tensor:
    """[B, K, T] to latents [B, T, D], the sum of the chosen code vectors.

    Raises:
        ValueError: the codes are not those of K codebooks [V, D].
    """
    check_codes(codes, num_codebooks=len(codebooks), codebook_size=len(codebooks[0]))
    return torch.stack([book[codes[:, k]] for k, book in enumerate(codebooks)]).sum(dim=0)


def check_codes(codes: Tensor, *, num_codebooks: int, codebook_size: int) -> None:
    """
    Raises:
        ValueError: not [B, K, T], or codes beyond 0 ... V - 1.
    """
    if codes.ndim != 3 or codes.shape[1] != num_codebooks or not codes.shape[2]:
        raise ValueError(f"codes must be [B, {num_codebooks}, T] with T > 0, got {tuple(codes.shape)}")
    low, high = int(codes.min()), int(codes.max())
    if low < 0 or high >= codebook_size:
        raise ValueError(f"codes must lie in 0..{codebook_size - 1}, got {low}..{high}")
