"""What a file holds beside its samples goes along into a copy: chunks of wav, blocks of flac, texts between kinds."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from counterpoint.audio.metadata import carry_over, copies_whole, copy_texts

CHUNKS = {
    b"bext": bytes(range(256)) * 2 + b"odd",
    b"smpl": struct.pack("<9I6I", 0, 0, 22_675, 60, 0, 0, 0, 1, 0, 0, 0, 100, 200, 0, 0),
    b"cue ": struct.pack("<I6I", 1, 1, 0, int.from_bytes(b"data", "little"), 0, 0, 300),
    b"iXML": b"<BWFXML/>",
    b"zzzz": b"",
}
SOUND = np.random.default_rng(0).uniform(-0.5, 0.5, (2000, 2))


def chunks(path: Path) -> list[tuple[bytes, bytes]]:
    content, place, found = path.read_bytes(), 12, []
    assert struct.unpack("<I", content[4:8])[0] == len(content) - 8, "the file says how long it is"
    while place < len(content):
        name, size = struct.unpack("<4sI", content[place : place + 8])
        found.append((name, content[place + 8 : place + 8 + size]))
        place += 8 + size + size % 2
    return found


def with_chunks(path: Path, *, first: bool, subtype: str = "PCM_16") -> Path:
    """A wav with `CHUNKS` before or behind its samples."""
    soundfile.write(path, SOUND, 8000, subtype)
    extra = b"".join(
        struct.pack("<4sI", name, len(content)) + content + b"\0" * (len(content) % 2)
        for name, content in CHUNKS.items()
    )
    content = path.read_bytes()
    at = content.index(b"data") if first else len(content)
    content = content[:at] + extra + content[at:]
    path.write_bytes(content[:4] + struct.pack("<I", len(content) - 8) + content[8:])
    return path


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT", "PCM_U8"])
def test_chunks_of_a_wav(tmp_path: Path, first: bool, subtype: str) -> None:
    source, out = with_chunks(tmp_path / "in.wav", first=first, subtype=subtype), tmp_path / "out.wav"
    soundfile.write(out, SOUND[:777], 8000, subtype)
    carry_over(source, out)
    assert copies_whole(source, out)
    assert [pair for pair in chunks(out) if pair[0] in CHUNKS] == list(CHUNKS.items())
    names = [name for name, _ in chunks(out)]
    assert len(names) == len(set(names)), "fmt, data and the like are the copy's own"
    read, rate = soundfile.read(out)
    assert read.shape == (777, 2) and rate == 8000


def test_a_chunk_that_is_cut_off_is_left_behind(tmp_path: Path) -> None:
    source, out = with_chunks(tmp_path / "in.wav", first=False), tmp_path / "out.wav"
    source.write_bytes(source.read_bytes() + struct.pack("<4sI", b"LIST", 1 << 30) + b"INFO")
    soundfile.write(out, SOUND, 8000)
    carry_over(source, out)
    assert [name for name, _ in chunks(out)][-1] == b"zzzz"


def test_blocks_of_a_flac(tmp_path: Path) -> None:
    source, out = tmp_path / "in.flac", tmp_path / "out.flac"
    with soundfile.SoundFile(source, "w", 8000, 2, "PCM_24") as file:
        file.title, file.artist = "Étude", "A. Nobody"
        file.write(SOUND)
    kind_mime_and_text = struct.pack(">II9sI", 3, 9, b"image/png", 0)
    picture = kind_mime_and_text + struct.pack(">5I", 8, 8, 24, 0, 5000) + bytes(5000)
    content = source.read_bytes()
    source.write_bytes(content[:42] + bytes([6]) + len(picture).to_bytes(3, "big") + picture + content[42:])
    soundfile.write(out, SOUND[::-1], 8000, "PCM_24")
    carry_over(source, out)
    assert picture in out.read_bytes()
    with soundfile.SoundFile(out) as file:
        assert (file.title, file.artist) == ("Étude", "A. Nobody")
        np.testing.assert_allclose(file.read(), SOUND[::-1], atol=1e-6)
        file.seek(1500)
        np.testing.assert_allclose(file.read(10), SOUND[::-1][1500:1510], atol=1e-6)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["in.flac", "out.flac"]


@pytest.mark.parametrize(("before", "after"), [("in.flac", "out.wav"), ("in.ogg", "out.flac"), ("in.wav", "out.flac")])
def test_texts_go_along_between_kinds(tmp_path: Path, before: str, after: str) -> None:
    source, out = tmp_path / before, tmp_path / after
    with soundfile.SoundFile(source, "w", 8000, 1) as file:
        file.title, file.comment = "Étude", "in C"
        file.write(SOUND[:, 0])
    assert not copies_whole(source, out)
    with soundfile.SoundFile(out, "w", 8000, 1) as file:
        copy_texts(source, file)
        file.write(SOUND[:, 0])
    size = out.stat().st_size
    carry_over(source, out)
    assert out.stat().st_size == size
    with soundfile.SoundFile(out) as file:
        assert (file.title, file.comment) == ("Étude", "in C")
