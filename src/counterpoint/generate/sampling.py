"""Captions to waveforms: prepare text, draw latents, decode.

Shapes: n captions, B batch, J controls, K codebooks, T latent frames, D latent channels, N audio samples.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from counterpoint.audio import frames, save_audio
from counterpoint.audio.files import WRITABLE, check_audio_output
from counterpoint.codec import Codec, decode
from counterpoint.conditioning import plan_guidance
from counterpoint.config import SamplingConfig, UserError, atomic_write, write_json, write_json_lines
from counterpoint.config.base import MOST_CLIPS, check_seed
from counterpoint.config.files import replace_folder
from counterpoint.config.paths import check_output_folder, is_file
from counterpoint.config.tables import FILE_KEYS, first_text, read_table
from counterpoint.config.text import check_text, read_text, split_lines
from counterpoint.generate.controls import ControlSources, read_controls
from counterpoint.generate.memory import clips_at_once
from counterpoint.generate.model import LoadedModel, load_model
from counterpoint.paradigm import Sample

BATCH_SIZE = 16
METADATA_FILE = "metadata.jsonl"
GENERATION_FILE = "generation.json"
ENTROPIES_FILE = "entropies.npy"
"""[n, T] nats of the first codebook's distributions, beside the clips of an auto-regressive model (App. I)."""


@dataclass(frozen=True)
class AudioGeneration:
    """One generated clip.

    Attributes:
        audio: [N] float32 in [-1, 1].
        sample_rate: Hz.
        caption: what was asked for.
        seed: gives the same audio again; on a CPU with our own kernels to the last bit, alone, in any batch and on any
            number of threads. On a GPU, and where no compiler was found, another batch may round otherwise.
        network_evaluations: backbone passes it took.
        model_evaluations: the same with the rows of guidance counted: a guided pass is two (or three).
        entropies: [T] nats, see `Sample`; auto-regressive only.
    """

    audio: np.ndarray
    sample_rate: int
    caption: str
    seed: int
    network_evaluations: int
    model_evaluations: int
    entropies: np.ndarray | None


@dataclass(frozen=True)
class GenerationReport:
    """What some clips cost.

    Attributes:
        paradigm: of the model.
        clips: how many were written.
        audio_s: their length together.
        latency_s: wall time of drawing and decoding, without loading.
        network_evaluations: backbone passes a clip took, the most of any.
        model_evaluations: the same with the rows of guidance counted: a guided pass is two.
        remarks: what was changed of the controls that a user gave, a sentence each.
    """

    paradigm: str
    clips: int
    audio_s: float
    latency_s: float
    network_evaluations: int
    model_evaluations: int
    remarks: Sequence[str] = field(default_factory=list)


def generate(
    captions: Sequence[str],
    *,
    model: LoadedModel,
    duration_s: float,
    seed: int = 0,
    sampling: SamplingConfig | None = None,
    batch_size: int = BATCH_SIZE,
    controls: np.ndarray | None = None,
) -> Iterator[AudioGeneration]:
    """Draw one clip per caption; clip i has the seed `seed + i`, which alone decides it.

    Args:
        captions: an empty one asks for unconditional music.
        duration_s: length of every clip, rounded to whole latent frames; longer than the model's window, it is made by
            windows, in memory that hardly grows.
        batch_size: most clips to draw at once; fewer where memory holds fewer. Changes the speed, not the clips.
        controls: [n, J, T] classes of `analysis.tracks`, one row for each of the model's controls; by default nothing
            is asked.

    Raises:
        UserError: a duration or a batch that is not positive, a seed out of range, a caption that is too long, or a
            clip that memory cannot hold.
    """
    if batch_size < 1:
        raise UserError(f"The batch size {batch_size} draws no clip: it must be 1 or more.")
    check_seed(seed, count=max(1, len(captions)))
    paradigm, sampling = model.paradigm, sampling or SamplingConfig()
    length, window = (frames(value, frame_rate=paradigm.latent.frame_rate) for value in (duration_s, model.window_s))
    text = paradigm.prepare(captions)  # a caption that is too long is refused before anything is drawn
    tracks = None if controls is None else torch.from_numpy(controls).long()
    device = next(paradigm.parameters()).device
    is_alone = device.type == "cpu" and paradigm.draws_alone_on_cpu
    at_once = clips_at_once(
        paradigm,
        frames=length,
        window=window,
        text_tokens=text.ids.shape[1],
        passes=plan_guidance(text, controls=tracks, sampling=sampling).passes,
        wanted=1 if is_alone else min(batch_size, len(captions)),
    )
    for start in range(0, len(captions), at_once):
        batch = captions[start : start + at_once]
        seeds = range(seed + start, seed + start + len(batch))
        sample = paradigm.sample(
            text=paradigm.prepare(batch).to(device),
            lengths=torch.full((len(batch),), length, device=device),
            sampling=sampling,
            generators=[torch.Generator().manual_seed(value) for value in seeds],
            window=window,
            controls=None if tracks is None else tracks[start : start + at_once].to(device),
        )
        heard = zip(batch, seeds, _decoded(sample, model.codec), strict=True)
        for index, (caption, value, audio) in enumerate(heard):
            yield AudioGeneration(
                audio,
                model.codec.sample_rate,
                caption,
                value,
                network_evaluations=sample.network_evaluations,
                model_evaluations=sample.model_evaluations,
                entropies=None if sample.entropies is None else sample.entropies[index].cpu().numpy(),
            )


def _decoded(sample: Sample, codec: Codec) -> Iterator[np.ndarray]:
    """[N] of each sample: one at a time fits a processor's caches, several fill a GPU."""
    drawn = sample.codes if sample.latents is None else sample.latents
    assert drawn is not None
    view = "codes" if sample.latents is None else "latents"
    for part in drawn.split(8 if drawn.is_cuda else 1):
        yield from decode(codec, **{view: part}).clamp(-1, 1).numpy()


def generate_folder(
    captions: Sequence[str],
    *,
    model: str | Path | LoadedModel,
    out: Path,
    duration_s: float,
    seed: int = 0,
    sampling: SamplingConfig | None = None,
    ids: Sequence[str] | None = None,
    controls: np.ndarray | ControlSources | None = None,
    batch_size: int = BATCH_SIZE,
    device: str = "cpu",
    precision: str | None = None,
    compiled: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> GenerationReport:
    """Write one wav per caption, `metadata.jsonl` (the HF audiofolder layout), `generation.json` and, of an
    auto-regressive model, `entropies.npy`.

    Args:
        model, device, precision, compiled: what `load_model` takes; or a model that is loaded, on its device already.
        ids: a name for each clip, the wav's stem; numbers by default.
        controls: as in `generate`, or a user's own, the same for every clip.
        progress: called with (clips done, clips in all).
    """
    sampling = sampling or SamplingConfig()
    loaded = (
        model
        if isinstance(model, LoadedModel)
        else load_model(model, device=device, precision=precision, compiled=compiled)
    )
    names = list(ids) if ids is not None else [f"{index:03d}" for index in range(len(captions))]
    report, asked = _write(
        captions,
        [out / f"{name}.wav" for name in names],
        model=loaded,
        progress=progress,
        duration_s=duration_s,
        seed=seed,
        sampling=sampling,
        batch_size=batch_size,
        controls=controls,
        entropies=out / ENTROPIES_FILE,
    )
    entries = [
        {"file_name": f"{name}.wav", "caption": caption, "id": name, "seed": seed + index}
        for index, (name, caption) in enumerate(zip(names, captions, strict=True))
    ]
    write_json_lines(out / METADATA_FILE, entries)
    write_json(
        out / GENERATION_FILE,
        {
            "model": loaded.source,
            "seed": seed,
            "sampling": sampling.model_dump(),
            "controls": asked,
            "report": asdict(report),
        },
    )
    return report


def generate_captions(
    caption: str | None,
    *,
    captions_file: Path | None = None,
    num: int = 1,
    model: str | Path,
    out: Path,
    duration_s: float,
    seed: int = 0,
    sampling: SamplingConfig | None = None,
    controls: ControlSources | None = None,
    batch_size: int = BATCH_SIZE,
    device: str = "cpu",
    precision: str | None = None,
    compiled: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> GenerationReport:
    """What `counterpoint generate` does: one caption or a file of them, `num` clips each, to a file or a folder.

    Args:
        captions_file: text, one caption a line; instead of `caption`.
        out: an audio file for a single clip; a folder otherwise, filled as `generate_folder` does. It appears when all
            clips are drawn, and then takes the place of an earlier call's folder as a whole.
        controls: the same for every clip.

    Raises:
        UserError: no caption or two sources of them, too many clips, a file for several clips, an `out` that is an
            input, of unknown kind or holds what no earlier call wrote, and what `generate` and `read_controls` refuse.
    """
    captions = _repeated(read_captions(caption, captions_file), num=num)
    check_seed(seed, count=len(captions))
    inputs = [captions_file, *(controls.requested().values() if controls else ())]
    is_one = out.suffix.lower() in WRITABLE
    if is_one:
        check_audio_output(out, inputs=inputs)
    else:
        check_output_folder(out, inputs=inputs, is_own=partial(_is_own, own=_own_files(out)))
    if is_one and len(captions) > 1:
        raise UserError(f"{len(captions)} clips do not fit into the one file {out}: give --out a folder.")
    loaded = load_model(model, device=device, precision=precision, compiled=compiled)
    settings: dict[str, Any] = {
        "model": loaded,
        "duration_s": duration_s,
        "seed": seed,
        "sampling": sampling,
        "batch_size": batch_size,
        "controls": controls,
    }
    if is_one:
        return _write(captions, [out], progress=None, **settings)[0]
    reports: list[GenerationReport] = []
    replace_folder(
        out, lambda folder: reports.append(generate_folder(captions, out=folder, progress=progress, **settings))
    )
    return reports[0]


def _repeated(captions: Sequence[str], *, num: int) -> list[str]:
    """Each caption `num` times.

    Raises:
        UserError: there would be more clips than a command draws.
    """
    if len(captions) * num > MOST_CLIPS:
        raise UserError(
            f"{len(captions)} captions and {num} clips of each are more than the {MOST_CLIPS:,} clips that one command "
            "draws: ask for fewer."
        )
    return [text for text in captions for _ in range(num)]


def _own_files(folder: Path) -> set[str]:
    """Names of the files that an earlier call wrote into a folder, by the metadata that it wrote with them."""
    own = {METADATA_FILE, GENERATION_FILE, ENTROPIES_FILE}
    listing = folder / METADATA_FILE
    if not is_file(folder / GENERATION_FILE) or not is_file(listing):
        return set()
    return own | {first_text(row.values, FILE_KEYS) for row in read_table(listing).rows}


def _is_own(entry: Path, *, own: Collection[str]) -> bool:
    return entry.name in own and is_file(entry)


def _write(
    captions: Sequence[str],
    paths: Sequence[Path],
    *,
    model: LoadedModel,
    progress: Callable[[int, int], None] | None,
    duration_s: float,
    controls: np.ndarray | ControlSources | None,
    entropies: Path | None = None,
    **settings: Any,
) -> tuple[GenerationReport, dict[str, Any] | None]:
    """Draw every caption's clip into its file, and the entropies, where there are any, into one of their own.

    Args:
        settings: the rest of those of `generate`.

    Returns:
        What it cost, and what a user's controls ask for, in plain values.
    """
    asked = None
    if isinstance(controls, ControlSources):
        asked = read_controls(controls, model=model, duration_s=duration_s) if controls.requested() else None
        controls = None if asked is None else np.stack([asked.tracks] * len(captions))
    clips = generate(captions, model=model, duration_s=duration_s, controls=controls, **settings)
    latency_s = audio_s = 0.0
    passes = evaluations = 0
    curves = []
    for done, path in enumerate(paths, start=1):
        started = time.perf_counter()
        clip = next(clips)
        latency_s += time.perf_counter() - started
        audio_s += len(clip.audio) / clip.sample_rate
        passes = max(passes, clip.network_evaluations)
        evaluations = max(evaluations, clip.model_evaluations)
        curves.append(clip.entropies)
        save_audio(path, clip.audio, sample_rate=clip.sample_rate)
        if progress is not None:
            progress(done, len(paths))
    if entropies is not None and curves[0] is not None:
        atomic_write(entropies, lambda temporary: _save_array(temporary, np.stack(curves)))
    report = GenerationReport(
        model.paradigm.config.paradigm,
        len(paths),
        audio_s,
        latency_s,
        passes,
        evaluations,
        remarks=[] if asked is None else asked.remarks,
    )
    return report, None if asked is None else asked.to_json()


def _save_array(path: Path, array: np.ndarray) -> None:
    with path.open("wb") as file:  # np.save would add a suffix to the name
        np.save(file, array)


def read_captions(caption: str | None, captions_file: Path | None) -> list[str]:
    """The one caption, or those of a text file, one a line.

    Raises:
        UserError: both or neither is given, or the file cannot be read or holds none.
    """
    if (caption is None) == (captions_file is None):
        raise UserError("Give either a caption or --captions FILE.")
    if captions_file is None:
        check_text(caption or "", what="caption")
        return [caption or ""]
    text = read_text(captions_file, what="captions file")
    captions = [line.strip() for line in split_lines(text) if line.strip()]
    if not captions:
        raise UserError(f"{captions_file} holds no caption; write one a line.")
    return captions
