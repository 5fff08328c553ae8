"""The paradigm protocol: (target, conditions, lengths) tensors in, loss or latents out.

Shapes: B batch, J controls of the model, K codebooks, T latent frames, V codebook size, D latent channels, L text
tokens.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from counterpoint.analysis.tracks import NOT_GIVEN
from counterpoint.backbone import Backbone, Memory
from counterpoint.conditioning import ControlEmbedding, TextEncoder, TextTokens, drop_controls, drop_text
from counterpoint.config import InpaintingMethod, LatentSpec, ModelConfig, SamplingConfig, UserError
from counterpoint.config.registry import load_object
from counterpoint.config.room import require_memory
from counterpoint.kernels import Precision, pack
from counterpoint.paradigm.entry import PARADIGMS, ParadigmEntry, View
from counterpoint.paradigm.watch import Watch

DTYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
"""Data types of the weights on a GPU, by precision."""


@dataclass(frozen=True)
class LossOutput:
    """Attributes:
    loss: scalar to minimise.
    per_example: [B] the reported loss (Eq. 1, Eq. 4) of each example, detached; `loss` is its mean unless another loss
        is minimised (`ModelConfig.loss_weight`).
    """

    loss: Tensor
    per_example: Tensor


@dataclass(frozen=True)
class Sample:
    """A drawn sample; exactly one of `codes` and `latents` is set.

    Attributes:
        codes: [B, K, T] long, auto-regressive.
        latents: [B, T, D] float in the codec's own scale, flow matching.
        network_evaluations: number of backbone passes.
        model_evaluations: number of passes with the rows of guidance: a guided pass counts as two (or three).
        entropies: [B, T] entropy in nats of the distribution of each code of the first codebook, guided and at the
            sampling temperature, before top-k and top-p (App. I); auto-regressive only.
        endings: [B] probability that the model gives to <eos> at the end of the span (App. J); only for inpainting by
            an auto-regressive model.
    """

    codes: Tensor | None
    latents: Tensor | None
    network_evaluations: int
    model_evaluations: int
    entropies: Tensor | None = None
    endings: Tensor | None = None


class Paradigm(nn.Module, ABC):
    """A generative model in a codec's latent space. It never sees a waveform, a file or a dataset."""

    windows_at_once = 1
    """Number of windows of long music processed at once, unless there are more samples than that."""
    draws_alone_on_cpu = False
    """Whether a CPU draws clips one by one: matrix products sum in another order for another batch size, and a batch
    saves little time."""
    packs_fp32 = False
    """Whether packed weights are faster on a CPU in full precision, too, as they are for few rows at once."""
    backbone: Backbone
    text: TextEncoder
    """Set by the constructor of each paradigm, which thereby decides the order of its weights."""

    def __init__(self, config: ModelConfig, latent: LatentSpec):
        super().__init__()
        self.config = config
        self.latent = latent
        self.controls = ControlEmbedding(config, latent) if config.controls else None

    @property
    def entry(self) -> ParadigmEntry:
        """Its entry in the registry."""
        return PARADIGMS[self.config.paradigm]

    @property
    def target(self) -> View:
        """The view of the encoding that it models."""
        return self.entry.view

    def lay_out(self, *, device: str, precision: Precision, compiled: bool = False) -> None:
        """Move the model, in place, to its device and into the format in which it draws fastest.

        Raises:
            UserError: `compiled` is set, and the paradigm's network cannot be compiled.
        """
        if compiled:
            raise UserError(f"{self.entry.label} models cannot be compiled: leave out --compile.")
        if device != "cpu":
            self.to(device, DTYPES[precision])
        elif precision != "fp32" or self.packs_fp32:
            pack(self, precision=precision)

    def prepare(self, captions: Sequence[str | None], *, truncate: bool = False) -> TextTokens:
        """Tokenise captions; None or an empty one is the null condition.

        Args:
            truncate: cut a caption that is too long instead of refusing it, as in training, where no caption may fail.

        Raises:
            UserError: a caption is too long.
        """
        return self.text.prepare(captions, truncate=truncate)

    def remember(self, text: TextTokens) -> Memory:
        """The memory of a batch's captions for cross-attention, for sampling; empty if no row has a caption."""
        if not bool(text.mask.any()):
            return self.backbone.nothing()
        return self.backbone.remember(self.text(text), mask=text.mask)

    @abstractmethod
    def initialise(self, generator: torch.Generator) -> None:
        """Draw every trainable weight; the backbone's blocks and the text encoder's come first, so that one seed gives
        all paradigms the same ones."""

    def calibrate(self, latents: Tensor) -> None:
        """Take the statistics that the model needs from frames [N, D] of raw latents before a training; by default
        there are none."""

    @abstractmethod
    def forward(
        self,
        target: Tensor,
        *,
        text: TextTokens,
        lengths: Tensor,
        generator: torch.Generator,
        controls: Tensor | None = None,
    ) -> LossOutput:
        """Training loss.

        Args:
            target: [B, K, T] codes or [B, T, D] raw latents, padded at the end.
            text: from `prepare`; dropped per sample inside, with probability `text_dropout`, in training mode only.
            lengths: [B] valid frames.
            generator: source of every random draw.
            controls: [B, J, T] classes (`analysis.tracks`), `NOT_GIVEN` for frames without a request; None for no
                request at all. They are dropped like text.
        """

    @abstractmethod
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
        """Draw one sample per caption; sample b depends only on `generators[b]`, not on the rest of the batch.

        Args:
            lengths: [B] frames to draw; shorter ones are padded at the end.
            window: frames that the network processes at once; longer music is drawn in windows. None: no limit.
            controls: [B, J, T], as in `forward`.
            watch: called after every pass of the network; an exception that it raises stops the drawing.
        """

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
        """Replace a span of each sample, given the music before and after it (5.3).

        Outside the spans the result equals `target`; the content of `target` inside the spans is not read.

        Args:
            target: [B, K, T] codes or [B, T, D] raw latents; every frame is valid.
            spans: [B, 2] first frame and the one after the last, 0 <= start < stop <= T; all have the same length. A
                span may touch either end, or both.
            text: captions of the whole; as in `sample`.
            generators: as in `sample`.
            method: one of `inpainting_methods`; by default the first.
            controls: [B, J, T], for the whole.
            watch: as in `sample`.

        Raises:
            UserError: the model does not support the method, or T exceeds its positions.
        """
        self.inpainting_method(method)
        raise NotImplementedError(f"{type(self).__name__} names methods of inpainting and has none")

    def inpainting_methods(self) -> tuple[InpaintingMethod, ...]:
        """The methods that this model supports, the best first; by default none."""
        return ()

    def inpainting_method(self, method: InpaintingMethod | None) -> InpaintingMethod:
        """`method`, or the first method that the model supports.

        Raises:
            UserError: the model does not support it; the sentence names the methods that it supports.
        """
        known = self.inpainting_methods()
        if not known:
            able = ", ".join(entry.name for entry in PARADIGMS.values() if entry.zero_shot)
            raise UserError(
                "This model was not trained to inpaint: fine-tune it with model.inpainting, "
                f"or use a model that needs no training for it ({able})."
            )
        chosen = method or known[0]
        if chosen not in known:
            raise UserError(
                f"This model cannot inpaint by {chosen!r}"
                + (", for which it was not trained" if chosen == "supervised" else "")
                + f"; it supports {', '.join(known)}."
            )
        return chosen

    def max_frames(self) -> int:
        """The greatest T that the positions allow."""
        return self.config.backbone.max_positions

    def drop_conditions(
        self, text: TextTokens, controls: Tensor | None, *, generator: torch.Generator
    ) -> tuple[TextTokens, Tensor | None]:
        """Hide some of a batch's conditions, in training mode only (4.5)."""
        if not self.training:
            return text, controls
        text = drop_text(text, p=self.config.text_dropout, generator=generator)
        if controls is None:
            return text, None
        hidden = ~text.mask.any(dim=1)
        return text, drop_controls(controls, p=self.config.control_dropout, hidden=hidden, generator=generator)

    def tracks(self, controls: Tensor | None, *, batch: int, frames: int) -> Tensor | None:
        """Tracks [B, J, T], all `NOT_GIVEN` without a request; None for a model without controls."""
        J = len(self.config.controls)
        if not J:
            assert controls is None, "the model has no controls"
            return None
        if controls is None:
            device = next(self.parameters()).device
            return torch.full((batch, J, frames), NOT_GIVEN, device=device)
        assert controls.shape == (batch, J, frames), (tuple(controls.shape), (batch, J, frames))
        return controls


def check_frames(frames: int, *, limit: int) -> None:
    """
    Raises:
        UserError: there are more frames than the positions of the backbone allow, or none.
    """
    if frames < 1:
        raise UserError("There are no frames to process: choose a longer duration.")
    if frames > limit:
        raise UserError(
            f"{frames:,} frames exceed the {limit:,} positions of the model: "
            "choose a shorter duration, or raise backbone.max_positions and train again."
        )


def build_paradigm(config: ModelConfig, latent: LatentSpec, *, seed: int = 0) -> Paradigm:
    """Build the model of a configuration for the latents of one codec, with weights drawn from `seed`.

    One seed gives all built-in paradigms the same blocks and the same text encoder.

    Raises:
        UserError: the paradigm needs codes, and the codec has none; or the weights do not fit into memory.
    """
    entry = PARADIGMS[config.paradigm]
    if entry.view == "codes" and not latent.num_codebooks:
        free = ", ".join(other.name for other in PARADIGMS.values() if other.view == "latents")
        raise UserError(
            f"{entry.label} models need codes, and the codec {latent.codec!r} has none: use a paradigm without codes "
            f"({free}), or encode the dataset with a codec that has codebooks."
        )
    _check_memory(config, latent, entry=entry)
    paradigm: Paradigm = load_object(entry.model)(config, latent)
    paradigm.initialise(torch.Generator().manual_seed(seed))
    return paradigm


def _check_memory(config: ModelConfig, latent: LatentSpec, *, entry: ParadigmEntry) -> None:
    """Refuse sizes that do not fit into memory, before an allocator fails, possibly after hours."""
    require_memory(
        4 * entry.cost.parameters(config, latent, text_width=_text_width(config)),
        needs=f"The weights of {config.backbone.layers:,} layers of width {config.backbone.width:,} need",
        remedy="choose a smaller backbone or text encoder",
    )


def _text_width(config: ModelConfig) -> int | None:
    """Width of a frozen text encoder, whose own weights are counted elsewhere; T5's widths are near this one."""
    return 1024 if config.text.encoder == "t5" else None


def parameter_count(module: nn.Module) -> int:
    """Number of trainable weights, without those of a frozen text encoder."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
