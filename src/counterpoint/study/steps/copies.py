"""Detection of copies of the training music, and a system that produces only copies."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from counterpoint.audio import load_audio, save_audio
from counterpoint.bench.workload import Music, Workload
from counterpoint.config import write_json_lines
from counterpoint.data import MusicDataset, open_dataset
from counterpoint.examine import share_of
from counterpoint.metrics import Clip
from counterpoint.metrics.copies import nearest
from counterpoint.results.copies import NEAR, Copies, Nearest
from counterpoint.results.parts import Prompts
from counterpoint.study.judged import GROUND_TRUTH, judged_systems, named_systems
from counterpoint.study.work import Step, Work, computes
from counterpoint.study.workload import handled, length_s, nothing

_COLUMNS = ["id", "audio", "caption", "duration_s"]


def _compared(step: Step) -> Workload:
    own = handled(step, "compared", systems=len(named_systems(step.inputs)))
    return Workload(music=[own, Music("compared", length_s(step.inputs["training"]))])


@computes("find_copies", version=1, workload=_compared)
def find_copies(work: Work) -> None:
    """Write the `Copies` among the clips of all systems, by the training split of the input `training`. The scale comes
    from the ground truth, on which no model was trained."""
    dataset = open_dataset(work.inputs["training"])
    systems = judged_systems(work.inputs)
    distances, windows = nearest(
        systems,
        training=[Clip(audio=dataset.audio_path(row), id=row["id"]) for row in _training(dataset)],
        duration_s=Prompts.read(work.inputs["prompts"]).duration_s,
        progress=work.progress,
    )
    border = float(np.quantile(distances[GROUND_TRUTH], NEAR))
    found = {
        system: Nearest(
            median=float(np.median(own)),
            suspicious=share_of((own < border).astype(float), [clip.group or clip.key for clip in systems[system]]),
            clips=len(own),
        )
        for system, own in distances.items()
    }
    Copies(windows=windows, border=border, systems=found).write(work.folder)


@computes("copy_training", version=1, workload=nothing)
def copy_training(work: Work) -> None:
    """Answer every prompt with the training track of the input `training` whose caption shares the most words with the
    prompt's: a cheat that every metric of audio alone must reward."""
    prompts = Prompts.read(work.inputs["prompts"])
    dataset = open_dataset(work.inputs["training"])
    rows = [row for row in _training(dataset) if row["duration_s"] >= prompts.duration_s - 1e-3] or _training(dataset)
    words = [_words(row["caption"]) for row in rows]
    lines = []
    for done, window in enumerate(prompts.windows, start=1):
        wanted = _words(window.caption)
        shared = [len(wanted & own) / max(1, len(wanted | own)) for own in words]
        # If several share equally many words, every prompt gets another one.
        best = max(range(len(rows)), key=lambda place: (shared[place], (place - done) % len(rows)))
        audio, rate = load_audio(dataset.audio_path(rows[best]), sample_rate=None, duration_s=prompts.duration_s)
        save_audio(work.folder / f"{window.id}.wav", audio, sample_rate=rate)
        lines.append({"file_name": f"{window.id}.wav", "caption": window.caption, "id": window.id})
        work.progress(done, len(prompts.windows))
    write_json_lines(work.folder / "metadata.jsonl", lines)


def _training(dataset: MusicDataset) -> list[dict[str, Any]]:
    return dataset.splits["train"].select_columns(_COLUMNS).to_list()


def _words(caption: str) -> set[str]:
    return set(re.findall(r"\w+", caption.lower()))
