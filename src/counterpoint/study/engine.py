"""Content-addressed steps: what has been done once is not done again, by this study or another.

A step's key is the digest of its configuration, of its code (see `code_version`) and of its inputs' keys. Its result is
the folder `STORE/<name>-<key>/`, complete or absent: it is written as `<name>-<key>.partial` and renamed at the end.
The name is for people and the key is what counts: a result that another study has under another name is used. A step
marked `resumable` finds its own partial folder again after an interruption and goes on there; any other starts afresh.
A lock file keeps two studies from doing one step twice: the second waits and then finds it done.
"""

from __future__ import annotations

import fcntl
import inspect
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from counterpoint.config import UserError, digest, read_json, write_json
from counterpoint.config.machine import peak_memory, reset_peak_memory
from counterpoint.study.code_version import code_version
from counterpoint.study.progress import StepBar

RECORD = "step.json"
"""In every finished step's folder: what it was made from, and what it took."""


def _no_progress(done: float, total: float) -> None:
    pass


@dataclass(frozen=True)
class Work:
    """What a step's function is given.

    Attributes:
        folder: where it writes its result, and may keep its state to resume from.
        config: the step's configuration.
        inputs: the folder of each input, by its name in the step.
        progress: tells the user how far it is, as (done, total).
    """

    folder: Path
    config: Any
    inputs: Mapping[str, Path]
    progress: Callable[[float, float], None] = _no_progress


@dataclass(frozen=True, eq=False)
class Source:
    """Something that is there already, such as the user's own dataset.

    Attributes:
        name: what to call it.
        path: where it lies; not part of its identity.
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
        function: writes the result into `Work.folder`; a module's function, so that its source can be found.
        config: a pydantic model, or a mapping of plain values and such models.
        inputs: the steps it builds on, by the name under which its function finds their folders.
        resumable: it continues from what an interrupted run of it left in its folder.
        holds: tells, for a finished step that also wrote elsewhere, whether that is still there; if not it runs again.
    """

    name: str
    function: Callable[[Work], None]
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
        """All that the key is made from."""
        return {
            "function": f"{self.function.__module__}.{self.function.__qualname__}",
            "config": to_jsonable_python(self.config),
            "code": code_version(Path(inspect.getfile(self.function))),
            "inputs": {name: given.key for name, given in self.inputs.items()},
        }

    @property
    def folder_name(self) -> str:
        return f"{self.name}-{self.key}"


@dataclass(frozen=True)
class Done:
    """A finished step.

    Attributes:
        folder: its result.
        cached: nothing had to be run.
        seconds: wall time of the run that completed it; of earlier, interrupted runs nothing is counted.
        peak_memory_bytes: largest resident size of the process while it ran; None where the system does not tell.
    """

    folder: Path
    cached: bool
    seconds: float
    peak_memory_bytes: int | None


class Engine(Protocol):
    """Where steps run."""

    def run(self, targets: Sequence[Step]) -> dict[str, Done]:
        """Complete the targets and all they build on; the results by step name, in the order they were done."""
        ...


@dataclass(frozen=True)
class LocalEngine:
    """Runs steps one after another in this process.

    Attributes:
        store: folder of results, shared by studies.
        say: tells the user one line.
    """

    store: Path
    say: Callable[[str], None] = print

    def run(self, targets: Sequence[Step]) -> dict[str, Done]:
        """See `Engine.run`.

        Raises:
            UserError: two different steps of one name.
        """
        plan = in_order(targets)
        waiting = [step.name for step in plan if not self.is_done(step)]
        self.say(f"{len(plan)} steps, {len(waiting)} to run; results in {self.store}")
        started = time.perf_counter()
        done: dict[str, Done] = {}
        for number, step in enumerate(plan, start=1):
            label = f"[{number:>{len(str(len(plan)))}}/{len(plan)}] {step.name}"
            done[step.name] = self._complete(step, done, label=label)
        self.say(f"{len(plan)} steps in {_clock(time.perf_counter() - started)}")
        return done

    def _complete(self, step: Step, done: Mapping[str, Done], *, label: str) -> Done:
        if not self.is_done(step):
            with self._lock(step, label=label):
                if not self.is_done(step):
                    self.say(f"{label} ...")
                    finished = self._execute(step)
                    self.say(f"{label} {_clock(finished.seconds)}")
                    return finished
        self.say(f"{label} cached")
        return self._recall(step)

    def _execute(self, step: Step) -> Done:
        partial, final = self._partial(step), self._final(step)
        if not step.resumable:
            shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True, exist_ok=True)
        reset_peak_memory()
        started = time.perf_counter()
        try:
            with StepBar(step.name) as bar:
                step.function(self._work(step, partial, progress=bar))
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                self.say(f"{step.name} interrupted; what was finished is kept, so the same command goes on from there")
            if not step.resumable:
                shutil.rmtree(partial, ignore_errors=True)
            raise
        seconds, memory = time.perf_counter() - started, peak_memory()
        write_json(
            partial / RECORD, {"name": step.name, **step.identity, "seconds": seconds, "peak_memory_bytes": memory}
        )
        if final.exists():  # a finished step whose side results are gone
            shutil.rmtree(final)
        partial.rename(final)
        return Done(final, cached=False, seconds=seconds, peak_memory_bytes=memory)

    def _recall(self, step: Step) -> Done:
        record = read_json(self._final(step) / RECORD)
        return Done(self._final(step), True, record["seconds"], record["peak_memory_bytes"])

    def is_done(self, step: Step) -> bool:
        """Whether its result is there, and all that it wrote elsewhere."""
        final = self._final(step)
        if not (final / RECORD).is_file():
            return False
        return step.holds is None or step.holds(self._work(step, final))

    def _work(self, step: Step, folder: Path, *, progress: Callable[[float, float], None] = _no_progress) -> Work:
        inputs = {
            name: given.path if isinstance(given, Source) else self._final(given) for name, given in step.inputs.items()
        }
        return Work(folder=folder, config=step.config, inputs=inputs, progress=progress)

    def _final(self, step: Step) -> Path:
        return self._found(step, "")

    def _partial(self, step: Step) -> Path:
        return self._found(step, ".partial")

    def _found(self, step: Step, ending: str) -> Path:
        own = self.store / f"{step.folder_name}{ending}"
        return own if own.exists() else next(self.store.glob(f"*-{step.key}{ending}"), own)

    @contextmanager
    def _lock(self, step: Step, *, label: str) -> Iterator[None]:
        """Hold the step; the system lets go of the lock when the process dies, however it dies."""
        path = self.store / "locks" / step.key
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.say(f"{label} is being done by another study; waiting for it")
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def in_order(targets: Sequence[Step]) -> list[Step]:
    """The targets and all they build on, each after its inputs.

    Raises:
        UserError: two different steps of one name.
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
        visit(target)
    return list(ordered.values())


def _clock(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"
