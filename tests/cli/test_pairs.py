"""Two processes at once: a verb whose dataset, run, folder or cache another one holds waits, or says who holds it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from counterpoint.audio import save_audio
from counterpoint.config import UserError
from counterpoint.config.locks import sole_writer

Verb = Callable[[Path], object]


def compose_into(out: Path) -> None:
    from counterpoint.compose import compose

    compose(out, clips=3, duration_s=1.0, seed=0)


def ingest_into(out: Path) -> None:
    from counterpoint.ingest import ingest

    music = out.parent / "music"
    music.mkdir()
    save_audio(music / "a.wav", np.sin(np.arange(64_000) / 20).astype(np.float32), sample_rate=32_000)
    ingest(music, out)


def train_into(out: Path) -> None:
    from counterpoint.training.loop import run_training

    run_training(lambda *_: pytest.fail("nothing is built"), config=None, out=out, label="")  # type: ignore[arg-type]


def follow_into(out: Path) -> None:
    from counterpoint.follow import FollowConfig, follow

    follow("pocket_flow_matching", FollowConfig(), out=out)


def bench_into(out: Path) -> None:
    from counterpoint.bench.run import make_points, measure

    measure(make_points(backbone="debug"), out=out)


def fill(out: Path) -> None:
    from counterpoint.config.files import replace_folder

    replace_folder(out, lambda _: pytest.fail("nothing is written"))


def fill_new(out: Path) -> None:
    from counterpoint.config.files import atomic_folder

    atomic_folder(out, lambda _: pytest.fail("nothing is written"))


REFUSING: dict[str, Verb] = {
    "data compose": compose_into,
    "data ingest": ingest_into,
    "train and codec train": train_into,
    "follow": follow_into,
    "bench": bench_into,
    "generate and study report": fill,
    "export and study stimuli": fill_new,
}


@pytest.mark.parametrize("verb", REFUSING.values(), ids=REFUSING)
def test_what_another_holds_is_left_alone(verb: Verb, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with sole_writer(out), pytest.raises(UserError, match=r"out is being written by process .*wait for it"):
        verb(out)
    assert not out.exists() or not any(out.iterdir())


def encode(dataset: Path) -> None:
    from counterpoint.encode import encode_dataset

    encode_dataset(dataset, codec="no such codec")


def controls(dataset: Path) -> None:
    from counterpoint.extract import extract_controls

    extract_controls(dataset, codec="no such codec")


def add_to_card(file: Path) -> None:
    from counterpoint.runs import add_figures

    add_figures(file.parent, [])
    raise UserError("The card was written.")


def fetch_judge(place: Path) -> None:
    from counterpoint.config.fetched import fetch

    fetch(place.name, "no such place")


WAITING: dict[str, tuple[Verb, str]] = {
    "data encode": (encode, "dataset"),
    "data controls": (controls, "dataset"),
    "follow --card": (add_to_card, "card.json"),
    "metrics fetch": (fetch_judge, "judge"),
}


@pytest.mark.parametrize(("verb", "name"), WAITING.values(), ids=WAITING)
def test_what_another_holds_is_waited_for(verb: Verb, name: str, judges_folder: Path) -> None:
    """It ends with the error that shows how far it got, and not before the other lets go."""
    held, ended = judges_folder / name, list[str]()

    def run() -> None:
        with pytest.raises(UserError) as raised:
            verb(held)
        ended.append(str(raised.value))

    second = threading.Thread(target=run)
    with pytest.warns(UserWarning, match="Waiting for process"):
        with sole_writer(held):
            second.start()
            second.join(0.5)
            assert second.is_alive() and not ended
        second.join(60)
    assert len(ended) == 1


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "counterpoint", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def outcomes(processes: Sequence[subprocess.Popen[str]]) -> list[tuple[int, str]]:
    said = [process.communicate(timeout=300)[0] for process in processes]
    assert not any("Traceback" in each for each in said), said
    return [(process.returncode, each) for process, each in zip(processes, said, strict=True)]


@pytest.mark.slow
def test_two_at_once_leave_one_whole_dataset(tmp_path: Path) -> None:
    """Compose, ingest and encode, each by two processes: one at least succeeds, and the other says why it does not."""
    from counterpoint.data import open_encoded

    corpus, dataset = tmp_path / "corpus", tmp_path / "dataset"
    for command in (
        ("data", "compose", corpus, "--clips", "3", "--duration-s", "1"),
        ("data", "ingest", corpus / "audio", dataset, "--group-by", "track"),
        ("data", "encode", dataset),
    ):
        found = outcomes([start(*command), start(*command)])
        assert min(code for code, _ in found) == 0, found
        assert all(code == 0 or "being written by process" in said or "already exists" in said for code, said in found)
    assert sum(map(len, open_encoded(dataset, codec="pocket").splits.values())) > 0
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()], "nothing hidden stays"
