"""A span of music replaced, by a trained model that sees what stands around it (5.3)."""

from counterpoint.inpaint.splice import splice
from counterpoint.inpaint.windows import Filled, fill_windows

__all__ = ["Filled", "fill_windows", "splice"]
