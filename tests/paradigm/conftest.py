"""Small paradigms for the tests of this folder."""

import pytest
import torch

from counterpoint.config import BackboneConfig, LatentSpec, ModelConfig, TextConfig, pick_sampling
from counterpoint.paradigm import build_paradigm

LATENT = LatentSpec(
    codec="test",
    sample_rate=8000,
    frame_rate=25,
    num_codebooks=3,
    codebook_size=11,
    latent_dim=6,
    mean=0.5,
    mean_std=4.0,
)


class Kit:
    """What the tests need of both paradigms."""

    latent = LATENT

    @staticmethod
    def build(paradigm, *, latent=LATENT, seed=0, dropout=0.2, layers=2, **kwargs):
        config = ModelConfig(
            paradigm=paradigm,
            backbone=BackboneConfig(layers=layers, width=32, heads=2, feed_forward=64, max_positions=64),
            text=TextConfig(width=16, buckets=64),
            text_dropout=dropout,
            **kwargs,
        )
        return build_paradigm(config, latent, seed=seed).eval()

    @staticmethod
    def target(paradigm, *, batch, frames, seed=1):
        generator = torch.Generator().manual_seed(seed)
        if paradigm.target == "codes":
            shape = (batch, paradigm.latent.num_codebooks, frames)
            return torch.randint(0, paradigm.latent.codebook_size, shape, generator=generator)
        return torch.randn(batch, frames, paradigm.latent.latent_dim, generator=generator) * 4 + 0.5

    @staticmethod
    def sampling(paradigm, **settings):
        """Of the settings those that the paradigm has."""
        return pick_sampling(paradigm.config.paradigm, settings)

    @staticmethod
    def generators(*seeds):
        return [torch.Generator().manual_seed(seed) for seed in seeds]

    @staticmethod
    def drawn(sample):
        """[B, T, K or D], whichever the paradigm draws."""
        return sample.latents if sample.codes is None else sample.codes.transpose(1, 2)


@pytest.fixture(scope="session")
def kit():
    return Kit
