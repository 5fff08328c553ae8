"""Replacing a span of music: by models trained for it, zero-shot, and by unsuitable anchors (Tables 4 and 5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from counterpoint.config import InpaintingMethod, OptimizerConfig, TrainingConfig, read_sampling
from counterpoint.config.sampling import AnySampling
from counterpoint.config.schema import Config, ParadigmName, Positive
from counterpoint.study.kinds.examined import examined
from counterpoint.study.kinds.groundwork import Groundwork, at_seed, named, training_step
from counterpoint.study.kinds.trained import BOTH, TrainedStudy
from counterpoint.study.settings import PositiveSeconds, PromptsConfig
from counterpoint.study.surroundings import Surroundings
from counterpoint.study.work import Source, Step

AR, FM, INVERSION, BEST = "ar", "fm", "fm_inversion", "fm_best"
SILENCE, OTHER = ANCHORS = ("silence", "other_clip")
TRAINED: dict[str, ParadigmName] = dict(zip((AR, FM), BOTH, strict=True))
"""Systems whose models learn to inpaint."""
ZERO_SHOT: dict[str, InpaintingMethod] = {
    INVERSION: "inversion",
    "fm_repaint": "repaint",
    "fm_projection": "projection",
    "fm_gradient": "gradient",
}
"""Systems that use the flow-matching model without inpainting training, the paper's first."""
METHODS: dict[str, InpaintingMethod] = {**dict.fromkeys(TRAINED, "supervised"), **ZERO_SHOT}
"""Sampling settings by system."""
CONTESTANTS = (*TRAINED, *ZERO_SHOT, BEST)


def _names_all(sampling: Any) -> Any:
    wanted = (*TRAINED, *ZERO_SHOT)
    if not isinstance(sampling, Mapping) or set(sampling) != set(wanted):
        raise ValueError(f"sampling must name {', '.join(wanted)}, and nothing else")

    def read(system: str, own: Any) -> Any:
        paradigm = TRAINED.get(system, TRAINED[FM])
        return read_sampling(paradigm, own, source=system) if isinstance(own, Mapping) else own

    return {system: read(system, own) for system, own in sampling.items()}


class InpaintingConfig(Config):
    """The task, and its training."""

    start: dict[ParadigmName, Literal["scratch", "text"]] = Field(
        default_factory=lambda: dict.fromkeys(BOTH, "text"), min_length=2
    )
    """Whether models are trained from scratch or fine-tuned from the text-to-music model (App. J)."""
    share: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Share of the training examples with a hidden span."""
    optimizer: OptimizerConfig = OptimizerConfig()
    steps: Positive = 100_000
    """Updates of each model."""
    mask_s: PositiveSeconds = 5.0
    """Length of every span (5.3)."""
    margin_s: PositiveSeconds = 1.0
    """Least music before and after it (5.3)."""


class InpaintingStudy(TrainedStudy):
    """Both paradigms trained to inpaint, zero-shot methods of flow matching, and two anchors."""

    kind: Literal["inpainting"]
    page: ClassVar[str] = "counterpoint.study.pages.inpainting:inpainting_report"
    inpainting: InpaintingConfig = InpaintingConfig()
    prompts: PromptsConfig = PromptsConfig(duration_s=10.0)
    sampling: Annotated[dict[str, AnySampling], BeforeValidator(_names_all)] = Field(
        default_factory=lambda: _names_all({system: {} for system in (*TRAINED, *ZERO_SHOT)})
    )
    """Sampling settings of each system."""

    @model_validator(mode="after")
    def _spans_fit(self) -> InpaintingStudy:
        task = self.inpainting
        if task.mask_s + 2 * task.margin_s > self.prompts.duration_s:
            raise ValueError(
                f"inpainting.mask_s {task.mask_s:g} with two margins of {task.margin_s:g} does not fit into "
                f"prompts.duration_s {self.prompts.duration_s:g}"
            )
        return self

    def summary(self) -> str:
        task = self.inpainting
        return f"spans of {task.mask_s:g} s replaced, by models trained for it ({task.steps:,} updates) and zero-shot"

    def shortcuts(self) -> dict[str, str]:
        """The models that learned to inpaint, and the one that did not."""
        return {paradigm: f"inpaint_{paradigm}" for paradigm in BOTH} | {"text": f"train_{TRAINED[FM]}"}

    def next_command(self, out: Path) -> str:
        """Inpaint the user's own music."""
        return f"counterpoint inpaint IN.wav --span 2.0:4.5 --model {out / TRAINED[FM]} --out OUT.wav"

    def steps_in(self, around: Surroundings) -> Iterable[Step | Source]:
        from counterpoint.study.steps.seams import judge_seams
        from counterpoint.study.steps.spans import draw_spans

        ground, models = self.groundwork(around), {}
        task = {"mask_s": self.inpainting.mask_s, "margin_s": self.inpainting.margin_s, "seed": self.prompts.seed}
        spans = Step("spans", draw_spans, task, {"prompts": ground.prompts})
        clips = _anchors(ground, spans=spans, keeps_phase=around.codec(self.codec).keeps_phase)
        for seed in self.turns:
            of_seed = self._models(ground, seed=seed)
            models |= named(*of_seed.values())
            clips |= self._clips(of_seed, ground=ground, spans=spans, seed=seed)
        judged = named(ground.prompts, spans, ground.reconstruct, *clips.values())
        seams = Step("seams", judge_seams, {"seed": self.evaluation.seed, "pairs": _pairs()}, judged)
        made = [clip for system, clip in clips.items() if system.partition("@")[0] in METHODS]
        as_made = {"seed": self.evaluation.seed, "pairs": [tuple(TRAINED)], "plain": True}
        plain = Step("seams_plain", judge_seams, as_made, named(ground.prompts, spans, *made))
        evaluation = self.evaluation_step(clips, ground=ground, pairs=_against_anchors())
        return examined(*ground.steps, *models.values(), *clips.values(), spans, evaluation, seams, plain)

    def contestants(self) -> Sequence[str]:
        return tuple(TRAINED)

    def inpainting_config(self, paradigm: ParadigmName, *, seed: int | None = None) -> TrainingConfig:
        """The run of a paradigm that learns to inpaint."""
        config, task = self.training_config(paradigm, seed=seed), self.inpainting
        update: dict[str, Any] = {
            "model": config.model.model_copy(update={"inpainting": task.share}),
            "optimizer": task.optimizer,
            "steps": task.steps,
            "start": "start" if task.start[paradigm] == "text" else "",
        }
        return config.model_copy(update=update)

    def _models(self, ground: Groundwork, *, seed: int | None) -> dict[str, Step]:
        """Models by system, with `text`, which the zero-shot methods use, and the starting points of trainings."""
        zero_shot = TRAINED[FM]
        tuned = [paradigm for paradigm in TRAINED.values() if self.inpainting.start[paradigm] == "text"]
        texts = {
            paradigm: self.model_step(paradigm, ground=ground, seed=seed)
            for paradigm in TRAINED.values()
            if paradigm in (zero_shot, *tuned)
        }
        trained = {}
        for system, paradigm in TRAINED.items():
            inputs = {**ground.music, **({"start": texts[paradigm]} if paradigm in tuned else {})}
            config = self.inpainting_config(paradigm, seed=seed)
            trained[system] = training_step(at_seed(f"inpaint_{paradigm}", seed), config, inputs)
        return {"text": texts[zero_shot], **trained, **named(*texts.values())}

    def _clips(self, models: dict[str, Step], *, ground: Groundwork, spans: Step, seed: int | None) -> dict[str, Step]:
        """Clips by system, of one training seed."""
        from counterpoint.study.steps.best import keep_best
        from counterpoint.study.steps.inpaint import inpaint_clips

        task = {"prompts": ground.prompts, "spans": spans}
        clips = {
            at_seed(system, seed): Step(
                at_seed(f"generate_{system}", seed),
                inpaint_clips,
                {"prompts": self.prompts, "sampling": self.sampling[system], "method": method},
                {**task, "model": models.get(system, models["text"])},
            )
            for system, method in METHODS.items()
        }
        zero_shot = {f"generate_{system}": clips[at_seed(system, seed)] for system in ZERO_SHOT}
        best = Step(at_seed(f"generate_{BEST}", seed), keep_best, {}, {**task, **zero_shot})
        return clips | {at_seed(BEST, seed): best}


def _anchors(ground: Groundwork, *, spans: Step, keeps_phase: bool) -> dict[str, Step]:
    """Clips that no model has made, by system."""
    from counterpoint.study.steps.anchors import misplace_spans, silence_spans

    fade, task = {"keeps_phase": keeps_phase}, named(ground.prompts, spans)
    return {
        SILENCE: Step(f"generate_{SILENCE}", silence_spans, fade, task),
        OTHER: Step(f"generate_{OTHER}", misplace_spans, fade, {**task, "reconstruct": ground.reconstruct}),
    }


def _against_anchors() -> list[tuple[str, str]]:
    """All systems against the anchors, and the trained ones against each other: the pairs of quality metrics, whose
    tests take seconds each."""
    return [*((system, anchor) for system in CONTESTANTS for anchor in ANCHORS), (AR, FM)]


def _pairs() -> list[tuple[str, str]]:
    """In addition, the trained ones against the paper's zero-shot method and the best take; the zero-shot ones against
    each other, and the best take against the paper's."""
    return [
        *_against_anchors(),
        *((system, rival) for system in TRAINED for rival in (INVERSION, BEST)),
        *((system, rival) for rival, system in combinations(ZERO_SHOT, 2)),
        (BEST, INVERSION),
    ]
