"""One function over many items in several processes, here or on a Ray cluster: results in order, memory flat.

Each process makes the function itself, once, so that a codec or a judge is loaded there and never sent. No
more than twice as many items as processes are in progress, so that a corpus of any size can be an iterator. Imports no
torch.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any, TypeVar

from counterpoint.config.errors import UserError
from counterpoint.config.machine import cores
from counterpoint.config.ray_cluster import LOOK_EVERY_S, PLACED_S, Room, join_ray
from counterpoint.config.text import first_line

Item = TypeVar("Item")
Result = TypeVar("Result")
AHEAD = 2
"""Items in progress for each process."""
MOST = 1024
"""Processes or threads that one command starts on a machine."""


def check_count(count: int, *, option: str) -> None:
    """Check a number of processes or threads.

    Args:
        option: option that sets the number, for the message.

    Raises:
        UserError: the number is below 1 or above `MOST`.
    """
    if not 1 <= count <= MOST:
        raise UserError(f"{option} {count} is out of range: give a number from 1 to {MOST:,}, about one per core.")


@dataclass(frozen=True)
class Workers:
    """The processes that work on items.

    Attributes:
        count: processes; 1 is this process alone.
        address: of a Ray cluster, on whose nodes the processes run; "local" starts one here.
    """

    count: int = 1
    address: str | None = None

    def __post_init__(self) -> None:
        if self.count < 1 or self.address is None:  # a cluster may have any number
            check_count(self.count, option="--workers")

    @property
    def is_alone(self) -> bool:
        """Whether this process does everything itself."""
        return self.count == 1 and self.address is None


def in_order(
    make: Callable[[], Callable[[Item], Result]], items: Iterable[Item], *, workers: Workers
) -> Iterator[Result]:
    """The results of a function for each item, in the order of the items.

    Args:
        make: makes the function; both it and the items can be pickled.

    Raises:
        UserError: raised by the function, or a process was ended from outside, or Ray is not installed.
    """
    with mapper(make, workers=workers) as apply:
        yield from apply(items)


@contextmanager
def mapper(
    make: Callable[[], Callable[[Item], Result]], *, workers: Workers
) -> Iterator[Callable[[Iterable[Item]], Iterator[Result]]]:
    """`in_order` for several lots of items, one after the other, by the same processes, which cost seconds to start."""
    if workers.is_alone:
        function = cache(make)
        yield lambda items: map(function(), items)
        return
    with (_processes if workers.address is None else _ray)(make, workers) as submit:
        yield lambda items: ahead(submit, items, most=AHEAD * workers.count)


def ahead(submit: Callable[[Item], Callable[[], Result]], items: Iterable[Item], *, most: int) -> Iterator[Result]:
    """Results in the order of the items, of which at most `most` are in progress or wait to be taken.

    Args:
        submit: begins an item and returns the function that waits for its result.
    """
    waiting: deque[Callable[[], Result]] = deque()
    for item in items:
        waiting.append(submit(item))
        if len(waiting) >= most:
            yield waiting.popleft()()
    while waiting:
        yield waiting.popleft()()


@contextmanager
def _processes(make: Callable[[], Any], workers: Workers) -> Iterator[Callable[[Any], Callable[[], Any]]]:
    """Processes of this machine, which share its cores."""
    context = forking_context(_module_of(make))
    threads = max(1, cores() // workers.count)
    begun = (make, dict(os.environ), threads)
    pool = ProcessPoolExecutor(workers.count, context, initializer=_begin, initargs=begun)

    def unbroken(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except BrokenProcessPool:  # of a result, or of an item that comes after it
            raise UserError(
                "A worker process was ended from outside, perhaps for lack of memory: the same command continues from "
                "where it was; give fewer --workers."
            ) from None

    def submit(item: Any) -> Callable[[], Any]:
        future = unbroken(lambda: pool.submit(_work, item))
        return lambda: unbroken(future.result)

    try:
        yield submit
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _module_of(make: Callable[[], Any]) -> str:
    """The module of a function, or of the function of a partial."""
    return getattr(make, "func", make).__module__


def forking_context(*modules: str) -> Any:
    """A start method of processes: they are forked from a server that has loaded these modules and runs nothing itself.

    A process forked from the current one would inherit the state of its threads, and a new one would spend seconds on
    imports. Where there is no such server (Windows), processes are new ones.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(modules))
    return context


def settle(environment: Mapping[str, str], *, threads: int) -> None:
    """Give this new process the environment of the process that started it, and its share of the cores.

    Args:
        environment: of the process that starts this one; the server's may be older.
        threads: of numeric libraries, unless the environment sets a number.
    """
    os.environ.clear()
    os.environ.update(environment)
    number = os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    if torch := sys.modules.get("torch"):  # it has read the server's environment already
        torch.set_num_threads(int(number))


_make: list[Callable[[], Callable[[Any], Any]]] = []
"""The factory of the function of a worker process."""


def _begin(make: Callable[[], Callable[[Any], Any]], environment: Mapping[str, str], threads: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that gives out the work
    settle(environment, threads=threads)
    _make[:] = [make]


@cache
def _function() -> Callable[[Any], Any]:
    return _make[0]()


def _work(item: Any) -> Any:
    return _function()(item)


@contextmanager
def _ray(make: Callable[[], Any], workers: Workers) -> Iterator[Callable[[Any], Callable[[], Any]]]:
    """Actors of a Ray cluster, which divide its GPUs among them if it has any."""
    if find_spec("ray") is None:
        raise UserError("A Ray cluster needs Ray, which is not installed: pip install 'counterpoint[ray]'.")
    import ray
    from ray.exceptions import RayError

    address = None if workers.address == "local" else workers.address
    join_ray(address, cpus=workers.count, load=[_module_of(make)])
    needs = {"num_cpus": 1, "num_gpus": share_of_gpus(ray.cluster_resources().get("GPU", 0.0), count=workers.count)}
    remote: Any = ray.remote(max_restarts=3, max_task_retries=3, **needs)(_Actor)
    actors = [remote.remote(make) for _ in range(workers.count)]
    turn = 0
    room = Room(lambda: _check_room(workers.count, needs))

    def submit(item: Any) -> Callable[[], Any]:
        nonlocal turn
        turn += 1
        task = actors[turn % len(actors)].work.remote(item)

        def answer() -> Any:
            try:
                while not ray.wait([task], timeout=LOOK_EVERY_S)[0]:
                    room.look()
                return _answer(ray.get(task))
            except RayError as error:
                raise UserError(
                    f"A worker of the Ray cluster was lost again and again ({first_line(error)}): the same command "
                    "continues from where it was; see with `ray status` whether the nodes have memory to spare."
                ) from error

        return answer

    try:
        begun = [actor.ready.remote() for actor in actors]
        if ray.wait(begun, num_returns=workers.count, timeout=PLACED_S)[1]:
            raise _no_room(workers.count)
        yield submit
    finally:
        ray.shutdown()


def _check_room(count: int, needs: Mapping[str, float]) -> None:
    """Check that the nodes that are left have the cores and GPUs of all workers together.

    Raises:
        UserError: they have not.
    """
    import ray

    found, names = ray.cluster_resources(), {"num_cpus": "CPU", "num_gpus": "GPU"}
    if any(round(found.get(names[name], 0.0) / each) < count for name, each in needs.items() if each):
        raise _no_room(count)


def _no_room(count: int) -> UserError:
    import ray

    total, free = (found.get("CPU", 0.0) for found in (ray.cluster_resources(), ray.available_resources()))
    return UserError(
        f"The Ray cluster has no room for {count} workers, each with a core and its share of the GPUs ({total:g} "
        f"cores, of which {free:g} are free): add nodes, wait until they are free, or give fewer --workers; the same "
        "command continues from where it was."
    )


def share_of_gpus(total: float, *, count: int) -> float:
    """The GPUs that each of several processes gets: a whole one, or the same part of one for as many as must share it.

    >>> [share_of_gpus(total, count=3) for total in (0, 2, 3, 8)]
    [0.0, 0.5, 1.0, 1.0]
    """
    return 1 / math.ceil(count / total) if total else 0.0


class _Actor:
    """A process of a Ray cluster; when it is lost, Ray makes another, which works on its items again."""

    def __init__(self, make: Callable[[], Callable[[Any], Any]]):
        self._function = cache(make)

    def ready(self) -> None:
        """Return at once, when the process has a place."""

    def work(self, item: Any) -> Any:
        """Return a result, or a `UserError`."""
        try:
            return self._function()(item)
        except UserError as error:
            return error


def _answer(found: Any) -> Any:
    if isinstance(found, UserError):
        raise found
    return found
