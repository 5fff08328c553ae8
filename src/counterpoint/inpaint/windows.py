"""Inpainting of windows of audio: encode the known part, inpaint with the paradigm, decode.

Shapes: B batch, J controls of the model, K codebooks, T latent frames, D latent channels, N audio samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from counterpoint.codec import decode, encode_audio
from counterpoint.conditioning import plan_guidance
from counterpoint.config import InpaintingMethod, SamplingConfig, UserError
from counterpoint.generate.memory import clips_at_once
from counterpoint.generate.model import LoadedModel
from counterpoint.generate.outputs import Progress
from counterpoint.inpaint.spans import SLACK
from counterpoint.paradigm import Sample
from counterpoint.paradigm.watch import Watch, watch_share

BATCH_SIZE = 16


@dataclass(frozen=True, eq=False)
class Filled:
    """Windows with their spans filled in.

    Attributes:
        audio: [B, N] float32 in [-1, 1], whole windows as decoded by the codec: outside the span they are a
            reconstruction, which `splice` replaces by the original music.
        method: the method that was used.
        network_evaluations: backbone passes per window.
        model_evaluations: the same with the rows of guidance.
        endings: [B] see `Sample`; auto-regressive only.
    """

    audio: np.ndarray
    method: InpaintingMethod
    network_evaluations: int
    model_evaluations: int
    endings: np.ndarray | None


def fill_windows(
    audio: np.ndarray,
    *,
    spans_s: Sequence[tuple[float, float]],
    captions: Sequence[str],
    seeds: Sequence[int],
    model: LoadedModel,
    sampling: SamplingConfig,
    method: InpaintingMethod | None = None,
    controls: np.ndarray | None = None,
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> Filled:
    """Fill in a span of each window; window b depends only on its seed, not on the rest of the batch.

    The audio inside a span is not read: neither by the model nor, through the codec's memory and look-ahead, in the
    frames around the span.

    Args:
        audio: [B, N] float32 mono, at the codec's sample rate.
        spans_s: start and stop of each in seconds of the window; all have the same length. They are widened to whole
            frames.
        captions: captions of the whole windows; an empty one requests nothing.
        method: one of the model's `inpainting_methods`; by default the first.
        controls: [B, J, T] classes of `analysis.tracks`, one row for each of the model's controls; by default nothing
            is requested.
        progress: called with (windows done, total windows), also within a window, which then counts in part.
        watch: called while a batch is drawn; see `Paradigm.inpaint`.

    Raises:
        UserError: the model does not support the method, a caption is too long, a window exceeds the model's positions
            or the memory, or a span leaves nothing of its window.
    """
    paradigm, codec = model.paradigm, model.codec
    chosen = paradigm.inpainting_method(method)
    text = paradigm.prepare(captions)
    T = math.ceil(audio.shape[1] / codec.samples_per_frame)
    spans = frame_spans(spans_s, frame_rate=codec.frame_rate, frames=T)
    tracks = None if controls is None else torch.from_numpy(controls).long()
    at_once = clips_at_once(
        paradigm,
        frames=T,
        window=T,
        text_tokens=text.ids.shape[1],
        passes=plan_guidance(text, controls=tracks, sampling=sampling).passes,
        wanted=min(BATCH_SIZE, len(captions)),
    )
    decoded, samples, device = [], [], next(paradigm.parameters()).device
    for start in range(0, len(captions), at_once):
        batch = slice(start, start + at_once)
        drawn = partial(_report, progress, first=start, count=len(captions[batch]), total=len(captions))
        sample = paradigm.inpaint(
            _encoded(audio[batch], spans[batch], model=model).to(device),
            spans=spans[batch].to(device),
            text=paradigm.prepare(captions[batch]).to(device),
            sampling=sampling,
            generators=[torch.Generator().manual_seed(seed) for seed in seeds[batch]],
            method=chosen,
            controls=None if tracks is None else tracks[batch].to(device),
            watch=watch_share(drawn, watch),
        )
        samples.append(sample)
        decoded += [row[: audio.shape[1]] for row in _decoded(sample, model=model)]
        if progress is not None:
            progress(len(decoded), len(captions))
    endings = [sample.endings.cpu().numpy() for sample in samples if sample.endings is not None]
    return Filled(
        np.stack(decoded),
        chosen,
        network_evaluations=max(sample.network_evaluations for sample in samples),
        model_evaluations=max(sample.model_evaluations for sample in samples),
        endings=np.concatenate(endings) if endings else None,
    )


def _report(progress: Progress | None, share: float, *, first: int, count: int, total: int) -> None:
    """Report a share of a batch that is drawn; it is finished only when it is decoded."""
    if progress is not None:
        progress(first + 0.9 * share * count, total)


def frame_spans(spans_s: Sequence[tuple[float, float]], *, frame_rate: float, frames: int) -> Tensor:
    """First frame and the one after the last [B, 2]: the fewest frames that cover each span, of a common length.

    Args:
        spans_s: in seconds.
        frame_rate: Hz.
        frames: T.
    """
    covering = [
        (math.floor(start * frame_rate + SLACK), math.ceil(stop * frame_rate - SLACK)) for start, stop in spans_s
    ]
    count = min(max(stop - start for start, stop in covering), frames)
    starts = [min(max(start, 0), frames - count) for start, _ in covering]
    return torch.tensor([(start, start + count) for start in starts])


def _encoded(audio: np.ndarray, spans: Tensor, *, model: LoadedModel) -> Tensor:
    """Codes [B, K, T] or latents [B, T, D] for the paradigm; those inside the spans are meaningless."""
    hop = model.codec.samples_per_frame
    hidden = (without(row, start * hop, stop * hop) for row, (start, stop) in zip(audio, spans.tolist(), strict=True))
    return torch.cat([encode_audio(row, model.codec).view(model.paradigm.target) for row in hidden])


def without(audio: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Audio [N] whose samples from `start` to `stop` are replaced by mirror images of the surrounding audio, the one
    before fading into the one after.

    A codec looks slightly ahead and remembers the past: otherwise the frames around a span would reveal its content,
        or,
    next to silence, suggest an ending.

    Raises:
        UserError: there is no audio around them.
    """
    before, after = audio[:start], audio[stop:]
    count = len(audio) - len(before) - len(after)
    if not (before.size or after.size):
        raise UserError("The span covers all of the music and leaves no context: make the music with `generate`.")
    share = np.linspace(0 if before.size else 1, 1 if after.size else 0, count, dtype=audio.dtype)
    middle = (1 - share) * _mirrored(before, count) + share * _mirrored(after[::-1], count)[::-1]
    return np.concatenate((before, middle, after))


def _mirrored(audio: np.ndarray, count: int) -> np.ndarray:
    """Samples [count] that continue `audio` by mirroring it repeatedly; zeros if it is empty."""
    return np.pad(audio, (0, count), mode="symmetric" if audio.size else "constant")[len(audio) :]


def _decoded(sample: Sample, *, model: LoadedModel) -> Iterator[np.ndarray]:
    """Audio [N] of each window, one at a time as in `generate`."""
    drawn = sample.codes if sample.latents is None else sample.latents
    assert drawn is not None
    for row in drawn.split(1):
        yield decode(model.codec, **{model.paradigm.target: row}).clamp(-1, 1)[0].numpy()
