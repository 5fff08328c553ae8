"""The common parts of studies of trained models: music, prompts, both paradigms trained alike, clips and metrics.

The same configuration gives the same steps in every kind of study, so that studies share trained models.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, field_validator, model_validator

from counterpoint.config import DataConfig, ModelConfig, SamplingConfig, TrainingConfig, UserError, read_sampling
from counterpoint.config.sampling import SamplingByParadigm
from counterpoint.config.schema import BudgetConfig, ControlName, NetworkConfig, ParadigmName
from counterpoint.paradigm.entry import PARADIGMS, TrivialEntry
from counterpoint.study.kinds.base import Study
from counterpoint.study.kinds.groundwork import Groundwork, at_seed, named, training_step
from counterpoint.study.settings import EvaluationConfig, PromptsConfig, Seed, SharedTrainingConfig
from counterpoint.study.surroundings import (
    Surroundings,
    clips_source,
    judges_there,
    shipped_network,
    shipped_source,
)
from counterpoint.study.work import Source, Step

BOTH: tuple[ParadigmName, ...] = ("autoregressive", "flow_matching")
"""The paper's paradigms."""


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One system of a study: the clips that one of its models draws.

    Attributes:
        controlled: whether the model has controls.
        given: the controls that it receives.
    """

    system: str
    paradigm: ParadigmName
    sampling: SamplingConfig
    controlled: bool = False
    given: tuple[ControlName, ...] = ()


class TrainedStudy(Study):
    """A study of models that it trains itself. The common settings are written once, so that they cannot differ."""

    scaled: ClassVar[tuple[str, ...]] = ("compose", "codec", "training", "prompts")

    codec: str = "pocket"
    start: str = ""
    """An included model, with `{paradigm}` for the paradigm, whose network and weights the training starts from. By
    default the weights are initialised at random."""
    training: SharedTrainingConfig = SharedTrainingConfig()
    prompts: PromptsConfig = PromptsConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    systems: dict[Annotated[str, Field(pattern=r"^[a-zA-Z]\w*$")], Path] = Field(default_factory=dict)
    """Outside systems by name: a folder of clips each, evaluated on the same prompts as the study's own."""
    seeds: tuple[Seed, ...] = ()
    """Training seeds, with each of which every model is trained; by default the seed of `training`."""

    @field_validator("seeds")
    @classmethod
    def _seeds_differ(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("every seed may be given only once, since the same seed gives the same model")
        return seeds

    @model_validator(mode="after")
    def _prompts_fit(self) -> TrainedStudy:
        self.check_lengths()
        return self

    def check_lengths(self) -> None:
        """
        Raises:
            ValueError: the requested clips are longer than the training segments.
        """
        if self.prompts.duration_s > self.training.segment_s:
            raise ValueError(
                f"prompts.duration_s {self.prompts.duration_s:g} is longer than the segments trained on, "
                f"training.segment_s {self.training.segment_s:g}"
            )

    @property
    def training_seeds(self) -> tuple[int, ...]:
        """The seeds, with one run of every model for each."""
        return self.seeds or (self.training.seed,)

    @property
    def turns(self) -> tuple[int | None, ...]:
        """The same seeds with the first as None, because it is not part of the names of steps."""
        return (None, *self.training_seeds[1:])

    def start_of(self, paradigm: ParadigmName) -> str:
        """The model with whose weights the training of a paradigm begins; "" for none."""
        return self.start.replace("{paradigm}", paradigm)

    def training_config(
        self, paradigm: ParadigmName, *, controlled: bool = False, seed: int | None = None
    ) -> TrainingConfig:
        """The run of one paradigm, by default with the first seed. Its dataset is an input of the step, whose path is
        not part of the run's identity."""
        shared = self.training
        network = {name: getattr(shared, name) for name in NetworkConfig.read_by(paradigm)}
        if not controlled:
            network = {name: value for name, value in network.items() if not name.startswith("control")}
        budget: dict[str, Any] = {name: getattr(shared, name) for name in BudgetConfig.model_fields}
        budget["seed"] = self.training_seeds[0] if seed is None else seed
        start = self.start_of(paradigm)
        return TrainingConfig(
            **budget,
            model=_fine_tuned(start, controlled) if start else ModelConfig(paradigm=paradigm, **network),
            data=DataConfig(dataset="data", codec=self.codec, segment_s=shared.segment_s),
            start=start,
        )

    def drawn(self) -> Sequence[Drawn]:
        """The systems whose clips its models draw, if its models are not used otherwise."""
        return ()

    def plan(self, *, dataset: Path | None = None) -> dict[str, Step | Source]:
        """The plan; see `Study`. An unavailable metric of the verdict is reported before anything is computed."""
        from counterpoint.metrics.registry import metric_named

        metric_named(self.evaluation.primary)
        return super().plan(dataset=dataset)

    def models_and_clips(self, ground: Groundwork) -> tuple[dict[str, Step], dict[str, Step]]:
        """The models by the names of their steps, and the clips by system, for every training seed."""
        systems = self.drawn()
        controls = self.controls_step(ground) if any(each.controlled for each in systems) else None
        models: dict[str, Step] = {}
        clips: dict[str, Step] = {}
        for seed, each in product(self.turns, systems):
            tracks = controls if each.controlled else None
            model = self.model_step(each.paradigm, ground=ground, controls=tracks, seed=seed)
            clips[at_seed(each.system, seed)] = self.clips_step(
                each.system,
                model=models.setdefault(model.name, model),
                sampling=each.sampling,
                ground=ground,
                controls=controls,
                given=each.given,
                seed=seed,
            )
        return models, clips

    def shortcuts(self) -> dict[str, str]:
        """The trained models."""
        return {paradigm: f"train_{paradigm}" for paradigm in self.trained()}

    def trained(self) -> Sequence[ParadigmName]:
        """The paradigms of the models that it trains."""
        return BOTH

    def groundwork(self, around: Surroundings) -> Groundwork:
        """Everything before the first model.

        Raises:
            UserError: the codec cannot be loaded or lacks codes that a paradigm needs, or an outside system has no
                clips.
        """
        codec = codec_config(self.codec, around, paradigms=self.trained())
        data = around.music(self.compose)
        return self.ground(data, codec, self.prompts_step(data))

    def prompts_step(self, data: Step | Source, *, name: str = "prompts", **changes: Any) -> Step:
        """The choice of the prompts from a dataset, with changes of `prompts`."""
        from counterpoint.study.steps.prompts import choose_prompts

        return Step(name, choose_prompts, self.prompts.model_copy(update=changes), {"data": data})

    def ground(
        self,
        data: Step | Source,
        codec: Mapping[str, Any],
        prompts: Step,
        *,
        captions: Step | Source | None = None,
        of_codec: str = "",
        of_prompts: str = "",
    ) -> Groundwork:
        """Everything before the first model, for one codec and one set of prompts.

        Args:
            codec: the part of the codec in the keys of its steps.
            captions: the dataset of the prompts, if it is not `data`.
            of_codec, of_prompts: ends of the names of steps, if there may be several codecs and sets of prompts.
        """
        from counterpoint.study.steps.encode import encode, is_encoded
        from counterpoint.study.steps.reconstruct import reconstruct

        return Groundwork(
            data=data,
            encode=Step(f"encode{of_codec}", encode, codec, {"data": data}, resumable=True, holds=is_encoded),
            captions=captions or data,
            prompts=prompts,
            reconstruct=Step(f"reconstruct{of_codec}{of_prompts}", reconstruct, codec, {"prompts": prompts}),
            outside=self.outside_steps(prompts, suffix=of_prompts),
        )

    def outside_steps(self, prompts: Step, *, suffix: str = "") -> dict[str, Step]:
        """The clips of the outside systems that answer the prompts, by step name.

        Args:
            suffix: end of the steps' own names.

        Raises:
            UserError: a folder has no clips, or too few.
        """
        from counterpoint.study.steps.outside import admit

        return {
            f"generate_{name}": Step(
                f"generate_{name}{suffix}", admit, {"name": name}, {"prompts": prompts, "folder": clips_source(folder)}
            )
            for name, folder in self.systems.items()
        }

    def controls_step(self, ground: Groundwork) -> Step:
        """The control tracks of the dataset."""
        from counterpoint.study.steps.controls import are_written, write_controls

        config = {"controls": self.training.controls, "chosen": self.training.tracks}
        return Step("controls", write_controls, config, ground.music, resumable=True, holds=are_written)

    def model_step(
        self,
        paradigm: ParadigmName,
        *,
        ground: Groundwork,
        controls: Step | None = None,
        seed: int | None = None,
        label: str = "",
    ) -> Step:
        """A model.

        Args:
            seed: a further training seed.
            label: label of the model, if a paradigm has several.
        """
        name = f"train_{label or paradigm}{'_controlled' if controls else ''}"
        config = self.training_config(paradigm, controlled=controls is not None, seed=seed)
        inputs = ground.music
        if controls:
            inputs["controls"] = controls
        if config.start:
            inputs["start"] = shipped_source(config.start)
        return training_step(at_seed(name, seed), config, inputs)

    def clips_step(
        self,
        system: str,
        *,
        model: Step | Source,
        sampling: SamplingConfig,
        ground: Groundwork,
        controls: Step | None = None,
        given: Sequence[ControlName] = (),
        seed: int | None = None,
    ) -> Step:
        """The clips of one system, for every prompt; the prompt's own music provides the controls `given`.

        Args:
            seed: a further training seed, which is that of the model.
        """
        from counterpoint.study.steps.generate import generate_clips

        config: dict[str, Any] = {"prompts": self.prompts, "sampling": sampling}
        inputs: dict[str, Step | Source] = {"model": model, "prompts": ground.prompts}
        if given and controls:
            config |= {"controls": self.training.controls, "given": given}
            inputs |= {"controls": controls, **ground.music}
        return Step(at_seed(f"generate_{system}", seed), generate_clips, config, inputs)

    def trivial_step(
        self, entry: TrivialEntry, *, paradigm: ParadigmName, ground: Groundwork, suffix: str = ""
    ) -> Step:
        """The clips of a predictor without a network, for every prompt.

        Args:
            suffix: suffix of the system, if the predictor has several codecs or lengths of clips.
        """
        from counterpoint.study.steps.trivial import generate_trivial

        config = {
            "prompts": self.prompts,
            "model": self.training_config(paradigm).model,
            "predictor": entry.name,
            "codec": ground.encode.config,
            "segment_s": self.training.segment_s,
        }
        inputs = {**ground.music, "prompts": ground.prompts}
        return Step(f"generate_{entry.name}{suffix}", generate_trivial, config, inputs)

    def adherence_step(
        self,
        clips: Mapping[str, Step],
        *,
        ground: Groundwork,
        pairs: Sequence[tuple[str, str]],
        examples: Sequence[int],
    ) -> Step:
        """How well all clips follow the prompts' own music, and tests between pairs of systems."""
        from counterpoint.metrics.adherence_registry import measures
        from counterpoint.study.steps.adhere import adhere

        config = {
            "seed": self.evaluation.seed,
            "pairs": pairs,
            "examples": examples,
            "measures": [measure.info.name for measure in measures()],  # a newly installed extractor changes the key
        }
        return Step("adhere", adhere, config, _judged(clips, ground))

    def evaluation_step(
        self, clips: Mapping[str, Step], *, ground: Groundwork, pairs: Sequence[tuple[str, str]]
    ) -> Step:
        """The metrics on all clips, and tests between pairs of systems."""
        from counterpoint.study.steps.evaluate import evaluate_systems

        return Step(
            "evaluate",
            evaluate_systems,
            {
                "seed": self.evaluation.seed,
                "pairs": [*pairs, *((own, other) for own in self.contestants() for other in self.systems)],
                "judges": judges_there(),
            },
            {**_judged(clips, ground), "training": ground.data},
        )

    def contestants(self) -> Sequence[str]:
        """Its own systems, with which outside ones are compared."""
        return self.trained()


class SampledStudy(TrainedStudy):
    """A study with one sampling configuration for each paradigm."""

    scaled: ClassVar[tuple[str, ...]] = (*TrainedStudy.scaled, "sampling")

    sampling: SamplingByParadigm = Field(default_factory=dict)
    """Sampling settings of each paradigm; by default the paradigm's own."""

    def sampling_of(self, paradigm: ParadigmName) -> SamplingConfig:
        """Sampling settings of a paradigm."""
        return self.sampling.get(paradigm) or read_sampling(paradigm, {})


def codec_config(name: str, around: Surroundings, *, paradigms: Iterable[ParadigmName]) -> dict[str, Any]:
    """The part of the codec in the keys of its steps.

    Raises:
        UserError: the codec cannot be loaded, or has no codes and a paradigm needs them.
    """
    codec = around.codec(name)
    if not codec.num_codebooks and any(PARADIGMS[paradigm].view == "codes" for paradigm in paradigms):
        raise UserError(
            f"The codec {name!r} has no codes, which the auto-regressive model needs: use a codec with codes."
        )
    return codec.config


def _fine_tuned(start: str, controlled: bool) -> ModelConfig:
    """The network of an included model; a study without controls hides all of them, since they are not extracted."""
    network = shipped_network(start)
    return network if controlled or not network.controls else network.model_copy(update={"control_dropout": 1.0})


def _judged(clips: Mapping[str, Step], ground: Groundwork) -> dict[str, Step | Source]:
    """The inputs of a step that evaluates clips."""
    inputs = {"data": ground.captions, "prompts": ground.prompts, "reconstruct": ground.reconstruct}
    return {**inputs, **ground.outside, **named(*clips.values())}
