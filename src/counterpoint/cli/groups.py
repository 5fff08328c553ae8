"""A group of verbs."""

from __future__ import annotations

import typer


def group(summary: str, *, completes: bool = False) -> typer.Typer:
    """An empty group with its help text.

    Args:
        completes: whether to offer the options that install and show shell completion.
    """
    return typer.Typer(
        help=summary,
        no_args_is_help=True,
        add_completion=completes,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )
