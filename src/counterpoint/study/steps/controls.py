"""Control tracks of a dataset. They lie beside the dataset; the step's own folder records which they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from counterpoint.analysis.tracks import NOT_GIVEN
from counterpoint.audio import frames
from counterpoint.config import read_json, write_json
from counterpoint.data import open_encoded
from counterpoint.data.controls import open_tracks, written_tracks
from counterpoint.extract import best_tracks, extract_controls

if TYPE_CHECKING:
    from counterpoint.config.schema import ControlName
    from counterpoint.study.engine import Work

FILE = "controls.json"


def write_controls(work: Work) -> None:
    """For each control of the configuration, write the track that teaches it; `controls.json` holds their names."""
    codec = latents_of(work)
    chosen = best_tracks(work.inputs["data"], codec=codec, **work.config)
    extract_controls(work.inputs["data"], codec=codec, tracks=list(chosen.values()), progress=work.progress)
    write_json(work.folder / FILE, {"tracks": chosen})


def are_written(work: Work) -> bool:
    """Whether what the finished step wrote beside the dataset is still there."""
    written = written_tracks(open_encoded(work.inputs["data"], codec=latents_of(work)))
    return set(read_json(work.folder / FILE)["tracks"].values()) <= set(written)


def asked(work: Work, *, controls: tuple[ControlName, ...], given: tuple[ControlName, ...]) -> np.ndarray:
    """[n, J, T] what the prompts' own music plays, of the controls `given`; the others are not given.

    Args:
        controls: the J of the model.
    """
    prompts = read_json(work.inputs["prompts"] / "prompts.json")
    encoded = open_encoded(work.inputs["data"], codec=latents_of(work))
    tracks = open_tracks(encoded, controls, chosen=read_json(work.inputs["controls"] / FILE)["tracks"])
    rate = encoded.spec.frame_rate
    length = frames(prompts["duration_s"], frame_rate=rate)
    places = {split: {row: index for index, row in enumerate(encoded[split].ids)} for split in encoded.splits}
    found = np.full((len(prompts["windows"]), len(tracks), length), NOT_GIVEN, dtype=np.int64)
    for index, window in enumerate(prompts["windows"]):
        split, start = window["split"], round(window["start_s"] * rate)
        for place, (control, track) in enumerate(zip(controls, tracks, strict=True)):
            if control in given:
                heard = track[split].row(places[split][window["row"]])[start : start + length]
                found[index, place, : len(heard)] = heard
    return found


def latents_of(work: Work) -> str:
    """Fingerprint of the codec that the input `encode` used: beside a user's dataset there may be latents of an older
    codec of the same name."""
    return read_json(work.inputs["encode"] / "latents.json")["fingerprint"]
