"""Whose turn it is: one job at a time, in turn among those who wait, and what becomes of each."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from counterpoint.studio import states
from counterpoint.studio.events import Events
from counterpoint.studio.library import Job, Library, new_seconds
from counterpoint.studio.live import LiveSound
from counterpoint.studio.worker import CancelledError, TaskError, Worker
from counterpoint.web import WebError

MOST_WAITING = 8
"""Jobs of one owner that may wait."""
MOST_WAITING_IN_ALL = 100
_USUAL_S = 1.0
"""Seconds that a second of music takes, until a model's pace is known."""
_LOG = logging.getLogger("counterpoint.studio")


@dataclass
class _Current:
    """The job that is being done.

    Attributes:
        share: how much of it is done, 0 to 1.
        cancelled: somebody asked for its end.
    """

    job: Job
    began: float = field(default_factory=time.time)
    state: str = states.LOADING
    share: float = 0.0
    cancelled: bool = False


class Queue:
    """Runs the jobs of a library in a worker, and tells `events` of everything.

    Args:
        library: where jobs come from and takes go to.
        worker: carries them out; see `jobs.carry_out`.
        events: are told.

    Attributes:
        live: the sound of the job that is being done.
        pace: by model, the seconds that a second of music took when the studio was started.
    """

    def __init__(self, library: Library, worker: Worker, events: Events):
        self.library, self.worker, self.events = library, worker, events
        self.live: dict[str, LiveSound] = {}
        self.pace: dict[str, float] = {}
        self._news = threading.Condition()
        self._current: _Current | None = None
        self._last_served: dict[str, float] = {}
        self._ended = False
        self._thread = threading.Thread(target=self._serve, name="studio-queue", daemon=True)

    def start(self) -> None:
        """Begin; jobs that an earlier run left open are noted as interrupted."""
        self.library.interrupt_all()
        self._thread.start()

    def close(self) -> None:
        """Stop; what was being done is noted as interrupted at the next start."""
        with self._news:
            self._ended = True
            self._news.notify_all()
        self.worker.close()
        self._thread.join(10)

    # Who waits

    def require_place(self, owner: str, *, jobs: int) -> None:
        """
        Raises:
            WebError: so many wait already that these will not be taken.
        """
        waiting = self.library.open_jobs()
        own = sum(job.owner == owner for job in waiting)
        if own + jobs > MOST_WAITING:
            raise WebError(429, f"{own} of your requests wait already: let some be done first, or cancel them.")
        if len(waiting) + jobs > MOST_WAITING_IN_ALL:
            raise WebError(503, "Too many requests wait already; try again in some minutes.")

    def added(self, piece: Mapping[str, Any]) -> None:
        """A piece was added whose jobs wait."""
        self.events.add("piece", {"piece": piece["id"]}, owner=piece["owner"])
        self._tell_waiting()
        with self._news:
            self._news.notify_all()

    def cancel(self, job: Job) -> None:
        """End a job, whether it waits or is being done; nothing happens to one that is over."""
        if job.state not in states.OPEN:
            return
        with self._news:
            current = self._current
            if current is not None and current.job.id == job.id:
                current.cancelled = True
                self.worker.cancel()
                return
            self.library.set_job(job.id, state=states.CANCELLED, ended=time.time())
        self._tell(job, _progress(states.CANCELLED))
        self._tell_waiting()

    def order(self) -> list[Job]:
        """Those who wait, in the order in which they will be served: in turn among owners, each owner's own in the
        order of asking."""
        waiting = [job for job in self.library.open_jobs() if job.state == states.QUEUED]
        served = dict(self._last_served)
        order: list[Job] = []
        for turn in range(len(waiting)):
            job = min(waiting, key=lambda job: (served.get(job.owner, 0.0), job.created))
            served[job.owner] = time.time() + 1 + turn
            waiting.remove(job)
            order.append(job)
        return order

    def progress_of(self, job: Job) -> dict[str, Any]:
        """How far a job is: state, share, how many are ahead of it, and the seconds that are left, about."""
        current = self._current
        if current is not None and current.job.id == job.id:
            return _progress(current.state, share=current.share, left_s=self._left_s(current))
        for waiting, progress in self._waiting():
            if waiting.id == job.id:
                return progress
        return _progress(job.state, share=float(job.state == states.DONE))

    def _waiting(self) -> Iterator[tuple[Job, dict[str, Any]]]:
        """Those who wait, in order, and how far each is."""
        current = self._current
        left_s, ahead = (self._left_s(current), 1) if current else (0.0, 0)
        for job in self.order():
            left_s += self._expected_s(job)
            yield job, _progress(states.QUEUED, ahead=ahead, left_s=left_s)
            ahead += 1

    def _left_s(self, current: _Current) -> float:
        spent = time.time() - current.began
        if current.share > 0.1:
            return spent * (1 - current.share) / current.share
        return max(0.5, self._expected_s(current.job) - spent)

    def _expected_s(self, job: Job) -> float:
        return new_seconds(job.recipes) * self._pace_of(job.model)

    def _pace_of(self, model: str) -> float:
        """Seconds that a second of new music takes: by its last jobs, else by the first second."""
        return self.library.seconds_per_second(model) or self.pace.get(model) or _USUAL_S

    def estimate(self, models: Sequence[str], *, new_s: float) -> dict[str, Any]:
        """How long each model will take for so many seconds of new music, and everything that waits already, in s."""
        current = self._current
        ahead_s = self._left_s(current) if current else 0.0
        ahead_s += sum(self._expected_s(job) for job in self.order())
        own = {model: round(new_s * self._pace_of(model), 1) for model in models}
        return {"models": own, "ahead_s": round(ahead_s, 1), "total_s": round(ahead_s + sum(own.values()), 1)}

    # Whose turn it is

    def _serve(self) -> None:
        while True:
            with self._news:
                job = None
                while not self._ended and (job := next(iter(self.order()), None)) is None:
                    self._news.wait(5)
                if self._ended or job is None:
                    return
                self._current = _Current(job)
                self._last_served[job.owner] = time.time()
            try:
                self._do(self._current)
            except Exception:  # the next job must have its turn
                _LOG.exception("A job could not be written down.")
            self._current = None
            self._tell_waiting()

    def _do(self, current: _Current) -> None:
        job = current.job
        self.live[job.id] = LiveSound()
        self.library.set_job(job.id, state=states.LOADING, started=time.time(), ended=None)
        self._tell(job, self.progress_of(job))
        self._tell_waiting()
        state, message = states.DONE, ""
        try:
            asked = {"model": job.model, "recipes": job.recipes, "library": str(self.library.sounds.parent)}
            self.worker.run(asked, told=lambda told: self._told(current, told))
        except CancelledError:
            state = states.INTERRUPTED if self._ended and not current.cancelled else states.CANCELLED
        except TaskError as error:
            state, message = states.FAILED, str(error)
        finally:
            self.live.pop(job.id).end()
        self.library.set_job(job.id, state=state, message=message, ended=time.time())
        self._tell(job, _progress(state, share=float(state == states.DONE)), message=message)

    def _told(self, current: _Current, told: Mapping[str, Any]) -> None:
        """The worker reports: how far it is, sound as it is made, or a take."""
        job = current.job
        if current.cancelled:  # perhaps before the worker had begun, which then knew nothing of it
            self.worker.cancel()
        if (sound := told.get("sound")) is not None:
            self.live[job.id].add(sound, sample_rate=told["sample_rate"])
        elif (take := told.get("take")) is not None:
            added = self.library.add_take(
                job,
                number=take["number"],
                recipe=take["recipe"],
                stored=self.library.keep(self.library.scratch / take["made"]),
                facts=take["facts"],
            )
            if added:
                self.events.add("take", added, owner=job.owner, job=job.id)
        elif (heard := told.get("heard")) is not None:
            changed = self.library.add_heard(job, number=heard["number"], heard=heard["heard"])
            if changed:
                self.events.add("take", changed, owner=job.owner, job=job.id)
        else:
            current.state, current.share = told["state"], told["share"]
            self._tell(job, self.progress_of(job))

    def _tell(self, job: Job, progress: Mapping[str, Any], *, message: str = "") -> None:
        data = {"id": job.id, "piece": job.piece, "model": job.model, "message": message, **progress}
        self.events.add("job", data, owner=job.owner, job=job.id)

    def _tell_waiting(self) -> None:
        """Places in the queue have changed."""
        for job, progress in list(self._waiting()):
            self._tell(job, progress)


def _progress(state: str, *, share: float = 0.0, ahead: int = 0, left_s: float = 0.0) -> dict[str, Any]:
    return {"state": state, "share": round(share, 4), "ahead": ahead, "left_s": round(left_s, 1)}
