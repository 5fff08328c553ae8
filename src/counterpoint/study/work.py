"""The function of a step, which computes a result from configuration and inputs under a declared name and version.

The version identifies the results: it must be raised when the output of a function changes, which invalidates earlier
results. A change of the code alone keeps results (`tests/study/test_golden.py` checks that it does not change them).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterpoint.bench.workload import Workload
    from counterpoint.study.engine import Step

from counterpoint.config.registry import load_object


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
