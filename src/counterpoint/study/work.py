"""Steps: pieces of work whose results are found by their content.

A step has the function that computes its result, a configuration and inputs. The function has a name and a version,
which must be raised when its output changes and so invalidates earlier results. A change of the code alone keeps
results (`tests/study/test_golden.py` checks that it does not change them).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from counterpoint.code_version import code_version
from counterpoint.config import UserError, digest
from counterpoint.config.registry import load_object

if TYPE_CHECKING:
    from counterpoint.bench.workload import Workload


def no_progress(done: float, total: float) -> None:
    """Show nothing."""


@dataclass(frozen=True)
class Work:
    """The arguments of a step's function.

    Attributes:
        folder: the folder for its result, and for its state if it can be continued.
        config: the step's configuration.
        inputs: the folder of each input, by its name in the step.
        device: where networks compute. It is no part of a step's key: what a GPU finds stands for what a CPU would.
        progress: reports progress to the user, as (done, total).
        show: whether functions with their own display, such as a training, may show it.
        processes: number of processes that it may use; the result must not depend on it.
    """

    folder: Path
    config: Any
    inputs: Mapping[str, Path]
    device: str = "cpu"
    progress: Callable[[float, float], None] = no_progress
    show: bool = True
    processes: int = 1


@dataclass(frozen=True)
class Computation:
    """A function that writes a step's result into `Work.folder`.

    Attributes:
        name: part of the key of its steps, independent of the function's own name and place.
        version: version of its output.
        workload: the work of one of its steps.
    """

    name: str
    version: int
    function: Callable[[Work], None]
    workload: Callable[[Step], Workload]

    def __call__(self, work: Work) -> None:
        self.function(work)

    def __reduce__(self) -> tuple[Callable[[str], Any], tuple[str]]:
        """By its place, as functions are pickled, so that a step can be sent to another process."""
        place = f"{self.function.__module__}:{self.function.__qualname__}"
        if load_object(place) is not self:
            raise TypeError(f"{place} is another computation, so {self.name!r} cannot be sent to another process.")
        return load_object, (place,)

    @property
    def source(self) -> Path:
        """The module of the function."""
        return Path(inspect.getfile(self.function))


def computes(
    name: str, *, version: int, workload: Callable[[Step], Workload]
) -> Callable[[Callable[[Work], None]], Computation]:
    """Declare that a function computes a step's result; see `Computation`."""
    return lambda function: Computation(name, version, function, workload)


@dataclass(frozen=True, eq=False)
class Source:
    """An existing input, such as the user's own dataset.

    Attributes:
        name: its name.
        path: its path, which is not part of its identity.
        key: digest of its content.
    """

    name: str
    path: Path
    key: str


@dataclass(frozen=True, eq=False)
class Step:
    """One content-addressed piece of work.

    Attributes:
        name: part of the result folder's name.
        function: the function that computes it.
        config: a pydantic model, or a mapping of plain values and such models.
        inputs: the steps that it depends on, by the name under which its function finds their folders.
        resumable: whether it continues from the partial result of an interrupted run.
        holds: for a step that also writes elsewhere, checks whether those results still exist; if not it runs again.
    """

    name: str
    function: Computation
    config: BaseModel | Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Step | Source] = field(default_factory=dict)
    resumable: bool = False
    holds: Callable[[Work], bool] | None = None

    @cached_property
    def key(self) -> str:
        """Sixteen hexadecimal digits: equal keys, equal results."""
        return digest(self.identity)

    @cached_property
    def identity(self) -> dict[str, Any]:
        """All parts of the key."""
        return {
            "function": self.function.name,
            "version": self.function.version,
            "config": plain(self.config),
            "inputs": {name: given.key for name, given in self.inputs.items()},
        }

    def setting(self, name: str, default: Any = None) -> Any:
        """A value of its configuration, which is a mapping."""
        assert isinstance(self.config, Mapping)
        return self.config.get(name, default)

    @property
    def code(self) -> str:
        """Digest of the source that its function uses."""
        return code_version(self.function.source)

    @property
    def folder_name(self) -> str:
        return f"{self.name}-{self.key}"


def plain(value: Any) -> Any:
    """A configuration as plain values, without fields of pydantic models that have default values."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_defaults=True)
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return to_jsonable_python(value)


def in_order(targets: Iterable[Step | Source]) -> list[Step]:
    """The targets and everything that they depend on, each after its inputs, without existing sources.

    Raises:
        UserError: two different steps have the same name.
    """
    ordered: dict[str, Step] = {}

    def visit(step: Step) -> None:
        known = ordered.get(step.name)
        if known is not None:
            if known.key != step.key:
                raise UserError(f"Two different steps are named {step.name!r}; give each its own name.")
            return
        for given in step.inputs.values():
            if isinstance(given, Step):
                visit(given)
        ordered[step.name] = step

    for target in targets:
        if isinstance(target, Step):
            visit(target)
    return list(ordered.values())
