"""The report of entropies: early and late apart, paired, and no claim that the tests do not carry."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from counterpoint.study.report.content import EntropyContent
from counterpoint.study.report.entropy import assemble_entropy, by_track, mean_score, smooth, write_entropy_report
from counterpoint.study.report.read import Folders

from counterpoint.config import write_json
from counterpoint.study.kinds.controls import EntropyStudy

STUDY = {"kind": "entropy", "training": {"backbone": "debug", "steps": 3}, "examples": 1}
T = 80


def assembled(folders: Folders, *, early: float, late: float, noise: float = 0.05, steps: int = T) -> EntropyContent:
    """With all controls, entropy is `early` and then `late` above that of the text model."""
    draw = np.random.default_rng(0)
    base = 4 + draw.normal(0, 1, (8, 1)) + np.zeros((8, steps))
    shift = np.where(np.arange(steps) < 50, early, late) + noise * np.linspace(-1, 1, 8)[:, None]
    curves = {"text": base, "all": base + shift, "null": base + draw.normal(0, 0.02, (8, 1))}
    folder = folders.paths["prompts"].parent / "entropy"
    write_json(
        folder / "entropy.json", {"frame_rate": 25.0, "curves": {key: value.tolist() for key, value in curves.items()}}
    )
    study = EntropyStudy.model_validate(STUDY).model_dump(mode="json")
    folders = Folders({**folders.paths, "entropy": folder})
    return assemble_entropy(folders, name="fig9", study=study, study_yaml="kind: entropy\n", own_data=False)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, fabricate: Callable[..., Folders]) -> Folders:
    return fabricate(tmp_path_factory.mktemp("study"), controls=())


def test_the_papers_finding_is_recognised(folders: Folders) -> None:
    verdict = assembled(folders, early=-0.5, late=0.3).verdict
    assert re.fullmatch(
        r"Against the model of text alone, controls lower by 0\.\d+ \[.*\] nats the entropy of the first 50 steps, "
        r"2 s, and raise by 0\.\d+ \[.*\] nats that of later steps\.",
        verdict.sentence,
    )
    assert verdict.points[-1].count("is found here, too") == 2
    assert verdict.points[0].startswith("All controls minus text model: early \u22120.") and len(verdict.points) == 3


def test_other_findings_are_named(folders: Folders) -> None:
    verdict = assembled(folders, early=-0.5, late=-0.4).verdict
    assert "lowered early, which is found here, too" in verdict.points[-1]
    assert "raised later, which is not found here: it is the other way round" in verdict.points[-1]
    noisy = assembled(folders, early=-0.1, late=0.1, noise=1.0).verdict
    assert noisy.sentence.count("have not been shown to change") == 2
    assert noisy.points[-1].count("is neither confirmed nor refuted") == 2


def test_clips_that_end_early_have_no_late(folders: Folders) -> None:
    content = assembled(folders, early=-0.5, late=0.0, steps=40)
    assert content.early == 40 and set(content.scores) == {"entropy_early"}
    assert "the first 40 steps, 1.6 s; the clips end there." in content.verdict.sentence
    assert "raised later, which cannot be looked at" in content.verdict.points[-1]


def test_pairing_sees_what_single_intervals_hide(folders: Folders) -> None:
    content = assembled(folders, early=-0.2, late=0.2)
    scores = content.scores["entropy_early"]
    assert scores["autoregressive_all"].high > scores["autoregressive_text"].low, "prompts differ more than systems"
    first = content.differences[0]
    assert (first.metric, first.second) == ("entropy_early", "autoregressive_text")
    assert first.high < 0 and first.p <= first.p_holm < 0.05 and first.value == pytest.approx(-0.2, abs=0.06)
    assert len(content.differences) == 4


def test_prompts_of_one_track_count_once() -> None:
    curves = np.array([[1.0, 1.0], [3.0, 3.0], [10.0, 10.0]])
    assert by_track(curves, ["a", "a", "b"]).tolist() == [[2, 2], [10, 10]]
    score = mean_score(np.array([1.0, 2.0, 3.0]))
    assert score.value == 2 and score.high - 2 == pytest.approx(4.3027 / 3**0.5, rel=1e-3) and score.n == 3


def test_smoothing_keeps_what_is_constant() -> None:
    assert np.allclose(smooth(np.full((2, 9), 3.0)), 3) and np.allclose(smooth(np.full((2, 3), 3.0)), 3)


def test_the_page_shows_the_curves_and_opens_from_disk(folders: Folders, tmp_path: Path) -> None:
    content = assembled(folders, early=-0.5, late=0.3)
    index = write_entropy_report(content, tmp_path / "report")
    page = index.read_text(encoding="utf-8")
    assert page.count('class="spread"') == 3 + 2 and page.count("<audio") == 3
    for link in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert f'id="{link[1:]}"' in page if link.startswith("#") else (index.parent / link).is_file(), link
    label = re.search(r'aria-label="(entropy, nats: [^"]+)"', page)
    assert label and "all controls" in label[1] and "after" in label[1]
    assert len((index.parent / "tables" / "curves.csv").read_text().splitlines()) == 1 + 3 * T
    json.loads((index.parent / "data.json").read_text(), parse_constant=lambda name: pytest.fail(name))
