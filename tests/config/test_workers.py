"""One function over many items in several processes: order, laziness, errors and losses."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from counterpoint.config import UserError
from counterpoint.config.machine import cores
from counterpoint.config.workers import AHEAD, Workers, _check_room, ahead, in_order, mapper, share_of_gpus


def squares() -> Callable[[int], tuple[int, int]]:
    return lambda number: (number * number, os.getpid())


def fussy(how: str) -> Callable[[int], int]:
    if how == "absent":
        raise UserError("The codec is not there; train it.")

    def work(number: int) -> int:
        if number == 3:
            if how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            raise UserError("Clip 3 is damaged; leave it out.")
        return number

    return work


def test_one_worker_is_this_process() -> None:
    found = list(in_order(squares, range(4), workers=Workers()))
    assert found == [(number * number, os.getpid()) for number in range(4)]


def test_no_more_than_the_given_number_is_in_progress() -> None:
    begun: list[int] = []

    def submit(number: int) -> Callable[[], int]:
        begun.append(number)
        return lambda: number

    for taken, number in enumerate(ahead(submit, range(20), most=3)):
        assert number == taken and len(begun) - taken <= 3
    assert begun == list(range(20))


def test_two_workers_give_the_same_in_order_and_take_no_more_than_they_need() -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for taken in range(1, 101):
            yield taken - 1

    results = in_order(squares, items(), workers=Workers(2))
    first = next(results)
    assert taken <= 2 * AHEAD and first[0] == 0
    rest = list(results)
    assert [value for value, _ in rest] == [number * number for number in range(1, 100)]
    assert os.getpid() not in {process for _, process in rest}


def test_several_lots_are_done_by_the_same_processes() -> None:
    with mapper(squares, workers=Workers(2)) as apply:
        lots = [list(apply(range(count))) for count in (6, 0, 3)]
    assert [[value for value, _ in lot] for lot in lots] == [[0, 1, 4, 9, 16, 25], [], [0, 1, 4]]
    assert len({process for lot in lots for _, process in lot} - {os.getpid()}) <= 2


def surroundings() -> Callable[[str], tuple[str | None, str | None]]:
    return lambda name: (os.environ.get(name), os.environ.get("OMP_NUM_THREADS"))


def test_workers_have_the_environment_of_now_and_their_share_of_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server from which processes are forked may be older than the environment."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    shares = []
    for value in ("first", "second"):
        monkeypatch.setenv("COUNTERPOINT_TESTED", value)
        [(found, share)] = in_order(surroundings, ["COUNTERPOINT_TESTED"], workers=Workers(2))
        assert found == value
        shares.append(share)
    assert shares == [str(max(1, cores() // 2))] * 2


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("damaged", r"^Clip 3 is damaged; leave it out\.$"),
        ("absent", r"^The codec is not there; train it\.$"),
        ("killed", "worker process was ended from outside"),
    ],
)
def test_an_error_of_a_worker_reaches_the_user(how: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        list(in_order(partial(fussy, how), range(6), workers=Workers(2)))


def test_no_workers_make_no_sense() -> None:
    with pytest.raises(UserError, match="--workers 0 is out of range"):
        Workers(0)


def test_processes_share_gpus_so_that_all_of_them_fit() -> None:
    for total in range(1, 9):
        for count in range(1, 30):
            share = share_of_gpus(total, count=count)
            assert share <= 1 and total * round(1 / share) >= count


def test_workers_for_which_a_ray_cluster_has_no_room_left_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason="Ray clusters need the extra `ray`")
    for name in ("cluster_resources", "available_resources"):
        monkeypatch.setattr(ray, name, lambda: {"CPU": 4.0, "GPU": 1.0})
    _check_room(4, {"num_cpus": 1, "num_gpus": 0.25})
    _check_room(4, {"num_cpus": 1, "num_gpus": 0.0})
    for count, share in ((4, 0.5), (5, 0.0)):
        with pytest.raises(UserError, match=f"no room for {count} workers, .*4 cores, of which 4 are free"):
            _check_room(count, {"num_cpus": 1, "num_gpus": share})


def lost_once(folder: Path) -> Callable[[int], int]:
    """A function whose process is killed at item 5, the first time."""

    def work(number: int) -> int:
        if number == 5 and not (folder / "lost").exists():
            (folder / "lost").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 9:
            raise UserError("Clip 9 is damaged; leave it out.")
        return number * number

    return work


@pytest.mark.slow
def test_workers_of_a_ray_cluster_give_the_same_in_order_and_are_replaced_when_they_are_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="Ray clusters need the extra `ray`")
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    )
    results = in_order(partial(lost_once, tmp_path), range(12), workers=Workers(2, address="local"))
    assert [next(results) for _ in range(9)] == [number * number for number in range(9)]
    assert (tmp_path / "lost").exists()
    with pytest.raises(UserError, match=r"^Clip 9 is damaged; leave it out\.$"):
        next(results)
