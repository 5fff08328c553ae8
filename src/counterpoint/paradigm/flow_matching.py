"""The flow-matching paradigm: regress the velocity from noise to latents, then integrate it (3.3, Eq. 2-5).

Shapes: B batch, P passes of guidance, J controls, T latent frames, D latent channels, C width, L text tokens.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from counterpoint.backbone import Backbone, Memory, fill
from counterpoint.conditioning import Guidance, TextTokens, build_text_encoder, plan_guidance
from counterpoint.config import FlowMatchingSampling, InpaintingMethod, LatentSpec, ModelConfig, SamplingConfig
from counterpoint.kernels import Precision
from counterpoint.paradigm.base import LossOutput, Paradigm, Sample, check_frames
from counterpoint.paradigm.flow_matching_cost import TIME_CHANNELS
from counterpoint.paradigm.gaussian import LinearGaussian
from counterpoint.paradigm.solvers import SOLVERS, grid, solve
from counterpoint.paradigm.spans import draw_spans, inside
from counterpoint.paradigm.watch import Drawing, Watch
from counterpoint.paradigm.windows import Windows, plan_windows
from counterpoint.paradigm.zero_shot import ZERO_SHOT, Task


class FlowMatching(Paradigm):
    """Linear(D [+ controls] -> C); the bidirectional backbone with U-Net-like skips; Linear(C -> D)."""

    windows_at_once = 4  # bounds the memory for long music
    draws_alone_on_cpu = True  # costs 6% more CPU time than four at once, for 3 s of `pocket`

    def __init__(self, config: ModelConfig, latent: LatentSpec):
        super().__init__(config, latent)
        width, D = config.backbone.width, latent.latent_dim
        self.text = build_text_encoder(config.text, width=width)
        self.embed = nn.Linear(D, width, bias=False)
        self.time = TimeEmbedding(width)
        self.backbone = Backbone(config.backbone, causal=False, skips=config.skips)
        self.head = nn.Linear(width, D, bias=False)
        self.known = nn.Parameter(torch.zeros(width)) if config.inpainting else None
        gaussian = config.preconditioning == "gaussian"
        self.gaussian = LinearGaussian(D, sigma_min=config.sigma_min) if gaussian else None

    def initialise(self, generator: torch.Generator) -> None:
        self.backbone.initialise(generator)
        self.text.initialise(generator)
        fill(self.embed.weight, generator)
        self.time.initialise(generator)
        fill(self.head.weight, generator, gain=0.3)  # a field near zero at the start
        self.backbone.initialise_skips(generator)
        if self.controls is not None:
            self.controls.initialise(generator)

    def calibrate(self, latents: Tensor) -> None:
        if self.gaussian is not None:
            self.gaussian.calibrate(self.latent.normalize(latents.double()))

    def velocity(
        self,
        t: Tensor,
        z: Tensor,
        *,
        memory: Memory,
        mask: Tensor | None,
        control: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """The estimate v(t [B], z [B, T, D]) of dz/dt; `mask` [B, T] is None if all frames are valid, and `control`
        [B, T, C] is the result of `steer`.

        The time is added to every cross-attention token, as in JASCO. A hidden caption has no token to read, but still
        reads the time (`Backbone.shift`), like JASCO's zeroed tokens.

        In a preconditioned model, known frames without noise are scaled as all others are at t.
        """
        dtype = self.backbone.norm.weight.dtype  # half precision on a GPU; z and t stay in full precision
        memory = self.backbone.shift(memory, self.time(t).to(dtype))

        def network(z: Tensor) -> Tensor:
            x = self.embed(z.to(dtype))
            if control is not None:
                x = x + control
            return self.head(self.backbone(x, memory=memory, mask=mask, generator=generator)).to(z)

        return network(z) if self.gaussian is None else self.gaussian(t, z, network)

    def steer(self, tracks: Tensor | None, *, known: Tensor | None = None) -> Tensor | None:
        """The vectors added to the embedded input [B, T, C]: those of controls [B, J, T], and, in a model that learns
        to inpaint, a mark on the frames that are `known` [B, T] and not noise. None if there are none."""
        control = None if self.controls is None or tracks is None else self.controls(tracks)
        if self.known is None or known is None:
            return control
        mark = known[:, :, None].to(self.known.dtype) * self.known
        return mark if control is None else control + mark

    def lay_out(self, *, device: str, precision: Precision, compiled: bool = False) -> None:
        """Prepare the model for drawing; see `Paradigm.lay_out`. Compiling an evaluation takes about a minute and pays
        off for many clips of one length on a GPU. Guidance in an interval compiles twice, and so does a last batch of
        another size."""
        if compiled:
            self.velocity = torch.compile(self.velocity, dynamic=False, mode="reduce-overhead")
        super().lay_out(device=device, precision=precision)
        if device != "cpu":
            self.time.float()  # nearby times differ only in full precision
            if self.gaussian is not None:
                self.gaussian.float()

    def forward(
        self,
        target: Tensor,
        *,
        text: TextTokens,
        lengths: Tensor,
        generator: torch.Generator,
        controls: Tensor | None = None,
    ) -> LossOutput:
        """Eq. 4: (1 + t) |v - v_t|^2, the mean over channels and valid frames; the mean of that over examples.

        In its share of the examples, a model that learns to inpaint sees everything except a span without noise
        (Algorithm 2), and the loss is that of the span.

        With `loss_weight` unit, training minimises |F - F_t|^2 of `gaussian` instead, and reports the loss above.
        """
        B, T, _ = target.shape
        check_frames(T, limit=self.max_frames())
        tracks = self.tracks(controls, batch=B, frames=T)
        text, tracks = self.drop_conditions(text, tracks, generator=generator)
        mask = frame_mask(lengths, T)
        z_1 = self.latent.normalize(target.float())
        t = self._times(B, generator=generator).to(target.device)
        z_0 = torch.randn(target.shape, generator=generator, device=generator.device).to(target.device)
        z_t, v_t = path(z_0, z_1, t, sigma_min=self.config.sigma_min)
        counted = torch.ones(B, T, dtype=torch.bool, device=target.device) if mask is None else mask
        known = None
        if self.config.inpainting:
            spans = draw_spans(lengths, share=self.config.inpainting, generator=generator)
            hidden = inside(spans, T)
            known = ~hidden & hidden.any(dim=1, keepdim=True)
            z_t = z_1.where(known[:, :, None], z_t)
            counted = counted & ~known
        memory = self.backbone.remember(self.text(text), mask=text.mask)
        control = self.steer(tracks, known=known)
        v = self.velocity(t, z_t, memory=memory, mask=mask, control=control, generator=generator)
        error = v.float() - v_t
        per_example = (1 + t) * _mean_square(error, counted=counted)
        loss = per_example.mean()
        if self.training and self.gaussian is not None and self.config.loss_weight == "unit":
            loss = _mean_square(self.gaussian.whiten(t, error), counted=counted).mean()
        return LossOutput(loss=loss, per_example=per_example.detach())

    def _times(self, count: int, *, generator: torch.Generator) -> Tensor:
        """Times [count], t ~ U(0, 1), or in training as configured."""
        if not self.training or self.config.times == "uniform":
            return torch.rand(count, generator=generator, device=generator.device)
        normal = torch.randn(count, generator=generator, device=generator.device)
        return torch.sigmoid(self.config.times_location + self.config.times_scale * normal)

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
        """Draw samples; see `Paradigm.sample`.

        Longer music than the window is one latent, whose velocity is averaged over windows (see `windows`).
        dopri5 chooses its steps for the whole batch, so other samples of the batch may change one within the tolerance.
        """
        sampling = FlowMatchingSampling.of(sampling)
        frames = [int(length) for length in lengths]
        window = min(max(frames), window or max(frames))
        check_frames(window if min(frames) > 0 else 0, limit=self.max_frames())
        device = lengths.device
        valid = frame_mask(lengths, max(frames))
        field = _Field(
            self,
            text=text,
            controls=controls,
            sampling=sampling,
            frames=frames,
            window=window,
            watch=watch,
            total=_solver_passes(sampling),
        )
        z_0 = sampling.temperature * _noise(generators, frames=frames, channels=self.latent.latent_dim).to(device)
        solution = solve(field, z_0, sampling=sampling, valid=valid)
        latents = self.latent.unnormalize(solution.z)
        if valid is not None:
            latents = latents.masked_fill(~valid[:, :, None], 0.0)
        return Sample(
            codes=None,
            latents=latents,
            network_evaluations=solution.evaluations,
            model_evaluations=field.model_evaluations,
        )

    @torch.no_grad()
    def inpaint(
        self,
        target: Tensor,
        *,
        spans: Tensor,
        text: TextTokens,
        sampling: SamplingConfig,
        generators: Sequence[torch.Generator],
        method: InpaintingMethod | None = None,
        controls: Tensor | None = None,
        watch: Watch | None = None,
    ) -> Sample:
        """Fill in spans; see `Paradigm.inpaint`.

        `supervised` is Algorithm 2, with any solver: at every evaluation of the velocity, known frames are set to their
        values. The other methods take Euler steps, whatever `sampling.solver` is.
        """
        chosen, sampling = self.inpainting_method(method), FlowMatchingSampling.of(sampling)
        B, T, D = target.shape
        check_frames(T, limit=self.max_frames())
        known = ~inside(spans, T)
        z_1 = self.latent.normalize(target.float()).masked_fill(~known[:, :, None], 0.0)
        supervised = chosen == "supervised"
        field = _Field(
            self,
            text=text,
            controls=controls,
            sampling=sampling,
            frames=[T] * B,
            window=T,
            known=known if supervised else None,
            watch=watch,
            total=_solver_passes(sampling) if supervised else ZERO_SHOT[chosen].evaluations(sampling.steps),
        )

        def noise() -> Tensor:
            return _noise(generators, frames=[T] * B, channels=D).to(target.device)

        def in_context(t: float, z: Tensor) -> Tensor:
            return field(t, z_1.where(known[:, :, None], z))

        if supervised:
            z = solve(in_context, sampling.temperature * noise(), sampling=sampling).z
        else:
            times = grid(sampling.steps, sway=sampling.sway)
            task = Task(field, z_1, known[:, :, None], times, noise, sigma_min=self.config.sigma_min)
            z = ZERO_SHOT[chosen].fill(task)
        return Sample(
            codes=None,
            latents=target.where(known[:, :, None], self.latent.unnormalize(z).to(target)),
            network_evaluations=field.network_evaluations,
            model_evaluations=field.model_evaluations,
        )

    def inpainting_methods(self) -> tuple[InpaintingMethod, ...]:
        zero_shot = tuple(ZERO_SHOT)
        return ("supervised", *zero_shot) if self.config.inpainting else zero_shot


class _Field:
    """v(t, z) under the conditions of a batch: guided where configured, averaged over windows if there are several.

    Keys and values of the captions, and what the controls add to the input, are computed once, here, for all
    evaluations.

    Attributes:
        network_evaluations: number of passes over all frames so far.
        model_evaluations: the same number with each pass of guidance counted.
    """

    def __init__(
        self,
        model: FlowMatching,
        *,
        text: TextTokens,
        controls: Tensor | None,
        sampling: FlowMatchingSampling,
        frames: Sequence[int],
        window: int,
        known: Tensor | None = None,
        watch: Watch | None = None,
        total: int | None = None,
    ):
        """`known` [B, T] bool marks the frames that are not noise, None marks none; `watch` is called after every
        evaluation, of which there will be `total`."""
        self.watch, self.total = watch, total
        self.model, self.sampling, self.batch = model, sampling, len(frames)
        tracks = model.tracks(controls, batch=self.batch, frames=max(frames))
        self.guidance = plan_guidance(text, controls=tracks, sampling=sampling)
        self.memory = model.remember(text)
        rows = None if tracks is None else self.guidance.control_rows(tracks)
        control = model.steer(rows, known=None if known is None else self.guidance.rows(known))
        # [P, B T, C]
        self.control = None if control is None else control.view(self.guidance.passes, -1, control.shape[-1])
        at_once = max(self.batch, model.windows_at_once)
        self.windows = plan_windows(frames, window=window, at_once=at_once, device=text.ids.device)
        self.network_evaluations = self.model_evaluations = 0

    def __call__(self, t: float, z: Tensor) -> Tensor:
        low, high = self.sampling.guidance_interval
        guidance = self.guidance if low <= t <= high else Guidance()
        self.network_evaluations += 1
        self.model_evaluations += guidance.passes
        frames = z.flatten(0, 1)
        mean = torch.zeros_like(frames)
        for windows in self.windows:
            v = self._velocity(t, frames[windows.frames], windows=windows, guidance=guidance)
            mean.index_add_(0, windows.frames.flatten(), (windows.shares[:, :, None] * v).flatten(0, 1))
        if self.watch is not None:
            done, total = self.network_evaluations, self.total
            self.watch(Drawing(done, total, share=t if total is None else done / total))
        return mean.view_as(z)

    def _velocity(self, t: float, z: Tensor, *, windows: Windows, guidance: Guidance) -> Tensor:
        """Velocities [R, W, D] of windows [R, W, D]."""
        z = guidance.rows(z)
        mask = None if windows.mask is None else guidance.rows(windows.mask)
        control = None
        if self.control is not None:
            control = self.control[: guidance.passes, windows.frames].flatten(0, 1)
        memory = self._memory(windows, captioned=guidance.captioned)  # the other rows have no caption to read
        v = self.model.velocity(z.new_full((len(z),), t), z, memory=memory, mask=mask, control=control)
        return guidance.combine(v)

    def _memory(self, windows: Windows, *, captioned: int) -> Memory:
        whole = len(windows.samples) == self.batch and len(self.windows) == 1 and captioned == 1
        if whole or not len(self.memory.lengths):  # nothing to copy
            return self.memory
        return self.memory.rows(windows.samples.repeat(captioned))


def _solver_passes(sampling: FlowMatchingSampling) -> int | None:
    """Number of evaluations of the solver; None if the solver chooses its steps."""
    each = SOLVERS[sampling.solver].evaluations_a_step
    return None if each is None else each * sampling.steps


class TimeEmbedding(nn.Module):
    """JASCO's embedding: raw t in [0, 1] to a 128-d sinusoid [sin, cos], a swish MLP, and a projection to C."""

    CHANNELS = TIME_CHANNELS

    def __init__(self, width: int):
        super().__init__()
        self.up = nn.Linear(self.CHANNELS, 4 * self.CHANNELS)
        self.mix = nn.Linear(4 * self.CHANNELS, 4 * self.CHANNELS)
        self.project = nn.Linear(4 * self.CHANNELS, width)

    def initialise(self, generator: torch.Generator) -> None:
        for linear in (self.up, self.mix, self.project):
            fill(linear.weight, generator)
            nn.init.zeros_(linear.bias)

    def forward(self, t: Tensor) -> Tensor:
        """Embed times [B] as [B, C], in full precision: bfloat16 has only some hundred distinct times."""
        half = self.CHANNELS // 2
        with torch.autocast(t.device.type, enabled=False):
            frequencies = torch.exp(torch.arange(half, device=t.device) * -(math.log(10_000) / (half - 1)))
            angles = t.float()[:, None] * frequencies
            waves = torch.cat((angles.sin(), angles.cos()), dim=1)
            return self.project(self.mix(F.silu(self.up(waves))))


def path(z_0: Tensor, z_1: Tensor, t: Tensor, *, sigma_min: float) -> tuple[Tensor, Tensor]:
    """Eq. 2: z_t = (1 - (1 - s) t) z_0 + t z_1 and the velocity there, v_t = z_1 - (1 - s) z_0.

    Eq. 2 has v_t at a point y of the path; at y = z_t its denominator cancels, which gives the formula above.

    Args:
        z_0, z_1: [B, T, D] noise and data.
        t: [B].
    """
    t = t[:, None, None]
    return (1 - (1 - sigma_min) * t) * z_0 + t * z_1, z_1 - (1 - sigma_min) * z_0


def _mean_square(error: Tensor, *, counted: Tensor) -> Tensor:
    """Mean square [B] over the channels and the `counted` [B, T] frames of [B, T, D]."""
    squares = error.square().mean(dim=2).masked_fill(~counted, 0.0)
    return squares.sum(dim=1) / counted.sum(dim=1).clamp(min=1)


def frame_mask(lengths: Tensor, frames: int) -> Tensor | None:
    """Mask [B, T], True for valid frames; None if all are valid, for which attention is fastest."""
    if bool((lengths >= frames).all()):
        return None
    return torch.arange(frames, device=lengths.device) < lengths[:, None]


def _noise(generators: Sequence[torch.Generator], *, frames: list[int], channels: int) -> Tensor:
    """Noise [B, T, D]: that of sample b comes from `generators[b]`, in a shape that depends only on its length."""
    noise = torch.zeros(len(frames), max(frames), channels)
    for index, (generator, count) in enumerate(zip(generators, frames, strict=True)):
        noise[index, :count] = torch.randn(count, channels, generator=generator, device=generator.device).cpu()
    return noise
