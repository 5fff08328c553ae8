"""Replacement of a span of music by a trained model, given the music around it (5.3).

Importing this package does not import torch; its parts do, when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterpoint.inpaint.splice import match_level, splice  # a module of that name would replace a lazy name
from counterpoint.lazy import lazily

if TYPE_CHECKING:
    from counterpoint.inpaint.files import Held, Source
    from counterpoint.inpaint.lengthen import Side, extend, plan_extension
    from counterpoint.inpaint.request import CROSSFADE_S, SAMPLING, InpaintingRequest, check_files, check_out
    from counterpoint.inpaint.spans import parse_span
    from counterpoint.inpaint.takes import Inpainting, Take, fill_in, inpaint_file, print_takes
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
    "plan_extension",
    "print_takes",
    "splice",
]

__getattr__ = lazily(
    __name__,
    {
        "CROSSFADE_S": "request",
        "SAMPLING": "request",
        "Filled": "windows",
        "Held": "files",
        "Inpainting": "takes",
        "InpaintingRequest": "request",
        "Side": "lengthen",
        "Source": "files",
        "Take": "takes",
        "check_files": "request",
        "check_out": "request",
        "extend": "lengthen",
        "plan_extension": "lengthen",
        "fill_in": "takes",
        "fill_windows": "windows",
        "inpaint_file": "takes",
        "parse_span": "spans",
        "print_takes": "takes",
    },
)
