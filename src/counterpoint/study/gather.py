"""A finished study's folders to its `results.json`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from counterpoint.results.collect import collect_parts, collect_provenance
from counterpoint.results.records import StudyInfo
from counterpoint.results.schema import Results, spread_examples
from counterpoint.study.engine import Source, Step
from counterpoint.study.kinds.base import Study
from counterpoint.study.shipped import identify
from counterpoint.study.systems import systems_of
from counterpoint.study.windows import spread


def gather(study: Study, folders: Mapping[str, Path], *, steps: Mapping[str, Step | Source], name: str) -> Results:
    """All that a finished study found.

    Args:
        folders: of what `steps` names.
        steps: as the study has planned them.
        name: of its configuration file.
    """
    shipped, scale = identify(study)
    parts = collect_parts(folders)
    systems = study.describe(systems_of(steps))
    spans = {clip: span for found in parts["spans"].values() for clip, span in found.spans.items()}
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
        examples=tuple(
            example
            for found in parts["prompts"].values()
            for example in spread_examples(
                [(window.id, window.caption) for window in spread(found.windows, study.report.examples)],
                systems,
                spans=spans,
            )
        ),
        **parts,
    )
