"""Memory of long work: a large library, long audio through every verb that takes audio, many clips in one process.

    .venv/bin/python scripts/soak.py [--files 50000] [--minutes 120] [--clips 1000] [--only WORD ...]

Prints a line for each command: its processor time, and the most memory that it and its children held shortly before a
tenth, a half and the whole of its time, and over all of it. Memory that grows with the work shows as an end far above
the half. Everything is made in a temporary folder and deleted again. Whole, it takes hours on one core.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import psutil
import soundfile

RATE = 32_000
BLOCK_S = 10
FEWEST_CLIPS = 8
"""Number of clips that `evaluate` needs."""
MODELS = ("pocket_flow_matching", "pocket_autoregressive")


def make_library(folder: Path, *, files: int) -> Path:
    """Files of a fifth of a second, no two alike, with a caption each."""
    folder.mkdir()
    time_s = np.arange(1600) / 8000
    for number in range(files):
        place = folder / f"{number // 1000:03d}"
        place.mkdir(exist_ok=True)
        soundfile.write(place / f"{number:06d}.wav", 0.3 * np.sin(2 * np.pi * (200 + number / 50) * time_s), 8000)
        (place / f"{number:06d}.txt").write_text(f"tone number {number}", encoding="utf-8")
    return folder


def make_music(path: Path, *, minutes: float) -> Path:
    """A melody over noise, in stereo, block by block."""
    generator = np.random.default_rng(0)
    time_s = np.arange(BLOCK_S * RATE) / RATE
    with soundfile.SoundFile(path, "w", RATE, 2) as file:
        for _ in range(round(minutes * 60 / BLOCK_S)):
            steps = 220 * 2 ** (generator.integers(0, 24, 2 * BLOCK_S) / 12)
            tone = np.sin(2 * np.pi * np.cumsum(np.repeat(steps, RATE // 2)) / RATE) * np.exp(-4 * (time_s % 0.5))
            file.write(0.3 * tone[:, None] + 0.01 * generator.standard_normal((len(tone), 2)))
    return path


def commands(root: Path, *, files: int, minutes: float, clips: int) -> Iterator[tuple[str, Sequence[str | Path]]]:
    """(name, words of the command) in the order in which they need each other."""
    library, alone = make_library(root / "library", files=files), root / "alone"
    yield f"data ingest, {files:,} files", ("data", "ingest", library, root / "many", "--min-duration-s", "0.1")
    alone.mkdir()
    music = make_music(alone / "long.flac", minutes=minutes)
    what, model = f"{minutes:g} min", ("--model", MODELS[0])
    yield f"analyze, {what}", ("analyze", music, "--out", root / "heard.json", "--out", root / "heard.png")
    yield f"codec reconstruct, {what}", ("codec", "reconstruct", music, "--out", root / "again.flac")
    span = f"{minutes * 30}:{minutes * 30 + 2}"
    yield f"inpaint, {what}", ("inpaint", music, "--span", span, *model, "--out", root / "filled.flac")
    yield (
        f"generate --continue, {what}",
        (*("generate", "--continue", music, "--duration-s", "2", *model, "--out", root / "longer.flac"),),
    )
    for control in ("melody", "drums"):
        yield (
            f"generate --{control}, {what}",
            (
                *("generate", "a tune", f"--{control}", music, *model),
                *("--duration-s", "2", "--out", root / f"{control}.flac"),
            ),
        )
    yield f"data ingest, {what}", ("data", "ingest", alone, root / "one")
    yield f"data encode, {what}", ("data", "encode", root / "one")
    yield f"data controls, {what}", ("data", "controls", root / "one")
    (root / "clips").mkdir()
    for number in range(FEWEST_CLIPS):
        make_music(root / "clips" / f"{number}.flac", minutes=minutes / FEWEST_CLIPS)
    yield f"evaluate, {what} in {FEWEST_CLIPS} clips", ("evaluate", root / "clips", "--reference", root / "clips")
    captions = root / "captions.txt"
    captions.write_text("".join(f"tune number {number}\n" for number in range(clips)), encoding="utf-8")
    for model_name in MODELS:
        yield (
            f"generate, {clips:,} clips by {model_name}",
            (
                *("generate", "--captions", captions, "--model", model_name, "--duration-s", "1"),
                *("--out", root / model_name, *(("--steps", "4") if "flow" in model_name else ())),
            ),
        )


def watch(words: Sequence[str | Path]) -> tuple[str, float, list[float]]:
    """(how it failed, seconds of processor time, MB held at equal distances in time) of a command."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        command = [sys.executable, "-m", "counterpoint", "--offline", *map(str, words)]
        started = psutil.Popen(command, stdout=said, stderr=subprocess.STDOUT)
        held, seconds = [0.0], 0.0
        while started.poll() is None:
            try:
                family = [started, *started.children(recursive=True)]
                held.append(sum(process.memory_info().rss for process in family) / 1e6)
                seconds = sum(sum(process.cpu_times()[:2]) for process in family)
            except psutil.NoSuchProcess:  # ended meanwhile
                pass
            time.sleep(0.1)
        said.seek(0)
        last = said.read().strip().split("\n")[-1]
    return ("" if started.returncode == 0 else f"  failed ({started.returncode}): {last}"), seconds, held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument(
        "--only", nargs="+", default=[""], help="run only the commands whose name has one of these words"
    )
    asked = parser.parse_args()
    print(f"{'':52} {'CPU s':>8} {'a tenth':>8} {'half':>8} {'end':>8} {'most':>8}  (MB)")
    with tempfile.TemporaryDirectory() as folder:
        for name, words in commands(Path(folder), files=asked.files, minutes=asked.minutes, clips=asked.clips):
            if not any(word in name for word in asked.only):
                continue
            failed, seconds, held = watch(words)
            tenth = -(-len(held) // 10)
            most = [max(held[max(0, stop - tenth) : stop]) for stop in (tenth, 5 * tenth, len(held))]
            columns = "".join(f" {each:8.0f}" for each in (*most, max(held)))
            print(f"{name:52} {seconds:8.1f}{columns}{failed}", flush=True)


if __name__ == "__main__":
    main()
