"""Admission of an outside system: the selection of its clips that answer the study's prompts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from counterpoint.audio import load_audio, save_audio
from counterpoint.config import UserError
from counterpoint.metrics import Clip, load_generated
from counterpoint.metrics.statistics import MIN_CLIPS
from counterpoint.metrics.systems import plain_caption
from counterpoint.results.parts import Prompts, Window
from counterpoint.study.windows import list_clips
from counterpoint.study.work import Work, computes
from counterpoint.study.workload import nothing


@computes("admit", version=1, workload=nothing)
def admit(work: Work) -> None:
    """Write the clips of the input `folder` that answer a prompt, cut to its length, and `metadata.jsonl`.

    A clip answers the prompt with its id, or else with its caption. Nothing is lengthened or resampled.

    Raises:
        UserError: fewer than eight prompts are answered, or a file cannot be read.
    """
    prompts = Prompts.read(work.inputs["prompts"])
    answers = match(load_generated(work.inputs["folder"]), prompts.windows)
    if len(answers) < MIN_CLIPS:
        raise UserError(
            f"The system {work.config['name']} answers {len(answers)} of the {len(prompts.windows)} prompts, and "
            f"at least {MIN_CLIPS} are needed: give its clips the ids or the captions in "
            f"{work.inputs['prompts'] / 'truth' / 'metadata.jsonl'}."
        )
    for done, (name, clip) in enumerate(answers.items(), start=1):
        audio, sample_rate = load_audio(clip.audio, sample_rate=None, duration_s=prompts.duration_s)
        save_audio(work.folder / f"{name}.wav", audio, sample_rate=sample_rate)
        work.progress(done, len(answers))
    captions = {window.id: window.caption for window in prompts.windows}
    list_clips(work.folder, {name: captions[name] for name in answers})


def match(clips: Sequence[Clip], windows: Sequence[Window]) -> dict[str, Clip]:
    """By id of the window in their order, the clip that answers it; one clip answers only one prompt."""
    by_id = {clip.key: clip for clip in clips}
    found = {window.id: by_id[window.id] for window in windows if window.id in by_id}
    if found:
        return found
    by_caption: dict[str, list[Clip]] = defaultdict(list)
    for clip in reversed(clips):
        by_caption[plain_caption(clip.caption)].append(clip)
    for window in windows:
        waiting = by_caption.get(plain_caption(window.caption))
        if window.caption and waiting:
            found[window.id] = replace(waiting.pop(), caption=window.caption)
    return found
