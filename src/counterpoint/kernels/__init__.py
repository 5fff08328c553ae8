"""Linear layers for few rows, whose speed is that of reading their weights."""

from counterpoint.kernels.linear import PRECISIONS, Precision, pack

__all__ = ["PRECISIONS", "Precision", "pack"]
