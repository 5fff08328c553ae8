"""The kinds of studies. A new kind is one new file, one line here, and the steps it needs."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from counterpoint.config import UserError, load_yaml
from counterpoint.study.kinds.base import Study
from counterpoint.study.kinds.codecs import CodecStudy
from counterpoint.study.kinds.controls import ControlStudy, EntropyStudy
from counterpoint.study.kinds.dataset import DatasetStudy
from counterpoint.study.kinds.grid import GridStudy
from counterpoint.study.kinds.inpainting import InpaintingStudy
from counterpoint.study.kinds.paradigms import ParadigmStudy
from counterpoint.study.kinds.samplers import SamplerStudy
from counterpoint.study.kinds.search import SearchStudy
from counterpoint.study.kinds.speed import SpeedStudy

KINDS: dict[str, type[Study]] = {
    "paradigms": ParadigmStudy,
    "codecs": CodecStudy,
    "controls": ControlStudy,
    "dataset": DatasetStudy,
    "entropy": EntropyStudy,
    "grid": GridStudy,
    "inpainting": InpaintingStudy,
    "samplers": SamplerStudy,
    "search": SearchStudy,
    "speed": SpeedStudy,
}
"""By the `kind` in the YAML; a file that names none compares the paradigms."""


class _Kind(BaseModel):
    kind: str = "paradigms"


def load_study(path: Path, *, overrides: list[str] | None = None, scale: str | None = None) -> Study:
    """Read a study of any kind.

    Raises:
        UserError: a kind that is not known, or what `load_yaml` raises.
    """
    kind = load_yaml(path, _Kind, overrides=overrides, scale=scale).kind
    if kind not in KINDS:
        raise UserError(f"{path}: there is no kind of study {kind!r}; the kinds are {', '.join(KINDS)}.")
    return load_yaml(path, KINDS[kind], overrides=overrides, scale=scale)


__all__ = [
    "KINDS",
    "CodecStudy",
    "ControlStudy",
    "DatasetStudy",
    "EntropyStudy",
    "GridStudy",
    "InpaintingStudy",
    "ParadigmStudy",
    "SamplerStudy",
    "SearchStudy",
    "SpeedStudy",
    "Study",
    "load_study",
]
