"""The engines by name, and their options. Other packages may provide engines through an entry point."""

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
    """The user's choice of where steps run; an engine refuses options that it does not support.

    Attributes:
        engine: name of an engine in `ENGINES`.
        jobs: number of steps that run at once on this machine; None for the default of the engine.
        address: address of a cluster.
        processes: number of processes for each training.
        options: further options of the engine, by name.
    """

    engine: str = "local"
    jobs: int | None = None
    address: str | None = None
    processes: int = 1
    options: Mapping[str, str] = field(default_factory=dict)

    def open(self, local: LocalEngine) -> Engine:
        """Create the engine.

        Args:
            local: engine that completes one step in one process, on this machine or another.

        Raises:
            UserError: there is no such engine, it does not support an option, or the machine lacks something.
        """
        check_count(self.processes, option="--processes")
        return ENGINES[self.engine](self, replace(local, processes=self.processes))

    def refuse_remote(self, local: LocalEngine) -> None:
        """Refuse a store at a URL.

        Raises:
            UserError: the store is a URL, which only the processes of one machine can share.
        """
        if local.remote:
            raise UserError(
                f"The engine {self.engine!r} needs a folder that all machines share, but {local.remote} is a URL; give "
                "a shared folder with --store."
            )

    def refuse(self, *names: str) -> None:
        """Refuse options that the engine does not support.

        Raises:
            UserError: one of these options is set.
        """
        unsupported = [name for name in names if getattr(self, name)]
        if unsupported:
            flags = {"jobs": "--jobs", "address": "--address", "options": "--engine-set"}
            raise UserError(f"The engine {self.engine!r} does not support {flags[unsupported[0]]}; remove the option.")


ENGINES: Registry[Callable[[Where, LocalEngine], Engine]] = Registry("counterpoint.engines", noun="engine")
"""Functions that create an engine; see `Where.open`."""


def local_engine(where: Where, local: LocalEngine) -> Engine:
    """Run steps one after another in this process, or several at once in separate processes."""
    where.refuse("address", "options")
    jobs = 1 if where.jobs is None else where.jobs
    check_count(jobs, option="--jobs")
    if jobs > 1 and ":" in local.device:
        raise UserError(f"--jobs assigns a GPU to each process; use --device cuda instead of {local.device}.")
    found = find_device(local.device)
    if local.device == AUTO:
        local.say(f"Device: {describe_device(found)}")
    local = replace(local, device=found)
    if jobs == 1:
        return local
    from counterpoint.study.engines.processes import ProcessPool

    return PoolEngine(local, lambda steps: ProcessPool(local, jobs=min(jobs, len(steps))))


def require(module: str, *, extra: str) -> None:
    """Check that a module is installed.

    Raises:
        UserError: the module is not installed; the message names the extra that contains it.
    """
    if find_spec(module) is None:
        raise UserError(f"The engine needs {module}, which is not installed: pip install 'counterpoint[{extra}]'.")
