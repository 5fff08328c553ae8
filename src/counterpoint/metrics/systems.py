"""The judged systems: their training runs, their common prompts, their silent clips."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from counterpoint.config import UserError
from counterpoint.metrics.base import Clip
from counterpoint.metrics.statistics import MIN_CLIPS


@dataclass(frozen=True)
class JudgedSystems:
    """Clips to judge, sorted.

    Attributes:
        runs: by system name and seed of the training run, clips with keys of their own: several of one prompt become
            prompt, prompt#2, ..., the same in every run, so they pair up. All runs of a system have the same keys.
        prompts: the prompt of each key.
    """

    runs: Mapping[str, Mapping[str, Sequence[Clip]]]
    prompts: Mapping[str, str]

    @classmethod
    def of(cls, systems: Mapping[str, Sequence[Clip]], pairs: Sequence[tuple[str, str]]) -> JudgedSystems:
        """Sort the clips and refuse systems that cannot be scored.

        Raises:
            UserError: there is no system, a system has fewer than 8 clips or runs with different prompts, or a pair
                names no system.
        """
        if not systems:
            raise UserError("There is no system to evaluate; name a folder of generated clips.")
        for name in {name for pair in pairs for name in pair} - set(systems):
            raise UserError(f"Cannot compare {name!r}; the systems are {', '.join(systems)}.")
        prompts: dict[str, str] = {}
        return cls({name: _runs_of(name, clips, prompts) for name, clips in systems.items()}, prompts)

    @property
    def n(self) -> int:
        """Clips in a run of the smallest system."""
        return min(len(clips) for runs in self.runs.values() for clips in runs.values())

    @property
    def count(self) -> int:
        """The total number of clips."""
        return sum(len(clips) for runs in self.runs.values() for clips in runs.values())

    @property
    def ids(self) -> dict[str, tuple[str, ...]]:
        """The keys of each system."""
        return {name: tuple(clip.key for clip in next(iter(runs.values()))) for name, runs in self.runs.items()}


def _runs_of(system: str, clips: Sequence[Clip], prompts: dict[str, str]) -> dict[str, list[Clip]]:
    """The clips of each run, by its seed; notes in `prompts` what their keys stand for."""
    runs: dict[str, list[Clip]] = {seed: [] for seed in dict.fromkeys(clip.seed for clip in clips)}
    seen: Counter[tuple[str, str]] = Counter()
    for clip in clips:
        seen[clip.seed, clip.key] += 1
        turn = seen[clip.seed, clip.key]
        unique = clip if turn == 1 else replace(clip, id=f"{clip.key}#{turn}")
        prompts[unique.key] = clip.key
        runs[clip.seed].append(unique)
    fewest = min(map(len, runs.values()), default=0)
    if fewest < MIN_CLIPS:
        held = "1 clip" if fewest == 1 else f"{fewest} clips"
        raise UserError(
            f"{system} has {held}{' in a run' if len(runs) > 1 else ''}; an interval needs at least "
            f"{MIN_CLIPS}, so generate more."
        )
    first, *others = ({clip.key for clip in of_run} for of_run in runs.values())
    for seed, other in zip(list(runs)[1:], others, strict=True):
        if odd := sorted(first ^ other):
            raise UserError(
                f"The runs of {system} have different prompts: only one of {next(iter(runs))!r} and {seed!r} has "
                f"{odd[0]!r}; generate the same prompts with every run."
            )
    return runs


def same_prompts(systems: Mapping[str, Sequence[Clip]], *, notes: list[str]) -> dict[str, Sequence[Clip]]:
    """The systems, with clips renamed if only their captions, not their ids, show which clips share a prompt.

    Clips of two systems answer one prompt where they have one id; a file's stem stands for an id that is not given. A
    system that shares fewer than eight prompts with the first one in this way, or whose stems have other captions
    there,
    is matched by captions instead: clips with the same caption, apart from case and spaces, answer one prompt.
    """
    named = dict(systems)
    if not systems:
        return named
    first, *others = systems
    known: dict[str, str] = {}
    for clip in systems[first]:
        known.setdefault(clip.key, plain_caption(clip.caption))
    keys = {caption: key for key, caption in reversed(known.items()) if caption}
    for name in others:
        captions = {clip.key: plain_caption(clip.caption) for clip in systems[name]}
        given = all(clip.id for clip in (*systems[first], *systems[name]))
        contradicted = [
            key for key in captions if not given and captions[key] and known.get(key) and captions[key] != known[key]
        ]
        if not contradicted and len(captions.keys() & known.keys()) >= MIN_CLIPS:
            continue
        if contradicted or len(set(captions.values()) & keys.keys()) >= MIN_CLIPS:
            own = {key: keys.get(caption, f"{name}/{key}") for key, caption in captions.items()}
            named[name] = [replace(clip, id=own[clip.key]) for clip in systems[name]]
            notes.append(f"The clips of {name} are matched with those of {first} by their captions.")
    return named


def plain_caption(caption: str) -> str:
    """The caption without case and redundant spaces."""
    return " ".join(caption.lower().split())


def runs_note(systems: JudgedSystems) -> list[str]:
    """A note on several training runs."""
    several = {name: len(runs) for name, runs in systems.runs.items() if len(runs) > 1}
    if not several:
        return []
    counts = ", ".join(f"{name} of {count}" for name, count in several.items())
    single = " The intervals of the other systems, with one run, do not include the variance between runs." * (
        len(several) < len(systems.runs)
    )
    return [f"Scores are means over training runs, and intervals include the variance between runs: {counts}.{single}"]


def groups_of(systems: JudgedSystems, *, notes: list[str]) -> dict[str, str]:
    """The group of each prompt that has one, by its key; notes their effect on the intervals."""
    groups = {
        clip.key: clip.group
        for runs in systems.runs.values()
        for clips in runs.values()
        for clip in clips
        if clip.group
    }
    prompts, count = len(groups), len(set(groups.values()))
    if MIN_CLIPS <= count < prompts:
        notes.append(f"The {prompts} prompts come from {count} tracks; intervals and tests resample whole tracks.")
    elif count < prompts:
        notes.append(
            f"The {prompts} prompts come from only {count} tracks, too few to resample: intervals and tests resample "
            "prompts, and are valid for these tracks only, not for other music."
        )
    return groups


def check_silence(system: str, silent: Sequence[bool], *, notes: list[str]) -> None:
    """Add a note on the silent clips of a system.

    Raises:
        UserError: all of them are silent.
    """
    if all(silent):
        raise UserError(f"Every clip of {system} is silent, so there is nothing to evaluate; generate it again.")
    if any(silent):
        notes.append(f"{sum(silent)} of the {len(silent)} clips of {system} are silent; they are judged like the rest.")
