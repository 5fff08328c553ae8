"""Measures the gain of several processes and the cost of Ray, on two idle cores, in about three minutes.

    .venv/bin/python scripts/measure_scale.py [--only encode|study]

Prints: the speed of encoding by two workers over that of one on one core, and of one with two threads, in the second
half of the work, when all processes have started; the wall and processor time of Table 2 at debug scale by Ray
over those of two local processes; and the time that the simulation of the schedule predicts from the times of its
steps, over the real one. Ratios of processor time hold on a busy machine as well.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before anything reads it

import numpy as np
import psutil
import soundfile
import torch

from counterpoint.config import read_json
from counterpoint.config.workers import Workers
from counterpoint.encode import encode_dataset
from counterpoint.ingest import ingest
from counterpoint.results.records import RECORD_FILE, StepRecord
from counterpoint.study.engines.simulated import Cluster, simulate
from counterpoint.study.run import read_study
from counterpoint.study.work import in_order

CLIPS, CLIP_S, RATE = 240, 10, 32_000


@dataclass(frozen=True)
class Pace:
    """How fast a command went in the second half of its work, when every process has long started.

    Attributes:
        rate: seconds of audio per second.
        cost: seconds of processor time per second of audio, of all processes together.
    """

    rate: float
    cost: float


def measure_encoding(root: Path) -> None:
    """Encode the same noise by one worker on one core, by one on both cores, and by two."""
    random = np.random.default_rng(0)
    (root / "noise").mkdir()
    for number in range(CLIPS):
        soundfile.write(root / "noise" / f"{number:03d}.wav", 0.1 * random.standard_normal(CLIP_S * RATE), RATE)
    every = os.sched_getaffinity(0)
    one = pace_of_encoding(root, "one worker on one core", workers=1, threads=1, cores={min(every)})
    both = pace_of_encoding(root, "one worker with two threads", workers=1, threads=2, cores=every)
    two = pace_of_encoding(root, "two workers", workers=2, threads=1, cores=every)
    print(
        f"two workers are {two.rate / one.rate:.2f} times as fast as one on one core (wanted: 1.7) and "
        f"{two.rate / both.rate:.2f} times as fast as one with two threads; by processor time, which holds on a busy "
        f"machine, they can be {2 * one.cost / two.cost:.2f} and {both.cost / two.cost:.2f} times as fast",
        flush=True,
    )


def pace_of_encoding(root: Path, name: str, *, workers: int, threads: int, cores: set[int]) -> Pace:
    """Encode the noise under `root` and print the pace."""
    place = root / name.replace(" ", "_")
    ingest(root / "noise", place)
    seen: list[tuple[float, float, float]] = []
    usual, every = torch.get_num_threads(), os.sched_getaffinity(0)
    torch.set_num_threads(threads)
    os.sched_setaffinity(0, cores)
    try:
        encode_dataset(
            place,
            codec="pocket",
            device="cpu",
            workers=Workers(workers),
            progress=lambda done, total: seen.append((done, time.perf_counter(), processor_time())),
        )
    finally:
        torch.set_num_threads(usual)
        os.sched_setaffinity(0, every)
    (before, began, spent), (after, ended, total) = seen[len(seen) // 2], seen[-1]
    pace = Pace((after - before) / (ended - began), (total - spent) / (after - before))
    print(
        f"encoding, {name}: {pace.rate:.0f} s of audio a second, {1e3 * pace.cost:.1f} ms of processor each", flush=True
    )
    return pace


def processor_time() -> float:
    """Processor time of this process and all below it, in seconds."""
    here = psutil.Process()
    return sum(sum(each.cpu_times()[:2]) for each in (here, *here.children(recursive=True)))


def measure_study(root: Path) -> None:
    """Run the same study by two local processes and by Ray."""
    walls, cpus = {}, {}
    for name, how in (("local", ()), ("ray", ("--engine", "ray"))):
        place = ("--store", root / f"store_{name}", "--out", root / name)
        words = ("study", "run", "table2", "--scale", "debug", "--jobs", "2", *how, *place)
        walls[name], cpus[name] = run(words)
        print(f"table2 by {name}, two steps at once: {walls[name]:.0f} s, {cpus[name]:.0f} s of processor", flush=True)
    wall, cpu = (times["ray"] / times["local"] for times in (walls, cpus))
    print(f"Ray takes {wall:.2f} times the time and {cpu:.2f} times the processor time (wanted: below 1.3)", flush=True)
    compare_simulation(root / "store_local")


def compare_simulation(store: Path) -> None:
    """Print the time of a finished study beside the one that the simulation of its schedule gives."""
    records = [StepRecord.model_validate(read_json(path)) for path in store.glob(f"*/{RECORD_FILE}")]
    taken = max(record.finished for record in records) - min(record.finished - record.seconds for record in records)
    plan = in_order(read_study("table2", scale="debug").plan(dataset=None).values())
    calm = Cluster(2, cores=1, hours_between_losses=None, straggling=0)
    expected = simulate(plan, seconds={record.key: record.seconds for record in records}, cluster=calm).wall_s
    print(f"simulated from the times of its steps: {expected:.0f} s; really: {taken:.0f} s", flush=True)


def run(words: Sequence[str | Path]) -> tuple[float, float]:
    """Wall and processor time of a command with all processes that it starts, in seconds."""
    spent: dict[int, float] = {}
    started = time.perf_counter()
    command = [sys.executable, "-m", "counterpoint", *map(str, words)]
    process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while process.poll() is None:
        try:
            for each in (process, *process.children(recursive=True)):
                spent[each.pid] = sum(each.cpu_times()[:2])
        except psutil.NoSuchProcess:  # ended meanwhile
            pass
        time.sleep(0.2)
    if process.returncode:
        raise SystemExit(process.stderr.read().decode())
    return time.perf_counter() - started, sum(spent.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("encode", "study"))
    only = parser.parse_args().only
    with tempfile.TemporaryDirectory() as folder:
        if only != "study":
            measure_encoding(Path(folder))
        if only != "encode":
            measure_study(Path(folder))


if __name__ == "__main__":
    main()
