"""All engines on a CPU against the machine's own limits, which are measured in the same run, in a few minutes.

    python -m counterpoint.bench.engines

The parts are: an auto-regressive step of one clip against reading the weights from memory; eight clips against
`transformers`; how many greedy frames fewer bits leave as they are; forward and backward passes of training, and the
judge, against matrix products; the codec and the judge against real time.

Shapes: B batch, K codebooks, T latent frames, N audio samples.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, product
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from counterpoint.bench import peer
from counterpoint.bench.limits import Limits, measure_bandwidth, measure_limits
from counterpoint.bench.machine import Busy, device_name
from counterpoint.bench.measure import Bench, OutOfMemory
from counterpoint.bench.point import Point
from counterpoint.bench.roofline import predict
from counterpoint.codec import decode, encode_audio, load_codec
from counterpoint.conditioning import plan_guidance
from counterpoint.config import (
    BACKBONES,
    AutoregressiveSampling,
    BackboneConfig,
    LatentSpec,
    ModelConfig,
    SamplingConfig,
    TextConfig,
)
from counterpoint.generate.model import load_model
from counterpoint.kernels import Precision
from counterpoint.metrics.judges.musicnn import MusicnnJudge
from counterpoint.metrics.signals import SAMPLE_RATE
from counterpoint.paradigm import PARADIGMS, Autoregressive, Paradigm, build_paradigm
from counterpoint.paradigm.delay import delay, shift_right, undelay

PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8")
BITS = {"fp32": 32, "fp16": 16.5, "int8": 8.5}
"""Bits of a weight with its share of the scale of a group of 64 by float32."""
GREEDY_MODEL, GREEDY_FRAMES = "pocket_autoregressive", 50
EXAMPLES, SEGMENT = 16, 125
"""Examples of an update and their latent frames: 5 s at 25 Hz."""
TRAINING_LATENT = LatentSpec(
    codec="pocket", sample_rate=32_000, frame_rate=25, num_codebooks=12, codebook_size=256, latent_dim=64
)
STYLES = (
    "piano piece",
    "jazz trio",
    "rock song",
    "electronic track",
    "string quartet",
    "folk tune",
    "funk groove",
    "waltz",
)
MOODS = ("A slow, sad", "A calm", "An upbeat", "A dark", "A dreamy", "A fast, loud", "A gentle", "A lively")


@dataclass(frozen=True)
class Figure:
    """A measured figure.

    Attributes:
        name: what was measured.
        value: the figure in words.
        detail: what it was made of.
    """

    name: str
    value: str
    detail: str


def steps_of_one_clip(limits: Limits, *, backbone: BackboneConfig, seconds: float, repeats: int) -> Iterator[Figure]:
    """Time of a guided auto-regressive step beside the time in which memory gives its weights and caches.

    Programs on the other cores of a shared machine change the speed of memory from one second to the next, so that it
    is measured again before every run.
    """
    for precision in PRECISIONS:
        point = Point(paradigm="autoregressive", backbone=backbone, duration_s=seconds, dtype=precision)
        bench = Bench()  # one model at a time in memory
        shares, each_ms, bound = [], [], ""
        for _ in range(repeats):
            present = limits.model_copy(update={"bandwidth": measure_bandwidth("cpu")})
            run = bench.run(point)
            if not isinstance(run, OutOfMemory):
                limit = predict(point, limits=present, evaluations=run.evaluations)
                shares.append(limit.latency_s / run.seconds)
                each_ms.append(1000 * run.seconds / run.evaluations)
                bound = limit.bound
        if not shares:
            yield Figure(f"Batch 1, {precision}", "out of memory", "")
            continue
        share = f"{statistics.median(shares):.0%} of {bound} speed"
        detail = f"{statistics.median(each_ms):.2f} ms a step of {backbone.layers} x {backbone.width}"
        yield Figure(f"Batch 1, {precision}", share, detail)


def greedy_frames(*, captions: Sequence[str], frames: int = GREEDY_FRAMES) -> Iterator[Figure]:
    """Share of greedy frames that are those of fp32, with the settings of an included model: of frames that follow the
    same frames, and of clips that continue with their own. A clip is another one after its first other frame."""
    given: Tensor | None = None
    for precision in PRECISIONS:
        loaded = load_model(GREEDY_MODEL, device="cpu", precision=precision)
        model, chosen = loaded.paradigm, AutoregressiveSampling.of(loaded.how({"temperature": 0.0}))
        assert isinstance(model, Autoregressive)
        own = _greedy(model, captions, frames=frames, sampling=chosen.model_copy(update={"codebooks": None}))
        if given is None:
            given = own
            continue
        following = _following(model, captions, codes=given, sampling=chosen)
        decoded = slice(0, chosen.codebooks)
        same, kept = ((codes == given)[:, decoded].all(dim=1) for codes in (own, following))
        whole, before = same.float().mean().item(), same.long().cumprod(dim=1).float().mean().item()
        yield Figure(
            f"Greedy frames of {precision} as of fp32",
            f"{kept.float().mean().item():.1%} after the same frames",
            f"{whole:.0%} after their own, {before:.0%} before a clip's first other one; "
            f"{BITS[precision]} bits a weight, {len(captions)} clips",
        )


def _greedy(model: Autoregressive, captions: Sequence[str], *, frames: int, sampling: SamplingConfig) -> Tensor:
    """Codes [B, K, T] of clips."""
    generators = [torch.Generator().manual_seed(0) for _ in captions]
    lengths = torch.full((len(captions),), frames)
    drawn = model.sample(text=model.prepare(captions), lengths=lengths, sampling=sampling, generators=generators)
    assert drawn.codes is not None
    return drawn.codes


@torch.no_grad()
def _following(model: Autoregressive, captions: Sequence[str], *, codes: Tensor, sampling: SamplingConfig) -> Tensor:
    """The likeliest codes [B, K, T], each after the given ones before it."""
    text, tracks = model.prepare(captions), model.tracks(None, batch=len(codes), frames=codes.shape[2])
    guidance = plan_guidance(text, controls=tracks, sampling=sampling)
    delayed = delay(codes, lengths=torch.full((len(codes),), codes.shape[2]), filler=model.filler)
    logits = model.logits(
        guidance.rows(shift_right(delayed, filler=model.filler)),
        memory=model.remember(text.repeated(guidance.captioned)),
        control=None if tracks is None else model.steer(guidance.control_rows(tracks)),
    )
    return undelay(guidance.combine(logits)).argmax(dim=-1)


def passes_of_training(limits: Limits, *, sizes: Sequence[tuple[int, int]], repeats: int) -> Iterator[Figure]:
    """Forward and backward passes of every paradigm, in FLOP/s, beside a large matrix product."""
    for layers, width in sizes:
        for entry in PARADIGMS.values():
            backbone = BackboneConfig(layers=layers, width=width, heads=4, feed_forward=4 * width)
            config = ModelConfig(paradigm=entry.name, backbone=backbone, text=TextConfig(buckets=4096, width=128))
            model = build_paradigm(config, TRAINING_LATENT, seed=0).train()
            rate, seconds = _rate(partial(_pass, model), repeats=repeats)
            share = f"{rate / limits.rate('fp32'):.0%} of a matrix product"
            yield Figure(f"Training {entry.short}, width {width}", share, _detail(rate, seconds))


def _pass(model: Paradigm) -> None:
    """The loss of a batch and its gradients."""
    draw = torch.Generator().manual_seed(0)
    latent, shape = model.latent, (EXAMPLES, SEGMENT)
    target = {
        "codes": torch.randint(latent.codebook_size, (EXAMPLES, latent.num_codebooks, SEGMENT), generator=draw),
        "latents": torch.randn(*shape, latent.latent_dim, generator=draw),
    }[model.entry.view]
    text = model.prepare(["a slow and sad piano piece in a minor key"] * EXAMPLES)
    lengths = torch.full((EXAMPLES,), SEGMENT)
    model(target, text=text, lengths=lengths, generator=draw).loss.backward()


def music_through(limits: Limits, *, seconds: float, repeats: int) -> Iterator[Figure]:
    """The codec and the judge on music of some seconds."""
    time_s = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tones = sum(np.sin(2 * np.pi * pitch * time_s) for pitch in (110.0, 277.2, 440.0, 659.3)) / 8
    audio = (tones + np.random.default_rng(0).normal(scale=0.02, size=len(time_s))).astype(np.float32)
    codec, judge = load_codec("pocket"), MusicnnJudge()
    encoding = encode_audio(audio[: codec.sample_rate], codec)
    works: dict[str, Callable[[], object]] = {
        "Encoding": lambda: encode_audio(audio, codec),
        "Decoding": lambda: decode(codec, latents=encoding.latents.repeat(1, int(seconds), 1)),
        "The judge": lambda: judge.analyze(audio, device="cpu"),
    }
    for name, work in works.items():
        rate, taken_s = _rate(work, repeats=repeats)
        share = f"{rate / limits.rate('fp32'):.0%} of a matrix product"
        yield Figure(
            name, f"{1000 * taken_s / seconds:.2f} ms per second of music", f"{share}, {_detail(rate, taken_s)}"
        )


def _rate(work: Callable[[], object], *, repeats: int) -> tuple[float, float]:
    """FLOP/s of products, convolutions and attention of `work`, and its seconds, the median of some runs after one that
    counts."""
    with FlopCounterMode(display=False, custom_mapping=ATTENTION) as counter:
        work()
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    seconds = statistics.median(taken)
    return counter.get_total_flops() / seconds, seconds


def _attention(query: Sequence[int], key: Sequence[int], *, is_causal: bool, products: int) -> int:
    """FLOPs of some products of [B, H, S, D] with [B, H, L, D], of which a causal one is half a one."""
    (B, H, S, D), L = query, key[2]
    return 2 * products * B * H * D * (S * (S + 1) // 2 if is_causal else S * L)


def _forward(query: Any, key: Any, value: Any, dropout: float = 0.0, is_causal: bool = False, **_: Any) -> int:
    return _attention(query, key, is_causal=is_causal, products=2)


def _backward(
    gradient: Any, query: Any, key: Any, value: Any, out: Any, sums: Any, dropout: float, is_causal: bool, **_: Any
) -> int:
    """The weights once more, and the gradients of weights, queries, keys and values."""
    return _attention(query, key, is_causal=is_causal, products=5)


ATTENTION: dict[Any, Any] = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _forward,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _backward,
}
"""FLOPs of attention, which `FlopCounterMode` does not count on a CPU."""


def _detail(rate: float, seconds: float) -> str:
    return f"{rate / 1e9:.0f} GFLOP/s, {1000 * seconds:.0f} ms"


@dataclass(frozen=True)
class Plan:
    """How much is measured; the defaults take under six minutes on two cores.

    Attributes:
        backbone: of the steps of one clip.
        seconds: of that clip.
        shape: of the comparison with `transformers`.
        captions: number of greedy clips.
        sizes: layers and widths of the trainings.
        music_s: seconds of music for the codec and the judge.
        repeats: number of runs, of which the median counts.
    """

    backbone: BackboneConfig = BACKBONES["musicgen-small"]
    seconds: float = 1.0
    shape: str = "small"
    captions: int = 64
    sizes: tuple[tuple[int, int], ...] = ((4, 192), (6, 256))
    music_s: float = 60.0
    repeats: int = 3


def run(plan: Plan) -> list[Figure]:
    """Measure and print everything, part by part."""
    before = Busy.now()
    limits = measure_limits("cpu")
    print(
        f"{device_name('cpu')}: {limits.rate('fp32') / 1e9:.0f} GFLOP/s, {limits.bandwidth / 1e9:.1f} GB/s", flush=True
    )
    captions = [f"{mood} {style}" for style, mood in product(STYLES, MOODS)][: plan.captions]
    parts = (
        greedy_frames(captions=captions),
        passes_of_training(limits, sizes=plan.sizes, repeats=plan.repeats),
        music_through(limits, seconds=plan.music_s, repeats=plan.repeats),
        steps_of_one_clip(limits, backbone=plan.backbone, seconds=plan.seconds, repeats=plan.repeats),
    )
    figures = []
    for figure in chain.from_iterable(parts):
        print(f"{figure.name:34}{figure.value:32}{figure.detail}", flush=True)
        figures.append(figure)
    print(f"\n{peer.run(plan.shape, batches=[1, 8], frames=47, repeats=plan.repeats)}")
    foreign = Busy.now().foreign_since(before)
    if foreign is not None:
        print(f"Other programs used {foreign:.0%} of the processors.")
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=list(peer.SHAPES), default="small", help="of the comparison")
    run(Plan(shape=parser.parse_args().shape))


if __name__ == "__main__":
    main()
