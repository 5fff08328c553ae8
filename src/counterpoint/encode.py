"""Use of a codec: encode datasets, and reconstruct files and folders.

Shapes: K codebooks, T latent frames, D latent channels, N audio samples.
"""

from __future__ import annotations

import shutil
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby, takewhile
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
    encode_windows,
    join,
    one_block_a_core,
)
from counterpoint.codec.measures import log_spectral_distance, si_snr
from counterpoint.config import LatentSpec, UserError
from counterpoint.config.device import find_device
from counterpoint.config.locks import sole_writer, warn_waiting
from counterpoint.config.paths import is_file
from counterpoint.config.remote import local_folder, send_part
from counterpoint.config.tables import FILE_KEYS, first_text, read_table
from counterpoint.config.workers import Workers, mapper
from counterpoint.data import SPLITS, EncodedSplit, EncodedWriter, open_dataset, open_encoded
from counterpoint.data.encoded import LEFT_OUT_FILE, SPEC_FILE, Row, is_storable

if TYPE_CHECKING:
    import datasets

    from counterpoint.data import MusicDataset

STATISTICS_SEGMENTS = 2048
STATISTICS_SEGMENT_S = 10.0
_NAMED = 5
"""Greatest number of left-out clips that are named."""
Progress = Callable[[float, float], None]
"""Called with (done, total) in seconds of audio."""


def encode_dataset(
    dataset: Path | str,
    *,
    codec: str | Codec,
    device: str = "auto",
    workers: Workers | None = None,
    progress: Progress | None = None,
) -> LatentSpec:
    """Write the latents, and the codes if the codec has any, of every clip of a dataset, with the statistics of
    App. E.2.

    An interrupted call can be continued by the next one; if the encoding is complete, nothing is done.

    Args:
        dataset: a dataset folder.
        codec: a shipped codec, a hub id or a folder; or a loaded codec, which stays on its device.
        device: the device of the codec, as for `find_device`.
        workers: processes that encode, each with a codec of its own; by default this process alone, on all its cores.
        progress: called with (done, total) in seconds of audio.

    Returns:
        The specification of the latents with `mean` and `mean_std`.

    A clip that cannot be read, or whose latents are not finite, is left out: it keeps its row, without frames, and
    `left-out.json` beside the latents gives the reason. A warning counts such clips at the end.

    Raises:
        UserError: there is no such dataset, codec or device, or the train split has no clip that can be encoded.
        OSError: the disk is full.
    """
    with sole_writer(local_folder(dataset), on_wait=warn_waiting):
        return _encode_dataset(dataset, codec=codec, device=device, workers=workers, progress=progress)


def _encode_dataset(
    dataset: Path | str, *, codec: str | Codec, device: str, workers: Workers | None, progress: Progress | None
) -> LatentSpec:
    opened = open_dataset(dataset)
    if not len(opened.splits["train"]):
        raise UserError(f"The train split of {dataset} is empty, so it has no statistics; add clips to it.")
    loaded = loaded_codec(codec, device=device)
    writer = EncodedWriter(
        opened,
        codec_fingerprint=loaded.fingerprint,
        num_codebooks=loaded.num_codebooks,
        latent_dim=loaded.latent_dim,
    )
    if not writer.is_complete():
        meter, name = _Meter.of(opened, progress), codec if isinstance(codec, str) else codec.name
        with _encoding(opened, loaded, name=name, device=device, workers=workers, meter=meter) as encode:
            for split in SPLITS:
                first, rows = writer.rows_done(split), opened.splits[split]
                meter.start(split, first=first)
                outcomes = encode(split, first)
                writer.write_split(split, _kept(outcomes, rows, codec=loaded, first=first, writer=writer))
        _say_left_out(writer, total=sum(map(len, opened.splits.values())))
        mean, mean_std = latent_statistics(writer.split("train"), frame_rate=loaded.frame_rate)
        writer.finish(latent_spec(loaded, mean=mean, mean_std=mean_std))
        send_part(dataset, writer.folder, root=opened.folder, mark=SPEC_FILE)
    return open_encoded(opened.folder, codec=loaded.fingerprint).spec


Place = tuple[str, int]
"""Split and row of a clip."""
Outcome = Row | str
"""What came of a clip: its encoding, or why it is left out."""


class _Meter:
    """Says how many seconds of audio are done.

    Args:
        durations_s: of every row, by split.
    """

    def __init__(self, durations_s: Mapping[str, np.ndarray], report: Progress | None):
        self._durations_s, self._report = durations_s, report
        self._total_s = float(sum(part.sum() for part in durations_s.values()))
        self._done_s = 0.0

    @classmethod
    def of(cls, dataset: MusicDataset, report: Progress | None) -> _Meter:
        """A meter for all rows of a dataset."""
        splits = dataset.splits
        return cls({name: np.asarray(splits[name]["duration_s"], dtype=np.float64) for name in SPLITS}, report)

    def start(self, split: str, *, first: int) -> None:
        """The splits before this one are done, and its rows before `first`."""
        before = [self._durations_s[name].sum() for name in SPLITS[: SPLITS.index(split)]]
        self._done_s = float(sum(before) + self._durations_s[split][:first].sum())

    def add(self, seconds: float) -> None:
        """So much more is done."""
        self._done_s += seconds
        if self._report is not None:
            self._report(min(self._done_s, self._total_s), self._total_s)

    def watch(self, split: str, outcomes: Iterable[Outcome], *, first: int) -> Iterator[Outcome]:
        """The outcomes of a split's rows from `first` on, each counted when it is there."""
        for row, outcome in enumerate(outcomes, start=first):
            self.add(float(self._durations_s[split][row]))
            yield outcome


@contextmanager
def _encoding(
    dataset: MusicDataset, codec: Codec, *, name: str, device: str, workers: Workers | None, meter: _Meter
) -> Iterator[Callable[[str, int], Iterator[Outcome]]]:
    """A function from a split and a row to the outcomes of the split's rows from there on.

    Args:
        name: of the codec, by which other processes load it.
    """

    def rows(split: str, first: int) -> list[Place]:
        return [(split, row) for row in range(first, len(dataset.splits[split]))]

    if workers is None or workers.is_alone:
        yield lambda split, first: _encode_here(dataset, codec, rows(split, first), meter=meter)
        return
    with mapper(partial(_row_encoder, dataset.folder, name, codec.fingerprint, device), workers=workers) as apply:
        yield lambda split, first: meter.watch(split, apply(rows(split, first)), first=first)


def _encode_here(
    dataset: MusicDataset, codec: Codec, rows: Sequence[Place], *, meter: _Meter | None = None
) -> Iterator[Outcome]:
    """The outcome of every row; several blocks are encoded at once."""
    failed: dict[Place, str] = {}
    under_way: deque[Place] = deque()  # rows of the windows that are being encoded

    def windows() -> Iterator[Window]:
        for place in rows:
            split, row = place
            try:
                pieces = stream_audio(dataset.audio_path(dataset.splits[split][row]), sample_rate=codec.sample_rate)
                for window in audio_windows(pieces, codec):
                    under_way.append(place)
                    yield window
            except (UserError, OSError) as error:
                failed[place] = str(error)  # before the first window of another row

    waiting = iter(rows)
    with one_block_a_core() as apply:
        encoded = ((under_way.popleft(), part) for part in encode_windows(windows(), codec, apply=apply))
        for place, blocks in groupby(encoded, key=itemgetter(0)):
            parts = []
            for _, part in blocks:
                parts.append(part)
                if meter is not None:
                    meter.add(part.latents.shape[1] / codec.frame_rate)
            yield from (failed[other] for other in takewhile(place.__ne__, waiting))  # without any window
            yield failed.get(place) or _joined(parts)
        yield from (failed[other] for other in waiting)


def _joined(parts: Sequence[Encoding]) -> Outcome:
    """The blocks of a clip as codes [K, T] and latents [T, D]; or why it is left out."""
    whole = join(parts)
    codes, latents = None if whole.codes is None else whole.codes[0].numpy(), whole.latents[0].numpy()
    if not is_storable(latents):
        return "the codec gives latents that are not finite numbers"
    return codes, latents


def _kept(
    outcomes: Iterable[Outcome], rows: datasets.Dataset, *, codec: Codec, first: int, writer: EncodedWriter
) -> Iterator[Row]:
    """The encodings of a split's rows from `first` on; the ones that are left out are noted and have no frame."""
    books = codec.num_codebooks
    nothing = np.zeros((books, 0), np.int64) if books else None, np.zeros((0, codec.latent_dim), np.float32)
    for row, outcome in enumerate(outcomes, start=first):
        if isinstance(outcome, str):
            writer.leave_out(rows[row]["id"], outcome)
            yield nothing
        else:
            yield outcome


def _row_encoder(folder: Path, codec: str, fingerprint: str, device: str) -> Callable[[Place], Outcome]:
    """A function from (split, row) to the outcome of the row, for a separate process.

    Raises:
        UserError: the codec of that name is another one there.
    """
    dataset, loaded = open_dataset(folder), loaded_codec(codec, device=device)
    if loaded.fingerprint != fingerprint:
        raise UserError(f"The codec {codec!r} is another one in a worker process than here: install the same on all.")
    return lambda row: next(_encode_here(dataset, loaded, [row]))


def _say_left_out(writer: EncodedWriter, *, total: int) -> None:
    left_out = writer.left_out()
    if not writer.split("train").lengths.any():
        writer.discard()
        raise UserError(f"No clip of the train split could be encoded ({next(iter(left_out.values()))}).")
    if left_out:
        first = "; ".join(f"{name}: {reason}" for name, reason in list(left_out.items())[:_NAMED])
        warnings.warn(
            f"{len(left_out)} of {total} clips are left out: {first}{'; ...' if len(left_out) > _NAMED else ''} "
            f"({writer.folder / LEFT_OUT_FILE} lists all; to encode them after a repair, delete {writer.folder})",
            stacklevel=4,
        )


def latent_statistics(encoded: EncodedSplit, *, frame_rate: float, seed: int = 0) -> tuple[float, float]:
    """The two scalars of App. E.2: mean = M.mean(), mean_std = M.std(dim=1).mean(), M of shape [n, T, D].

    M holds up to 2048 segments of 10 s, drawn without replacement from all such segments of the split; a clip shorter
    than 10 s is one segment. Segments of different lengths are weighted by their frames in the mean and equally in the
    standard deviation, from which segments of a single frame are left out.

    Args:
        encoded: the train split.
        frame_rate: Hz.
        seed: seed of the draw.
    """
    length = round(STATISTICS_SEGMENT_S * frame_rate)
    slots = np.asarray([(row, k) for row, n in enumerate(encoded.lengths) if n for k in range(max(1, n // length))])
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
    """A file reconstructed by a codec.

    Attributes:
        view: the decoded view.
        duration_s: length of the audio.
        wall_s: time of encoding and decoding.
    """

    view: View
    duration_s: float
    wall_s: float


def reconstruct_file(
    source: Path,
    *,
    out: Path,
    codec: str,
    view: View | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> Reconstruction:
    """Reconstruct an audio file of any length by a codec, in constant memory.

    Args:
        source: any file that libsndfile reads; channels are averaged.
        out: .wav or .flac at the codec's sample rate, exactly as long as `source`; written completely or not at all.
        codec: a shipped codec, a hub id or a folder.
        view: the view to decode: by default the codes, or the latents if the codec has no codes.
        device: the device of the codec, as for `find_device`.
        progress: called with (done, total) in seconds of audio.

    Raises:
        UserError: there is no such codec or device, a file cannot be read, `out` is `source` or has another suffix, or
            the codec has no codes to decode.
        OSError: the disk is full.
    """
    check_audio_output(out, inputs=[source])
    loaded = loaded_codec(codec, device=device)
    view = view or usual_view(loaded)
    require_view(loaded, view)
    total_s, samples_read, written = audio_duration_s(source), 0, 0

    def listen() -> Iterator[np.ndarray]:
        nonlocal samples_read
        for piece in stream_audio(source, sample_rate=loaded.sample_rate):
            samples_read += piece.size
            yield piece

    def speak(apply: Map) -> Iterator[np.ndarray]:
        nonlocal written
        encodings = encode_stream(listen(), loaded, apply=apply)
        views = (encoding.view(view) for encoding in encodings)
        for block in decode_stream(views, loaded, view=view, apply=apply):
            audio = block[0, : samples_read - written].numpy()  # the last frame may extend past the end
            written += audio.size
            yield audio
            if progress is not None:
                progress(min(written / loaded.sample_rate, total_s), total_s)

    started = time.perf_counter()
    with one_block_a_core() as apply:
        save_stream(out, speak(apply), sample_rate=loaded.sample_rate)
    return Reconstruction(view, written / loaded.sample_rate, time.perf_counter() - started)


def reconstruct_views(source: Path, *, out: Mapping[View, Path], codec: str | Codec) -> dict[View, dict[str, float]]:
    """Reconstruct every clip of an audio folder; each clip is encoded once, and decoded from each requested view.

    Args:
        source: a folder with metadata.jsonl and the files that it lists (HF audiofolder).
        out: for each view a folder that receives the same files and metadata.
        codec: a shipped codec, a hub id or a folder; or a loaded codec.

    Returns:
        For each view, means over clips of `log_spectral_distance_db` and, if the codec keeps phases, `si_snr_db` (see
        `codec.measures`); silent clips have neither and are left out.

    Raises:
        UserError: the codec has no codes to decode, there is no metadata.jsonl, or a clip cannot be read.
    """
    loaded = loaded_codec(codec)
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


def loaded_codec(codec: str | Codec, *, device: str = "auto") -> Codec:
    """Load a codec by its name onto a device (see `find_device`); a loaded codec is returned as it is."""
    return load_codec(codec).to(find_device(device)) if isinstance(codec, str) else codec


def usual_view(codec: Codec) -> View:
    """The view that is decoded by default: the codes, or the latents if the codec has no codes."""
    return "codes" if codec.num_codebooks else "latents"


def require_view(codec: Codec, view: View) -> None:
    """
    Raises:
        UserError: codes are requested from a codec without them.
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
