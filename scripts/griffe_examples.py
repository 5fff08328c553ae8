"""An extension of griffe: examples in docstrings (`>>> ...`) become code blocks on the pages of the API reference."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import griffe


class FencedExamples(griffe.Extension):
    """Puts fences around every paragraph that begins with a prompt, since griffe knows those of `Examples:` alone."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of an object once it is collected."""
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)


def fenced(text: str) -> str:
    """The text with a fence around each paragraph that begins with `>>>`."""
    paragraphs = []
    for blank, lines in groupby(text.split("\n"), key=lambda line: not line.strip()):
        block = list(lines)
        if not blank and block[0].startswith(">>> "):
            block = ["```pycon", *block, "```"]
        paragraphs += block
    return "\n".join(paragraphs)
