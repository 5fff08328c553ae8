"""How long work waits for room on a Ray cluster, and where a cluster is started."""

from __future__ import annotations

from typing import Any

import pytest

from counterpoint.config import UserError
from counterpoint.config.ray_cluster import LOOK_EVERY_S, PLACED_S, STARTS, Room, join_ray


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


def test_nodes_that_are_lost_may_come_back_and_if_none_does_the_work_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, full, looks = Clock(), [True], []

    def check() -> None:
        looks.append(clock.now)
        if full[0]:
            raise UserError("No node has room; add one.")

    monkeypatch.setattr("counterpoint.config.ray_cluster.time", clock)
    room = Room(check)
    room.look()
    assert not looks, "it has just begun"

    def wait(seconds: float) -> None:
        end = clock.now + seconds
        while clock.now < end:
            clock.now += 1
            room.look()

    wait(PLACED_S - LOOK_EVERY_S)
    assert len(looks) == PLACED_S / LOOK_EVERY_S - 1
    full[0] = False
    wait(2 * PLACED_S)
    full[0] = True
    wait(PLACED_S)
    with pytest.raises(UserError, match="No node has room"):
        wait(2 * LOOK_EVERY_S)


def test_a_cluster_is_started_whatever_other_cluster_runs_or_ran_here(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason="Ray clusters need the extra `ray`")
    asked: list[tuple[Any, ...]] = []
    monkeypatch.setattr(ray, "init", lambda *address, **_: asked.append(address))
    join_ray(None, cpus=2)
    assert asked == [("local",)]


def test_a_cluster_that_a_busy_machine_starts_too_slowly_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason="Ray clusters need the extra `ray`")
    left = [STARTS - 1]

    def init(*_: object, **how: object) -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise Exception("The current node timed out during startup.")

    monkeypatch.setattr(ray, "init", init)
    join_ray(None, cpus=2)
    left[0] = STARTS
    with pytest.raises(UserError, match=r"Ray cannot start .* The current node timed out"):
        join_ray(None, cpus=2)
