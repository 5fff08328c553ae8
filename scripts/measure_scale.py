"""Measures the gain of several processes and the cost of Ray, on two idle cores, in about three minutes.

    .venv/bin/python scripts/measure_scale.py [--only encode|study]

Prints: the speed of encoding by two workers over that of one, each on one core, start-up excluded; the wall and
processor time of Table 2 at debug scale (25 Hz) by Ray over those of two local processes; and the time that the
simulation of the schedule predicts from the times of its steps, over the real one. Ratios of processor time hold on a
busy machine as well.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before anything reads it

import numpy as np
import psutil
import soundfile

from counterpoint.config import read_json
from counterpoint.config.workers import Workers
from counterpoint.encode import encode_dataset
from counterpoint.ingest import ingest
from counterpoint.results.records import RECORD_FILE, StepRecord
from counterpoint.study.engines.simulated import Cluster, simulate
from counterpoint.study.run import read_study
from counterpoint.study.work import in_order

CLIPS, CLIP_S, RATE = 240, 10, 32_000
CELLS = "axes.rate.values={25hz: 25hz}"


def measure_encoding(root: Path) -> None:
    """Encode the same noise by one worker and by two."""
    random = np.random.default_rng(0)
    (root / "noise").mkdir()
    for number in range(CLIPS):
        soundfile.write(root / "noise" / f"{number:03d}.wav", 0.1 * random.standard_normal(CLIP_S * RATE), RATE)
    rates = {}
    for count in (1, 2):
        ingest(root / "noise", root / f"data{count}")
        seen: list[tuple[float, float]] = []
        encode_dataset(
            root / f"data{count}",
            codec="pocket",
            workers=Workers(count),
            progress=lambda done, total, seen=seen: seen.append((time.perf_counter(), done)),
        )
        (start, before), (end, after) = seen[0], seen[-1]
        rates[count] = (after - before) / (end - start)
        print(f"encoding, {count} workers: {rates[count]:.0f} s of audio a second", flush=True)
    print(f"two workers are {rates[2] / rates[1]:.2f} times as fast as one (wanted: 1.7)", flush=True)


def measure_study(root: Path) -> None:
    """Run the same study by two local processes and by Ray."""
    walls, cpus = {}, {}
    for name, how in (("local", ()), ("ray", ("--engine", "ray"))):
        place = ("--store", root / f"store_{name}", "--out", root / name)
        words = ("study", "run", "table2", "--scale", "debug", "--set", CELLS, "--jobs", "2", *how, *place)
        walls[name], cpus[name] = run(words)
        print(f"table2 by {name}, two steps at once: {walls[name]:.0f} s, {cpus[name]:.0f} s of processor", flush=True)
    wall, cpu = (times["ray"] / times["local"] for times in (walls, cpus))
    print(f"Ray takes {wall:.2f} times the time and {cpu:.2f} times the processor time (wanted: below 1.3)", flush=True)
    compare_simulation(root / "store_local")


def compare_simulation(store: Path) -> None:
    """Print the time of a finished study beside the one that the simulation of its schedule gives."""
    records = [StepRecord.model_validate(read_json(path)) for path in store.glob(f"*/{RECORD_FILE}")]
    taken = max(record.finished for record in records) - min(record.finished - record.seconds for record in records)
    plan = in_order(read_study("table2", overrides=[CELLS], scale="debug").plan(dataset=None).values())
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
