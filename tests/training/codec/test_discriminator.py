"""Discriminators and their losses."""

import pytest
import torch

from counterpoint.config.codec_training import DiscriminatorConfig
from counterpoint.training.codec.discriminator import (
    Discriminators,
    Judgement,
    accuracy,
    adversarial_loss,
    feature_loss,
    hinge_loss,
)


def judgement(logit: float, feature: float = 1.0) -> list[Judgement]:
    return [Judgement(torch.full((2, 1, 3, 4), logit), [torch.full((2, 5, 3, 4), feature)])]


@pytest.mark.parametrize(
    ("real", "fake", "expected"), [(0.0, 0.0, 2.0), (1.0, -1.0, 0.0), (3.0, -3.0, 0.0), (-1.0, 1.0, 4.0)]
)
def test_hinge(real, fake, expected):
    assert hinge_loss(judgement(real), judgement(fake)).item() == expected


def test_generator_losses_and_accuracy():
    assert adversarial_loss(judgement(1.0)).item() == 0 and adversarial_loss(judgement(-1.0)).item() == 2
    assert feature_loss(judgement(0, 2.0), judgement(0, 3.0)).item() == pytest.approx(0.5)
    assert accuracy(judgement(1.0), judgement(-1.0)).item() == 1
    assert accuracy(judgement(1.0), judgement(1.0)).item() == 0.5


def test_one_judgement_a_window_and_it_hears_phase():
    torch.manual_seed(0)
    model = Discriminators(DiscriminatorConfig(filters=4, windows=(256, 64)))
    audio = torch.randn(2, 2048)
    found = model(audio)
    assert len(found) == 2 and [len(scale.features) for scale in found] == [5, 5]
    assert found[0].logits.shape[:3] == (2, 1, (2048 - 256) // 64 + 1)
    assert not torch.allclose(found[0].logits, model(-audio)[0].logits)


def test_a_generator_that_follows_the_losses_is_believed():
    """Steps along the gradient, on the audio itself, raise what fixed discriminators say of it."""
    torch.manual_seed(0)
    model = Discriminators(DiscriminatorConfig(filters=4, windows=(256, 64)))
    fake = torch.randn(1, 2048, requires_grad=True)
    optimizer = torch.optim.SGD([fake], lr=1e4)
    before = adversarial_loss(model(fake)).item()
    for _ in range(20):
        optimizer.zero_grad()
        adversarial_loss(model(fake)).backward()
        optimizer.step()
    assert adversarial_loss(model(fake)).item() < before - 1e-4
