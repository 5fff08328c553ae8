"""Residual vector quantisation with fixed codebooks: latents to codes and back.

Shapes: B batch, n vectors, K codebooks, T latent frames, V codebook size, D latent channels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def nearest_code(vectors: Tensor, codebook: Tensor) -> Tensor:
    """Indices [n], long, of the rows of `codebook` [V, D] nearest to each of `vectors` [n, D] in Euclidean distance.

    |v - c|^2 = |v|^2 - 2 v.c + |c|^2, whose first term does not depend on the code.
    """
    power = codebook.square().sum(dim=1)
    chunks = vectors.split(4096)  # all distances at once would not fit in cache or memory
    return torch.cat([torch.addmm(power, part, codebook.T, alpha=-2).argmin(dim=1) for part in chunks])


def quantize(latents: Tensor, *, codebooks: Sequence[Tensor], beam: int = 1) -> Tensor:
    """Quantise latents [B, T, D] to codes [B, K, T] whose code vectors sum approximately to the latents.

    With a beam of 1 each codebook [V, D] takes the code nearest to the residual of the ones before. A wider beam keeps
    several sequences of codes from one codebook to the next and finally takes the one with the smallest residual.
    """
    books = torch.stack(list(codebooks))
    chunks = latents.flatten(0, 1).split(4096 // beam)  # larger chunks exceed the cache and are slow
    codes = torch.cat([_search(part, books, beam=beam) for part in chunks])
    return codes.unflatten(0, latents.shape[:2]).transpose(1, 2).contiguous()


def _search(vectors: Tensor, books: Tensor, *, beam: int) -> Tensor:
    """Codes [n, K] of vectors [n, D] by codebooks [K, V, D]."""
    left = vectors[:, None]  # [n, choices, D], the residuals
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
    """Sum the chosen code vectors of [B, K, T] to latents [B, T, D].

    Raises:
        ValueError: the codes do not match K codebooks [V, D].
    """
    check_codes(codes, num_codebooks=len(codebooks), codebook_size=len(codebooks[0]))
    return torch.stack([book[codes[:, k]] for k, book in enumerate(codebooks)]).sum(dim=0)


def check_codes(codes: Tensor, *, num_codebooks: int, codebook_size: int) -> None:
    """
    Raises:
        ValueError: the codes are not [B, K, T], or outside 0 ... V - 1.
    """
    if codes.ndim != 3 or codes.shape[1] != num_codebooks or not codes.shape[2]:
        raise ValueError(f"codes must be [B, {num_codebooks}, T] with T > 0, got {tuple(codes.shape)}")
    low, high = int(codes.min()), int(codes.max())
    if low < 0 or high >= codebook_size:
        raise ValueError(f"codes must lie in 0..{codebook_size - 1}, got {low}..{high}")
