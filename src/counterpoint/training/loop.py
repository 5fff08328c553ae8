"""One loop for paradigms and codecs: update, log, validate, checkpoint, until it is finished or stopped."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from counterpoint.config import (
    CodecTrainingConfig,
    TrainingConfig,
    UserError,
    dump_yaml,
    load_yaml,
    write_json,
)
from counterpoint.config.checkpoints import Checkpoint, newest_checkpoint, remove_leftovers, write_checkpoint
from counterpoint.config.locks import sole_writer
from counterpoint.config.paths import check_kept_folder
from counterpoint.config.room import require_disk
from counterpoint.runs.layout import BEST, CHECKPOINTS, CONFIG_FILE, METRICS_FILE, RESULT_FILE
from counterpoint.training.checkpoint import Best, better
from counterpoint.training.devices import accelerator_on, peak_memory_of
from counterpoint.training.monitor import (
    MetricsLog,
    TrainingProgress,
    TrainingStopped,
    read_metrics,
    stop_on_signal,
)
from counterpoint.training.result import TrainingResult, read_result
from counterpoint.training.trackers import Tracker, check_trackers, start_trackers

_HARDWARE = ("accumulate", "checkpointing", "compiled", "sharded")
FREE_KEYS = frozenset({"checkpoint_every", "keep_checkpoints", "validate_every", "data.dataset", "dataset", *_HARDWARE})
"""Keys that may differ between a run and its continuation, because they cannot change its updates. (The best weights
are recorded at every validation; a moved dataset is accepted if it holds the same data.)"""
FINAL_UPDATES = 20
"""Updates over which the final training loss is averaged; a single batch is too noisy."""
LOGGED_UPDATES = 20_000
"""Approximate number of lines of metrics.jsonl; shorter trainings log every update."""


Config = TrainingConfig | CodecTrainingConfig


@dataclass(frozen=True)
class Update:
    """The result of one update, over all processes.

    Attributes:
        loss: mean over the batch, before the update.
        grad_norm: norm of all gradients together, before clipping.
        learning_rate: the learning rate of the update.
        audio_s: seconds of audio in its batch.
        details: further values for the log.
    """

    loss: float
    grad_norm: float
    learning_rate: float
    audio_s: float
    details: Mapping[str, float] = field(default_factory=dict)


class Step(Protocol):
    """The trained networks with their optimisers and data."""

    @property
    def model(self) -> nn.Module: ...

    @property
    def data(self) -> Mapping[str, Any]:
        """JSON-serializable identity of the data; a run can only be continued with the same data."""
        ...

    @property
    def description(self) -> str:
        """Sizes of the trained networks, for the first line of output."""
        ...

    @property
    def can_validate(self) -> bool: ...

    def update(self, step: int) -> Update:
        """Make update `step`, counted from 0.

        Raises:
            UserError: a loss or gradient is not finite, or the training diverges.
        """
        ...

    def validate(self) -> Mapping[str, Any]:
        """Measures for the log, including `valid_loss`, the decisive one. Empty without validation data."""
        ...

    def averages(self) -> Mapping[str, Tensor] | None:
        """The weights that `validate` uses, the best of which become the run's model; None if `publish` writes the
        result of the run."""
        ...

    def publish(self, out: Path, *, step: int) -> None:
        """Write the files of the run folder that others read, besides checkpoints; called before every checkpoint."""
        ...

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        """All tensors of a checkpoint."""
        ...

    def state(self) -> dict[str, Any]:
        """The other state of a checkpoint, JSON-serializable."""
        ...

    def load(self, checkpoint: Checkpoint) -> None:
        """Restore `tensors` and `state`."""
        ...


@dataclass
class _Spent:
    """Sums over the sessions of a run, stored in every checkpoint."""

    wall_s: float = 0.0
    audio_s: float = 0.0
    peak_memory_bytes: int = 0


def run_training(
    build: Callable[[Accelerator, Checkpoint | None], Step],
    *,
    config: Config,
    out: Path,
    label: str,
    device: str = "auto",
    progress: bool = True,
    stop: Callable[[], bool] | None = None,
    trackers: Sequence[Tracker] = (),
) -> TrainingResult:
    """Train, or continue the training in `out`.

    SIGINT, SIGTERM, and a true result of `stop` after an update end the training after a checkpoint. An interrupted run
    continues from its newest valid checkpoint, and its weights come out as if it had never stopped. With `steps` 0 the
    untrained model is written.

    Args:
        build: builds the trained networks, given the checkpoint that will be loaded, or None for a new run.
        config: configuration of the run.
        out: the run folder (see `runs.load`).
        label: label of the progress bar.
        device: as for `find_device`; processes of a launcher use the devices that the launcher assigned.
        progress: show a bar on stderr.
        stop: called after every update; a true value stops the training.
        trackers: experiment trackers that receive the values of metrics.jsonl.

    Raises:
        UserError: there is no such device, the folder holds a run with another configuration or other data, every
            checkpoint is damaged, the dataset is missing, or the training diverges.
        OSError: the disk is full; the newest checkpoint remains valid.
        TrainingStopped: the training was stopped; a KeyboardInterrupt.
    """
    check_trackers(trackers)
    with ExitStack() as held:
        accelerator = held.enter_context(accelerator_on(device, log_with=trackers, project=out))
        if accelerator.is_main_process:
            check_kept_folder(out)
            held.enter_context(sole_writer(out))
            out.mkdir(parents=True, exist_ok=True)
            remove_leftovers(out / CHECKPOINTS)
        checkpoint = _resume_point(out, config=config)
        if checkpoint is not None and checkpoint.step == config.steps and (out / RESULT_FILE).is_file():
            return read_result(out)
        step = build(accelerator, checkpoint)
        if checkpoint is not None:
            if checkpoint.state["data"] != step.data:
                raise UserError(
                    f"{out} was trained on other data than the configuration now names: the music or the codec "
                    "has changed; give another folder for a new training."
                )
            step.load(checkpoint)
        if accelerator.is_main_process:
            dump_yaml(out / CONFIG_FILE, config)
        if trackers:
            start_trackers(accelerator, config=_flat(config.model_dump(mode="json")), out=out)
            held.callback(accelerator.end_training)
        session = _Session(step, out=out, config=config, label=label, checkpoint=checkpoint, accelerator=accelerator)
        return session.run(progress=progress, stop=stop or (lambda: False))


class _Session:
    """One session of a run: from its newest checkpoint to the end, or until it is stopped."""

    def __init__(
        self,
        step: Step,
        *,
        out: Path,
        config: Config,
        label: str,
        checkpoint: Checkpoint | None,
        accelerator: Accelerator,
    ):
        self._step, self._out, self._config, self._label = step, out, config, label
        self._accelerator = accelerator
        self._fresh = checkpoint is None
        self._done = 0 if checkpoint is None else checkpoint.step
        self._spent = _Spent() if checkpoint is None else _Spent(**checkpoint.state["spent"])
        self._best = None if checkpoint is None else Best.of(checkpoint)
        self._log_every = max(1, config.steps // LOGGED_UPDATES)

    def run(self, *, progress: bool, stop: Callable[[], bool]) -> TrainingResult:
        main = self._accelerator.is_main_process
        bar = TrainingProgress(self._label, total=self._config.steps, done=self._done, shown=progress and main)
        if main:
            self._require_disk()
        with ExitStack() as held:
            signalled = held.enter_context(stop_on_signal())
            log = held.enter_context(self._open_log()) if main else None
            held.enter_context(bar)
            self._announce(bar)
            valid_loss = self._validate(log) if self._fresh else None
            while self._done < self._config.steps:
                update = self._update(log)
                bar.update(self._done, loss=update.loss, audio_s=update.audio_s)
                last = self._done == self._config.steps
                if last or self._done % self._config.validate_every == 0:
                    valid_loss = self._validate(log)
                stopped = self._agreed(signalled() or stop()) and not last
                if last or stopped or self._done % self._config.checkpoint_every == 0:
                    self._save(log)
                if stopped:
                    raise self._stopped(bar)
            if self._config.steps == 0:
                self._save(log)
            return self._finish(valid_loss)

    def _require_disk(self) -> None:
        """Refuse more checkpoints than the disk holds: of each the weights, and at least as much besides."""
        saved = (self._config.steps - self._done) // self._config.checkpoint_every + 1
        kept = min(self._config.keep_checkpoints, saved)
        size = sum(tensor.numel() * tensor.element_size() for tensor in self._step.model.parameters())
        remedy = "lower keep_checkpoints, or choose a smaller network"
        require_disk(2 * kept * size, place=self._out, needs=f"{kept:,} checkpoints need", remedy=remedy)

    def _open_log(self) -> MetricsLog:
        step = -1 if self._fresh else self._done
        return MetricsLog(self._out / METRICS_FILE, step=step, also=self._accelerator.log)

    def _update(self, log: MetricsLog | None) -> Update:
        started = time.perf_counter()
        update = self._step.update(self._done)
        self._done += 1
        self._spent.wall_s += time.perf_counter() - started
        self._spent.audio_s += update.audio_s
        if log is not None and (self._done % self._log_every == 0 or self._done == self._config.steps):
            log.write(
                step=self._done,
                loss=update.loss,
                lr=update.learning_rate,
                grad_norm=round(update.grad_norm, 6),
                **{name: round(value, 6) for name, value in update.details.items()},
                seconds=round(self._spent.wall_s, 3),
                examples=self._done * self._config.batch_size,
                audio_s=round(self._spent.audio_s, 3),
            )
        return update

    def _validate(self, log: MetricsLog | None) -> float | None:
        found = self._step.validate()
        if log is not None and found:
            log.write(step=self._done, **found, seconds=round(self._spent.wall_s, 3))
        valid_loss, averages = found.get("valid_loss"), self._step.averages()
        if valid_loss is not None and averages is not None:
            self._best = better(self._best, step=self._done, valid_loss=valid_loss, weights=averages)
        return valid_loss

    def _save(self, log: MetricsLog | None) -> None:
        self._spent.peak_memory_bytes = max(self._spent.peak_memory_bytes, peak_memory_of(self._accelerator.device))
        tensors = self._step.tensors()  # by all processes: each may hold a part
        if log is not None:
            log.sync()
            self._step.publish(self._out, step=self._done)
            best = self._best
            state = {"spent": asdict(self._spent), "data": dict(self._step.data), "step": self._step.state()}
            write_checkpoint(
                self._out / CHECKPOINTS,
                step=self._done,
                tensors=tensors if best is None else {**tensors, BEST: best.weights},
                state=state if best is None else {**state, BEST: best.state()},
                keep=self._config.keep_checkpoints,
            )
        self._accelerator.wait_for_everyone()

    def _agreed(self, wish: bool) -> bool:
        """Whether any process was interrupted; all of them must stop after the same update."""
        if self._accelerator.num_processes == 1:
            return wish
        count = self._accelerator.reduce(torch.tensor(float(wish), device=self._accelerator.device), reduction="sum")
        return bool(count)

    def _announce(self, bar: TrainingProgress) -> None:
        if not self._accelerator.is_main_process:
            return
        warmup = self._config.optimizer.warmup_steps
        if bar.shown:
            bar.note(f"{self._label}, {self._step.description}")
        if self._done:
            bar.note(f"Continuing from step {self._done} of {self._config.steps} in {self._out}.")
        if 0 < self._config.steps <= warmup:
            bar.note(
                f"optimizer.warmup_steps {warmup} is not shorter than steps {self._config.steps}, so the learning rate "
                "never decays."
            )
        if not self._step.can_validate:
            bar.note("The validation split is empty, so there is no validation.")

    def _stopped(self, bar: TrainingProgress) -> TrainingStopped:
        message = f"Stopped after step {self._done} of {self._config.steps}; the same command continues from there."
        if self._accelerator.is_main_process:
            bar.note(message)
        return TrainingStopped(message, step=self._done)

    def _finish(self, valid_loss: float | None) -> TrainingResult:
        device = self._accelerator.device
        losses = [line["loss"] for line in read_metrics(self._out / METRICS_FILE) if "loss" in line][-FINAL_UPDATES:]
        result = TrainingResult(
            steps=self._done,
            loss=math.fsum(losses) / len(losses) if losses else None,
            valid_loss=valid_loss if valid_loss is not None else self._step.validate().get("valid_loss"),
            wall_s=self._spent.wall_s,
            examples=self._done * self._config.batch_size,
            audio_s=self._spent.audio_s,
            parameters=sum(p.numel() for p in self._step.model.parameters() if p.requires_grad),
            peak_memory_bytes=self._spent.peak_memory_bytes,
            device=torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
            processes=self._accelerator.num_processes,
            best_step=None if self._best is None else self._best.step,
            best_valid_loss=None if self._best is None else self._best.valid_loss,
        )
        if self._accelerator.is_main_process:
            write_json(self._out / RESULT_FILE, asdict(result))
        return result


def _resume_point(out: Path, *, config: Config) -> Checkpoint | None:
    """The checkpoint to continue from; None for a new run.

    Raises:
        UserError: the run has another configuration, or all its checkpoints are damaged.
    """
    checkpoint = newest_checkpoint(out / CHECKPOINTS)
    if checkpoint is None:
        return None
    stored = _flat(load_yaml(out / CONFIG_FILE, type(config), saved=True).model_dump(mode="json"))
    wanted = _flat(config.model_dump(mode="json"))
    differing = sorted(key for key in stored.keys() | wanted.keys() if stored.get(key) != wanted.get(key))
    differing = [key for key in differing if key not in FREE_KEYS]
    if differing:
        key = differing[0]
        raise UserError(
            f"{out} holds a run with {key} {stored.get(key)}, and the configuration sets {wanted.get(key)}"
            f"{_more(differing)}: restore it to continue the run, or give another folder."
        )
    return checkpoint


def _more(keys: list[str]) -> str:
    return f" (also differing: {', '.join(keys[1:])})" if len(keys) > 1 else ""


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat.update(_flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value})
    return flat
