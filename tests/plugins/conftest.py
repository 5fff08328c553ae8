"""The package that docs/extending.md shows, installed as pip would: its files and its entry points on the path."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).parents[2] / "docs" / "extending.md"
_FILE = re.compile(r"^`(counterpoint_toys/\w+\.py)`\n\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ENTRIES = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def install(text: str, folder: Path) -> None:
    """Write the files that a document shows, and a distribution with the entry points that it shows."""
    for name, code in _FILE.findall(text):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code, encoding="utf-8")
    lines = []
    for block in _ENTRIES.findall(text):
        for group, points in tomllib.loads(block)["project"]["entry-points"].items():
            lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    made = folder / "counterpoint_toys-1.0.dist-info"
    made.mkdir()
    (made / "METADATA").write_text("Metadata-Version: 2.1\nName: counterpoint-toys\nVersion: 1.0\n", encoding="utf-8")
    (made / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="module", autouse=True)
def toys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the installed package; its modules are forgotten afterwards."""
    folder = tmp_path_factory.mktemp("site-packages")
    install(DOCUMENT.read_text(encoding="utf-8"), folder)
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == "counterpoint_toys"]:
        del sys.modules[name]
