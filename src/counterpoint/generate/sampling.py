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
        caption: what was asked for.
        seed: gives the same audio again; on a CPU with our own kernels to the last bit, alone, in any batch and on any
            number of threads. On a GPU, and where no compiler was found, another batch may round otherwise.
        network_evaluations: backbone passes it took.
        model_evaluations: the same with the rows of guidance counted: a guided pass is two (or three).
        entropies: [T] nats, see `Sample`; auto-regressive only.
        remarks: what was changed of the controls that a user gave, a sentence each.
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
        progress: called with (clips done, clips in all), also while one is drawn, with a part of it.
        watch: called while a batch is drawn; see `Paradigm.sample`.

    Raises:
        UserError: a duration that is not positive, a caption that is too long, controls that the model does not know or
            that cannot be read, or a clip that memory cannot hold.
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
        heard = zip(batch, seeds, _decoded(sample, model.codec), strict=True)
        for index, (caption, value, audio) in enumerate(heard):
            meter.decoded(index + 1)
            yield AudioGeneration(
                audio,
                model.codec.sample_rate,
                caption=caption,
                seed=value,
                network_evaluations=sample.network_evaluations,
                model_evaluations=sample.model_evaluations,
                entropies=None if sample.entropies is None else sample.entropies[index].cpu().numpy(),
                remarks=request.asked.remarks if request.asked else (),
            )


@dataclass(frozen=True)
class _Meter:
    """Tells how far a batch is: nine tenths of a clip are its drawing, the last is decoded.

    Attributes:
        first: clips of the batches before.
        count: clips of the batch.
        total: clips of all batches.
    """

    progress: Progress | None
    first: int
    count: int
    total: int

    def drawn(self, share: float) -> None:
        """A share of the batch is drawn."""
        self._tell(0.9 * share * self.count)

    def decoded(self, clips: int) -> None:
        """The batch is drawn, and so many of its clips are decoded."""
        self._tell(0.9 * self.count + 0.1 * clips if clips < self.count else self.count)

    def _tell(self, done: float) -> None:
        if self.progress is not None:
            self.progress(self.first + done, self.total)


def _decoded(sample: Sample, codec: Codec) -> Iterator[np.ndarray]:
    """[N] of each sample: one at a time fits a processor's caches, several fill a GPU."""
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
    """Write one wav per caption, `metadata.jsonl` (the HF audiofolder layout), `generation.json` and, of an
    auto-regressive model, `entropies.npy`.

    Args:
        ids: a name for each clip, the wav's stem; numbers by default.
        progress: as of `generate`.
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
            "controls": request.asked.to_json() if request.asked else None,
            "report": asdict(report),
        },
    )
    return report


def write_clips(
    request: GenerationRequest, *, model: LoadedModel, out: Destination, progress: Progress | None = None
) -> GenerationReport:
    """What `counterpoint generate` does: clips into a file or a folder.

    A folder is filled as `generate_folder` does. It appears when all clips are drawn, and then takes the place of an
    earlier call's folder as a whole.
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
    """Draw every caption's clip into its file, and the entropies, where there are any, into one of their own.

    Args:
        request: with its controls read.
    """
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
        remarks=request.asked.remarks if request.asked else [],
    )


def _save_array(path: Path, array: np.ndarray) -> None:
    with path.open("wb") as file:  # np.save would add a suffix to the name
        np.save(file, array)
