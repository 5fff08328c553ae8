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
        patch.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("judges")))  # and the judges that the machine has
        yield


@pytest.fixture
def judges_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for fetched weights, empty, of this test alone."""
    folder = tmp_path / "judges"
    folder.mkdir()
    monkeypatch.setenv(CACHE_VARIABLE, str(folder))
    return folder
