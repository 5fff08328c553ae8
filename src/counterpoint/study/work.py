"""What a step computes: a function of its configuration and its inputs, under a declared name and version.

The version stands for the results: whoever changes what a function writes raises it, and what was computed before is
computed anew. A change of the code alone leaves results as they are (`tests/study/test_golden.py` holds them to it).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterpoint.study.engine import Step
    from counterpoint.study.workload import Workload


def no_progress(done: float, total: float) -> None:
    """Show nothing."""


@dataclass(frozen=True)
class Work:
    """What a step's function is given.

    Attributes:
        folder: where it writes its result, and may keep its state to resume from.
        config: the step's configuration.
        inputs: the folder of each input, by its name in the step.
        device: where networks compute. It is no part of a step's key: what a GPU finds stands for what a CPU would.
        progress: shows the user how far it is, as (done, total).
        show: whether what brings a display of its own, as a training does, may show it.
    """

    folder: Path
    config: Any
    inputs: Mapping[str, Path]
    device: str = "cpu"
    progress: Callable[[float, float], None] = no_progress
    show: bool = True


@dataclass(frozen=True)
class Computation:
    """A function that writes a step's result into `Work.folder`.

    Attributes:
        name: part of the key of its steps, so it outlives the function's own name and place.
        version: of what it writes.
        workload: what a step of it would compute, by the step alone.
    """

    name: str
    version: int
    function: Callable[[Work], None]
    workload: Callable[[Step], Workload]

    def __call__(self, work: Work) -> None:
        self.function(work)

    @property
    def source(self) -> Path:
        """The module that it stands in."""
        return Path(inspect.getfile(self.function))


def computes(
    name: str, *, version: int, workload: Callable[[Step], Workload]
) -> Callable[[Callable[[Work], None]], Computation]:
    """Declare that a function computes a step's result; see `Computation`."""
    return lambda function: Computation(name, version, function, workload)
