"""A run folder and the trained model in it.

RUN/config.yaml      the TrainingConfig
RUN/model.json       {"model": ModelConfig, "latent": LatentSpec, "segment_s": length of the music it was trained on};
                     optionally "sampling", the fields of SamplingConfig that were chosen for it
RUN/metrics.jsonl    a line per update, and a line per validation
RUN/result.json      the result and cost of the finished training
RUN/checkpoints/     see `config.checkpoints`; `model`, `ema` and `optimizer` are the state of the training,
                     `best` is the run's model: the averaged weights of the validation with the lowest loss so far

Evaluation, sampling, export and fine-tuning use the `best` weights of the run's newest checkpoint. A run without
validation has none, and uses its last averages, `ema`. The best weights are stored inside every checkpoint, not beside
them, so that a continued training has the best that it had at that time.

A published model is a folder with `model.json` and `model.safetensors`, those weights in half precision
(`export.publish_run`); the models in the package are such folders.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from counterpoint.config import LatentSpec, ModelConfig, UserError, parse, read_json
from counterpoint.config.base import MOST_SECONDS
from counterpoint.config.checkpoints import Checkpoint, list_checkpoints, newest_checkpoint, read_checkpoint
from counterpoint.config.documents import quoted
from counterpoint.config.nearest import did_you_mean
from counterpoint.config.weights import check_kinds, read_weights
from counterpoint.runs.find import known_models
from counterpoint.runs.layout import AVERAGES, BEST, CHECKPOINTS, MODEL_FILE, WEIGHTS_FILE

if TYPE_CHECKING:
    from counterpoint.paradigm import Paradigm


def read_description(run: Path) -> dict[str, Any]:
    """The content of `model.json` of a run folder, as plain values.

    Raises:
        UserError: there is no such folder, it is not a run, or its file does not describe a model.
    """
    if not run.is_dir():
        meant = did_you_mean(str(run), known_models())
        raise UserError(
            f"There is no run folder at {run}{meant}; `counterpoint models` lists the available models, and "
            f"`counterpoint train CONFIG --out {run}` trains one."
        )
    if not (run / MODEL_FILE).is_file():
        raise UserError(
            f"{run} is not a run folder: it has no {MODEL_FILE}; "
            "use a run folder of `counterpoint train`, or a MusicGen checkpoint."
        )
    described = read_json(run / MODEL_FILE)
    if not isinstance(described, dict) or not {"model", "latent"} <= described.keys():
        raise UserError(f"{run / MODEL_FILE} does not describe a model; train again in another folder.")
    segment_s, sampling = described.get("segment_s", 1.0), described.get("sampling", {})
    if isinstance(segment_s, bool) or not isinstance(segment_s, int | float) or not 0 < segment_s < MOST_SECONDS:
        raise UserError(
            f"{run / MODEL_FILE} has segment_s {quoted(segment_s)}, which is not a length in seconds; correct it."
        )
    if not isinstance(sampling, dict) or not isinstance(described["model"], dict):
        raise UserError(f"{run / MODEL_FILE} needs groups of settings as `model` and `sampling`; correct it.")
    return described


def load_run(run: Path, *, step: int | None = None, ema: bool = True) -> Paradigm:
    """Load the trained model of a run folder, on the CPU, ready to sample.

    Args:
        run: the folder.
        step: step of a checkpoint, whose averages are loaded; by default the best averages in the newest valid
            checkpoint.
        ema: whether to load the moving average of the weights, which represents the run, or the last weights.

    Raises:
        UserError: there is no such folder, it is not a run, or it has no such or no valid checkpoint.
    """
    from counterpoint.paradigm import build_paradigm

    run = Path(run)
    described = read_description(run)
    source = str(run / MODEL_FILE)
    config = parse(described["model"], ModelConfig, source=source, saved=True)
    latent = parse(described["latent"], LatentSpec, source=source)
    parts = ["model"] if not ema else [BEST, AVERAGES] if step is None else [AVERAGES]
    if (run / WEIGHTS_FILE).is_file():
        weights = read_weights(run)
    else:
        checkpoint = _checkpoint(run, step=step, parts=parts)
        weights = checkpoint.tensors(next(part for part in parts if checkpoint.holds(part)))
    paradigm = build_paradigm(config, latent)
    check_kinds(weights, own=paradigm.state_dict(), source=run)
    try:
        paradigm.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(f"The weights in {run} belong to another model version ({error}); train again.") from None
    return paradigm.eval().requires_grad_(False)


def _checkpoint(run: Path, *, step: int | None, parts: Sequence[str]) -> Checkpoint:
    """A checkpoint with any of `parts`, the first of which is valid."""
    root = run / CHECKPOINTS
    if step is None:
        newest = newest_checkpoint(root, only=parts)
        if newest is None:
            raise UserError(f"{run} has no checkpoint yet; continue `counterpoint train` until it has written one.")
        return newest
    folder = root / f"step-{step:08d}"
    if not folder.is_dir():
        present = ", ".join(str(int(path.name.removeprefix("step-"))) for path in reversed(list_checkpoints(root)))
        raise UserError(f"{run} has no checkpoint of step {step}; it has {present or 'none'}.")
    return read_checkpoint(folder, only=parts)
