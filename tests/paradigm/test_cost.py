"""The cost model against counted weights, counted FLOPs, measured memory, and the numbers it was designed to."""

from functools import partial

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from counterpoint.backbone import Backbone
from counterpoint.config import BackboneConfig, LatentSpec, ModelConfig, TextConfig, pick_sampling
from counterpoint.paradigm import PARADIGMS, build_paradigm, parameter_count
from counterpoint.paradigm.cost import Job

PAPER = LatentSpec(
    codec="encodec", sample_rate=32_000, frame_rate=50, num_codebooks=4, codebook_size=2048, latent_dim=128
)
LATENT = PAPER.model_copy(update={"codebook_size": 64, "latent_dim": 16})
AR, FM = (PARADIGMS[name].cost for name in ("autoregressive", "flow_matching"))
CAPTION = "one two three four five six"


def small(paradigm, **kwargs):
    backbone = BackboneConfig(layers=4, width=64, heads=4, feed_forward=256, max_positions=512)
    return ModelConfig(paradigm=paradigm, backbone=backbone, text=TextConfig(width=32, buckets=128), **kwargs)


def paper(paradigm):
    return ModelConfig(paradigm=paradigm, backbone="musicgen-small")


def counted_flops(run):
    # Only the plain attention's products are counted; the fused kernels of a CPU are unknown to the counter.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter, torch.no_grad():
        run()
    return counter.get_total_flops()


def draw(model, *, batch, frames, guidance=3.0, steps=3):
    return model.sample(
        text=model.prepare([CAPTION] * batch),
        lengths=torch.full((batch,), frames),
        sampling=pick_sampling(model.config.paradigm, {"guidance": guidance, "steps": steps, "temperature": 0}),
        generators=[torch.Generator().manual_seed(seed) for seed in range(batch)],
    )


@pytest.mark.parametrize(
    ("paradigm", "own"),
    [("autoregressive", {}), ("flow_matching", {"skips": "paper"}), ("flow_matching", {"skips": "none"})],
)
def test_parameters_are_those_of_a_built_model(paradigm, own):
    config = small(paradigm, **own)
    assert PARADIGMS[paradigm].cost.parameters(config, LATENT) == parameter_count(build_paradigm(config, LATENT))


def test_parameters_of_musicgen_small():
    assert AR.parameters(paper("autoregressive"), PAPER, text_width=768) == 420_371_456


def test_core_weights_are_those_of_the_backbone():
    config = small("flow_matching")
    found = FM.weights(config, LATENT)
    built = sum(p.numel() for p in Backbone(config.backbone, causal=False, skips="paper").parameters())
    assert found.core + found.cross + found.text + found.skips + found.norms == built


def test_numbers_of_the_design():
    ar, fm = paper("autoregressive"), paper("flow_matching")
    job = Job(batch=1, frames=500)
    full = Job(batch=1, frames=500, engine="reference", text_tokens=0)
    assert AR.weights(ar, PAPER).step == pytest.approx(360.7e6, rel=1e-3)
    assert AR.weights(ar, PAPER).text == pytest.approx(50e6, rel=0.01)
    per_token = AR.step(ar, PAPER, job, position=1).kv_bytes - AR.step(ar, PAPER, job, position=0).kv_bytes
    assert per_token / 2 == 98_304
    assert AR.clip(ar, PAPER, job).flops == pytest.approx(0.75e12, rel=0.07)
    assert FM.step(fm, PAPER, job).flops == pytest.approx(0.81e12, rel=0.07)
    # Both halves in full, as the design counts; here without a text to read.
    assert AR.clip(ar, PAPER, full).flops < AR.clip(ar, PAPER, job).flops
    for tokens, tera in ((16, 2.4), (32, 4.0)):
        reference = Job(batch=1, frames=500, text_tokens=tokens, engine="reference")
        assert AR.clip(ar, PAPER, reference).flops == pytest.approx(tera * 1e12, rel=0.02)


@pytest.mark.parametrize("paradigm", ["autoregressive", "flow_matching"])
def test_flops_are_those_counted_without_guidance(paradigm):
    """Rows without a caption are what engines may differ in, so here there are none."""
    config, frames, batch = small(paradigm), 40, 2
    model = build_paradigm(config, LATENT).eval()
    text = model.prepare([CAPTION])
    job = Job(batch=batch, frames=frames, guided=False, text_tokens=text.ids.shape[1])
    counted = counted_flops(lambda: draw(model, batch=batch, frames=frames, guidance=1.0))
    sampling = pick_sampling(paradigm, {"steps": 3})
    encoder = 2 * batch * text.ids.shape[1] * 32 * 64
    assert counted - encoder == pytest.approx(
        PARADIGMS[paradigm].cost.clip(config, LATENT, job, sampling=sampling).flops, rel=0.03
    )


def test_flops_of_a_caption_are_those_counted():
    config = small("autoregressive")
    model = build_paradigm(config, LATENT)
    counted = counted_flops(lambda: model.backbone.remember(torch.zeros(3, 7, 64), mask=None))
    job = Job(batch=3, frames=1, text_tokens=7)
    assert counted == AR.caption(config, LATENT, job).flops


def test_rows_without_a_caption_cost_no_cross_attention():
    for paradigm in PARADIGMS:
        config, cost = small(paradigm), PARADIGMS[paradigm].cost
        guided, alone, silent = (
            cost.step(config, LATENT, Job(batch=3, frames=20, guided=guided, text_tokens=tokens), position=9)
            for guided, tokens in ((True, 8), (False, 8), (False, 0))
        )
        assert guided.flops == pytest.approx(alone.flops + silent.flops)
        assert guided.cross_bytes == alone.cross_bytes > silent.cross_bytes == 0
        assert guided.weight_bytes == alone.weight_bytes


def test_the_reference_engine_recomputes_and_copies():
    config = small("autoregressive")
    fast, reference = (
        AR.step(config, LATENT, Job(batch=2, frames=50, engine=engine), position=49) for engine in ("fast", "reference")
    )
    assert reference.flops > 2 * fast.flops
    assert reference.kv_bytes == pytest.approx(3 * fast.kv_bytes, rel=0.05)


@pytest.mark.parametrize("paradigm", ["autoregressive", "flow_matching"])
@pytest.mark.parametrize(("batch", "frames"), [(8, 50), (4, 300)])
def test_memory_planned_holds_what_is_measured(paradigm, batch, frames):
    config = small(paradigm)
    model = build_paradigm(config, LATENT).eval()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        draw(model, batch=batch, frames=frames, steps=1)
    live = peak = 0
    for event in profiler.profiler.kineto_results.events():
        if event.name() == "[memory]":
            live += event.nbytes()
            peak = max(peak, live)
    planned = PARADIGMS[paradigm].cost.sampling_bytes(config, LATENT, batch=batch, frames=frames, text_tokens=6)
    assert 0.9 * peak < planned < 2.5 * peak


def test_memory_grows_with_batch_and_frames():
    for paradigm in ("autoregressive", "flow_matching"):
        bytes_of = partial(PARADIGMS[paradigm].cost.sampling_bytes, small(paradigm), LATENT)
        one = bytes_of(batch=1, frames=100)
        assert bytes_of(batch=4, frames=100) == pytest.approx(4 * one, rel=1e-6)
        assert one < bytes_of(batch=1, frames=200)
        assert bytes_of(batch=1, frames=100, dtype_bytes=2) < one
