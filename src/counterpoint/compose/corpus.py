"""The embedded corpus on disk: clips composed by a pool of processes, split, and written in the shared layout."""

from __future__ import annotations

import hashlib
import math
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint.audio import save_audio
from counterpoint.compose.clip import played_piece, render_clip
from counterpoint.compose.render import SAMPLE_RATE, soundfont
from counterpoint.compose.soundfonts import Soundfont, read_soundfonts
from counterpoint.config import UserError, atomic_folder
from counterpoint.config.base import check_seed
from counterpoint.config.borrowed import borrow
from counterpoint.config.machine import cores
from counterpoint.config.paths import check_output_folder
from counterpoint.config.room import require_disk, require_memory
from counterpoint.config.workers import ahead
from counterpoint.data import MusicDataset, open_dataset, save_dataset
from counterpoint.data.layout import file_digest

MIN_CLIPS = 3
MIN_DURATION_S = 1.0
MAX_DURATION_S = 600.0
_SPLIT, _RUN = 4, 10  # one of every ten clips goes to valid and one to test
_CLIPS_PER_WORKER = 12  # fewer do not justify starting a process
_AHEAD = 4  # clips in progress for each process
_DISK, _MEMORY = 8_000, 2_000
"""Least bytes on disk for a second of a clip, and in memory for the row of a clip until all are finished."""

Progress = Callable[[int, int], None]


def split_of(seed: int, index: int) -> str:
    """The split of clip `index`: of every ten clips in a row, one is `valid`, one `test`, the others `train`."""
    run, place = divmod(index, _RUN)
    order = np.random.default_rng([_SPLIT, seed, run]).permutation(_RUN)
    return {int(order[0]): "valid", int(order[1]): "test"}.get(place, "train")


def compose(
    out: Path,
    *,
    clips: int,
    duration_s: float,
    seed: int,
    soundfonts: Sequence[Path] = (),
    progress: Progress | None = None,
    workers: int | None = None,
) -> MusicDataset:
    """Compose a corpus: audio, drum stems, captions and exact chords, melody and beats, as a dataset at `out`.

    Clip i depends only on (seed, i, duration_s) and the soundfonts, so that a longer corpus begins with a shorter one,
    and the same arguments give the same bytes. Nothing appears at `out` before everything is finished.

    Args:
        out: a folder that does not exist or is empty.
        clips: number of clips, at least 3.
        duration_s: length of each, 1 to 600 s.
        seed: a non-negative number.
        soundfonts: General MIDI soundfonts (.sf2, .sf3) instead of the one of pretty_midi; each plays an equal share of
            the clips and is recorded in their rows. A process holds one at a time.
        progress: called with (clips done, clips) after every clip.
        workers: number of processes; by default one per core, and no other process for a small corpus.

    Raises:
        UserError: an argument is out of range, `out` is not empty, or a file is not a soundfont.
        OSError: the disk is full.
    """
    _check(out, clips=clips, duration_s=duration_s, seed=seed)
    fonts = read_soundfonts(soundfonts)
    borrow("tinysoundfont")  # fetched here, if it is missing, and not by every process at once
    if not fonts:
        soundfont()  # fails at once if it is missing

    def fill(folder: Path) -> None:
        source = _Source(str(folder), seed, duration_s, fonts)
        made = _render_all(source, clips=clips, progress=progress, workers=workers)
        splits: dict[str, list[dict[str, Any]]] = {"train": [], "valid": [], "test": []}
        for index in range(clips):
            splits[split_of(seed, index)].append(made[index][0])
        info = {"name": f"composed-{seed}", "kind": "composed", "seed": seed, "clips": clips, "duration_s": duration_s}
        if fonts:
            info["soundfonts"] = [font.name for font in fonts]
        digests = {row["id"]: digest for row, digest in made.values()}
        save_dataset(folder, splits, info={**info, "report": _report(splits)}, audio_digests=digests)

    atomic_folder(out, fill)
    return open_dataset(out)


def _check(out: Path, *, clips: int, duration_s: float, seed: int) -> None:
    if clips < MIN_CLIPS:
        raise UserError(f"Cannot compose {clips} clips: choose at least {MIN_CLIPS}, and 10 to fill every split.")
    if not (math.isfinite(duration_s) and MIN_DURATION_S <= duration_s <= MAX_DURATION_S):
        raise UserError(f"Cannot compose clips of {duration_s:g} s: choose {MIN_DURATION_S:g} to {MAX_DURATION_S:g} s.")
    check_seed(seed)
    check_output_folder(out)
    pieces = f"{clips:,} clips of {duration_s:g} s need"
    require_disk(clips * math.ceil(duration_s) * _DISK, place=out, needs=pieces, remedy="choose fewer or shorter ones")
    require_memory(clips * _MEMORY, needs=f"The tables of {clips:,} clips need", remedy="choose fewer")


def _report(splits: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Statistics of the corpus, for dataset.json."""
    rows = [row for part in splits.values() for row in part]
    styles = sorted({row["style"] for row in rows})
    fonts = sorted({row["soundfont"] for row in rows if "soundfont" in row})
    played = {font: sum(row["soundfont"] == font for row in rows) for font in fonts}
    return {
        "styles": {style: sum(row["style"] == style for row in rows) for style in styles},
        "keys": len({row["key"] for row in rows}),
        "instruments": len({name for row in rows for name in row["instruments"]}),
        "bpm": [min(row["bpm"] for row in rows), max(row["bpm"] for row in rows)],
        **({"soundfonts": played} if played else {}),
    }


_Made = tuple[dict[str, Any], str]


@dataclass(frozen=True)
class _Source:
    """The inputs and the output folder of clips."""

    folder: str
    seed: int
    duration_s: float
    fonts: tuple[Soundfont, ...]

    def order(self, clips: int) -> list[int]:
        """The clips ordered by soundfont, so that a process reads each soundfont once and holds one at a time."""
        if len(self.fonts) < 2:
            return list(range(clips))

        def place(index: int) -> int:
            font, _ = played_piece(self.seed, index, duration_s=self.duration_s, fonts=self.fonts)
            return self.fonts.index(font) if font else 0

        return sorted(range(clips), key=place)


def _write_clip(source: _Source, index: int) -> _Made:
    """Render one clip into `folder/audio`; returns its row and a digest of its audio."""
    folder = source.folder
    clip = render_clip(source.seed, index, duration_s=source.duration_s, fonts=source.fonts)
    row = dict(clip.row, audio=f"audio/{index:06d}.flac")
    save_audio(Path(folder) / row["audio"], clip.audio, sample_rate=SAMPLE_RATE)
    digest = file_digest(Path(folder) / row["audio"])
    if clip.drums is not None:
        row["drums"] = f"audio/{index:06d}.drums.flac"
        save_audio(Path(folder) / row["drums"], clip.drums, sample_rate=SAMPLE_RATE)
        digest = hashlib.sha256((digest + file_digest(Path(folder) / row["drums"])).encode()).hexdigest()[:32]
    return row, digest


def _render_all(source: _Source, *, clips: int, progress: Progress | None, workers: int | None) -> dict[int, _Made]:
    """(row, digest) of every clip by its index."""
    count = min(workers, clips) if workers else min(cores(), max(1, clips // _CLIPS_PER_WORKER))
    made: dict[int, _Made] = {}
    if count == 1:
        for index in source.order(clips):
            made[index] = _write_clip(source, index)
            if progress:
                progress(len(made), clips)
        return made
    order = source.order(clips)
    with _pool(count) as pool:
        try:
            rows = ahead(partial(_submit, pool, source), order, most=_AHEAD * count)
            for index, row in zip(order, rows, strict=True):
                made[index] = row
                if progress:
                    progress(len(made), clips)
        except BrokenProcessPool:
            raise UserError(
                "A process that composed clips was stopped from outside (out of memory?); try again with fewer clips."
            ) from None
    return made


def _submit(pool: ProcessPoolExecutor, source: _Source, index: int) -> Callable[[], _Made]:
    """Submit a clip. The processes start here, with interruptions blocked, and inherit this: Ctrl-C reaches only this
    process, which ends them in order."""
    with _interruptions_blocked():
        return pool.submit(_write_clip, source, index).result


@contextmanager
def _interruptions_blocked() -> Iterator[None]:
    """Block interruptions; Windows has no blocked signals, so that Ctrl-C there reaches every process, and all end."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool that ends with the block; if the block fails or is interrupted, it ends at once, with its running jobs."""
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    try:
        yield pool
    except BaseException:
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
