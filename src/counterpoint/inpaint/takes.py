"""Music with filled-in spans in several takes, ranked by their seams.

Shapes: B takes, C channels, N audio samples.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from counterpoint.analysis.tracks import NOT_GIVEN, frame_times
from counterpoint.audio import SILENCE_PEAK, normalize_loudness, resample
from counterpoint.audio.levels import fault_of_level
from counterpoint.codec import encode_audio
from counterpoint.config import InpaintingMethod, UserError
from counterpoint.config.room import require_memory
from counterpoint.generate.controls import RequestedControls, read_controls
from counterpoint.generate.model import LoadedModel
from counterpoint.generate.outputs import Progress
from counterpoint.generate.requested import ControlSources
from counterpoint.inpaint.files import Music, Patch, as_float
from counterpoint.inpaint.request import FileJob, InpaintingRequest
from counterpoint.inpaint.spans import Place, Span, lay_windows
from counterpoint.inpaint.splice import match_level, splice, within
from counterpoint.inpaint.windows import Filled, fill_windows, without
from counterpoint.paradigm.watch import Watch

if TYPE_CHECKING:
    from rich.console import Console

    from counterpoint.metrics import Seams

LISTEN_S = 10.0
"""Seconds of music on both sides of the spans for judging their seams."""
USUAL = 1.5
"""Factor by which the spread of latents may deviate before the level is corrected."""


@dataclass(frozen=True, eq=False)
class Take:
    """One way of filling in the spans.

    Attributes:
        seed: reproduces the take.
        seams: how well all its spans join their context.
        patches: its new samples.
        path: the file to which it was written, if any.
    """

    seed: int
    seams: Seams
    patches: Sequence[Patch]
    path: Path | None = None


@dataclass(frozen=True)
class Inpainting:
    """The result of `fill_in` or `inpaint_file`.

    Attributes:
        takes: the best first.
        method: the method that was used.
        channels: number of channels of the music; the new music is the same in each except for its level.
        audio_s: length of the music.
        latency_s: wall time of filling in, without loading and judging.
        network_evaluations: backbone passes per take, for all spans together.
        model_evaluations: the same with the rows of guidance.
        controls: the requested controls, from the start of the first span; None without any.
    """

    takes: Sequence[Take]
    method: InpaintingMethod
    channels: int
    audio_s: float
    latency_s: float
    network_evaluations: int
    model_evaluations: int
    controls: RequestedControls | None = None


@dataclass
class _Draft:
    """An unfinished take: its seed, and its new samples."""

    seed: int
    patches: list[Patch] = field(default_factory=list)


def fill_in(
    music: Music,
    request: InpaintingRequest,
    *,
    model: LoadedModel,
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> Inpainting:
    """Fill in spans of music of any length, rate and number of channels.

    Spans are filled in order of time, so that a later one has the earlier ones as context. The mono output of the model
    is inserted into all channels, at the level of each around the span.

    Args:
        progress: called with (fills done, total fills).
        watch: called while a span is drawn; see `Paradigm.inpaint`.

    Returns:
        The takes, which are not written to files.

    Raises:
        UserError: a span, the music, the model or the method is unsuitable; the sentence gives the remedy.
    """
    method = model.paradigm.inpainting_method(cast(InpaintingMethod | None, request.method))
    places = lay_windows(
        request.spans,
        samples=music.frames,
        sample_rate=music.sample_rate,
        window_s=model.window_s,
        frame_rate=model.codec.frame_rate,
    )
    _require_memory(request.num, music=music, places=places, model=model)
    for place in places:
        _require_sound(music, place, spans=_whole_spans(places, music=music))
    controls = _read_controls(request.controls, places=places, music=music, model=model)
    drafts = [_Draft(request.seed + index) for index in range(request.num)]
    filled, started = [], time.perf_counter()
    for index, place in enumerate(places):
        report = progress and partial(_later, progress, by=index * request.num, total=len(places) * request.num)
        filled.append(
            _fill(
                drafts,
                music=music,
                place=place,
                model=model,
                request=request,
                method=method,
                controls=None
                if controls is None
                else _tracks(controls, place, first=places[0], music=music, model=model),
                progress=report,
                watch=watch,
            )
        )
    latency_s = time.perf_counter() - started
    takes = [_judge(draft, music=music, places=places) for draft in drafts]
    return Inpainting(
        sorted(takes, key=lambda take: -take.seams.score),
        method,
        channels=music.channels,
        audio_s=music.frames / music.sample_rate,
        latency_s=latency_s,
        network_evaluations=sum(fills.network_evaluations for fills in filled),
        model_evaluations=sum(fills.model_evaluations for fills in filled),
        controls=controls,
    )


def inpaint_file(
    job: FileJob,
    request: InpaintingRequest,
    *,
    model: LoadedModel,
    progress: Progress | None = None,
) -> Inpainting:
    """Fill in spans of a file and write its takes, as `counterpoint inpaint` does.

    Outside the spans and crossfades the output contains the file's own samples, bit for bit, in its own sample format.
    Nothing is written if there is an error.

    Raises:
        UserError: see `fill_in`.
    """
    done = fill_in(job.music, request, model=model, progress=progress)
    takes = [replace(take, path=path) for take, path in zip_longest(done.takes, job.paths)]
    for take in takes:
        if take.path is not None:
            job.music.write(take.path, patches=take.patches)
    return replace(done, takes=takes)


def print_takes(takes: Sequence[Take], *, console: Console) -> None:
    """Print a table of takes, the best first, with the measures of their seams."""
    from rich.table import Table

    names = [entry.name for entry in fields(takes[0].seams)]
    table = Table("take", "seed", "score", *(name.replace("_", " ") for name in names), box=None, pad_edge=False)
    for rank, take in enumerate(takes, start=1):
        values = [take.seams.score, *(getattr(take.seams, name) for name in names)]
        table.add_row(str(rank), str(take.seed), *("-" if math.isnan(value) else f"{value:.2f}" for value in values))
    console.print(table)


def _whole_spans(places: Sequence[Place], *, music: Music) -> list[Span]:
    """Start and stop of every span, in seconds of the music."""
    return [(place.start / music.sample_rate + place.span[0], place.start / music.sample_rate + place.span[1])
            for place in places]  # fmt: skip


def _read_controls(
    sources: ControlSources | None, *, places: Sequence[Place], music: Music, model: LoadedModel
) -> RequestedControls | None:
    """The requested controls from the start of the first span to the stop of the last."""
    if sources is None or not sources.requested():
        return None
    spans = _whole_spans(places, music=music)
    return read_controls(sources, model=model, duration_s=spans[-1][1] - spans[0][0])


def _tracks(controls: RequestedControls, place: Place, *, first: Place, music: Music, model: LoadedModel) -> np.ndarray:
    """Tracks [J, T] of a window: the requests inside its span, and none outside, where the music is known."""
    frame_rate = model.codec.frame_rate
    samples = math.ceil((place.stop - place.start) / music.sample_rate * model.codec.sample_rate)
    times = frame_times(math.ceil(samples / model.codec.samples_per_frame), frame_rate=frame_rate)
    since = times + place.start / music.sample_rate - (first.start / music.sample_rate + first.span[0])
    frames = np.floor(since * frame_rate).astype(int)
    inside = (times >= place.span[0]) & (times < place.span[1]) & (frames >= 0) & (frames < controls.tracks.shape[1])
    tracks = np.full((len(controls.tracks), len(times)), NOT_GIVEN, dtype=controls.tracks.dtype)
    tracks[:, inside] = controls.tracks[:, frames[inside]]
    return tracks


def _require_memory(takes: int, *, music: Music, places: Sequence[Place], model: LoadedModel) -> None:
    """Refuse more takes than memory holds: of each its new samples, and its window as the model's input and output."""
    lengths = [place.stop - place.start for place in places]
    window = max(lengths) / music.sample_rate * model.codec.sample_rate
    own = 2 * sum(lengths) * music.channels + 3 * 4 * window
    require_memory(takes * own, needs=f"{takes:,} takes need", remedy="choose a smaller --num")


def _require_sound(music: Music, place: Place, *, spans: Sequence[Span]) -> None:
    """Refuse a window that is silent outside the spans; a window that consists of spans has the earlier ones as
    context."""
    rate = music.sample_rate
    mono = as_float(music.read(place.start, place.stop)).mean(axis=1)
    at = (place.start + np.arange(len(mono))) / rate
    hidden = np.any([(at >= start) & (at < stop) for start, stop in spans], axis=0)
    around = mono[~(hidden | within(place.span, samples=len(mono), sample_rate=rate))]
    if not around.size:
        return
    loudest = float(np.abs(around).max())
    if fault := fault_of_level(loudest):
        raise UserError(f"{music.name} {fault}; export it again.")
    if loudest < SILENCE_PEAK:
        start, stop = (place.start / music.sample_rate + second for second in place.span)
        raise UserError(
            f"Around the span {start:g}:{stop:g} {music.name} is silent, which leaves no context: make new music "
            "with `counterpoint generate`."
        )


def _fill(
    drafts: Sequence[_Draft],
    *,
    music: Music,
    place: Place,
    model: LoadedModel,
    request: InpaintingRequest,
    method: InpaintingMethod,
    controls: np.ndarray | None,
    progress: Progress | None,
    watch: Watch | None,
) -> Filled:
    """Fill in one span of every take.

    Args:
        controls: [J, T] tracks of the window.
    """
    own, nth = model.codec.sample_rate, len(drafts[0].patches)
    fills = fill_windows(
        np.stack([_rendered(music, place, draft.patches, model=model) for draft in drafts]),
        spans_s=[place.span] * len(drafts),
        captions=[request.prompt] * len(drafts),
        seeds=[draft.seed + (nth << 32) for draft in drafts],  # the first span has the take's own seed
        model=model,
        sampling=request.sampling,
        method=method,
        controls=None if controls is None else np.stack([controls] * len(drafts)),
        progress=progress,
        watch=watch,
    )
    for draft, fill in zip(drafts, fills.audio, strict=True):
        fill = resample(fill, own_rate=own, sample_rate=music.sample_rate)
        fade = {"crossfade_s": request.crossfade_s, "keeps_phase": model.codec.keeps_phase}
        draft.patches.append(_patch(fill, music=music, place=place, under=draft.patches, fade=fade))
    return fills


def _rendered(music: Music, place: Place, patches: Sequence[Patch], *, model: LoadedModel) -> np.ndarray:
    """Mono audio [N] of a take's window as the model's input, with the span removed before resampling.

    Music much quieter or louder than the training music, which shows in the spread of its latents (App. E.2), is
    brought to the level of the loudness policy; `match_level` reverses this.
    """
    mono = as_float(music.read(place.start, place.stop, patches=patches)).mean(axis=1)
    start, stop = (round(second * music.sample_rate) for second in place.span)
    rate = model.codec.sample_rate
    audio = resample(without(mono, start, stop), own_rate=music.sample_rate, sample_rate=rate)
    spread = float(encode_audio(audio, model.codec).latents.std(dim=1).mean())
    if 1 / USUAL < spread / model.paradigm.latent.mean_std < USUAL:
        return audio
    return normalize_loudness(audio, sample_rate=rate)


def _patch(fill: np.ndarray, *, music: Music, place: Place, under: Sequence[Patch], fade: dict[str, Any]) -> Patch:
    """A window with the span of `fill` [N] in it, at the file's rate.

    Args:
        fade: arguments of the crossfade of `splice`.
    """
    window = music.read(place.start, place.stop, patches=under)
    fill = np.pad(fill, (0, max(0, len(window) - len(fill))), mode="edge")[: len(window)]  # for rounding
    where = {"sample_rate": music.sample_rate, "span": place.span}
    fill = match_level(fill, as_float(window), **where)
    return Patch(place.start, splice(window, fill, **fade, **where))


def _judge(draft: _Draft, *, music: Music, places: Sequence[Place]) -> Take:
    """Measure the seams of all spans, with their context."""
    from counterpoint.metrics import measure_seams

    rate = music.sample_rate
    starts, stops = ([place.start + round(place.span[side] * rate) for place in places] for side in (0, 1))
    first, last = max(0, starts[0] - round(LISTEN_S * rate)), min(music.frames, stops[-1] + round(LISTEN_S * rate))
    mono = as_float(music.read(first, last, patches=draft.patches)).mean(axis=1)
    spans = [((start - first) / rate, (stop - first) / rate) for start, stop in zip(starts, stops, strict=True)]
    return Take(draft.seed, measure_seams(mono, sample_rate=rate, spans=spans), draft.patches)


def _later(progress: Progress, done: float, _: float, *, by: int, total: int) -> None:
    progress(done + by, total)
