"""Examples to listen to: clips side by side, with pictures that serve as seek bars."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from counterpoint.report.blocks import System
from counterpoint.report.media import COMPACT, FULL, Media, load_clip, load_versions, write_media
from counterpoint.report.timelines import Timelines
from counterpoint.report.waveform import waveform

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One clip of an example.

    Attributes:
        system: the system that made it.
        file: the audio.
        timelines: the requested and the detected chords, melody and beats.
        name: a name instead of the system's.
        caption: text below the picture, if the clips of one example have different captions.
    """

    system: System
    file: Path
    timelines: Timelines | None = None
    name: str = ""
    caption: str = ""


@dataclass(frozen=True, kw_only=True)
class Example:
    """Clips that belong together, shown as a row.

    Attributes:
        caption: the caption; "" for none.
        span_s: start and stop of the filled-in span; None for entirely generated clips. All clips of an example with a
            span have one gain, that of the first.
        title: a heading instead of the caption.
    """

    caption: str
    clips: Sequence[Clip]
    span_s: tuple[float, float] | None = None
    title: str = ""


@dataclass(frozen=True, kw_only=True)
class Players:
    """Examples with one synchronised player each.

    Attributes:
        id: prefix of the anchors of the examples: `listen-3` is the third.
        untitled: text instead of an empty caption.
        noun: the noun for one example.
        is_wide: whether fewer clips are placed side by side.
        first: number of examples that are shown at once; the others are expanded by a click.
        note: text below them.
    """

    kind: ClassVar[str] = "players"

    id: str
    examples: Sequence[Example]
    untitled: str = "No caption: unconditional"
    noun: str = "prompt"
    is_wide: bool = False
    first: int = 3
    note: str = ""

    @property
    def has_timelines(self) -> bool:
        return any(clip.timelines for example in self.examples for clip in example.clips)


@dataclass(frozen=True, kw_only=True)
class Player:
    """A clip in the page.

    Attributes:
        above: SVG above the spectrogram: timelines, or the waveform with the filled-in span.
        seams: start and end of that span, in percent of the clip.
    """

    clip: Clip
    media: Media
    above: str = ""
    seams: Sequence[float] = field(default=())

    @property
    def name(self) -> str:
        return self.clip.name or self.clip.system.name


def write_players(block: Players, out: Path, *, is_compact: bool = False) -> Iterator[list[Player]]:
    """Write the clips and pictures of a block into `out`, optionally as small files; returns each example's players."""
    encoding = COMPACT if is_compact else FULL
    for place, example in enumerate(block.examples, start=1):
        sounds = _sounds(example)
        top = max((float(abs(audio).max()) for audio in sounds.values()), default=0.0) or 1.0
        row = []
        for clip in example.clips:
            name, audio = f"{block.id}-{place:02d}-{_slug(clip)}", sounds[clip.file]
            media = write_media(audio, report=out, name=name, encoding=encoding)
            row.append(_player(example, clip, audio, media=media, top=1.05 * top))
        yield row


def _slug(clip: Clip) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", "-".join(filter(None, (clip.system.key, clip.name.lower()))))


def _sounds(example: Example) -> Mapping[Path, np.ndarray]:
    """Each clip at its own loudness; or, for versions of one clip, all with one gain."""
    files = {clip.file: clip.file for clip in example.clips}
    if example.span_s is None or not files:
        return {file: load_clip(file) for file in files}
    return load_versions(files, original=next(iter(files)))


def _player(example: Example, clip: Clip, audio: np.ndarray, *, media: Media, top: float) -> Player:
    duration_s, named = media.duration_s, clip.name or clip.system.name
    if example.span_s is None:
        above = clip.timelines.svg(duration_s=duration_s, name=named) if clip.timelines else ""
        return Player(clip=clip, media=media, above=above)
    above = waveform(audio, duration_s=duration_s, span_s=example.span_s, name=named, top=top)
    seams = [100 * border / duration_s for border in example.span_s]
    return Player(clip=clip, media=media, above=above, seams=seams)
