"""The points of a search: every combination of guidance and the other settings that a paradigm reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from counterpoint.config import SamplingConfig

Value = float | str | tuple[float, float]
Settings = Mapping[str, Value]
"""Some fields of `SamplingConfig`."""

_NEUTRAL: Settings = {"text_guidance": 0.0, "sway": 0.0, "guidance_interval": (0.0, 1.0)}
"""Neutral values, which are not stated."""


@dataclass(frozen=True)
class Point:
    """A setting of the sampler.

    Attributes:
        key: its name and the name of its folder.
        settings: its value on every axis.
        sampling: the complete sampling settings.
        is_default: whether it is the default that the search improves.
        skipped: the reason why it is not tried; "" for a point that is.
    """

    key: str
    settings: Settings
    sampling: SamplingConfig
    is_default: bool = False
    skipped: str = ""

    @property
    def guidance(self) -> float:
        return self.sampling.guidance

    @property
    def others(self) -> str:
        """The settings besides guidance, in words."""
        return described({name: value for name, value in self.settings.items() if name != "guidance"})


def expand(
    default: SamplingConfig,
    *,
    guidance: Sequence[float],
    axes: Sequence[Sequence[Settings]],
    skip: Sequence[Settings] = (),
) -> list[Point]:
    """All combinations, in order; the default setting comes first if it is not one of them.

    Args:
        default: the values of settings outside the axes.
        axes: the values of each hyper-parameter; two that belong together, such as a solver and its steps, are one
            axis.
        skip: a point that has all settings of one of these is not tried, unless it is the default.

    Raises:
        ValueError: two points are the same, or settings do not fit each other.
    """
    points: dict[SamplingConfig, Point] = {}
    for scale, others in product(guidance, product(*axes)):
        settings: dict[str, Value] = {"guidance": scale}
        for other in others:
            settings.update(other)
        sampling = type(default).model_validate(default.model_dump() | settings)
        if sampling in points:
            raise ValueError(f"the grid has {key_of(settings)} twice")
        left_out = next((own for own in skip if own.items() <= settings.items()), None)
        is_default = sampling == default
        reason = "" if left_out is None or is_default else f"{described(left_out)} is skipped at this scale"
        points[sampling] = Point(key_of(settings), settings, sampling, is_default, reason)
    if default in points:
        return list(points.values())
    named = {name for axis in axes for value in axis for name in value}
    settings = {name: value for name, value in default.model_dump().items() if name in named | {"guidance"}}
    return [Point(f"default_{key_of(settings)}", settings, default, is_default=True), *points.values()]


def described(settings: Settings) -> str:
    """Settings in words: `guidance 3, temperature 1.2, top-p 0.8`."""
    words = []
    for name, value in settings.items():
        if name == "solver":
            words.append(str(value).capitalize())
        elif name == "steps":
            words += [f"{value} steps"] if settings.get("solver") != "dopri5" else []
        elif name == "tolerance":
            words += [f"tolerance {value:g}"] if settings.get("solver") == "dopri5" else []
        elif name == "guidance_interval" and isinstance(value, tuple | list):
            words.append(f"guided for t in [{value[0]:g}, {value[1]:g}]")
        elif (name, value) not in (("top_k", 0), ("top_p", 1)):  # neutral values
            words.append(f"{name.replace('_', '-')} {value:g}" if isinstance(value, int | float) else f"{name} {value}")
    return ", ".join(words)


def key_of(settings: Settings) -> str:
    """A file name: `guidance-3_temperature-1.2_top_k-250`."""

    def text(value: Value) -> str:
        parts = value if isinstance(value, tuple | list) else [value]
        return "-".join(part if isinstance(part, str) else f"{part:g}" for part in parts)

    return "_".join(f"{name}-{text(value)}" for name, value in settings.items())


def in_words(sampling: SamplingConfig) -> str:
    """All settings without neutral values, in words."""
    return described({name: value for name, value in sampling.model_dump().items() if _NEUTRAL.get(name) != value})
