"""The evaluation of one codec's reconstructions, or of the originals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from counterpoint.bench.workload import Workload
from counterpoint.metrics import Clip, evaluate
from counterpoint.results.evaluations import write_evaluation
from counterpoint.results.parts import CodecFacts, Prompts
from counterpoint.study.reference import reference_music
from counterpoint.study.work import Step, Work, computes
from counterpoint.study.workload import handled, views_of

ORIGINAL = "original"


def _judged_clips(step: Step) -> Workload:
    """The work: the clips, and as much reference music."""
    return Workload(music=[handled(step, "judged", systems=1 + len(views_of(step)))])


@computes("judge_codec", version=2, workload=_judged_clips)
def judge(work: Work) -> None:
    """Write an `Evaluation` of each view of the input `reconstruction`, or without it, of the originals.

    The reference is held-out music without any of the clips: the score of the originals is the best possible.
    The configuration lists the `judges`, so that the step runs again with others.
    """
    clips = Prompts.read(work.inputs["clips"])
    windows = clips.windows
    music, about = reference_music(work.inputs["data"], clips)
    systems = {
        view: [Clip(folder / f"{window.id}.wav", window.caption, id=window.id, group=window.row) for window in windows]
        for view, folder in _folders(work).items()
    }
    found = evaluate(systems, reference=music, seed=0, device=work.device, progress=work.progress)
    write_evaluation(replace(found, notes=(about.note, *found.notes)), work.folder)


def _folders(work: Work) -> dict[str, Path]:
    if "reconstruction" not in work.inputs:
        return {ORIGINAL: work.inputs["clips"] / "truth"}
    reconstruction = work.inputs["reconstruction"]
    return {view: reconstruction / view for view in CodecFacts.read(reconstruction).views}
