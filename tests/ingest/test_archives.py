"""Tars of music, as the field writes them: on a disk, in a folder, at URLs, damaged, and read a second time."""

from __future__ import annotations

import functools
import http.server
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import soundfile

from counterpoint.config import UserError
from counterpoint.data import open_dataset
from counterpoint.ingest import IngestReport, archives, ingest
from counterpoint.ingest.archives import named_archives


def audio(seed: int) -> bytes:
    """A FLAC file of 1.2 s of noise."""
    file = io.BytesIO()
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, 9600)
    soundfile.write(file, noise, 8000, format="FLAC")
    return file.getvalue()


def write_tar(path: Path, members: dict[str, bytes], *, mode: str = "w") -> dict[str, int]:
    """Write a tar; returns where the header of each member lies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    with tarfile.open(path) as tar:
        return {member.name: member.offset for member in tar.getmembers()}


def clips(first: int, count: int) -> dict[str, bytes]:
    return {f"{number:03d}.flac": audio(number) for number in range(first, first + count)}


def ingested(src: Path | str, out: Path) -> tuple[IngestReport, dict[str, Any]]:
    report = ingest(src, out)
    dataset = open_dataset(out)
    rows: dict[str, Any] = {row["id"]: row for part in dataset.splits.values() for row in map(dict, part)}
    assert all(dataset.audio_path(row).is_file() for row in rows.values())
    return report, rows


def problems(report: IngestReport) -> dict[str, tuple[str, str]]:
    return {Path(each.path).name: (each.kind, each.reason) for each in report.problems if each.kind != "no caption"}


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tgz"])
def test_clips_and_sidecars_of_a_tar_come_in_beside_loose_files(tmp_path: Path, suffix: str) -> None:
    members = {
        **clips(0, 4),
        "000.txt": b"a slow waltz",
        "001.json": json.dumps({"text": "a loud march", "artist": "Eva"}).encode(),
        "002.cls": b"reggae",
        "003.cls": b"17",
        "003.jpg": b"no music",
    }
    src = tmp_path / "src"
    write_tar(src / "a" / f"music{suffix}", members, mode="w" if suffix == ".tar" else "w:gz")
    (src / "loose.flac").write_bytes(audio(9))
    report, rows = ingested(src, tmp_path / "out")
    inside = f"a/music{suffix}"
    assert rows.keys() == {"loose.flac", *(f"{inside}/{number:03d}.flac" for number in range(4))}
    captions = {Path(name).stem: row["caption"] for name, row in rows.items()}
    assert captions == {"000": "a slow waltz", "001": "a loud march", "002": "reggae", "003": "", "loose": ""}
    assert report.found == report.clips == 5 and not problems(report)
    assert not Path(rows[f"{inside}/000.flac"]["audio"]).is_absolute(), "the dataset may be moved with its audio"


def test_a_bad_member_is_one_problem_and_the_others_come_in(tmp_path: Path) -> None:
    path = tmp_path / "music.tar"
    members = {**clips(0, 5), "noise.wav": b"no audio", "../outside.flac": audio(8), "000.FLAC": audio(6)}
    places = write_tar(path, {**members, "twice.flac": audio(7)})
    with tarfile.open(path, "a") as tar:
        link = tarfile.TarInfo("link.flac")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
        again = tarfile.TarInfo("twice.flac")
        again.size = 3
        tar.addfile(again, io.BytesIO(b"new"))
    content = bytearray(path.read_bytes())
    content[places["002.flac"] + 10] ^= 255  # its header; its name is lost with it
    path.write_bytes(bytes(content))
    report, rows = ingested(path, tmp_path / "out")
    kept = {"000.flac", "001.flac", "003.flac", "004.flac", "000.FLAC", "twice.flac"}
    assert rows.keys() == {f"music.tar/{name}" for name in kept}
    found = problems(report)
    assert found.keys() == {"music.tar", "noise.wav", "outside.flac", "link.flac", "twice.flac"}
    assert found["music.tar"] == ("broken archive", "a member after 001.flac is damaged")
    assert found["outside.flac"][1].startswith("is not safe to unpack") and "link" in found["link.flac"][1]
    assert found["twice.flac"] == ("unreadable", "has the name of an earlier member")
    assert not (tmp_path / "out" / "unpacked").parent.joinpath("outside.flac").exists()


@pytest.mark.parametrize("cut", ["in a clip", "in a header", "compressed"])
def test_what_comes_before_the_cut_of_a_tar_comes_in(tmp_path: Path, cut: str) -> None:
    path = tmp_path / ("music.tgz" if cut == "compressed" else "music.tar")
    places = write_tar(path, clips(0, 3), mode="w:gz" if cut == "compressed" else "w")
    kept = path.stat().st_size * 8 // 10 if cut == "compressed" else places["002.flac"] + (900 if "clip" in cut else 99)
    path.write_bytes(path.read_bytes()[:kept])
    report, rows = ingested(path, tmp_path / "out")
    assert rows.keys() == {f"{path.name}/000.flac", f"{path.name}/001.flac"}
    assert problems(report)[path.name][0] == "broken archive"


def test_a_tar_is_unpacked_again_only_when_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    unpack = archives._members_into
    monkeypatch.setattr(archives, "_members_into", lambda *a, place, **k: read.append(place) or unpack(*a, place=place))
    src, out = tmp_path / "src", tmp_path / "out"
    write_tar(src / "a.tar", {**clips(0, 2), "bad.wav": b"x"})
    write_tar(src / "b.tar", clips(2, 2))
    ingested(src, out)
    (src / "b.tar").unlink()
    write_tar(src / "b.tar", clips(4, 3))
    report, rows = ingested(src, out)
    assert [Path(place).name for place in read] == ["a.tar", "b.tar", "b.tar"]
    assert sorted(Path(name).stem for name in rows) == ["000", "001", "004", "005", "006"]
    assert "bad.wav" in problems(report) and len(list((out / "unpacked").iterdir())) == 2


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server of files that breaks off once in the middle of each name in `breaking`."""

    breaking: ClassVar[set[str]] = set()

    def log_message(self, format: str, *args: object) -> None:
        pass

    def copyfile(self, source, outputfile) -> None:
        name = self.path.rpartition("/")[2]
        content = source.read()
        outputfile.write(content[: len(content) // 2] if name in self.breaking else content)
        self.breaking.discard(name)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The address of a server of the folder `far`."""
    (tmp_path / "far").mkdir()
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path / "far"))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_tars_at_urls_come_in_and_a_broken_connection_costs_one_tar(tmp_path: Path, address: str) -> None:
    for number in range(3):
        write_tar(tmp_path / "far" / f"music-{number:02d}.tar", clips(3 * number, 2))
    Quiet.breaking.add("music-01.tar")
    url, out = f"{address}/music-{{00..02}}.tar", tmp_path / "out"
    with pytest.raises(UserError, match=r"music-01\.tar cannot be read to its end .*the same command continues"):
        ingest(url, out)
    assert [path.name for path in (out / "unpacked").glob("*/*.tar")] == ["music-00.tar"]
    report, rows = ingested(url, out)
    assert report.source == url and len(rows) == 6 and "music-01.tar/003.flac" in rows


def test_tars_that_are_not_there_or_too_many_are_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(UserError, match=r"none\.tar cannot be read \(HTTP Error 404"):
        ingest(f"{address}/none.tar", tmp_path / "out")
    with pytest.raises(UserError, match=r"none\.tar does not exist; give the path of a tar"):
        ingest(tmp_path / "none.tar", tmp_path / "out")
    with pytest.raises(UserError, match=r"\{0\.\.1000000\} in .* must count up, to 100,000 tars at most"):
        named_archives("a-{0..1000000}.tar")
