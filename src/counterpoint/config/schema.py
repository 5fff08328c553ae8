"""Every typed configuration: frozen, unknown keys refused; defaults are the paper's unless a comment says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from counterpoint.config.base import Config, Count, Positive, Seconds, Seed
from counterpoint.config.errors import UserError
from counterpoint.config.idle import IdleWhere
from counterpoint.config.load import SAVED
from counterpoint.config.sampling import PARADIGMS, ParadigmName

ControlName = Literal["chords", "melody", "drums"]
CONTROLS: tuple[ControlName, ...] = ("chords", "melody", "drums")
"""The temporally aligned controls (4.5), in the order in which their embeddings stand side by side."""
InpaintingMethod = Literal["supervised", "inversion", "repaint", "projection", "gradient"]
"""How a span of music is replaced (5.3): by a model trained for it; or, zero-shot, by any flow-matching model."""


class BackboneConfig(Config):
    """The shared transformer (App. E.3.1); `layers` decoder blocks of width C with H heads."""

    layers: Positive = 24
    width: Positive = 1024
    heads: Positive = 16
    feed_forward: Positive = 4096
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    max_positions: Positive = 2048
    """Longest sequence, in steps; the sinusoids have no limit, this is the intended one."""

    @model_validator(mode="after")
    def _widths_fit(self) -> BackboneConfig:
        if self.width % self.heads or self.width % 2:
            raise ValueError(f"width {self.width} must be even and a multiple of heads {self.heads}")
        return self


BACKBONES: dict[str, BackboneConfig] = {
    "musicgen-small": BackboneConfig(),
    "pocket": BackboneConfig(layers=6, width=256, heads=4, feed_forward=1024),
    "debug": BackboneConfig(layers=2, width=32, heads=2, feed_forward=64, max_positions=512),
}
"""Named sizes, for use wherever a configuration needs a backbone."""


def _named_backbone(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value not in BACKBONES:
        raise ValueError(f"unknown backbone {value!r}; the named sizes are {', '.join(BACKBONES)}")
    return BACKBONES[value]


NamedBackbone = Annotated[BackboneConfig, BeforeValidator(_named_backbone)]
"""A backbone, or the name of one."""


class TextConfig(Config):
    """The text encoder: `lut`, a learned table over hashed words (offline), or `t5`, frozen, through transformers."""

    encoder: Literal["lut", "t5"] = "lut"
    name: Annotated[str, IdleWhere("encoder", "lut")] = "t5-base"
    """Hub id or local folder of the T5 checkpoint."""
    width: Annotated[Positive, IdleWhere("encoder", "t5")] = 256
    """Width of a `lut` word vector; T5 has its own."""
    buckets: Annotated[Positive, IdleWhere("encoder", "t5")] = 8192
    """Rows of the `lut` table."""
    max_tokens: Positive = 256


class LatentSpec(Config):
    """The shape of a codec's latents: all that a paradigm knows of a codec.

    `mean` and `mean_std` are the two scalars of App. E.2.
    """

    codec: str
    fingerprint: str = ""
    """Digest of the codec's weights: latents of one codec have no meaning for another."""
    sample_rate: Positive
    frame_rate: Annotated[float, Field(gt=0)]
    num_codebooks: Annotated[int, Field(ge=0)]
    """0 if the codec has none (a VAE), and then `codebook_size` is 0 too."""
    codebook_size: Annotated[int, Field(ge=0)]
    latent_dim: Positive
    mean: float = 0.0
    mean_std: Annotated[float, Field(gt=0)] = 1.0

    @model_validator(mode="after")
    def _codebooks_have_codes(self) -> LatentSpec:
        if bool(self.num_codebooks) != bool(self.codebook_size):
            raise ValueError(
                f"{self.num_codebooks} codebooks of {self.codebook_size} codes are impossible; give both or neither"
            )
        return self

    def normalize(self, latents: Any) -> Any:
        """A tensor or array of raw latents in the scale that a network works in (App. E.2): (M - mean) / mean_std."""
        return (latents - self.mean) / self.mean_std

    def unnormalize(self, latents: Any) -> Any:
        """The inverse of `normalize`."""
        return latents * self.mean_std + self.mean


class PlainNetwork(Config):
    """The settings of every network, whatever its paradigm."""

    backbone: NamedBackbone = BACKBONES["pocket"]
    text: TextConfig = TextConfig()
    text_dropout: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Probability, per sample, that training hides the caption (classifier-free guidance)."""
    controls: tuple[ControlName, ...] = ()
    """The controls besides text (4.5); kept in the order of `CONTROLS`."""
    control_width: Annotated[Positive, IdleWhere("controls", ())] = 32
    """Channels of each control's embedding."""
    control_dropout: Annotated[float, Field(ge=0, le=1), IdleWhere("controls", ())] = 0.5
    """Probability, per sample and control, that training hides the control. Besides, all controls of a sample are
    hidden at once with 2/3 of this probability, or in half of the samples whose caption is hidden. At 1 no control is
    ever shown, so the dataset needs no tracks."""

    @field_validator("controls")
    @classmethod
    def _in_order(cls, controls: tuple[ControlName, ...]) -> tuple[ControlName, ...]:
        if len(set(controls)) < len(controls):
            raise ValueError("a control is named twice")
        return tuple(name for name in CONTROLS if name in controls)


class AutoregressiveNetwork(Config):
    """The settings of auto-regressive networks alone."""

    owner: ClassVar[str] = "auto-regression"
    """The paradigm in words."""

    codebooks: Positive | None = None
    """The number of the codec's codebooks that are modelled, counted from the coarsest; None models all. A small model
    draws the codes of the finest ones almost at random, and its next steps read them."""

    def codebooks_of(self, latent: LatentSpec) -> int:
        """K: the number of codebooks that the network models.

        Raises:
            UserError: more than the codec has.
        """
        if self.codebooks and self.codebooks > latent.num_codebooks:
            raise UserError(
                f"The model has {self.codebooks} codebooks, and the codec {latent.codec!r} {latent.num_codebooks}: "
                "give model.codebooks a number up to that, or leave it out."
            )
        return self.codebooks or latent.num_codebooks


class FlowMatchingNetwork(Config):
    """The settings of flow-matching networks alone."""

    owner: ClassVar[str] = "flow matching"
    """The paradigm in words."""

    skips: Literal["paper", "jasco", "none"] = "paper"
    """U-Net-like skips (App. E.3.1)."""
    sigma_min: Annotated[float, Field(gt=0, lt=1)] = 1e-5
    """s of the probability path (Eq. 2)."""
    preconditioning: Literal["none", "gaussian"] = "none"
    """The input and output of the network. `none`: z_t and the velocity, as in the paper; `gaussian`: both in units
    of their deviation, and the linear part of the velocity is added (`paradigm.gaussian`)."""
    loss_weight: Literal["eq4", "unit"] = "eq4"
    """The weight of the loss. `eq4`: 1 + t, in the latents' scale, as in the paper; `unit`: the target of a
    `gaussian` network, every channel and time alike. Losses are reported as of Eq. 4 all the same."""
    times: Literal["uniform", "logit_normal"] = "uniform"
    """How training draws t. `logit_normal` (Esser et al., 2024): t = sigmoid(x), x ~ N(times_location, times_scale^2),
    rarely near noise or data. Validation has uniform ones all the same."""
    times_location: Annotated[float, IdleWhere("times", "uniform")] = 0.0
    times_scale: Annotated[float, Field(gt=0), IdleWhere("times", "uniform")] = 1.0

    @model_validator(mode="after")
    def _unit_needs_units(self) -> Self:
        if self.loss_weight == "unit" and self.preconditioning == "none":
            raise ValueError("loss_weight unit is for preconditioning gaussian, which defines the units")
        return self


class NetworkConfig(FlowMatchingNetwork, AutoregressiveNetwork, PlainNetwork):
    """The settings of the networks of all paradigms; each reads the common ones and those of its paradigm's entry."""

    @classmethod
    def read_by(cls, paradigm: str) -> list[str]:
        """Names of the settings that the networks of a paradigm read.

        Raises:
            UserError: the paradigm is unknown.
        """
        return [*PlainNetwork.model_fields, *PARADIGMS[paradigm].network.model_fields]


class ModelConfig(NetworkConfig):
    """A paradigm and its network. Settings that networks of other paradigms alone read are refused; in files of saved
    runs (`parse(saved=True)`), which once held them, they are left out."""

    paradigm: ParadigmName
    inpainting: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the training examples that have a span hidden to be filled in (5.3); 0: the model never learns to."""

    @model_validator(mode="before")
    @classmethod
    def _others_settings(cls, values: Any, info: ValidationInfo) -> Any:
        if not isinstance(values, Mapping) or values.get("paradigm") not in PARADIGMS:
            return values  # the fields' own errors are more specific
        entry, read = PARADIGMS[values["paradigm"]], cls.read_by(values["paradigm"])
        foreign = [name for name in NetworkConfig.model_fields if name in values and name not in read]
        if info.context != SAVED:
            if idle := [name for name in foreign if values[name] != cls.model_fields[name].default]:
                own = ", ".join(entry.network.model_fields) or "none"
                raise ValueError(
                    f"a network of {entry.noun} does not read {' and '.join(idle)}: leave it out; settings of "
                    f"its own are {own}"
                )
            return values
        return {name: value for name, value in values.items() if name not in foreign}


class SegmentsConfig(Config):
    """How music is cut into training segments, and which controls are taught with them."""

    segment_s: Seconds = 10.0
    tracks: Annotated[dict[ControlName, str], IdleWhere("model.control_dropout", 1)] = Field(default_factory=dict)
    """Which track teaches a control, as `data controls` names them (`chords: chords.viterbi25`); by default the first
    that the dataset has: exact before extracted."""


class DataConfig(SegmentsConfig):
    """An encoded dataset, and its segments."""

    dataset: str
    codec: str = "pocket"


Beta = Annotated[float, Field(ge=0, lt=1)]
"""The decay of a running mean at every step."""


class OptimizerConfig(Config):
    """AdamW with linear warm-up and cosine decay to zero (4.4), or Muon."""

    name: Literal["adamw", "muon"] = "adamw"
    """`muon` (Jordan et al., 2024), of generative models only: the matrices inside the backbone step along their
    orthogonalised momentum, at a length that serves the same learning rate and decay (Liu et al., 2025), and all else
    by AdamW as ever."""
    orthogonalisation_steps: Annotated[Positive, IdleWhere("name", "adamw")] = 5
    """Steps of Muon's Newton-Schulz iteration. They cost the same whatever the batch: for a 6 x 256 backbone 0.27 s an
    update on one CPU thread, where 8 x 125 frames take 0.4 s besides."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    betas: tuple[Beta, Beta] = (0.9, 0.95)
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    warmup_steps: Count = 4000
    clip_norm: Annotated[float, Field(gt=0)] = 1.0
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.999


class BudgetConfig(Config):
    """How long a generative model is trained, and with which updates."""

    optimizer: OptimizerConfig = OptimizerConfig()
    steps: Count = 500_000
    batch_size: Positive = 256
    """Examples per update, over all micro-batches and devices."""
    accumulate: Positive = 1
    """Micro-batches per update."""
    seed: Seed = 0
    precision: Literal["fp32", "bf16"] = "fp32"
    checkpointing: bool = False
    """Keep the input of each block alone for the backward pass and compute the rest again: a third more arithmetic, and
    activations of one block instead of all. The updates are the same."""
    sharded: bool = False
    """Let each of several processes keep a part of the gradients, moments and averages (FSDP2) instead of all; the
    updates are the same to rounding."""
    compiled: bool = False
    """Compile the backbone (`torch.compile`), which takes a minute or two; the updates are the same to rounding."""
    validate_every: Positive = 1000
    checkpoint_every: Positive = 1000

    @model_validator(mode="after")
    def _batch_splits(self) -> Self:
        if self.batch_size % self.accumulate:
            raise ValueError(f"batch_size {self.batch_size} must be a multiple of accumulate {self.accumulate}")
        return self


class TrainingConfig(BudgetConfig):
    """One training run of a generative model."""

    model: ModelConfig
    data: DataConfig
    start: str = ""
    """A run of the same network whose weights (their moving average) this one begins with, to be fine-tuned: to
    inpaint, to be steered, or on other music. By default they are drawn from `seed`."""
    keep_checkpoints: Positive = 2

    @model_validator(mode="after")
    def _matrices_stay_whole(self) -> Self:
        if self.sharded and self.optimizer.name == "muon":
            raise ValueError("muon orthogonalises whole matrices, and sharded divides them: choose one")
        return self

    @model_validator(mode="after")
    def _dropout_is_drawn_once(self) -> Self:
        if self.checkpointing and self.model.backbone.dropout:
            raise ValueError("checkpointing computes blocks twice and would draw dropout again: set dropout to 0")
        return self

    @model_validator(mode="after")
    def _tracks_teach_controls(self) -> Self:
        idle = [name for name in self.data.tracks if name not in self.model.controls]
        if idle:
            raise ValueError(
                f"data.tracks names {' and '.join(idle)}, which model.controls does not: leave it out, or add it there"
            )
        return self
