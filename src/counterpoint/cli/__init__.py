"""The command line: only verbs. Importing it, and so `counterpoint --help`, loads neither torch nor pydantic."""

from __future__ import annotations

import errno
import io
import os
import sys
import warnings
from collections.abc import Sequence

from counterpoint.cli.app import app

_LONGEST = 2_000
"""Greatest number of printed characters of a message, since some quote user input."""
_LONGEST_PLACE = 200
"""Greatest number of printed characters of a path."""


def main() -> None:
    """Run the command line; a user's error becomes one sentence and exit code 2, a full disk exit code 1.

    `COUNTERPOINT_DEBUG=1` shows the traceback.
    """
    warnings.showwarning = _show_warning
    if isinstance(sys.stdout, io.TextIOWrapper):  # an encoding that lacks a character, as Windows has for pipes
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app(_offline_first(sys.argv[1:]))
    except Exception as error:
        if os.environ.get("COUNTERPOINT_DEBUG"):
            raise
        sys.exit(_report(error))


def _offline_first(arguments: Sequence[str]) -> list[str]:
    """The arguments with `--offline`, which belongs to no verb, moved before the verb."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    before = arguments[:end]
    kept = [argument for argument in before if argument != "--offline"]
    return [*(["--offline"] if len(kept) < len(before) else []), *kept, *arguments[end:]]


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    from counterpoint.config.text import printable

    print(f"Warning: {printable(str(message))}", file=sys.stderr)


def _report(error: Exception) -> int:
    from counterpoint.config import UserError
    from counterpoint.config.text import printable

    if isinstance(error, UserError):
        message, code = str(error), 2
    elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        message = (
            f"The disk is full ({_place(error)}): make room and run the same command again; it continues from there."
        )
        code = 1
    elif _is_out_of_memory(error):
        message, code = (
            "Memory has run out; reduce the request, for example with a smaller --batch-size or shorter music.",
            1,
        )
    elif isinstance(error, OSError):
        message, code = f"{error.strerror or error}: {_place(error)}", 1
    else:
        raise error
    sentence = " ".join(message.split())
    shown = sentence if len(sentence) <= _LONGEST else f"{sentence[:_LONGEST]}..."
    print(f"Error: {printable(shown)}", file=sys.stderr)
    return code


def _is_out_of_memory(error: Exception) -> bool:
    """Whether Python, torch on a CPU or torch on a GPU had no memory left."""
    return isinstance(error, MemoryError) or any(
        sign in f"{type(error).__name__}: {error}" for sign in ("OutOfMemoryError", "DefaultCPUAllocator")
    )


def _place(error: OSError) -> str:
    name = str(error.filename) if error.filename else "no file named"
    return name if len(name) <= _LONGEST_PLACE else f"{name[:_LONGEST_PLACE]}..."
