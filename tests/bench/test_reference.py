"""The plain engine draws what `Paradigm.sample` draws."""

from dataclasses import replace

import pytest
import torch

from counterpoint.bench.reference import sample_reference
from counterpoint.config import BackboneConfig, LatentSpec, ModelConfig, TextConfig, pick_sampling
from counterpoint.paradigm import PARADIGMS, build_paradigm
from counterpoint.paradigm.cost import Job

LATENT = LatentSpec(
    codec="test", sample_rate=8000, frame_rate=25, num_codebooks=3, codebook_size=40, latent_dim=6, mean_std=4.0
)
BACKBONE = BackboneConfig(layers=4, width=32, heads=2, feed_forward=64, max_positions=64)
CAPTIONS = ["slow piano, minor key", "drums", None]


def draw_both(paradigm, captions, *, frames=12, skips="paper", **sampling):
    config = ModelConfig(paradigm=paradigm, backbone=BACKBONE, text=TextConfig(width=16, buckets=64), skips=skips)
    model = build_paradigm(config, LATENT, seed=3).eval()
    text, settings = model.prepare(captions), pick_sampling(paradigm, sampling)

    def generators():
        return [torch.Generator().manual_seed(seed) for seed in range(len(captions))]

    lengths = torch.full((len(captions),), frames)
    ours = model.sample(text=text, lengths=lengths, sampling=settings, generators=generators())
    plain = sample_reference(model, text=text, frames=frames, sampling=settings, generators=generators())
    return ours, plain


@pytest.mark.parametrize("captions", [CAPTIONS, ["piano"], [None, None]])
def test_greedy_tokens_are_the_same(captions):
    ours, plain = draw_both("autoregressive", captions, temperature=0, guidance=3)
    assert torch.equal(ours.codes, plain.codes)
    assert len(ours.codes.unique()) > 5
    assert (ours.network_evaluations, ours.model_evaluations) == (plain.network_evaluations, plain.model_evaluations)


@pytest.mark.parametrize("captions", [CAPTIONS, [None]])
@pytest.mark.parametrize("skips", ["paper", "jasco", "none"])
def test_latents_are_the_same(captions, skips):
    ours, plain = draw_both("flow_matching", captions, skips=skips, steps=3)
    assert torch.allclose(ours.latents, plain.latents, atol=1e-4)
    assert ours.latents.std() > 1
    assert ours.network_evaluations == plain.network_evaluations == 3


def test_dopri5_takes_the_same_evaluations():
    ours, plain = draw_both("flow_matching", ["piano", "drums"], solver="dopri5", tolerance=1e-3)
    assert torch.allclose(ours.latents, plain.latents, atol=1e-2)
    assert ours.network_evaluations == plain.network_evaluations > 7


def test_drawn_tokens_are_codes_and_vary():
    _, plain = draw_both("autoregressive", CAPTIONS, top_k=5)
    assert plain.codes.min() >= 0 and plain.codes.max() < LATENT.codebook_size
    assert len(plain.codes.unique()) > 5


@pytest.mark.parametrize("paradigm", ["autoregressive", "flow_matching"])
def test_without_captions_neither_engine_asks_the_text(paradigm):
    """As the cost model counts: no arithmetic of cross-attention but, in flow matching, the value of the time."""
    config = ModelConfig(paradigm=paradigm, backbone=BACKBONE, text=TextConfig(width=16, buckets=64))
    model = build_paradigm(config, LATENT, seed=3).eval()
    calls = []
    for block in model.backbone.blocks:
        block.cross_attention.query.register_forward_hook(lambda *_: calls.append(1))
    text, generators = model.prepare([None]), [torch.Generator().manual_seed(0)]
    settings = pick_sampling(paradigm, {"guidance": 1.0, "steps": 2})
    model.sample(text=text, lengths=torch.tensor([5]), sampling=settings, generators=generators)
    sample_reference(model, text=text, frames=5, sampling=settings, generators=generators)
    assert not calls
    for engine in ("fast", "reference"):
        silent = Job(batch=1, frames=5, guided=False, text_tokens=0, engine=engine)
        read = replace(silent, text_tokens=3)
        cost = PARADIGMS[paradigm].cost
        cross = cost.step(config, LATENT, read).flops - cost.step(config, LATENT, silent).flops
        assert cross > 0 == silent.reading
