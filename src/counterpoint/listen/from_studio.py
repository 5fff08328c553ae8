"""Listening tests of the studio's clips, made in a process that the studio starts."""

from __future__ import annotations

from pathlib import Path

from counterpoint.studio.worker import Message, Task


def carry_out(request: Message, task: Task) -> Message:
    """Make a preference test; see `studio.worker.CarryOut`.

    Args:
        request: `out`, a new folder; `places`, folders of audio as for `make_test`; `items`, their number.
    """
    from counterpoint.listen.make import make_test  # the studio's own process need not load it

    task.check()
    made = make_test(Path(request["out"]), places=request["places"], design="ab", items=request["items"])
    return {"items": made.items, "systems": list(made.conditions)}
