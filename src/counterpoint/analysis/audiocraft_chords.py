"""audiocraft's chord classes: the file `chord_to_index_mapping.pkl` that comes with JASCO, and ours in its order."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint.analysis.chords import chord_index, vocabulary
from counterpoint.config import UserError

UNKNOWN = "UNK"
"""Audiocraft's class for every label that its training data did not have."""


def audiocraft_classes(path: Path | str) -> np.ndarray:
    """[193] int64: for each of our chord classes the one of an audiocraft model, so that `result[track]` is its track.

    The file is a pickled dict of label to class, in the order in which its makers' data happened to bring the labels.
    Where a label of ours has no class there, it gets that of `UNK`.

    Raises:
        UserError: no such file, one that holds anything but a dict of str to int, labels that are not chords, or one
            class for two chords.
    """
    mapping = _read(Path(path))
    classes = np.full(len(vocabulary()), mapping.pop(UNKNOWN, -1))
    for label, theirs in mapping.items():
        try:
            classes[chord_index(label)] = theirs
        except UserError:
            raise UserError(
                f"{path} has the label {label!r}, which is none of Chordino's 193; give JASCO's own."
            ) from None
    if len(set(mapping.values())) < len(mapping):
        raise UserError(f"{path} gives two chords one class; get it anew.")
    if (classes < 0).any():
        missing = vocabulary()[int(np.argmin(classes))]
        raise UserError(f"{path} has no class for {missing!r}, nor one for {UNKNOWN!r}; give JASCO's own.")
    return classes


class _PlainUnpickler(pickle.Unpickler):
    """Reads what needs no code: dict, str, int and the like."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"{module}.{name}")


def _read(path: Path) -> dict[str, int]:
    try:
        with path.open("rb") as file:
            mapping = _PlainUnpickler(file).load()
    except FileNotFoundError:
        raise UserError(f"There is no chord mapping at {path}.") from None
    except Exception as error:  # a damaged pickle raises nearly anything
        raise UserError(
            f"{path} is damaged or would run code when read, which is never done ({error}); give a pickled dict of "
            "chord label to class."
        ) from None
    if not isinstance(mapping, dict) or not all(type(k) is str and type(v) is int for k, v in mapping.items()):
        raise UserError(f"{path} is no chord mapping: it must hold a dict of chord label to class.")
    return mapping
