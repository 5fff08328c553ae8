"""How much of a batch is drawn, told from inside the drawing to a listener; drawing itself knows no progress bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[float], None]
"""Called with the share that is done, in [0, 1]."""

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def heard_by(listener: Listener | None) -> Iterator[None]:
    """Within the block, and this thread, `listener` is called with the shares that `tell_share` is."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def tell_share(share: float) -> None:
    """Say how much is done; a paradigm that never does only shows no progress within a batch."""
    listener = _listener.get()
    if listener is not None:
        listener(min(1.0, max(0.0, share)))
