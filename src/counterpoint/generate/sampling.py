"""Captions to waveforms: prepare text, draw latents, decode.

Shapes: n captions, B batch, K codebooks, T latent frames, D latent channels, N audio samples.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from counterpoint.audio import Sound, frames
from counterpoint.audio.files import require_room
from counterpoint.codec import Codec, decode
from counterpoint.conditioning import plan_guidance
from counterpoint.config import atomic_write, write_json, write_json_lines
from counterpoint.config.files import replace_folder
from counterpoint.generate.memory import clips_at_once
from counterpoint.generate.model import LoadedModel
from counterpoint.generate.outputs import (
    ENTROPIES_FILE,
    GENERATION_FILE,
    METADATA_FILE,
    Destination,
    GenerationReport,
    Progress,
)
from counterpoint.generate.request import GenerationRequest, resolve
from counterpoint.paradigm import Sample
from counterpoint.paradigm.watch import Watch, watch_share


@dataclass(frozen=True, eq=False, repr=False)
class AudioGeneration(Sound):
    """One generated clip.

    Attributes:
        audio: [1, N] float32 in [-1, 1].
        sample_rate: Hz.
        caption: the caption.
        seed: reproduces the audio; on a CPU with our own kernels exactly, alone, in any batch and with any number of
            threads. On a GPU, and without a compiler, another batch may round differently.
        network_evaluations: number of backbone passes.
        model_evaluations: the same with the rows of guidance: a guided pass counts as two (or three).
        entropies: [T] nats, see `Sample`; auto-regressive only.
        remarks: changes to the controls that a user gave, one sentence each.
    """

    caption: str
    seed: int
    network_evaluations: int
    model_evaluations: int
    entropies: np.ndarray | None
    remarks: Sequence[str] = ()

    def _title(self) -> str:
        return f"{self.caption or 'no caption'}, seed {self.seed}"


def generate(
    request: GenerationRequest, *, model: LoadedModel, progress: Progress | None = None, watch: Watch | None = None
) -> Iterator[AudioGeneration]:
    """Draw one clip per caption, in their order.

    Args:
        progress: called with (clips done, total clips), also within a clip, which then counts in part.
        watch: called while a batch is drawn; see `Paradigm.sample`.

    Raises:
        UserError: the duration is not positive, a caption is too long, controls are unknown to the model or unreadable,
            or memory cannot hold a clip.
    """
    request = resolve(request, model=model)
    captions, paradigm = request.captions, model.paradigm
    rate = paradigm.latent.frame_rate
    length, window = (frames(value, frame_rate=rate) for value in (request.duration_s, model.window_s))
    text = paradigm.prepare(captions)  # a caption that is too long is refused before anything is drawn
    tracks = None if request.tracks is None else torch.from_numpy(request.tracks).long()
    device = next(paradigm.parameters()).device
    is_alone = device.type == "cpu" and paradigm.draws_alone_on_cpu
    at_once = clips_at_once(
        paradigm,
        frames=length,
        window=window,
        text_tokens=text.ids.shape[1],
        passes=plan_guidance(text, controls=tracks, sampling=request.sampling).passes,
        wanted=1 if is_alone else min(request.batch_size, len(captions)),
    )
    for start in range(0, len(captions), at_once):
        batch = captions[start : start + at_once]
        seeds = range(request.seed + start, request.seed + start + len(batch))
        meter = _Meter(progress, first=start, count=len(batch), total=len(captions))
        sample = paradigm.sample(
            text=paradigm.prepare(batch).to(device),
            lengths=torch.full((len(batch),), length, device=device),
            sampling=request.sampling,
            generators=[torch.Generator().manual_seed(value) for value in seeds],
            window=window,
            controls=None if tracks is None else tracks[start : start + at_once].to(device),
            watch=watch_share(meter.drawn, watch),
        )
        decoded = zip(batch, seeds, _decoded(sample, model.codec), strict=True)
        for index, (caption, value, audio) in enumerate(decoded):
            meter.decoded(index + 1)
            yield AudioGeneration(
                audio,
                model.codec.sample_rate,
                caption=caption,
                seed=value,
                network_evaluations=sample.network_evaluations,
                model_evaluations=sample.model_evaluations,
                entropies=None if sample.entropies is None else sample.entropies[index].cpu().numpy(),
                remarks=request.requested_controls.remarks if request.requested_controls else (),
            )


@dataclass(frozen=True)
class _Meter:
    """Reports the progress of a batch: drawing counts as nine tenths of a clip, decoding as one.

    Attributes:
        first: number of clips in earlier batches.
        count: number of clips in the batch.
        total: number of clips in all batches.
    """

    progress: Progress | None
    first: int
    count: int
    total: int

    def drawn(self, share: float) -> None:
        """Report that a share of the batch is drawn."""
        self._report(0.9 * share * self.count)

    def decoded(self, clips: int) -> None:
        """Report that the batch is drawn, and that the given number of its clips is decoded."""
        self._report(0.9 * self.count + 0.1 * clips if clips < self.count else self.count)

    def _report(self, done: float) -> None:
        if self.progress is not None:
            self.progress(self.first + done, self.total)


def _decoded(sample: Sample, codec: Codec) -> Iterator[np.ndarray]:
    """Audio [N] of each sample: on a CPU one at a time, which fits the caches, on a GPU several."""
    drawn = sample.codes if sample.latents is None else sample.latents
    assert drawn is not None
    view = "codes" if sample.latents is None else "latents"
    for part in drawn.split(8 if drawn.is_cuda else 1):
        yield from decode(codec, **{view: part}).clamp(-1, 1).numpy()


def generate_folder(
    request: GenerationRequest,
    *,
    model: LoadedModel,
    out: Path,
    ids: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> GenerationReport:
    """Write one wav per caption, `metadata.jsonl` (the HF audiofolder layout), `generation.json` and, for an
    auto-regressive model, `entropies.npy`.

    Args:
        ids: a name for each clip, the wav's stem; numbers by default.
        progress: as in `generate`.
    """
    request = resolve(request, model=model)
    captions = request.captions
    names = list(ids) if ids is not None else [f"{index:03d}" for index in range(len(captions))]
    report = _write(
        request,
        [out / f"{name}.wav" for name in names],
        model=model,
        progress=progress,
        entropies=out / ENTROPIES_FILE,
    )
    entries = [
        {"file_name": f"{name}.wav", "caption": caption, "id": name, "seed": request.seed + index}
        for index, (name, caption) in enumerate(zip(names, captions, strict=True))
    ]
    write_json_lines(out / METADATA_FILE, entries)
    write_json(
        out / GENERATION_FILE,
        {
            "model": model.source,
            "seed": request.seed,
            "sampling": request.sampling.model_dump(),
            "controls": request.requested_controls.to_json() if request.requested_controls else None,
            "report": asdict(report),
        },
    )
    return report


def write_clips(
    request: GenerationRequest, *, model: LoadedModel, out: Destination, progress: Progress | None = None
) -> GenerationReport:
    """Write clips into a file or a folder, as `counterpoint generate` does.

    A folder is filled as by `generate_folder`. It appears when all clips are drawn, and then replaces the folder of an
    earlier call as a whole.
    """
    request = resolve(request, model=model)
    if out.is_file:
        return _write(request, [out.path], model=model, progress=progress)
    reports: list[GenerationReport] = []
    replace_folder(
        out.path,
        lambda folder: reports.append(generate_folder(request, model=model, out=folder, progress=progress)),
    )
    return reports[0]


def _write(
    request: GenerationRequest,
    paths: Sequence[Path],
    *,
    model: LoadedModel,
    progress: Progress | None,
    entropies: Path | None = None,
) -> GenerationReport:
    """Draw every caption's clip into its file, and the entropies, if there are any, into their own file.

    Args:
        request: a request whose controls have been read.
    """
    samples = len(paths) * frames(request.duration_s, frame_rate=model.codec.sample_rate)
    length = f"{request.duration_s:g} s"
    require_room(
        paths[0],
        samples=samples,
        needs=f"{len(paths):,} clips of {length} need" if paths[1:] else f"{length} of music need",
    )
    clips = generate(request, model=model, progress=progress)
    latency_s = audio_s = 0.0
    passes = evaluations = 0
    curves = []
    for path in paths:
        started = time.perf_counter()
        clip = next(clips)
        latency_s += time.perf_counter() - started
        audio_s += clip.duration_s
        passes = max(passes, clip.network_evaluations)
        evaluations = max(evaluations, clip.model_evaluations)
        curves.append(clip.entropies)
        clip.save(path)
    if entropies is not None and curves[0] is not None:
        atomic_write(entropies, lambda temporary: _save_array(temporary, np.stack(curves)))
    return GenerationReport(
        model.paradigm.config.paradigm,
        len(paths),
        audio_s,
        latency_s,
        passes,
        evaluations,
        remarks=request.requested_controls.remarks if request.requested_controls else [],
    )


def _save_array(path: Path, array: np.ndarray) -> None:
    with path.open("wb") as file:  # np.save would add a suffix to the name
        np.save(file, array)
