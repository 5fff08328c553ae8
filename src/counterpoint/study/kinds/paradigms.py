"""The comparison of the paradigms. What both share is written once in its configuration, so that it cannot differ."""

from __future__ import annotations

from pathlib import Path
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
from counterpoint.study.engine import Step
from counterpoint.study.kinds.base import (
    ClipsConfig,
    PositiveSeconds,
    ReportConfig,
    Seed,
    Study,
    data_step,
    identify_codec,
)

PARADIGMS: tuple[ParadigmName, ...] = ("autoregressive", "flow_matching")
SYSTEMS: dict[str, tuple[ParadigmName, bool]] = {
    **{paradigm: (paradigm, True) for paradigm in PARADIGMS},
    **{f"untrained_{paradigm}": (paradigm, False) for paradigm in PARADIGMS},
}
"""Paradigm of each model, and whether it is trained; an untrained one is the same before its first update."""


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


class PromptsConfig(ClipsConfig):
    """The held-out windows of music whose captions every system answers."""

    seed: Seed = 0
    """Of every generation; clip i takes `seed + i`."""
    batch_size: Positive = 16


class EvaluationConfig(Config):
    """Of the metrics' resampling."""

    primary: str = "fad_musicnn"
    """The metric that the verdict is about, chosen before anything was run."""
    seed: Seed = 0


class ParadigmStudy(Study):
    """A comparison of the paradigms, from data to report."""

    kind: Literal["paradigms"] = "paradigms"
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
    def _complete(self) -> ParadigmStudy:
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

    def summary(self) -> str:
        """See `Study`."""
        return f"auto-regressive and flow matching, {self.training.steps:,} updates each"

    def shortcuts(self) -> dict[str, str]:
        """The trained models."""
        return {paradigm: f"train_{paradigm}" for paradigm in PARADIGMS}

    def next_command(self, out: Path) -> str:
        """Hear more of the first."""
        return f"counterpoint generate CAPTION --model {out / PARADIGMS[0]} --out x.wav"

    def plan(self, *, name: str, dataset: Path | None = None) -> Step:
        """See `Study`. The codec is loaded, so that one which cannot be is known before anything is computed."""
        from counterpoint.study.steps.encode import encode, is_encoded
        from counterpoint.study.steps.evaluate import evaluate_systems
        from counterpoint.study.steps.generate import generate_clips
        from counterpoint.study.steps.prompts import choose_prompts
        from counterpoint.study.steps.reconstruct import reconstruct
        from counterpoint.study.steps.report import make_report
        from counterpoint.study.steps.train import train_model

        codec = identify_codec(self.codec, needs_codes=True)
        data = data_step(self.compose, dataset)
        encoded = Step("encode", encode, codec, {"data": data}, resumable=True, holds=is_encoded)
        prompts = Step("prompts", choose_prompts, self.prompts, {"data": data})
        reconstruction = Step("reconstruct", reconstruct, codec, {"prompts": prompts})
        models, clips = {}, {}
        for system, (paradigm, trained) in SYSTEMS.items():
            models[system] = Step(
                f"train_{system}" if trained else system,
                train_model,
                # The dataset is an input; where it lies is no part of what the run is.
                self.training_config(paradigm, dataset="data", trained=trained),
                {"data": data, "encode": encoded},
                resumable=True,
            )
            clips[system] = Step(
                f"generate_{system}",
                generate_clips,
                {"prompts": self.prompts, "sampling": self.sampling[paradigm]},
                {"model": models[system], "prompts": prompts},
            )
        evaluation = Step(
            "evaluate",
            evaluate_systems,
            self.evaluation,
            {
                "data": data,
                "prompts": prompts,
                "reconstruct": reconstruction,
                **{step.name: step for step in clips.values()},
            },
        )
        return Step(
            "report",
            make_report,
            {"name": name, "study": self, "own_data": dataset is not None},
            {
                "data": data,
                "encode": encoded,
                "prompts": prompts,
                "reconstruct": reconstruction,
                "evaluate": evaluation,
                **{step.name: step for step in (*models.values(), *clips.values())},
            },
        )
