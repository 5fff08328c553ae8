"""Finds the folder of a model by its name."""

from __future__ import annotations

import os
from pathlib import Path

from counterpoint.config.errors import UserError
from counterpoint.config.paths import MISSING, fault_of, shown
from counterpoint.package import ROOT
from counterpoint.runs.layout import MODEL_FILE

RUNS = Path("runs")
"""Folder of trainings, below the current directory."""
STORE = "store"
"""Folder in it with the steps of studies, which the folder of each study links to."""
SHIPPED_MODELS = ROOT / "models"
"""One folder for each model in the package, with its cards and training log; see `codec.registry.SHIPPED`. They are
stored apart from the code, so that no step of a study depends on a model that it does not use."""


def find_run(model: str | Path) -> Path:
    """A run folder, given as a path, as its name below `runs`, or as the name of a model of the package.

    Returns:
        The path itself if there is no such folder: it may be the id of a hub repository, or the file of a MusicGen.

    Raises:
        UserError: the name is empty or too long, or names a device, a pipe or a socket.
    """
    if not os.fspath(model).strip():
        raise UserError("The name of the model is empty; `counterpoint models` lists the available ones.")
    path = Path(model)
    faults = {place: fault_of(place) for place in (path, RUNS / path, SHIPPED_MODELS / path)}
    if (found := next((place for place, fault in faults.items() if fault == "is a folder"), None)) is not None:
        return found
    if faults[path] not in (MISSING, ""):
        raise UserError(f"{shown(path)} {faults[path]}; give the name or the folder of a model.")
    return path


def shipped_models() -> list[str]:
    """Names of the models in the package."""
    return sorted(folder.parent.name for folder in SHIPPED_MODELS.glob(f"*/{MODEL_FILE}"))


def known_models() -> list[str]:
    """Names of the models in the package, then of those below `runs`."""
    return [*shipped_models(), *(folder.relative_to(RUNS).as_posix() for folder in folders_below(RUNS, MODEL_FILE))]


def folders_in(shipped: Path) -> list[Path]:
    """The folders of models or codecs in the package, by name."""
    return [
        folder for folder in sorted(shipped.iterdir()) if folder.is_dir() and not folder.name.startswith((".", "_"))
    ]


def folders_below(root: Path, holding: str) -> list[Path]:
    """Folders of `root`, and folders in those, that contain a file or folder of that name, without the store."""
    found = [*root.glob(f"*/{holding}"), *root.glob(f"*/*/{holding}")]
    folders = {place.parents[len(Path(holding).parts) - 1] for place in found}
    return sorted(folder for folder in folders if not _is_hidden(folder.relative_to(root)))


def _is_hidden(path: Path) -> bool:
    return path.parts[0] == STORE or any(part.startswith(".") for part in path.parts)
