"""Codes and latents of a dataset, which are stored with it; the step's own folder records their specification."""

from __future__ import annotations

from counterpoint.bench.workload import Music, Workload
from counterpoint.config import LatentSpec, parse, read_json, write_json
from counterpoint.encode import encode_dataset
from counterpoint.results.parts import LATENTS_FILE
from counterpoint.study.loading import codec_of
from counterpoint.study.work import Step, Work, computes
from counterpoint.study.workload import length_s


def _coded(step: Step) -> Workload:
    return Workload(music=[Music("coded", length_s(step.inputs["data"]), codec=step.setting("codec"))])


@computes("encode", version=1, workload=_coded)
def encode(work: Work) -> None:
    """Encode the input `data` with the codec named in the configuration; writes `latents.json`, a `LatentSpec`."""
    spec = encode_dataset(work.inputs["data"], codec=codec_of(work.config, device=work.device), progress=work.progress)
    write_json(work.folder / LATENTS_FILE, spec.model_dump(mode="json"))


def is_encoded(work: Work) -> bool:
    """Whether the encoding that the finished step wrote into the dataset still exists."""
    path = work.folder / LATENTS_FILE
    spec = parse(read_json(path), LatentSpec, source=str(path))
    return (work.inputs["data"] / "latents" / spec.fingerprint / "spec.json").is_file()
