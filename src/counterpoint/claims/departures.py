"""Departures of the package from the paper, and the studies that they affect; the text is `paper/departures.yaml`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from counterpoint.config import load_yaml
from counterpoint.config.schema import Config

_FILE = Path(__file__).parent / "paper" / "departures.yaml"


class Departure(Config):
    """One departure.

    Attributes:
        about: the part of the system.
        paper, here: what the paper does, and what the package does.
        kinds: kinds of studies that it affects.
        scales: scales that it affects; empty for all.
    """

    about: str
    paper: str
    here: str
    kinds: tuple[str, ...]
    scales: tuple[str, ...] = ()


class _Departures(Config):
    departures: tuple[Departure, ...]


def departures(kind: str, scale: str) -> list[Departure]:
    """The departures that affect a study.

    Args:
        kind: kind of the study.
        scale: "" for a configuration that is not one of the package's, to which those of every scale may apply.
    """
    return [each for each in _all() if kind in each.kinds and (not scale or not each.scales or scale in each.scales)]


@cache
def _all() -> tuple[Departure, ...]:
    return load_yaml(_FILE, _Departures).departures
