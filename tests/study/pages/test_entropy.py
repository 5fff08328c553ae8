"""The report of entropies: early and late apart, and no claim that the tests do not carry."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from counterpoint.metrics.entropies import evaluate_entropies
from counterpoint.report import Report, write_report
from counterpoint.results.parts import Entropies
from counterpoint.results.schema import Results
from counterpoint.study.kinds.controls import EntropyStudy
from counterpoint.study.pages.entropy import PAIRS, smooth

STUDY = {"kind": "entropy", "training": {"backbone": "debug", "steps": 3}, "examples": 1}
T = 80


def reported(results: Results, *, early: float, late: float, noise: float = 0.05, steps: int = T) -> Report:
    """With all controls, entropy is `early` and then `late` above that of the text model."""
    draw = np.random.default_rng(0)
    base = 4 + draw.normal(0, 1, (8, 1)) + np.zeros((8, steps))
    shift = np.where(np.arange(steps) < 50, early, late) + noise * np.linspace(-1, 1, 8)[:, None]
    kinds = {"text": base, "all": base + shift, "null": base + draw.normal(0, 0.02, (8, 1))}
    curves = {f"autoregressive_{kind}": curve for kind, curve in kinds.items()}
    pairs = [(f"autoregressive_{first}", f"autoregressive_{second}") for first, second in PAIRS]
    names = [window.row for window in results.prompts["prompts"].windows]
    changes = {
        "entropies": {"entropy": Entropies(frame_rate=25.0, curves={k: c.tolist() for k, c in curves.items()})},
        "evaluations": {"entropy": evaluate_entropies(curves, pairs=pairs, names=names)},
    }
    return EntropyStudy.model_validate(STUDY).report(results.model_copy(update=changes))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, fabricate: Callable[..., Results]) -> Results:
    return fabricate(tmp_path_factory.mktemp("study"), controls=())


def test_the_papers_finding_is_recognised(results: Results) -> None:
    verdict = reported(results, early=-0.5, late=0.3).verdict
    assert re.fullmatch(
        r"Compared with the model without controls, controls lower by 0\.\d+ \[.*\] nats the entropy of the "
        r"first 50 steps, 2 s, and raise by 0\.\d+ \[.*\] nats that of later steps\.",
        verdict.sentence,
    )
    assert verdict.points[-1].count("is found here, too") == 2
    assert verdict.points[0].startswith("All controls minus text model: early \u22120.") and len(verdict.points) == 3


def test_other_findings_are_named(results: Results) -> None:
    verdict = reported(results, early=-0.5, late=-0.4).verdict
    assert "lowered early, which is found here, too" in verdict.points[-1]
    assert "raised later, which is contradicted here" in verdict.points[-1]
    noisy = reported(results, early=-0.1, late=0.1, noise=1.0).verdict
    assert noisy.sentence.count("have not been shown to change") == 2
    assert noisy.points[-1].count("is neither confirmed nor refuted") == 2


def test_clips_that_end_early_have_no_late(results: Results) -> None:
    verdict = reported(results, early=-0.5, late=0.0, steps=40).verdict
    assert "the first 40 steps, 1.6 s; the clips end there." in verdict.sentence
    assert "raised later, which cannot be tested" in verdict.points[-1]


def test_smoothing_keeps_what_is_constant() -> None:
    assert np.allclose(smooth(np.full((2, 9), 3.0)), 3) and np.allclose(smooth(np.full((2, 3), 3.0)), 3)


def test_the_page_shows_the_curves_and_opens_from_disk(results: Results, tmp_path: Path, look: SimpleNamespace) -> None:
    index = write_report(reported(results, early=-0.5, late=0.3), tmp_path / "report")
    page = look.check(index.parent)
    assert page.count('class="spread"') == 3 + 2
    label = re.search(r'aria-label="(Entropy of the first[^"]+)"', page)
    assert label and "all controls from" in label[1]
    assert len((index.parent / "tables" / "curves.csv").read_text().splitlines()) == 1 + (3 + 2) * T
