"""Audio files in their own sample format, so that unchanged samples are written exactly.

Shapes: N audio samples, C channels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import soundfile

from counterpoint.audio import Sound
from counterpoint.audio.files import check_audio_output, open_audio, require_room, writing
from counterpoint.audio.metadata import carry_over, copies_whole, copy_texts
from counterpoint.config import UserError, atomic_write

BLOCK = 1 << 18
SampleType = Literal["int16", "int32", "float32", "float64"]
_TYPES: dict[str, SampleType] = {
    "PCM_S8": "int16",
    "PCM_U8": "int16",
    "PCM_16": "int16",
    "PCM_24": "int32",
    "PCM_32": "int32",
    "FLOAT": "float32",
    "DOUBLE": "float64",
}
"""The data type that represents each sample format without loss; lossy formats use 16 bits."""


@dataclass(frozen=True, eq=False)
class Patch:
    """New samples [N, C] in the file's own type, and their start."""

    start: int
    samples: np.ndarray


class Music(Protocol):
    """Music with spans to fill in: a file, or a sound in memory."""

    @property
    def name(self) -> str:
        """The name in messages."""
        ...

    @property
    def sample_rate(self) -> int: ...

    @property
    def channels(self) -> int: ...

    @property
    def frames(self) -> int:
        """Number of samples per channel."""
        ...

    def read(self, start: int, stop: int, *, patches: Sequence[Patch] = ()) -> np.ndarray:
        """Samples [N, C] of the music's own type, with patches applied."""
        ...


@dataclass(frozen=True)
class Held:
    """Music in memory."""

    sound: Sound

    @property
    def name(self) -> str:
        return "The audio"

    @property
    def sample_rate(self) -> int:
        return self.sound.sample_rate

    @property
    def channels(self) -> int:
        return len(self.sound.audio)

    @property
    def frames(self) -> int:
        return self.sound.audio.shape[1]

    def read(self, start: int, stop: int, *, patches: Sequence[Patch] = ()) -> np.ndarray:
        """Samples [N, C] float32, with patches applied."""
        block = self.sound.audio[:, start:stop].T.copy()
        lay_over(block, start=start, patches=patches)
        return block


@dataclass(frozen=True)
class Source:
    """A file of music.

    Attributes:
        path: of the file.
        sample_rate: Hz.
        channels: number of channels.
        frames: number of samples per channel.
        subtype: libsndfile's name of the sample format, in which it is also written.
        dtype: data type of the read samples.
    """

    path: Path
    sample_rate: int
    channels: int
    frames: int
    subtype: str
    dtype: SampleType

    @classmethod
    def open(cls, path: Path) -> Source:
        """
        Raises:
            UserError: the file is missing, not audio, or empty.
        """
        with open_audio(path) as file:
            if not file.frames:
                raise UserError(f"{path} contains no audio; use another file.")
            subtype = file.subtype if file.subtype in _TYPES else "PCM_16"
            return cls(path, file.samplerate, file.channels, file.frames, subtype, _TYPES[subtype])

    @property
    def name(self) -> str:
        return str(self.path)

    def read(self, start: int, stop: int, *, patches: Sequence[Patch] = ()) -> np.ndarray:
        """Samples [N, C], with patches applied.

        Raises:
            UserError: the file is damaged there, or ends before its header announces.
        """
        with open_audio(self.path) as file:
            file.seek(start)
            block = file.read(stop - start, dtype=self.dtype, always_2d=True)
        if len(block) < stop - start:
            raise self._ends_early(start + len(block))
        lay_over(block, start=start, patches=patches)
        return block

    def check_out(self, out: Path) -> None:
        """
        Raises:
            UserError: see `check_audio_output`; the format does not support such samples, or the disk has no room.
        """
        check_audio_output(out, inputs=[self.path])
        require_room_for(self, out)
        if not soundfile.check_format(_form(out), self.subtype):
            raise UserError(
                f"{out.suffix[1:]} files do not support the {self.subtype} samples of {self.path}: use .wav."
            )

    def write(self, out: Path, *, patches: Sequence[Patch]) -> None:
        """Write the patched file to `out`, atomically and block by block, with its metadata.

        Raises:
            UserError: the copied file is damaged.
            OSError: the disk is full or the folder cannot be written.
        """
        self.save(out, self.blocks(), patches=patches)

    def save(
        self, out: Path, blocks: Iterable[np.ndarray], *, patches: Sequence[Patch], keeps_marks: bool = True
    ) -> None:
        """Write blocks [up to BLOCK, C] of samples as a file in this one's format, patched; see `write`.

        Args:
            keeps_marks: whether to copy all metadata; otherwise only texts, such as its title.
        """

        def copy(temporary: Path) -> None:
            form = (self.sample_rate, self.channels, self.subtype)
            with writing(temporary), soundfile.SoundFile(temporary, "w", *form, format=_form(out)) as written:
                if not (keeps_marks and copies_whole(self.path, out)):
                    copy_texts(self.path, written)
                place = 0
                for block in blocks:
                    lay_over(block, start=place, patches=patches)
                    written.write(block)
                    place += len(block)
            if keeps_marks:
                carry_over(self.path, temporary)

        atomic_write(out, copy)

    def blocks(self) -> Iterator[np.ndarray]:
        """All samples [up to BLOCK, C] in order, in which alone lossy formats decode reproducibly."""
        place = 0
        with open_audio(self.path) as file:
            while place < self.frames:
                block = file.read(min(BLOCK, self.frames - place), dtype=self.dtype, always_2d=True)
                if not len(block):
                    raise self._ends_early(place)
                yield block
                place += len(block)

    def _ends_early(self, place: int) -> UserError:
        there_s, said_s = place / self.sample_rate, self.frames / self.sample_rate
        return UserError(
            f"{self.path} ends after {there_s:.1f} s, but its header announces {said_s:.1f} s; export it again."
        )


def require_room_for(music: Music, out: Path, *, files: int = 1) -> None:
    """Refuse music, or so many versions of it, that the disk does not hold; see `require_room`."""
    length = f"{music.frames / music.sample_rate:,.0f} s of music need"
    needs = f"{files:,} takes of {length}" if files > 1 else length
    require_room(out, samples=files * music.frames * music.channels, needs=needs)


def lay_over(block: np.ndarray, *, start: int, patches: Sequence[Patch]) -> None:
    """Apply patches in place to a block that begins at `start`; later patches replace earlier ones."""
    for patch in patches:
        first = max(start, patch.start)
        last = min(start + len(block), patch.start + len(patch.samples))
        if first < last:
            block[first - start : last - start] = patch.samples[first - patch.start : last - patch.start]


def as_float(samples: np.ndarray) -> np.ndarray:
    """Samples as float32 with full scale at 1."""
    scale = -float(np.iinfo(samples.dtype).min) if samples.dtype.kind == "i" else 1.0
    return (samples / scale).astype(np.float32)


def _form(out: Path) -> str:
    return out.suffix[1:].upper()
