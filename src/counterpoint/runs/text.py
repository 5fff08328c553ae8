"""Lists of models and codecs in a few lines each, for a terminal of any width."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from counterpoint.runs.card import Card, Figure
from counterpoint.runs.codecs import ListedCodec
from counterpoint.runs.models import ListedModel

_SHOWN = 6
"""Number of figures of one model or codec; --json gives all."""


def describe(listed: ListedModel | ListedCodec) -> str:
    """Name and kind, inputs, size and licence, and quality; or what is wrong with its folder."""
    if listed.problem:
        return f"{listed.name}\n    broken: {' '.join(listed.problem.split())}"
    lines = _of_model(listed) if isinstance(listed, ListedModel) else _of_codec(listed)
    size = f"{_count(listed.weights)} weights, {listed.size_bytes / 1e6:.1f} MB"
    return "\n    ".join([*lines, f"{size}, {_licence(listed.card)}", _quality(listed.figures)])


def as_data(listed: Iterable[ListedModel | ListedCodec]) -> list[dict[str, Any]]:
    """The list as plain values, for JSON; `measured` is true if there is any figure."""
    return [{**asdict(each), "folder": str(each.folder), "measured": bool(each.figures)} for each in listed]


def _of_model(model: ListedModel) -> list[str]:
    books = f"{model.num_codebooks} codebooks, " if model.num_codebooks else ""
    window = f", up to {model.window_s:g} s in one window" if model.window_s else ""
    step = "" if model.step is None else f", {model.step:,} updates"
    return [
        f"{model.name}  ({model.paradigm}{step})",
        f"takes {', '.join(model.takes)}",
        f"codec {model.codec}: {model.frame_rate:g} Hz, {books}{model.latent_dim} channels{window}",
    ]


def _of_codec(codec: ListedCodec) -> list[str]:
    books = f"{codec.num_codebooks} codebooks of {codec.codebook_size}" if codec.num_codebooks else "no codebooks"
    return [
        f"{codec.name}  ({codec.kind})",
        f"{codec.sample_rate / 1000:g} kHz, {codec.frame_rate:g} Hz frames, {books}, {codec.latent_dim} channels",
    ]


def _licence(card: Card | None) -> str:
    return card.licence if card and card.licence else "licence not stated"


def _quality(figures: Iterable[Figure]) -> str:
    texts = [figure.text() for figure in figures]
    more = f"; {len(texts) - _SHOWN} more with --json" if len(texts) > _SHOWN else ""
    return "; ".join(texts[:_SHOWN]) + more if texts else "not measured"


def _count(number: int) -> str:
    return f"{number / 1e6:.1f} M" if number >= 1e6 else f"{number:,}"
