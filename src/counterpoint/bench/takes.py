"""Estimates for a training run and for drawing clips: FLOPs, time, memory and disk, from configuration and device.

`paradigm.cost` counts a forward pass; a backward pass counts as two. Time is arithmetic at a share of the device's
speed of large matrix products (`bench/devices.yaml`); sampling also waits for memory and launches.

Shapes: B batch, T latent frames, C width, P trainable parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from counterpoint.analysis.tracks import track_classes
from counterpoint.audio import frames
from counterpoint.bench.draw import Draw
from counterpoint.config import LatentSpec, ModelConfig, TrainingConfig
from counterpoint.paradigm import PARADIGMS
from counterpoint.paradigm.cost import Job
from counterpoint.runs.latents import known_latent

if TYPE_CHECKING:
    from counterpoint.bench.limits import Limits
    from counterpoint.kernels import Precision

SHARE = {"cuda": 0.5, "cpu": 0.6}
"""Share of the speed of large matrix products that training and sampling reach. cpu: measured; six trainings of a 4 x
192 backbone on two free cores reached 0.54 to 0.69, flow matching's evaluations 0.58 to 0.72. cuda: assumed; on an H100
it is 400 TFLOP/s, 40% of its nominal peak, which published trainings of such transformers report."""
FLOOR_S = {"cuda": 0.75e-3, "cpu": 8e-3}
"""Additional seconds per step or evaluation of sampling: launches, and drawing of tokens. cpu: measured on the same
backbone; cuda: assumed."""
FORWARD_AND_BACKWARD = 3
VALIDATION_EXAMPLES = 128
"""Number of examples at every validation (`training.generative`)."""
FROZEN_PARAMETERS = {"t5-small": 35_330_816, "t5-base": 109_628_544, "t5-large": 334_939_648}
"""Parameters of T5's encoder, by name; others count as t5-base."""
T5_WIDTHS = {"t5-small": 512, "t5-base": 768, "t5-large": 1024}
SAMPLE_BYTES = 2
"""Bytes of a clip's sample on disk."""
ENCODED_BYTES = 2
"""Bytes of a code and of a latent channel on disk."""
_BYTES: dict[Precision, int] = {"bf16": 2, "fp32": 4}


@dataclass(frozen=True)
class TrainingMemory:
    """Bytes on one device that holds a whole micro-batch.

    Attributes:
        weights, gradients, average: 4 P each.
        moments: AdamW's two, 8 P.
        copies: copies of the weights in bf16, 2 P, under autocast.
        frozen: the text encoder, if it is T5.
        activations: values kept for the backward pass; see `CostModel.activation_bytes`.
    """

    weights: int
    gradients: int
    moments: int
    average: int
    copies: int
    frozen: int
    activations: int

    @property
    def total(self) -> int:
        return sum(getattr(self, field.name) for field in fields(self))


@dataclass(frozen=True)
class TrainingEstimate:
    """The estimate of one run.

    Attributes:
        latent: latents of its codec.
        parameters: P.
        update_flops: FLOPs of the forward and backward passes of one batch.
        flops: FLOPs of all updates and of the validations.
        seconds: time on one device.
        disk: bytes of the kept checkpoints, and of one more while it is written.
        accumulate: number of micro-batches per update that fit into the device's memory: the configured one if it does;
            None if none does.
    """

    config: TrainingConfig
    latent: LatentSpec
    parameters: int
    update_flops: float
    flops: float
    seconds: float
    memory: TrainingMemory
    disk: int
    accumulate: int | None


@dataclass(frozen=True)
class DrawEstimate:
    """The estimate of all clips of one system.

    Attributes:
        evaluations: number of network evaluations for a batch.
        flops, seconds: totals.
        memory: peak memory in bytes, including the weights.
        disk: bytes of the clips.
    """

    draw: Draw
    evaluations: int
    flops: float
    seconds: float
    memory: int
    disk: int


def training_estimate(config: TrainingConfig, *, device: Limits) -> TrainingEstimate:
    """The estimate of one run on one device."""
    latent = known_latent(config.data.codec).spec
    one = forward_flops(config.model, latent, frames=_segment(config, latent))
    update = FORWARD_AND_BACKWARD * config.batch_size * one
    validations = config.steps // config.validate_every + 1
    flops = config.steps * update + validations * VALIDATION_EXAMPLES * one
    count = trainable(config.model, latent)
    memory = training_memory(config, latent)
    return TrainingEstimate(
        config=config,
        latent=latent,
        parameters=count,
        update_flops=update,
        flops=flops,
        seconds=flops / (SHARE[device.kind] * device.rate(precision_of(config.precision, device))),
        memory=memory,
        disk=20 * count * (config.keep_checkpoints + 1),
        accumulate=_accumulate_that_fits(config, latent, device),
    )


def looking_s(config: TrainingConfig, *, examples: int, device: Limits) -> float:
    """Seconds of a run's network over so many examples, without drawing or learning."""
    latent = known_latent(config.data.codec).spec
    flops = examples * forward_flops(config.model, latent, frames=_segment(config, latent))
    return flops / (SHARE[device.kind] * device.rate(precision_of("fp32", device)))


def forward_flops(config: ModelConfig, latent: LatentSpec, *, frames: int) -> float:
    """FLOPs of one example of T frames, without guidance and without a frozen text encoder, which is below 1%."""
    cost = PARADIGMS[config.paradigm].cost
    columns = cost.columns(config, latent, frames=frames)
    embedding = 2.0 * columns * len(config.controls) * config.control_width * config.backbone.width
    return cost.example(config, latent, frames=frames).flops + embedding


def trainable(config: ModelConfig, latent: LatentSpec) -> int:
    """P: the parameters of the paradigm's cost model, of controls and of inpainting."""
    cost = PARADIGMS[config.paradigm].cost
    C, width = config.backbone.width, config.control_width
    text = T5_WIDTHS.get(config.text.name, 768) if config.text.encoder == "t5" else None
    tables = sum(track_classes(name, codebook_size=latent.codebook_size) + 1 for name in config.controls)
    controls = tables * width + len(config.controls) * width * C
    inpainting = cost.inpainting_weights(config) if config.inpainting else 0
    return cost.parameters(config, latent, text_width=text) + controls + inpainting


def training_memory(config: TrainingConfig, latent: LatentSpec) -> TrainingMemory:
    """Memory of one micro-batch, `batch_size / accumulate` examples."""
    count, text = trainable(config.model, latent), config.model.text
    micro = config.batch_size // config.accumulate
    cost, segment = PARADIGMS[config.model.paradigm].cost, _segment(config, latent)
    kept = cost.activation_bytes(config.model, latent, frames=segment, half=config.precision == "bf16")
    return TrainingMemory(
        weights=4 * count,
        gradients=4 * count,
        moments=8 * count,
        average=4 * count,
        copies=2 * count if config.precision == "bf16" else 0,
        frozen=4 * FROZEN_PARAMETERS.get(text.name, FROZEN_PARAMETERS["t5-base"]) if text.encoder == "t5" else 0,
        activations=micro * kept,
    )


def draw_estimate(draw: Draw, *, device: Limits) -> DrawEstimate:
    """The estimate of all clips of one system on one device; a partial batch counts by its share."""
    latent, config = known_latent(draw.model.data.codec).spec, draw.model.model
    evaluations, length = count_evaluations(draw, latent), frames(draw.duration_s, frame_rate=latent.frame_rate)
    flops, seconds = _batch_cost(draw, latent, device=device, evaluations=evaluations)
    batches = draw.clips / draw.batch_size
    width = _BYTES[precision_of("bf16", device)]
    needed = PARADIGMS[config.paradigm].cost.sampling_bytes(
        config, latent, batch=draw.batch_size, frames=length, passes=_passes(draw), dtype_bytes=width
    )
    return DrawEstimate(
        draw=draw,
        evaluations=evaluations,
        flops=batches * flops,
        seconds=batches * seconds,
        memory=width * trainable(config, latent) + needed,
        disk=round(draw.clips * draw.duration_s * latent.sample_rate * SAMPLE_BYTES),
    )


def count_evaluations(draw: Draw, latent: LatentSpec) -> int:
    """Network passes for one batch with its sampler or method of inpainting."""
    length = frames(draw.duration_s, frame_rate=latent.frame_rate)
    cost = PARADIGMS[draw.model.model.paradigm].cost
    return cost.count(draw.model.model, latent, frames=length, sampling=draw.sampling, method=draw.method)


def _batch_cost(draw: Draw, latent: LatentSpec, *, device: Limits, evaluations: int) -> tuple[float, float]:
    """FLOPs and seconds of one batch.

    Guidance doubles the rows of a pass where it is applied; multi-source guidance triples them. A gradient through the
    network costs another forward pass: half a backward one, because weights need no gradients.
    """
    guided = _guided_share(draw)
    shares = [(True, guided), (False, 1 - guided)]
    costs = [(share, *_pass_costs(draw, latent, device, evaluations, rows)) for rows, share in shares if share]
    times = (2 if draw.method == "gradient" else 1) * (1.5 if _passes(draw) == 3 else 1.0)
    return times * sum(share * flops for share, flops, _ in costs), times * sum(share * s for share, _, s in costs)


def _pass_costs(draw: Draw, latent: LatentSpec, device: Limits, evaluations: int, guided: bool) -> tuple[float, float]:
    """FLOPs and seconds of all passes: each takes the longer of its arithmetic and its reads, plus its launch.

    If passes differ, the one half-way represents all, since costs grow evenly. Captions, read once, are not counted.
    """
    config, precision = draw.model.model, precision_of("bf16", device)
    width, length = _BYTES[precision], frames(draw.duration_s, frame_rate=latent.frame_rate)
    job = Job(batch=draw.batch_size, frames=length, guided=guided, weight_bytes=width, state_bytes=width)
    cost_model = PARADIGMS[config.paradigm].cost
    [(cost, count)] = cost_model.steps(config, latent, job, count=evaluations, looked_at=1)
    limit_s = max(cost.flops / device.rate(precision), cost.traffic / device.bandwidth)
    return count * cost.flops, count * (limit_s / SHARE[device.kind] + FLOOR_S[device.kind])


def _passes(draw: Draw) -> int:
    """Number of passes of guidance, as in `conditioning.plan_guidance`."""
    if draw.sampling.text_guidance and draw.steered:
        return 3
    return 2 if draw.sampling.guidance != 1.0 else 1


def _guided_share(draw: Draw) -> float:
    """Share of guided passes."""
    return 0.0 if _passes(draw) == 1 else PARADIGMS[draw.model.model.paradigm].cost.guided_share(draw.sampling)


def _segment(config: TrainingConfig, latent: LatentSpec) -> int:
    return frames(config.data.segment_s, frame_rate=latent.frame_rate)


def precision_of(wanted: Precision, device: Limits) -> Precision:
    """The format itself, or fp32 if the device's limits do not include it."""
    return wanted if wanted in device.flops else "fp32"


def _accumulate_that_fits(config: TrainingConfig, latent: LatentSpec, device: Limits) -> int | None:
    if device.memory is None:
        return config.accumulate
    for micros in range(config.accumulate, config.batch_size + 1):
        if config.batch_size % micros == 0:
            memory = training_memory(config.model_copy(update={"accumulate": micros}), latent)
            if memory.total <= 0.9 * device.memory:  # the rest is for the allocator and the driver
                return micros
    return None
