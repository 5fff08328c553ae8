"""`make fuzz`: thousands of hostile inputs, in processes of their own, and what became of them.

    python tests/fuzz/fuzz.py [--inputs 3000] [--seed 0] [--family NAME]

Counted as faults: an exception other than a UserError, an input that takes longer than 30 s or 1 GB, a process that
dies, and an input file that is not what it was. `--only FAMILY:NUMBER` runs one input again, with its traceback.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from fuzz_inputs import FAMILIES

from counterpoint.config import UserError
from counterpoint.config.machine import resident_memory

LONGEST_S = 30.0
MOST_BYTES = 1 << 30


@dataclass(frozen=True)
class Outcome:
    """What became of an input.

    Attributes:
        kind: fine, refused (a UserError), traceback, slow, memory, lost or died.
        said: the message or traceback.
        seconds: that reading took.
    """

    kind: str
    said: str
    seconds: float

    @property
    def is_fault(self) -> bool:
        return self.kind not in ("fine", "refused")


def run_input(family: str, number: int, *, seed: int) -> Outcome:
    """Make an input in a folder of its own, read it, and look at what that did."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    try:
        call = FAMILIES[family](Random(f"{seed}-{family}-{number}"), folder)
        before, memory, started = _digests(folder), resident_memory() or 0, time.monotonic()
        kind, said = _attempt(call)
        seconds = time.monotonic() - started
        if _digests(folder).items() >= before.items():
            if (resident_memory() or 0) - memory > MOST_BYTES:
                kind = "memory"
        else:
            kind, said = "lost", "an input file is not what it was"
        return Outcome("slow" if seconds > LONGEST_S else kind, said, seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _attempt(call) -> tuple[str, str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call()
    except UserError as error:
        return "refused", str(error)
    except Exception:
        return "traceback", traceback.format_exc()
    return "fine", ""


def _digests(folder: Path) -> dict[str, str]:
    """Of every regular file, by its path."""
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            if path.is_file() and not path.is_symlink():
                found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def work(family: str, first: int, stop: int, *, seed: int) -> None:
    """Run inputs of a family in this process, a line of JSON for each on the standard output."""
    for number in range(first, stop):
        print(json.dumps(asdict(run_input(family, number, seed=seed))), flush=True)


def watch(family: str, count: int, *, seed: int) -> list[Outcome]:
    """Run inputs of a family in other processes; one that hangs or dies is replaced by one that goes on after it."""
    outcomes: list[Outcome] = []
    while len(outcomes) < count:
        command = [sys.executable, __file__, "--work", family, str(len(outcomes)), str(count), "--seed", str(seed)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=_pump, args=(process, lines), daemon=True).start()
        patience_s = 10 * LONGEST_S  # the first input of a process waits for imports
        while len(outcomes) < count:
            try:
                line = lines.get(timeout=patience_s)
            except queue.Empty:
                outcomes.append(Outcome("slow", "killed", patience_s))
                break
            if not line:
                outcomes.append(Outcome("died", f"exit status {process.wait()}", 0.0))
                break
            outcomes.append(Outcome(**json.loads(line)))
            patience_s = 2 * LONGEST_S
        process.kill()
        process.wait()
    return outcomes


def _pump(process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put("")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--family", choices=FAMILIES)
    parser.add_argument("--only", metavar="FAMILY:NUMBER")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        work(asked.work[0], int(asked.work[1]), int(asked.work[2]), seed=asked.seed)
        return
    if asked.only:
        family, _, number = asked.only.partition(":")
        print(run_input(family, int(number), seed=asked.seed))
        return
    families = [asked.family] if asked.family else list(FAMILIES)
    faults = 0
    for family in families:
        outcomes = watch(family, -(-asked.inputs // len(families)), seed=asked.seed)
        counts = Counter(outcome.kind for outcome in outcomes)
        print(f"{family:16}", ", ".join(f"{count} {kind}" for kind, count in counts.most_common()), flush=True)
        for number, outcome in enumerate(outcomes):
            if outcome.is_fault:
                faults += 1
                print(f"  --only {family}:{number} --seed {asked.seed}: {outcome.kind}\n{outcome.said}", flush=True)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
