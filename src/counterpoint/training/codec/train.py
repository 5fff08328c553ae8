"""Training of a codec: `counterpoint codec train CONFIG`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from accelerate import Accelerator

from counterpoint.config import CodecTrainingConfig
from counterpoint.config.checkpoints import Checkpoint
from counterpoint.training.codec.data import Clips, open_clips
from counterpoint.training.codec.step import STEPS, CodecStep
from counterpoint.training.loop import run_training
from counterpoint.training.result import TrainingResult

HELD_OUT_CLIPS = 16
HELD_OUT_S = 4.0


def train_codec(
    config: CodecTrainingConfig,
    *,
    out: Path,
    device: str = "auto",
    progress: bool = True,
    clips: Clips | None = None,
    held_out: Clips | None = None,
    stop: Callable[[], bool] | None = None,
) -> TrainingResult:
    """Train a codec, or continue the training in `out`.

    `out` receives the files of every training (see `training.loop.run_training`), and codec/: the codec of the last
    checkpoint, in the format of `transformers.EncodecModel`, `diffusers.AutoencoderOobleck` or `codec.spectrogram`,
    with measures.json, its reconstruction of held-out clips.

    Args:
        config: configuration; `dataset` is a dataset folder.
        out: the run folder.
        device: as `find_device` takes it.
        progress: show a bar on stderr.
        clips: training audio instead of the dataset's train split.
        held_out: validation audio instead of its valid split.
        stop: called after every update; a true value stops the training.

    Raises:
        UserError: there is no usable dataset, `out` holds a training of another configuration, or the training
            diverges.
        OSError: the disk is full; the last checkpoint remains.
        TrainingStopped: the training was stopped; a KeyboardInterrupt.
    """
    if clips is None:
        clips = open_clips(config.dataset, sample_rate=config.sample_rate)
        held_out = held_out or open_clips(config.dataset, sample_rate=config.sample_rate, split="valid")
    excerpts = torch.zeros(0, 1)
    if held_out is not None:
        excerpts = torch.from_numpy(held_out.excerpts(HELD_OUT_CLIPS, duration_s=HELD_OUT_S))
    train_clips = clips

    def build(accelerator: Accelerator, checkpoint: Checkpoint | None) -> CodecStep:
        return STEPS[config.codec.kind](
            config, clips=train_clips, held_out=excerpts, accelerator=accelerator, fresh=checkpoint is None
        )

    return run_training(
        build,
        config=config,
        out=out,
        label=f"{config.codec.kind} ({out.name})",
        device=device,
        progress=progress,
        stop=stop,
    )
