"""What is done with a codec: encode datasets, and pass files and folders through it.

Shapes: K codebooks, T latent frames, D latent channels, N audio samples.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from counterpoint.audio import audio_duration_s, load_audio, save_audio, save_stream, stream_audio
from counterpoint.audio.files import check_audio_output
from counterpoint.codec import Codec, Encoding, View, decode, encode_audio, latent_spec, load_codec
from counterpoint.codec.chunked import (
    Map,
    Window,
    audio_windows,
    decode_stream,
    encode_stream,
    encode_window,
    join,
    one_block_a_core,
)
from counterpoint.codec.measures import log_spectral_distance, si_snr
from counterpoint.config import LatentSpec, UserError
from counterpoint.config.paths import is_file
from counterpoint.config.tables import FILE_KEYS, first_text, read_table
from counterpoint.data import SPLITS, EncodedSplit, EncodedWriter, open_dataset, open_encoded
from counterpoint.data.encoded import Row

if TYPE_CHECKING:
    from counterpoint.data import MusicDataset

STATISTICS_SEGMENTS = 2048
STATISTICS_SEGMENT_S = 10.0
Progress = Callable[[float, float], None]
"""Called with (done, total) in seconds of audio."""


def encode_dataset(dataset: Path | str, *, codec: str | Codec, progress: Progress | None = None) -> LatentSpec:
    """Write a codec's latents, and its codes if it has any, of every clip beside a dataset, with the statistics of
    App. E.2.

    What an interrupted call has written stays, and the next one goes on from there; a complete one does nothing.

    Args:
        dataset: a dataset folder.
        codec: a shipped codec, a hub id or a folder; or one that is loaded.
        progress: called with the seconds of audio done and in all.

    Returns:
        What was written: the shape of the latents, `mean` and `mean_std`.

    Raises:
        UserError: no such dataset or codec, an empty train split, or a clip that cannot be read.
        OSError: when the disk is full.
    """
    opened = open_dataset(Path(dataset))
    if not len(opened.splits["train"]):
        raise UserError(f"The train split of {dataset} is empty; its statistics cannot be taken. Add clips to it.")
    loaded = load_codec(codec) if isinstance(codec, str) else codec
    writer = EncodedWriter(
        opened,
        codec_fingerprint=loaded.fingerprint,
        num_codebooks=loaded.num_codebooks,
        latent_dim=loaded.latent_dim,
    )
    if not writer.is_complete():
        with one_block_a_core() as apply:
            for split in SPLITS:
                first = writer.rows_done(split)
                rows = _encode_rows(opened, split, loaded, first=first, apply=apply, progress=progress)
                writer.write_split(split, rows)
        mean, mean_std = latent_statistics(writer.split("train"), frame_rate=loaded.frame_rate)
        writer.finish(latent_spec(loaded, mean=mean, mean_std=mean_std))
    return open_encoded(opened.folder, codec=loaded.fingerprint).spec


def _encode_rows(
    dataset: MusicDataset, split: str, codec: Codec, *, first: int, apply: Map, progress: Progress | None
) -> Iterator[Row]:
    """Codes [K, T] and latents [T, D] of the rows of a split from `first` on, several blocks at once."""
    durations_s = {name: np.asarray(dataset.splits[name]["duration_s"], dtype=np.float64) for name in SPLITS}
    total_s = sum(part.sum() for part in durations_s.values())
    done_s = sum(durations_s[name].sum() for name in SPLITS[: SPLITS.index(split)]) + durations_s[split][:first].sum()
    rows = dataset.splits[split]

    def windows() -> Iterator[tuple[int, Window]]:
        for index in range(first, len(rows)):
            pieces = stream_audio(dataset.audio_path(rows[index]), sample_rate=codec.sample_rate)
            yield from ((index, window) for window in audio_windows(pieces, codec))

    def encode(item: tuple[int, Window]) -> tuple[int, Encoding]:
        return item[0], encode_window(codec, item[1])

    for _, blocks in groupby(apply(encode, windows()), key=itemgetter(0)):
        parts = []
        for _, part in blocks:
            parts.append(part)
            done_s += part.latents.shape[1] / codec.frame_rate
            if progress is not None:
                progress(min(done_s, total_s), total_s)
        whole = join(parts)
        yield None if whole.codes is None else whole.codes[0].numpy(), whole.latents[0].numpy()


def latent_statistics(encoded: EncodedSplit, *, frame_rate: float, seed: int = 0) -> tuple[float, float]:
    """The two scalars of App. E.2: mean = M.mean(), mean_std = M.std(dim=1).mean(), M of shape [n, T, D].

    M holds 10 s segments, up to 2048 of them, drawn without replacement from all that the split's clips divide into; a
    clip shorter than 10 s is one segment. Segments of unlike lengths count by their frames in the mean, alike in the
    standard deviation; one of a single frame has none.

    Args:
        encoded: the train split.
        frame_rate: Hz.
        seed: of the draw.
    """
    length = round(STATISTICS_SEGMENT_S * frame_rate)
    slots = np.asarray([(row, k) for row, n in enumerate(encoded.lengths) for k in range(max(1, n // length))])
    order = np.random.default_rng(seed).permutation(len(slots))[:STATISTICS_SEGMENTS]
    total, count, deviations = 0.0, 0, []
    for row, k in slots[np.sort(order)]:
        frames = min(length, encoded.frames(row))
        _, latents = encoded.slice(row, k * length, frames)
        total += latents.sum(dtype=np.float64)
        count += latents.size
        if frames > 1:
            deviations.append(latents.std(axis=0, ddof=1, dtype=np.float64).mean())
    mean_std = float(np.mean(deviations)) if deviations else 1.0
    return float(total / count), max(mean_std, 1e-6)


@dataclass(frozen=True)
class Reconstruction:
    """A file that went through a codec.

    Attributes:
        view: what was decoded.
        duration_s: of the audio.
        wall_s: time that encoding and decoding took.
    """

    view: View
    duration_s: float
    wall_s: float


def reconstruct_file(
    source: Path, *, out: Path, codec: str, view: View | None = None, progress: Progress | None = None
) -> Reconstruction:
    """Pass an audio file of any length through a codec, in constant memory.

    Args:
        source: any file libsndfile reads; channels are averaged.
        out: .wav or .flac at the codec's sample rate, as long as `source` to the sample; written whole or not at all.
        codec: a shipped codec, a hub id or a folder.
        view: what to decode: by default the codes, or the latents where the codec has none.
        progress: called with the seconds of audio done and in all.

    Raises:
        UserError: no such codec, a file that cannot be read, an `out` that is `source` or of another kind, or codes
            asked of a codec without them.
        OSError: when the disk is full.
    """
    check_audio_output(out, inputs=[source])
    loaded = load_codec(codec)
    view = view or usual_view(loaded)
    require_view(loaded, view)
    total_s, heard, written = audio_duration_s(source), 0, 0

    def listen() -> Iterator[np.ndarray]:
        nonlocal heard
        for piece in stream_audio(source, sample_rate=loaded.sample_rate):
            heard += piece.size
            yield piece

    def speak(apply: Map) -> Iterator[np.ndarray]:
        nonlocal written
        encodings = encode_stream(listen(), loaded, apply=apply)
        views = (encoding.view(view) for encoding in encodings)
        for block in decode_stream(views, loaded, view=view, apply=apply):
            audio = block[0, : heard - written].numpy()  # the last frame may go past the end
            written += audio.size
            yield audio
            if progress is not None:
                progress(min(written / loaded.sample_rate, total_s), total_s)

    started = time.perf_counter()
    with one_block_a_core() as apply:
        save_stream(out, speak(apply), sample_rate=loaded.sample_rate)
    return Reconstruction(view, written / loaded.sample_rate, time.perf_counter() - started)


def reconstruct_views(source: Path, *, out: Mapping[View, Path], codec: str | Codec) -> dict[View, dict[str, float]]:
    """Pass every clip of an audio folder through a codec; each clip is encoded once, and decoded from every view asked.

    Args:
        source: a folder with metadata.jsonl and the files it names (HF audiofolder).
        out: for each view a folder that gets the same files and metadata.
        codec: a shipped codec, a hub id or a folder; or one that is loaded.

    Returns:
        For each view means over clips: `log_spectral_distance_db` and, where the codec keeps phases, `si_snr_db` (see
        `codec.measures`); silent clips have neither and are left out.

    Raises:
        UserError: codes asked of a codec without them, no metadata.jsonl, or a clip that cannot be read.
    """
    loaded = load_codec(codec) if isinstance(codec, str) else codec
    for view in out:
        require_view(loaded, view)
    distances = {"si_snr_db": si_snr, "log_spectral_distance_db": log_spectral_distance}
    if not loaded.keeps_phase:
        del distances["si_snr_db"]
    measures: dict[View, list[list[float]]] = {view: [] for view in out}
    for file_name in _listing(source):
        audio, _ = load_audio(source / file_name, sample_rate=loaded.sample_rate)
        encoding, reference = encode_audio(audio, loaded), torch.from_numpy(audio)[None]
        for view, folder in out.items():
            estimate = decode(loaded, **{view: encoding.view(view)})[:, : audio.size]
            save_audio(folder / file_name, estimate[0].numpy(), sample_rate=loaded.sample_rate)
            if audio.any():
                measures[view].append([distance(estimate, reference).item() for distance in distances.values()])
    for folder in out.values():
        shutil.copyfile(source / "metadata.jsonl", folder / "metadata.jsonl")
    none = [[np.nan] * len(distances)]
    means: dict[View, list[float]] = {view: np.mean(found or none, axis=0).tolist() for view, found in measures.items()}
    return {view: dict(zip(distances, values, strict=True)) for view, values in means.items()}


def usual_view(codec: Codec) -> View:
    """What is decoded if nobody says what: the codes, or the latents where the codec has none."""
    return "codes" if codec.num_codebooks else "latents"


def require_view(codec: Codec, view: View) -> None:
    """
    Raises:
        UserError: codes are asked of a codec without them.
    """
    if view == "codes" and not codec.num_codebooks:
        raise UserError(f"The codec {codec.name!r} has no codes; decode its latents.")


def _listing(folder: Path) -> list[str]:
    """File names in a folder's metadata.jsonl."""
    path = folder / "metadata.jsonl"
    if not is_file(path):
        raise UserError(f"{folder} has no metadata.jsonl; give a folder of generated or cut clips.")
    table = read_table(path)
    names = [first_text(row.values, FILE_KEYS) for row in table.rows]
    if table.faults or not all(names):
        raise UserError(f"{path} is damaged: each of its lines must be JSON with a file_name.")
    return names
