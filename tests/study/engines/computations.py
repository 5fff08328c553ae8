"""Computations that other processes can import by name, with a log of what ran where."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from counterpoint.config import UserError
from counterpoint.study.work import Work, computes
from counterpoint.study.workload import nothing


def note(work: Work) -> None:
    with Path(work.config["log"]).open("a") as log:
        log.write(f"{work.folder.name.split('-')[0]} {os.getpid()}\n")


@computes("add", version=1, workload=nothing)
def add(work: Work) -> None:
    """Write the sum of the inputs and of the configured number, after a while."""
    note(work)
    time.sleep(work.config.get("seconds", 0))
    total = work.config["number"] + sum(int((path / "value").read_text()) for path in work.inputs.values())
    (work.folder / "value").write_text(str(total))


@computes("break_down", version=1, workload=nothing)
def break_down(work: Work) -> None:
    """Fail in the way that is configured, as often as it is; then write 1."""
    note(work)
    made = work.folder / "attempts"
    made.write_text(f"{made.read_text() if made.is_file() else ''}x")
    if len(made.read_text()) <= work.config["times"]:
        if work.config["how"] == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        raise (
            UserError("The key is wrong; give another.")
            if work.config["how"] == "wrong"
            else OSError("The net is down")
        )
    (work.folder / "value").write_text("1")


@computes("until_interrupted", version=1, workload=nothing)
def until_interrupted(work: Work) -> None:
    """Go on where it was, and wait for an interruption; the second time, finish."""
    if (work.folder / "interrupted").exists():
        (work.folder / "value").write_text("2")
        return
    try:
        print("at work")
        note(work)
        time.sleep(60)
    except KeyboardInterrupt:
        (work.folder / "interrupted").touch()
        raise
