"""Conditions of a model and their strength: text, controls, condition dropout, guidance."""

from counterpoint.conditioning.controls import ControlEmbedding, drop_controls
from counterpoint.conditioning.guidance import Guidance, drop_text, plan_guidance, with_null
from counterpoint.conditioning.text import LookUpText, T5Text, TextEncoder, TextTokens, build_text_encoder, words

__all__ = [
    "ControlEmbedding",
    "Guidance",
    "LookUpText",
    "T5Text",
    "TextEncoder",
    "TextTokens",
    "build_text_encoder",
    "drop_controls",
    "drop_text",
    "plan_guidance",
    "with_null",
    "words",
]
