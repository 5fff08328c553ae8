"""What a study's runs and clips take: FLOPs, time, memory and disk, from its configuration and a device's limits alone.

A forward pass is counted by `paradigm.cost`; a backward pass is twice a forward one. Time is arithmetic at a share of
what large matrix products reach on the device (`bench/devices.yaml`); sampling besides waits for memory and launches.

Shapes: B batch, S steps of a sequence (the frames T; T + K - 1 under the delay), K codebooks, V codebook size,
D latent channels, C width, F width of the feed-forward, N layers, P trainable parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from counterpoint.analysis.tracks import track_classes
from counterpoint.audio import frames
from counterpoint.config import LatentSpec, ModelConfig, TrainingConfig
from counterpoint.study.latents import known_latent

if TYPE_CHECKING:
    from counterpoint.bench.limits import Limits
    from counterpoint.kernels import Precision
    from counterpoint.study.workload import Draw, Workload

SHARE = {"cuda": 0.5, "cpu": 0.6}
"""Of the rate of large matrix products that training and sampling reach. cpu: measured, six trainings of a 4 x 192
backbone on two free cores reached 0.54 to 0.69, flow matching's evaluations 0.58 to 0.72. cuda: assumed; of an H100 it
is 400 TFLOP/s, 40% of its nominal peak, which is what published trainings of transformers of this kind report."""
FLOOR_S = {"cuda": 0.75e-3, "cpu": 8e-3}
"""A step or evaluation of sampling takes so long besides: launches, and drawing of tokens. cpu: measured on the same
backbone; cuda: assumed."""
FORWARD_AND_BACKWARD = 3
VALIDATION_EXAMPLES = 128
"""At every validation (`training.generative`)."""
DOPRI5_EVALUATIONS = 100
"""The solver chooses; the pocket models took 68."""
FROZEN_PARAMETERS = {"t5-small": 35_330_816, "t5-base": 109_628_544, "t5-large": 334_939_648}
"""Of T5's encoder, by name; others are taken for t5-base."""
T5_WIDTHS = {"t5-small": 512, "t5-base": 768, "t5-large": 1024}
SAMPLE_BYTES = 2
"""Of a clip's sample on disk."""
ENCODED_BYTES = 2
"""Of a code and of a latent channel on disk."""
_BYTES: dict[Precision, int] = {"bf16": 2, "fp32": 4}


@dataclass(frozen=True)
class TrainingMemory:
    """Bytes on one device that holds a whole micro-batch.

    Attributes:
        weights, gradients, average: 4 P each.
        moments: AdamW's two, 8 P.
        copies: of the weights in bf16, 2 P, under autocast.
        frozen: the text encoder, where it is T5.
        activations: kept for the backward pass; see `activation_bytes`.
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
    """One run.

    Attributes:
        latent: of its codec.
        parameters: P.
        update_flops: forward and backward of one batch.
        flops: of all updates, and of the validations.
        seconds: on one device.
        disk: bytes of the checkpoints that are kept, and of one more while it is written.
        accumulate: micro-batches an update with which it fits into the device's memory: as configured where that does;
            None where none does.
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
    """All clips of one system.

    Attributes:
        evaluations: of the network for a batch.
        flops, seconds: of all of them.
        memory: bytes at the peak, weights included.
        disk: bytes of the clips.
    """

    draw: Draw
    evaluations: int
    flops: float
    seconds: float
    memory: int
    disk: int


@dataclass(frozen=True)
class Estimate:
    """A study on a device.

    Attributes:
        trainings: each once, however many systems draw from it.
        timed_s: of the points that are timed, at the device's limits: not less.
    """

    device: Limits
    trainings: Sequence[TrainingEstimate]
    draws: Sequence[DrawEstimate]
    timed_s: float = 0.0

    @property
    def training_s(self) -> float:
        return sum(run.seconds for run in self.trainings)

    @property
    def sampling_s(self) -> float:
        return sum(draw.seconds for draw in self.draws)

    @property
    def flops(self) -> float:
        return sum(part.flops for part in (*self.trainings, *self.draws))

    @property
    def clips(self) -> int:
        return sum(found.draw.clips for found in self.draws)

    @property
    def memory(self) -> int:
        """Of the largest run or draw."""
        return max([*(run.memory.total for run in self.trainings), *(draw.memory for draw in self.draws)], default=0)


def estimate(workload: Workload, *, device: Limits) -> Estimate:
    """What the whole of it takes on one such device."""
    from counterpoint.bench.roofline import predict

    runs = {config.model_dump_json(): config for config in workload.trainings if config.steps}
    points = [point.model_copy(update={"dtype": _precision(point.dtype, device)}) for point in workload.timed]
    return Estimate(
        device=device,
        trainings=[training_estimate(config, device=device) for config in runs.values()],
        draws=[draw_estimate(draw, device=device) for draw in workload.draws],
        timed_s=workload.repeats * sum(predict(point, limits=device).latency_s for point in points),
    )


def training_estimate(config: TrainingConfig, *, device: Limits) -> TrainingEstimate:
    """One run on one device."""
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
        seconds=flops / (SHARE[device.kind] * device.rate(_precision(config.precision, device))),
        memory=memory,
        disk=20 * count * (config.keep_checkpoints + 1),
        accumulate=_accumulate_that_fits(config, latent, device),
    )


def forward_flops(config: ModelConfig, latent: LatentSpec, *, frames: int) -> float:
    """Of one example of T frames: as one evaluation of flow matching, or as all steps of an auto-regressive clip, which
    read what was before them as training does; without guidance. A frozen text encoder, below 1%, is not counted.

    A model that learns to inpaint reads T + 3 K columns (App. J).
    """
    from counterpoint.paradigm.cost import Job, clip

    K = latent.num_codebooks
    read = frames + 2 * K + 1 if config.inpainting and config.paradigm == "autoregressive" else frames
    job = Job(batch=1, frames=read, guided=False)
    embedding = 2.0 * read * len(config.controls) * config.control_width * config.backbone.width
    return clip(config, latent, job, evaluations=1).flops + embedding


def trainable(config: ModelConfig, latent: LatentSpec) -> int:
    """P: those of `paradigm.cost.parameters`, of controls and of inpainting."""
    from counterpoint.paradigm.cost import parameters

    C, width = config.backbone.width, config.control_width
    text = T5_WIDTHS.get(config.text.name, 768) if config.text.encoder == "t5" else None
    tables = sum(track_classes(name, codebook_size=latent.codebook_size) + 1 for name in config.controls)
    controls = tables * width + len(config.controls) * width * C
    marks = (4 * C + 1 if config.paradigm == "autoregressive" else C) if config.inpainting else 0
    return parameters(config, latent, text_width=text) + controls + marks


def training_memory(config: TrainingConfig, latent: LatentSpec) -> TrainingMemory:
    """Of one micro-batch, `batch_size / accumulate` examples."""
    count, text = trainable(config.model, latent), config.model.text
    micro = config.batch_size // config.accumulate
    kept = activation_bytes(config.model, latent, frames=_segment(config, latent), precision=config.precision)
    return TrainingMemory(
        weights=4 * count,
        gradients=4 * count,
        moments=8 * count,
        average=4 * count,
        copies=2 * count if config.precision == "bf16" else 0,
        frozen=4 * FROZEN_PARAMETERS.get(text.name, FROZEN_PARAMETERS["t5-base"]) if text.encoder == "t5" else 0,
        activations=micro * kept,
    )


def activation_bytes(config: ModelConfig, latent: LatentSpec, *, frames: int, precision: str) -> int:
    """What the backward pass of one example needs, attention being fused.

    A block keeps, a step: the input of each of three norms and of the matrices after them, q, k and v, both readings
    and the query of the text, and the feed-forward's two: 12 C + 2 F numbers (in bf16 the norms' inputs, 3 C, stay in
    fp32). Flow matching keeps one more C a block, the reading with the time added, and 2 C for each skip.
    Auto-regression keeps K V logits a step, in fp32 and, under autocast, in bf16.
    """
    b, flow = config.backbone, config.paradigm == "flow_matching"
    C, F, half = b.width, b.feed_forward, precision == "bf16"
    block = 30 * C + 4 * F if half else 48 * C + 8 * F
    number = 2 if half else 4
    if flow:
        skips = 2 * C * (b.layers // 2) if config.skips != "none" else 0
        return frames * (b.layers * (block + number * C) + number * skips)
    K, V = latent.num_codebooks, latent.codebook_size
    steps = frames + (3 * K if config.inpainting else K - 1)
    return steps * (b.layers * block + K * V * (6 if half else 4))


def draw_estimate(draw: Draw, *, device: Limits) -> DrawEstimate:
    """All clips of one system on one device; of a batch that is not full, its share."""
    from counterpoint.paradigm.cost import sampling_bytes

    latent, config = known_latent(draw.model.data.codec).spec, draw.model.model
    evaluations, length = count_evaluations(draw, latent), frames(draw.duration_s, frame_rate=latent.frame_rate)
    flops, seconds = _batch_cost(draw, latent, device=device, evaluations=evaluations)
    batches = draw.clips / draw.batch_size
    width = _BYTES[_precision("bf16", device)]
    needed = sampling_bytes(
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
    """Of the network for one batch: steps of auto-regression, or what the solver and the way of inpainting take."""
    if draw.model.model.paradigm == "autoregressive":
        return frames(draw.duration_s, frame_rate=latent.frame_rate) + latent.num_codebooks - 1
    N = draw.sampling.steps
    if draw.method not in (None, "supervised"):
        return {"inversion": 2 * N, "repaint": 2 * N - 1, "projection": N, "gradient": N}[draw.method]
    if draw.sampling.solver == "dopri5":
        return DOPRI5_EVALUATIONS
    return N * (2 if draw.sampling.solver in ("midpoint", "heun") else 1)


def _batch_cost(draw: Draw, latent: LatentSpec, *, device: Limits, evaluations: int) -> tuple[float, float]:
    """FLOPs and seconds of one batch.

    Guidance doubles the rows of an evaluation, in flow matching only while t lies in its interval; multi-source
    guidance triples them. A gradient through the network costs another forward pass: half a backward one, since weights
    need none.
    """
    guided = _guided_share(draw)
    shares = [(True, guided), (False, 1 - guided)]
    costs = [(share, *_pass_costs(draw, latent, device, evaluations, rows)) for rows, share in shares if share]
    times = (2 if draw.method == "gradient" else 1) * (1.5 if _passes(draw) == 3 else 1.0)
    return times * sum(share * flops for share, flops, _ in costs), times * sum(share * s for share, _, s in costs)


def _pass_costs(draw: Draw, latent: LatentSpec, device: Limits, evaluations: int, guided: bool) -> tuple[float, float]:
    """FLOPs and seconds of all passes: each takes the longer of its arithmetic and its reads, and its launch.

    The auto-regressive step half-way stands for all: their costs grow evenly. Captions, read once, are not counted.
    """
    from counterpoint.paradigm.cost import Job, ar_step, fm_evaluation

    config, precision = draw.model.model, _precision("bf16", device)
    width, length = _BYTES[precision], frames(draw.duration_s, frame_rate=latent.frame_rate)
    job = Job(batch=draw.batch_size, frames=length, guided=guided, weight_bytes=width, state_bytes=width)
    if config.paradigm == "autoregressive":
        cost = ar_step(config, latent, job, position=evaluations // 2)
    else:
        cost = fm_evaluation(config, latent, job)
    limit_s = max(cost.flops / device.rate(precision), cost.traffic / device.bandwidth)
    return evaluations * cost.flops, evaluations * (limit_s / SHARE[device.kind] + FLOOR_S[device.kind])


def _passes(draw: Draw) -> int:
    """Of guidance, as `conditioning.plan_guidance` takes them."""
    if draw.sampling.text_guidance and draw.steered:
        return 3
    return 2 if draw.sampling.guidance != 1.0 else 1


def _guided_share(draw: Draw) -> float:
    """Of the evaluations of a fixed grid, those that are guided."""
    if _passes(draw) == 1:
        return 0.0
    if draw.model.model.paradigm == "autoregressive":
        return 1.0
    (low, high), steps = draw.sampling.guidance_interval, draw.sampling.steps
    return sum(low <= step / steps <= high for step in range(steps)) / steps


def _segment(config: TrainingConfig, latent: LatentSpec) -> int:
    return frames(config.data.segment_s, frame_rate=latent.frame_rate)


def _precision(wanted: Precision, device: Limits) -> Precision:
    """The format itself, or fp32 where the device's limits know none of it."""
    return wanted if wanted in device.flops else "fp32"


def _accumulate_that_fits(config: TrainingConfig, latent: LatentSpec, device: Limits) -> int | None:
    if device.memory is None:
        return config.accumulate
    for micros in range(config.accumulate, config.batch_size + 1):
        if config.batch_size % micros == 0:
            memory = training_memory(config.model_copy(update={"accumulate": micros}), latent)
            if memory.total <= 0.9 * device.memory:  # the rest is the allocator's and the driver's
                return micros
    return None
