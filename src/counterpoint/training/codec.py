"""Training of an EnCodec auto-encoder (App. E): `counterpoint codec train CONFIG`.

The networks are `transformers`' own; its codebooks cannot be trained (no moving averages, no commitment loss), so that
`vector_quantize_pytorch.ResidualVQ` stands in for them and its codebooks are exported back. Losses are a multi-scale
mel and STFT loss and a time-domain L1; the discriminators and the gradient balancer of the paper are left out here.

Every random draw is a function of (seed, step), so that a resumed training goes on exactly as if never stopped.

Shapes: B batch, K codebooks, T latent frames, V codebook size, D latent channels, N audio samples.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from counterpoint.codec import load_codec
from counterpoint.codec.encodec import save_encodec
from counterpoint.codec.kmeans import fit_codebooks
from counterpoint.codec.measures import reconstruction_measures
from counterpoint.config import CodecTrainingConfig, UserError, atomic_write, digest, dump_yaml, read_json, write_json
from counterpoint.training.codec_data import Clips, open_clips
from counterpoint.training.codec_losses import LatentLoss, SpectralLoss, time_loss
from counterpoint.training.codec_model import AutoEncoder, scale_to_data

_CHECKPOINT = "checkpoint.safetensors"
_EXPORT = "codec"
_MEASURES = "measures.json"


@dataclass(frozen=True)
class CodecTrainingResult:
    """Attributes:
    codec: folder of the trained codec, in `transformers.EncodecModel` format.
    steps: updates made in all.
    losses: last logged value of every loss.
    """

    codec: Path
    steps: int
    losses: dict[str, float]


def train_codec(
    config: CodecTrainingConfig,
    *,
    out: Path,
    progress: bool = True,
    clips: Clips | None = None,
    held_out: Clips | None = None,
) -> CodecTrainingResult:
    """Train a codec, or go on with the training in `out`.

    `out` gets config.yaml, metrics.jsonl, checkpoint.safetensors and codec/: the codec as of the last checkpoint, and
    beside it measures.json, how it reconstructs clips that it was not trained on (when such were given). An
    interruption (Ctrl-C) writes a checkpoint first.

    Args:
        config: what to train; `dataset` is a dataset folder.
        out: the training's folder.
        progress: show a progress bar.
        clips: the audio to train on, instead of the dataset's train split.
        held_out: the audio to measure on, instead of its valid split.

    Raises:
        UserError: no usable dataset, or `out` holds another configuration's training.
        OSError: when the disk is full; the last checkpoint stays.
    """
    _claim(out, config)
    if clips is None:
        clips = open_clips(config.dataset, sample_rate=config.sample_rate)
        held_out = held_out or open_clips(config.dataset, sample_rate=config.sample_rate, split="valid")
    trainer = _Trainer(config, out=out, clips=clips, held_out=held_out)
    trainer.begin()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the parts of a batch run side by side instead
    try:
        trainer.run(progress=progress)
    except KeyboardInterrupt:
        trainer.save()
        raise
    finally:
        torch.set_num_threads(threads)
        trainer.pool.shutdown()
    return CodecTrainingResult(codec=out / _EXPORT, steps=trainer.step, losses=trainer.losses)


def _claim(out: Path, config: CodecTrainingConfig) -> None:
    identity = {"digest": digest(config.model_dump(exclude={"checkpoint_every", "log_every", "validate_every"}))}
    record = out / "run.json"
    if record.is_file() and read_json(record) != identity:
        raise UserError(f"{out} holds a training with another configuration; choose another folder or remove that one.")
    write_json(record, identity)
    dump_yaml(out / "config.yaml", config)


class _Trainer:
    """The loop's state; `step` updates have been made."""

    def __init__(self, config: CodecTrainingConfig, *, out: Path, clips: Clips, held_out: Clips | None):
        self.config, self.out, self.clips = config, out, clips
        empty = np.zeros((0, 0), np.float32)
        self.held_out = torch.from_numpy(held_out.excerpts(16, duration_s=4.0) if held_out is not None else empty)
        torch.manual_seed(config.seed)  # initial weights: torch's initialisers take no generator
        self.model = AutoEncoder(config)
        self.average = {key: value.detach().clone() for key, value in self._weights().items()}
        self.spectral = SpectralLoss(config.sample_rate)
        self.pool = ThreadPoolExecutor(config.workers)
        self.latent = LatentLoss()
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=config.learning_rate, betas=config.betas, weight_decay=0.0
        )
        self.step = 0
        self.losses: dict[str, float] = {}
        self.recent: list[dict[str, float]] = []

    def run(self, *, progress: bool) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        config = self.config
        columns = (TextColumn("codec"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[loss]}"))
        started, first = time.perf_counter(), self.step
        with Progress(*columns, TimeRemainingColumn(), disable=not progress) as bar:
            task = bar.add_task("codec", total=config.steps, completed=self.step, loss="")
            while self.step < config.steps:
                if self.fits_codebooks():
                    self.fit_codebooks(config.pool_vectors)
                losses = self.update()
                self.step += 1
                self.recent.append(losses)
                bar.update(task, advance=1, loss=f"loss {losses['loss']:.3f}")
                if self.step % config.log_every == 0 or self.step == config.steps:
                    rate = (self.step - first) / (time.perf_counter() - started)
                    self.log(steps_per_s=rate)
                if self.step % config.checkpoint_every == 0 or self.step == config.steps:
                    self.save()
                if self.step % config.validate_every == 0 and self.step < config.steps:
                    self.validate()
        self.finish()

    def finish(self) -> None:
        """Fit the codebooks a last time, to many latents of the averaged encoder, and export and measure what ships.

        The checkpoint keeps the state before it.
        """
        record = self.out / _EXPORT / _MEASURES
        if record.is_file() and read_json(record).get("finished"):
            return
        self.model.encoder.load_state_dict(_below(self.average, "encoder."))
        self.fit_codebooks(self.config.final_vectors, initial=self.model.codebooks())
        self.export()
        self.validate(finished=True)

    def update(self) -> dict[str, float]:
        """One optimiser step; returns its losses."""
        config = self.config
        draws = np.random.default_rng([config.seed, self.step, 0])
        audio = torch.from_numpy(
            self.clips.batch(draws, batch_size=config.batch_size, samples=config.segment_frames * self.model.hop)
        )
        losses = self.backward(audio, draws)
        rate = config.learning_rate * self.schedule()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), config.clip_norm)
        if torch.isfinite(norm):
            self.optimizer.step()
        self._follow()
        return {**losses, "learning_rate": rate, "grad_norm": float(norm)}

    def backward(self, audio: Tensor, draws: np.random.Generator) -> dict[str, float]:
        """Set every gradient from a batch [B, N]; returns its losses.

        Part of the clips is decoded from codes, the others from latents. Encoder and decoder see the batch in parts,
        one a thread, and the quantiser sees it whole.
        """
        model = self.model
        parts = audio.chunk(self.config.workers)
        encoded = list(self.pool.map(model.encode, parts))
        latents = torch.cat([part.detach() for part in encoded]).requires_grad_()
        decoded, losses = self.quantize(latents, draws)
        scales = self.spectral.draw(draws)
        inputs = [part.detach().requires_grad_() for part in decoded.split([len(part) for part in parts])]
        shares = [len(part) / len(audio) for part in parts]
        found = list(self.pool.map(lambda *job: self.decode_part(*job, scales=scales), inputs, parts, shares))
        _set_gradients(model.decoder, [gradients for _, _, gradients in found])
        for name in found[0][1]:
            losses[name] = torch.stack([part[name] for _, part, _ in found]).sum()
        weights = self.loss_weights()
        before = [weights[name] * value for name, value in losses.items() if value.requires_grad]
        (gradient,) = torch.autograd.grad(
            [decoded, *before], latents, [torch.cat([part for part, _, _ in found]), *map(torch.ones_like, before)]
        )
        chunks = gradient.split([len(part) for part in parts])
        parameters = list(model.encoder.parameters())
        gradients = self.pool.map(lambda part, grad: torch.autograd.grad(part, parameters, grad), encoded, chunks)
        _set_gradients(model.encoder, list(gradients))
        values = {name: float(value.detach()) for name, value in losses.items()}
        return {**values, "loss": sum(weights[name] * value for name, value in values.items())}

    def quantize(self, latents: Tensor, draws: np.random.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """What the decoder gets of [B, T, D], and the losses that latents alone bear; updates the codebooks."""
        losses = {"latent": self.latent(latents)}
        seed, order = int(draws.integers(2**62)), draws.permutation(len(latents))
        if self.step < self.config.quantize_after:
            return latents, losses
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)  # dead codes are redrawn; the library takes no generator
            quantized, _, commitment = self.model.quantizer(latents)
        continuous = torch.from_numpy(order < round(self.config.continuous_fraction * len(latents)))
        return torch.where(continuous[:, None, None], latents, quantized), losses | {"commitment": commitment.sum()}

    def decode_part(
        self, decoded: Tensor, audio: Tensor, share: float, *, scales: Sequence[int]
    ) -> tuple[Tensor, dict[str, Tensor], tuple[Tensor, ...]]:
        """Gradient of `decoded`, losses and gradients of the decoder's weights, for `share` of the batch."""
        estimate = self.model.decode(decoded)
        losses = self.spectral(estimate, audio, scales=scales)
        losses["time"] = time_loss(estimate, audio)
        losses = {name: share * value for name, value in losses.items()}
        loss = torch.stack([self.loss_weights()[name] * value for name, value in losses.items()]).sum()
        first, *rest = torch.autograd.grad(loss, [decoded, *self.model.decoder.parameters()])
        return first, {name: value.detach() for name, value in losses.items()}, tuple(rest)

    def loss_weights(self) -> dict[str, float]:
        """The configured weights; those of the spectra, which know no phase, grow to them step by step."""
        grown = min(1.0, self.step / max(1, self.config.spectral_ramp))
        share = self.config.spectral_start + (1 - self.config.spectral_start) * grown
        return {
            name: weight * (share if name in ("mel", "stft") else 1.0)
            for name, weight in self.config.loss_weights.items()
        }

    def schedule(self) -> float:
        """Linear warm-up, then cosine to zero."""
        config = self.config
        warm = min(1.0, (self.step + 1) / max(1, config.warmup_steps))
        share = max(0, self.step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
        return warm * 0.5 * (1 + math.cos(math.pi * share))

    def fits_codebooks(self) -> bool:
        """Whether the codebooks are to be fitted anew before the next step."""
        since = self.step - self.config.quantize_after
        return since == 0 or (since > 0 and self.config.refit_every > 0 and since % self.config.refit_every == 0)

    def fit_codebooks(self, vectors: int, *, initial: list[Tensor] | None = None) -> None:
        """Start the codebooks, or start them again, by k-means on the latents of a pool of segments.

        A small batch touches few of the codes, and while latents still move, the others are left behind.
        """
        config = self.config
        latents = self.latents(vectors)
        generator = torch.Generator().manual_seed(config.seed)
        books = fit_codebooks(
            latents,
            num_codebooks=config.num_codebooks,
            codebook_size=config.codebook_size,
            iterations=8,
            generator=generator,
            initial=initial,
        )
        self.model.set_codebooks(books)

    @torch.no_grad()
    def latents(self, vectors: int) -> Tensor:
        """[at least `vectors`, D] latents of random segments."""
        config = self.config
        draws = np.random.default_rng([config.seed, self.step, 1])
        rounds = -(-vectors // (8 * config.segment_frames))
        samples = config.segment_frames * self.model.hop
        batches = [torch.from_numpy(self.clips.batch(draws, batch_size=8, samples=samples)) for _ in range(rounds)]
        return torch.cat([latents.flatten(0, 1) for latents in self.pool.map(self._encode, batches)])

    @torch.no_grad()
    def _encode(self, audio: Tensor) -> Tensor:
        return self.model.encode(audio)  # in a worker thread, which has a gradient mode of its own

    def _weights(self) -> dict[str, Tensor]:
        state = {f"encoder.{key}": value for key, value in self.model.encoder.state_dict().items()}
        return state | {f"decoder.{key}": value for key, value in self.model.decoder.state_dict().items()}

    @torch.no_grad()
    def _follow(self) -> None:
        """Moving average of the weights; it warms up, so that the first steps do not weigh on it."""
        decay = min(self.config.weight_ema_decay, (1 + self.step) / (10 + self.step))
        weights = self._weights()
        torch._foreach_lerp_(list(self.average.values()), [weights[key] for key in self.average], 1 - decay)

    def log(self, *, steps_per_s: float) -> None:
        """Append the means since the last line to metrics.jsonl."""
        names = self.recent[-1]
        self.losses = {name: float(np.mean([losses.get(name, np.nan) for losses in self.recent])) for name in names}
        self.recent = []
        losses = {name: value for name, value in self.losses.items() if math.isfinite(value)}
        line = {
            "step": self.step,
            **{name: round(value, 6) for name, value in losses.items()},
            "steps_per_s": round(steps_per_s, 3),
        }
        self._write(line)

    def _write(self, line: dict[str, Any]) -> None:
        with (self.out / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def validate(self, *, finished: bool = False) -> None:
        """Measure the exported codec on held-out clips, and record it beside the codec."""
        self.export()
        measures: dict[str, Any] = {}
        if len(self.held_out):
            measures = reconstruction_measures(load_codec(str(self.out / _EXPORT)), self.held_out)
            self._write({"step": self.step, "held_out": measures})
        about = {"step": self.step, "finished": finished, "held_out_clips": len(self.held_out)}
        write_json(self.out / _EXPORT / _MEASURES, {**about, **measures})

    def save(self) -> None:
        """Write the checkpoint, in one file so that it is whole or not there, and the codec as of now."""
        from safetensors.torch import save_file

        tensors = {f"model.{key}": value for key, value in self.model.state_dict().items()}
        tensors |= {f"average.{key}": value for key, value in self.average.items()}
        for index, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{key}": value for key, value in state.items()}
        tensors = {key: value.detach().clone().contiguous() for key, value in tensors.items()}
        metadata = {"step": str(self.step)}
        atomic_write(self.out / _CHECKPOINT, lambda path: save_file(tensors, path, metadata=metadata))
        self.export()

    def export(self) -> None:
        """Write the averaged weights and the codebooks as a codec."""
        books = {f"quantizer.layers.{k}.codebook.embed": book for k, book in enumerate(self.model.codebooks())}
        save_encodec(
            self.out / _EXPORT,
            config=self.model.encodec_config,
            state={**self.average, **books},
            dtype=torch.float16,
        )

    def begin(self) -> None:
        """Take up the checkpoint, or scale the fresh weights to the data."""
        from safetensors import safe_open

        path = self.out / _CHECKPOINT
        if not path.is_file():
            samples = self.config.segment_frames * self.model.hop
            audio = self.clips.batch(np.random.default_rng([self.config.seed, 0, 2]), batch_size=16, samples=samples)
            scale_to_data(self.model, torch.from_numpy(audio))
            self.average = {key: value.detach().clone() for key, value in self._weights().items()}
            return
        try:
            with safe_open(str(path), framework="pt") as file:
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
                step = int(file.metadata()["step"])
        except Exception as error:  # safetensors raises a kind of its own
            raise UserError(f"{path} is damaged ({error}); remove it to begin again.") from error
        self.step = step
        self.model.load_state_dict(_below(tensors, "model."))
        self.average = _below(tensors, "average.")
        state = self.optimizer.state_dict()
        state["state"] = {}
        for key, value in _below(tensors, "optimizer.").items():
            index, name = key.split(".")
            state["state"].setdefault(int(index), {})[name] = value
        self.optimizer.load_state_dict(state)
        self._forget_later_metrics()

    def _forget_later_metrics(self) -> None:
        """Drop the lines that a killed training wrote after its last checkpoint."""
        path = self.out / "metrics.jsonl"
        if path.is_file():
            lines = [line for line in path.read_text(encoding="utf-8").splitlines() if _step_of(line) <= self.step]
            atomic_write(path, lambda temporary: temporary.write_text("".join(f"{line}\n" for line in lines)))


def _set_gradients(module: nn.Module, parts: Sequence[Sequence[Tensor]]) -> None:
    for parameter, gradients in zip(module.parameters(), zip(*parts, strict=True), strict=True):
        parameter.grad = torch.stack(gradients).sum(dim=0)


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def _step_of(line: str) -> float:
    try:
        return json.loads(line)["step"]
    except (json.JSONDecodeError, KeyError):
        return math.inf  # a line cut short
