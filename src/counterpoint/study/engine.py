"""Content-addressed steps: a finished step is not repeated, by this study or another.

A step's key is the digest of its function (a declared name and version, see `work`), of its configuration and of
its inputs' keys. Fields of the configuration with default values do not count, so that a new field changes no key
(`tests/study/test_golden.py` fixes the defaults). The code that computed a result is provenance: its
digest is in the record, and only a strict engine repeats a step because its code has changed.

A result is the folder `STORE/<name>-<key>/`, complete or absent: it is written as `<name>-<key>.partial` and renamed at
the end. The name is for people, and only the key counts: a result under another study's name for it is used, too.
A step marked `resumable` finds its own partial folder again after an interruption and continues there; any other starts
again. A lock file keeps two studies from running one step twice: the second waits and then finds it finished.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from counterpoint.config import write_json
from counterpoint.config.locks import sole_writer
from counterpoint.config.machine import peak_memory, reset_peak_memory
from counterpoint.config.remote import RemoteFolder
from counterpoint.results.records import RECORD_FILE, StepRecord, package, read_record
from counterpoint.study.notices import Announcement
from counterpoint.study.progress import StepBar
from counterpoint.study.work import Source, Step, Work, in_order, no_progress

LOCKS = "locks"
"""Folder in the store with a lock for each step that has begun."""


@dataclass(frozen=True)
class Done:
    """A finished step.

    Attributes:
        folder: folder of its result.
        cached: whether nothing had to be run.
        seconds: wall time of the run that completed it, without earlier, interrupted runs.
        peak_memory_bytes: peak resident memory of the process; None if the system does not report it.
    """

    folder: Path
    cached: bool
    seconds: float
    peak_memory_bytes: int | None


class Engine(Protocol):
    """The interface of engines, which run steps."""

    def run(self, targets: Iterable[Step | Source]) -> dict[str, Done]:
        """Complete the targets and everything that they depend on; returns results by step name, in order of
        completion."""
        ...


@dataclass(frozen=True)
class LocalEngine:
    """Runs steps one after another in this process.

    Attributes:
        store: folder of results, shared between studies.
        say: called with one line for the user.
        show: whether to show the progress of a step, on stderr.
        strict_code: whether to repeat a step whose code has changed since, with all that depend on it.
        device: device of the networks of every step, as `find_device` returns it.
        processes: number of processes of each training; its results are the same with any number.
        remote: URL of a folder that also receives every result, and supplies the results that are not in the store.
    """

    store: Path
    say: Callable[[str], None] = print
    show: bool = True
    strict_code: bool = False
    device: str = "cpu"
    processes: int = 1
    remote: str | None = None

    def run(self, targets: Iterable[Step | Source]) -> dict[str, Done]:
        """Run the targets; see `Engine.run`.

        Raises:
            UserError: two different steps have the same name.
        """
        plan = in_order(targets)
        waiting = [step.name for step in plan if not self.is_done(step)]
        self.say(f"{len(plan)} steps, {len(waiting)} to run; results in {self.store}")
        started = time.perf_counter()
        done: dict[str, Done] = {}
        for number, step in enumerate(plan, start=1):
            label = f"[{number:>{len(str(len(plan)))}}/{len(plan)}] {step.name}"
            done[step.name] = self.complete(step, label=label)
        self.say(f"{len(plan)} steps in {_clock(time.perf_counter() - started)}")
        return done

    def complete(self, step: Step, *, label: str) -> Done:
        """Run one step, whose inputs are finished; where the step is finished itself, find its result.

        Args:
            label: names the step to the user.
        """
        if not self.is_done(step):
            with self._lock(step, label=label):
                if not self.is_done(step):
                    self.say(f"{label} ...")
                    finished = self._execute(step)
                    if self.remote:
                        self._far(step).send(finished.folder)
                    self.say(f"{label} {_clock(finished.seconds)}")
                    return finished
        self.say(f"{label} cached")
        return self.recall(step)

    def _execute(self, step: Step) -> Done:
        partial, final = self.partial_folder(step), self._final(step)
        if not step.resumable:
            shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True, exist_ok=True)
        reset_peak_memory()
        started = time.perf_counter()
        try:
            with self._progress(step) as progress:
                step.function(self._work(step, partial, progress=progress))
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                self.say(f"{step.name} interrupted; finished parts are kept, so the same command continues from there")
            if not step.resumable:
                shutil.rmtree(partial, ignore_errors=True)
            raise
        seconds, memory = time.perf_counter() - started, peak_memory()
        record = StepRecord(
            name=step.name,
            **step.identity,
            key=step.key,
            code=step.code,
            package=package(),
            finished=time.time(),
            seconds=seconds,
            peak_memory_bytes=memory,
            device=self.device,
        )
        write_json(partial / RECORD_FILE, record.model_dump(mode="json"))
        if final.exists():  # a finished step whose other results are missing
            shutil.rmtree(final)
        partial.rename(final)
        return Done(final, cached=False, seconds=seconds, peak_memory_bytes=memory)

    @contextmanager
    def _progress(self, step: Step) -> Iterator[Callable[[float, float], None]]:
        """What a step calls with (done, total), for the user here and for those who ask from elsewhere."""
        bar = StepBar(step.name, shown=self.show)
        with Announcement(self.store, name=step.name, key=step.key) as notice, bar:

            def both(done: float, total: float) -> None:
                notice(done, total)
                bar(done, total)

            yield both

    def recall(self, step: Step) -> Done:
        """The result of a finished step."""
        record = self._record(step)
        return Done(self._final(step), True, record.seconds, record.peak_memory_bytes)

    def _record(self, step: Step) -> StepRecord:
        return read_record(self._final(step) / RECORD_FILE, StepRecord)

    def is_done(self, step: Step) -> bool:
        """Whether its result exists, and everything that it wrote elsewhere."""
        final = self._final(step)
        if self.remote and not final.exists() and self._far(step).exists():
            self._far(step).fetch(final)
        if not (final / RECORD_FILE).is_file() or (self.strict_code and not self._is_current(step)):
            return False
        return step.holds is None or step.holds(self._work(step, final))

    def _is_current(self, step: Step) -> bool:
        """Whether today's code computed it, from inputs that have not been recomputed since."""
        record = self._record(step)
        inputs = [given for given in step.inputs.values() if isinstance(given, Step)]
        return record.code == step.code and all(
            self.is_done(given) and self._record(given).finished <= record.finished for given in inputs
        )

    def _work(self, step: Step, folder: Path, *, progress: Callable[[float, float], None] = no_progress) -> Work:
        inputs = {
            name: given.path if isinstance(given, Source) else self._final(given) for name, given in step.inputs.items()
        }
        return Work(
            folder=folder,
            config=step.config,
            inputs=inputs,
            device=self.device,
            progress=progress,
            show=self.show,
            processes=self.processes,
        )

    def _final(self, step: Step) -> Path:
        return self._found(step, "")

    def _far(self, step: Step) -> RemoteFolder:
        return RemoteFolder(f"{self.remote}/{step.key}", mark=RECORD_FILE)

    def partial_folder(self, step: Step) -> Path:
        """Where a step that is not finished has what it has made so far."""
        return self._found(step, ".partial")

    def _found(self, step: Step, ending: str) -> Path:
        own = self.store / f"{step.folder_name}{ending}"
        return own if own.exists() else next(self.store.glob(f"*-{step.key}{ending}"), own)

    @contextmanager
    def _lock(self, step: Step, *, label: str) -> Iterator[None]:
        """Lock the step; the system releases the lock when the process ends, for whatever reason."""

        def say_who(holder: str) -> None:
            self.say(f"{label} is being computed by {holder}; waiting for it")

        with sole_writer(self.store / LOCKS / step.key, on_wait=say_who):
            yield


def _clock(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"
