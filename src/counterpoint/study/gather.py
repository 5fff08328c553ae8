"""Collects a finished study's folders into its `results.json`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from counterpoint.results.collect import collect_parts, collect_provenance
from counterpoint.results.listening import FOLDER, read_listening
from counterpoint.results.records import StudyInfo
from counterpoint.results.schema import Example, Results, System
from counterpoint.study.kinds.base import Study
from counterpoint.study.shipped import identify
from counterpoint.study.windows import spread
from counterpoint.study.work import Source, Step


def gather(study: Study, folders: Mapping[str, Path], *, steps: Mapping[str, Step | Source], name: str) -> Results:
    """Collect all results of a finished study.

    Args:
        folders: folders of the steps and sources in `steps`.
        steps: steps as planned by the study.
        name: name of its configuration file.
    """
    shipped, scale = identify(study)
    parts = collect_parts(folders)
    systems = study.describe(steps)
    return Results(
        study=StudyInfo(
            name=name,
            kind=study.kind,
            shipped=shipped,
            scale=scale,
            reproduces=study.reproduces,
            summary=study.summary(),
            config=study.model_dump(mode="json"),
            own_data="data" in steps and isinstance(steps["data"], Source),
        ),
        provenance=collect_provenance(
            folders, code={key: step.code for key, step in steps.items() if isinstance(step, Step)}
        ),
        systems=systems,
        examples=tuple(_examples(study.examples, parts, systems)),
        **parts,
    )


def with_listening(results: Results, folder: Path) -> Results:
    """The results with those of the listening tests in the study's folder, each also as an evaluation."""
    found = read_listening(folder)
    own = {step: each for step, each in results.evaluations.items() if not step.startswith(f"{FOLDER}_")}
    rated = {f"{FOLDER}_{name}": each.evaluation() for name, each in found.items() if each.means}
    return results.model_copy(update={"listening": found, "evaluations": {**own, **rated}}).at(folder)


def _examples(wanted: int, parts: Mapping[str, Mapping[str, Any]], systems: Mapping[str, System]) -> Iterator[Example]:
    """About `wanted` prompts, spread evenly over the prompts of every length, with the clips of all systems that answer
    them."""
    spans = {clip: span for found in parts["spans"].values() for clip, span in found.spans.items()}
    answered = {place: prompts for place, prompts in parts["prompts"].items() if _answers(systems, place)}
    for place, prompts in answered.items():
        for window in spread(prompts.windows, -(-wanted // len(answered))):
            yield Example(
                id=window.id,
                prompts=place,
                caption=window.caption,
                clips={key: f"{system.clips[0]}/{window.id}.wav" for key, system in _answers(systems, place).items()},
                span_s=spans.get(window.id),
            )


def _answers(systems: Mapping[str, System], prompts: str) -> dict[str, System]:
    return {key: system for key, system in systems.items() if system.clips and system.prompts == prompts}
