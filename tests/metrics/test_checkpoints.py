"""`counterpoint metrics fetch` and `status`, and the metrics that come and go with the weights."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from counterpoint.analysis import beats
from counterpoint.cli import main
from counterpoint.config import UserError, fetched
from counterpoint.metrics import checkpoints
from counterpoint.metrics.adherence_registry import measures
from counterpoint.metrics.checkpoints import CHECKPOINTS, Checkpoint, get, statuses
from counterpoint.metrics.registry import absent, judges, metrics

FACTS = ["caption_tempo", "caption_key", "caption_metre"]
OWN = ["fad_musicnn", "fad_inf_musicnn", "kad_musicnn", "tag_match_musicnn", *FACTS]


@pytest.fixture(autouse=True)
def nothing_there(judges_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(beats.CHECKPOINT_VARIABLE, raising=False)


@pytest.fixture
def take_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read of what is fetched: whether it can be, the judges' own tests show."""
    plain = tuple(Checkpoint(**{**vars(one), "check": lambda path: None}) for one in CHECKPOINTS)
    monkeypatch.setattr(checkpoints, "CHECKPOINTS", plain)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["counterpoint", *map(str, arguments)])
    monkeypatch.setenv("COLUMNS", "160")
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def names() -> list[str]:
    return [metric.info.name for metric in metrics() if not metric.info.name.startswith("sig_")]


def small_file(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_bytes(name.encode())
    return path


def test_status_before_and_after_a_fetch(
    tmp_path: Path, take_all: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "metrics", "status") == 0
    before = capsys.readouterr().out
    for one in (*CHECKPOINTS, None):
        assert (one.name if one else "chordino") in before
    assert "vggish: `counterpoint metrics fetch vggish`" in before and "CC-BY-4.0" in before and "2352" in before

    path = small_file(tmp_path, "mine.pth")
    assert run(monkeypatch, "metrics", "fetch", "vggish", "--from", path) == 0
    assert str(path) in capsys.readouterr().out
    found = fetched.fetched("vggish")
    assert found is not None
    run(monkeypatch, "metrics", "status")
    after = capsys.readouterr().out
    assert f"mine.pth ({found.sha256[:8]})" in after and "fetch vggish`" not in after

    path.unlink()
    run(monkeypatch, "metrics", "status")
    assert "mine.pth no longer exists" in " ".join(capsys.readouterr().out.split())
    assert "fad_vggish" not in names()


def test_a_judge_that_is_no_vggish_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "other.pth"
    torch.save({"weight": torch.zeros(3)}, path)
    assert run(monkeypatch, "metrics", "fetch", "vggish", "--from", path) == 2
    assert "is not a checkpoint of VGGish" in " ".join(capsys.readouterr().err.split())
    assert fetched.fetched("vggish") is None


def test_digests_are_checked(tmp_path: Path, take_all: None, monkeypatch: pytest.MonkeyPatch) -> None:
    path = small_file(tmp_path, "a.pt")
    with pytest.raises(UserError, match="SHA-256"):
        get("audiobox", source=str(path), sha256="0" * 64)
    assert get("audiobox", source=str(path), sha256=fetched.digest_of(path)).path == path
    asked: list[str] = []
    monkeypatch.setattr(checkpoints, "fetch", lambda name, source, *, sha256, **_: asked.append(sha256))
    get("audiobox")  # from its published place
    get("audiobox", source=str(path))  # from another, where the published digest says nothing
    assert len(asked[0]) == 64 and asked[1] == ""


def test_all_published_sources_are_whole() -> None:
    assert [one.name for one in CHECKPOINTS if not one.sha256] == ["vggish", "roberta", "vggish_fadtk"]
    for one in CHECKPOINTS:
        assert one.source.startswith("https://") or one.source.count("/") == 1
        assert one.licence and one.megabytes > 0 and one.gives and len(one.sha256) in (0, 64)


def test_unknown_names_are_one_sentence() -> None:
    with pytest.raises(UserError, match="There is no judge 'vgg'; choose one of vggish, clap"):
        get("vgg")
    with pytest.raises(UserError, match="chord-extractor"):
        get("chordino")


def test_metrics_come_with_their_weights_in_the_paper_s_order(tmp_path: Path, take_all: None) -> None:
    assert names() == OWN and [judge.name for judge in judges()] == ["musicnn", "facts"]
    (sentence,) = absent()
    for name in (
        "fad_vggish, fad_inf_vggish (vggish, 289 MB)",
        "clap_laion",
        "pq_audiobox",
        "`counterpoint metrics fetch NAME`",
    ):
        assert name in sentence
    assert "fadtk" not in sentence and "beat_this" not in sentence

    for name in ("audiobox", "clap", "vggish"):
        get(name, source=str(small_file(tmp_path, f"{name}.pt")))
    assert absent() == (
        "Not available (weights missing): clap_laion (roberta, the tokenizer). "
        "`counterpoint metrics fetch NAME` fetches the weights in brackets.",
    )
    (tmp_path / "roberta").mkdir()
    (tmp_path / "roberta" / "tokenizer.json").write_text("{}")
    get("roberta", source=str(tmp_path / "roberta"))
    assert absent() == ()
    axes = ["pq_audiobox", "pc_audiobox", "ce_audiobox", "cu_audiobox"]
    clap = ["fad_clap_laion", "fad_inf_clap_laion", "kad_clap_laion"]
    assert names() == ["fad_vggish", "fad_inf_vggish", "clap_laion", *axes, *clap, *OWN]

    get("vggish_fadtk")  # the same weights, from where they lie
    assert "fad_vggish_fadtk" in names()
    versions = {judge.name: judge.version for judge in judges()}
    assert versions["vggish"] != versions["vggish_fadtk"] and len(versions) == 6
    for metric in metrics():
        if metric.info.name.endswith(("_vggish", "_laion", "_audiobox")):
            assert ".pt (" in metric.info.description  # a table names the checkpoint


def test_the_default_clap_brings_its_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, bool]] = []

    def note(name: str, source: str, *, weights: bool, **_: object) -> None:
        asked.append((name, source, weights))

    monkeypatch.setattr(checkpoints, "fetch", note)
    get("clap", source="laion/larger_clap_music")
    assert asked == [("clap", "laion/larger_clap_music", True)]
    get("clap")
    assert asked[1:] == [
        ("roberta", "FacebookAI/roberta-base", False),
        ("clap", next(one.source for one in CHECKPOINTS if one.name == "clap"), True),
    ]


def test_a_fetched_beat_this_is_heard(tmp_path: Path, take_all: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from counterpoint.analysis import beat_this

    heard: list[Path] = []
    monkeypatch.setattr(
        beat_this, "detect_beats", lambda audio, *, sample_rate, checkpoint, device: heard.append(checkpoint)
    )
    path, named = small_file(tmp_path, "final0.ckpt"), small_file(tmp_path, "named.ckpt")
    noise = np.random.default_rng(0).standard_normal(2000)

    assert not any("beat_this" in measure.info.name for measure in measures())
    get("beat_this", source=str(path))
    theirs = [measure.info for measure in measures() if "beat_this" in measure.info.name]
    assert len(theirs) == 2 and all("final0.ckpt" in info.description for info in theirs)
    beats.detect_beats(noise, sample_rate=22_050)
    monkeypatch.setenv(beats.CHECKPOINT_VARIABLE, str(named))
    beats.detect_beats(noise, sample_rate=22_050)
    assert heard == [path, named]  # the variable counts first
    row = next(row for row in statuses() if row.name == "beat_this")
    assert row.found and str(named) in row.checkpoint
