"""A Ray cluster: an existing one, or one that Ray starts on this machine. Imports Ray only where it is used."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

from counterpoint.config.errors import UserError
from counterpoint.config.machine import cores
from counterpoint.config.text import first_line

PLACED_S = 300.0
"""A cluster must have room for work within this time, in which it may start machines, and replace those it has lost."""
STARTS = 3
"""Attempts at starting a cluster."""
LOOK_EVERY_S = 10.0
"""Time between two looks at a cluster's nodes."""


class Room:
    """Watches whether a cluster still has room for work that has not ended; without any, Ray would wait for ever.

    Args:
        check: raises a `UserError` if the cluster has no room now.
    """

    def __init__(self, check: Callable[[], None]):
        self._check = check
        self._looked = time.monotonic()
        self._lacking: float | None = None

    def look(self) -> None:
        """Check the cluster, at most once in `LOOK_EVERY_S`.

        Raises:
            UserError: there has been no room for `PLACED_S`.
        """
        now = time.monotonic()
        if now - self._looked < LOOK_EVERY_S:
            return
        self._looked = now
        try:
            self._check()
            self._lacking = None
        except UserError:
            self._lacking = self._lacking or now
            if now - self._lacking >= PLACED_S:
                raise


def join_ray(address: str | None, *, cpus: int | None, load: Sequence[str] = ()) -> None:
    """Join a cluster, or start one here.

    Args:
        address: of a cluster; None starts one.
        cpus: cores of one that is started; by default all of this machine.
        load: modules that its processes load while it starts.

    Raises:
        UserError: nothing answers at the address, or another version of Ray or Python does.
    """
    import logging

    import ray

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    shared: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        settings = {"preload_python_modules": list(load)}
        _start(num_cpus=cpus or cores(), include_dashboard=False, _system_config=settings, **shared)
        return
    try:
        _reach(address)
        ray.init(address=address, **shared)
    except (OSError, OverflowError, RuntimeError, ValueError) as error:
        raise UserError(
            f"The Ray cluster at {address} cannot be joined ({first_line(error)}): see that `ray status "
            f"--address {address}` works here."
        ) from error


def _start(**how: Any) -> None:
    """Start a cluster on this machine. Ray gives it half a minute, too little on a busy one, so it is tried again.

    Args:
        how: arguments of `ray.init`.

    Raises:
        UserError: it did not start.
    """
    import ray

    for attempt in range(1, STARTS + 1):
        try:
            ray.init("local", **how)  # without "local", Ray joins the last cluster of this machine, even a dead one
            return
        except Exception as error:  # Ray raises bare ones
            ray.shutdown()
            if attempt == STARTS:
                raise UserError(
                    f"Ray cannot start a cluster on this machine ({first_line(error)}): a machine that is too busy or "
                    "short of memory is the usual reason; --jobs or --workers alone do without Ray."
                ) from error


def _reach(address: str) -> None:
    """Fail at once where nothing listens; Ray itself would try for minutes.

    Raises:
        OSError, OverflowError: nothing listens at HOST:PORT; other addresses, such as `auto`, are left to Ray.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdecimal():
        socket.create_connection((host, int(port)), timeout=10).close()
