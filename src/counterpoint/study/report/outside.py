"""Systems from outside as reports show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from counterpoint.study.report.content import System

STYLE = "outside"


def outside_systems(study: Mapping[str, Any]) -> list[System]:
    """Those that the configuration names; of a folder its name is told, not where it lies."""
    return [
        System(
            name,
            name,
            name,
            f"An outside system: its clips in the folder {Path(folder).name} that answer the prompts. What it was "
            "trained on, and for how long, is not known here.",
            style=STYLE,
        )
        for name, folder in study.get("systems", {}).items()
    ]


def outside_clips(paths: Mapping[str, Path], systems: Sequence[System], clip: str) -> dict[str, Path]:
    """By system, the file that answers a prompt; one that does not is left out.

    Args:
        paths: folders by step name.
        clip: id of the prompt.
    """
    found = {
        system.key: paths[f"generate_{system.key}"] / f"{clip}.wav"
        for system in systems
        if f"generate_{system.key}" in paths
    }
    return {key: path for key, path in found.items() if path.is_file()}
