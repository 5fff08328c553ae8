"""The codec steps: one update of an auto-encoder, from waveforms with discriminators (App. E) or from spectra alone.

Every random draw is a function of (seed, step, process), so that no random state outlives a step.

Shapes: B batch, K codebooks, T latent frames, D latent channels, N audio samples.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from counterpoint.codec import load_codec
from counterpoint.codec.kmeans import fit_codebooks
from counterpoint.codec.measures import reconstruction_measures
from counterpoint.codec.spectrogram import band_magnitudes
from counterpoint.config import CodecTrainingConfig, UserError, write_json
from counterpoint.config.checkpoints import Checkpoint, newest_checkpoint
from counterpoint.config.room import require_memory
from counterpoint.data.batches import seed_of
from counterpoint.runs.layout import CHECKPOINTS
from counterpoint.training.checkpoint import optimizer_tensors, restore_optimizer
from counterpoint.training.codec.autoencoder import (
    LevelReconstruction,
    Reconstruction,
    SpectrogramAutoEncoder,
    VaeAutoEncoder,
    build_autoencoder,
)
from counterpoint.training.codec.balancer import Balancer
from counterpoint.training.codec.data import Clips
from counterpoint.training.codec.discriminator import (
    Discriminators,
    accuracy,
    adversarial_loss,
    feature_loss,
    hinge_loss,
)
from counterpoint.training.codec.losses import level_losses, spectral_loss, waveform_loss
from counterpoint.training.codec.transform import start_as_transform
from counterpoint.training.loop import Update
from counterpoint.training.optimization import Ema, build_optimizer, learning_rate

if TYPE_CHECKING:
    from accelerate import Accelerator

EXPORT = "codec"
"""Folder in a run that holds the codec of its last checkpoint."""
MEASURES = "measures.json"
"""File in this folder with measures of the reconstruction of held-out clips."""
_TRANSFORM_CLIPS = 96
_LLOYD_STEPS = 6
_GAIN_CLIPS = 256


@dataclass
class Divergence:
    """Detects a rise of the spectral loss, smoothed over some 100 updates, above its lowest level.

    Attributes:
        smoothed: moving average; None before the first update.
        lowest: lowest value of the average after 100 updates.
        updates: number of updates so far.
    """

    smoothed: float | None = None
    lowest: float = math.inf
    updates: int = 0

    def check(self, loss: float) -> None:
        """
        Raises:
            UserError: the average is more than half above its lowest.
        """
        self.updates += 1
        self.smoothed = loss if self.smoothed is None else 0.99 * self.smoothed + 0.01 * loss
        if self.updates < 100:
            return
        self.lowest = min(self.lowest, self.smoothed)
        if self.smoothed > 1.5 * self.lowest:
            raise UserError(
                f"The training diverges: its spectral loss fell to {self.lowest:.3f} and rose to {self.smoothed:.3f}. "
                "The last checkpoint is usable; train into another folder with a smaller optimizer.learning_rate or "
                "losses.adversarial."
            )


class CodecStep(ABC):
    """An auto-encoder with its optimiser, moving average and training clips.

    Args:
        config: configuration of the run.
        clips: training clips.
        held_out: [B, N] excerpts on which reconstruction is measured; may be empty.
        accelerator: devices and processes.
        fresh: whether to initialise the weights; otherwise `load` follows.
    """

    watched: str
    """The loss whose rise indicates divergence."""

    def __init__(
        self, config: CodecTrainingConfig, *, clips: Clips, held_out: Tensor, accelerator: Accelerator, fresh: bool
    ):
        if config.batch_size % accelerator.num_processes:
            raise UserError(
                f"batch_size {config.batch_size} must be a multiple of the processes, {accelerator.num_processes}."
            )
        require_memory(
            8 * config.batch_size // accelerator.num_processes * config.segment_samples,
            needs=f"A batch of {config.batch_size:,} segments of {config.segment_s:g} s needs",
            remedy="lower batch_size or segment_s",
        )
        self.config, self._clips, self._held_out, self._accelerator = config, clips, held_out, accelerator
        self.model = build_autoencoder(config).to(accelerator.device).train()
        self._prepare()
        if fresh:
            self._start()
        self.optimizer = build_optimizer(self.model, config=config.optimizer)
        self.ema = Ema(self.model, decay=config.optimizer.ema_decay)
        self.divergence = Divergence()
        self._measures: dict[str, Any] = {}
        self.data = {"clips": clips.fingerprint()}
        self._network: nn.Module = accelerator.prepare_model(self.model)

    def _prepare(self) -> None:  # noqa: B027  optional
        """Build the parts besides the auto-encoder, before the weights are set."""

    @abstractmethod
    def _learn(self, audio: Tensor, *, step: int, seed: int) -> dict[str, float]:
        """Set every gradient for the clips [B, N] of this process.

        Args:
            seed: seed of all draws.

        Returns:
            Every loss by name, the total as `loss`.
        """

    @abstractmethod
    def _start_from_audio(self, audio: Tensor) -> None:
        """Set the weights to the best linear codec of the segments [B, N] (`start: transform`)."""

    @abstractmethod
    def _sizes(self) -> dict[str, int]:
        """Numbers of parameters by part."""

    def update(self, step: int) -> Update:
        """Make update `step`, counted from 0.

        Raises:
            UserError: a loss or gradient is not finite, or the training diverges.
        """
        config, rank = self.config, self._accelerator.process_index
        rate = learning_rate(step, config=config.optimizer, steps=config.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        if step and config.quantizer.refit_every and step % config.quantizer.refit_every == 0:
            self._fit_codebooks(step)
        audio = self._draw("update", step, clips=config.batch_size)
        share = config.batch_size // self._accelerator.num_processes
        audio = audio[rank * share : (rank + 1) * share].to(self._accelerator.device)
        self.optimizer.zero_grad(set_to_none=True)
        losses = self._learn(audio, step=step, seed=seed_of(config.seed, step, rank))
        losses["grad_norm"] = float(nn.utils.clip_grad_norm_(self.model.parameters(), config.optimizer.clip_norm))
        losses = self._mean_over_processes(losses)
        self._require_finite(losses, step=step, rate=rate)
        self.divergence.check(losses[self.watched])
        self._step_optimizers(rate)
        self.ema.update(step)
        return Update(
            loss=losses.pop("loss"),
            grad_norm=losses.pop("grad_norm"),
            learning_rate=rate,
            audio_s=config.batch_size * config.segment_samples / config.sample_rate,
            details={**losses, **self._codebook_use()},
        )

    def _step_optimizers(self, rate: float) -> None:
        self.optimizer.step()

    @property
    def description(self) -> str:
        """Sizes of the trained networks."""
        counts = self._sizes()
        if self.model.quantizer is not None:
            counts["codebooks"] = sum(book.numel() for book in self.model.quantizer.codebooks())
        return "parameters: " + ", ".join(f"{name} {count:,}" for name, count in counts.items())

    @property
    def can_validate(self) -> bool:
        """Whether there are held-out clips."""
        return len(self._held_out) > 0

    def validate(self) -> dict[str, Any]:
        """Measures of reconstruction of the held-out clips by the codec that would be exported now; `valid_loss` is the
        log-spectral distance of reconstructions from latents, in dB. Empty without held-out clips."""
        if not self.can_validate or not self._accelerator.is_main_process:
            return {}
        with TemporaryDirectory() as folder:
            self._export(Path(folder))
            self._measures = reconstruction_measures(load_codec(folder), self._held_out)
        return {"valid_loss": self._measures["latents"]["log_spectral_distance_db"], "held_out": self._measures}

    def averages(self) -> None:  # noqa: B027  optional
        """None: `publish` writes the codec of the last averages."""

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        """All tensors of a checkpoint."""
        return {
            "model": self.model.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": optimizer_tensors(self.optimizer, self.model),
        }

    def state(self) -> dict[str, Any]:
        """The other state of a checkpoint."""
        return {"divergence": vars(self.divergence)}

    def load(self, checkpoint: Checkpoint) -> None:
        """Restore `tensors` and `state`."""
        self.model.load_state_dict(checkpoint.tensors("model"))
        self.ema.load_state_dict(checkpoint.tensors("ema"))
        restore_optimizer(self.optimizer, self.model, checkpoint.tensors("optimizer"))
        self.divergence = Divergence(**checkpoint.state["step"]["divergence"])

    def publish(self, out: Path, *, step: int) -> None:
        """Write the current codec to OUT/codec, with the measures of the last validation."""
        if step == self.config.steps and self._is_fitted_last():
            # Parts that are fitted after the networks are fitted to the averaged networks, which are exported.
            self.model.load_state_dict(self.ema.state_dict())
            self._fit_last(step)
            self.validate()
        self._export(out / EXPORT)
        write_json(out / EXPORT / MEASURES, {"step": step, "held_out_clips": len(self._held_out), **self._measures})

    def _is_fitted_last(self) -> bool:
        """Whether any part is fitted after the networks."""
        return bool(self.config.quantizer.refit_every)

    def _fit_last(self, step: int) -> None:
        """Fit the last parts to the current networks: the codebooks followed the latents of an older encoder."""
        if self.config.quantizer.refit_every:
            self._fit_codebooks(step, vectors=4 * self.config.quantizer.kmeans_vectors)

    def _start(self) -> None:
        """Initialise the weights (`config.start`)."""
        start = self.config.start
        if start not in ("random", "transform"):
            self._take_over(Path(start))
            return
        if start == "transform":
            audio = self._draw("transform", clips=_TRANSFORM_CLIPS)
            if audio.std() < 1e-4:
                raise UserError(f"The audio of {self.config.dataset} is silent; give a dataset with sound.")
            self.model.cpu()
            self._start_from_audio(audio)
            self.model.to(self._accelerator.device)
        self._fit_codebooks(0)

    def _take_over(self, run: Path) -> None:
        """Take over the averaged weights of another training, and its discriminators."""
        checkpoint = newest_checkpoint(run / CHECKPOINTS)
        if checkpoint is None:
            raise UserError(f"There is no codec training in {run}; set start to random, transform or a run folder.")
        try:
            self._adopt(checkpoint)
        except (RuntimeError, FileNotFoundError):
            raise UserError(
                f"The training in {run} has another shape; start from one with the same codec and discriminators."
            ) from None

    def _adopt(self, checkpoint: Checkpoint) -> None:
        self.model.load_state_dict(checkpoint.tensors("ema"))

    def _export(self, folder: Path) -> None:
        self.model.export(folder, state=self.ema.state_dict())

    def _draw(self, *purpose: str | int, clips: int) -> Tensor:
        """Random segments [clips, N]."""
        draws = np.random.default_rng(seed_of(self.config.seed, "clips", *purpose))
        return torch.from_numpy(
            self._clips.batch(draws, batch_size=clips, samples=self.config.segment_samples, augment=self.config.augment)
        )

    @torch.no_grad()
    def _fit_codebooks(self, step: int, *, vectors: int | None = None) -> None:
        """Fit the codebooks by k-means on the latents of random segments, initially or again."""
        model, quantizer = self.model, self.config.quantizer
        if isinstance(model, VaeAutoEncoder) or model.quantizer is None:
            return
        known = model.quantizer.codebooks()
        wanted = vectors or quantizer.kmeans_vectors
        pools: list[Tensor] = []
        while sum(map(len, pools)) < wanted:
            audio = self._draw("codebooks", step, len(pools), clips=8).to(self._accelerator.device)
            pools.append(model.encode(audio).flatten(0, 1))
        books = fit_codebooks(
            torch.cat(pools),
            num_codebooks=len(known),
            codebook_size=len(known[0]),
            iterations=_LLOYD_STEPS,
            generator=torch.Generator().manual_seed(seed_of(self.config.seed, "codebooks", step)),
            initial=known if step else None,
        )
        model.quantizer.set_codebooks(books)

    def _codebook_use(self) -> dict[str, float]:
        if self.model.quantizer is None:
            return {}
        return {f"perplexity_{k}": value for k, value in enumerate(self.model.quantizer.perplexities(), start=1)}

    def _mean_over_processes(self, losses: dict[str, float]) -> dict[str, float]:
        if self._accelerator.num_processes == 1:
            return losses
        values = torch.tensor(list(losses.values()), device=self._accelerator.device)
        mean: Any = self._accelerator.reduce(values, reduction="mean")
        return dict(zip(losses, mean.tolist(), strict=True))

    def _autocast(self) -> Any:
        if self.config.precision == "fp32":
            return nullcontext()
        return torch.autocast(self._accelerator.device.type, dtype=torch.bfloat16)

    def _require_finite(self, found: Mapping[str, float], *, step: int, rate: float) -> None:
        for name, value in found.items():
            if not math.isfinite(value):
                raise UserError(
                    f"{name} was {value:g} in update {step + 1}, so training stopped; the last checkpoint is usable. "
                    f"Train into another folder with a smaller optimizer.learning_rate (it was {rate:g})."
                )


class WaveformStep(CodecStep):
    """Reconstruction losses on waveforms with STFT discriminators, each with its own optimiser (App. E)."""

    watched = "spectral"

    def _prepare(self) -> None:
        config, accelerator = self.config, self._accelerator
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_of(config.seed, "discriminators"))
            self.discriminators = Discriminators(config.discriminator).to(accelerator.device)
        self.discriminators_optimizer = build_optimizer(self.discriminators, config=config.optimizer)
        self.balancer = Balancer()
        self._judges: nn.Module = accelerator.prepare_model(self.discriminators)

    def _learn(self, audio: Tensor, *, step: int, seed: int) -> dict[str, float]:
        discriminator = self.config.discriminator
        self.discriminators_optimizer.zero_grad(set_to_none=True)
        with self._autocast():
            output: Reconstruction = self._network(audio, seed=seed)
        judged = step >= discriminator.start_after
        learns = step >= discriminator.start_after + discriminator.head_start
        losses = self._backward(output, audio, judged=judged, learns=learns)
        if judged:
            norm = nn.utils.clip_grad_norm_(self.discriminators.parameters(), self.config.optimizer.clip_norm)
            losses["discriminator_grad_norm"] = float(norm)
        return losses

    def _step_optimizers(self, rate: float) -> None:
        super()._step_optimizers(rate)
        for group in self.discriminators_optimizer.param_groups:
            group["lr"] = rate / self.config.optimizer.learning_rate * self.config.discriminator.learning_rate
        self.discriminators_optimizer.step()  # has no effect without gradients

    def _backward(self, output: Reconstruction, audio: Tensor, *, judged: bool, learns: bool) -> dict[str, float]:
        """Set every gradient; returns all losses.

        The losses on the waveform use a copy of it that is a leaf, so that one pass through the discriminators serves
        both their own loss and the auto-encoder's, and the gradients of the losses can be balanced.

        Args:
            judged: whether the discriminators learn.
            learns: whether the auto-encoder learns from them; only if `judged`.
        """
        estimate = output.audio.float()
        leaf = estimate.detach().requires_grad_()
        losses = {
            "waveform": waveform_loss(leaf, audio),
            "spectral": spectral_loss(leaf, audio, sample_rate=self.config.sample_rate),
        }
        found: dict[str, Tensor] = {}
        if judged:
            with self._autocast():
                real, fake = self._judges(audio), self._judges(leaf)
            if learns:
                losses |= {"adversarial": adversarial_loss(fake), "feature": feature_loss(real, fake)}
            found = {"discriminator": hinge_loss(real, fake), "discriminator_accuracy": accuracy(real, fake)}
        config = self.config.losses
        weights = {name: getattr(config, name) for name in losses if getattr(config, name) > 0}
        gradients = {name: torch.autograd.grad(losses[name], leaf, retain_graph=True)[0] for name in weights}
        gradient = (self.balancer if config.balanced else _weighted_sum)(gradients, weights)
        if judged:
            self._accelerator.backward(found["discriminator"])
        penalties = {name: getattr(config, name) * value for name, value in output.penalties.items()}
        torch.autograd.backward([estimate, *penalties.values()], [gradient, *map(torch.ones_like, penalties.values())])
        total = sum(weight * float(losses[name].detach()) for name, weight in weights.items())
        total += sum(float(value.detach()) for value in penalties.values())
        values = losses | output.penalties | found
        return {"loss": total, **{name: float(value.detach()) for name, value in values.items()}}

    def _start_from_audio(self, audio: Tensor) -> None:
        assert not isinstance(self.model, SpectrogramAutoEncoder)
        start_as_transform(self.model, audio)

    def _sizes(self) -> dict[str, int]:
        assert not isinstance(self.model, SpectrogramAutoEncoder)
        parts = {"encoder": self.model.encoder, "decoder": self.model.decoder, "discriminators": self.discriminators}
        return {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()}

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        return {
            **super().tensors(),
            "discriminators": self.discriminators.state_dict(),
            "discriminators_optimizer": optimizer_tensors(self.discriminators_optimizer, self.discriminators),
        }

    def state(self) -> dict[str, Any]:
        return {**super().state(), "balancer": self.balancer.norms}

    def load(self, checkpoint: Checkpoint) -> None:
        super().load(checkpoint)
        self.discriminators.load_state_dict(checkpoint.tensors("discriminators"))
        tensors = checkpoint.tensors("discriminators_optimizer")
        restore_optimizer(self.discriminators_optimizer, self.discriminators, tensors)
        self.balancer.norms = dict(checkpoint.state["step"]["balancer"])

    def _adopt(self, checkpoint: Checkpoint) -> None:
        super()._adopt(checkpoint)
        self.discriminators.load_state_dict(checkpoint.tensors("discriminators"))


class SpectrogramStep(CodecStep):
    """Reconstruction losses on levels, by regression alone."""

    watched = "level"

    def _learn(self, audio: Tensor, *, step: int, seed: int) -> dict[str, float]:
        magnitudes = band_magnitudes(audio)
        with self._autocast():
            output: LevelReconstruction = self._network(magnitudes, seed=seed)
        losses = {**level_losses(output.levels.float(), magnitudes), **output.penalties}
        total = torch.stack([getattr(self.config.losses, name) * value for name, value in losses.items()]).sum()
        self._accelerator.backward(total)
        return {"loss": float(total.detach()), **{name: float(value.detach()) for name, value in losses.items()}}

    def _start_from_audio(self, audio: Tensor) -> None:
        assert isinstance(self.model, SpectrogramAutoEncoder)
        self.model.start_as_principal_components(audio)

    def _is_fitted_last(self) -> bool:
        return True

    def _fit_last(self, step: int) -> None:
        super()._fit_last(step)
        assert isinstance(self.model, SpectrogramAutoEncoder)
        self.model.match_gain(self._draw("gain", clips=_GAIN_CLIPS).to(self._accelerator.device))

    def _sizes(self) -> dict[str, int]:
        return {"network": sum(p.numel() for p in self.model.parameters())}


STEPS: dict[str, type[CodecStep]] = {"encodec": WaveformStep, "vae": WaveformStep, "spectrogram": SpectrogramStep}
"""The step of each kind of codec."""


def _weighted_sum(gradients: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    return torch.stack([weights[name] * gradient for name, gradient in gradients.items()]).sum(dim=0)
