"""Damaged music, full disks and inputs that stand where the output would: one sentence, and nothing is lost."""

from __future__ import annotations

import errno
import random
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from counterpoint.audio import save_audio
from counterpoint.config import UserError
from counterpoint.inpaint.files import Patch, Source


def _music(path: Path) -> Path:
    soundfile.write(path, np.random.default_rng(0).uniform(-0.3, 0.3, 48_000), 16_000)
    return path


@contextmanager
def _room(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes, as on a disk that is full then."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


@pytest.mark.parametrize("suffix", [".flac", ".mp3", ".ogg", ".wav"])
def test_damaged_music_is_a_sentence_wherever_it_shows(tmp_path: Path, suffix: str):
    whole, drawn = _music(tmp_path / f"whole{suffix}").read_bytes(), random.Random(suffix)
    path, said = tmp_path / f"cut{suffix}", 0
    for turn in range(25):
        data = bytearray(whole[: drawn.randrange(len(whole))] if turn % 2 else whole)
        for _ in range(drawn.randrange(1, 40)):
            if data:
                data[drawn.randrange(len(data))] = drawn.randrange(256)
        path.write_bytes(data)
        try:
            music = Source.open(path)
            assert len(music.read(0, music.frames)) == music.frames
            music.write(tmp_path / "out.wav", patches=[])
        except UserError as error:
            said += 1
            assert str(path) in str(error)
    assert said or suffix == ".wav"  # of PCM every byte is some sample


def test_a_file_that_ends_before_its_header_says_is_named(tmp_path: Path):
    data = _music(tmp_path / "whole.flac").read_bytes()
    (tmp_path / "cut.flac").write_bytes(data[: len(data) // 2])
    music = Source.open(tmp_path / "cut.flac")
    for read in (
        lambda: music.read(0, music.frames),
        lambda: music.read(music.frames - 100, music.frames),
        lambda: music.write(tmp_path / "out.wav", patches=[Patch(0, np.zeros((10, 1), np.int16))]),
    ):
        with pytest.raises(UserError, match=r"cut\.flac"):
            read()
    assert not (tmp_path / "out.wav").exists()


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_a_full_disk_says_so_and_names_the_file(tmp_path: Path, subtype: str):
    audio = np.random.default_rng(1).uniform(-0.5, 0.5, 400_000)
    soundfile.write(tmp_path / "in.wav", audio, 16_000, subtype)
    music, out = Source.open(tmp_path / "in.wav"), tmp_path / "out.wav"
    for write in (
        lambda: music.write(out, patches=[]),
        lambda: save_audio(out, audio, sample_rate=16_000),
        lambda: save_audio(out.with_suffix(".flac"), audio, sample_rate=16_000),
    ):
        with _room(100_000), pytest.raises(OSError) as failed:
            write()
        assert failed.value.errno == errno.EFBIG
        assert Path(failed.value.filename).stem == "out"
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


@pytest.mark.parametrize("alias", ["in.wav", "below/../in.wav", "link.wav"])
def test_the_music_itself_is_kept(tmp_path: Path, alias: str):
    (tmp_path / "below").mkdir()
    music = Source.open(_music(tmp_path / "in.wav"))
    (tmp_path / "link.wav").symlink_to("in.wav")
    with pytest.raises(UserError, match="an input of this command"):
        music.check_out(tmp_path / alias)
