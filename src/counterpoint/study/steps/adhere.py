"""How well every system follows the chords, beats and melodies of the prompts' own music."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from counterpoint.analysis.annotation import Annotation
from counterpoint.analysis.melody import SAMPLE_RATE, hear_melody, melody_notes
from counterpoint.audio import load_audio, normalize_loudness
from counterpoint.config import read_json, write_json
from counterpoint.data import open_dataset
from counterpoint.metrics import Clip, Target
from counterpoint.metrics.adherence import hear_systems, judge_adherence
from counterpoint.metrics.adherence_hearing import Hearing
from counterpoint.metrics.listener import Listener
from counterpoint.study.systems import GROUND_TRUTH, judged_systems
from counterpoint.study.windows import spread

if TYPE_CHECKING:
    from counterpoint.study.engine import Work

MELODY_RATE = 50.0
"""Of the melodies in `heard.json`, Hz."""


def adhere(work: Work) -> None:
    """Write `adherence.json`, an `Evaluation` of adherence, and `heard.json`: what is played in each clip.

    A window's target is the reference audio, and what the dataset knows exactly of it. `heard.json` holds annotations
    by clip: of the `target`, exact where the dataset knows it, else as heard; and of each of the `systems`, as heard
    in its first training run. Melodies take longest to hear, so only the clips that a report shows have theirs.

    The configuration holds the `seed`, the `pairs` of systems to test for a difference and the number of `examples`
    that a report shows.
    """
    prompts = read_json(work.inputs["prompts"] / "prompts.json")
    systems = judged_systems(work.inputs)
    exact = _exact(work.inputs["data"], prompts)
    targets = {clip.key: Target(exact.get(clip.key), clip) for clip in systems[GROUND_TRUTH]}
    heard = hear_systems(systems, targets=targets, progress=work.progress)
    evaluation = judge_adherence(heard, pairs=work.config["pairs"], seed=work.config["seed"])
    write_json(work.folder / "adherence.json", evaluation.to_json())
    shown = {window["id"] for window in spread(prompts["windows"], work.config["examples"])}
    first_runs = {name: [clip for clip in clips if clip.seed == clips[0].seed] for name, clips in systems.items()}
    played = {
        name: _annotations(clips, hearings=heard.systems[name][clips[0].seed], with_melody=shown)
        for name, clips in first_runs.items()
    }
    target = {**played[GROUND_TRUTH], **exact}
    write_json(
        work.folder / "heard.json",
        {"target": _plain(target), "systems": {name: _plain(of_system) for name, of_system in played.items()}},
    )


def _exact(folder: Path, prompts: Mapping[str, Any]) -> dict[str, Annotation]:
    """What the dataset knows of each window, by its id; windows of which it knows nothing are left out."""
    splits = open_dataset(folder).splits
    rows = {
        row["id"]: row
        for split in {window["split"] for window in prompts["windows"]}
        for row in splits[split].select_columns(["id", "duration_s", "chords", "melody", "beats"]).to_list()
    }
    cut = {
        window["id"]: Annotation.of_row(rows[window["row"]]).cut(window["start_s"], prompts["duration_s"])
        for window in prompts["windows"]
    }
    return {key: known for key, known in cut.items() if known.chords or known.notes or known.beats}


def _annotations(
    clips: Sequence[Clip], *, hearings: Mapping[str, Hearing], with_melody: Container[str]
) -> dict[str, Annotation]:
    """What was heard in each clip, by its id, and the melody where it is wanted."""
    wanted = [clip for clip in clips if clip.key in with_melody]
    notes = Listener(_melody, total=len(wanted))(wanted)
    heard = {clip.key: hearings[clip.key].annotation for clip in clips}
    return heard | {
        clip.key: replace(heard[clip.key], notes=of_clip) for clip, of_clip in zip(wanted, notes, strict=True)
    }


def _melody(clip: Clip) -> tuple[tuple[float, float, int], ...]:
    raw, rate = load_audio(clip.audio, sample_rate=SAMPLE_RATE)
    track = hear_melody(
        normalize_loudness(raw, sample_rate=rate),
        sample_rate=rate,
        frames=round(len(raw) / rate * MELODY_RATE),
        frame_rate=MELODY_RATE,
    )
    return melody_notes(track, frame_rate=MELODY_RATE)


def _plain(annotations: Mapping[str, Annotation]) -> dict[str, Any]:
    return {key: annotation.to_json() for key, annotation in annotations.items()}
