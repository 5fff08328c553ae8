"""Training of a paradigm: `train`, and its step, one update on a batch.

Shapes: B examples of an update, K codebooks, T latent frames, D latent channels.

The batch of an update is cut into `accumulate x processes` consecutive slices of equal size, numbered over the whole
batch. Slice i takes every random draw from a generator seeded by (seed, step, i), so that two processes and two
accumulated micro-batches give the same update, and no random state outlives a step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from counterpoint.audio import frames
from counterpoint.config import LatentSpec, TrainingConfig, UserError, write_json
from counterpoint.config.checkpoints import Checkpoint
from counterpoint.config.machine import free_memory
from counterpoint.config.room import require_memory
from counterpoint.data import Encoded, open_encoded
from counterpoint.data.ahead import ReadAhead
from counterpoint.data.batches import Batch, ExampleOrder, read_batch, seed_of
from counterpoint.data.controls import open_tracks
from counterpoint.paradigm import LossOutput, Paradigm, build_paradigm
from counterpoint.runs import find_run, load_run
from counterpoint.runs.layout import MODEL_FILE
from counterpoint.training.checkpoint import optimizer_tensors, restore_optimizer
from counterpoint.training.loop import Update, run_training
from counterpoint.training.optimization import Ema, build_optimizers, learning_rate
from counterpoint.training.result import TrainingResult
from counterpoint.training.sharding import clip_gradients, is_sharded, load_whole, shard, sync_gradients, whole_all
from counterpoint.training.trackers import Tracker

if TYPE_CHECKING:
    from accelerate import Accelerator

VALIDATION_EXAMPLES = 128
"""Greatest number of validation examples, in batches of `VALIDATION_BATCH`: they cost as much as five updates of such
batches. They determine the best weights."""
VALIDATION_BATCH = 8
CALIBRATION_EXAMPLES = 1024


def train(
    config: TrainingConfig,
    *,
    out: Path,
    device: str = "auto",
    progress: bool = True,
    stop: Callable[[], bool] | None = None,
    trackers: Sequence[Tracker] = (),
) -> TrainingResult:
    """Train a paradigm, or continue the training in `out`; arguments and errors are those of `loop.run_training`."""

    def build(accelerator: Accelerator, checkpoint: Checkpoint | None) -> GenerativeStep:
        encoded = open_encoded(config.data.dataset, codec=config.data.codec)
        if config.start:
            model = start_from(Path(config.start), config=config, latent=encoded.spec)
        else:
            model = build_paradigm(config.model, encoded.spec, seed=config.seed)
            if checkpoint is None and config.model.preconditioning != "none":
                model.calibrate(calibration_frames(encoded, config=config))
        model = model.to(accelerator.device).train()
        return GenerativeStep(model, config=config, encoded=encoded, accelerator=accelerator)

    label = f"{config.model.paradigm} ({out.name})"
    how = {"device": device, "progress": progress, "stop": stop, "trackers": trackers}
    return run_training(build, config=config, out=out, label=label, **how)


def calibration_frames(encoded: Encoded, *, config: TrainingConfig) -> Tensor:
    """Raw latents [N, D] of `CALIBRATION_EXAMPLES` segments of the training split, or of as many as it has."""
    split, segment = encoded["train"], frames(config.data.segment_s, frame_rate=encoded.spec.frame_rate)
    order = ExampleOrder(split.lengths, segment=segment, seed=0)
    chosen = [order.at(position) for position in range(min(order.per_epoch, CALIBRATION_EXAMPLES))]
    return torch.cat([torch.from_numpy(split.slice(one.row, one.start, one.frames)[1]) for one in chosen])


def start_from(start: Path, *, config: TrainingConfig, latent: LatentSpec) -> Paradigm:
    """A model with a run's best averaged weights and its statistics of latents; missing weights are drawn.

    Args:
        start: the run.
        config: configuration of the new training.
        latent: specification of its dataset's latents.

    Raises:
        UserError: there is no such run, or it has another network or codec.
    """
    known = load_run(find_run(start))
    if known.latent.fingerprint != latent.fingerprint:
        raise UserError(
            f"start {start} has the codec {known.latent.codec!r}, and the dataset is encoded with {latent.codec!r}: "
            "encode it with the codec of the run."
        )
    if known.config.preconditioning != config.model.preconditioning:
        raise UserError(
            f"start {start} needs model.preconditioning {known.config.preconditioning}, "
            f"but the configuration sets {config.model.preconditioning}."
        )
    model = build_paradigm(config.model, known.latent, seed=config.seed)
    own = model.state_dict()
    for name, tensor in known.state_dict().items():
        if name not in own or own[name].shape != tensor.shape:
            raise UserError(
                f"start {start} has another network ({name} differs): its paradigm, backbone, text encoder and skips "
                "must match the configuration; controls and inpainting may be added but not removed."
            )
    model.load_state_dict(known.state_dict(), strict=False)
    return model


class GenerativeStep:
    """A paradigm with its optimiser, moving average and data.

    Args:
        model: the model, on the accelerator's device.
        config: configuration of the run.
        encoded: the dataset; its valid split may be empty.
        accelerator: devices and processes.
    """

    def __init__(
        self,
        model: Paradigm,
        *,
        config: TrainingConfig,
        encoded: Encoded,
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
        self._split, self._valid = encoded["train"], encoded["valid"]
        self.data = {"dataset": encoded.fingerprint(), "latent": encoded.spec.model_dump(mode="json")}
        shown = config.model.controls if config.model.control_dropout < 1 else ()
        tracks = open_tracks(encoded, shown, chosen=config.data.tracks)
        self._tracks = {split: [track[split] for track in tracks] for split in ("train", "valid")}
        if tracks:
            self.data["tracks"] = {track.name: track.info["version"] for track in tracks}
        self._segment = frames(config.data.segment_s, frame_rate=model.latent.frame_rate)
        if self._segment > model.max_frames():
            raise UserError(
                f"data.segment_s {config.data.segment_s:g} is {self._segment} frames, "
                f"but the backbone has positions for only {model.max_frames()}."
            )
        self._slices, self._micro_size = slices, config.batch_size // slices
        self._check_memory()
        self._order = ExampleOrder(self._split.lengths, segment=self._segment, seed=config.seed)
        if config.sharded and accelerator.num_processes > 1:
            shard(model)
        self.optimizers = build_optimizers(model, hidden=model.backbone, config=config.optimizer)
        self.ema = Ema(model, decay=config.optimizer.ema_decay)
        self._parameters = [p for p in model.parameters() if p.requires_grad]
        model.backbone.recomputes = config.checkpointing
        if config.compiled:
            model.backbone.compile()
        self._network: nn.Module = model if is_sharded(model) else accelerator.prepare_model(model)
        self._ahead = ReadAhead(self._read, steps=config.steps)

    def _check_memory(self) -> None:
        """Refuse a batch whose activations do not fit into a CPU's memory; a GPU reports this itself, at once."""
        if next(self.model.parameters()).device.type != "cpu":
            return
        half = self.config.precision == "bf16"
        example = self.model.entry.cost.activation_bytes(
            self.model.config, self.model.latent, frames=self._segment, half=half
        )
        free = free_memory()
        require_memory(
            example * self._micro_size,
            free=free,
            needs=f"A micro-batch of {self._micro_size:,} examples needs",
            remedy="raise `accumulate`, or lower batch_size, so that it has "
            f"{max(1, free // max(1, example)):,} or fewer",
        )

    def update(self, step: int) -> Update:
        """Make update `step`, counted from 0.

        Raises:
            UserError: the loss or a gradient is not finite; the weights are as before the update.
        """
        rate = learning_rate(step, config=self.config.optimizer, steps=self.config.steps)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.zero_grad(set_to_none=True)
        loss, audio_s = self._accumulate(step)
        grad_norm = clip_gradients(self._parameters, norm=self.config.optimizer.clip_norm)
        totals = torch.stack((loss, torch.full_like(loss, audio_s)))
        totals = self._reduce(totals) if self._accelerator.num_processes > 1 else totals
        found = Update(float(totals[0]), float(grad_norm), rate, float(totals[1]))
        self._require_finite(found, step=step)
        for optimizer in self.optimizers:
            optimizer.step()
        self.ema.update(step)
        return found

    @property
    def description(self) -> str:
        """Number of trainable parameters."""
        return f"parameters: {sum(p.numel() for p in self._parameters):,}"

    @property
    def can_validate(self) -> bool:
        """Whether the validation split has any rows with audio."""
        return bool(self._valid.lengths.any())

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """`valid_loss` of the averaged weights on fixed examples with fixed draws, comparable across steps and seeds.

        Empty if the validation split has no rows.
        """
        if not self.can_validate:
            return {}
        order = ExampleOrder(self._valid.lengths, segment=self._segment, seed=0)
        count = min(order.per_epoch, VALIDATION_EXAMPLES)
        rank, processes = self._accelerator.process_index, self._accelerator.num_processes
        total = torch.zeros((), device=self._accelerator.device)
        self.model.eval()
        with self.ema.applied():
            for number, first in enumerate(range(0, count, VALIDATION_BATCH)):
                # Where the weights are divided, every process takes part in every batch.
                if number % processes != rank and not is_sharded(self.model):
                    continue
                chosen = [order.at(position) for position in range(first, min(first + VALIDATION_BATCH, count))]
                batch = read_batch(self._valid, chosen, target=self.model.target, tracks=self._tracks["valid"])
                found = self._loss(self.model, batch, generator=self._generator("validation", number))
                total += found.per_example.sum() if number % processes == rank else 0.0
        self.model.train()
        return {"valid_loss": float(self._reduce(total)) / count}

    def averages(self) -> Mapping[str, Tensor]:
        """The weights that `validate` uses."""
        return whole_all(self.ema.state_dict())

    def publish(self, out: Path, *, step: int) -> None:
        """Write the configuration of the model and the specification of its latents."""
        described = {
            "model": self.config.model.model_dump(mode="json"),
            "latent": self.model.latent.model_dump(mode="json"),
            "segment_s": self.config.data.segment_s,
        }
        write_json(out / MODEL_FILE, described)

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        """All tensors of a checkpoint."""
        moments = [optimizer_tensors(optimizer, self.model) for optimizer in self.optimizers]
        return {
            "model": whole_all(self.model.state_dict()),
            "ema": whole_all(self.ema.state_dict()),
            "optimizer": whole_all({name: tensor for part in moments for name, tensor in part.items()}),
        }

    def state(self) -> dict[str, Any]:
        """The number of slices of a batch: every random draw is a function of the step and the slice."""
        return {"slices": self._slices}

    def load(self, checkpoint: Checkpoint) -> None:
        """Restore `tensors`.

        Raises:
            UserError: a batch has another number of slices now, so that other noise would be drawn.
        """
        before = checkpoint.state["step"].get("slices", self._slices)
        if before != self._slices:
            raise UserError(
                f"The run has cut every batch into {before} slices (accumulate x processes), and now there are "
                f"{self._slices}: choose accumulate and processes so that they are {before} again."
            )
        load_whole(self.model, checkpoint.tensors("model"))
        self.ema.load_state_dict(checkpoint.tensors("ema"))
        moments = checkpoint.tensors("optimizer")
        for optimizer in self.optimizers:
            restore_optimizer(optimizer, self.model, moments)

    def _accumulate(self, step: int) -> tuple[Tensor, float]:
        """Sum the gradients of this process's slices.

        Returns:
            The mean of the batch's reported loss, this process's share of it, and its seconds of audio.
        """
        accelerator, accumulate = self._accelerator, self.config.accumulate
        loss, frames_seen = torch.zeros((), device=accelerator.device), 0
        for turn, (number, batch) in enumerate(self._ahead[step]):
            last = turn == accumulate - 1
            quiet = nullcontext() if last or is_sharded(self.model) else accelerator.no_sync(self._network)
            sync_gradients(self.model, sync=last)
            generator = self._generator("update", self.config.seed, step, number)
            with quiet:
                output = self._loss(self._network, batch, generator=generator)
                accelerator.backward(output.loss / accumulate)  # DDP averages over processes
            loss += output.per_example.mean() / (accumulate * accelerator.num_processes)
            frames_seen += int(batch.lengths.sum())
        return loss, frames_seen / self.model.latent.frame_rate

    def _read(self, step: int) -> list[tuple[int, Batch]]:
        """This process's slices of the batch of update `step`, each with its number."""
        processes, rank = self._accelerator.num_processes, self._accelerator.process_index
        chosen = self._order.batch(step, batch_size=self.config.batch_size)
        found = []
        for number in range(rank, self.config.accumulate * processes, processes):
            slice_ = chosen[number * self._micro_size : (number + 1) * self._micro_size]
            batch = read_batch(self._split, slice_, target=self.model.target, tracks=self._tracks["train"])
            found.append((number, batch.pinned() if self._accelerator.device.type == "cuda" else batch))
        return found

    def _loss(self, network: nn.Module, batch: Batch, *, generator: torch.Generator) -> LossOutput:
        """The paradigm's loss, computed by the model or by its wrapper."""
        device = self._accelerator.device
        arguments = {
            "text": self.model.prepare(batch.captions, truncate=True).to(device),
            "lengths": batch.lengths.to(device, non_blocking=True),
            "generator": generator,
            "controls": None if batch.controls is None else batch.controls.to(device, non_blocking=True),
        }
        target = batch.target.to(device, non_blocking=True)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=self.config.precision == "bf16"):
            return network(target, **arguments)

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
                    f"The {name} was {value:g} in update {step + 1}, so training stopped; the last checkpoint is "
                    f"usable. Train into another folder with a smaller optimizer.learning_rate (it was "
                    f"{update.learning_rate:g}) or a longer optimizer.warmup_steps."
                )
