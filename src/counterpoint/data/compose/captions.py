"""Captions that describe a piece in varied words, all of them true."""

from __future__ import annotations

import numpy as np

from counterpoint.data.compose.instruments import INSTRUMENTS
from counterpoint.data.compose.piece import Piece


def write_caption(piece: Piece, *, rng: np.random.Generator) -> str:
    pick = lambda options: options[int(rng.integers(len(options)))]  # noqa: E731
    names = [pick(INSTRUMENTS[p.instrument].words) for p in piece.parts if p.role != "drums"]
    tempo = "slow" if piece.bpm < 85 else "fast" if piece.bpm > 130 else "mid-tempo"
    drums = ", with drums" if piece.drums else ", no drums"
    return f"{pick(piece.style.moods[piece.mode])} {pick(piece.style.genres)} with {names[0]} and {names[1]}, {tempo}, {piece.mode} key{drums}"
