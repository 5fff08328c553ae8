"""Events about changes for every open page; they are numbered, so that a page can catch up after a lost connection."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

KEPT = 2_000
"""Number of stored events, for pages that reconnect."""
ALIVE_S = 15.0
"""Seconds without an event after which a comment is sent to keep the connection alive."""


@dataclass(frozen=True)
class Event:
    """A change.

    Attributes:
        number: running number of the event.
        owner: owner of the changed piece.
        job: id of the job, or "" for other events.
        name: kind of event.
        data: JSON-serializable values.
    """

    number: int
    owner: str
    job: str
    name: str
    data: Mapping[str, Any]

    def encoded(self) -> bytes:
        """The event in the format of server-sent events."""
        return f"id: {self.number}\nevent: {self.name}\ndata: {json.dumps(self.data)}\n\n".encode()


class Events:
    """A queue of events to which threads add and from which connections read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._number = 0
        self._closed = False
        self._readers: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    @property
    def number(self) -> int:
        """Number of the newest event."""
        return self._number

    def knows(self, job: str) -> bool:
        """Whether an event of this job is stored."""
        with self._lock:
            return any(event.job == job for event in self._kept)

    def add(self, name: str, data: Mapping[str, Any], *, owner: str, job: str = "") -> None:
        """Add an event for all pages of an owner."""
        with self._lock:
            self._number += 1
            self._kept.append(Event(self._number, owner, job, name, data))
        self._wake()

    def close(self) -> None:
        """End all connections that follow the events."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            readers = list(self._readers)
        for loop, changed in readers:
            try:
                loop.call_soon_threadsafe(changed.set)
            except RuntimeError:  # the server's loop has ended
                continue

    async def follow(self, *, owner: str, after: int, job: str = "") -> AsyncIterator[Event | None]:
        """The events of an owner as they occur, and None after a while without an event.

        Args:
            after: number of the last known event.
            job: id of the job to follow; "" follows everything.
        """
        changed = asyncio.Event()
        reader = (asyncio.get_running_loop(), changed)
        with self._lock:
            self._readers.add(reader)
        try:
            while not self._closed:
                changed.clear()
                for event in self._since(after):
                    after = event.number
                    if event.owner == owner and job in ("", event.job):
                        yield event
                try:
                    await asyncio.wait_for(changed.wait(), ALIVE_S)
                except TimeoutError:
                    yield None
        finally:
            with self._lock:
                self._readers.discard(reader)

    def _since(self, number: int) -> list[Event]:
        with self._lock:
            return [event for event in self._kept if event.number > number]
