"""One training run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterpoint.training import train

if TYPE_CHECKING:
    from counterpoint.config import TrainingConfig
    from counterpoint.study.engine import Work


def train_model(work: Work) -> None:
    """Make the step's folder a run folder, going on from the last checkpoint there; the dataset is the input `data`."""
    config: TrainingConfig = work.config
    data = config.data.model_copy(update={"dataset": str(work.inputs["data"])})
    train(config.model_copy(update={"data": data}), out=work.folder)
