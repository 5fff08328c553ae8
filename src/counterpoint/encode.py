"""What is done with a codec: encode audio and datasets, decode, reconstruct.

Long audio passes through in blocks with context on both sides, so that memory does not grow with its length.

Shapes: B batch, K codebooks, T latent frames, D latent channels, N audio samples.
"""

from __future__ import annotations

import json
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from torch import Tensor

from counterpoint.audio import load_audio, save_audio
from counterpoint.codec import Codec, Encoding, load_codec
from counterpoint.codec.measures import log_spectral_distance, si_snr
from counterpoint.config import LatentSpec, UserError
from counterpoint.data import SPLITS, EncodedSplit, EncodedWriter, open_dataset, open_encoded
from counterpoint.data.encoded import Row

if TYPE_CHECKING:
    from counterpoint.data import MusicDataset

BLOCK_S = 12.0
"""Audio that a network sees at once, contexts aside; what fits a processor's cache goes through fastest."""
LEFT_CONTEXT_S = 2.0
"""What a block hears before it begins: an LSTM remembers, the more so the longer."""
RIGHT_CONTEXT_S = 0.5
"""What it hears after its end: only convolutions look ahead, by less than this."""
STATISTICS_SEGMENTS = 2048
STATISTICS_SEGMENT_S = 10.0
Result = TypeVar("Result")
Progress = Callable[[float, float], None]
"""Called with (done, total) in seconds of audio."""


def encode_audio(audio: np.ndarray, codec: Codec) -> Encoding:
    """Encode mono audio of any length.

    Audio over 14.5 s goes in blocks. Latents then differ from those of the whole in one piece by what the encoder's
    LSTM recalls from more than 2 s before: for the pocket codec under 1e-4 of their standard deviation (tested).

    Args:
        audio: [N] float at the codec's sample rate, N > 0.

    Returns:
        latents [1, T, D] and codes [1, K, T] on the CPU, T = ceil(N / samples per frame).
    """
    if audio.ndim != 1 or not audio.size:
        raise ValueError(f"audio must be [N] with N > 0, got {audio.shape}")
    hop = round(codec.sample_rate / codec.frame_rate)
    latents, codes = [], []
    for first, last, low, high in _blocks(-(-audio.size // hop), frame_rate=codec.frame_rate):
        block = torch.from_numpy(np.ascontiguousarray(audio[low * hop : high * hop], dtype=np.float32))
        encoding = codec.encode(block[None])
        latents.append(encoding.latents[:, first - low : last - low].cpu())
        if encoding.codes is not None:
            codes.append(encoding.codes[:, :, first - low : last - low].cpu())
    return Encoding(latents=torch.cat(latents, dim=1), codes=torch.cat(codes, dim=2) if codes else None)


def decode(codec: Codec, *, latents: Tensor | None = None, codes: Tensor | None = None) -> Tensor:
    """Decode latents or codes of any length, long ones in blocks as `encode_audio` does.

    Args:
        latents: [B, T, D], not quantised; or
        codes: [B, K, T].

    Returns:
        Audio [B, N] on the CPU, N = T * samples per frame.
    """
    if (latents is None) == (codes is None):
        raise ValueError("decode needs latents or codes, and not both")
    hop = round(codec.sample_rate / codec.frame_rate)
    frames = latents.shape[1] if latents is not None else codes.shape[2]  # type: ignore[union-attr]
    audio = []
    for first, last, low, high in _blocks(frames, frame_rate=codec.frame_rate):
        if latents is not None:
            block = codec.decode_latents(latents[:, low:high])
        else:
            assert codes is not None
            block = codec.decode_codes(codes[:, :, low:high])
        audio.append(block[:, (first - low) * hop : (last - low) * hop].cpu())
    return torch.cat(audio, dim=1)


def _blocks(frames: int, *, frame_rate: float) -> Iterator[tuple[int, int, int, int]]:
    """(first, last, low, high): frames first..last of the output come from a block that covers low..high."""
    block, left, right = (round(seconds * frame_rate) for seconds in (BLOCK_S, LEFT_CONTEXT_S, RIGHT_CONTEXT_S))
    if frames <= block + left + right:
        yield 0, frames, 0, frames
        return
    for first in range(0, frames, block):
        last = min(first + block, frames)
        yield first, last, max(0, first - left), min(frames, last + right)


def encode_dataset(dataset: Path | str, *, codec: str, progress: Progress | None = None) -> LatentSpec:
    """Write a codec's codes and latents of every clip beside a dataset, with the statistics of App. E.2.

    What an interrupted call has written stays, and the next one goes on from there; a complete one does nothing.

    Args:
        dataset: a dataset folder.
        codec: a shipped codec, a hub id or a folder.
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
    loaded = load_codec(codec)
    writer = EncodedWriter(
        opened,
        codec_fingerprint=loaded.fingerprint,
        num_codebooks=loaded.num_codebooks,
        latent_dim=loaded.latent_dim,
    )
    if not writer.is_complete():
        for split in SPLITS:
            first = writer.rows_done(split)
            writer.write_split(split, _encode_rows(opened, split, loaded, first=first, progress=progress))
        mean, mean_std = latent_statistics(writer.split("train"), frame_rate=loaded.frame_rate)
        writer.finish(_spec(loaded, mean=mean, mean_std=mean_std))
    return open_encoded(opened.folder, codec=loaded.fingerprint).spec


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


def reconstruct_folder(source: Path, *, out: Path, codec: str, quantized: bool) -> dict[str, float]:
    """Pass every clip of an audio folder through a codec.

    Args:
        source: a folder with metadata.jsonl and the files it names (HF audiofolder).
        out: gets the same files and metadata.
        codec: a shipped codec, a hub id or a folder.
        quantized: decode the codes; the unquantised latents otherwise.

    Returns:
        Means over clips: `si_snr_db` and `log_spectral_distance_db` (see `codec.measures`).
    """
    loaded = load_codec(codec)
    measures = []
    for file_name in _listing(source):
        audio, _ = load_audio(source / file_name, sample_rate=loaded.sample_rate)
        encoding = encode_audio(audio, loaded)
        view = {"codes": encoding.codes} if quantized else {"latents": encoding.latents}
        estimate = decode(loaded, **view)[:, : audio.size]
        save_audio(out / file_name, estimate[0].numpy(), sample_rate=loaded.sample_rate)
        reference = torch.from_numpy(audio)[None]
        measures.append((si_snr(estimate, reference).item(), log_spectral_distance(estimate, reference).item()))
    shutil.copyfile(source / "metadata.jsonl", out / "metadata.jsonl")
    means = np.mean(measures, axis=0)
    return {"si_snr_db": float(means[0]), "log_spectral_distance_db": float(means[1])}


def _encode_rows(
    dataset: MusicDataset, split: str, codec: Codec, *, first: int, progress: Progress | None
) -> Iterator[Row]:
    """Codes [K, T] and latents [T, D] of the rows of a split from `first` on."""
    durations_s = {name: np.asarray(dataset.splits[name]["duration_s"], dtype=np.float64) for name in SPLITS}
    total_s = sum(part.sum() for part in durations_s.values())
    done_s = sum(durations_s[name].sum() for name in SPLITS[: SPLITS.index(split)]) + durations_s[split][:first].sum()
    rows = dataset.splits[split]

    def encode_row(index: int) -> Row:
        audio, _ = load_audio(dataset.audio_path(rows[index]), sample_rate=codec.sample_rate)
        encoding = encode_audio(audio, codec)
        return None if encoding.codes is None else encoding.codes[0].numpy(), encoding.latents[0].numpy()

    for index, encoded in zip(range(first, len(rows)), _side_by_side(encode_row, range(first, len(rows))), strict=True):
        yield encoded
        done_s += durations_s[split][index]
        if progress is not None:
            progress(done_s, total_s)


def _side_by_side(function: Callable[[int], Result], items: Sequence[int]) -> Iterator[Result]:
    """The results in order, computed one a core: convolutions of one clip leave a second core half idle.

    Only as many are begun ahead as there are cores, so that memory holds no more clips than that.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            waiting: deque[Future[Result]] = deque()
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
    finally:
        torch.set_num_threads(threads)


def _spec(codec: Codec, *, mean: float, mean_std: float) -> LatentSpec:
    return LatentSpec(
        codec=codec.name,
        fingerprint=codec.fingerprint,
        sample_rate=codec.sample_rate,
        frame_rate=codec.frame_rate,
        num_codebooks=codec.num_codebooks,
        codebook_size=codec.codebook_size,
        latent_dim=codec.latent_dim,
        mean=mean,
        mean_std=mean_std,
    )


def _listing(folder: Path) -> list[str]:
    """File names in a folder's metadata.jsonl."""
    path = folder / "metadata.jsonl"
    try:
        return [json.loads(line)["file_name"] for line in path.read_text(encoding="utf-8").splitlines() if line]
    except FileNotFoundError:
        raise UserError(f"{folder} has no metadata.jsonl; give a folder of generated or cut clips.") from None
    except (json.JSONDecodeError, KeyError, TypeError):
        raise UserError(f"{path} is damaged: each of its lines must be JSON with a file_name.") from None
