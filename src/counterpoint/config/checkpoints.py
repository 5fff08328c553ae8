"""Checkpoints on disk: one folder each, either complete or absent, and never a pickle.

ROOT/step-00000200/{model.safetensors, ema.safetensors, optimizer.safetensors, ..., state.json}

`state.json` holds the state of the training, and the size and digest of every other file, so that a file
that was cut is noticed. Torch is imported where it is used: this package loads without it.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from counterpoint.config.errors import UserError
from counterpoint.config.files import read_json, sync
from counterpoint.config.paths import is_file

if TYPE_CHECKING:
    from torch import Tensor

STATE_FILE = "state.json"
_NAME = re.compile(r"step-(\d{8,})")
_LONGEST_QUOTED = 100
"""Characters of a file's name in messages; a damaged list may hold any."""
_OS_ERROR = re.compile(r"os error (\d+)")


class DamagedCheckpointError(UserError):
    """A checkpoint with a missing, cut or altered file; the message names the file."""


@dataclass(frozen=True)
class Checkpoint:
    """A verified checkpoint.

    Attributes:
        folder: of the checkpoint.
        step: updates made when it was written.
        state: what `write_checkpoint` was given.
    """

    folder: Path
    step: int
    state: dict[str, Any]

    def holds(self, name: str) -> bool:
        """Whether the checkpoint has a NAME.safetensors."""
        return (self.folder / f"{name}.safetensors").is_file()

    def tensors(self, name: str, *, device: str = "cpu") -> dict[str, Tensor]:
        """The tensors of NAME.safetensors."""
        from safetensors.torch import load_file

        return load_file(self.folder / f"{name}.safetensors", device=device)


def write_checkpoint(
    root: Path,
    *,
    step: int,
    tensors: Mapping[str, Mapping[str, Tensor]],
    state: Mapping[str, Any],
    keep: int,
) -> Path:
    """Write ROOT/step-STEP aside, rename it into place, then delete all but this and the `keep - 1` before it.

    Args:
        root: the folder of checkpoints; it is made.
        tensors: file stem to named tensors.
        state: JSON-able; stored in state.json.

    Raises:
        OSError: the disk is full or the folder cannot be written; older checkpoints stay, and no partial one.
    """
    root.mkdir(parents=True, exist_ok=True)
    final = root / f"step-{step:08d}"
    temporary = Path(tempfile.mkdtemp(prefix=f".{final.name}-", dir=root))
    try:
        files = {}
        for name, group in tensors.items():
            path = temporary / f"{name}.safetensors"
            _save(path, group)
            files[path.name] = {"bytes": path.stat().st_size, "sha256": _sha256(path)}
        _write_text(temporary / STATE_FILE, json.dumps({"step": step, "state": dict(state), "files": files}, indent=2))
        temporary.chmod(0o755)  # mkdtemp makes private folders
        sync(temporary)
        _move(temporary, final)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    _prune(root, step=step, keep=keep)
    return final


def list_checkpoints(root: Path) -> list[Path]:
    """Checkpoint folders below `root`, newest first, unverified."""
    if not root.is_dir():
        return []
    return sorted((path for path in root.iterdir() if _NAME.fullmatch(path.name)), key=_step_of, reverse=True)


def read_checkpoint(folder: Path, *, only: Sequence[str] | None = None) -> Checkpoint:
    """Verify a checkpoint: every file's size, and the digest of all files or of one in `only`.

    Args:
        folder: a folder from `list_checkpoints`.
        only: stems of files, of which the first existing one will be read; the others are not digested.

    Raises:
        DamagedCheckpointError: naming the file that is missing, cut or altered.
    """
    try:
        stored = read_json(folder / STATE_FILE)
        step, state = int(stored["step"]), dict(stored["state"])
        files = {str(name): (int(each["bytes"]), str(each["sha256"])) for name, each in dict(stored["files"]).items()}
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        raise DamagedCheckpointError(f"{folder / STATE_FILE} is missing or damaged.") from None
    read = next((f"{name}.safetensors" for name in only or () if f"{name}.safetensors" in files), None)
    if only is not None and read is None:
        raise DamagedCheckpointError(f"{folder / STATE_FILE} does not list {' or '.join(only)}.safetensors.")
    for name, (size, digest) in files.items():
        path = folder / name
        if path.parent != folder or not is_file(path):
            raise DamagedCheckpointError(f"{folder / name[:_LONGEST_QUOTED]} is missing.")
        if path.stat().st_size != size:
            raise DamagedCheckpointError(f"{path} has {path.stat().st_size} bytes instead of {size}.")
        if (only is None or name == read) and _sha256(path) != digest:
            raise DamagedCheckpointError(f"{path} is damaged: its content is not what was written.")
    return Checkpoint(folder=folder, step=step, state=state)


def newest_checkpoint(root: Path, *, only: Sequence[str] | None = None) -> Checkpoint | None:
    """The newest good checkpoint, or None if none was ever written.

    Damaged ones are skipped with one warning.

    Raises:
        UserError: when there are checkpoints and all of them are damaged.
    """
    damage: list[DamagedCheckpointError] = []
    for folder in list_checkpoints(root):
        try:
            checkpoint = read_checkpoint(folder, only=only)
        except DamagedCheckpointError as error:
            damage.append(error)
            continue
        if damage:
            warnings.warn(f"{_sentences(damage)} Using the checkpoint of step {checkpoint.step} instead.", stacklevel=2)
        return checkpoint
    if damage:
        raise UserError(f"Every checkpoint in {root} is damaged: {_sentences(damage)} Train again in another folder.")
    return None


def remove_leftovers(root: Path) -> None:
    """Delete what a killed `write_checkpoint` left below `root`; only for the one training that writes there."""
    for path in root.glob(".step-*"):
        shutil.rmtree(path, ignore_errors=True)


def _prune(root: Path, *, step: int, keep: int) -> None:
    """Checkpoints later than the one just written are damaged ones that a resume skipped: they are deleted too."""
    present = list_checkpoints(root)
    kept = [path for path in present if _step_of(path) <= step][:keep]
    for path in present:
        if path not in kept:
            shutil.rmtree(path, ignore_errors=True)


def _sentences(damage: Sequence[DamagedCheckpointError]) -> str:
    return " ".join(str(error) for error in damage)


def _step_of(folder: Path) -> int:
    return int(folder.name.removeprefix("step-"))


def _save(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Turn safetensors' errors about the disk into OSErrors."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    try:
        save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, path)
    except SafetensorError as error:
        found = _OS_ERROR.search(str(error))
        number = int(found.group(1)) if found else errno.EIO
        raise OSError(number, os.strerror(number), str(path)) from error
    sync(path)


def _write_text(path: Path, text: str) -> None:
    path.write_text(text + "\n", encoding="utf-8")
    sync(path)


def _move(temporary: Path, final: Path) -> None:
    """Rename into place; a damaged checkpoint of the same step is replaced."""
    if final.exists():
        aside = Path(tempfile.mkdtemp(prefix=f".{final.name}-old-", dir=final.parent))
        final.rename(aside / final.name)
        temporary.rename(final)
        shutil.rmtree(aside, ignore_errors=True)
    else:
        temporary.rename(final)
    sync(final.parent)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
