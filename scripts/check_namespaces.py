"""A Ray cluster and a training across three network namespaces of this machine, compared with one process.

    .venv/bin/python scripts/check_namespaces.py [--set KEY=VALUE ...]

Each namespace has an address of its own and shares only a bridge and the disk with the others, like three machines. In
them run: Table 2 at debug scale on a Ray cluster, a head without cores and two nodes of one core each, of which every
file must have the bytes of the local engine; and a training by `torchrun` on two nodes, whose weights must be those of
one process. It needs Linux, root, and `ip` (Debian's package iproute2). The exit status is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from kill_nodes import agree

from counterpoint.config.checkpoints import newest_checkpoint
from killing import kill_tree, wait_for

os.environ.update(
    OMP_NUM_THREADS="1",
    ACCELERATE_USE_CPU="true",
    GLOO_SOCKET_IFNAME="eth0",
    RAY_AUTH_MODE="disabled",  # else Ray would ask for its token, if this user has one
    RAY_USAGE_STATS_ENABLED="0",
    RAY_memory_monitor_refresh_ms="0",
)

HOSTS = tuple(f"10.77.0.{number}" for number in (1, 2, 3))
BRIDGE = "counterpoint"
LIMIT_S = 900
RAY_PORT, TORCH_PORT = "6379", "29500"
JOINED = "import ray, sys; ray.init(address=sys.argv[1]); assert len(ray.nodes()) == int(sys.argv[2])"
CONFIG = Path(__file__).parents[1] / "configs" / "quick_fm.yaml"
TRAINING = ("data.segment_s=1", "batch_size=8", "steps=20", "validate_every=20", "checkpoint_every=20")


def name_of(host: str) -> str:
    """Name of the namespace with this address."""
    return f"{BRIDGE}{host[-1]}"


@contextmanager
def namespaces() -> Iterator[None]:
    """A network namespace for each of `HOSTS`, joined by a bridge."""
    ip("link", "add", BRIDGE, "type", "bridge")
    try:
        ip("link", "set", BRIDGE, "up")
        for host in HOSTS:
            there, cable = name_of(host), f"cp{host[-1]}"
            ip("netns", "add", there)
            ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", there)
            ip("link", "set", cable, "master", BRIDGE, "up")
            ip("-n", there, "address", "add", f"{host}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                ip("-n", there, "link", "set", device, "up")
        yield
    finally:
        for host in HOSTS:
            subprocess.run(["ip", "netns", "delete", name_of(host)], stderr=subprocess.DEVNULL, check=False)
        ip("link", "delete", BRIDGE)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def start(host: str, *words: str | Path, stderr: int | None = None) -> subprocess.Popen[bytes]:
    """Start this environment's Python with some arguments in the namespace of a host."""
    return subprocess.Popen(["ip", "netns", "exec", name_of(host), sys.executable, *map(str, words)], stderr=stderr)


def run(host: str, *words: str | Path) -> None:
    """Run a command in the namespace of a host until it has ended well."""
    check([start(host, *words)])


def check(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Wait until all have ended well; kill them otherwise."""
    try:
        codes = [each.wait(timeout=LIMIT_S) for each in processes]
    finally:
        for each in processes:
            kill_tree(each.pid)
    if any(codes):
        raise SystemExit(f"A command ended with {codes}.")


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """A Ray cluster with a node in every namespace; yields its address."""
    address = f"{HOSTS[0]}:{RAY_PORT}"
    head = ("--head", "--port", RAY_PORT, "--num-cpus", "0", "--include-dashboard", "false", "--temp-dir", folder)
    joined = ("--address", address, "--num-cpus", "1")
    with ExitStack() as nodes:
        for number, host in enumerate(HOSTS, start=1):
            own = ("--block", "--object-store-memory", str(100 << 20), "--node-ip-address", host)
            node = start(host, "-m", "ray.scripts.scripts", "start", *(head if host == HOSTS[0] else joined), *own)
            nodes.callback(kill_tree, node.pid)
            wait_for(partial(succeeds, JOINED, address, str(number)), within_s=120)
        yield address


def succeeds(program: str, *words: str) -> bool:
    """Whether a program of Python ends well at the first host."""
    return start(HOSTS[0], "-c", program, *words, stderr=subprocess.DEVNULL).wait() == 0


def compare_study(out: Path, overrides: Sequence[str]) -> bool:
    """Run the study by the local engine and by the cluster; returns whether they agree."""
    study = ("-m", "counterpoint", "study", "run", "table2", "--scale", "debug", "--device", "cpu")
    chosen = [word for each in overrides for word in ("--set", each)]
    run(HOSTS[0], *study, *chosen, "--store", out / "store_local", "--out", out / "local")
    ray = Path(tempfile.mkdtemp(prefix="ray"))  # the paths of Ray's sockets must be short
    try:
        with cluster(ray) as address:
            engine = ("--engine", "ray", "--address", address)
            run(HOSTS[0], *study, *chosen, *engine, "--store", out / "store_nodes", "--out", out / "nodes")
    finally:
        shutil.rmtree(ray, ignore_errors=True)
    return agree(out / "local", out / "nodes")


def compare_training(out: Path) -> bool:
    """Train by one process and by two nodes; returns whether they have the same weights."""
    data = out / "music"
    run(HOSTS[0], "-m", "counterpoint", "data", "compose", data, "--clips", "24", "--duration-s", "2")
    run(HOSTS[0], "-m", "counterpoint", "data", "encode", data, "--codec", "pocket")
    chosen = [word for each in (f"data.dataset={data}", *TRAINING) for word in ("--set", each)]
    train = ("-m", "counterpoint", "train", CONFIG, *chosen, "--device", "cpu", "--quiet", "--out")
    check([start(HOSTS[0], *train, out / "one", "--set", "accumulate=2")])
    launch = ("-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1", "--master-addr", HOSTS[0])
    launch = (*launch, "--master-port", TORCH_PORT, "--node-rank")
    check([start(host, *launch, str(rank), *train, out / "two") for rank, host in enumerate(HOSTS[:2])])
    one, two = (newest_checkpoint(out / name / "checkpoints") for name in ("one", "two"))
    assert one is not None and two is not None
    weights, others = one.tensors("model"), two.tensors("model")
    differ = [name for name in weights if not weights[name].equal(others[name])]
    print(f"{len(weights)} weights compared after {one.step} updates, {len(differ)} differ", flush=True)
    return not differ


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    overrides = parser.parse_args().overrides
    with tempfile.TemporaryDirectory() as folder, namespaces():
        return int(not all([compare_training(Path(folder)), compare_study(Path(folder), overrides)]))


if __name__ == "__main__":
    sys.exit(main())
