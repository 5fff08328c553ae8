"""Reading ahead: what is read is what was asked for, before it is asked for, and never beyond the end."""

from __future__ import annotations

import threading

import pytest

from counterpoint.config import UserError
from counterpoint.data.ahead import ReadAhead


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_each_update_gets_what_is_its_own(depth: int) -> None:
    ahead = ReadAhead(lambda step: step * step, steps=10, depth=depth)
    assert [ahead[step] for step in range(10)] == [step * step for step in range(10)]
    assert ahead[4] == 16, "a training may be wound back"


def test_nothing_is_read_twice_or_beyond_the_end() -> None:
    seen: list[int] = []
    ahead = ReadAhead(lambda step: seen.append(step) or step, steps=7, depth=3)
    for step in range(7):
        ahead[step]
    assert sorted(seen) == list(range(7))


@pytest.mark.parametrize("workers", [1, 2])
def test_the_next_updates_are_read_while_one_is_made(workers: int) -> None:
    """So that an update waits for the slower of reading and computing, and not for both."""
    read = [threading.Event() for _ in range(10)]
    ahead = ReadAhead(lambda step: read[step].set(), steps=10, depth=2, workers=workers)
    for step in range(10):
        ahead[step]
        assert all(event.wait(60) for event in read[: step + 3]), "before any of them is asked for"
        assert not any(event.is_set() for event in read[step + 3 :])


def test_an_error_comes_out_where_its_update_is_asked_for() -> None:
    def read(step: int) -> int:
        if step == 1:
            raise UserError("The file is damaged; encode it again.")
        return step

    ahead = ReadAhead(read, steps=3)
    assert ahead[0] == 0
    with pytest.raises(UserError, match="damaged"):
        ahead[1]
