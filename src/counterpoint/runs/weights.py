"""The number of weights in a folder, from the headers of its files.

A safetensors file begins with the length of its header (8 bytes, little-endian) and the header, JSON: name to shape,
type and place of every tensor.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

from counterpoint.config.errors import UserError

_LONGEST_HEADER = 100_000_000
"""Bytes; the format's own limit."""


def count_weights(path: Path) -> int:
    """Count the numbers in all tensors of a safetensors file.

    Raises:
        UserError: there is no such file, or it is truncated or not a safetensors file.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > _LONGEST_HEADER:
                raise ValueError
            header = json.loads(file.read(length))
        tensors = {name: each for name, each in header.items() if name != "__metadata__"}
        ends = [8 + length + each["data_offsets"][1] for each in tensors.values()]
        shapes = [each["shape"] for each in tensors.values()]
    except FileNotFoundError:
        raise UserError(f"{path} is missing.") from None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        raise UserError(f"{path} is damaged; fetch it again.") from None
    if path.stat().st_size != max(ends, default=8 + length):
        raise UserError(f"{path} is truncated; fetch it again.")
    return sum(math.prod(shape) for shape in shapes)


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
