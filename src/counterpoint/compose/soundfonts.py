"""A user's General MIDI soundfonts: the presets of each file, and the choice of the file that plays a clip.

Only a file's list of presets is read here, in milliseconds; `render` reads its samples.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from counterpoint.compose.instruments import INSTRUMENTS, KITS
from counterpoint.compose.piece import Piece
from counterpoint.config import UserError
from counterpoint.config.paths import require_file, true_path

DRUM_BANK = 128
STANDARD_KIT = "standard"
_REMEDY = "use a General MIDI soundfont, a file that ends in .sf2 or .sf3"
_PRESET_BYTES = 38  # name (20), number, bank and unused fields
_NAMED = 3


@dataclass(frozen=True)
class Soundfont:
    """A soundfont on disk.

    Attributes:
        path: the file.
        presets: (bank, number) of every sound in it; drum kits are in bank 128.
    """

    path: Path
    presets: frozenset[tuple[int, int]] = field(repr=False)

    @property
    def name(self) -> str:
        return self.path.name

    def lacks(self) -> list[str]:
        """The presets missing to play every clip: instruments, and the standard kit that replaces others."""
        missing = [name for name, sound in INSTRUMENTS.items() if (0, sound.program) not in self.presets]
        return missing + ([] if (DRUM_BANK, KITS[STANDARD_KIT]) in self.presets else ["drums"])

    def plays(self, piece: Piece) -> bool:
        """Whether it has every preset of the piece."""
        return all(((DRUM_BANK if part.role == "drums" else 0), part.program) in self.presets for part in piece.parts)


def read_soundfonts(paths: Sequence[Path]) -> tuple[Soundfont, ...]:
    """Read soundfonts, at least one of which must have all presets that any clip needs.

    Raises:
        UserError: a file is missing, unreadable or not a soundfont; two have the same name; or none is complete.
    """
    fonts = tuple(_read(Path(path)) for path in paths)
    names = [font.name for font in fonts]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise UserError(f"Two soundfonts are called {twice}, but clips record them by name: rename or remove one.")
    if fonts and all(font.lacks() for font in fonts):
        gaps = "; ".join(f"{font.name} has no {_listed(font.lacks())}" for font in fonts)
        raise UserError(f"No soundfont has every preset that is played ({gaps}): add one with all of General MIDI.")
    return fonts


def cast(piece: Piece, fonts: Sequence[Soundfont], *, first: int) -> tuple[Soundfont, Piece]:
    """The first soundfont, counted cyclically from `first`, that has every preset of the piece.

    If all of them lack the piece's drum kit, the first one with the other presets plays the standard kit, which the
    returned piece and its caption name.
    """
    order = [*fonts[first:], *fonts[:first]]
    plain = _with_standard_kit(piece)
    return next((font, version) for version in (piece, plain) for font in order if font.plays(version))


def _with_standard_kit(piece: Piece) -> Piece:
    parts = tuple(
        replace(part, instrument=STANDARD_KIT, program=KITS[STANDARD_KIT]) if part.role == "drums" else part
        for part in piece.parts
    )
    return replace(piece, parts=parts)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _read(path: Path) -> Soundfont:
    require_file(path, what="soundfont")
    try:
        with path.open("rb") as file:
            header = file.read(12)
            if not header:
                raise UserError(f"{path} is empty; {_REMEDY}.")
            if (header[:4], header[8:]) != (b"RIFF", b"sfbk"):
                raise UserError(f"{path} is not a soundfont; {_REMEDY}.")
            presets = _presets(file)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); {_REMEDY}.") from None
    if not presets:
        raise UserError(f"{path} is a damaged soundfont without a list of presets; {_REMEDY}.")
    return Soundfont(path=true_path(path), presets=presets)


def _presets(file: BinaryIO) -> frozenset[tuple[int, int]]:
    """(bank, number) of every preset of a soundfont opened after its header; empty for a truncated file."""
    for _ in _chunks(file, wanted=b"LIST"):
        if file.read(4) == b"pdta":
            for length in _chunks(file, wanted=b"phdr"):
                table = file.read(length)
                rows = range(0, len(table) - _PRESET_BYTES, _PRESET_BYTES)  # the last row ends the table
                found = (struct.unpack_from("<HH", table, row + 20) for row in rows)
                return frozenset((bank, number) for number, bank in found) if len(table) == length else frozenset()
    return frozenset()


def _chunks(file: BinaryIO, *, wanted: bytes) -> Iterator[int]:
    """Size of each chunk called `wanted`, with the file positioned at its content. RIFF pads a chunk of odd length;
    some soundfonts, such as MuseScore's, do not."""
    while len(head := file.read(8)) == 8:
        size = int.from_bytes(head[4:], "little")
        after = file.tell() + size
        if head[:4] == wanted:
            yield size
        file.seek(after)
        if size % 2 and file.read(1) != b"\0":
            file.seek(after)
