import errno
import io
import json
import os
import signal

import pytest
from rich.console import Console

from counterpoint.training import monitor
from counterpoint.training.monitor import MetricsLog, TrainingProgress, read_metrics, stop_on_signal


def test_a_resumed_log_holds_every_step_once(tmp_path):
    path = tmp_path / "metrics.jsonl"
    with MetricsLog(path, step=0) as log:
        for step in range(1, 6):
            log.write(step=step, loss=float(step))
    with path.open("a") as file:
        file.write('{"step": 6, "lo')  # a kill
    with MetricsLog(path, step=3) as log:
        assert [line["step"] for line in read_metrics(path)] == [1, 2, 3]
        log.write(step=4, loss=0.0)
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 2, 3, 4]


def test_lines_can_be_read_while_training_goes_on(tmp_path):
    with MetricsLog(tmp_path / "m.jsonl", step=0) as log:
        log.write(step=1, loss=2.0)
        assert read_metrics(tmp_path / "m.jsonl") == [{"step": 1, "loss": 2.0}]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")  # noqa: PTH110
def test_a_full_disk_names_the_file(tmp_path):
    log = MetricsLog(tmp_path / "m.jsonl", step=0)
    log._file.close()
    log._file = open("/dev/full", "a", buffering=1)  # noqa: PTH123, SIM115
    with pytest.raises(OSError) as caught, log:
        log.write(step=1, loss=2.0)
    assert caught.value.errno == errno.ENOSPC
    assert str(caught.value.filename).endswith("m.jsonl")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_handlers_come_back(number):
    before = signal.getsignal(number)
    with stop_on_signal() as asked:
        assert not asked()
        assert signal.getsignal(number) is not before
        os.kill(os.getpid(), number)
        assert asked()
        assert signal.getsignal(number) is before, "a second signal acts as ever"
    assert signal.getsignal(number) is before


def shown(monkeypatch, *, terminal: bool, wanted: bool) -> str:
    output = io.StringIO()
    console = Console(file=output, force_terminal=terminal, width=160, highlight=False)
    monkeypatch.setattr("rich.console.Console", lambda **_: console)
    monkeypatch.setattr(monitor, "PLAIN_EVERY_S", 0.0)
    with TrainingProgress("toy", total=10, done=4, shown=wanted) as bar:
        bar.note("a note")
        for step in range(5, 11):
            bar.update(step, loss=1.5, audio_s=20.0)
    return output.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_shows_loss_rate_and_time_left(monkeypatch, terminal):
    text = shown(monkeypatch, terminal=terminal, wanted=True)
    for part in ("toy", "10/10", "loss 1.5000", "steps/s", "x real time", "left", "a note"):
        assert part in text


@pytest.mark.parametrize("terminal", [True, False])
def test_quiet_progress_says_notes_alone(monkeypatch, terminal):
    assert shown(monkeypatch, terminal=terminal, wanted=False).strip() == "a note"


def test_rates_and_clocks_read_well():
    assert monitor._rate(2.5) == "2.50 steps/s"
    assert monitor._rate(0.02) == "50.0 s/step"
    assert monitor._clock(59.6) == "1:00"
    assert monitor._clock(3 * 3600 + 125) == "3:02:05"
