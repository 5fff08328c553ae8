"""Listening tests of what the studio made, in a process that the studio starts."""

from __future__ import annotations

from pathlib import Path

from counterpoint.studio.worker import Message, Task


def carry_out(asked: Message, task: Task) -> Message:
    """Make a test of preference; see `studio.worker.CarryOut`.

    Args:
        asked: `out`, a new folder; `places`, folders of audio as `make_test` takes them; `items`, how many there are.
    """
    from counterpoint.listen.make import make_test  # the studio's own process need not load it

    task.check()
    made = make_test(Path(asked["out"]), places=asked["places"], design="ab", items=asked["items"])
    return {"items": made.items, "systems": list(made.conditions)}
