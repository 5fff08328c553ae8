"""The output of verbs: text for people, JSON for programs, or none."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, is_dataclass
from typing import TYPE_CHECKING, Any

import typer

from counterpoint.cli.progress import Progress, progress_bar

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 10_000
"""Number of columns if the output is not a terminal, so that nothing is cut or wrapped."""


@dataclass(frozen=True)
class Answer:
    """The output of a verb and its form.

    Attributes:
        quiet: whether to print only errors, without results and progress.
        as_json: whether to print the result as one JSON text on stdout, with remarks and progress on stderr.
    """

    quiet: bool = False
    as_json: bool = False

    def progress(self, label: str, *, unit: str, device: str = "") -> AbstractContextManager[Progress]:
        """A function of (done, total) that shows progress, and the device, on stderr."""
        return progress_bar(f"{label} on {device}" if device else label, unit=unit, shown=not self.quiet)

    def remark(self, text: str) -> None:
        """Print a sentence besides the result."""
        from counterpoint.config.text import printable

        if not self.quiet:
            typer.echo(printable(text), err=self.as_json)

    def device(self, name: str) -> str:
        """Resolve the device of an option. If `auto` chooses a GPU, this is printed on stderr; the progress bar
        always shows the device.

        Raises:
            UserError: the device is not present.
        """
        from counterpoint.config.device import AUTO, describe_device, find_device

        found = find_device(name)
        if name == AUTO and found != "cpu" and not self.quiet:
            typer.echo(f"Device: {describe_device(found)}", err=True)
        return found

    def give(self, data: Any, words: str | Callable[[Console], object]) -> None:
        """Print the result of the verb.

        Args:
            data: the result for JSON: plain values, dataclasses or pydantic models.
            words: the result for people: a text, or a function that prints tables to a console.
        """
        if self.as_json:
            if not self.quiet:
                typer.echo(to_json(data))
        elif not self.quiet:
            typer.echo(words) if isinstance(words, str) else words(console())


def console() -> Console:
    """The console for tables on stdout."""
    import os

    from rich.console import Console

    found = Console()
    return found if found.is_terminal or "COLUMNS" in os.environ else Console(width=WIDE)


def to_json(data: Any) -> str:
    """Plain values, dataclasses and pydantic models as indented JSON; non-finite numbers become null."""
    import json

    return json.dumps(_plain(data), indent=2, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        value = value.model_dump(mode="json")
    elif is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    return value if isinstance(value, str | int | bool | None) else str(value)
