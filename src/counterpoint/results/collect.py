"""Builds `Results` from the folders of a finished study's steps, by reading every file that a part has written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from counterpoint.config import LatentSpec, parse, read_json
from counterpoint.results.copies import Copies
from counterpoint.results.costs import Generation, Model, Speed
from counterpoint.results.evaluations import EVALUATION_FILE, read_evaluation
from counterpoint.results.learned import Learned
from counterpoint.results.parts import (
    LATENTS_FILE,
    Choice,
    CodecFacts,
    DetectedMusic,
    Entropies,
    Filling,
    Music,
    Prompts,
    Reconstruction,
    Sample,
    Spans,
    Times,
)
from counterpoint.results.records import RECORD_FILE, Provenance, StepRecord, machine, read_record, versions
from counterpoint.results.reference import Reference
from counterpoint.results.search import SearchResult

PARTS: Mapping[str, Any] = {
    "music": Music,
    "samples": Sample,
    "prompts": Prompts,
    "spans": Spans,
    "reconstructions": Reconstruction,
    "codecs": CodecFacts,
    "models": Model,
    "learned": Learned,
    "copies": Copies,
    "references": Reference,
    "generations": Generation,
    "fillings": Filling,
    "choices": Choice,
    "heard": DetectedMusic,
    "entropies": Entropies,
    "times": Times,
    "searches": SearchResult,
    "speed": Speed,
}
"""The type of the parts of each section of `Results`."""


def collect_parts(folders: Mapping[str, Path]) -> dict[str, Any]:
    """The parts that the steps wrote, by section of `Results`, then step.

    Args:
        folders: folders of the steps and of sources such as a dataset, by name.
    """
    found = {
        section: {step: kind.read(folder) for step, folder in folders.items() if kind.is_in(folder)}
        for section, kind in PARTS.items()
    }
    found["latents"] = _files(folders, LATENTS_FILE, _read_latents)
    found["evaluations"] = _files(folders, EVALUATION_FILE, lambda path: read_evaluation(path.parent))
    return found


def _read_latents(path: Path) -> LatentSpec:
    return parse(read_json(path), LatentSpec, source=str(path))


def _files(folders: Mapping[str, Path], name: str, read: Callable[[Path], Any]) -> dict[str, Any]:
    return {step: read(folder / name) for step, folder in folders.items() if (folder / name).is_file()}


def collect_provenance(folders: Mapping[str, Path], *, code: Mapping[str, str]) -> Provenance:
    """The records of the steps.

    Args:
        code: by step, digest of its current code.
    """
    found = {
        step: read_record(folder / RECORD_FILE, StepRecord)
        for step, folder in folders.items()
        if (folder / RECORD_FILE).is_file()
    }
    return Provenance(
        steps={step: record.model_copy(update={"config": None}) for step, record in found.items()},
        changed=tuple(step for step, record in found.items() if code.get(step, record.code) != record.code),
        machine=machine(),
        versions=versions(),
    )
