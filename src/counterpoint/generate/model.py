"""What `--model` names, loaded: a paradigm, the codec whose latents it speaks, and the length it was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from counterpoint.codec import Codec, load_codec
from counterpoint.config import SamplingConfig, UserError, parse, read_json
from counterpoint.generate.musicgen import WINDOW_S, is_musicgen, load_musicgen
from counterpoint.generate.run import load_run
from counterpoint.kernels import PRECISIONS, Precision, pack
from counterpoint.paradigm import FlowMatching, Paradigm
from counterpoint.runs import RUNS, SHIPPED_MODELS, find_run, shipped_models
from counterpoint.runs.layout import MODEL_FILE

__all__ = ["SHIPPED", "LoadedModel", "find_run", "lay_out", "load_model", "read_model", "sampling_of", "shipped_models"]

SHIPPED = SHIPPED_MODELS
"""One folder a model that comes with the package; see `runs.find`."""


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to generate.

    Attributes:
        paradigm: the network.
        codec: turns what it draws into audio.
        window_s: the longest music it was trained on; longer music is made by windows of that length.
        source: what it was loaded from.
    """

    paradigm: Paradigm
    codec: Codec
    window_s: float
    source: str = ""


def load_model(
    model: str | Path,
    *,
    device: str = "cpu",
    precision: str | None = None,
    compiled: bool = False,
    codec: Codec | None = None,
) -> LoadedModel:
    """A model and the codec whose latents it was trained on, laid out to draw fast.

    Args:
        model: a run folder, its name below `runs`, or a MusicGen checkpoint: a folder or a hub id.
        device: `cpu` or `cuda`.
        precision: that weights are stored in: fp32 (the default), fp16 or int8 on a CPU, bf16 (the default), fp16 or
            fp32 on a GPU. The codec keeps fp32.
        compiled: compile the network of flow matching, which takes a minute and pays for many clips.
        codec: that of its latents, where it is loaded already.

    Raises:
        UserError: no such model, one that is damaged or not supported, the codec has other weights now, there is no
            such device, or a precision that it does not serve.
    """
    device, chosen = _check(device, precision)
    loaded = read_model(model, codec=codec)
    if compiled and not isinstance(loaded.paradigm, FlowMatching):
        raise UserError("An auto-regressive model has kernels of its own and is not compiled: leave out --compile.")
    lay_out(loaded.paradigm, device=device, precision=chosen, compiled=compiled)
    loaded = replace(loaded, source=str(model))
    return loaded if device == "cpu" else replace(loaded, codec=loaded.codec.to(device))


def sampling_of(
    model: str | Path, given: Mapping[str, Any], *, otherwise: Mapping[str, Any] | None = None
) -> SamplingConfig:
    """How to draw from a model: as is given, else as the `sampling` in its model.json says, which a model that ships
    has, else as `otherwise`, else by the defaults.

    Args:
        model: as for `load_model`.
        given: fields of `SamplingConfig`; None leaves one open.
        otherwise: more of them.

    Raises:
        UserError: a value that does not fit.
    """
    file = find_run(model) / MODEL_FILE
    own = read_json(file).get("sampling", {}) if file.is_file() else {}
    chosen = {name: value for name, value in given.items() if value is not None}
    return parse({**(otherwise or {}), **own, **chosen}, SamplingConfig, source="sampling")


def lay_out(paradigm: Paradigm, *, device: str, precision: Precision, compiled: bool = False) -> None:
    """Bring a model, in place, to its device and into the format and layout in which it draws fastest."""
    if compiled and isinstance(paradigm, FlowMatching):
        paradigm.compile_velocity()
    if device != "cpu":
        paradigm.to(device, {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[precision])
        if isinstance(paradigm, FlowMatching):
            paradigm.time.float()  # t is told apart in full precision alone
            if paradigm.gaussian is not None:
                paradigm.gaussian.float()
    # Flow matching has many rows at once, for which plain matrices in full precision are fastest.
    elif precision != "fp32" or paradigm.target == "codes":
        pack(paradigm, precision=precision)


def _check(device: str, precision: str | None) -> tuple[str, Precision]:
    served: dict[str, tuple[Precision, ...]] = {"cpu": ("fp32", "fp16", "int8"), "cuda": ("bf16", "fp16", "fp32")}
    kind = device.partition(":")[0]
    if kind not in served:
        raise UserError(f"There is no device {device!r}: choose cpu or cuda.")
    chosen = next((known for known in PRECISIONS if known == (precision or served[kind][0])), None)
    if chosen not in served[kind]:
        raise UserError(f"The precision {precision!r} does not serve on {kind}: choose {', '.join(served[kind])}.")
    if kind == "cuda" and not torch.cuda.is_available():
        raise UserError("There is no GPU that torch can use here: leave --device cpu.")
    return device, chosen


def read_model(model: str | Path, *, codec: Codec | None = None) -> LoadedModel:
    """A model as it was trained, in full precision on the CPU; see `load_model`."""
    run = find_run(model)
    if _is_published(run):
        return LoadedModel(*load_musicgen(str(run)), window_s=WINDOW_S)
    paradigm = load_run(run)
    codec = codec or load_codec(paradigm.latent.codec)
    if paradigm.latent.fingerprint and paradigm.latent.fingerprint != codec.fingerprint:
        raise UserError(
            f"The model {model} was trained on latents of another version of the codec {paradigm.latent.codec!r}; "
            "train it again on latents of the present one."
        )
    # A run from before this was written down is trusted as far as it has positions.
    longest_s = paradigm.max_frames() / paradigm.latent.frame_rate
    return LoadedModel(paradigm, codec, window_s=read_json(run / MODEL_FILE).get("segment_s", longest_s))


def _is_published(path: Path) -> bool:
    """Whether a path stands for another library's checkpoint, or can only be a hub id: OWNER/NAME."""
    if path.is_dir():
        return not (path / MODEL_FILE).is_file() and is_musicgen(path)
    is_ours = any((folder / path.parts[0]).exists() for folder in (Path(), RUNS))
    return path.is_file() or (len(path.parts) == 2 and not is_ours)
