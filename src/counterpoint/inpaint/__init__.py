"""A span of music replaced, by a trained model that sees what stands around it (5.3)."""

from counterpoint.inpaint.spans import parse_span
from counterpoint.inpaint.splice import match_level, splice
from counterpoint.inpaint.takes import CROSSFADE_S, Inpainting, Take, inpaint_audio, print_takes
from counterpoint.inpaint.windows import Filled, fill_windows

__all__ = [
    "CROSSFADE_S",
    "Filled",
    "Inpainting",
    "Take",
    "fill_windows",
    "inpaint_audio",
    "match_level",
    "parse_span",
    "print_takes",
    "splice",
]
