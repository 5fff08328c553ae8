"""A group of verbs."""

from __future__ import annotations

import typer


def group(summary: str) -> typer.Typer:
    """An empty group with its line of help."""
    return typer.Typer(
        help=summary,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )
