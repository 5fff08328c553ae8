"""The engines by name, and their options. Another package may provide an engine, as it may a codec."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec

from counterpoint.config import UserError
from counterpoint.config.device import AUTO, describe_device, find_device
from counterpoint.config.registry import Registry
from counterpoint.config.workers import check_count
from counterpoint.study.engine import Engine, LocalEngine
from counterpoint.study.engines.pooled import PoolEngine


@dataclass(frozen=True)
class Where:
    """Where a user wants steps to run; an engine refuses what it does not know.

    Attributes:
        engine: a name of `ENGINES`.
        jobs: steps at once on this machine; None leaves it to the engine.
        address: of a cluster.
        processes: that each training uses side by side.
        options: further ones of the engine, by name.
    """

    engine: str = "local"
    jobs: int | None = None
    address: str | None = None
    processes: int = 1
    options: Mapping[str, str] = field(default_factory=dict)

    def open(self, local: LocalEngine) -> Engine:
        """The engine.

        Args:
            local: completes one step in one process, here or elsewhere.

        Raises:
            UserError: there is no such engine, it does not read an option, or the machine lacks what it needs.
        """
        check_count(self.processes, option="--processes")
        return ENGINES[self.engine](self, replace(local, processes=self.processes))

    def refuse_remote(self, local: LocalEngine) -> None:
        """
        Raises:
            UserError: the store is a URL, which only the processes of one machine can share.
        """
        if local.remote:
            raise UserError(
                f"The engine {self.engine!r} needs a store that all machines see as a folder, and {local.remote} is "
                "a URL: give a shared folder with --store."
            )

    def refuse(self, *names: str) -> None:
        """
        Raises:
            UserError: one of these was given, and the engine does not read it.
        """
        given = [name for name in names if getattr(self, name)]
        if given:
            flags = {"jobs": "--jobs", "address": "--address", "options": "--engine-set"}
            raise UserError(f"The engine {self.engine!r} does not read {flags[given[0]]}; leave it out.")


ENGINES: Registry[Callable[[Where, LocalEngine], Engine]] = Registry("counterpoint.engines", noun="engine")
"""Functions that make an engine; see `Where.open`."""


def local_engine(where: Where, local: LocalEngine) -> Engine:
    """Steps one after another in this process, or several at once in processes of their own."""
    where.refuse("address", "options")
    jobs = 1 if where.jobs is None else where.jobs
    check_count(jobs, option="--jobs")
    if jobs > 1 and ":" in local.device:
        raise UserError(f"--jobs gives each process a GPU of its own; give --device cuda, not {local.device}.")
    found = find_device(local.device)
    if local.device == AUTO:
        local.say(f"Device: {describe_device(found)}")
    local = replace(local, device=found)
    if jobs == 1:
        return local
    from counterpoint.study.engines.processes import ProcessPool

    return PoolEngine(local, lambda steps: ProcessPool(local, jobs=min(jobs, len(steps))))


def require(module: str, *, extra: str) -> None:
    """
    Raises:
        UserError: the module is not installed; says which extra brings it.
    """
    if find_spec(module) is None:
        raise UserError(f"The engine needs {module}, which is not installed: pip install 'counterpoint[{extra}]'.")
