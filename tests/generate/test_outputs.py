"""What `generate` writes never takes the place of what it reads, and takes the place of a folder as a whole."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from counterpoint.config import UserError
from counterpoint.generate import (
    ControlSources,
    GenerationRequest,
    check_destination,
    read_captions,
    repeated,
    sampling,
    write_clips,
)


def _ask(out: Path, *, captions_file: Path | None = None, num: int = 1, **options) -> None:
    """`counterpoint generate` without a model: what is refused is refused before one is looked for."""
    captions = repeated(read_captions(None if captions_file else "slow piano", captions_file), num=num)
    request = GenerationRequest(captions, duration_s=1.0, **options)
    destination = check_destination(out, request=request, inputs=[captions_file])
    write_clips(request, model=None, out=destination)  # pyright: ignore[reportArgumentType]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Lets clips be made of their captions; `fails_after` clips an interruption comes."""
    state = SimpleNamespace(fails_after=None)

    def fill(request: GenerationRequest, *, out: Path, **_: object) -> str:
        captions = request.captions
        for index, caption in enumerate(captions):
            if state.fails_after == index:
                raise KeyboardInterrupt
            (out / f"{index:03d}.wav").write_text(caption)
        lines = [{"file_name": f"{index:03d}.wav", "caption": caption} for index, caption in enumerate(captions)]
        (out / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        (out / "generation.json").write_text("{}")
        return "report"

    monkeypatch.setattr(sampling, "generate_folder", fill)
    return state


def _clips(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.glob("*.wav")}


@pytest.mark.parametrize("name", ["x.mp3", ".wav", ".flac", "x.ogg", "x.M4A", "clips.zip", "notes.txt", "x.mid"])
def test_a_kind_that_is_not_written_is_refused_before_the_model_is_looked_for(tmp_path: Path, name: str):
    with pytest.raises(UserError, match="named like a file"):
        _ask(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("control", ["chords", "melody", "drums"])
def test_a_control_is_never_overwritten(tmp_path: Path, control: str):
    loop = tmp_path / "loop.wav"
    loop.write_bytes(b"mine")
    (tmp_path / "alias.wav").symlink_to(loop)
    source = str(loop) if control == "chords" else loop
    for out in (loop, tmp_path / "alias.wav", tmp_path / "x" / ".." / "loop.wav"):
        with pytest.raises(UserError, match="an input of this command"):
            _ask(out, controls=ControlSources(**{control: source}))
    assert loop.read_bytes() == b"mine"


def test_a_folder_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path, drawn: SimpleNamespace):
    out, captions = tmp_path / "clips", tmp_path / "captions.txt"
    captions.write_text("old one\nold two\nold three\n")
    _ask(out, captions_file=captions)
    old = {"000.wav": "old one", "001.wav": "old two", "002.wav": "old three"}
    assert _clips(out) == old
    captions.write_text("new one\nnew two\n")
    drawn.fails_after = 1
    with pytest.raises(KeyboardInterrupt):
        _ask(out, captions_file=captions)
    assert _clips(out) == old and "old one" in (out / "metadata.jsonl").read_text()
    drawn.fails_after = None
    _ask(out, captions_file=captions)
    assert _clips(out) == {"000.wav": "new one", "001.wav": "new two"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["captions.txt", "clips"]


def test_what_no_earlier_call_wrote_is_never_lost(tmp_path: Path, drawn: SimpleNamespace):
    out = tmp_path / "clips"
    _ask(out)
    (out / "my mix.wav").write_text("mine")
    with pytest.raises(UserError, match=r"contains my mix\.wav, which would be lost"):
        _ask(out)
    (out / "my mix.wav").rename(tmp_path / "captions.txt")
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "000.wav").write_text("mine")
    with pytest.raises(UserError, match="would be lost"):
        _ask(tmp_path / "music")
    (out / "metadata.jsonl").write_text('{"file_name": "captions.txt"}\n')
    (tmp_path / "captions.txt").rename(out / "captions.txt")
    (out / "000.wav").unlink()
    with pytest.raises(UserError, match="is an input of this command"):
        _ask(out, captions_file=out / "captions.txt")


@pytest.mark.parametrize("seed", [-1, 2**63, 2**64 - 1, 2**64, -(2**63) - 1, 2**63 - 1, True])
def test_a_seed_out_of_range_is_refused(tmp_path: Path, seed: int):
    with pytest.raises(UserError, match=f"seed {seed} cannot be used"):
        _ask(tmp_path / "clips", seed=seed, num=2)


def test_more_clips_than_memory_names_are_refused(tmp_path: Path):
    with pytest.raises(UserError, match="1,000,000 clips"):
        _ask(tmp_path / "clips", num=100_000_000_000)


def test_captions_of_any_encoding_end_at_line_ends_alone(tmp_path: Path, drawn: SimpleNamespace):
    path = tmp_path / "captions.txt"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        path.write_bytes("soft\u2028flute\x0b\r\n\r\nGrüße\rharp\n".encode(encoding))
        assert read_captions(None, path) == ["soft\u2028flute", "Grüße", "harp"]
    path.write_bytes("Grüße".encode("latin-1"))
    with pytest.warns(UserWarning, match="Latin-1"):
        assert read_captions(None, path) == ["Grüße"]
    path.write_bytes(b"\0\1\2")
    with pytest.raises(UserError, match="not text"):
        read_captions(None, path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(UserError, match="named pipe"):
        read_captions(None, path)
    with pytest.raises(UserError, match="not UTF-8"):
        read_captions("caf\udce9", None)
