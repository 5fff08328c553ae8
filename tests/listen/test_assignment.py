"""Trials of raters: balanced, seeded, complete."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from counterpoint.config import UserError
from counterpoint.listen.assignment import plan_trials, williams
from counterpoint.listen.folder import ListeningTest, read_test

New = Callable[..., Path]


@pytest.mark.parametrize("count", [2, 3, 4, 5, 7])
def test_a_williams_square_balances_places_and_neighbours(count: int) -> None:
    rows = williams(count)
    assert all(sorted(row) == list(range(count)) for row in rows)
    places = Counter((place, value) for row in rows for place, value in enumerate(row))
    neighbours = Counter(pair for row in rows for pair in pairwise(row))
    assert len(places) == count**2 and len(set(places.values())) == 1
    assert len(neighbours) == count * (count - 1) and len(set(neighbours.values())) == 1


def whose(test: ListeningTest, files: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(test.conditions_of(file)[0] for file in files)


def test_every_rater_rates_every_version_of_every_item_once(new_test: New) -> None:
    test = read_test(new_test())
    for rater in range(3):
        trials = plan_trials(test, rater=rater)
        assert trials == plan_trials(test, rater=rater), "seeded"
        rated = [(trial.item, whose(test, trial.files)) for trial in trials if trial.phase == "trial"]
        assert len(rated) == len(set(rated)) == 3 * 5
        assert Counter(trial.phase for trial in trials) == {"trial": 15, "training": 2, "check": 2, "repeat": 2}
        assert [trial.phase for trial in trials[:2]] == ["training"] * 2
        neighbours = pairwise(rated)
        assert sum(first[0] == second[0] for first, second in neighbours) <= 1
    assert plan_trials(test, rater=0) != plan_trials(test, rater=1)


def test_over_raters_each_system_comes_equally_often_in_each_block(new_test: New) -> None:
    test = read_test(new_test())
    blocks: Counter[tuple[str, int]] = Counter()
    for rater in range(10):  # the rows of a square of five
        rated = [trial for trial in plan_trials(test, rater=rater) if trial.phase == "trial"]
        for place, trial in enumerate(rated):
            blocks[whose(test, trial.files)[0], place // 3] += 1
    assert len(blocks) == 25 and set(blocks.values()) == {6}


def test_pairs_are_shown_in_both_orders_and_leave_out_reference_and_anchor(new_test: New) -> None:
    test = read_test(new_test(design="ab"))
    orders: Counter[tuple[str, ...]] = Counter()
    for rater in range(6):
        for trial in plan_trials(test, rater=rater):
            if trial.phase == "trial":
                orders[whose(test, trial.files)] += 1
    assert {frozenset(order) for order in orders} == {
        frozenset({"ar", "fm"}),
        frozenset({"ar", "fm_inversion"}),
        frozenset({"fm", "fm_inversion"}),
    }
    assert len(orders) == 6 and max(orders.values()) - min(orders.values()) <= 2


def test_together_shows_all_versions_and_turns_them(new_test: New) -> None:
    test = read_test(new_test(design="mushra"))
    orders = set()
    for rater in range(4):
        trials = [trial for trial in plan_trials(test, rater=rater) if trial.phase == "trial"]
        assert len(trials) == 3
        for trial in trials:
            shown = whose(test, trial.files)
            assert {*shown} == {*test.systems} and {"low_pass_3500", "low_pass_7000"} < {*shown}
            orders.add(shown)
    assert len(orders) > 4


def test_a_part_of_the_trials_is_what_was_assigned_least(new_test: New) -> None:
    folder = new_test()
    text = (folder / "test.yaml").read_text().replace("trials: null", "trials: 6")
    (folder / "test.yaml").write_text(text)
    test = read_test(folder)
    assigned: Counter[tuple[str, ...]] = Counter()
    for rater in range(10):
        trials = [trial for trial in plan_trials(test, rater=rater, assigned=assigned) if trial.phase == "trial"]
        assert len(trials) == 6
        assigned.update(trial.files for trial in trials)
    assert len(assigned) == 15 and set(assigned.values()) == {4}


def test_practice_and_checks_can_be_fewer_than_were_made_and_not_more(new_test: New) -> None:
    folder = new_test()
    path, text = folder / "test.yaml", (folder / "test.yaml").read_text()
    path.write_text(text.replace("training: 2 ", "training: 1 ").replace("attention: 2 ", "attention: 0 "))
    phases = Counter(trial.phase for trial in plan_trials(read_test(folder), rater=0))
    assert phases["training"] == 1 and not phases["check"]
    path.write_text(text.replace("attention: 2 ", "attention: 3 "))
    with pytest.raises(UserError, match="sets attention: 3, but the test was made with 2"):
        read_test(folder)
