"""For tests of what recognises music."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from counterpoint.config import borrowed
from counterpoint.config.network import OFFLINE_VARIABLE


@pytest.fixture
def nothing_borrowed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """A function after which no borrowed wheel is installed, and none can be fetched."""

    def take_away() -> None:
        monkeypatch.setattr(borrowed, "find_package", lambda _: None)
        monkeypatch.setenv(OFFLINE_VARIABLE, "1")
        borrowed._fetch.cache_clear()

    yield take_away
    borrowed._fetch.cache_clear()
