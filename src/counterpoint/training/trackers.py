"""A training's metrics in TensorBoard, trackio or Weights & Biases, beside its metrics.jsonl, through accelerate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from accelerate.tracking import GeneralTracker

from counterpoint.config import UserError
from counterpoint.config.nearest import did_you_mean

TRACKERS = ("tensorboard", "trackio", "wandb")
PROJECT = "counterpoint"
Tracker = str | GeneralTracker
"""A name of `TRACKERS`, or an object of one's own."""


def check_trackers(trackers: Sequence[Tracker]) -> None:
    """
    Raises:
        UserError: one is unknown or not installed.
    """
    for name in (tracker for tracker in trackers if isinstance(tracker, str)):
        if name not in TRACKERS:
            raise UserError(
                f"There is no tracker {name!r}{did_you_mean(name, TRACKERS)}; choose of {', '.join(TRACKERS)}."
            )
        if find_spec(name) is None:
            raise UserError(f"The tracker {name!r} is not installed: pip install {name}.")


def start_trackers(accelerator: Accelerator, *, config: Mapping[str, Any], out: Path) -> None:
    """Begin or continue a run in the accelerator's trackers.

    Args:
        config: plain values by dotted key.
        out: the run folder, whose name is the run's.
    """
    plain = {key: value if isinstance(value, int | float | str | bool) else str(value) for key, value in config.items()}
    options = {"wandb": {"name": out.name, "dir": str(out)}, "trackio": {"name": out.name, "resume": "allow"}}
    accelerator.init_trackers(PROJECT, config=plain, init_kwargs=options)
