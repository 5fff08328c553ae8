"""Trivial predictors: their losses are those of the distributions they stand for, and they draw from these."""

from __future__ import annotations

import math

import pytest
import torch

from counterpoint.config import ModelConfig, pick_sampling
from counterpoint.paradigm import PARADIGMS
from counterpoint.paradigm.trivial import TrivialPredictor, build_trivial

V, K = 11, 3


def fitted(kit, paradigm: str, name: str, segments: list[torch.Tensor], **config) -> TrivialPredictor:
    [entry] = [entry for entry in PARADIGMS[paradigm].trivial if entry.name == name]
    predictor = build_trivial(entry, ModelConfig(paradigm=paradigm, **config), kit.latent)
    predictor.fit(segments)
    return predictor


def loss_of(predictor, target: torch.Tensor, lengths: list[int], *, seed: int = 0) -> list[float]:
    text = predictor.prepare([None] * len(target))
    generator = torch.Generator().manual_seed(seed)
    found = predictor(target, text=text, lengths=torch.tensor(lengths), generator=generator)
    return found.per_example.tolist()


def skewed(frames: int, *, seed: int = 0) -> torch.Tensor:
    """[K, T] codes of which 0 is the half and the others share the rest."""
    generator = torch.Generator().manual_seed(seed)
    weights = torch.tensor([V - 1.0] + [1.0] * (V - 1))
    return torch.multinomial(weights, K * frames, replacement=True, generator=generator).view(K, frames)


def test_a_unigram_loss_is_the_cross_entropy_of_the_counts(kit) -> None:
    unigram = fitted(kit, "autoregressive", "unigram", [skewed(4000)])
    entropy = -(0.5 * math.log(0.5) + 0.5 * math.log(0.5 / (V - 1)))
    assert loss_of(unigram, skewed(2000, seed=1)[None], [2000])[0] == pytest.approx(entropy, rel=0.03)
    assert unigram.unigrams.sum(dim=-1).tolist() == pytest.approx([1.0] * K)


def test_a_bigram_knows_what_follows_and_falls_back_where_nothing_does(kit) -> None:
    steps = torch.arange(400) % V
    cycle = torch.stack([steps, (2 * steps) % V, (3 * steps) % V])
    knowing = fitted(kit, "autoregressive", "bigram", [cycle])
    unigram = fitted(kit, "autoregressive", "unigram", [cycle])
    assert loss_of(unigram, cycle[None], [400])[0] == pytest.approx(math.log(V), rel=0.01)
    assert loss_of(knowing, cycle[None], [400])[0] < 0.05
    alike = [skewed(300)]
    unheard = skewed(300, seed=1)[None]
    first, second = (
        loss_of(fitted(kit, "autoregressive", name, alike), unheard, [300])[0] for name in ("unigram", "bigram")
    )
    assert second == pytest.approx(first, rel=0.03), "of independent codes there is nothing to know but their counts"
    assert knowing.after(torch.tensor([[0, 3, 5], [-1, -1, -1]])).sum(dim=-1).flatten().tolist() == pytest.approx(
        [1.0] * 2 * K
    )


def test_padding_does_not_count(kit) -> None:
    bigram = fitted(kit, "autoregressive", "bigram", [skewed(400)])
    codes = skewed(20, seed=2)[None]
    longer = torch.cat((codes, torch.full((1, K, 9), 7)), dim=2)
    assert loss_of(bigram, longer, [20]) == pytest.approx(loss_of(bigram, codes, [20]))


def test_codes_are_drawn_as_they_were_counted_and_by_their_own_seed(kit) -> None:
    steps = torch.arange(400) % V
    cycle = torch.stack([steps, steps, steps])
    bigram = fitted(kit, "autoregressive", "bigram", [cycle])
    sampling = pick_sampling("autoregressive", {})

    def draw(*seeds: int) -> torch.Tensor:
        return bigram.sample(
            text=bigram.prepare([None] * len(seeds)),
            lengths=torch.full((len(seeds),), 60),
            sampling=sampling,
            generators=kit.generators(*seeds),
        ).codes

    codes = draw(5, 6, 7)
    assert codes.shape == (3, K, 60)
    follows = ((codes[:, :, 1:] - codes[:, :, :-1]) % V == 1).float().mean()
    assert follows > 0.95
    assert torch.equal(codes[1], draw(6)[0])
    unigram = fitted(kit, "autoregressive", "unigram", [skewed(4000)])
    drawn = unigram.sample(
        text=unigram.prepare([None] * 4),
        lengths=torch.full((4,), 500),
        sampling=sampling,
        generators=kit.generators(0, 1, 2, 3),
    ).codes
    assert (drawn == 0).float().mean() == pytest.approx(0.5, abs=0.03)


def correlated(frames: int, kit, *, seed: int = 0) -> torch.Tensor:
    """[T, D] raw latents whose channels are mixtures of each other."""
    generator = torch.Generator().manual_seed(seed)
    D = kit.latent.latent_dim
    mixed = torch.randn(frames, D, generator=generator) @ torch.linspace(-1, 2, D * D).view(D, D).sin()
    return kit.latent.mean + kit.latent.mean_std * mixed


def test_the_gaussian_field_is_flow_matching_with_a_silent_network(kit) -> None:
    segments = [correlated(500, kit)]
    field = fitted(kit, "flow_matching", "gaussian", segments)
    model = kit.build("flow_matching", preconditioning="gaussian")
    model.calibrate(segments[0])
    torch.nn.init.zeros_(model.head.weight)
    target = torch.stack([correlated(20, kit, seed=seed) for seed in (1, 2)])
    assert loss_of(field, target, [20, 13]) == pytest.approx(loss_of(model, target, [20, 13]), rel=1e-5)
    text = model.prepare(["a", "b"])
    drawn = [
        each.sample(
            text=text if each is model else each.prepare(["a", "b"]),
            lengths=torch.tensor([20, 20]),
            sampling=pick_sampling("flow_matching", {"steps": 4}),
            generators=kit.generators(1, 2),
        ).latents
        for each in (field, model)
    ]
    assert torch.allclose(drawn[0], drawn[1], atol=1e-4)


def test_the_gaussian_field_beats_a_resting_one_and_draws_the_covariance(kit) -> None:
    field = fitted(kit, "flow_matching", "gaussian", [correlated(4000, kit)])
    unheard = correlated(400, kit, seed=3)[None]
    resting = kit.build("flow_matching")
    torch.nn.init.zeros_(resting.head.weight)
    assert loss_of(field, unheard, [400]) < loss_of(resting, unheard[:, :60], [60])
    drawn = field.sample(
        text=field.prepare([None]),
        lengths=torch.tensor([2000]),
        sampling=pick_sampling("flow_matching", {"steps": 50}),
        generators=kit.generators(0),
    ).latents[0]
    wanted, found = (torch.cov(kit.latent.normalize(each).T) for each in (correlated(4000, kit), drawn))
    assert (found - wanted).abs().max() < 0.15 * wanted.abs().max()


@pytest.mark.parametrize("paradigm", ["autoregressive", "flow_matching"])
def test_a_model_that_fills_in_spans_or_follows_controls_has_predictors_too(kit, paradigm: str) -> None:
    for entry in PARADIGMS[paradigm].trivial:
        segments = [skewed(80) if PARADIGMS[paradigm].view == "codes" else correlated(80, kit)]
        predictor = fitted(kit, paradigm, entry.name, segments, inpainting=0.9, controls=("chords",))
        target = segments[0][None, :, :30] if predictor.target == "codes" else segments[0][None, :30]
        assert all(map(math.isfinite, loss_of(predictor, target, [30])))
