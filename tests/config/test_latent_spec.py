"""What a paradigm knows of a codec: codebooks or none, and the normalisation of App. E.2."""

from __future__ import annotations

import pytest
import torch

from counterpoint.config import LatentSpec, UserError, parse

SHAPE = {"codec": "toy", "sample_rate": 100, "frame_rate": 10.0, "latent_dim": 4}


@pytest.mark.parametrize(("books", "size"), [(4, 2048), (0, 0)])
def test_codebooks_come_with_codes_or_not_at_all(books: int, size: int) -> None:
    spec = LatentSpec(**SHAPE, num_codebooks=books, codebook_size=size)
    assert LatentSpec.model_validate(spec.model_dump(mode="json")) == spec


@pytest.mark.parametrize(("books", "size"), [(4, 0), (0, 2048), (-1, -1)])
def test_one_without_the_other_is_refused(books: int, size: int) -> None:
    with pytest.raises(UserError, match=r"both or neither|greater than or equal to 0"):
        parse({**SHAPE, "num_codebooks": books, "codebook_size": size}, LatentSpec, source="test")


def test_normalisation_is_that_of_the_paper_and_its_inverse() -> None:
    """App. E.2: with the data's own scalars, the mean is 0 and the mean of the deviations over time is 1."""
    latents = 3.0 + 2.0 * torch.randn(16, 200, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    mean, mean_std = latents.mean().item(), latents.std(dim=1).mean().item()
    spec = LatentSpec(**SHAPE, num_codebooks=0, codebook_size=0, mean=mean, mean_std=mean_std)
    normal = spec.normalize(latents)
    assert abs(normal.mean()) < 1e-12 and normal.std(dim=1).mean().item() == pytest.approx(1.0)
    torch.testing.assert_close(spec.unnormalize(normal), latents)
    assert spec.unnormalize(0.0) == mean
