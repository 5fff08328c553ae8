"""A code version changes with the code a step reaches, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import counterpoint
from counterpoint import code_version as module
from counterpoint.code_version import code_version

STEPS = Path(counterpoint.__file__).parent / "study" / "steps"


def version(path: Path, text: str) -> str:
    path.write_text(text)
    module._file_digest.cache_clear()
    module._imported_units.cache_clear()
    return code_version(path)


def reached(source: Path) -> set[str]:
    """The units that a module's version covers, relative to the package."""
    root, waiting, found = module.ROOT, [source], {source}
    while waiting:
        for file in module._module_files(waiting.pop()):
            new = module._imported_units(file) - found
            found |= new
            waiting.extend(new)
    return {str(unit.relative_to(root).with_suffix("")) for unit in found - {source}}


def test_code_counts_and_comments_do_not(tmp_path: Path) -> None:
    path = tmp_path / "step.py"
    first = version(path, '"""Doc."""\ndef f():\n    """Doc."""\n    return 1\n')
    assert version(path, '"""Other."""\n\n# why\ndef f():\n    return 1  # because\n') == first
    assert version(path, "def f():\n    return 2\n") != first


def test_imports_are_followed_wherever_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "step.py"
    plain = version(path, "def f():\n    return 1\n")
    lazy = version(path, "def f():\n    import counterpoint.audio\n    return 1\n")
    assert lazy != plain
    assert "audio" in reached(path)
    assert "config" in reached(path), "audio imports config, so it counts as well"


def test_imports_for_type_checking_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "step.py"
    version(
        path, "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from counterpoint.audio import load_audio\n"
    )
    assert reached(path) == set()


def test_a_training_reaches_no_judge_and_a_judge_no_model() -> None:
    training, judging = reached(STEPS / "train.py"), reached(STEPS / "evaluate.py")
    assert {"training", "paradigm", "backbone", "data"} <= training
    assert not any(
        unit.startswith(("study/kinds", "metrics", "cli", "models", "extract", "encode")) for unit in training
    )
    assert "metrics" in judging and not {"training", "paradigm", "backbone", "generate"} & judging


def test_no_step_reaches_a_page() -> None:
    pages = ("report", "study/pages", "study/kinds", "claims", "cli")
    for step in STEPS.glob("*.py"):
        assert not any(unit.startswith(pages) for unit in reached(step)), step.stem
