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
from counterpoint.training.loop import TrainingResult, run_training

HELD_OUT_CLIPS = 16
HELD_OUT_S = 4.0


def train_codec(
    config: CodecTrainingConfig,
    *,
    out: Path,
    progress: bool = True,
    clips: Clips | None = None,
    held_out: Clips | None = None,
    stop: Callable[[], bool] | None = None,
) -> TrainingResult:
    """Train a codec, or go on with the training in `out`.

    `out` gets what every training writes (see `training.loop.run_training`), and codec/: the codec as of the last
    checkpoint, in the format of `transformers.EncodecModel`, `diffusers.AutoencoderOobleck` or `codec.spectrogram`, and
    beside it measures.json, how it reconstructs clips that it was not trained on.

    Args:
        config: what to train; `dataset` is a dataset folder.
        out: the run folder.
        progress: show a bar on stderr.
        clips: the audio to train on, instead of the dataset's train split.
        held_out: the audio to measure on, instead of its valid split.
        stop: asked after every update.

    Raises:
        UserError: no usable dataset, `out` holds another configuration's training, or the training diverges.
        OSError: when the disk is full; the last checkpoint stays.
        TrainingStopped: asked to stop; a KeyboardInterrupt.
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
        progress=progress,
        stop=stop,
    )
