"""The studies that come with the package: where they lie, and which of them a configuration is. Imports no torch."""

from __future__ import annotations

from functools import cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from counterpoint.config import UserError
from counterpoint.config.nearest import did_you_mean

if TYPE_CHECKING:
    from counterpoint.study.kinds import Study

CONFIGS = Path(__file__).parent / "configs"
"""The shipped studies; the repository's `configs/study` is this folder."""
_AT_ANY_SCALE = {"reproduces", "cost", "seeds", "systems", "examples"}
_TELLING = {"grid": "reproduces", "speed": "figure"}
"""By kind that several shipped studies are of, the field that tells these apart."""


def find_study(study: str | Path) -> Path:
    """A study's YAML file, from its name or its path.

    Raises:
        UserError: there is no such file, or no study of that name ships.
    """
    path = Path(study)
    shipped = CONFIGS / f"{study}.yaml"
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise UserError(f"There is no study at {path}.")
        return path
    if shipped.is_file():
        return shipped
    names = sorted(file.stem for file in CONFIGS.glob("*.yaml"))
    raise UserError(
        f"There is no study named {str(study)!r}{did_you_mean(str(study), names)}; the shipped ones are "
        f"{', '.join(names)}, and a YAML file will do."
    )


def scales_of(path: Path) -> tuple[str, ...]:
    """The scales that a study has; the first is the default, none where it has one only."""
    return tuple(_read(path).get("scales", {}))


def identify(study: Study) -> tuple[str, str]:
    """The shipped study that a configuration belongs to, and the scale at which it is equal to that; "" for none."""
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
