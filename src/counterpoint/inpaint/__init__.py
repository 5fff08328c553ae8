"""A span of music replaced, by a trained model that sees what stands around it (5.3)."""

from counterpoint.inpaint.extend import Side, extend
from counterpoint.inpaint.files import Held, Source
from counterpoint.inpaint.spans import parse_span
from counterpoint.inpaint.splice import match_level, splice
from counterpoint.inpaint.takes import (
    CROSSFADE_S,
    SAMPLING,
    Inpainting,
    InpaintingRequest,
    Take,
    check_files,
    check_out,
    fill_in,
    inpaint_file,
    print_takes,
)
from counterpoint.inpaint.windows import Filled, fill_windows

__all__ = [
    "CROSSFADE_S",
    "SAMPLING",
    "Filled",
    "Held",
    "Inpainting",
    "InpaintingRequest",
    "Side",
    "Source",
    "Take",
    "check_files",
    "check_out",
    "extend",
    "fill_in",
    "fill_windows",
    "inpaint_file",
    "match_level",
    "parse_span",
    "print_takes",
    "splice",
]
