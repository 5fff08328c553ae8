"""The judges on samples of datasets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from counterpoint.config import read_json, write_json
from counterpoint.metrics import Clip, evaluate
from counterpoint.metrics.registry import absent
from counterpoint.metrics.statistics import MIN_CLIPS

if TYPE_CHECKING:
    from counterpoint.study.engine import Work


def judge_datasets(work: Work) -> None:
    """Write `evaluation.json`: every metric of each input `sample_<label>`, and tests of the later ones against the
    first; and `absent.json`: why published metrics are missing.

    What the judges take for usual are the other clips of all samples; where these are too few, the samples themselves.
    """
    folders = {label: work.inputs[f"sample_{label}"] for label in work.config["labels"]}
    judged = {label: _clips(folder, label, "judged") for label, folder in folders.items()}
    others = [clip for label, folder in folders.items() for clip in _clips(folder, label, "others")]
    if len(others) < MIN_CLIPS:
        others = [clip for clips in judged.values() for clip in clips]
    first, *rest = judged
    found = evaluate(
        judged,
        reference=others,
        pairs=[(label, first) for label in rest],
        seed=work.config["seed"],
        progress=work.progress,
    )
    write_json(work.folder / "evaluation.json", found.to_json())
    write_json(work.folder / "absent.json", list(absent()))


def _clips(folder: Path, label: str, which: str) -> list[Clip]:
    """Under names of their own: clips of two datasets answer no common prompt."""
    return [
        Clip(
            folder / "clips" / f"{window['id']}.wav",
            caption=window["caption"],
            id=f"{label}-{window['id']}",
            group=f"{label}-{window['group']}",
        )
        for window in read_json(folder / "sample.json")[which]
    ]
