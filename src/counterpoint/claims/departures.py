"""Where the package departs from the paper, and which studies that touches; the text is in `paper/departures.yaml`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from counterpoint.config import load_yaml
from counterpoint.config.schema import Config

_FILE = Path(__file__).parent / "paper" / "departures.yaml"


class Departure(Config):
    """One departure.

    Attributes:
        about: a part of the system.
        paper, here: what the paper does, and what is done instead.
        kinds: of the studies that it touches.
        scales: at which it holds; empty: at all.
    """

    about: str
    paper: str
    here: str
    kinds: tuple[str, ...]
    scales: tuple[str, ...] = ()


class _Departures(Config):
    departures: tuple[Departure, ...]


def departures(kind: str, scale: str) -> list[Departure]:
    """Those that touch a study.

    Args:
        kind: of the study.
        scale: "" for a configuration that is none of the shipped ones, to which those of every scale may apply.
    """
    return [each for each in _all() if kind in each.kinds and (not scale or not each.scales or scale in each.scales)]


@cache
def _all() -> tuple[Departure, ...]:
    return load_yaml(_FILE, _Departures).departures
