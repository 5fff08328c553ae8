"""The kinds of studies. A new one is a file, and a line in `config.registry` or an entry point of another package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from counterpoint.config import parse
from counterpoint.config.load import check_effects, laid_out, read_yaml
from counterpoint.config.paths import true_path
from counterpoint.config.registry import Registry
from counterpoint.study.kinds.base import Study

if TYPE_CHECKING:
    from counterpoint.results.schema import Results

KINDS: Registry[type[Study]] = Registry("counterpoint.studies", noun="kind of study")
"""By the `kind` in the YAML; a file without one is a grid."""
SCALES = Path(__file__).parents[1] / "scales.yaml"


def load_study(
    path: Path, *, overrides: list[str] | None = None, scale: str | None = None, own_music: bool = False
) -> Study:
    """Read a study of any kind.

    Args:
        own_music: the user gives the music; what the file has under `own_music` for the scale is laid over it.

    Raises:
        UserError: the kind is unknown, or see `load_yaml`.
    """
    values = read_yaml(path)
    given = values.pop("own_music", None) or {}
    kind = KINDS[str(values.get("kind", "grid"))]
    common = {name: _fields(of_scale, kind) for name, of_scale in read_yaml(SCALES).items()}
    values = laid_out(
        values,
        scale=scale,
        overrides=overrides or (),
        source=str(path),
        common=common,
        over=given.get(scale or next(iter(values.get("scales", {})), "")) if own_music else None,
    )
    study = parse(values, kind, source=str(path))
    check_effects(study, source=str(path))
    return study


def study_of(results: Results) -> Study:
    """The study whose results these are.

    Raises:
        UserError: this version does not have its kind, or does not know its settings.
    """
    name = true_path(results.folder).name
    source = f"The study {name} was made by another version of counterpoint; run it again"
    return parse(dict(results.study.config), KINDS[results.study.kind], source=source, saved=True)


def _fields(values: dict[str, Any], kind: type[Study]) -> dict[str, Any]:
    return {name: values[name] for name in kind.scaled if name in values}


__all__ = ["KINDS", "Study", "load_study", "study_of"]
