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


def quantize(latents: Tensor, *, codebooks: Sequence[Tensor], beam: int = 1) -> Tensor:
    """[B, T, D] to codes [B, K, T], whose code vectors sum to nearly the latents.

    With a beam of 1 each codebook [V, D] takes the code nearest to what the ones before it left. A wider beam keeps so
    many choices of codes from one codebook to the next, and in the end takes the one that leaves least.
    """
    books = torch.stack(list(codebooks))
    chunks = latents.flatten(0, 1).split(4096 // beam)  # what lies beyond a processor's cache is slow
    codes = torch.cat([_search(part, books, beam=beam) for part in chunks])
    return codes.unflatten(0, latents.shape[:2]).transpose(1, 2).contiguous()


def _search(vectors: Tensor, books: Tensor, *, beam: int) -> Tensor:
    """[n, D] vectors and [K, V, D] codebooks to codes [n, K]."""
    left = vectors[:, None]  # [n, choices, D] that the choices leave
    codes = torch.empty(len(vectors), 1, 0, dtype=torch.long, device=vectors.device)
    for book in books:
        # |x - c|^2 = |x|^2 - 2 x.c + |c|^2
        error = left.square().sum(dim=-1, keepdim=True) + book.square().sum(dim=-1) - 2 * left @ book.T
        best = error.flatten(1).topk(min(beam, error[0].numel()), dim=1, largest=False).indices
        parent, code = best // len(book), best % len(book)
        left = left.take_along_dim(parent[..., None], dim=1) - book[code]
        codes = torch.cat((codes.take_along_dim(parent[..., None], dim=1), code[..., None]), dim=-1)
    least = left.square().sum(dim=-1).argmin(dim=1)
    return codes[torch.arange(len(codes), device=codes.device), least]


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
