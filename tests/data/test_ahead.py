"""Reading ahead: what is read is what was asked for, before it is asked for, and never beyond the end."""

from __future__ import annotations

import threading
import time

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


def test_the_next_updates_are_read_while_one_is_made() -> None:
    read = [threading.Event() for _ in range(4)]
    ahead = ReadAhead(lambda step: read[step].set(), steps=4, depth=2)
    ahead[0]
    assert all(event.wait(5) for event in read[:3]) and not read[3].is_set()


def test_updates_wait_for_the_slower_of_reading_and_computing_and_not_for_both() -> None:
    def read(step: int) -> int:
        time.sleep(0.1)
        return step

    ahead = ReadAhead(read, steps=10, workers=1)
    started = time.perf_counter()
    for step in range(10):
        ahead[step]
        time.sleep(0.12)  # the accelerator at work
    assert time.perf_counter() - started < 10 * 0.12 + 10 * 0.1 - 0.5


def test_an_error_comes_out_where_its_update_is_asked_for() -> None:
    def read(step: int) -> int:
        if step == 1:
            raise UserError("The file is damaged; encode it again.")
        return step

    ahead = ReadAhead(read, steps=3)
    assert ahead[0] == 0
    with pytest.raises(UserError, match="damaged"):
        ahead[1]
