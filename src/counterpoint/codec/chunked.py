"""Encoding and decoding of audio of any length in overlapping windows, so that memory does not grow with the length.

Only the block of a window (`codec.windows`) is kept. Blocks differ from the result in one piece only by what an
LSTM remembers from before the context: under 1e-3 of the latents' standard deviation (tested). A codec whose blocks
depend on the preceding ones, as phases do, decodes streams itself.

Shapes: B batch, K codebooks, T latent frames, D latent channels, N audio samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor

from counterpoint.codec.base import Codec, Encoding, StreamDecoder, View
from counterpoint.codec.windows import Map, Window, windows
from counterpoint.config.workers import ahead

WINDOWS_AT_ONCE = 16
"""Windows in one pass of a GPU: about four minutes of audio, which need a few gigabytes."""


def encode_audio(audio: np.ndarray, codec: Codec) -> Encoding:
    """Encode mono audio of any length.

    Args:
        audio: [N] float at the codec's sample rate, N > 0.

    Returns:
        Latents [1, T, D] and codes [1, K, T], if any, on the CPU, T = ceil(N / samples per frame).
    """
    if audio.ndim != 1 or not audio.size:
        raise ValueError(f"audio must be [N] with N > 0, got {audio.shape}")
    return join(encode_stream([audio], codec))


def decode(codec: Codec, *, latents: Tensor | None = None, codes: Tensor | None = None) -> Tensor:
    """Decode latents or codes of any length.

    Args:
        latents: [B, T, D], not quantised; or
        codes: [B, K, T].

    Returns:
        Audio [B, N] on the CPU, N = T * samples per frame.
    """
    if (latents is None) == (codes is None):
        raise ValueError("decode needs latents or codes, and not both")
    if latents is not None:
        return torch.cat(list(decode_stream([latents], codec, view="latents")), dim=1)
    assert codes is not None
    return torch.cat(list(decode_stream([codes], codec, view="codes")), dim=1)


def encode_stream(pieces: Iterable[np.ndarray], codec: Codec, *, apply: Map = map) -> Iterator[Encoding]:
    """Encode a stream of audio.

    Args:
        pieces: [N] float each, at the codec's sample rate.
        apply: a `map` that applies the codec to blocks; that of `one_block_a_core` applies it to several at once.

    Yields:
        Consecutive encodings of one row, on the CPU.
    """
    return encode_windows(audio_windows(pieces, codec), codec, apply=apply)


def encode_windows(windows: Iterable[Window], codec: Codec, *, apply: Map = map) -> Iterator[Encoding]:
    """Encode windows of audio; arguments and results are as in `encode_stream`.

    A GPU encodes up to `WINDOWS_AT_ONCE` consecutive windows of one length in one pass; a CPU encodes one per core.
    """
    if codec.device.type == "cpu":
        return apply(partial(encode_window, codec), windows)
    return chain.from_iterable(_encode_together(codec, batch) for batch in _alike(windows))


def decode_stream(pieces: Iterable[Tensor], codec: Codec, *, view: View, apply: Map = map) -> Iterator[Tensor]:
    """Decode a stream of latents [B, T, D] or codes [B, K, T], according to `view`.

    Yields:
        Consecutive audio [B, N], on the CPU.
    """
    if isinstance(codec, StreamDecoder):
        return codec.decode_stream(pieces, view=view, apply=apply)
    blocks = windows(pieces, dim=1 if view == "latents" else 2, frame_rate=codec.frame_rate)
    return apply(partial(_decode_window, codec, view), blocks)


def audio_windows(pieces: Iterable[np.ndarray], codec: Codec) -> Iterator[Window]:
    """Cut a stream of audio [N] into windows [1, N]; all blocks but the last are whole frames."""
    rows = (torch.from_numpy(np.ascontiguousarray(piece, dtype=np.float32))[None] for piece in pieces)
    return windows(rows, dim=1, frame_rate=codec.frame_rate, per_frame=codec.samples_per_frame)


def encode_window(codec: Codec, window: Window) -> Encoding:
    """Encode the block of a window of audio; the result is on the CPU."""
    return _encode_together(codec, [window])[0]


def _encode_together(codec: Codec, batch: Sequence[Window]) -> list[Encoding]:
    """Encode the blocks of windows [1, N] of one length in one pass of the codec."""
    encoding = codec.encode(torch.cat([window.content for window in batch]))
    latents, codes = encoding.latents.cpu(), None if encoding.codes is None else encoding.codes.cpu()
    return [
        _block(
            Encoding(latents=latents[row : row + 1], codes=None if codes is None else codes[row : row + 1]),
            window,
            hop=codec.samples_per_frame,
        )
        for row, window in enumerate(batch)
    ]


def _block(encoding: Encoding, window: Window, *, hop: int) -> Encoding:
    """The part of an encoded window that is its block."""
    block = slice(window.start // hop, -(-window.stop // hop))
    codes = None if encoding.codes is None else encoding.codes[:, :, block]
    return Encoding(latents=encoding.latents[:, block], codes=codes)


def _alike(windows: Iterable[Window]) -> Iterator[list[Window]]:
    """Group consecutive windows of one length, at most `WINDOWS_AT_ONCE` in a group."""
    batch: list[Window] = []
    for window in windows:
        if batch and (len(batch) == WINDOWS_AT_ONCE or window.content.shape != batch[0].content.shape):
            yield batch
            batch = []
        batch.append(window)
    if batch:
        yield batch


def join(encodings: Iterable[Encoding]) -> Encoding:
    """Concatenate consecutive encodings."""
    parts = list(encodings)
    codes = [part.codes for part in parts if part.codes is not None]
    return Encoding(
        latents=torch.cat([part.latents for part in parts], dim=1), codes=torch.cat(codes, dim=2) if codes else None
    )


@contextmanager
def one_block_a_core() -> Iterator[Map]:
    """A `map` that processes as many items at once as there are cores, in order, each on a single core.

    The convolutions of one block leave a second core half idle. At most as many items are started ahead as there are
    cores, which bounds the memory.
    """
    cores = torch.get_num_threads()

    def apply(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        return ahead(lambda item: pool.submit(function, item).result, items, most=cores + 1)

    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(cores, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield apply
    finally:
        torch.set_num_threads(cores)


def _decode_window(codec: Codec, view: View, window: Window) -> Tensor:
    audio = codec.decode_latents(window.content) if view == "latents" else codec.decode_codes(window.content)
    hop = codec.samples_per_frame
    return audio[:, window.start * hop : window.stop * hop].cpu()
