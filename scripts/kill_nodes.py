"""Table 2 at debug scale on a Ray cluster whose nodes are killed, compared byte by byte with the local engine.

    .venv/bin/python scripts/kill_nodes.py [--kills 10] [--out FOLDER] [--set KEY=VALUE ...]

A head without cores and two nodes of one core each run on this machine. A node is killed (SIGKILL of its raylet and of
all processes below it) while it runs a step, once for each kind of step, and then again for further steps until there
were as many kills as asked for; each time another node takes its place. The step is suspended first, so that it is
surely in the middle when its node goes. The exit status is 1 unless all nodes were killed, the results are those of the
local engine, and every step was made as often as it was killed, and once more.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path

os.environ.update(  # before anything reads them
    OMP_NUM_THREADS="1",
    RAY_USAGE_STATS_ENABLED="0",
    RAY_memory_monitor_refresh_ms="0",
    RAY_health_check_period_ms="500",
)

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

from counterpoint.study import run_study
from counterpoint.study.engines.registry import Where
from counterpoint.study.notices import LOGS
from killing import Killer, add_node, three_nodes

KINDS = ("data", "encode", "prompts", "train", "reconstruct", "generate", "evaluate", "examine", "copies")
"""Kinds of steps of Table 2, by the first word of their names."""
TIMED = ("step.json", "result.json", "metrics.jsonl", "state.json", "generation.json")
"""Files that record when, where and how fast something was made."""


def is_wanted(name: str, killed: list[str], *, kills: int) -> bool:
    """Whether no node was killed for this step, and there are kills to spare for a second one of its kind."""
    missing = set(KINDS) - {*map(kind_of, killed), kind_of(name)}
    return name not in killed and kills - len(killed) > len(missing)


def kind_of(name: str) -> str:
    return name.partition("_")[0]


def differing(study: Path, other: Path) -> tuple[int, list[str]]:
    """The number of files of all steps of two finished studies, and the names of those whose bytes differ or that only
    one of them has."""
    compared, differ = 0, []
    for step in sorted((study / "steps").iterdir()):
        one, two = (contents(folder.resolve()) for folder in (step, other / "steps" / step.name))
        compared += len(one.keys() | two.keys())
        differ += [f"{step.name}/{file}" for file in sorted(one.keys() | two.keys()) if one.get(file) != two.get(file)]
    return compared, differ


def agree(study: Path, other: Path) -> bool:
    """Print how many files of two finished studies were compared and which differ; returns whether none does."""
    compared, differ = differing(study, other)
    print(f"{compared} files compared, {len(differ)} differ: {', '.join(differ[:20]) or 'none'}", flush=True)
    return not differ


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of every file of a result that should be reproduced, without the place of the store, which the
    configuration of a training names."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in TIMED)
    store = os.fsencode(folder.parent)
    return {path.relative_to(folder).as_posix(): path.read_bytes().replace(store, b"STORE") for path in files}


def times_made(store: Path) -> Counter[str]:
    """How often each step was begun, by the logs of the steps."""
    logs = (store / LOGS).glob("*.log")
    return Counter({log.stem.rpartition("-")[0]: log.read_text().count(" ...\n") for log in logs})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--out", type=Path, help="a folder to keep; by default a temporary one, which is deleted")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        out = chosen.out or Path(temporary)
        study = {"scale": "debug", "overrides": chosen.overrides, "device": "cpu", "say": print, "show": False}
        run_study("table2", out=out / "local", store=out / "store_local", **study)
        with three_nodes() as cluster:
            store, where = out / "store_nodes", Where("ray", address=cluster.address)
            wants = partial(is_wanted, kills=chosen.kills)
            with Killer(
                cluster, store=store, kills=chosen.kills, wants=wants, after=lambda: add_node(cluster)
            ) as killer:
                run_study("table2", out=out / "nodes", store=store, where=where, **study)
        same = agree(out / "local", out / "nodes")
        made, wanted = times_made(store), Counter(killer.killed)
        repeated = {name: count for name, count in made.items() if count != 1 + wanted[name]}
    print(f"killed: {', '.join(killer.killed)}")
    print(f"{len(made)} steps, made more often than they were killed: {repeated or 'none'}")
    return int(len(killer.killed) != chosen.kills or not same or bool(repeated))


if __name__ == "__main__":
    sys.exit(main())
