"""Options that change how an update is computed and not what comes of it; processes; trackers."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.tracking import GeneralTracker

from counterpoint.config import UserError
from counterpoint.config.checkpoints import newest_checkpoint
from counterpoint.training import TrainingStopped, train
from counterpoint.training.devices import accelerator_on
from counterpoint.training.launch import in_processes, train_with
from counterpoint.training.monitor import read_metrics

PARADIGMS = ["autoregressive", "flow_matching"]


def weights(run: Path, part: str = "model") -> dict[str, torch.Tensor]:
    checkpoint = newest_checkpoint(run / "checkpoints")
    assert checkpoint is not None
    return dict(checkpoint.tensors(part))


@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_blocks_that_are_computed_twice_give_the_same_weights(configure, tmp_path: Path, paradigm: str) -> None:
    for name, checkpointing in (("kept", False), ("again", True)):
        train(configure(paradigm, checkpointing=checkpointing, steps=4), out=tmp_path / name, progress=False)
    kept, again = weights(tmp_path / "kept"), weights(tmp_path / "again")
    assert all(torch.equal(again[name], tensor) for name, tensor in kept.items())


def test_checkpointing_keeps_less_for_the_backward_pass(configure, encoded) -> None:
    from counterpoint.backbone import Backbone
    from counterpoint.config import BackboneConfig

    backbone = Backbone(BackboneConfig(layers=4, width=32, heads=2, feed_forward=64), causal=True).train()
    kept = {}
    for backbone.recomputes in (False, True):
        sizes: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(lambda x, sizes=sizes: sizes.append(x.nbytes) or x, lambda x: x):
            backbone(torch.randn(2, 40, 32), memory=backbone.nothing()).sum()
        kept[backbone.recomputes] = sum(sizes)
    assert kept[True] < kept[False] / 5


def test_dropout_and_computing_twice_do_not_go_together(configure) -> None:
    backbone = {"layers": 2, "width": 32, "heads": 2, "feed_forward": 64, "dropout": 0.1}
    with pytest.raises(UserError, match="checkpointing computes blocks twice and would draw dropout again"):
        configure("autoregressive", checkpointing=True, model={"backbone": backbone})


@pytest.mark.slow
def test_a_compiled_backbone_makes_the_same_updates_to_rounding(configure, tmp_path: Path) -> None:
    for name, compiled in (("plain", False), ("compiled", True)):
        config = configure("flow_matching", compiled=compiled, steps=3, validate_every=3)
        train(config, out=tmp_path / name, progress=False)
    for name, tensor in weights(tmp_path / "plain").items():
        torch.testing.assert_close(weights(tmp_path / "compiled")[name], tensor, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 4])
def test_any_number_of_processes_makes_the_same_updates(configure, tmp_path: Path, processes: int) -> None:
    whole = configure("flow_matching", accumulate=4, batch_size=8, steps=6)
    train(whole, out=tmp_path / "alone", progress=False)
    shared = configure("flow_matching", accumulate=4 // processes, batch_size=8, steps=6)
    result = train_with(shared, out=tmp_path / "shared", processes=processes)
    assert result.processes == processes
    for name, tensor in weights(tmp_path / "alone").items():
        torch.testing.assert_close(weights(tmp_path / "shared")[name], tensor, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_divided_weights_make_the_same_updates_and_go_on_where_one_process_stopped(configure, tmp_path: Path) -> None:
    config = {"batch_size": 8, "steps": 6, "checkpoint_every": 3, "validate_every": 3}
    alone = configure("flow_matching", accumulate=4, **config)
    whole = train(alone, out=tmp_path / "alone", progress=False)
    updates = iter(range(1, 7))
    with pytest.raises(TrainingStopped):
        train(alone, out=tmp_path / "divided", progress=False, stop=lambda: next(updates) == 3)
    half = configure("flow_matching", accumulate=2, sharded=True, **config)
    result = train_with(half, out=tmp_path / "divided", processes=2)
    assert result.processes == 2 and result.valid_loss == pytest.approx(whole.valid_loss, rel=1e-4)
    for part in ("model", "ema", "optimizer"):
        for name, tensor in weights(tmp_path / "alone", part).items():
            torch.testing.assert_close(weights(tmp_path / "divided", part)[name], tensor, rtol=1e-4, atol=1e-5)


def test_a_run_goes_on_with_as_many_slices_as_before(configure, tmp_path: Path) -> None:
    with pytest.raises(TrainingStopped):
        train(configure("flow_matching", accumulate=2), out=tmp_path, progress=False, stop=lambda: True)
    with pytest.raises(UserError, match=r"cut every batch into 2 slices .*, and now there are 4: choose"):
        train(configure("flow_matching", accumulate=4), out=tmp_path, progress=False)


def test_muon_does_not_divide(configure) -> None:
    with pytest.raises(UserError, match="muon orthogonalises whole matrices"):
        configure("flow_matching", sharded=True, optimizer={"name": "muon"})


def test_a_batch_that_does_not_divide_is_refused_before_anything_starts(configure, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="batch_size 4 must be a multiple of accumulate x processes, which is 3"):
        train_with(configure("flow_matching"), out=tmp_path / "run", processes=3)
    assert not (tmp_path / "run").exists()


def complain() -> None:
    raise UserError(f"Process {os.environ['RANK']} of {os.environ['WORLD_SIZE']} finds no music; ingest some.")


@pytest.mark.slow
def test_the_error_of_a_process_reaches_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of the machine cannot be resolved, as in many containers."""
    monkeypatch.setattr(socket, "getfqdn", lambda name="": "nowhere.invalid")
    root = str(Path(__file__).parents[2])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]))
    with pytest.raises(UserError, match=r"^Process [01] of 2 finds no music; ingest some\.$"):
        in_processes(complain, processes=2, log=tmp_path)


def test_a_first_process_that_cannot_be_found_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(host: str, port: object) -> None:
        raise socket.gaierror(f"{host} is unknown")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("MASTER_ADDR", "node-7")
    with pytest.raises(UserError, match="The host name 'node-7' of the first process"), accelerator_on("cpu"):
        pass


class Kept(GeneralTracker):
    """A tracker that keeps what it is shown."""

    name = "kept"
    requires_logging_directory = False

    def __init__(self) -> None:
        super().__init__()
        self.config: dict[str, Any] = {}
        self.lines: list[dict[str, Any]] = []
        self.finished = False

    @property
    def tracker(self) -> Kept:
        return self

    def store_init_configuration(self, values: dict[str, Any]) -> None:
        self.config = values

    def log(self, values: dict[str, Any], step: int | None = None, **_: Any) -> None:
        self.lines.append({"step": step, **values})

    def finish(self) -> None:
        self.finished = True


def test_a_tracker_is_shown_what_metrics_jsonl_gets(configure, tmp_path: Path) -> None:
    tracker = Kept()
    train(configure("autoregressive", steps=3), out=tmp_path / "run", progress=False, trackers=[tracker])
    assert tracker.lines == read_metrics(tmp_path / "run" / "metrics.jsonl") and tracker.finished
    assert tracker.config["model.paradigm"] == "autoregressive" and tracker.config["steps"] == 3


@pytest.mark.parametrize("name", ["tensorboard", "trackio"])
def test_published_trackers_write_the_losses(configure, tmp_path: Path, monkeypatch, name: str) -> None:
    pytest.importorskip(name, reason=f"{name} is not installed")
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    train(configure("autoregressive", steps=3), out=tmp_path / "run", progress=False, trackers=[name])
    place = tmp_path / ("run" if name == "tensorboard" else "trackio")
    assert any(path.stat().st_size for path in place.rglob("*tfevents*" if name == "tensorboard" else "*.*"))


def test_a_tracker_that_is_unknown_or_absent_is_named(configure, tmp_path: Path, monkeypatch) -> None:
    config = configure("autoregressive")
    with pytest.raises(UserError, match=r"no tracker 'tensorbord' \(did you mean 'tensorboard'\?\); choose of"):
        train(config, out=tmp_path / "run", progress=False, trackers=["tensorbord"])
    monkeypatch.setattr("counterpoint.training.trackers.find_spec", lambda name: None)
    with pytest.raises(UserError, match="'wandb' is not installed: pip install wandb"):
        train(config, out=tmp_path / "run", progress=False, trackers=["wandb"])
    assert not list(tmp_path.iterdir())
