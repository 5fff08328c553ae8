"""What was compared, as labels and values: music, codec, models, budgets, sampling, machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from counterpoint.config import LatentSpec, SamplingConfig
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import Fact
from counterpoint.report.numbers import count, duration, listed
from counterpoint.results.costs import Model
from counterpoint.results.parts import Music, Prompts
from counterpoint.results.schema import Results
from counterpoint.study.kinds.trained import TrainedStudy
from counterpoint.study.settings import SharedTrainingConfig

PARAMETERS = "all share one backbone; each paradigm adds its own layers, such as embeddings and heads for codes"


def hours_of(hours: float) -> str:
    return f"{hours:.1f} h" if hours >= 1 else f"{60 * hours:.0f} min"


def tracks_of(music: Music) -> str:
    return "clips" if music.kind == "composed" else "tracks"


def music_headline(results: Results) -> Fact:
    """The amount of music."""
    music = results.music["data"]
    return Fact("Music", f"{sum(music.rows.values()):,} {tracks_of(music)}, {hours_of(sum(music.hours.values()))}")


def time_headline(results: Results) -> Fact:
    """The time of all steps."""
    return Fact("Total time", duration(results.provenance.seconds))


def budget_headline(
    training: SharedTrainingConfig, *, steps: int | None = None, label: str = "Budget per model"
) -> Fact:
    updates = training.steps if steps is None else steps
    return Fact(label, f"{updates:,} updates × {training.batch_size} clips")


def parameters_headline(models: Iterable[Model]) -> Fact:
    """The sizes of models of different paradigms."""
    own = list(models)
    shorts = [PARADIGMS[model.config.model.paradigm].short for model in own]
    sizes = [count(model.result.parameters) for model in own]
    return Fact(f"Parameters, {' / '.join(shorts)}", " / ".join(sizes), PARAMETERS)


def prompts_headline(prompts: Prompts, *, label: str = "Prompts") -> Fact:
    return Fact(label, f"{len(prompts.windows)} of {prompts.duration_s:g} s, held out")


def music_fact(results: Results) -> Fact:
    music = results.music["data"]
    splits = ", ".join(f"{split} {rows:,}" for split, rows in music.rows.items())
    return Fact(
        "Music",
        f"{music.name or music.kind}: {sum(music.rows.values()):,} {tracks_of(music)} ({splits}), "
        f"{hours_of(sum(music.hours.values()))}; fingerprint {music.fingerprint}",
    )


def data_facts(results: Results) -> list[Fact]:
    """The music, the prompts and the codec of a study that has one of each."""
    prompts, [spec] = results.prompts["prompts"], results.latents.values()
    tracks = len({window.row for window in prompts.windows})
    splits = " and ".join(sorted({window.split for window in prompts.windows}, reverse=True))
    return [
        music_fact(results),
        Fact(
            "Prompts",
            f"captions of {len(prompts.windows)} windows of {prompts.duration_s:g} s from {tracks} "
            f"{tracks_of(results.music['data'])} of the {splits} split; never used for training",
        ),
        Fact("Codec", codec_words(spec, name=spec.codec)),
    ]


def codec_words(spec: LatentSpec, *, name: str) -> str:
    """A description of a codec's latents."""
    return (
        f"{name}: {spec.sample_rate:,} Hz mono, {spec.frame_rate:g} frames/s, {spec.num_codebooks} codebooks of "
        f"{spec.codebook_size:,} codes, {spec.latent_dim} latent channels; fingerprint {spec.fingerprint}"
    )


def backbone_fact(training: SharedTrainingConfig, label: str) -> Fact:
    backbone = training.backbone
    return Fact(
        label,
        f"{backbone.layers} transformer blocks {backbone.width} wide, {backbone.heads} heads, feed-forward "
        f"{backbone.feed_forward}; text from a {training.text.encoder} encoder through cross-attention",
    )


def optimiser_fact(training: SharedTrainingConfig, label: str) -> Fact:
    optimizer = training.optimizer
    return Fact(
        label,
        f"AdamW, learning rate {optimizer.learning_rate:g} after {optimizer.warmup_steps:,} updates of warm-up, cosine "
        f"to zero, weight decay {optimizer.weight_decay:g}, clip {optimizer.clip_norm:g}; generation uses the moving "
        f"average of the weights ({optimizer.ema_decay:g}); {training.precision}",
    )


def budget_fact(training: SharedTrainingConfig, *, steps: int | None = None, note: str = "") -> Fact:
    updates = training.steps if steps is None else steps
    return Fact(
        "Budget per model",
        f"{updates:,} updates of {training.batch_size} segments of {training.segment_s:g} s, the same segments in the "
        f"same order (seed {training.seed}){note}",
    )


def model_facts(study: TrainedStudy, models: Iterable[Model], *, steps: int | None = None) -> list[Fact]:
    """Models of several paradigms that were trained alike.

    Args:
        models: one per paradigm.
        steps: number of updates, if it differs from the study's training.
    """
    differing = []
    for model in models:
        entry = PARADIGMS[model.config.model.paradigm]
        differing.append(f"{entry.label.lower()} ({count(model.result.parameters)} parameters) {entry.draws}")
    skips = f"; skips \u201c{study.training.skips}\u201d in networks that see all frames at once"
    return [
        backbone_fact(study.training, "Backbone of all"),
        Fact("What differs", f"{'; '.join(differing)}{skips}"),
        budget_fact(study.training, steps=steps),
        optimiser_fact(study.training, "Optimiser of all"),
    ]


def settings_words(sampling: SamplingConfig) -> str:
    """Sampling settings in the notation of a configuration."""
    plain = sampling.model_dump(mode="json")
    return ", ".join(f"{name.replace('_', ' ')} {_value(value)}" for name, value in plain.items() if value is not None)


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return f"{value[0]:g} to {value[1]:g}" if isinstance(value, list) else str(value)


def sampling_fact(study: TrainedStudy, sampling: dict[str, SamplingConfig], *, note: str = "") -> Fact:
    """The sampling settings of each paradigm."""
    parts = [f"{PARADIGMS[name].label.lower()}: {settings_words(own)}" for name, own in sampling.items()]
    prompts = study.prompts
    seeds = f"clip i has seed {prompts.seed} + i; {prompts.batch_size} clips per batch"
    return Fact("Sampling", f"{'; '.join([*parts, seeds])}{note}")


def machine_facts(results: Results) -> list[Fact]:
    """The machine and the versions that produced the results."""
    versions = ", ".join(f"{name} {found}" for name, found in results.provenance.versions.items())
    found = [Fact("Machine", results.provenance.machine), Fact("Versions", versions)]
    packages = results.provenance.packages
    if len(packages) > 1:
        found.append(Fact("Computed by", f"several versions of counterpoint: {listed(packages)}"))
    if note := results.provenance.code_note:
        found.append(Fact("Code", note))
    return found


def budget_words(models: Iterable[Model]) -> str:
    """The size and budget of the models, as the beginning of a sentence."""
    results = [model.result for model in models]
    sizes = _range([result.parameters for result in results], count)
    updates = _range([result.steps for result in results], lambda steps: f"{steps:,}")
    times = _range([result.wall_s for result in results], duration)
    return f"{len(results)} models of {sizes} parameters, trained for {updates} updates each ({times})"


def _range(values: Sequence[Any], shown: Callable[[Any], str]) -> str:
    ends = dict.fromkeys([shown(min(values)), shown(max(values))])
    return " to ".join(ends)
