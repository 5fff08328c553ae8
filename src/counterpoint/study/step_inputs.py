"""Latents and controls from the inputs of a step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel

from counterpoint.analysis.tracks import NOT_GIVEN
from counterpoint.audio import frames
from counterpoint.config import LatentSpec, parse, read_json
from counterpoint.config.load import read_saved
from counterpoint.config.schema import ControlName
from counterpoint.data import open_encoded
from counterpoint.data.controls import open_tracks
from counterpoint.results.parts import LATENTS_FILE, Prompts

if TYPE_CHECKING:
    from counterpoint.study.work import Work

TRACKS_FILE = "controls.json"
"""File of the step `controls`."""


def requested_controls(work: Work, *, controls: tuple[ControlName, ...], given: tuple[ControlName, ...]) -> np.ndarray:
    """Controls [n, J, T] of the prompts' own music for the controls `given`; the others are `NOT_GIVEN`.

    Args:
        controls: the J controls of the model.
    """
    prompts = Prompts.read(work.inputs["prompts"])
    encoded = open_encoded(work.inputs["data"], codec=latents_of(work).fingerprint)
    tracks = open_tracks(encoded, controls, chosen=tracks_of(work))
    rate = encoded.spec.frame_rate
    length = frames(prompts.duration_s, frame_rate=rate)
    places = {split: {row: index for index, row in enumerate(encoded[split].ids)} for split in encoded.splits}
    found = np.full((len(prompts.windows), len(tracks), length), NOT_GIVEN, dtype=np.int64)
    for index, window in enumerate(prompts.windows):
        split, start = window.split, round(window.start_s * rate)
        for place, (control, track) in enumerate(zip(controls, tracks, strict=True)):
            if control in given:
                row = track[split].row(places[split][window.row])[start : start + length]
                found[index, place, : len(row)] = row
    return found


def latents_of(work: Work) -> LatentSpec:
    """The latents that the input `encode` wrote. Their fingerprint distinguishes them from those of an older codec of
    the same name, which may be stored with a user's dataset."""
    path = work.inputs["encode"] / LATENTS_FILE
    return parse(read_json(path), LatentSpec, source=str(path))


def tracks_of(work: Work) -> dict[ControlName, str]:
    """By control, the track that the input `controls` has chosen; empty without such an input."""
    return read_tracks(work.inputs["controls"]) if "controls" in work.inputs else {}


class _Tracks(BaseModel):
    tracks: dict[ControlName, str]


def read_tracks(step: Path) -> dict[ControlName, str]:
    """By control, the track that a step of the kind `controls` has chosen.

    Raises:
        UserError: the step was computed by another version, or its file is damaged.
    """
    remedy = f"delete {step} and run the study again; other steps are kept"
    return read_saved(step / TRACKS_FILE, _Tracks, remedy=remedy).tracks
