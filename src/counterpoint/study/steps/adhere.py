"""How well every system follows the chords, beats and melodies of the prompts' own music."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from pathlib import Path

from counterpoint.analysis.annotation import Annotation
from counterpoint.analysis.melody import SAMPLE_RATE, detect_melody, melody_notes
from counterpoint.audio import load_audio, normalize_loudness
from counterpoint.data import open_dataset
from counterpoint.metrics import Clip, Target
from counterpoint.metrics.adherence import analyze_systems, judge_adherence
from counterpoint.metrics.adherence_features import ClipAnalysis
from counterpoint.metrics.analyzer import ClipAnalyzer
from counterpoint.results.evaluations import write_evaluation
from counterpoint.results.parts import DetectedMusic, Prompts
from counterpoint.study.judged import GROUND_TRUTH, clips_judged, judged_systems
from counterpoint.study.windows import spread
from counterpoint.study.work import Work, computes

MELODY_RATE = 50.0
"""Sample rate in Hz of the extracted melodies."""


@computes("adhere", version=2, workload=clips_judged("followed"))
def adhere(work: Work) -> None:
    """Write an `Evaluation` of adherence, and `DetectedMusic`, the annotations of the clips in a report.

    A window's target is the reference audio, with its exact annotation if the dataset has one.

    The configuration contains the `seed`, the `pairs` of systems to test for a difference and the numbers of
    `examples` in a report, each of them among the preceding ones.
    """
    prompts = Prompts.read(work.inputs["prompts"])
    systems = judged_systems(work.inputs)
    exact = _exact(work.inputs["data"], prompts)
    targets = {clip.key: Target(exact.get(clip.key), clip) for clip in systems[GROUND_TRUTH]}
    analyzed = analyze_systems(systems, targets=targets, device=work.device, progress=work.progress)
    evaluation = judge_adherence(analyzed, pairs=work.config["pairs"], seed=work.config["seed"])
    write_evaluation(evaluation, work.folder)
    shown = {window.id for window in reduce(spread, work.config["examples"], prompts.windows)}
    first_runs = {name: [clip for clip in clips if clip.seed == clips[0].seed] for name, clips in systems.items()}
    played = {
        name: _annotations(
            [clip for clip in clips if clip.key in shown], analyses=analyzed.systems[name][clips[0].seed]
        )
        for name, clips in first_runs.items()
    }
    known = {key: annotation for key, annotation in exact.items() if key in shown}
    DetectedMusic(target={**played[GROUND_TRUTH], **known}, systems=played).write(work.folder)


def _exact(folder: Path, prompts: Prompts) -> dict[str, Annotation]:
    """The exact annotation of each window, by its id; windows without one are left out."""
    splits = open_dataset(folder).splits
    rows = {
        row["id"]: row
        for split in {window.split for window in prompts.windows}
        for row in splits[split].select_columns(["id", "duration_s", "chords", "melody", "beats"]).to_list()
    }
    cut = {
        window.id: Annotation.of_row(rows[window.row]).cut(window.start_s, prompts.duration_s)
        for window in prompts.windows
    }
    return {key: known for key, known in cut.items() if known.chords or known.notes or known.beats}


def _annotations(clips: Sequence[Clip], *, analyses: Mapping[str, ClipAnalysis]) -> dict[str, Annotation]:
    """The detected annotation of each clip, by its id, with the melody, which takes longest to extract."""
    notes = ClipAnalyzer(_melody, total=len(clips))(clips)
    return {
        clip.key: replace(analyses[clip.key].annotation, notes=of_clip)
        for clip, of_clip in zip(clips, notes, strict=True)
    }


def _melody(clip: Clip) -> tuple[tuple[float, float, int], ...]:
    raw, rate = load_audio(clip.audio, sample_rate=SAMPLE_RATE)
    track = detect_melody(
        normalize_loudness(raw, sample_rate=rate),
        sample_rate=rate,
        frames=round(len(raw) / rate * MELODY_RATE),
        frame_rate=MELODY_RATE,
    )
    return melody_notes(track, frame_rate=MELODY_RATE)
