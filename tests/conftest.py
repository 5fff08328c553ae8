"""For every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from counterpoint.metrics.cache import FOLDER_VARIABLE


@pytest.fixture(scope="session", autouse=True)
def nothing_heard_before(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What judges hear in tests is kept in a folder of the tests, and the user's own is left alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER_VARIABLE, str(tmp_path_factory.mktemp("heard")))
        yield
