"""One attempt at a step, in a process that may be on another machine; its output goes to the log of the step."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from counterpoint.config import UserError
from counterpoint.config.device import find_device
from counterpoint.study.engine import LocalEngine
from counterpoint.study.engines.dispatch import Ended
from counterpoint.study.notices import log_path, sentence
from counterpoint.study.work import Step

HEAVY = ("counterpoint.training", "counterpoint.generate", "counterpoint.study.engines.worker")
"""Modules that most steps need; an engine loads them before the first step, if it can."""


def attempt(step: Step, *, local: LocalEngine) -> Ended:
    """Complete a step whose inputs are finished.

    An error other than a `UserError` may be caused by the machine. A step that continues from its checkpoint is then
    tried again; a step that starts over would most likely fail in the same way.
    """
    with logged(log_path(local.store, name=step.name, key=step.key)):
        try:
            there = replace(local, device=find_device(local.device))
            return Ended(step.key, done=there.complete(step, label=step.name))
        except KeyboardInterrupt:
            return Ended(step.key, error="It was interrupted.")
        except UserError as error:
            print(f"Error: {error}", file=sys.stderr)
            return Ended(step.key, error=sentence(error))
        except Exception as error:
            traceback.print_exc()
            return Ended(step.key, error=sentence(error), again=step.resumable)


def listen_for_interrupts() -> None:
    """Let SIGINT, which an engine sends, interrupt this process. Commands run by a shell in the background ignore it,
    and so would their child processes."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def elsewhere(local: LocalEngine) -> LocalEngine:
    """The same engine for another process, where its messages go to the log."""
    return replace(local, say=say, show=False)


def say(line: str) -> None:
    """Print a line. Ray replaces Python's `print`, so this function of a module is used instead."""
    print(line, flush=True)


@contextmanager
def logged(path: Path) -> Iterator[None]:
    """Append the output of this process and its children to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    streams = (sys.stdout, sys.stderr)
    kept = [os.dup(number) for number in (1, 2)]
    with path.open("a", encoding="utf-8") as log:
        _flush(*streams)
        for number in (1, 2):
            os.dup2(log.fileno(), number)
        sys.stdout = sys.stderr = log
        try:
            yield
        finally:
            _flush(log)
            sys.stdout, sys.stderr = streams
            for number, own in zip((1, 2), kept, strict=True):
                os.dup2(own, number)
                os.close(own)


def _flush(*streams: TextIO) -> None:
    for stream in streams:
        stream.flush()
