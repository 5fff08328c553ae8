"""Control tracks of a dataset, which are stored with it; the step's own folder records their names."""

from __future__ import annotations

from counterpoint.bench.workload import Music, Workload
from counterpoint.config import write_json
from counterpoint.data import open_encoded
from counterpoint.data.controls import written_tracks
from counterpoint.extract import best_tracks, extract_controls
from counterpoint.study.step_inputs import TRACKS_FILE, latents_of, read_tracks
from counterpoint.study.work import Step, Work, computes
from counterpoint.study.workload import length_s


def _tracked(step: Step) -> Workload:
    return Workload(music=[Music("tracked", length_s(step.inputs["data"]))])


@computes("write_controls", version=1, workload=_tracked)
def write_controls(work: Work) -> None:
    """Write the training track of each control in the configuration; `controls.json` contains their names."""
    codec = latents_of(work).fingerprint
    chosen = best_tracks(work.inputs["data"], codec=codec, **work.config)
    tracks = list(chosen.values())
    extract_controls(work.inputs["data"], codec=codec, tracks=tracks, device=work.device, progress=work.progress)
    write_json(work.folder / TRACKS_FILE, {"tracks": chosen})


def are_written(work: Work) -> bool:
    """Whether the tracks that the finished step wrote into the dataset still exist."""
    written = written_tracks(open_encoded(work.inputs["data"], codec=latents_of(work).fingerprint))
    return set(read_tracks(work.folder).values()) <= set(written)
