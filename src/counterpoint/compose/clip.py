"""One clip of the embedded corpus: a pure function of (seed, index, duration) and the soundfonts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from counterpoint.compose.captions import write_caption
from counterpoint.compose.piece import Piece, compose_piece
from counterpoint.compose.render import SAMPLE_RATE, render
from counterpoint.compose.soundfonts import Soundfont, cast
from counterpoint.compose.styles import STYLES

_PIECE, _CAPTION, _DEAL = 1, 2, 3  # the streams of random numbers


@dataclass(frozen=True, eq=False)
class Clip:
    """A rendered clip.

    Attributes:
        audio: the mix, [N] float32 mono at 32 kHz, -20 dBFS RMS.
        drums: the drum stem in the mix's scale, [N], or None.
        row: the dataset row, with empty `audio` and `drums` paths.
    """

    audio: np.ndarray
    drums: np.ndarray | None
    row: dict[str, Any]


def deal(seed: int, index: int, *, among: int, stream: int = 0) -> int:
    """The item of `among` items that clip `index` gets, so that every run of `among` clips has each item once."""
    hand, place = divmod(index, among)
    return int(np.random.default_rng([_DEAL, stream, seed, hand]).permutation(among)[place])


def clip_piece(seed: int, index: int, *, duration_s: float) -> Piece:
    """The composition of clip `index`, before rendering."""
    rng = np.random.default_rng([_PIECE, seed, index])
    style = tuple(STYLES.values())[deal(seed, index, among=len(STYLES))]
    tonic = deal(seed, index, among=12, stream=1)
    mode = "major" if rng.random() < style.modes["major"] else "minor"
    return compose_piece(style, tonic=tonic, mode=mode, duration_s=duration_s, rng=rng)


def played_piece(
    seed: int, index: int, *, duration_s: float, fonts: Sequence[Soundfont]
) -> tuple[Soundfont | None, Piece]:
    """The soundfont of clip `index`, None for the one of pretty_midi, and the piece that it plays."""
    piece = clip_piece(seed, index, duration_s=duration_s)
    if not fonts:
        return None, piece
    return cast(piece, fonts, first=deal(seed, index, among=len(fonts), stream=2))


def render_clip(seed: int, index: int, *, duration_s: float, fonts: Sequence[Soundfont] = ()) -> Clip:
    """Compose, caption and render clip `index` of the corpus of `seed`, with one of `fonts`, if there are any."""
    font, piece = played_piece(seed, index, duration_s=duration_s, fonts=fonts)
    caption = write_caption(piece, rng=np.random.default_rng([_CAPTION, seed, index]))
    decay_s, wet = piece.style.room
    audio, drums = render(piece.parts, duration_s=duration_s, decay_s=decay_s, wet=wet, font=font and font.path)
    row = _row(piece, caption, seed=seed, index=index)
    return Clip(audio, drums, {**row, "soundfont": font.name} if font else row)


def _row(piece: Piece, caption: str, *, seed: int, index: int) -> dict[str, Any]:
    names = list(dict.fromkeys(part.instrument for part in piece.parts if part.role != "drums"))
    return {
        "id": f"{seed}-{index:06d}",
        "audio": "",
        "caption": caption,
        "duration_s": piece.duration_s,
        "sample_rate": SAMPLE_RATE,
        "channels": 1,
        "group": f"{seed}-{index:06d}",
        "style": piece.style.name,
        "key": piece.key,
        "bpm": piece.bpm,
        "time_signature": piece.style.meter,
        "instruments": names + (["drums"] if piece.drums else []),
        "chords": [{"start_s": start, "label": label} for start, label in piece.chords],
        "melody": [{"start_s": start, "end_s": end, "midi": midi} for start, end, midi in piece.melody],
        "beats": [{"time_s": time, "position": position} for time, position in piece.beats],
        "drums": "",
    }
