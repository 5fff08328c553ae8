"""Precisions of stored weights. Importing this imports no torch."""

from __future__ import annotations

from typing import Literal

Precision = Literal["fp32", "fp16", "int8", "bf16"]
PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8", "bf16")
