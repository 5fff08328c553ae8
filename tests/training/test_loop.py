import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

from counterpoint.config import TrainingConfig, UserError, dump_yaml, load_yaml
from counterpoint.config.checkpoints import list_checkpoints
from counterpoint.runs import load_run
from counterpoint.training import TrainingResult, train
from counterpoint.training.generative import GenerativeStep
from counterpoint.training.monitor import TrainingStopped, read_metrics

PARADIGMS = ["autoregressive", "flow_matching"]
FILES = ("model.safetensors", "ema.safetensors", "optimizer.safetensors", "best.safetensors")
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(autouse=True)
def one_thread():
    """So that this process and the ones it starts add in one order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def last_files(run: Path) -> dict[str, bytes]:
    folder = list_checkpoints(run / "checkpoints")[0]
    return {name: (folder / name).read_bytes() for name in FILES}


def best_of(run: Path) -> tuple[int, float]:
    """As the newest checkpoint tells it, and with it the result."""
    folder = list_checkpoints(run / "checkpoints")[0]
    found = json.loads((folder / "state.json").read_text())["state"]["best"]
    result = json.loads((run / "result.json").read_text())
    assert (found["step"], found["valid_loss"]) == (result["best_step"], result["best_valid_loss"])
    return found["step"], found["valid_loss"]


def untimed(run: Path) -> list[dict[str, Any]]:
    return [{k: v for k, v in line.items() if k != "seconds"} for line in read_metrics(run / "metrics.jsonl")]


def stop_after(calls: int):
    count = 0

    def asked() -> bool:
        nonlocal count
        count += 1
        return count >= calls

    return asked


def quiet(config: TrainingConfig, out: Path, **options: Any) -> TrainingResult:
    return train(config, out=out, progress=False, **options)


@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_a_run_leaves_what_it_promises(configure, tmp_path, paradigm):
    config = configure(paradigm, accumulate=2)
    result = quiet(config, tmp_path)
    assert load_yaml(tmp_path / "config.yaml", TrainingConfig) == config
    assert [path.name for path in list_checkpoints(tmp_path / "checkpoints")] == ["step-00000012", "step-00000008"]
    lines = read_metrics(tmp_path / "metrics.jsonl")
    updates = [line for line in lines if "loss" in line]
    assert [line["step"] for line in updates] == list(range(1, 13))
    assert {"step", "loss", "lr", "grad_norm", "seconds", "examples", "audio_s"} == updates[0].keys()
    assert [line["step"] for line in lines if "valid_loss" in line] == [0, 5, 10, 12]
    assert result.steps == 12 and result.examples == 48
    assert result.loss == pytest.approx(sum(line["loss"] for line in updates) / 12)
    assert result.valid_loss == lines[-1]["valid_loss"]
    assert result.audio_s == pytest.approx(updates[-1]["audio_s"])
    assert 0 < result.wall_s < 60 and result.parameters > 10_000 and result.peak_memory_bytes > 10**7
    validations = [(line["valid_loss"], line["step"]) for line in lines if "valid_loss" in line]
    assert (result.best_valid_loss, result.best_step) == min(validations)
    assert json.loads((tmp_path / "result.json").read_text()) == asdict(result)


def test_a_finished_run_is_not_trained_again(configure, tmp_path):
    config = configure("autoregressive")
    first = quiet(config, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")}
    assert quiet(config, tmp_path) == first
    assert before == {path: path.stat().st_mtime_ns for path in before}


@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_zero_steps_write_the_untrained_model(configure, encoded, tmp_path, paradigm):
    result = quiet(configure(paradigm, steps=0), tmp_path)
    assert result.steps == 0 and result.loss is None and result.valid_loss is not None
    assert [path.name for path in list_checkpoints(tmp_path / "checkpoints")] == ["step-00000000"]
    live, averaged = load_run(tmp_path, ema=False), load_run(tmp_path)
    for name, value in averaged.state_dict().items():
        assert torch.equal(value, live.state_dict()[name])


@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_stopped_and_resumed_is_never_stopped(configure, tmp_path, paradigm):
    config = configure(paradigm, accumulate=2)
    quiet(config, tmp_path / "whole")
    with pytest.raises(TrainingStopped, match="Stopped after step 3 of 12") as stopped:
        quiet(config, tmp_path / "parts", stop=stop_after(3))
    assert stopped.value.step == 3 and isinstance(stopped.value, KeyboardInterrupt)
    with pytest.raises(TrainingStopped):
        quiet(config, tmp_path / "parts", stop=stop_after(4))
    result = quiet(config, tmp_path / "parts")
    assert last_files(tmp_path / "parts") == last_files(tmp_path / "whole")
    assert untimed(tmp_path / "parts") == untimed(tmp_path / "whole")
    assert best_of(tmp_path / "parts") == best_of(tmp_path / "whole") == (result.best_step, result.best_valid_loss)
    seconds = [line["seconds"] for line in read_metrics(tmp_path / "parts" / "metrics.jsonl")]
    assert seconds == sorted(seconds), "the time of all sessions adds up"
    assert result.wall_s == pytest.approx(seconds[-1], abs=1e-3)


OTHER_NETWORKS: dict[str, dict[str, Any]] = {
    "autoregressive": {},
    "flow_matching": {"preconditioning": "gaussian", "loss_weight": "unit", "times": "logit_normal"},
}


@pytest.mark.parametrize("paradigm", PARADIGMS)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_muon_and_preconditioning_go_on_exactly_too(configure, tmp_path, paradigm, precision):
    config = configure(paradigm, precision=precision, model=OTHER_NETWORKS[paradigm], optimizer={"name": "muon"})
    result = quiet(config, tmp_path / "whole")
    assert result.loss is not None and math.isfinite(result.loss)
    with pytest.raises(TrainingStopped):
        quiet(config, tmp_path / "parts", stop=stop_after(5))
    quiet(config, tmp_path / "parts")
    assert last_files(tmp_path / "parts") == last_files(tmp_path / "whole")
    assert untimed(tmp_path / "parts") == untimed(tmp_path / "whole")


SERVER = '''
import json, os, sys, time
from pathlib import Path
import accelerate, datasets
from counterpoint.config import TrainingConfig, load_yaml
from counterpoint.training import train
from counterpoint.training.monitor import read_metrics

def stay_near(out, step):
    """Asked after every update: a little after the step at which it is to be killed it waits for that."""
    def asked():
        while read_metrics(out / "metrics.jsonl")[-1]["step"] > step + 3:
            time.sleep(1)
        return False
    return asked

for line in sys.stdin:
    config, out, said, step = json.loads(line)
    out = Path(out)
    process = os.fork()
    if not process:
        os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT), 2)
        try:
            stop = None if step is None else stay_near(out, step)
            train(load_yaml(Path(config), TrainingConfig), out=out, stop=stop)
        except KeyboardInterrupt:
            os._exit(130)
        os._exit(0)
    print(process, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
'''


class Trainings:
    """Trainings in processes of their own, forked from one that has done the imports and nothing else."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", SERVER]
        self._server = subprocess.Popen(
            command, env=ONE_THREAD, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def signal_at(self, config: TrainingConfig, out: Path, *, step: int, number: int) -> tuple[int, str]:
        """Train, and send a signal once `step` is logged; the exit status and what was said."""
        dump_yaml(out.with_suffix(".yaml"), config)
        said = out.with_suffix(".said")
        assert self._server.stdin and self._server.stdout
        asked = [str(out.with_suffix(".yaml")), str(out), str(said), step if number == signal.SIGKILL else None]
        print(json.dumps(asked), file=self._server.stdin, flush=True)
        process = int(self._server.stdout.readline())
        deadline = time.monotonic() + 60
        while not (lines := read_metrics(out / "metrics.jsonl")) or lines[-1]["step"] < step:
            assert time.monotonic() < deadline, said.read_text()
            time.sleep(0.002)
        os.kill(process, number)
        return int(self._server.stdout.readline()), said.read_text()

    def close(self) -> None:
        self._server.kill()
        self._server.communicate()


@pytest.fixture(scope="module")
def trainings():
    started = Trainings()
    yield started
    started.close()


@pytest.mark.slow
@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_killed_and_resumed_is_never_stopped(configure, trainings, tmp_path, paradigm):
    """SIGKILL at a random step, twice: model, average and optimiser come out bit-identical, the log line by line."""
    config = configure(paradigm, accumulate=2, steps=40, checkpoint_every=7, validate_every=15)
    quiet(config, tmp_path / "whole")
    for session in (1, 2):
        step = random.randint(15 * session - 10, 15 * session)
        status, said = trainings.signal_at(config, tmp_path / "killed", step=step, number=signal.SIGKILL)
        assert status == -signal.SIGKILL, f"asked at step {step}: {said}"
    assert not (tmp_path / "killed" / "result.json").exists()
    quiet(config, tmp_path / "killed")
    assert last_files(tmp_path / "killed") == last_files(tmp_path / "whole")
    assert untimed(tmp_path / "killed") == untimed(tmp_path / "whole")
    assert best_of(tmp_path / "killed") == best_of(tmp_path / "whole")


@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_a_run_whose_validation_rises_is_its_best_weights(configure, tmp_path, monkeypatch, paradigm):
    """Losses told by hand; the weights of the second validation come out, though two more follow."""
    told = iter([3.0, 1.0, 2.0, 1.0])
    monkeypatch.setattr(GenerativeStep, "validate", lambda self: {"valid_loss": next(told)})
    result = quiet(configure(paradigm, checkpoint_every=5, keep_checkpoints=3), tmp_path / "rises")
    assert (result.best_step, result.best_valid_loss, result.valid_loss) == (5, 1.0, 1.0)
    assert [path.name[-2:] for path in list_checkpoints(tmp_path / "rises" / "checkpoints")] == ["12", "10", "05"]
    shipped, then, last = (load_run(tmp_path / "rises", step=step).state_dict() for step in (None, 5, 12))
    assert all(torch.equal(value, then[name]) for name, value in shipped.items())
    assert any(not torch.equal(value, last[name]) for name, value in shipped.items())
    told = iter([0.0])
    tuned = quiet(configure(paradigm, steps=0, start=str(tmp_path / "rises")), tmp_path / "tuned")
    begun = load_run(tmp_path / "tuned").state_dict()
    assert tuned.best_step == 0 and all(torch.equal(value, then[name]) for name, value in begun.items())


def test_a_validation_that_is_no_number_is_never_the_best(configure, tmp_path, monkeypatch):
    told = iter([math.nan, 2.0, math.nan, math.inf])
    monkeypatch.setattr(GenerativeStep, "validate", lambda self: {"valid_loss": next(told)})
    assert quiet(configure("autoregressive"), tmp_path).best_step == 5


def test_a_signal_writes_a_checkpoint_and_says_how_to_go_on(configure, trainings, tmp_path):
    config = configure("flow_matching", steps=20_000, checkpoint_every=10_000)
    status, said = trainings.signal_at(config, tmp_path / "run", step=3, number=signal.SIGTERM)
    assert status == 130, said
    [folder] = list_checkpoints(tmp_path / "run" / "checkpoints")
    step = int(folder.name.removeprefix("step-"))
    assert 3 <= step < 10_000
    assert f"Stopped after step {step} of 20000; the same command continues from there." in said


def test_refuses_to_go_on_with_another_configuration(configure, tmp_path):
    quiet(configure("autoregressive"), tmp_path)
    with pytest.raises(UserError, match=r"optimizer\.learning_rate 0\.01, and the configuration sets 0\.5: "):
        quiet(configure("autoregressive", optimizer={"learning_rate": 0.5}), tmp_path)
    with pytest.raises(UserError, match=r"model\.paradigm autoregressive.*also differing: steps"):
        quiet(configure("flow_matching", steps=99), tmp_path)


def test_goes_on_with_other_intervals(configure, tmp_path):
    with pytest.raises(TrainingStopped):
        quiet(configure("autoregressive"), tmp_path, stop=stop_after(5))
    changed = configure("autoregressive", checkpoint_every=6, validate_every=3, keep_checkpoints=1)
    assert quiet(changed, tmp_path).steps == 12
    assert load_yaml(tmp_path / "config.yaml", TrainingConfig) == changed


def test_a_run_killed_before_its_first_checkpoint_begins_anew(configure, tmp_path):
    config = configure("autoregressive")
    quiet(config, tmp_path / "whole")
    (tmp_path / "killed").mkdir()
    lines = (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "killed" / "metrics.jsonl").write_text("".join(lines[:3]) + lines[3][:10])
    quiet(config, tmp_path / "killed")
    assert untimed(tmp_path / "killed") == untimed(tmp_path / "whole")


def test_a_run_that_never_reached_a_checkpoint_may_change(configure, tmp_path):
    config = configure("autoregressive", optimizer={"learning_rate": 1e30, "warmup_steps": 0, "clip_norm": 1e30})
    with pytest.raises(UserError, match="learning_rate"):
        quiet(config, tmp_path)
    assert list_checkpoints(tmp_path / "checkpoints") == []
    assert quiet(configure("autoregressive"), tmp_path).steps == 12
    steps = [line["step"] for line in read_metrics(tmp_path / "metrics.jsonl") if "loss" in line]
    assert steps == list(range(1, 13))


def test_a_cut_checkpoint_falls_back_and_comes_out_the_same(configure, tmp_path):
    config = configure("flow_matching")
    quiet(config, tmp_path / "whole")
    with pytest.raises(TrainingStopped):
        quiet(config, tmp_path / "cut", stop=stop_after(9))
    newest, before = list_checkpoints(tmp_path / "cut" / "checkpoints")
    path = newest / "optimizer.safetensors"
    os.truncate(path, path.stat().st_size // 2)
    with pytest.warns(UserWarning, match=rf"{newest.name}/optimizer\.safetensors.*step 8") as caught:
        quiet(config, tmp_path / "cut")
    assert len([w for w in caught if "step 8" in str(w.message)]) == 1
    assert before.name == "step-00000008"
    assert last_files(tmp_path / "cut") == last_files(tmp_path / "whole")
    assert untimed(tmp_path / "cut") == untimed(tmp_path / "whole")


def test_nothing_but_damaged_checkpoints_is_told(configure, tmp_path):
    with pytest.raises(TrainingStopped):
        quiet(configure("autoregressive"), tmp_path, stop=stop_after(5))
    for folder in list_checkpoints(tmp_path / "checkpoints"):
        os.truncate(folder / "model.safetensors", 100)
    with pytest.raises(UserError, match=r"Every checkpoint in .* is damaged"):
        quiet(configure("autoregressive"), tmp_path)


def test_a_full_disk_leaves_the_last_checkpoint_to_go_on_from(configure, tmp_path, monkeypatch):
    from safetensors import SafetensorError

    config = configure("autoregressive")
    quiet(config, tmp_path / "whole")
    monkeypatch.setattr("counterpoint.training.loop.write_checkpoint", fails_at(8))
    with pytest.raises(OSError, match="No space left") as caught:
        quiet(config, tmp_path / "full")
    assert not isinstance(caught.value, SafetensorError) and str(caught.value.filename).endswith("ema.safetensors")
    monkeypatch.undo()
    assert sorted(path.name for path in (tmp_path / "full" / "checkpoints").iterdir()) == ["step-00000004"]
    quiet(config, tmp_path / "full")
    assert last_files(tmp_path / "full") == last_files(tmp_path / "whole")


def fails_at(step: int):
    """write_checkpoint on a disk that is full from `step` on, when the second file is written."""
    import safetensors.torch

    from counterpoint.config.checkpoints import write_checkpoint

    save_file = safetensors.torch.save_file

    def full(tensors, path):
        if path.name.startswith("ema"):
            path.write_bytes(b"half")
            raise safetensors.SafetensorError("I/O error: No space left on device (os error 28)")
        save_file(tensors, path)

    def write(root, **arguments):
        with pytest.MonkeyPatch.context() as patch:
            if arguments["step"] >= step:
                patch.setattr(safetensors.torch, "save_file", full)
            return write_checkpoint(root, **arguments)

    return write


def test_other_music_in_the_dataset_is_noticed(configure, write_encoded, tmp_path):
    rows = {"train": 4, "valid": 1, "test": 1}
    folder = write_encoded(tmp_path / "data", rows=rows).dataset.folder
    config = configure("autoregressive", data={"dataset": str(folder)})
    with pytest.raises(TrainingStopped):
        quiet(config, tmp_path / "run", stop=stop_after(2))
    moved = folder.rename(tmp_path / "moved")
    with pytest.raises(TrainingStopped):
        quiet(configure("autoregressive", data={"dataset": str(moved)}), tmp_path / "run", stop=stop_after(2))
    write_encoded(folder, rows=rows, seed=1)
    with pytest.raises(UserError, match=r"was trained on other data"):
        quiet(config, tmp_path / "run")


def test_an_empty_validation_split_is_said_and_survived(configure, write_encoded, tmp_path, capsys):
    folder = write_encoded(tmp_path / "data", rows={"train": 4}).dataset.folder
    result = quiet(configure("flow_matching", data={"dataset": str(folder)}), tmp_path / "run")
    assert result.valid_loss is result.best_step is result.best_valid_loss is None and result.loss is not None
    last, shipped = load_run(tmp_path / "run", step=12).state_dict(), load_run(tmp_path / "run").state_dict()
    assert all(torch.equal(value, last[name]) for name, value in shipped.items())
    assert "validation split is empty" in capsys.readouterr().err
    assert not [line for line in read_metrics(tmp_path / "run" / "metrics.jsonl") if "valid_loss" in line]


def test_a_missing_dataset_leaves_no_checkpoint(configure, tmp_path):
    with pytest.raises(UserError, match="is not a dataset"):
        quiet(configure("autoregressive", data={"dataset": str(tmp_path / "none")}), tmp_path / "run")
    with pytest.raises(UserError, match=r"is not encoded with 'other'"):
        quiet(configure("autoregressive", data={"codec": "other"}), tmp_path / "run")


def test_bf16_trains(configure, tmp_path):
    exact = quiet(configure("flow_matching"), tmp_path / "fp32")
    rounded = quiet(configure("flow_matching", precision="bf16"), tmp_path / "bf16")
    assert rounded.loss is not None and exact.loss is not None
    assert rounded.loss != exact.loss
    assert rounded.loss == pytest.approx(exact.loss, rel=0.05)
    weights = load_run(tmp_path / "bf16").state_dict().values()
    assert all(value.dtype == torch.float32 for value in weights if value.is_floating_point())
