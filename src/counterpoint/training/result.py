"""The result of a training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from counterpoint.config.load import read_saved
from counterpoint.runs.layout import RESULT_FILE


@dataclass(frozen=True)
class TrainingResult:
    """The result of a training and its cost; also RUN/result.json.

    Attributes:
        steps: number of updates.
        loss: mean training loss of the last logged updates, at most 20; None without any.
        valid_loss: loss of the last averaged weights on the validation split; None if the split is empty.
        wall_s: time of all updates, over all sessions of the run, without validation, checkpoints and loading.
        examples: number of examples seen, with repetition.
        audio_s: seconds of audio seen, with repetition.
        parameters: number of trainable parameters.
        peak_memory_bytes: peak of the accelerator's memory, or of the whole process on a CPU.
        device: the device.
        processes: number of parallel processes.
        best_step: number of updates at the lowest validation loss, whose averaged weights are the run's model; None if
            these are the last ones.
        best_valid_loss: the lowest validation loss.
    """

    steps: int
    loss: float | None
    valid_loss: float | None
    wall_s: float
    examples: int
    audio_s: float
    parameters: int
    peak_memory_bytes: int
    device: str
    processes: int
    best_step: int | None = None
    best_valid_loss: float | None = None


def read_result(run: Path) -> TrainingResult:
    """The result in the folder of a finished training.

    Raises:
        UserError: it cannot be read, or another version of this package wrote it.
    """
    path = run / RESULT_FILE
    return read_saved(path, TrainingResult, remedy=f"delete {path} and repeat the training, which has only to write it")
