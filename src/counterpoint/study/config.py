"""A study as one typed configuration. What both paradigms share is written once, so that it cannot differ."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from counterpoint.config import (
    BACKBONES,
    DataConfig,
    ModelConfig,
    OptimizerConfig,
    SamplingConfig,
    TextConfig,
    TrainingConfig,
)
from counterpoint.config.schema import Config, NamedBackbone, ParadigmName, Positive

PositiveSeconds = Annotated[float, Field(gt=0)]
Seed = Annotated[int, Field(ge=0)]
PARADIGMS: tuple[ParadigmName, ...] = ("autoregressive", "flow_matching")


class ComposeConfig(Config):
    """How much of the embedded corpus to make."""

    clips: Positive = 400
    duration_s: PositiveSeconds = 10.0
    seed: Seed = 0


class SharedTrainingConfig(Config):
    """What both models are trained with: one backbone, one budget, one order of examples."""

    backbone: NamedBackbone = BACKBONES["pocket"]
    text: TextConfig = TextConfig()
    text_dropout: Annotated[float, Field(ge=0, le=1)] = 0.2
    segment_s: PositiveSeconds = 10.0
    optimizer: OptimizerConfig = OptimizerConfig()
    steps: Annotated[int, Field(ge=0)] = 500_000
    batch_size: Positive = 256
    accumulate: Positive = 1
    seed: Seed = 0
    precision: Literal["fp32", "bf16"] = "fp32"
    validate_every: Positive = 1000
    checkpoint_every: Positive = 1000


class PromptsConfig(Config):
    """The held-out windows of music whose captions every system answers."""

    clips: Annotated[int, Field(ge=8)] = 64
    duration_s: PositiveSeconds = 5.0
    seed: Seed = 0
    """Of every generation; clip i takes `seed + i`."""
    batch_size: Positive = 16


class EvaluationConfig(Config):
    """Of the metrics' resampling."""

    primary: str = "fad_musicnn"
    """The metric that the verdict is about, chosen before anything was run."""
    seed: Seed = 0


class ReportConfig(Config):
    """What the report shows."""

    examples: Annotated[int, Field(ge=0)] = 8


class StudyConfig(Config):
    """A comparison of the paradigms, from data to report."""

    compose: ComposeConfig = ComposeConfig()
    """The embedded corpus; left unused where a dataset is given."""
    codec: str = "pocket"
    training: SharedTrainingConfig = SharedTrainingConfig()
    skips: Literal["paper", "jasco", "none"] = "paper"
    """U-Net-like skips: flow matching alone has them (App. E.3.1)."""
    sampling: dict[ParadigmName, SamplingConfig] = Field(
        default_factory=lambda: {name: SamplingConfig() for name in PARADIGMS}
    )
    prompts: PromptsConfig = PromptsConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    report: ReportConfig = ReportConfig()

    @model_validator(mode="after")
    def _complete(self) -> StudyConfig:
        missing = [name for name in PARADIGMS if name not in self.sampling]
        if missing:
            raise ValueError(f"sampling must name both paradigms; {missing[0]} is missing")
        if self.prompts.duration_s > self.training.segment_s:
            raise ValueError(
                f"prompts.duration_s {self.prompts.duration_s:g} is longer than the segments trained on, "
                f"training.segment_s {self.training.segment_s:g}"
            )
        return self

    def training_config(self, paradigm: ParadigmName, *, dataset: str, trained: bool = True) -> TrainingConfig:
        """The run of one paradigm; an untrained one stops before its first update and is alike in all else."""
        shared = self.training
        return TrainingConfig.model_validate(
            {
                "model": ModelConfig.model_validate(
                    {
                        "paradigm": paradigm,
                        "backbone": shared.backbone,
                        "text": shared.text,
                        "text_dropout": shared.text_dropout,
                        "skips": self.skips,
                    }
                ),
                "data": DataConfig(dataset=dataset, codec=self.codec, segment_s=shared.segment_s),
                "optimizer": shared.optimizer,
                "steps": shared.steps if trained else 0,
                "batch_size": shared.batch_size,
                "accumulate": shared.accumulate,
                "seed": shared.seed,
                "precision": shared.precision,
                "validate_every": shared.validate_every,
                "checkpoint_every": shared.checkpoint_every,
            }
        )
