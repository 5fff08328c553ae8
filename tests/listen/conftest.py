"""Finished studies, made up, and listening tests made of them."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from counterpoint.listen.assignment import plan_trials
from counterpoint.listen.folder import ListeningTest
from counterpoint.listen.judgments import Judgment, Rater
from counterpoint.listen.make import make_test


def _fabricated() -> ModuleType:
    """What the tests of studies make up."""
    path = Path(__file__).parents[1] / "study" / "conftest.py"
    spec = importlib.util.spec_from_file_location("fabricated_studies", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
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


TRUTH = {"ground_truth": 8.5, "ar": 5.5, "fm": 7.5, "fm_inversion": 4.5, "other_clip": 2.0}
"""True means of the systems of that study, for simulated raters."""


@pytest.fixture
def simulate() -> Callable[..., tuple[list[Rater], list[Judgment]]]:
    """A function that rates a test: `raters` honest ones around `TRUTH`, then careless ones of the named habits."""
    return _simulate


def _simulate(
    test: ListeningTest, *, raters: int, careless: Sequence[str] = (), seed: int = 0
) -> tuple[list[Rater], list[Judgment]]:
    rng = np.random.default_rng(seed)
    items = {item.id: rng.normal(0, 0.5) for item in test.manifest.items}
    people, judgments = [], []
    for number, habit in enumerate([*[""] * raters, *careless]):
        people.append(Rater(number, "done", 0.0, 1.0, 6 if habit != "loudspeakers" else 1))
        judge = _judge(habit, test, rng=rng, items=items)
        seconds = 0.5 if habit == "hasty" else 3.0
        for place, trial in enumerate(plan_trials(test, rater=number)):
            if trial.phase == "training":
                continue
            clip_s = 2.0 * len(trial.files)
            about = {"rater": number, "trial": f"{number}-{place}", "seconds": seconds * clip_s, "clip_s": clip_s}
            for question in test.design.questions:
                if trial.phase == "check":
                    said = judge(None, trial.item, trial.expected)
                    known = {"phase": "check", "item": trial.item, "system": trial.item, "expected": trial.expected}
                    judgments.append(Judgment(**about, **known, question=question.id, value=said))
                    continue
                for file in trial.files:
                    for system in test.conditions_of(file):
                        said = judge(system, trial.item, None)
                        known = {"phase": trial.phase, "item": trial.item, "system": system}
                        judgments.append(Judgment(**about, **known, question=question.id, value=said))
    return people, judgments


def _judge(
    habit: str, test: ListeningTest, *, rng: np.random.Generator, items: dict[str, float]
) -> Callable[[str | None, str, int | None], float]:
    low, high = test.design.questions[0].low, test.design.questions[0].high
    bias, tastes = rng.normal(0, 0.7), {system: rng.normal(0, 0.3) for system in TRUTH}

    def judge(system: str | None, item: str, expected: int | None) -> float:
        if habit == "random":
            return float(rng.integers(low, high + 1))
        if habit == "constant":
            return float(high)
        if expected is not None:
            return float(expected) if rng.random() < 0.97 else float(rng.integers(low, high + 1))
        value = TRUTH[system or ""] + bias + tastes[system or ""] + items[item] + rng.normal(0, 1.2)
        return float(np.clip(np.round(value), low, high))

    return judge
