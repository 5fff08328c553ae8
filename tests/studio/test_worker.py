"""The process of its own: results, failures, crashes, cancelling, and time limits."""

import errno
import os
import threading
import time

import pytest

from counterpoint.config import UserError
from counterpoint.studio import worker as module
from counterpoint.studio.worker import CancelledError, TaskError, Worker


def act(asked, task):
    """What the process does in these tests."""
    if asked["do"] == "add":
        task.report({"half": asked["a"]})
        return {"sum": asked["a"] + asked["b"], "pid": os.getpid()}
    if asked["do"] == "refuse":
        raise UserError("This cannot be done.")
    if asked["do"] == "break":
        raise RuntimeError("a secret path /home/me")
    if asked["do"] == "die":
        os._exit(9)
    if asked["do"] == "wait":
        while True:
            time.sleep(0.01)
            task.check()
    time.sleep(60)
    return {}


def refuse_to_store(report):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def worker():
    worker = Worker(act)
    yield worker
    worker.close()


@pytest.mark.slow  # starts several processes
def test_tasks_are_done_and_a_crash_is_one_failed_task(worker):
    reports = []
    first = worker.run({"do": "add", "a": 1, "b": 2}, on_report=reports.append)
    assert first["sum"] == 3 and first["pid"] != os.getpid() and reports == [{"half": 1}]
    with pytest.raises(TaskError, match=r"^This cannot be done\.$"):
        worker.run({"do": "refuse"})
    with pytest.raises(TaskError) as failed:
        worker.run({"do": "break"})
    assert "secret" not in str(failed.value)
    assert worker.run({"do": "add", "a": 1, "b": 1})["pid"] == first["pid"]
    with pytest.raises(TaskError, match="The disk is full"):
        worker.run({"do": "add", "a": 5, "b": 5}, on_report=refuse_to_store)
    first = worker.run({"do": "add", "a": 1, "b": 1})
    assert first["sum"] == 2, "nothing is left of the task whose report could not be stored"
    with pytest.raises(TaskError, match="ended"):
        worker.run({"do": "die"})
    again = worker.run({"do": "add", "a": 2, "b": 2})
    assert again["sum"] == 4 and again["pid"] != first["pid"]


@pytest.mark.slow
def test_a_task_ends_when_it_is_cancelled(worker, monkeypatch):
    threading.Timer(3.0, worker.cancel).start()
    with pytest.raises(CancelledError):
        worker.run({"do": "wait"})
    monkeypatch.setattr(module, "GRACE_S", 0.3)
    threading.Timer(0.5, worker.cancel).start()
    with pytest.raises(CancelledError):  # one that does not look is killed
        worker.run({"do": "sleep"})
    assert worker.run({"do": "add", "a": 1, "b": 1})["sum"] == 2


@pytest.mark.slow
def test_a_task_that_takes_too_long_is_given_up():
    worker = Worker(act, limit_s=2.0)
    try:
        with pytest.raises(TaskError, match="longer than 2 s"):
            worker.run({"do": "sleep"})
    finally:
        worker.close()
