"""The training of a codec (App. E); defaults are the paper's unless a comment says otherwise."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from counterpoint.config.base import Count, Seconds
from counterpoint.config.idle import IdleWhere
from counterpoint.config.schema import Config, OptimizerConfig, Positive, Seed

Weight = Annotated[float, Field(ge=0)]
_BY_REGRESSION = IdleWhere("codec.kind", "spectrogram")
"""Marks a key that a spectrogram codec, which is trained by regression alone, does not read."""
_OF_WAVES = (IdleWhere("codec.kind", "encodec"), IdleWhere("codec.kind", "vae"))
_Magnitudes = Annotated[Weight, *_OF_WAVES]
"""The weight of a loss of spectrogram codecs alone."""


class EncodecArchitecture(Config):
    """SEANet and residual vector quantisation (App. E.3)."""

    kind: Literal["encodec"] = "encodec"
    strides: tuple[Positive, ...] = (8, 5, 4, 4)
    """In the decoder's order, as the paper lists them; their product is samples per frame."""
    filters: Positive = 64
    """Channels of the first layer; each stage doubles them."""
    lstm_layers: Positive = 2
    activation: Literal["elu", "gelu"] = "gelu"
    """The paper's table says GELU; released weights have ELU, the only one that `transformers` builds by itself."""
    latent_dim: Positive = 128
    num_codebooks: Positive = 4
    codebook_size: Positive = 2048

    @property
    def samples_per_frame(self) -> int:
        return math.prod(self.strides)


class VaeArchitecture(Config):
    """The auto-encoder of Stable Audio (App. E.3); its latent has `filters` / 2 channels."""

    kind: Literal["vae"]
    strides: tuple[Positive, ...] = (2, 4, 4, 4, 5)
    """In the encoder's order, as the paper lists them; their product is samples per frame."""
    filters: Positive = 128
    """Channels of the encoder's first layer, and moments of a latent frame: a mean and a scale for each channel."""
    decoder_filters: Positive = 128
    """Channels of the decoder's last layer."""
    multiples: tuple[Positive, ...] = (1, 2, 4, 8, 16)
    """Channels after each stage, in units of `filters`."""

    @property
    def latent_dim(self) -> int:
        return self.filters // 2

    @property
    def samples_per_frame(self) -> int:
        return math.prod(self.strides)

    @model_validator(mode="after")
    def _fits(self) -> VaeArchitecture:
        if len(self.multiples) != len(self.strides):
            raise ValueError(f"multiples must be {len(self.strides)}, one for each stride, not {len(self.multiples)}")
        if self.filters % 2:
            raise ValueError(f"filters {self.filters} must be even: half of them are means, half scales")
        return self


class SpectrogramArchitecture(Config):
    """Log magnitudes to latents without phase (`codec.spectrogram`); trained by regression alone. Not in the paper."""

    kind: Literal["spectrogram"] = "spectrogram"
    frames_per_latent: Literal[1, 2, 4] = 4
    """Spectra of 10 ms in a latent frame: 100, 50 or 25 latent frames a second at 32 kHz."""
    width: Positive = 256
    """C, of the residual networks at the latents' rate."""
    fine_width: Positive = 160
    """Channels of the decoder's blocks at the spectra's rate."""
    latent_dim: Positive = 64
    num_codebooks: Annotated[int, Field(ge=0)] = 12
    """0 trains a variational auto-encoder without any quantiser, its KL divergence weighted by `losses.kl`."""
    codebook_size: Positive = 256
    latent_noise: Annotated[float, Field(ge=0)] = 0.25
    """Standard deviation of the noise added to latents (of deviation 1) in training, so that near latents sound
    alike."""

    @property
    def samples_per_frame(self) -> int:
        return 320 * self.frames_per_latent


class DiscriminatorConfig(Config):
    """Multi-scale STFT discriminators (Défossez et al. 2022, section 3.4)."""

    filters: Positive = 32
    windows: Annotated[tuple[Positive, ...], Field(min_length=1)] = (2048, 1024, 512, 256, 128)
    """STFT windows, one discriminator each."""
    start_after: Annotated[int, Field(ge=0)] = 0
    """Updates of the auto-encoder alone, without discriminators."""
    head_start: Annotated[int, Field(ge=0)] = 0
    """Updates that the discriminators then learn for before the auto-encoder receives their gradient: a balanced
    gradient from untrained discriminators is noise at full strength."""
    learning_rate: Annotated[float, Field(gt=0)] = 3e-4
    """Follows the same schedule as the auto-encoder's."""


class QuantizerConfig(Config):
    """How codebooks learn."""

    decay: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """Decay of the codes' moving averages."""
    dead_below: Annotated[float, Field(ge=0)] = 2.0
    """A code whose average use in a batch is less is replaced by a latent of the batch."""
    kmeans_vectors: Positive = 8192
    """Latents that k-means sees when it starts the codebooks."""
    refit_every: Annotated[int, Field(ge=0)] = 0
    """Updates after which k-means starts them again, and once more at the end; 0 never does. For batches with fewer
    latents than there are codes."""
    continuous_fraction: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of each batch that the decoder sees unquantised: it is to decode latents as well (App. B)."""


class CodecLosses(Config):
    """Weights of the losses. Where they are balanced, those on the waveform are shares of the gradient."""

    adversarial: Annotated[Weight, _BY_REGRESSION] = 4.0
    feature: Annotated[Weight, _BY_REGRESSION] = 4.0
    waveform: Annotated[Weight, _BY_REGRESSION] = 0.1
    spectral: Annotated[Weight, _BY_REGRESSION] = 2.0
    commitment: Annotated[Weight, IdleWhere("codec.kind", "vae"), IdleWhere("codec.num_codebooks", 0)] = 0.25
    """Codecs with codebooks only."""
    kl: Annotated[Weight, IdleWhere("codec.kind", "encodec")] = 1e-3
    """Variational codecs only."""
    balanced: Annotated[bool, _BY_REGRESSION] = True
    level: _Magnitudes = 1.0
    """Spectrogram codecs alone: the mean absolute difference of log magnitudes, in nepers."""
    root: _Magnitudes = 1.0
    """Spectrogram codecs alone: that of the roots of magnitudes, relative to their mean."""
    magnitude: _Magnitudes = 0.5
    """Spectrogram codecs alone: that of magnitudes, relative to their mean; it heeds the strongest partials."""


class CodecTrainingConfig(Config):
    """One training run of a codec."""

    dataset: str
    codec: Annotated[EncodecArchitecture | VaeArchitecture | SpectrogramArchitecture, Field(discriminator="kind")]
    sample_rate: Positive = 32_000
    discriminator: Annotated[DiscriminatorConfig, _BY_REGRESSION] = DiscriminatorConfig()
    quantizer: Annotated[QuantizerConfig, IdleWhere("codec.kind", "vae"), IdleWhere("codec.num_codebooks", 0)] = (
        QuantizerConfig()
    )
    losses: CodecLosses = CodecLosses()
    optimizer: OptimizerConfig = OptimizerConfig(
        learning_rate=3e-4, betas=(0.5, 0.9), weight_decay=0.0, warmup_steps=0, clip_norm=10.0, ema_decay=0.999
    )
    """One optimizer each for the auto-encoder and the discriminators."""
    start: str = "random"
    """Weights to begin with: `random`; `transform`, those of the best linear transform codec of the same shape (see
    `training.codec.transform`); or the folder of another training of the same shape, discriminators included."""
    augment: bool = False
    """Vary pitch and tempo, equaliser, room and noise of the clips, take drum stems and their complement for some, and
    mix others (`training.codec.augment`): a codec trained on few instruments should serve many. Not in the paper."""
    segment_s: Seconds = 1.0
    """Cut to whole frames."""
    batch_size: Positive = 64
    steps: Count = 400_000
    seed: Seed = 0
    precision: Literal["fp32", "bf16"] = "fp32"
    validate_every: Positive = 1000
    checkpoint_every: Positive = 1000
    keep_checkpoints: Positive = 2

    @property
    def segment_samples(self) -> int:
        """Samples of a training segment: whole frames."""
        hop = self.codec.samples_per_frame
        return hop * max(1, round(self.segment_s * self.sample_rate / hop))

    @model_validator(mode="after")
    def _codecs_have_adamw(self) -> CodecTrainingConfig:
        if self.optimizer.name != "adamw":
            raise ValueError(f"optimizer.name {self.optimizer.name} is for generative models; a codec needs adamw")
        return self

    @model_validator(mode="after")
    def _segments_hold_a_window(self) -> CodecTrainingConfig:
        if isinstance(self.codec, SpectrogramArchitecture):
            return self
        longest = max(self.discriminator.windows)
        if self.segment_samples < longest:
            raise ValueError(
                f"segment_s {self.segment_s:g} is {self.segment_samples} samples, shorter than the discriminators' "
                f"window of {longest}; lengthen segment_s or shorten discriminator.windows"
            )
        return self
