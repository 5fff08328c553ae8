"""What was compared, as labels and values: music, codec, models, budgets, sampling, machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from counterpoint.config import SamplingConfig
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import Fact
from counterpoint.report.numbers import count, duration, listed
from counterpoint.results.costs import Model
from counterpoint.results.parts import Music, Prompts
from counterpoint.results.schema import Results
from counterpoint.study.kinds.trained import TrainedStudy
from counterpoint.study.settings import SharedTrainingConfig

PARAMETERS = "all share one backbone; each paradigm adds its own layers, such as embeddings and heads for codes"
_WORDS: dict[str, tuple[str, str]] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))


def fact(key: str, *, label: str = "", **values: Any) -> Fact:
    """A line of `facts.yaml`, filled in.

    Args:
        label: in place of its own.
    """
    own, text = _WORDS[key]
    return Fact(label or own, text.format(**values))


def _length(music: Music) -> str:
    hours = sum(music.hours.values())
    return f"{hours:.1f} h" if hours >= 1 else f"{60 * hours:.0f} min"


def _tracks(music: Music) -> str:
    return "clips" if music.kind == "composed" else "tracks"


def music_headline(results: Results) -> Fact:
    """The amount of music."""
    music = results.music["data"]
    return Fact("Music", f"{sum(music.rows.values()):,} {_tracks(music)}, {_length(music)}")


def time_headline(results: Results) -> Fact:
    """The time of all steps."""
    return Fact("Total time", duration(results.provenance.seconds))


def budget_headline(training: SharedTrainingConfig, *, steps: int | None = None, label: str = "") -> Fact:
    return fact("head_budget", label=label, it=training, updates=training.steps if steps is None else steps)


def parameters_headline(models: Iterable[Model]) -> Fact:
    """The sizes of models of different paradigms."""
    own = list(models)
    shorts = [PARADIGMS[model.config.model.paradigm].short for model in own]
    sizes = [count(model.result.parameters) for model in own]
    return Fact(f"Parameters, {' / '.join(shorts)}", " / ".join(sizes), PARAMETERS)


def prompts_headline(prompts: Prompts, *, label: str = "") -> Fact:
    return fact("head_prompts", label=label, count=len(prompts.windows), seconds=prompts.duration_s)


def music_fact(results: Results) -> Fact:
    music = results.music["data"]
    return fact(
        "music",
        name=music.name or music.kind,
        total=sum(music.rows.values()),
        tracks=_tracks(music),
        splits=", ".join(f"{split} {rows:,}" for split, rows in music.rows.items()),
        length=_length(music),
        fingerprint=music.fingerprint,
    )


def windows_from(prompts: Prompts) -> tuple[int, str]:
    """The number of tracks that windows are of, and the splits."""
    splits = sorted({window.split for window in prompts.windows}, reverse=True)
    return len({window.row for window in prompts.windows}), " and ".join(splits)


def data_facts(results: Results) -> list[Fact]:
    """The music, the prompts and the codec of a study that has one of each."""
    prompts, [spec] = results.prompts["prompts"], results.latents.values()
    tracks, splits = windows_from(prompts)
    own = f"{tracks} {_tracks(results.music['data'])}"
    prompts_fact = fact("prompts", count=len(prompts.windows), seconds=prompts.duration_s, tracks=own, splits=splits)
    return [music_fact(results), prompts_fact, fact("codec", spec=spec, name=spec.codec)]


def model_facts(study: TrainedStudy, models: Iterable[Model], *, steps: int | None = None) -> list[Fact]:
    """Models of several paradigms that were trained alike.

    Args:
        models: one per paradigm.
        steps: number of updates, if it differs from the study's training.
    """
    differing, training = [], study.training
    for model in models:
        entry = PARADIGMS[model.config.model.paradigm]
        differing.append(f"{entry.noun} ({count(model.result.parameters)} parameters) {entry.draws}")
    return [
        fact("backbone", it=training),
        fact("differing", it=training, what="; ".join(differing)),
        fact("budget", it=training, updates=training.steps if steps is None else steps),
        fact("optimiser", it=training),
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
    """How systems were drawn, by what they are called."""
    how = "; ".join(f"{name}: {settings_words(own)}" for name, own in sampling.items())
    return fact("sampling", how=how, prompts=study.prompts, note=note)


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
