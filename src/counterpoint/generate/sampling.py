"""Captions to waveforms: prepare text, draw latents, decode.

Shapes: B batch, K codebooks, T latent frames, D latent channels, N audio samples.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from counterpoint.audio import frames, save_audio
from counterpoint.codec import Codec, decode
from counterpoint.config import SamplingConfig, UserError, atomic_write, write_json
from counterpoint.generate.model import load_model
from counterpoint.paradigm import Paradigm


@dataclass(frozen=True)
class AudioGeneration:
    """One generated clip.

    Attributes:
        audio: [N] float32 in [-1, 1].
        sample_rate: Hz.
        caption: what was asked for.
        seed: gives the same audio again, alone or in any batch.
        network_evaluations: backbone passes it took.
    """

    audio: np.ndarray
    sample_rate: int
    caption: str
    seed: int
    network_evaluations: int


@dataclass(frozen=True)
class GenerationReport:
    """What a folder of clips cost.

    Attributes:
        paradigm: of the model.
        clips: how many were written.
        audio_s: their length together.
        latency_s: wall time of drawing and decoding, without loading.
        network_evaluations: backbone passes a clip took.
    """

    paradigm: str
    clips: int
    audio_s: float
    latency_s: float
    network_evaluations: int


def generate(
    captions: Sequence[str],
    *,
    model: Paradigm,
    codec: Codec,
    duration_s: float,
    seed: int = 0,
    sampling: SamplingConfig | None = None,
    batch_size: int = 16,
) -> Iterator[AudioGeneration]:
    """Draw one clip per caption; clip i has the seed `seed + i`, which alone decides it.

    Args:
        captions: an empty one asks for unconditional music.
        duration_s: length of every clip, rounded to whole latent frames.
        batch_size: clips drawn at once; changes the speed, not the clips.

    Raises:
        UserError: a duration that is not positive or beyond the model's positions, a caption that is too long.
    """
    length = _frames(duration_s, model=model)
    model.prepare(captions)  # a caption that is too long is refused before anything is drawn
    device = next(model.parameters()).device
    for start in range(0, len(captions), batch_size):
        batch = captions[start : start + batch_size]
        seeds = [seed + start + index for index in range(len(batch))]
        sample = model.sample(
            text=model.prepare(batch).to(device),
            lengths=torch.full((len(batch),), length, device=device),
            sampling=sampling or SamplingConfig(),
            generators=[torch.Generator(device).manual_seed(value) for value in seeds],
        )
        decoded = decode(codec, latents=sample.latents, codes=sample.codes).clamp(-1, 1).numpy()
        for caption, value, audio in zip(batch, seeds, decoded, strict=True):
            yield AudioGeneration(audio, codec.sample_rate, caption, value, sample.network_evaluations)


def generate_folder(
    captions: Sequence[str],
    *,
    model: str | Path,
    out: Path,
    duration_s: float,
    seed: int = 0,
    sampling: SamplingConfig | None = None,
    ids: Sequence[str] | None = None,
    batch_size: int = 16,
    progress: Callable[[int, int], None] | None = None,
) -> GenerationReport:
    """Write one wav per caption, `metadata.jsonl` (the HF audiofolder layout) and `generation.json`.

    Args:
        model: a run folder.
        ids: a name for each clip, the wav's stem; numbers by default.
        progress: called with (clips done, clips in all).
    """
    sampling = sampling or SamplingConfig()
    loaded = load_model(model)
    names = list(ids) if ids is not None else [f"{index:03d}" for index in range(len(captions))]
    clips = generate(
        captions,
        model=loaded.paradigm,
        codec=loaded.codec,
        duration_s=duration_s,
        seed=seed,
        sampling=sampling,
        batch_size=batch_size,
    )
    lines: list[str] = []
    latency_s = audio_s = 0.0
    evaluations = 0
    for name in names:
        started = time.perf_counter()
        clip = next(clips)
        latency_s += time.perf_counter() - started
        audio_s += len(clip.audio) / clip.sample_rate
        evaluations = clip.network_evaluations
        save_audio(out / f"{name}.wav", clip.audio, sample_rate=clip.sample_rate)
        entry = {"file_name": f"{name}.wav", "caption": clip.caption, "id": name, "seed": clip.seed}
        lines.append(json.dumps(entry, ensure_ascii=False))
        if progress is not None:
            progress(len(lines), len(names))
    text = "\n".join(lines) + "\n"
    atomic_write(out / "metadata.jsonl", lambda temporary: temporary.write_text(text, encoding="utf-8"))
    report = GenerationReport(loaded.paradigm.config.paradigm, len(names), audio_s, latency_s, evaluations)
    write_json(
        out / "generation.json",
        {"model": str(model), "seed": seed, "sampling": sampling.model_dump(), "report": asdict(report)},
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
    progress: Callable[[int, int], None] | None = None,
) -> GenerationReport:
    """What `counterpoint generate` does: one caption or a file of them, `num` clips each, to a file or a folder.

    Args:
        captions_file: text, one caption a line; instead of `caption`.
        out: an audio file for a single clip; a folder otherwise, filled as `generate_folder` does.

    Raises:
        UserError: no caption or two sources of them, a file for several clips, and what `generate` refuses.
    """
    captions = [text for text in _read_captions(caption, captions_file) for _ in range(num)]
    if out.suffix.lower() not in (".wav", ".flac"):
        return generate_folder(
            captions, model=model, out=out, duration_s=duration_s, seed=seed, sampling=sampling, progress=progress
        )
    if len(captions) > 1:
        raise UserError(f"{len(captions)} clips do not fit into the one file {out}: give --out a folder.")
    loaded = load_model(model)
    started = time.perf_counter()
    clip = next(
        generate(
            captions,
            model=loaded.paradigm,
            codec=loaded.codec,
            duration_s=duration_s,
            seed=seed,
            sampling=sampling,
        )
    )
    latency_s = time.perf_counter() - started
    save_audio(out, clip.audio, sample_rate=clip.sample_rate)
    audio_s = len(clip.audio) / clip.sample_rate
    return GenerationReport(loaded.paradigm.config.paradigm, 1, audio_s, latency_s, clip.network_evaluations)


def _read_captions(caption: str | None, captions_file: Path | None) -> list[str]:
    if (caption is None) == (captions_file is None):
        raise UserError("Give either a caption or --captions FILE.")
    if captions_file is None:
        return [caption or ""]
    try:
        text = captions_file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"There is no captions file at {captions_file}.") from None
    except (UnicodeDecodeError, IsADirectoryError):
        raise UserError(f"{captions_file} is not a text file with one caption a line.") from None
    captions = [line.strip() for line in text.splitlines() if line.strip()]
    if not captions:
        raise UserError(f"{captions_file} holds no caption; write one a line.")
    return captions


def _frames(duration_s: float, *, model: Paradigm) -> int:
    longest_s = model.max_frames() / model.latent.frame_rate
    if not 0 < duration_s <= longest_s:
        raise UserError(
            f"The duration {duration_s:g} s is out of range: this model makes more than 0 and at most {longest_s:g} s."
        )
    return frames(duration_s, frame_rate=model.latent.frame_rate)
