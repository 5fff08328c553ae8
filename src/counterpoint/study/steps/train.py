"""One training run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterpoint.config import read_json
from counterpoint.training import train

if TYPE_CHECKING:
    from counterpoint.config import TrainingConfig
    from counterpoint.study.engine import Work


def train_model(work: Work) -> None:
    """Make the step's folder a run folder, going on from the last checkpoint there.

    The dataset is the input `data`, its codec the one of the input `encode`, by fingerprint: beside a user's dataset
    there may be latents of an older codec of the same name.
    """
    config: TrainingConfig = work.config
    fingerprint = read_json(work.inputs["encode"] / "latents.json")["fingerprint"]
    data = config.data.model_copy(update={"dataset": str(work.inputs["data"]), "codec": fingerprint})
    train(config.model_copy(update={"data": data}), out=work.folder)
