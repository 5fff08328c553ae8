"""The work of steps, from their configurations before anything runs.

Every step describes its own work, beside its function (`work.computes`), in the terms defined here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from counterpoint.bench.draw import Draw
from counterpoint.bench.workload import Handling, Music, Workload, estimate
from counterpoint.config import DataConfig, ModelConfig, SamplingConfig, TrainingConfig, UserError, parse
from counterpoint.config.remote import RemoteFolder, url_of
from counterpoint.data.layout import INFO_FILE, read_info
from counterpoint.study.settings import ClipsConfig, ComposeConfig
from counterpoint.study.work import Source, Step

if TYPE_CHECKING:
    from counterpoint.bench.limits import Limits


def nothing(step: Step) -> Workload:
    """The work of a step that takes no time."""
    return Workload()


FIXED_S = 2.0
"""Seconds that every step needs to read its inputs."""


def expected_s(steps: Iterable[Step], *, device: Limits) -> dict[str, float]:
    """Seconds that each step is expected to take on one such device, by key."""
    return {step.key: FIXED_S + estimate(step.function.workload(step), device=device).seconds for step in steps}


def clips_config(step: Step) -> ClipsConfig:
    """The windows that a step reads; a part of a study's windows counts as half of them."""
    given = step.inputs["clips" if "clips" in step.inputs else "prompts"]
    assert isinstance(given, Step)
    if isinstance(given.config, ClipsConfig):
        return given.config
    whole = clips_config(given)
    return whole.model_copy(update={"clips": -(-whole.clips // 2)})


def handled(step: Step, handling: Handling, *, systems: int = 1, codec: str = "") -> Music:
    """The clips with which the given number of systems answer a step's windows."""
    windows = clips_config(step)
    clips = systems * windows.clips
    return Music(handling, clips * windows.duration_s, clips, codec)


def views_of(step: Step) -> tuple[str, ...]:
    """The codec's views in a step or its input `reconstruction`; one for originals."""
    made = step.inputs.get("reconstruction", step)
    assert isinstance(made, Step)
    return ("latents", "codes") if made.setting("num_codebooks") else ("latents",)


def through_codec(step: Step) -> Workload:
    """The work of a step that encodes the windows, and decodes every view of them."""
    codec = step.setting("codec")
    views = handled(step, "decoded", systems=len(views_of(step)), codec=codec)
    return Workload(music=[handled(step, "coded", codec=codec), views])


def drawn(step: Step, sampling: SamplingConfig, *, alone: bool = False, **how: Any) -> Workload:
    """The clips that the input `model` draws for a step's windows, decoded.

    Args:
        alone: whether one of them is drawn again, by itself.
    """
    windows, run = clips_config(step), run_of(step.inputs["model"])
    batches = [(windows.clips, step.setting("prompts").batch_size), *([(1, 1)] if alone else [])]
    draws = [Draw(run, sampling, clips, windows.duration_s, size, **how) for clips, size in batches]
    return Workload(draws=draws, music=[handled(step, "decoded", codec=run.data.codec)])


def run_of(model: Step | Source) -> TrainingConfig:
    """The run that made a model: the configuration of the training step, or that in a model's folder."""
    from counterpoint.runs import read_description

    if isinstance(model, Step):
        assert isinstance(model.config, TrainingConfig)
        return model.config
    described = read_description(model.path)
    data = DataConfig(dataset=model.name, codec=described["latent"]["codec"], segment_s=described["segment_s"])
    return TrainingConfig(model=parse(described["model"], ModelConfig, source=model.name, saved=True), data=data)


def length_s(data: Step | Source) -> float:
    """Seconds of music in a dataset that a step composes, or that is in a folder.

    Raises:
        UserError: there is no dataset in the folder.
    """
    if isinstance(data, Source):
        return 3600 * hours_of(data.path)
    assert isinstance(data.config, ComposeConfig)
    return data.config.clips * data.config.duration_s


def hours_of(dataset: Path) -> float:
    """Hours of music in a dataset, from its own description.

    Raises:
        UserError: the folder is not a dataset.
    """
    url = url_of(dataset)  # no more of a distant one is read than its description
    info = json.loads(RemoteFolder(url, mark=INFO_FILE).read_mark()) if url else read_info(dataset)
    try:
        return float(sum(info["hours"].values()))
    except (AttributeError, KeyError, TypeError):
        raise UserError(f"{dataset} does not say how many hours it has; make the dataset again.") from None
