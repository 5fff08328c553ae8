"""What the tests of engines share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[None]:
    """Other processes find the tests' own computations, too."""
    paths = [str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
        yield
