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
from counterpoint.config.machine import free_memory
from counterpoint.config.registry import load_object
from counterpoint.kernels import Precision, pack
from counterpoint.paradigm.entry import PARADIGMS, ParadigmEntry, View
from counterpoint.paradigm.watch import Watch

DTYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
"""Types of the weights on a GPU, by precision."""


@dataclass(frozen=True)
class LossOutput:
    """Attributes:
    loss: scalar to minimise.
    per_example: [B] the loss that is reported and compared (Eq. 1, Eq. 4) of each example, detached; `loss` is its mean
        unless the model was told to minimise something else (`ModelConfig.loss_weight`).
    """

    loss: Tensor
    per_example: Tensor


@dataclass(frozen=True)
class Sample:
    """What a paradigm drew; exactly one of `codes` and `latents` is set.

    Attributes:
        codes: [B, K, T] long, auto-regressive.
        latents: [B, T, D] float in the codec's own scale, flow matching.
        network_evaluations: backbone passes a sample took.
        model_evaluations: the same with the rows of guidance counted: a guided pass is two (or three).
        entropies: [B, T] nats of the distribution that each code of the first codebook was drawn from, guided and at
            the sampling temperature, before top-k and top-p (App. I); auto-regressive only.
        endings: [B] how probable the model finds it that what it filled in ends where the span does (<eos>, App. J);
            of inpainting by an auto-regressive model.
    """

    codes: Tensor | None
    latents: Tensor | None
    network_evaluations: int
    model_evaluations: int
    entropies: Tensor | None = None
    endings: Tensor | None = None


class Paradigm(nn.Module, ABC):
    """A way to learn and draw music in a codec's latent space. Never sees a waveform, a file or a dataset."""

    windows_at_once = 1
    """How many windows of long music the network sees at once, unless there are more samples than that."""
    draws_alone_on_cpu = False
    """Whether a CPU draws clips one by one: where the products of the network are of matrices, whose sums are made in
    another order for another batch, while a batch saves little."""
    packs_fp32 = False
    """Whether packed weights draw faster on a CPU in full precision too, as they do for few rows at once."""
    backbone: Backbone
    text: TextEncoder
    """A paradigm sets both in its constructor, so that its weights stand in an order of its own."""

    def __init__(self, config: ModelConfig, latent: LatentSpec):
        super().__init__()
        self.config = config
        self.latent = latent
        self.controls = ControlEmbedding(config, latent) if config.controls else None

    @property
    def entry(self) -> ParadigmEntry:
        """What the registry says of it."""
        return PARADIGMS[self.config.paradigm]

    @property
    def target(self) -> View:
        """Which view of the encoding it models."""
        return self.entry.view

    def lay_out(self, *, device: str, precision: Precision, compiled: bool = False) -> None:
        """Bring the model, in place, to its device and into the format in which it draws fastest.

        Raises:
            UserError: `compiled`, of a paradigm whose network is not compiled.
        """
        if compiled:
            raise UserError(f"{self.entry.label} models are not compiled: leave out --compile.")
        if device != "cpu":
            self.to(device, DTYPES[precision])
        elif precision != "fp32" or self.packs_fp32:
            pack(self, precision=precision)

    def prepare(self, captions: Sequence[str | None], *, truncate: bool = False) -> TextTokens:
        """Tokenise captions; None or an empty one is the null condition.

        Args:
            truncate: cut a caption that is too long instead of refusing it; for training, which no caption may stop.

        Raises:
            UserError: a caption is too long.
        """
        return self.text.prepare(captions, truncate=truncate)

    def remember(self, text: TextTokens) -> Memory:
        """What cross-attention reads of a batch's captions, for sampling; nothing where no row has a caption."""
        if not bool(text.mask.any()):
            return self.backbone.nothing()
        return self.backbone.remember(self.text(text), mask=text.mask)

    @abstractmethod
    def initialise(self, generator: torch.Generator) -> None:
        """Draw every trainable weight; the backbone's blocks and the text encoder's come first, so that one seed gives
        both paradigms the same ones."""

    def calibrate(self, latents: Tensor) -> None:
        """Before a training: take from frames [N, D] of raw latents whatever the model has to know of them; by default
        nothing."""

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
            controls: [B, J, T] classes (`analysis.tracks`), `NOT_GIVEN` where nothing is asked; None: nowhere. Dropped
                like text.
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
        """Draw one sample per caption; `generators[b]` alone decides sample b, whatever its batch mates.

        Args:
            lengths: [B] frames to draw; shorter ones are padded at the end.
            window: frames that the network sees at once; longer music is made by windows. None: as many as are asked.
            controls: [B, J, T], as in `forward`.
            watch: called after every pass of the network; it may stop the drawing by an exception.
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
        """Replace a span of each sample, seeing what stands before and after it (5.3).

        Outside the spans the result is `target` itself; of what `target` holds inside, nothing is read.

        Args:
            target: [B, K, T] codes or [B, T, D] raw latents; every frame is valid.
            spans: [B, 2] first frame and the one after the last, 0 <= start < stop <= T; all of one length. A span may
                touch either end, or both.
            text: of the whole; as in `sample`.
            generators: as in `sample`.
            method: one of `inpainting_methods`; by default the first.
            controls: [B, J, T], of the whole.
            watch: as in `sample`.

        Raises:
            UserError: the model does not know the method, or T is longer than its positions.
        """
        self.inpainting_method(method)
        raise NotImplementedError(f"{type(self).__name__} names methods of inpainting and has none")

    def inpainting_methods(self) -> tuple[InpaintingMethod, ...]:
        """Those that this model knows, the best first; by default none: it cannot inpaint."""
        return ()

    def inpainting_method(self, method: InpaintingMethod | None) -> InpaintingMethod:
        """`method`, or the first of those that the model knows.

        Raises:
            UserError: naming what would work, if the model does not know it.
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
                + f"; it can by {', '.join(known)}."
            )
        return chosen

    def max_frames(self) -> int:
        """Longest T the positions allow."""
        return self.config.backbone.max_positions

    def drop_conditions(
        self, text: TextTokens, controls: Tensor | None, *, generator: torch.Generator
    ) -> tuple[TextTokens, Tensor | None]:
        """Hide some of what a batch is told, in training mode only (4.5)."""
        if not self.training:
            return text, controls
        text = drop_text(text, p=self.config.text_dropout, generator=generator)
        if controls is None:
            return text, None
        hidden = ~text.mask.any(dim=1)
        return text, drop_controls(controls, p=self.config.control_dropout, hidden=hidden, generator=generator)

    def tracks(self, controls: Tensor | None, *, batch: int, frames: int) -> Tensor | None:
        """[B, J, T], all `NOT_GIVEN` where nothing was asked; None for a model without controls."""
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
        UserError: more frames than the positions of the backbone allow, or none.
    """
    if frames < 1:
        raise UserError("There are no frames to work on: ask for a longer duration.")
    if frames > limit:
        raise UserError(
            f"{frames:,} frames are more than the {limit:,} the model has positions for: "
            "ask for less, or raise backbone.max_positions and train anew."
        )


def build_paradigm(config: ModelConfig, latent: LatentSpec, *, seed: int = 0) -> Paradigm:
    """The model a configuration describes, for the latents of one codec, with weights drawn from `seed`.

    One seed gives all built-in paradigms the same blocks and the same text encoder.

    Raises:
        UserError: the paradigm needs codes, and the codec has none; or the weights would not fit into memory.
    """
    entry = PARADIGMS[config.paradigm]
    if entry.view == "codes" and not latent.num_codebooks:
        free = ", ".join(other.name for other in PARADIGMS.values() if other.view == "latents")
        raise UserError(
            f"{entry.label} models need codes, and the codec {latent.codec!r} has none: use a paradigm that needs none "
            f"({free}), or encode the dataset by a codec that has codebooks."
        )
    _check_memory(config, latent, entry=entry)
    paradigm: Paradigm = load_object(entry.model)(config, latent)
    paradigm.initialise(torch.Generator().manual_seed(seed))
    return paradigm


def _check_memory(config: ModelConfig, latent: LatentSpec, *, entry: ParadigmEntry) -> None:
    """Refuse sizes that an allocator would refuse in other words, or only after hours."""
    needed, free = 4 * entry.cost.parameters(config, latent, text_width=_text_width(config)), free_memory()
    if needed > free:
        b = config.backbone
        raise UserError(
            f"A model of {b.layers:,} layers of width {b.width:,} has weights of {needed / 2**30:,.1f} GiB, and "
            f"{free / 2**30:,.1f} GiB of memory are free: ask for a smaller backbone or text encoder."
        )


def _text_width(config: ModelConfig) -> int | None:
    """Of a frozen text encoder, whose own weights are counted elsewhere; T5's widths are near this one."""
    return 1024 if config.text.encoder == "t5" else None


def parameter_count(module: nn.Module) -> int:
    """Trainable weights; a frozen text encoder is not among them."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
