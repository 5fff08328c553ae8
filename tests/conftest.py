"""For every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from counterpoint.config.fetched import CACHE_VARIABLE
from counterpoint.metrics.cache import FOLDER_VARIABLE


@pytest.fixture(scope="session", autouse=True)
def nothing_heard_before(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What judges hear in tests is kept in a folder of the tests, and the user's own is left alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER_VARIABLE, str(tmp_path_factory.mktemp("heard")))
        yield


@pytest.fixture(autouse=True)
def no_judges(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of fetched weights, so that no test depends on the judges of the machine it runs on."""
    folder = tmp_path_factory.mktemp("judges")
    monkeypatch.setenv(CACHE_VARIABLE, str(folder))
    return folder
