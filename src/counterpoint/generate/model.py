"""Loading of the model that `--model` names: a paradigm, the codec of its latents, and its window length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from counterpoint.codec import Codec, load_codec
from counterpoint.config import SamplingConfig, UserError
from counterpoint.config.device import find_device
from counterpoint.generate.musicgen import WINDOW_S, load_musicgen
from counterpoint.generate.settings import is_published, settings_of
from counterpoint.kernels import PRECISIONS, Precision
from counterpoint.paradigm import Paradigm
from counterpoint.runs import find_run, load_run, read_description


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to generate.

    Attributes:
        paradigm: the network.
        codec: the codec that decodes its output to audio.
        window_s: the longest music in its training; longer music is drawn in windows of that length.
        source: the name from which it was loaded.
        sampling: sampling settings that were chosen for it, by name.
    """

    paradigm: Paradigm
    codec: Codec
    window_s: float
    source: str = ""
    sampling: Mapping[str, Any] = field(default_factory=dict)

    def how(
        self, given: Mapping[str, Any], *, otherwise: Mapping[str, Any] | None = None, refuse_idle: bool = False
    ) -> SamplingConfig:
        """Its sampling settings; see `sampling_of` and `settings_of`."""
        name = self.paradigm.config.paradigm
        return settings_of(name, self.sampling, given, otherwise=otherwise, refuse_idle=refuse_idle)


def load_model(
    model: str | Path,
    *,
    device: str = "auto",
    precision: str | None = None,
    compiled: bool = False,
    codec: Codec | None = None,
) -> LoadedModel:
    """Load a model and the codec of its latents, laid out to draw fast.

    Args:
        model: a run folder, its name below `runs`, or a MusicGen checkpoint: a folder or a hub id.
        device: as for `find_device`.
        precision: precision of the stored weights: fp32 (the default), fp16 or int8 on a CPU, bf16 (the default), fp16
            or fp32 on a CUDA GPU, fp32 (the default) or fp16 on an Apple GPU. The codec keeps fp32.
        compiled: whether to compile the network, which takes a minute and pays off for many clips.
        codec: the codec of its latents, if it is already loaded.

    Raises:
        UserError: there is no such model or device, the model is damaged or not supported, the codec's weights have
            changed, or the device or the paradigm does not support the precision or compilation.
    """
    device, chosen = _check(device, precision)
    loaded = replace(read_model(model, codec=codec), source=str(model))
    loaded.paradigm.lay_out(device=device, precision=chosen, compiled=compiled)
    return loaded if device == "cpu" else replace(loaded, codec=loaded.codec.to(device))


_SERVED: dict[str, tuple[Precision, ...]] = {
    "cpu": ("fp32", "fp16", "int8"),
    "cuda": ("bf16", "fp16", "fp32"),
    "mps": ("fp32", "fp16"),
}
"""Supported precisions by kind of device; the first is the default."""


def _check(name: str, precision: str | None) -> tuple[str, Precision]:
    """Return the device and the precision of the weights on it."""
    device = find_device(name)
    kind = device.partition(":")[0]
    served = _SERVED[kind]
    chosen = next((known for known in PRECISIONS if known == (precision or served[0])), None)
    if chosen not in served:
        raise UserError(f"The precision {precision!r} is not supported on {kind}: choose {', '.join(served)}.")
    return device, chosen


def read_model(model: str | Path, *, codec: Codec | None = None) -> LoadedModel:
    """Read a model in full precision on the CPU; see `load_model`."""
    run = find_run(model)
    if is_published(run):
        return LoadedModel(*load_musicgen(str(run)), window_s=WINDOW_S)
    paradigm = load_run(run)
    codec = codec or load_codec(paradigm.latent.codec)
    if paradigm.latent.fingerprint and paradigm.latent.fingerprint != codec.fingerprint:
        raise UserError(
            f"The model {model} was trained on latents of another version of the codec {paradigm.latent.codec!r}; "
            "train it again on latents of the present one."
        )
    # A run without a recorded window may use all of its positions.
    longest_s = paradigm.max_frames() / paradigm.latent.frame_rate
    described = read_description(run)
    return LoadedModel(
        paradigm, codec, window_s=described.get("segment_s", longest_s), sampling=described.get("sampling", {})
    )
