"""Windows of audio with a span of each filled in: encode what is known, let the paradigm inpaint, decode.

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
        audio: [B, N] float32 in [-1, 1], whole windows as the codec decodes them: outside the span they are a
            reconstruction, and `splice` puts the music itself there.
        method: that was used.
        network_evaluations: backbone passes a window took.
        model_evaluations: the same with the rows of guidance counted.
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
    """Fill in a span of each window; window b's seed alone decides how, whatever its batch mates.

    What the audio holds inside a span is not read: neither by the model nor, through the codec's memory and look-ahead,
    in the frames around the span.

    Args:
        audio: [B, N] float32 mono, at the codec's sample rate.
        spans_s: start and stop of each, seconds in the window; of one length. They are widened to whole frames.
        captions: of the whole windows; an empty one asks for nothing.
        method: one of the model's `inpainting_methods`; by default the first.
        controls: [B, J, T] classes of `analysis.tracks`, one row for each of the model's controls; by default nothing
            is asked.
        progress: called with (windows done, windows in all), also while one is drawn, with a part of it.
        watch: called while a batch is drawn; see `Paradigm.inpaint`.

    Raises:
        UserError: the model does not know the method, a caption is too long, a window longer than the model's
            positions or than memory holds, or a span that leaves nothing of its window.
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
    heard, samples, device = [], [], next(paradigm.parameters()).device
    for start in range(0, len(captions), at_once):
        batch = slice(start, start + at_once)
        drawn = partial(_tell, progress, first=start, count=len(captions[batch]), total=len(captions))
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
        heard += [row[: audio.shape[1]] for row in _decoded(sample, model=model)]
        if progress is not None:
            progress(len(heard), len(captions))
    endings = [sample.endings.cpu().numpy() for sample in samples if sample.endings is not None]
    return Filled(
        np.stack(heard),
        chosen,
        network_evaluations=max(sample.network_evaluations for sample in samples),
        model_evaluations=max(sample.model_evaluations for sample in samples),
        endings=np.concatenate(endings) if endings else None,
    )


def _tell(progress: Progress | None, share: float, *, first: int, count: int, total: int) -> None:
    """A share of a batch is drawn; it is not done before it is decoded."""
    if progress is not None:
        progress(first + 0.9 * share * count, total)


def frame_spans(spans_s: Sequence[tuple[float, float]], *, frame_rate: float, frames: int) -> Tensor:
    """[B, 2] first frame and the one after the last: the fewest that cover each span, made of one length.

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
    """[B, K, T] codes or [B, T, D] latents, as the paradigm reads them; those inside the spans mean nothing."""
    hop = model.codec.samples_per_frame
    hidden = (without(row, start * hop, stop * hop) for row, (start, stop) in zip(audio, spans.tolist(), strict=True))
    return torch.cat([encode_audio(row, model.codec).view(model.paradigm.target) for row in hidden])


def without(audio: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Audio [N] whose samples from `start` to `stop` are replaced by mirror images of what is around them, the one
    before fading into the one after.

    A codec hears a little ahead and remembers what was: the frames around a span would tell of what it held, and next
    to silence they would tell of an ending.

    Raises:
        UserError: nothing is around them.
    """
    before, after = audio[:start], audio[stop:]
    count = len(audio) - len(before) - len(after)
    if not (before.size or after.size):
        raise UserError("The span takes all of the music and leaves nothing to go by: make it with `generate`.")
    share = np.linspace(0 if before.size else 1, 1 if after.size else 0, count, dtype=audio.dtype)
    middle = (1 - share) * _mirrored(before, count) + share * _mirrored(after[::-1], count)[::-1]
    return np.concatenate((before, middle, after))


def _mirrored(audio: np.ndarray, count: int) -> np.ndarray:
    """[count] samples that go on from the end of `audio`: itself backwards, and so on; zeros where there is none."""
    return np.pad(audio, (0, count), mode="symmetric" if audio.size else "constant")[len(audio) :]


def _decoded(sample: Sample, *, model: LoadedModel) -> Iterator[np.ndarray]:
    """[N] of each window, one at a time as in `generate`."""
    drawn = sample.codes if sample.latents is None else sample.latents
    assert drawn is not None
    for row in drawn.split(1):
        yield decode(model.codec, **{model.paradigm.target: row}).clamp(-1, 1)[0].numpy()
