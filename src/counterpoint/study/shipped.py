"""The studies of the package: their files, and the one that a configuration belongs to. Imports no torch."""

from __future__ import annotations

from functools import cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from counterpoint.config import UserError
from counterpoint.config.documents import quoted
from counterpoint.config.nearest import did_you_mean
from counterpoint.config.paths import is_file, shown

if TYPE_CHECKING:
    from counterpoint.study.kinds import Study

CONFIGS = Path(__file__).parent / "configs"
"""Folder of the package's studies, which is the repository's `configs/study`."""
_AT_ANY_SCALE = {"reproduces", "cost", "seeds", "systems", "examples"}
_TELLING = {"grid": "reproduces", "speed": "figure"}
"""For kinds with several studies in the package, the field that distinguishes them."""


def find_study(study: str | Path) -> Path:
    """Find a study's YAML file by its name or its path.

    Raises:
        UserError: there is no such file, or no study of that name in the package.
    """
    path = Path(study)
    shipped = CONFIGS / f"{study}.yaml"
    if path.suffix in (".yaml", ".yml"):
        if not is_file(path):
            raise UserError(f"There is no study at {shown(path)}.")
        return path
    if is_file(shipped):
        return shipped
    names = sorted(file.stem for file in CONFIGS.glob("*.yaml"))
    raise UserError(
        f"There is no study named {quoted(str(study))}{did_you_mean(str(study), names)}; the shipped ones are "
        f"{', '.join(names)}; a YAML file is also accepted."
    )


def scales_of(path: Path) -> tuple[str, ...]:
    """The scales of a study; the first is the default, and a study with a single scale has none."""
    return tuple(_read(path).get("scales", {}))


def identify(study: Study) -> tuple[str, str]:
    """The study of the package that a configuration belongs to, and the scale that it equals; "" for none."""
    kind = study.kind
    telling = _TELLING.get(kind)
    for path in sorted(CONFIGS.glob("*.yaml")):
        plain = _read(path)
        is_it = telling is None or plain.get(telling) == getattr(study, telling)
        if plain.get("kind", "paradigms") == kind and is_it:
            return path.stem, _scale_of(study, path)
    return "", ""


def _scale_of(study: Study, path: Path) -> str:
    from counterpoint.study.kinds import load_study

    for scale, own_music in product(scales_of(path) or (None,), (False, True)):
        shipped = load_study(path, scale=scale, own_music=own_music)
        if shipped.model_dump(exclude=_AT_ANY_SCALE) == study.model_dump(exclude=_AT_ANY_SCALE):
            return scale or "quick"
    return ""


@cache
def _read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))
