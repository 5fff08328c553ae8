"""A training in several processes of one machine, each with a GPU of its own where there are any.

The processes are torch's own (`torchrun` starts them alike), and divide every batch among themselves, so that an update
is the same with any number of them. A run may be gone on with by another number.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from counterpoint.config import TrainingConfig, UserError
from counterpoint.config.text import first_line
from counterpoint.config.workers import check_count
from counterpoint.training.generative import train
from counterpoint.training.result import TrainingResult, read_result
from counterpoint.training.trackers import check_trackers

_HERE = "127.0.0.1"
"""Address at which the processes find each other. torch's own choice is the host name, which cannot be resolved in many
containers; torch then waits for half an hour."""
_FOR_USER = "UserError: "
"""How torch hands on the message of a `UserError`."""


def train_with(
    config: TrainingConfig,
    *,
    out: Path,
    processes: int = 1,
    device: str = "auto",
    progress: bool = True,
    trackers: Sequence[str] = (),
) -> TrainingResult:
    """`training.train`, in as many processes as one likes; the weights are the same.

    Raises:
        UserError: as of `train`, or a batch that does not divide among the processes.
    """
    check_count(processes, option="--processes")
    if processes > 1 and config.batch_size % (config.accumulate * processes):
        raise UserError(
            f"batch_size {config.batch_size} must be a multiple of accumulate x processes, which is "
            f"{config.accumulate * processes}."
        )
    check_trackers(trackers)
    run = partial(train, config, out=out, device=device, progress=progress, trackers=trackers)
    if processes == 1:
        return run()
    in_processes(run, processes=processes, log=out / "logs")
    return read_result(out)


def in_processes(function: Callable[[], Any], *, processes: int, log: Path) -> None:
    """Call a function in `processes` processes that form a group of torch.distributed.

    Args:
        function: one that other processes can import, or a partial of such a one.
        log: folder for what the processes after the first print.

    Raises:
        UserError: the function raised it in any of them, or the processes cannot reach each other.
        KeyboardInterrupt: the training was interrupted and has written a checkpoint.
        RuntimeError: a process ended otherwise.
    """
    from torch.distributed import DistError
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException, Std
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.elastic.rendezvous import RendezvousError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    log.mkdir(parents=True, exist_ok=True)
    others = dict.fromkeys(range(1, processes), Std.ALL)
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        rdzv_backend="c10d",
        rdzv_endpoint=f"{_HERE}:0",
        local_addr=_HERE,
        max_restarts=0,
        start_method="spawn",
        logs_specs=DefaultLogsSpecs(log_dir=str(log), redirects={0: Std.NONE, **others}),
    )
    try:
        elastic_launch(config, _call)(function)
    except SignalException as error:
        raise KeyboardInterrupt from error
    except ChildFailedError as error:
        raise _reason(error) from error
    except (DistError, RendezvousError) as error:
        raise UserError(
            f"The processes of the training cannot reach each other at {_HERE} ({first_line(error)}): see that this "
            "machine's loopback interface is up, or train without --processes."
        ) from error


def _reason(error: Any) -> Exception:
    """The error of the process that failed first."""
    _, failure = error.get_first_failure()
    message = failure.message
    text = str(message["message"] if isinstance(message, dict) else message)
    if text.startswith(_FOR_USER):
        return UserError(text.removeprefix(_FOR_USER))
    return RuntimeError(f"A process of the training ended with exit code {failure.exitcode}: {text}")


def _call(function: Callable[[], Any]) -> None:
    import torch

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if not torch.cuda.is_available():
        os.environ.setdefault("ACCELERATE_USE_CPU", "true")
    function()
