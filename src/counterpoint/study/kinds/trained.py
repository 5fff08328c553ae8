"""What studies of trained models share: music, prompts, both paradigms trained alike, clips and their judges.

The same configuration gives the same steps in every kind of study, so that what one has trained another only uses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from counterpoint.config import (
    BACKBONES,
    DataConfig,
    ModelConfig,
    OptimizerConfig,
    SamplingConfig,
    TextConfig,
    TrainingConfig,
    UserError,
    digest,
)
from counterpoint.config.schema import CONTROLS, Config, ControlName, NamedBackbone, ParadigmName, Positive
from counterpoint.data.layout import file_digest
from counterpoint.study.engine import Source, Step
from counterpoint.study.kinds.base import (
    ClipsConfig,
    PositiveSeconds,
    ReportConfig,
    Seed,
    Study,
    data_step,
    identify_codec,
)

PARADIGMS: tuple[ParadigmName, ParadigmName] = ("autoregressive", "flow_matching")


def _names_both(sampling: dict[ParadigmName, SamplingConfig]) -> dict[ParadigmName, SamplingConfig]:
    missing = [name for name in PARADIGMS if name not in sampling]
    if missing:
        raise ValueError(f"sampling must name both paradigms; {missing[0]} is missing")
    return sampling


BothSampling = Annotated[dict[ParadigmName, SamplingConfig], AfterValidator(_names_both)]
"""How to draw from each paradigm."""


def both_sampling() -> dict[ParadigmName, SamplingConfig]:
    """The defaults of both."""
    return {name: SamplingConfig() for name in PARADIGMS}


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


class ControlsConfig(Config):
    """What models are steered by beside text (4.5)."""

    names: Annotated[tuple[ControlName, ...], Field(min_length=1)] = CONTROLS
    width: Positive = 32
    dropout: Annotated[float, Field(ge=0, le=1)] = 0.5
    tracks: dict[ControlName, str] = Field(default_factory=dict)
    """Which track teaches a control; by default the first that can be had, exact before heard."""


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


@dataclass(frozen=True)
class Groundwork:
    """The steps before any model.

    Attributes:
        data: the music.
        encode: its codes and latents.
        prompts: held-out windows.
        reconstruct: those through the codec.
    """

    data: Step | Source
    encode: Step
    prompts: Step
    reconstruct: Step

    @property
    def inputs(self) -> dict[str, Step | Source]:
        return {"data": self.data, "encode": self.encode, "prompts": self.prompts, "reconstruct": self.reconstruct}


def shipped_source(name: str) -> Source:
    """A model that comes with the package.

    Raises:
        UserError: there is none of that name.
    """
    from counterpoint.generate.model import SHIPPED, shipped_models

    if name not in shipped_models():
        raise UserError(f"No model named {name!r} ships; those that do are {', '.join(shipped_models()) or 'none'}.")
    parts = {file.name: file_digest(file) for file in (SHIPPED / name).glob("model.*")}
    return Source(name, SHIPPED / name, digest(parts))


class TrainedStudy(Study):
    """A study of models that it trains itself. What both paradigms share is written once, so that it cannot differ."""

    codec: str = "pocket"
    training: SharedTrainingConfig = SharedTrainingConfig()
    skips: Literal["paper", "jasco", "none"] = "paper"
    """U-Net-like skips: flow matching alone has them (App. E.3.1)."""
    controls: ControlsConfig = ControlsConfig()
    """Of the models that have any."""
    prompts: PromptsConfig = PromptsConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    systems: dict[Annotated[str, Field(pattern=r"^[a-zA-Z]\w*$")], Path] = Field(default_factory=dict)
    """Outside systems by name: a folder of clips each, judged beside the study's own on the same prompts."""
    seeds: tuple[Seed, ...] = ()
    """Train every model once with each of them; by default once, with the seed of `training`."""
    report: ReportConfig = ReportConfig()

    @model_validator(mode="after")
    def _prompts_fit(self) -> TrainedStudy:
        if self.prompts.duration_s > self.training.segment_s:
            raise ValueError(
                f"prompts.duration_s {self.prompts.duration_s:g} is longer than the segments trained on, "
                f"training.segment_s {self.training.segment_s:g}"
            )
        return self

    def training_config(
        self, paradigm: ParadigmName, *, dataset: str, trained: bool = True, controlled: bool = False
    ) -> TrainingConfig:
        """The run of one paradigm; an untrained one stops before its first update and is alike in all else."""
        shared, controls = self.training, self.controls
        steered = {
            "controls": controls.names,
            "control_width": controls.width,
            "control_dropout": controls.dropout,
        }
        return TrainingConfig.model_validate(
            {
                "model": ModelConfig.model_validate(
                    {
                        "paradigm": paradigm,
                        "backbone": shared.backbone,
                        "text": shared.text,
                        "text_dropout": shared.text_dropout,
                        "skips": self.skips,
                        **(steered if controlled else {}),
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

    def shortcuts(self) -> dict[str, str]:
        """The trained models."""
        return {paradigm: f"train_{paradigm}" for paradigm in PARADIGMS}

    def groundwork(self, dataset: Path | None) -> Groundwork:
        """Everything before the first model.

        Raises:
            UserError: the codec cannot be loaded or has no codes.
        """
        from counterpoint.study.steps.encode import encode, is_encoded
        from counterpoint.study.steps.prompts import choose_prompts
        from counterpoint.study.steps.reconstruct import reconstruct

        codec = identify_codec(self.codec, needs_codes=True)
        data = data_step(self.compose, dataset)
        prompts = Step("prompts", choose_prompts, self.prompts, {"data": data})
        return Groundwork(
            data=data,
            encode=Step("encode", encode, codec, {"data": data}, resumable=True, holds=is_encoded),
            prompts=prompts,
            reconstruct=Step("reconstruct", reconstruct, codec, {"prompts": prompts}),
        )

    def controls_step(self, ground: Groundwork) -> Step:
        """The tracks of the controls, beside the music."""
        from counterpoint.study.steps.controls import are_written, write_controls

        config = {"controls": self.controls.names, "chosen": self.controls.tracks}
        inputs = {"data": ground.data, "encode": ground.encode}
        return Step("controls", write_controls, config, inputs, resumable=True, holds=are_written)

    def model_step(
        self, paradigm: ParadigmName, *, ground: Groundwork, trained: bool = True, controls: Step | None = None
    ) -> Step:
        """A model; an untrained one is the same before its first update."""
        from counterpoint.study.steps.train import train_model

        name = f"train_{paradigm}" if trained else f"untrained_{paradigm}"
        return Step(
            f"{name}_controlled" if controls else name,
            train_model,
            # The dataset is an input; where it lies is no part of what the run is.
            self.training_config(paradigm, dataset="data", trained=trained, controlled=controls is not None),
            {"data": ground.data, "encode": ground.encode, **({"controls": controls} if controls else {})},
            resumable=True,
        )

    def clips_step(
        self,
        system: str,
        *,
        model: Step | Source,
        sampling: SamplingConfig,
        ground: Groundwork,
        controls: Step | None = None,
        given: Sequence[ControlName] = (),
    ) -> Step:
        """The clips of one system, for every prompt; the prompt's own music gives the controls `given`."""
        from counterpoint.study.steps.generate import generate_clips

        config: dict[str, Any] = {"prompts": self.prompts, "sampling": sampling}
        inputs: dict[str, Step | Source] = {"model": model, "prompts": ground.prompts}
        if given and controls:
            config |= {"controls": self.controls.names, "given": given}
            inputs |= {"controls": controls, "data": ground.data, "encode": ground.encode}
        return Step(f"generate_{system}", generate_clips, config, inputs)

    def adherence_step(
        self, clips: Mapping[str, Step], *, ground: Groundwork, pairs: Sequence[tuple[str, str]], examples: int
    ) -> Step:
        """How well all clips follow what the prompts' own music plays, and tests between pairs of systems."""
        from counterpoint.metrics.adherence_registry import measures
        from counterpoint.study.steps.adhere import adhere

        inputs = {"data": ground.data, "prompts": ground.prompts, "reconstruct": ground.reconstruct}
        config = {
            "seed": self.evaluation.seed,
            "pairs": pairs,
            "examples": examples,
            "measures": [measure.info.name for measure in measures()],  # a newly installed extractor has its say
        }
        return Step("adhere", adhere, config, {**inputs, **{step.name: step for step in clips.values()}})

    def evaluation_step(
        self, clips: Mapping[str, Step], *, ground: Groundwork, pairs: Sequence[tuple[str, str]]
    ) -> Step:
        """The judges on all clips, and tests between pairs of systems."""
        from counterpoint.study.steps.evaluate import evaluate_systems

        return Step(
            "evaluate",
            evaluate_systems,
            {"seed": self.evaluation.seed, "pairs": pairs},
            {
                "data": ground.data,
                "prompts": ground.prompts,
                "reconstruct": ground.reconstruct,
                **{step.name: step for step in clips.values()},
            },
        )
