"""The distance of one codec's reconstructions, or of the originals themselves, to other real music."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from counterpoint.config import read_json, write_json
from counterpoint.data import open_dataset
from counterpoint.metrics import Clip, evaluate

if TYPE_CHECKING:
    from counterpoint.study.engine import Work

METRIC = "fad_musicnn"
ORIGINAL = "original"


def judge(work: Work) -> None:
    """Write `scores.json`: `fad_musicnn` of each view of the input `reconstruction`; without one, of the originals.

    The reference is the training split, in which no clip is: what the originals score is the best that can be expected.
    """
    windows = read_json(work.inputs["clips"] / "prompts.json")["windows"]
    systems = {
        view: [Clip(folder / f"{window['id']}.wav", id=window["id"], group=window["row"]) for window in windows]
        for view, folder in _folders(work).items()
    }
    found = evaluate(systems, reference=_reference(work.inputs["data"]), seed=0, progress=work.progress)
    info = next(info for info in found.metrics if info.name == METRIC)
    measure = {"name": METRIC, "what": info.description, "unit": info.unit, "better": info.better}
    scores = {view: {METRIC: asdict(of_view[METRIC])} for view, of_view in found.scores.items()}
    write_json(work.folder / "scores.json", {"measures": [measure], "scores": scores, "notes": list(found.notes)})


def _folders(work: Work) -> dict[str, Path]:
    if "reconstruction" not in work.inputs:
        return {ORIGINAL: work.inputs["clips"] / "truth"}
    reconstruction = work.inputs["reconstruction"]
    return {view: reconstruction / view for view in read_json(reconstruction / "codec.json")["views"]}


def _reference(folder: Path) -> list[Clip]:
    dataset = open_dataset(folder)
    rows = dataset.splits["train"].select_columns(["id", "audio"]).to_list()
    return [Clip(dataset.audio_path(row), id=row["id"]) for row in rows]
