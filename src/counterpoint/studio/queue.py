"""The queue of jobs: one job runs at a time, and owners take turns."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from counterpoint.studio import states
from counterpoint.studio.events import Events
from counterpoint.studio.library import Library
from counterpoint.studio.live import LiveSound
from counterpoint.studio.records import Job, new_seconds
from counterpoint.studio.worker import CancelledError, TaskError, Worker
from counterpoint.web import WebError

MOST_WAITING = 8
"""Largest number of queued jobs of one owner."""
MOST_WAITING_IN_ALL = 100
_USUAL_S = 1.0
"""Assumed seconds per second of music, until the speed of a model is known."""
_LOG = logging.getLogger("counterpoint.studio")


@dataclass
class _Current:
    """The running job.

    Attributes:
        share: share of the job that is done, 0 to 1.
        cancelled: whether its owner cancelled it.
    """

    job: Job
    began: float = field(default_factory=time.time)
    state: str = states.LOADING
    share: float = 0.0
    cancelled: bool = False


class Queue:
    """Runs the jobs of a library in a worker, and publishes their progress as events.

    Args:
        library: store of jobs and takes.
        worker: process that carries out the jobs; see `jobs.carry_out`.
        events: receive the progress of the jobs.

    Attributes:
        live: sound of the running job, by its id.
        pace: seconds per second of music when the studio was started, by model.
    """

    def __init__(self, library: Library, worker: Worker, events: Events):
        self.library, self.worker, self.events = library, worker, events
        self.live: dict[str, LiveSound] = {}
        self.pace: dict[str, float] = {}
        self._changed = threading.Condition()
        self._current: _Current | None = None
        self._last_served: dict[str, float] = {}
        self._ended = False
        self._thread = threading.Thread(target=self._serve, name="studio-queue", daemon=True)

    def start(self) -> None:
        """Start; jobs that an earlier run left unfinished are marked as interrupted."""
        self.library.interrupt_all()
        self._thread.start()

    def close(self) -> None:
        """Stop; the next start marks the running job as interrupted."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self.worker.close()
        self._thread.join(10)

    # Waiting jobs

    def require_place(self, owner: str, *, jobs: int) -> None:
        """
        Raises:
            WebError: too many jobs are queued already.
        """
        waiting = self.library.open_jobs()
        own = sum(job.owner == owner for job in waiting)
        if own + jobs > MOST_WAITING:
            raise WebError(429, f"{own} of your requests are waiting already; wait for some of them, or cancel them.")
        if len(waiting) + jobs > MOST_WAITING_IN_ALL:
            raise WebError(503, "Too many requests are waiting already; try again in a few minutes.")

    def added(self, piece: Mapping[str, Any]) -> None:
        """Publish that a piece with queued jobs was added."""
        self.events.add("piece", {"piece": piece["id"]}, owner=piece["owner"])
        self._publish_waiting()
        with self._changed:
            self._changed.notify_all()

    def cancel(self, job: Job) -> None:
        """Cancel a queued or running job; a finished job does not change."""
        if job.state not in states.OPEN:
            return
        with self._changed:
            current = self._current
            if current is not None and current.job.id == job.id:
                current.cancelled = True
                self.worker.cancel()
                return
            self.library.set_job(job.id, state=states.CANCELLED, ended=time.time())
        self._publish(job, _progress(states.CANCELLED))
        self._publish_waiting()

    def order(self) -> list[Job]:
        """The queued jobs in the order in which they will run: owners take turns, and the jobs of each owner run in the
        order of their requests."""
        running = self._current.job.id if self._current else None  # its state may not be stored yet
        waiting = [job for job in self.library.open_jobs() if job.state == states.QUEUED and job.id != running]
        served = dict(self._last_served)
        order: list[Job] = []
        for turn in range(len(waiting)):
            job = min(waiting, key=lambda job: (served.get(job.owner, 0.0), job.created))
            served[job.owner] = time.time() + 1 + turn
            waiting.remove(job)
            order.append(job)
        return order

    def progress_of(self, job: Job) -> dict[str, Any]:
        """The progress of a job: its state, its share, the number of jobs before it, and the estimated seconds left."""
        current = self._current
        if current is not None and current.job.id == job.id:
            return _progress(current.state, share=current.share, left_s=self._left_s(current))
        for waiting, progress in self._waiting():
            if waiting.id == job.id:
                return progress
        return _progress(job.state, share=float(job.state == states.DONE))

    def _waiting(self) -> Iterator[tuple[Job, dict[str, Any]]]:
        """The queued jobs in order, with the progress of each."""
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
        """Seconds per second of new music, measured on the model's last jobs or on its first second of music."""
        return self.library.seconds_per_second(model) or self.pace.get(model) or _USUAL_S

    def estimate(self, models: Sequence[str], *, new_s: float) -> dict[str, Any]:
        """Estimate the seconds that each model takes for `new_s` seconds of music, and those of the queued jobs."""
        current = self._current
        ahead_s = self._left_s(current) if current else 0.0
        ahead_s += sum(self._expected_s(job) for job in self.order())
        own = {model: round(new_s * self._pace_of(model), 1) for model in models}
        return {"models": own, "ahead_s": round(ahead_s, 1), "total_s": round(ahead_s + sum(own.values()), 1)}

    # Running jobs

    def _serve(self) -> None:
        while True:
            with self._changed:
                job = None
                while not self._ended and (job := next(iter(self.order()), None)) is None:
                    self._changed.wait(5)
                if self._ended or job is None:
                    return
                self._current = _Current(job)
                self._last_served[job.owner] = time.time()
            try:
                self._do(self._current)
            except Exception:  # the next job must still run
                _LOG.exception("A job could not be stored.")
            self._current = None
            self._publish_waiting()

    def _do(self, current: _Current) -> None:
        job = current.job
        self.live[job.id] = LiveSound()
        self.library.set_job(job.id, state=states.LOADING, started=time.time(), ended=None)
        self._publish(job, self.progress_of(job))
        self._publish_waiting()
        state, message = states.DONE, ""
        try:
            request = {"model": job.model, "recipes": job.recipes, "library": str(self.library.sounds.parent)}
            self.worker.run(request, on_report=lambda report: self._on_report(current, report))
        except CancelledError:
            state = states.INTERRUPTED if self._ended and not current.cancelled else states.CANCELLED
        except TaskError as error:
            state, message = states.FAILED, str(error)
        finally:
            self.live.pop(job.id).end()
        self.library.set_job(job.id, state=state, message=message, ended=time.time())
        self._publish(job, _progress(state, share=float(state == states.DONE)), message=message)

    def _on_report(self, current: _Current, report: Mapping[str, Any]) -> None:
        """Handle a report of the worker: progress, live sound, a take, or its analysis."""
        job = current.job
        if current.cancelled:  # perhaps before the worker started the job, so it is cancelled again
            self.worker.cancel()
        if (sound := report.get("sound")) is not None:
            self.live[job.id].add(sound, sample_rate=report["sample_rate"])
        elif (take := report.get("take")) is not None:
            added = self.library.add_take(
                job,
                number=take["number"],
                recipe=take["recipe"],
                stored=self.library.keep(self.library.scratch / take["made"]),
                facts=take["facts"],
            )
            if added:
                self.events.add("take", added, owner=job.owner, job=job.id)
        elif (analysis := report.get("heard")) is not None:
            changed = self.library.add_analysis(job, number=analysis["number"], analysis=analysis["heard"])
            if changed:
                self.events.add("take", changed, owner=job.owner, job=job.id)
        else:
            current.state, current.share = report["state"], report["share"]
            self._publish(job, self.progress_of(job))

    def _publish(self, job: Job, progress: Mapping[str, Any], *, message: str = "") -> None:
        data = {"id": job.id, "piece": job.piece, "model": job.model, "message": message, **progress}
        self.events.add("job", data, owner=job.owner, job=job.id)

    def _publish_waiting(self) -> None:
        """Publish the new places of the queued jobs."""
        for job, progress in list(self._waiting()):
            self._publish(job, progress)


def _progress(state: str, *, share: float = 0.0, ahead: int = 0, left_s: float = 0.0) -> dict[str, Any]:
    return {"state": state, "share": round(share, 4), "ahead": ahead, "left_s": round(left_s, 1)}
