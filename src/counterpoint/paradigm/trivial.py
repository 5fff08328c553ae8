"""Trivial predictors: models without a network, as a baseline that a network must outperform.

A trivial predictor is a `Paradigm` that uses frequencies or moments of the training split and ignores captions. Its
loss has the units of its paradigm, with the same draws of times and noise, and it can generate.

    unigram      p(c) of every codebook
    bigram       p(c | the code of the same codebook one frame before)
    gaussian     the velocity E[v | z_t] of independent Gaussian frames (`paradigm.gaussian`)

Shapes: B batch, K codebooks, T latent frames, V codebook size, D latent channels.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from counterpoint.backbone import Backbone
from counterpoint.conditioning import TextTokens, build_text_encoder
from counterpoint.config import BackboneConfig, LatentSpec, ModelConfig, SamplingConfig, TextConfig
from counterpoint.config.registry import load_object
from counterpoint.paradigm.base import LossOutput, Paradigm, Sample
from counterpoint.paradigm.entry import TrivialEntry
from counterpoint.paradigm.flow_matching import FlowMatching
from counterpoint.paradigm.watch import Watch

PRIORS = tuple(10.0**power for power in range(-1, 6))
"""Weights, in observations, of the distribution to which another one backs off."""


class TrivialPredictor(Paradigm):
    """A model without a network. It is built by `build_trivial`, and `fit` must be called first."""

    def __init__(self, config: ModelConfig, latent: LatentSpec):
        nothing = {
            "backbone": BackboneConfig(
                layers=1, width=4, heads=1, feed_forward=1, max_positions=config.backbone.max_positions
            ),
            "text": TextConfig(width=1, buckets=2, max_tokens=config.text.max_tokens),
            "controls": (),
        }
        super().__init__(config.model_copy(update=nothing), latent)

    def initialise(self, generator: torch.Generator) -> None:
        """No weight is drawn, because none is read."""

    @abstractmethod
    def fit(self, segments: Sequence[Tensor]) -> None:
        """Fit the predictor to the training data.

        Args:
            segments: segments of the training split, each [K, T] codes or [T, D] raw latents, without padding.
        """


def build_trivial(entry: TrivialEntry, config: ModelConfig, latent: LatentSpec) -> TrivialPredictor:
    """Build a predictor that is not yet fitted.

    Args:
        config: configuration of the model with which it is compared.
    """
    predictor: TrivialPredictor = load_object(entry.model)(config, latent)
    return predictor.eval()


class GaussianField(TrivialPredictor, FlowMatching):
    """Flow matching with the best velocity that is linear in its own frame: the closed-form part of
    `preconditioning: gaussian`, without a network."""

    def __init__(self, config: ModelConfig, latent: LatentSpec):
        super().__init__(config.model_copy(update={"preconditioning": "gaussian", "skips": "none"}), latent)

    def fit(self, segments: Sequence[Tensor]) -> None:
        """Fit the predictor; see `TrivialPredictor`."""
        self.calibrate(torch.cat(list(segments)))

    def velocity(self, t: Tensor, z: Tensor, **context: Any) -> Tensor:
        """The velocity; see `FlowMatching.velocity`. The context is ignored."""
        assert self.gaussian is not None
        return self.gaussian(t, z, torch.zeros_like)


class Unigram(TrivialPredictor):
    """Codes drawn independently of each other, each codebook by its own frequencies."""

    def __init__(self, config: ModelConfig, latent: LatentSpec):
        super().__init__(config, latent)
        self.codebooks = config.codebooks_of(latent)
        self.text = build_text_encoder(self.config.text, width=self.config.backbone.width)
        self.backbone = Backbone(self.config.backbone, causal=True)
        uniform = torch.full((self.codebooks, latent.codebook_size), 1 / latent.codebook_size)
        self.register_buffer("unigrams", uniform, persistent=False)

    unigrams: Tensor
    """Probabilities [K, V]."""

    def fit(self, segments: Sequence[Tensor]) -> None:
        """Fit the predictor; see `TrivialPredictor`."""
        V = self.latent.codebook_size
        codes = torch.cat([segment[: self.codebooks] for segment in segments], dim=1)
        counts = torch.stack([torch.bincount(own, minlength=V) for own in codes])[:, None].float()
        self.unigrams = backed_off(counts, self.unigrams)[:, 0]

    def after(self, previous: Tensor) -> Tensor:
        """Probabilities [..., K, V] of the codes after `previous` [..., K], in which negative values stand for no
        code."""
        return self.unigrams.expand(*previous.shape, -1)

    def forward(
        self,
        target: Tensor,
        *,
        text: TextTokens,
        lengths: Tensor,
        generator: torch.Generator,
        controls: Tensor | None = None,
    ) -> LossOutput:
        """The loss; see `Paradigm.forward`. Eq. 1: the mean over codebooks of the mean cross-entropy over valid
        frames."""
        codes = target[:, : self.codebooks].transpose(1, 2)
        previous = torch.cat((torch.full_like(codes[:, :1], -1), codes[:, :-1]), dim=1)
        # Examples are processed one by one: [T, K, V] probabilities of a batch would need too much memory.
        per_example = torch.stack(
            [
                -self.after(before).gather(-1, own[..., None]).log()[:frames].mean()
                for own, before, frames in zip(codes, previous, lengths.tolist(), strict=True)
            ]
        )
        return LossOutput(loss=per_example.mean(), per_example=per_example)

    @torch.no_grad()
    def sample(
        self,
        *,
        text: TextTokens,
        lengths: Tensor,
        sampling: SamplingConfig,
        generators: Sequence[torch.Generator],
        window: int | None = None,
        controls: Tensor | None = None,
        watch: Watch | None = None,
    ) -> Sample:
        """Draw samples; see `Paradigm.sample`. Sampling settings and captions are ignored."""
        B, K, T = len(generators), self.codebooks, int(lengths.max())
        uniforms = torch.stack([torch.rand(T, K, generator=generator) for generator in generators])
        drawn = torch.full((B, K), -1)
        codes = []
        for frame in uniforms.to(self.unigrams.device).unbind(dim=1):
            reached = self.after(drawn).cumsum(dim=-1)
            drawn = (reached < frame[..., None] * reached[..., -1:]).sum(dim=-1)
            codes.append(drawn)
        return Sample(torch.stack(codes, dim=2), latents=None, network_evaluations=0, model_evaluations=0)


class Bigram(Unigram):
    """Codes drawn by their frequencies after the preceding code; the first frame is drawn by the unigrams."""

    counts: Tensor
    """Counts [K, V, V] of the second code after the first."""
    weights: Tensor
    """Weights [K, 1, 1] of the unigrams, in observations."""

    def fit(self, segments: Sequence[Tensor]) -> None:
        """Fit the predictor; see `TrivialPredictor`."""
        super().fit(segments)
        K, V = self.unigrams.shape
        pairs = [segment[:K, :-1] * V + segment[:K, 1:] for segment in segments]
        flat = torch.cat(pairs, dim=1) + torch.arange(K)[:, None] * V * V
        counts = torch.bincount(flat.flatten(), minlength=K * V * V).view(K, V, V).float()
        self.register_buffer("counts", counts, persistent=False)
        self.register_buffer("weights", best_priors(counts, self.unigrams), persistent=False)

    def after(self, previous: Tensor) -> Tensor:
        """Probabilities of the next codes; see `Unigram`."""
        books = torch.arange(self.codebooks, device=previous.device)
        known = (previous >= 0)[..., None]
        followed = self.counts[books, previous.clamp(min=0)] * known
        weights = self.weights[:, 0]
        return (followed + weights * self.unigrams) / (followed.sum(dim=-1, keepdim=True) + weights)


def backed_off(counts: Tensor, parent: Tensor) -> Tensor:
    """(counts + w parent) / (their sum + w), [K, N, V]: counts after N contexts, smoothed towards `parent` [K, V].

    w is the best of `PRIORS`, one per codebook.
    """
    weights = best_priors(counts, parent)
    return (counts + weights * parent[:, None]) / (counts.sum(dim=2, keepdim=True) + weights)


def best_priors(counts: Tensor, parent: Tensor) -> Tensor:
    """Weights [K, 1, 1] of `PRIORS` that best predict each observation from all others (leave one out): they maximise
    the sum of n log((n - 1 + w parent) / (N - 1 + w)), n of N observations of a context."""
    found = []
    for own, prior in zip(counts, parent, strict=True):
        context, code = own.nonzero(as_tuple=True)
        n, total, p = own[context, code], own.sum(dim=1)[context], prior[code]
        scores = [float((n * ((n - 1 + w * p) / (total - 1 + w)).log()).sum()) for w in PRIORS]
        found.append(PRIORS[scores.index(max(scores))])
    return counts.new_tensor(found)[:, None, None]
