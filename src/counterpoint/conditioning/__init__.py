"""What a model is told, and how strongly: text, condition dropout, guidance."""

from counterpoint.conditioning.guidance import drop_text, guide, is_guided, with_null
from counterpoint.conditioning.text import LookUpText, T5Text, TextEncoder, TextTokens, build_text_encoder, words

__all__ = [
    "LookUpText",
    "T5Text",
    "TextEncoder",
    "TextTokens",
    "build_text_encoder",
    "drop_text",
    "guide",
    "is_guided",
    "with_null",
    "words",
]
