"""Residual quantisation: nearest codes with a beam of one, never farther with a wider one."""

import pytest
import torch

from counterpoint.codec.quantize import dequantize, nearest_code, quantize


@pytest.fixture(scope="module")
def codebooks() -> list[torch.Tensor]:
    draws = torch.Generator().manual_seed(0)
    return [0.8**k * torch.randn(32, 6, generator=draws) for k in range(5)]


@pytest.fixture(scope="module")
def latents() -> torch.Tensor:
    return 2 * torch.randn(3, 40, 6, generator=torch.Generator().manual_seed(1))


def error(latents, codes, codebooks):
    return (dequantize(codes, codebooks=codebooks) - latents).square().sum(dim=-1)


def test_a_beam_of_one_takes_the_nearest_code_of_each_codebook(codebooks, latents) -> None:
    codes, left = quantize(latents, codebooks=codebooks), latents
    for k, book in enumerate(codebooks):
        assert torch.equal(codes[:, k], nearest_code(left.flatten(0, 1), book).view(3, 40))
        left = left - book[codes[:, k]]


def test_a_wider_beam_leaves_less_on_the_whole(codebooks, latents) -> None:
    means = [error(latents, quantize(latents, codebooks=codebooks, beam=beam), codebooks).mean() for beam in (1, 4, 16)]
    assert means[1] < 0.9 * means[0] and means[2] < means[1]


def test_a_beam_as_wide_as_all_choices_finds_the_best_of_them(codebooks, latents) -> None:
    first = codebooks[:2]
    every = (first[0][:, None] + first[1][None]).flatten(0, 1)  # [V V, D]
    best = torch.cdist(latents, every[None]).square().amin(dim=-1)
    codes = quantize(latents, codebooks=first, beam=32)
    torch.testing.assert_close(error(latents, codes, first), best)


def test_vectors_do_not_depend_on_those_beside_them(codebooks, latents) -> None:
    whole = quantize(latents, codebooks=codebooks, beam=4)
    assert torch.equal(whole[1:2, :, 10:20], quantize(latents[1:2, 10:20], codebooks=codebooks, beam=4))
