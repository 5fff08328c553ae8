"""A page gives no verdict on models that have not passed, and shows on what that rests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from counterpoint.examine import Beside, Estimate
from counterpoint.report import Verdict, write_report
from counterpoint.results.copies import Copies, Nearest
from counterpoint.results.learned import Learned
from counterpoint.results.schema import Results
from counterpoint.study.kinds import load_study
from counterpoint.study.pages.evidence import fairness_section, gated
from counterpoint.study.shipped import CONFIGS

GIVEN = Verdict("One is better.", ["A point."])


@pytest.fixture(scope="module")
def table3(fabricate: Callable[..., Results], tmp_path_factory: pytest.TempPathFactory) -> Results:
    results = fabricate(tmp_path_factory.mktemp("table3"))
    keys = [*results.systems, "training_copies"]
    near = {key: Nearest(median=0.7, suspicious=Estimate(0.05, 0.01, 0.1), clips=8) for key in keys}
    return results.model_copy(update={"copies": {"copies": Copies(windows=100, border=0.5, systems=near)}})


def failing(results: Results, learn: Callable[[str], Learned]) -> Results:
    """The same, its first model no better than its predictor."""
    step = next(iter(results.learned))
    own = learn("autoregressive")
    worse = {name: Beside(other.loss, Estimate(0.1, 0.0, 0.2)) for name, other in own.examination.beside.items()}
    examination = Learned(paradigm=own.paradigm, examination=replace(own.examination, beside=worse))
    return results.model_copy(update={"learned": {**results.learned, step: examination}})


def test_a_verdict_stands_where_models_have_learned(table3: Results) -> None:
    assert gated(table3, GIVEN) == GIVEN


def test_else_the_page_says_not_yet_and_ranks_nobody(table3: Results, learn: Callable[[str], Learned]) -> None:
    found = gated(failing(table3, learn), GIVEN)
    assert found.sentence.startswith("Not yet: ")
    assert "bigram counts" in found.points[0] and found.points[-1].endswith("do not rank them.")


def test_debug_gives_no_verdict_at_all(table3: Results) -> None:
    debug = table3.model_copy(update={"study": table3.study.model_copy(update={"scale": "debug"})})
    found = gated(debug, GIVEN)
    assert "debug scale" in found.sentence and not found.points


def test_the_page_shows_losses_picks_copies_budgets_and_departures(
    table3: Results, learn: Callable[[str], Learned], look: SimpleNamespace, tmp_path: Path
) -> None:
    study = load_study(CONFIGS / "table3.yaml", scale="quick")
    report = study.report(failing(table3, learn))
    rows = look.texts(look.table(report, "learned"))
    assert [row[-1] for row in rows.values()].count("not yet") == 1
    assert all("chance 0.125" in row[3] for row in rows.values())
    assert all("Bigram" in row[1] or "Linear-Gaussian" in row[1] for row in rows.values())
    assert "training copies" in look.texts(look.table(report, "copies"))
    assert look.texts(look.table(report, "fairness"))["Equal"][1] == "yes"
    assert "Controls" in look.texts(look.table(report, "departures"))
    page = look.check(write_report(report, tmp_path / "report").parent)
    assert "Not yet: " in page


def test_a_study_that_trains_nothing_has_none_of_it(table3: Results) -> None:
    bare = table3.model_copy(update={"models": {}, "learned": {}})
    assert fairness_section(bare) is None and gated(bare, GIVEN) == GIVEN
