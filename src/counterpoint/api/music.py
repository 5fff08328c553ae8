"""Existing music: its analysis, and its comparison with other music."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from counterpoint.analysis import listen
from counterpoint.analysis.annotation import Annotation
from counterpoint.analysis.listen import Analysis
from counterpoint.audio import Sound, SoundLike
from counterpoint.config import UserError
from counterpoint.config.base import check_seed
from counterpoint.config.paths import true_path
from counterpoint.config.workers import Workers
from counterpoint.data.layout import INFO_FILE, open_dataset
from counterpoint.metrics import Clip, Evaluation, Target, load_generated
from counterpoint.metrics import evaluate as evaluate_clips
from counterpoint.metrics import evaluate_adherence as evaluate_controls

Clips: TypeAlias = "str | os.PathLike[str] | Sequence[Sound]"
"""A folder of audio, with captions if it has any, or sounds, of which generated ones include their captions."""
Progress = Callable[[float, float], None]
"""Called with (clips analysed, total clips)."""


def analyze(source: SoundLike, *, device: str = "auto") -> Analysis:
    """Analyse a piece of music: tempo, chords, melody, downbeats and tags, with their confidence.

    >>> import counterpoint as cp
    >>> import numpy as np
    >>> time_s = np.arange(3 * 32000) / 32000
    >>> chord = sum(np.sin(2 * np.pi * hertz * time_s) for hertz in (261.6, 329.6, 392.0))
    >>> found = cp.analyze((0.1 * chord, 32000))
    >>> found.chart, found.duration_s
    ('C:0', 3.0)

    Args:
        source: a file of any length, or audio in memory.
        device: device of torch networks: `cpu`, `cuda`, `cuda:1` or `mps`; by default a GPU if there is one.

    Returns:
        Typed values; `print` shows them in a few lines.

    Raises:
        UserError: the file cannot be read, or basic-pitch is not installed.
    """
    audio = Path(source) if isinstance(source, str | os.PathLike) else Sound.of(source)
    return listen.analyze(audio, device=device)


def evaluate(
    generated: Clips | Mapping[str, Clips] | Sequence[str | os.PathLike[str]],
    reference: Clips,
    *,
    split: str = "test",
    controls: bool = False,
    seed: int = 0,
    device: str = "auto",
    workers: Workers | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Score clips against real music, with intervals, floors and tests between systems.

    >>> import counterpoint as cp
    >>> import numpy as np
    >>> def hiss(seed):
    ...     noise = np.random.default_rng(seed).normal(0, 0.1, (8, 32000))
    ...     return [cp.Sound(clip, 32000) for clip in noise]
    >>> found = cp.evaluate({"mine": hiss(1)}, hiss(2))
    >>> found.n, found.scores["mine"]["fad_musicnn"].value > 0
    (8, True)
    >>> found.frame()["system"].unique().tolist()
    ['mine', 'ground truth']

    Args:
        generated: the clips of one system, or of several by name; several folders have their own names. The first
            system is compared with each of the others. Clips of two systems are paired by id or file name, sounds by
            their positions, and else by caption.
        reference: a dataset, a folder of audio, or sounds.
        split: split of the dataset.
        controls: whether to score instead how well clips follow chords, beats and melody of the reference of the same
            name.
        seed: seed of all resampling.
        device: device of the judges, as for `analyze`.
        workers: processes that listen ahead, not for `controls`; by default this process alone, on all its cores.
        progress: called with (clips analysed, total clips).

    Returns:
        Scores, floors, differences and notes; `Evaluation.frame` is a table of the scores.

    Raises:
        UserError: a side has fewer than 8 clips, or clips or a reference cannot be read.
    """
    check_seed(seed)
    notes: list[str] = []
    with ExitStack() as stack:
        systems = {name: _clips(clips, stack=stack, notes=notes) for name, clips in _by_name(generated).items()}
        first, *others = systems
        pairs = [(first, other) for other in others]
        targets = _targets(reference, split=split, stack=stack, notes=notes)
        if controls:
            found = evaluate_controls(
                systems, targets=targets, pairs=pairs, seed=seed, device=device, progress=progress
            )
        else:
            clips = [target.reference for target in targets.values() if target.reference]
            chosen = {"seed": seed, "device": device, "workers": workers, "progress": progress}
            found = evaluate_clips(systems, reference=clips, pairs=pairs, **chosen)
    return replace(found, notes=(*notes, *found.notes))


def _by_name(generated: Clips | Mapping[str, Clips] | Sequence[str | os.PathLike[str]]) -> dict[str, Clips]:
    if isinstance(generated, Mapping):
        named = dict(generated)
    elif isinstance(generated, str | os.PathLike):
        named = {true_path(os.fspath(generated)).name: generated}
    elif all(isinstance(each, Sound) for each in generated):
        named = {"generated": generated}
    else:
        folders = [Path(each) for each in generated if isinstance(each, str | os.PathLike)]
        names = [true_path(folder).name for folder in folders]
        named = dict(zip(names if len(set(names)) == len(names) else map(str, folders), folders, strict=True))
    if not named or not all(isinstance(clips, str | os.PathLike) or len(clips) for clips in named.values()):
        raise UserError("There are no clips to evaluate: use a folder of audio, or sounds.")
    return named  # pyright: ignore[reportReturnType] - the types of sequences are checked above


def _clips(clips: Clips, *, stack: ExitStack, notes: list[str]) -> list[Clip]:
    """The clips as files; sounds are written to files that exist as long as `stack`."""
    if isinstance(clips, str | os.PathLike):
        return load_generated(Path(clips), notes=notes)
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="counterpoint-")))
    return [
        Clip(sound.save(folder / f"{index:06d}.wav"), caption=getattr(sound, "caption", ""))
        for index, sound in enumerate(clips)
    ]


def _targets(reference: Clips, *, split: str, stack: ExitStack, notes: list[str]) -> dict[str, Target]:
    """The target of each row of a split, by its id; or of each clip in a folder of audio."""
    if not isinstance(reference, str | os.PathLike):
        return {clip.key: Target(reference=clip) for clip in _clips(reference, stack=stack, notes=notes)}
    place = Path(reference)
    if place.exists() and not (place / INFO_FILE).is_file():
        return {clip.key: Target(reference=clip) for clip in load_generated(place, notes=notes)}
    opened = open_dataset(place)
    if split not in opened.splits:
        raise UserError(f"{reference} has no split {split!r}; it has {', '.join(opened.splits)}.")
    known = ["id", "audio", "caption", "duration_s", "chords", "melody", "beats"]
    return {
        row["id"]: Target(
            exact=Annotation.of_row(row),
            reference=Clip(audio=opened.audio_path(row), caption=row["caption"], id=row["id"]),
        )
        for row in opened.splits[split].select_columns(known).to_list()
    }
