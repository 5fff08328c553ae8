"""Two processes train one model, over gloo on the CPU."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import torch

from counterpoint.codec import load_codec
from counterpoint.compose import compose
from counterpoint.config import CodecTrainingConfig, TrainingConfig, dump_yaml
from counterpoint.config.checkpoints import newest_checkpoint
from counterpoint.config.load import parse
from counterpoint.training import train
from counterpoint.training.monitor import read_metrics
from killing import kill_tree, wait_for

TRAIN = """
import sys
import time
from pathlib import Path
from counterpoint.config import CodecTrainingConfig, TrainingConfig, load_yaml
from counterpoint.training import train, train_codec
kind, function = (CodecTrainingConfig, train_codec) if "codec" in sys.argv[2] else (TrainingConfig, train)
function(load_yaml(Path(sys.argv[1]), kind), out=Path(sys.argv[2]), progress=False)
"""


def free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


@contextmanager
def processes(
    *arguments: list[str], environments: list[dict[str, str]], errors: int
) -> Iterator[list[subprocess.Popen]]:
    """Processes of Python, which end with the block."""
    started = [
        subprocess.Popen([sys.executable, *each], env={**os.environ, **environment}, stderr=errors, text=True)
        for each, environment in zip(arguments, environments, strict=True)
    ]
    try:
        yield started
    finally:
        for process in started:
            kill_tree(process.pid)
            process.wait(timeout=60)


def train_with_two_processes(config: TrainingConfig | CodecTrainingConfig, out: Path) -> None:
    dump_yaml(out.with_suffix(".yaml"), config)
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    places = [{**shared, "ACCELERATE_USE_CPU": "true", "RANK": rank, "LOCAL_RANK": rank} for rank in ("0", "1")]
    command = ["-c", TRAIN, str(out.with_suffix(".yaml")), str(out)]
    with processes(command, command, environments=places, errors=subprocess.PIPE) as ranks:
        said = [rank.communicate(timeout=240)[1] for rank in ranks]
        assert [rank.returncode for rank in ranks] == [0, 0], "\n".join(said)


@pytest.mark.slow
def test_two_processes_are_two_micro_batches(configure, tmp_path):
    """The slices of a batch and their draws are the same, so the weights agree but for the order of a sum."""
    alone = train(
        configure("flow_matching", accumulate=4, batch_size=8, steps=8), out=tmp_path / "alone", progress=False
    )
    train_with_two_processes(configure("flow_matching", accumulate=2, batch_size=8, steps=8), tmp_path / "together")
    one, two = (newest_checkpoint(tmp_path / name / "checkpoints") for name in ("alone", "together"))
    assert one is not None and two is not None and one.step == two.step == 8
    for part in ("model", "ema"):
        torch.testing.assert_close(two.tensors(part), one.tensors(part), rtol=1e-3, atol=1e-4)
    before, after = (read_metrics(tmp_path / name / "metrics.jsonl") for name in ("alone", "together"))
    assert [line["step"] for line in after] == [line["step"] for line in before]
    assert alone.valid_loss == pytest.approx(after[-1]["valid_loss"], rel=1e-3)
    assert before[-2]["audio_s"] == pytest.approx(after[-2]["audio_s"])


@pytest.mark.slow
def test_two_processes_train_a_codec_and_its_discriminators(tmp_path):
    """Both optimisers act on the whole batch, and the codec is exported once."""
    compose(tmp_path / "music", clips=8, duration_s=2.0, seed=0)
    shape = {"kind": "encodec", "strides": [8, 5, 4, 4], "filters": 4, "latent_dim": 16, "codebook_size": 32}
    config = parse(
        {
            "dataset": str(tmp_path / "music"),
            "codec": {**shape, "lstm_layers": 1, "activation": "elu"},
            "discriminator": {"filters": 2, "windows": [512]},
            "quantizer": {"kmeans_vectors": 100},
            **{"segment_s": 0.25, "batch_size": 4, "steps": 4, "validate_every": 2, "checkpoint_every": 2},
        },
        CodecTrainingConfig,
        source="test",
    )
    out = tmp_path / "codec"
    train_with_two_processes(config, out)
    lines = [line for line in read_metrics(out / "metrics.jsonl") if "discriminator" in line]
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    checkpoint = newest_checkpoint(out / "checkpoints")
    assert checkpoint is not None
    moments = checkpoint.tensors("discriminators_optimizer")
    assert any(value.abs().sum() > 0 for name, value in moments.items() if name.startswith("exp_avg/"))
    assert load_codec(str(out)).frame_rate == 50


@pytest.mark.slow
@pytest.mark.parametrize("sharded", [False, True])
def test_two_nodes_of_torchrun_that_are_killed_go_on_to_the_weights_of_one_process(
    configure, tmp_path: Path, sharded: bool
) -> None:
    """SIGKILL of every process after the first checkpoint; then the same command again. Two halves of a batch have the
    same sum wherever they are computed, so the weights are equal, except for roundings where FSDP divides them."""
    how = {"batch_size": 8, "steps": 40, "checkpoint_every": 10, "validate_every": 40}
    dump_yaml(tmp_path / "run.yaml", configure("flow_matching", sharded=sharded, **how))
    command = ["-m", "counterpoint", "train", str(tmp_path / "run.yaml"), "--out", str(tmp_path / "nodes")]

    def nodes() -> AbstractContextManager[list[subprocess.Popen[str]]]:
        place = ["--master-addr", "127.0.0.1", "--master-port", free_port()]
        launch = ["-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1", *place, "--node-rank"]
        arguments = [[*launch, rank, *command, "--device", "cpu", "--quiet"] for rank in ("0", "1")]
        environment = {"OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
        return processes(*arguments, environments=[environment] * 2, errors=subprocess.DEVNULL)

    with nodes() as killed:
        newest = wait_for(
            lambda: newest_checkpoint(tmp_path / "nodes" / "checkpoints") or any(node.poll() for node in killed),
            within_s=240,
        )
        assert [node.poll() for node in killed] == [None, None], "a node has ended before it was killed"
    assert [node.returncode for node in killed] == [-9, -9] and newest.step < 40
    with nodes() as going_on:
        assert [node.wait(timeout=300) for node in going_on] == [0, 0]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    train(configure("flow_matching", accumulate=2, **how), out=tmp_path / "alone", progress=False)
    torch.set_num_threads(threads)
    one, two = (newest_checkpoint(tmp_path / name / "checkpoints") for name in ("alone", "nodes"))
    assert one is not None and two is not None and one.step == two.step == 40
    near = {"rtol": 1e-5, "atol": 1e-5} if sharded else {"rtol": 0, "atol": 0}
    for part in ("model", "ema", "optimizer"):
        torch.testing.assert_close(two.tensors(part), one.tensors(part), **near)
