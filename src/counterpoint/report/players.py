"""Examples to listen to: clips beside each other, with pictures that are their seek bars."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from counterpoint.report.blocks import System
from counterpoint.report.media import COMPACT, FULL, Encoding, Media, load_clip, load_versions, write_media
from counterpoint.report.timelines import Timelines
from counterpoint.report.waveform import waveform

if TYPE_CHECKING:
    import numpy as np

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One clip of an example.

    Attributes:
        system: what made it.
        file: audio.
        timelines: what it was to play and what is heard in it.
        name: in place of the system's.
        caption: below the picture, where the clips of one example answer different ones.
    """

    system: System
    file: Path
    timelines: Timelines | None = None
    name: str = ""
    caption: str = ""


@dataclass(frozen=True, kw_only=True)
class Example:
    """Clips that belong together, as a row.

    Attributes:
        caption: what was asked for in words; "" for nothing.
        span_s: start and stop of what the systems filled in; None where they made whole clips. All clips of such an
            example have one gain, that of the first.
        title: a heading in place of the caption.
    """

    caption: str
    clips: Sequence[Clip]
    span_s: tuple[float, float] | None = None
    title: str = ""


@dataclass(frozen=True, kw_only=True)
class Players:
    """Examples with one synchronised player each.

    Attributes:
        id: of the examples, for links to them: `listen-3` is the third.
        untitled: what stands in place of a caption that is empty.
        noun: what an example is one of.
        is_wide: fewer clips stand beside each other.
        first: examples that are shown at once; the others are opened by a click.
        note: below them.
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
    """A clip as the page shows it.

    Attributes:
        above: SVG above the spectrogram: timelines, or the waveform with the span that was filled in.
        seams: where that span begins and ends, in percent of the clip.
    """

    clip: Clip
    media: Media
    above: str = ""
    seams: Sequence[float] = field(default=())

    @property
    def name(self) -> str:
        return self.clip.name or self.clip.system.name


def write_players(block: Players, out: Path, *, is_compact: bool = False) -> Iterator[list[Player]]:
    """Write the clips and pictures of a block into `out`, as small files where asked; of each example its players."""
    encoding = COMPACT if is_compact else FULL
    for place, example in enumerate(block.examples, start=1):
        sounds = _sounds(example)
        top = max((float(abs(audio).max()) for audio in sounds.values()), default=0.0) or 1.0
        yield [
            _player(
                example,
                clip,
                sounds[clip.file],
                out=out,
                name=f"{block.id}-{place:02d}-{_slug(clip)}",
                top=top,
                encoding=encoding,
            )
            for clip in example.clips
        ]


def _slug(clip: Clip) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", "-".join(filter(None, (clip.system.key, clip.name.lower()))))


def _sounds(example: Example) -> Mapping[Path, np.ndarray]:
    """Each clip at its loudness; or, of versions of one clip, all with one gain."""
    files = {clip.file: clip.file for clip in example.clips}
    if example.span_s is None or not files:
        return {file: load_clip(file) for file in files}
    return load_versions(files, original=next(iter(files)))


def _player(
    example: Example, clip: Clip, audio: np.ndarray, *, out: Path, name: str, top: float, encoding: Encoding
) -> Player:
    media = write_media(audio, report=out, name=name, encoding=encoding)
    duration_s, named = media.duration_s, clip.name or clip.system.name
    if example.span_s is not None:
        above = waveform(audio, duration_s=duration_s, span_s=example.span_s, name=named, top=1.05 * top)
        return Player(
            clip=clip, media=media, above=above, seams=[100 * border / duration_s for border in example.span_s]
        )
    above = clip.timelines.svg(duration_s=duration_s, name=named) if clip.timelines else ""
    return Player(clip=clip, media=media, above=above)
