"""The embedded corpus on disk: clips composed by a pool of processes, split, and written in the shared layout."""

from __future__ import annotations

import hashlib
import math
import multiprocessing
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint.audio import save_audio
from counterpoint.config import UserError
from counterpoint.data import MusicDataset, open_dataset, save_dataset
from counterpoint.data.compose.clip import render_clip
from counterpoint.data.compose.render import SAMPLE_RATE, soundfont
from counterpoint.data.layout import file_digest

MIN_CLIPS = 3
MIN_DURATION_S = 1.0
MAX_DURATION_S = 600.0
_SPLIT, _RUN = 4, 10  # of every run of ten clips one goes to valid and one to test
_CLIPS_PER_WORKER = 12  # fewer do not repay a process's start

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
    progress: Progress | None = None,
    workers: int | None = None,
) -> MusicDataset:
    """Compose a corpus: audio, drum stems, captions and exact chords, melody and beats, as a dataset at `out`.

    Clip i depends on (seed, i, duration_s) alone, so a longer corpus begins with a shorter one, and the same arguments
    give the same bytes. Nothing appears at `out` before all is done.

    Args:
        out: a folder that does not exist or is empty.
        clips: how many, at least 3.
        duration_s: length of each, 1 to 600 s.
        seed: a non-negative number.
        progress: called with (clips done, clips) after every clip.
        workers: processes; by default one a core, and none beside this one for a small corpus.

    Raises:
        UserError: for arguments out of range, or an `out` that holds something.
        OSError: when the disk is full.
    """
    _check(out, clips=clips, duration_s=duration_s, seed=seed)
    soundfont()  # say at once if it is missing
    out.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    staging.chmod(0o755)  # mkdtemp makes private folders
    try:
        made = _render_all(staging, clips=clips, duration_s=duration_s, seed=seed, progress=progress, workers=workers)
        splits: dict[str, list[dict[str, Any]]] = {"train": [], "valid": [], "test": []}
        for index in range(clips):
            splits[split_of(seed, index)].append(made[index][0])
        info = {"name": f"composed-{seed}", "kind": "composed", "seed": seed, "clips": clips, "duration_s": duration_s}
        digests = {row["id"]: digest for row, digest in made.values()}
        save_dataset(staging, splits, info={**info, "report": _report(splits)}, audio_digests=digests)
        if out.is_dir():
            out.rmdir()  # empty, as checked
        staging.rename(out)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return open_dataset(out)


def _check(out: Path, *, clips: int, duration_s: float, seed: int) -> None:
    if clips < MIN_CLIPS:
        raise UserError(f"Cannot compose {clips} clips: ask for at least {MIN_CLIPS}, 10 or more to fill every split.")
    if not (math.isfinite(duration_s) and MIN_DURATION_S <= duration_s <= MAX_DURATION_S):
        raise UserError(
            f"Cannot compose clips of {duration_s:g} s: give a duration of {MIN_DURATION_S:g} to {MAX_DURATION_S:g} s."
        )
    if seed < 0:
        raise UserError(f"Cannot compose with seed {seed}: give a seed of zero or more.")
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file; name a new folder for the corpus.")
    if out.is_dir() and any(out.iterdir()):
        raise UserError(f"{out} is not empty; name a new folder for the corpus, or remove what is in it first.")


def _report(splits: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """What the corpus holds, for dataset.json."""
    rows = [row for part in splits.values() for row in part]
    styles = sorted({row["style"] for row in rows})
    return {
        "styles": {style: sum(row["style"] == style for row in rows) for style in styles},
        "keys": len({row["key"] for row in rows}),
        "instruments": len({name for row in rows for name in row["instruments"]}),
        "bpm": [min(row["bpm"] for row in rows), max(row["bpm"] for row in rows)],
    }


_Made = tuple[dict[str, Any], str]


def _write_clip(folder: str, seed: int, index: int, duration_s: float) -> _Made:
    """Render one clip into `folder/audio`; its row and a digest of its sound."""
    clip = render_clip(seed, index, duration_s=duration_s)
    row = dict(clip.row, audio=f"audio/{index:06d}.flac")
    save_audio(Path(folder) / row["audio"], clip.audio, sample_rate=SAMPLE_RATE)
    digest = file_digest(Path(folder) / row["audio"])
    if clip.drums is not None:
        row["drums"] = f"audio/{index:06d}.drums.flac"
        save_audio(Path(folder) / row["drums"], clip.drums, sample_rate=SAMPLE_RATE)
        digest = hashlib.sha256((digest + file_digest(Path(folder) / row["drums"])).encode()).hexdigest()[:32]
    return row, digest


def _render_all(
    folder: Path, *, clips: int, duration_s: float, seed: int, progress: Progress | None, workers: int | None
) -> dict[int, _Made]:
    """(row, digest) of every clip by its number, in whatever order they were done."""
    count = min(workers, clips) if workers else min(_cores(), max(1, clips // _CLIPS_PER_WORKER))
    made: dict[int, _Made] = {}
    if count == 1:
        for index in range(clips):
            made[index] = _write_clip(str(folder), seed, index, duration_s)
            if progress:
                progress(len(made), clips)
        return made
    with _pool(count) as pool:
        jobs = _submit(pool, str(folder), clips=clips, duration_s=duration_s, seed=seed)
        try:
            for job in as_completed(jobs):
                made[jobs[job]] = job.result()
                if progress:
                    progress(len(made), clips)
        except BrokenProcessPool:
            raise UserError(
                "A process that composed clips was stopped from outside (out of memory?); try again with fewer clips."
            ) from None
    return made


def _submit(
    pool: ProcessPoolExecutor, folder: str, *, clips: int, duration_s: float, seed: int
) -> dict[Future[_Made], int]:
    """Hand out every clip. The processes start here, with interruptions blocked, and inherit that: Ctrl-C is for this
    process alone, which ends them in good order."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return {pool.submit(_write_clip, folder, seed, index, duration_s): index for index in range(clips)}
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool that ends with the block; at once, jobs under way included, when the block fails or is interrupted."""
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
