"""What changes, told to every page that is open: events with numbers, so that a page that was away can catch up."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

KEPT = 2_000
"""Events that are remembered for pages that come back."""
ALIVE_S = 15.0
"""Seconds of silence after which a comment is sent, so that the connection is not taken for dead."""


@dataclass(frozen=True)
class Event:
    """Something that changed.

    Attributes:
        number: one more than that of the event before.
        owner: whom it concerns.
        job: whose job it is about; "" for other news.
        name: of the kind of event.
        data: plain values.
    """

    number: int
    owner: str
    job: str
    name: str
    data: Mapping[str, Any]

    def encoded(self) -> bytes:
        """As server-sent events write it."""
        return f"id: {self.number}\nevent: {self.name}\ndata: {json.dumps(self.data)}\n\n".encode()


class Events:
    """A line of events to which threads add and from which connections read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._number = 0
        self._closed = False
        self._readers: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    @property
    def number(self) -> int:
        """Of the newest event."""
        return self._number

    def knows(self, job: str) -> bool:
        """Whether an event of this job is remembered."""
        with self._lock:
            return any(event.job == job for event in self._kept)

    def add(self, name: str, data: Mapping[str, Any], *, owner: str, job: str = "") -> None:
        """Tell everybody whom it concerns."""
        with self._lock:
            self._number += 1
            self._kept.append(Event(self._number, owner, job, name, data))
        self._wake()

    def close(self) -> None:
        """Let everybody who follows go."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            readers = list(self._readers)
        for loop, there_is_news in readers:
            try:
                loop.call_soon_threadsafe(there_is_news.set)
            except RuntimeError:  # the server's loop has ended
                continue

    async def follow(self, *, owner: str, after: int, job: str = "") -> AsyncIterator[Event | None]:
        """Events of an owner as they come, and None after a while of silence.

        Args:
            after: the number of the last event that is known.
            job: of this job alone; "" follows everything.
        """
        there_is_news = asyncio.Event()
        reader = (asyncio.get_running_loop(), there_is_news)
        with self._lock:
            self._readers.add(reader)
        try:
            while not self._closed:
                there_is_news.clear()
                for event in self._since(after):
                    after = event.number
                    if event.owner == owner and job in ("", event.job):
                        yield event
                try:
                    await asyncio.wait_for(there_is_news.wait(), ALIVE_S)
                except TimeoutError:
                    yield None
        finally:
            with self._lock:
                self._readers.discard(reader)

    def _since(self, number: int) -> list[Event]:
        with self._lock:
            return [event for event in self._kept if event.number > number]
