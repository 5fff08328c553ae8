"""A run folder and the trained model in it.

RUN/config.yaml      the TrainingConfig
RUN/model.json       {"model": ModelConfig, "latent": LatentSpec, "segment_s": length of the music it was trained on};
                     also "sampling", fields of SamplingConfig that suit it, where somebody chose them
RUN/metrics.jsonl    a line an update, and a line a validation
RUN/result.json      what the training came to and cost, once it is done
RUN/checkpoints/     see `config.checkpoints`; `model`, `ema` and `optimizer` are where the training is, `best` is what
                     its model is: the averaged weights of the validation with the lowest loss so far

What a run is judged by, drawn from and exported as, and what fine-tuning begins with, are the `best` weights of its
newest checkpoint. A run without validation has none, and is its last averages, `ema`. The best stand inside every
checkpoint, not beside them, so that a training that was killed goes on with the best that it had there.

A model to hand on is a folder with `model.json` and `model.safetensors`, those weights in half precision
(`export.publish_run`); such are the models that ship with the package.
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
from counterpoint.config.weights import read_weights
from counterpoint.runs.find import known_models
from counterpoint.runs.layout import AVERAGES, BEST, CHECKPOINTS, MODEL_FILE, WEIGHTS_FILE

if TYPE_CHECKING:
    from counterpoint.paradigm import Paradigm


def read_description(run: Path) -> dict[str, Any]:
    """What `model.json` of a run folder says, plain.

    Raises:
        UserError: no such folder, not a run, or a file that describes no model.
    """
    if not run.is_dir():
        meant = did_you_mean(str(run), known_models())
        raise UserError(
            f"There is no run folder at {run}{meant}; `counterpoint models` names what there is, and "
            f"`counterpoint train CONFIG --out {run}` trains one."
        )
    if not (run / MODEL_FILE).is_file():
        raise UserError(
            f"{run} is not a run folder: it has no {MODEL_FILE}; "
            "give what `counterpoint train` wrote, or a MusicGen checkpoint."
        )
    described = read_json(run / MODEL_FILE)
    if not isinstance(described, dict) or not {"model", "latent"} <= described.keys():
        raise UserError(f"{run / MODEL_FILE} does not describe a model; train anew in another folder.")
    segment_s, sampling = described.get("segment_s", 1.0), described.get("sampling", {})
    if isinstance(segment_s, bool) or not isinstance(segment_s, int | float) or not 0 < segment_s < MOST_SECONDS:
        raise UserError(
            f"{run / MODEL_FILE} has segment_s {quoted(segment_s)}, which is no length in seconds; mend it."
        )
    if not isinstance(sampling, dict) or not isinstance(described["model"], dict):
        raise UserError(f"{run / MODEL_FILE} has no groups of settings where `model` and `sampling` are; mend it.")
    return described


def load_run(run: Path, *, step: int | None = None, ema: bool = True) -> Paradigm:
    """The trained model of a run folder, on the CPU, ready to sample.

    Args:
        run: the folder.
        step: of a checkpoint, for the averages as of then; by default the best ones that the newest good checkpoint
            knows of.
        ema: the moving average of the weights, which is what a run is judged by, or the last weights themselves.

    Raises:
        UserError: no such folder, not a run, no checkpoint yet, no such step, or nothing but damaged checkpoints.
    """
    from counterpoint.paradigm import build_paradigm

    run = Path(run)
    described = read_description(run)
    source = str(run / MODEL_FILE)
    config = parse(described["model"], ModelConfig, source=source, saved=True)
    latent = parse(described["latent"], LatentSpec, source=source)
    parts = ["model"] if not ema else [BEST, AVERAGES] if step is None else [AVERAGES]
    if (run / WEIGHTS_FILE).is_file():
        weights = {name: tensor.float() for name, tensor in read_weights(run).items()}
    else:
        checkpoint = _checkpoint(run, step=step, parts=parts)
        weights = checkpoint.tensors(next(part for part in parts if checkpoint.holds(part)))
    paradigm = build_paradigm(config, latent)
    try:
        paradigm.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(f"The weights in {run} are of another version of the model ({error}); train it anew.") from None
    return paradigm.eval().requires_grad_(False)


def _checkpoint(run: Path, *, step: int | None, parts: Sequence[str]) -> Checkpoint:
    """One that holds any of `parts`, and whose first of them is good."""
    root = run / CHECKPOINTS
    if step is None:
        newest = newest_checkpoint(root, only=parts)
        if newest is None:
            raise UserError(f"{run} has no checkpoint yet; let `counterpoint train` go on until it has written one.")
        return newest
    folder = root / f"step-{step:08d}"
    if not folder.is_dir():
        present = ", ".join(str(int(path.name.removeprefix("step-"))) for path in reversed(list_checkpoints(root)))
        raise UserError(f"{run} has no checkpoint of step {step}; it has {present or 'none'}.")
    return read_checkpoint(folder, only=parts)
