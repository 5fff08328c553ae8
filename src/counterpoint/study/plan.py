"""A study's configuration to its steps."""

from __future__ import annotations

from pathlib import Path

from counterpoint.config import digest
from counterpoint.config.schema import ParadigmName
from counterpoint.data import open_dataset
from counterpoint.data.layout import file_digest
from counterpoint.study.config import PARADIGMS, StudyConfig
from counterpoint.study.engine import Source, Step
from counterpoint.study.steps.compose import compose_corpus
from counterpoint.study.steps.encode import encode, is_encoded
from counterpoint.study.steps.evaluate import evaluate_systems
from counterpoint.study.steps.generate import generate_clips
from counterpoint.study.steps.prompts import choose_prompts
from counterpoint.study.steps.reconstruct import reconstruct
from counterpoint.study.steps.report import make_report
from counterpoint.study.steps.train import train_model

SYSTEMS: dict[str, tuple[ParadigmName, bool]] = {
    **{paradigm: (paradigm, True) for paradigm in PARADIGMS},
    **{f"untrained_{paradigm}": (paradigm, False) for paradigm in PARADIGMS},
}
"""Paradigm of each model, and whether it is trained; an untrained one is the same before its first update."""


def plan(config: StudyConfig, *, name: str, dataset: Path | None = None) -> Step:
    """The report of a study, with all that leads to it.

    Args:
        name: of the study, for the report's title.
        dataset: the user's own, instead of composing.

    Raises:
        UserError: when `dataset` is not a dataset.
    """
    data = _data(config, dataset)
    encoded = Step("encode", encode, _codec(config), {"data": data}, resumable=True, holds=is_encoded)
    prompts = Step("prompts", choose_prompts, config.prompts, {"data": data})
    codec = Step("reconstruct", reconstruct, _codec(config), {"prompts": prompts})
    models, clips = {}, {}
    for system, (paradigm, trained) in SYSTEMS.items():
        models[system] = Step(
            f"train_{system}" if trained else system,
            train_model,
            # The dataset is an input; where it lies is no part of what the run is.
            config.training_config(paradigm, dataset="data", trained=trained),
            {"data": data, "encode": encoded},
            resumable=True,
        )
        clips[system] = Step(
            f"generate_{system}",
            generate_clips,
            {"prompts": config.prompts, "sampling": config.sampling[paradigm]},
            {"model": models[system], "prompts": prompts},
        )
    evaluation = Step(
        "evaluate",
        evaluate_systems,
        config.evaluation,
        {"data": data, "prompts": prompts, "reconstruct": codec, **{step.name: step for step in clips.values()}},
    )
    return Step(
        "report",
        make_report,
        {"name": name, "study": config, "own_data": dataset is not None},
        {
            "data": data,
            "encode": encoded,
            "prompts": prompts,
            "reconstruct": codec,
            "evaluate": evaluation,
            **{step.name: step for step in (*models.values(), *clips.values())},
        },
    )


def _data(config: StudyConfig, dataset: Path | None) -> Step | Source:
    if dataset is None:
        return Step("data", compose_corpus, config.compose)
    return Source("data", dataset.resolve(), open_dataset(dataset).fingerprint())


def _codec(config: StudyConfig) -> dict[str, str]:
    """A codec's name, and its content where it is a folder of the user's; shipped ones count with the code."""
    folder = Path(config.codec)
    if not folder.is_dir():
        return {"codec": config.codec}
    content = {str(file.relative_to(folder)): file_digest(file) for file in folder.rglob("*") if file.is_file()}
    return {"codec": str(folder.resolve()), "content": digest(content)}
