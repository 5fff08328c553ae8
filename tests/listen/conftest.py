"""Finished studies, made up, and listening tests made of them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from counterpoint.listen import make_test


def _fabricated() -> ModuleType:
    """What the tests of studies make up."""
    path = Path(__file__).parents[1] / "study" / "conftest.py"
    spec = importlib.util.spec_from_file_location("fabricated_studies", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def fabricate_inpainting() -> Callable[..., object]:
    """As in the tests of studies."""
    module = _fabricated()
    return lambda root, **found: module.make_inpainting(root, module.Filled(**found))


@pytest.fixture(scope="session")
def inpainted(tmp_path_factory: pytest.TempPathFactory, fabricate_inpainting: Callable[..., object]) -> Path:
    """The folder of a study of inpainting with its clips, of 2 s each."""
    folder = tmp_path_factory.mktemp("study") / "table4"
    fabricate_inpainting(folder / "steps")
    return folder


@pytest.fixture
def new_test(tmp_path: Path, inpainted: Path) -> Callable[..., Path]:
    """A function that makes a listening test of that study in a folder of the test, with `make_test`'s arguments."""

    def new(name: str = "listening", **options: object) -> Path:
        made = make_test(tmp_path / name, **{"places": [str(inpainted)], "items": 3, **options})
        return made.folder

    return new
