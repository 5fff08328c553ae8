"""The generative step: one update of a paradigm on its batch, and its validation loss.

Shapes: B examples of an update, K codebooks, T latent frames, D latent channels.

An update's batch is cut into `accumulate x processes` consecutive slices of equal size, numbered over the whole batch.
Slice i takes every random draw from a generator seeded by (seed, step, i), so two processes and two accumulated
micro-batches are the same update, and nothing random outlives a step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from counterpoint.audio import frames
from counterpoint.config import TrainingConfig, UserError
from counterpoint.config.checkpoints import Checkpoint
from counterpoint.data import EncodedSplit
from counterpoint.data.batches import Batch, ExampleOrder, read_batch, seed_of
from counterpoint.paradigm import LossOutput, Paradigm
from counterpoint.training.checkpoint import optimizer_tensors, restore_optimizer
from counterpoint.training.optimization import Ema, build_optimizer, learning_rate

if TYPE_CHECKING:
    from accelerate import Accelerator

VALIDATION_EXAMPLES = 64
VALIDATION_BATCH = 8


@dataclass(frozen=True)
class Update:
    """What one update did, over all processes.

    Attributes:
        loss: mean over the batch, before the update.
        grad_norm: of all gradients together, before clipping.
        learning_rate: that it was made with.
        audio_s: seconds of audio in its batch.
    """

    loss: float
    grad_norm: float
    learning_rate: float
    audio_s: float


class GenerativeStep:
    """A paradigm with its optimiser and moving average, and the data they see.

    Args:
        model: on the accelerator's device.
        config: of the run.
        train: the split to learn from.
        valid: the split to validate on; may have no rows.
        accelerator: devices and processes.
    """

    def __init__(
        self,
        model: Paradigm,
        *,
        config: TrainingConfig,
        train: EncodedSplit,
        valid: EncodedSplit,
        accelerator: Accelerator,
    ):
        slices = config.accumulate * accelerator.num_processes
        if config.batch_size % slices:
            raise UserError(
                f"batch_size {config.batch_size} must be a multiple of accumulate x processes, which is {slices}."
            )
        self.model = model
        self.config = config
        self._accelerator = accelerator
        self._split, self._valid = train, valid
        self._segment = frames(config.data.segment_s, frame_rate=model.latent.frame_rate)
        if self._segment > model.max_frames():
            raise UserError(
                f"data.segment_s {config.data.segment_s:g} is {self._segment} frames; "
                f"this backbone's positions end at {model.max_frames()}."
            )
        self._order = ExampleOrder(train.lengths, segment=self._segment, seed=config.seed)
        self._micro_size = config.batch_size // slices
        self.optimizer = build_optimizer(model, config=config.optimizer)
        self.ema = Ema(model, decay=config.optimizer.ema_decay)
        self._parameters = [p for p in model.parameters() if p.requires_grad]
        self._network: nn.Module = accelerator.prepare_model(model)

    def update(self, step: int) -> Update:
        """Make update `step`, counted from 0.

        Raises:
            UserError: when the loss or a gradient is not finite; the weights are as before the update.
        """
        rate = learning_rate(step, config=self.config.optimizer, steps=self.config.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        loss, audio_s = self._accumulate(step)
        grad_norm = torch.nn.utils.clip_grad_norm_(self._parameters, self.config.optimizer.clip_norm)
        totals = torch.stack((loss, torch.full_like(loss, audio_s)))
        totals = self._reduce(totals) if self._accelerator.num_processes > 1 else totals
        found = Update(float(totals[0]), float(grad_norm), rate, float(totals[1]))
        self._require_finite(found, step=step)
        self.optimizer.step()
        self.ema.update(step)
        return found

    @property
    def can_validate(self) -> bool:
        """Whether the validation split has anything in it."""
        return bool(self._valid.lengths.any())

    @torch.no_grad()
    def validate(self) -> float | None:
        """Loss of the averaged weights on fixed examples with fixed draws, comparable across steps, runs and seeds.

        None where the validation split has no rows.
        """
        if not self.can_validate:
            return None
        order = ExampleOrder(self._valid.lengths, segment=self._segment, seed=0)
        count = min(order.per_epoch, VALIDATION_EXAMPLES)
        rank, processes = self._accelerator.process_index, self._accelerator.num_processes
        total = torch.zeros((), device=self._accelerator.device)
        state = self.ema.state_dict()
        self.model.eval()
        for number, first in enumerate(range(0, count, VALIDATION_BATCH)):
            if number % processes != rank:
                continue
            chosen = [order.at(position) for position in range(first, min(first + VALIDATION_BATCH, count))]
            batch = read_batch(self._valid, chosen, target=self.model.target)
            generator = self._generator("validation", number)
            total += self._loss(batch, generator=generator, state=state).per_example.sum()
        self.model.train()
        return float(self._reduce(total)) / count

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        """Everything a checkpoint must hold."""
        return {
            "model": self.model.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": optimizer_tensors(self.optimizer, self.model),
        }

    def load(self, checkpoint: Checkpoint) -> None:
        """Take up where `tensors` were."""
        self.model.load_state_dict(checkpoint.tensors("model"))
        self.ema.load_state_dict(checkpoint.tensors("ema"))
        restore_optimizer(self.optimizer, self.model, checkpoint.tensors("optimizer"))

    def _accumulate(self, step: int) -> tuple[Tensor, float]:
        """Sum the gradients of this process's slices.

        Returns:
            the batch's mean loss, this process's share of it, and its seconds of audio.
        """
        accelerator, accumulate = self._accelerator, self.config.accumulate
        chosen = self._order.batch(step, batch_size=self.config.batch_size)
        loss, frames_seen = torch.zeros((), device=accelerator.device), 0
        for turn in range(accumulate):
            number = turn * accelerator.num_processes + accelerator.process_index
            slice_ = chosen[number * self._micro_size : (number + 1) * self._micro_size]
            batch = read_batch(self._split, slice_, target=self.model.target)
            last = turn == accumulate - 1
            quiet = nullcontext() if last else accelerator.no_sync(self._network)
            generator = self._generator("update", self.config.seed, step, number)
            with quiet:
                output = self._loss(batch, generator=generator)
                accelerator.backward(output.loss / accumulate)  # DDP then takes the mean over processes
            loss += output.loss.detach() / (accumulate * accelerator.num_processes)
            frames_seen += int(batch.lengths.sum())
        return loss, frames_seen / self.model.latent.frame_rate

    def _loss(
        self, batch: Batch, *, generator: torch.Generator, state: Mapping[str, Tensor] | None = None
    ) -> LossOutput:
        """The paradigm's loss, with the weights in `state` instead of its own if given."""
        device = self._accelerator.device
        arguments = {
            "text": self.model.prepare(batch.captions, truncate=True).to(device),
            "lengths": batch.lengths.to(device),
            "generator": generator,
        }
        target = batch.target.to(device)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=self.config.precision == "bf16"):
            if state is None:
                return self._network(target, **arguments)
            return torch.func.functional_call(self.model, dict(state), (target,), arguments)

    def _generator(self, *parts: int | str) -> torch.Generator:
        return torch.Generator(self._accelerator.device).manual_seed(seed_of(*parts))

    def _reduce(self, value: Tensor) -> Tensor:
        """The sum over processes."""
        reduced = self._accelerator.reduce(value, reduction="sum")
        assert isinstance(reduced, Tensor)
        return reduced

    def _require_finite(self, update: Update, *, step: int) -> None:
        for name, value in (("loss", update.loss), ("gradient", update.grad_norm)):
            if not math.isfinite(value):
                raise UserError(
                    f"The {name} was {value:g} in update {step + 1}, so training stopped; the last checkpoint is good. "
                    f"Train into another folder with a smaller optimizer.learning_rate (it was "
                    f"{update.learning_rate:g}) or a longer optimizer.warmup_steps."
                )
