"""CPU kernels of a decoder block for a few rows, at the speed of reading weights and caches."""

from counterpoint.kernels.attention import attend, attend_cached
from counterpoint.kernels.linear import PRECISIONS, CompiledLinear, PackedLinear, Precision, pack

__all__ = ["PRECISIONS", "CompiledLinear", "PackedLinear", "Precision", "attend", "attend_cached", "pack"]
