"""The door for paths: what is no regular file is refused without being opened, and inputs are never written."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from counterpoint.config import UserError
from counterpoint.config.paths import (
    check_kept_folder,
    check_output,
    check_output_folder,
    fault_of,
    is_file,
    require_file,
    resolve_spelling,
)


def _no_file(kind: str, folder: Path) -> Path:
    """A path of some kind that is no regular file."""
    path = folder / "x.wav"
    if kind == "folder":
        path.mkdir()
    elif kind == "named pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    elif kind == "link to a device":
        path.symlink_to("/dev/zero")
    elif kind == "link to nothing":
        path.symlink_to(folder / "nowhere")
    elif kind == "link to itself":
        path.symlink_to(path)
    elif kind == "below a file":
        (folder / "file").touch()
        path = folder / "file" / "x.wav"
    elif kind == "name of 300 bytes":
        path = folder / ("é" * 150)
    elif kind == "path of 5,000 bytes":
        path = folder / "/".join(["a" * 99] * 50)
    elif kind == "name that is not UTF-8":
        path = Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.wav"))
        path.touch()
    elif kind == "NUL":
        path = folder / "a\0b.wav"
    return path


KINDS = {
    "folder": "is a folder",
    "named pipe": "is a named pipe",
    "socket": "is a socket",
    "link to a device": "is a device",
    "link to nothing": "is a link to something that does not exist",
    "link to itself": "leads back to itself",
    "below a file": "does not exist",
    "name of 300 bytes": "too long",
    "path of 5,000 bytes": "too long",
    "name that is not UTF-8": "not UTF-8",
    "NUL": "NUL character",
    "nothing": "does not exist",
}


@pytest.mark.parametrize(("kind", "said"), KINDS.items())
def test_what_is_no_regular_file_is_named_and_never_opened(tmp_path: Path, kind: str, said: str):
    path = _no_file(kind, tmp_path)
    assert said in fault_of(path)
    assert not is_file(path)
    with pytest.raises(UserError) as refused:
        require_file(path, what="audio file")
    str(refused.value).encode()  # it can be printed anywhere
    assert "audio file" in str(refused.value)


def test_a_regular_file_passes_also_through_a_link(tmp_path: Path):
    (tmp_path / "a.wav").write_bytes(b"123")
    (tmp_path / "b.wav").symlink_to("a.wav")
    assert not fault_of(tmp_path / "b.wav")
    assert require_file(tmp_path / "b.wav", most_bytes=3) == tmp_path / "b.wav"
    with pytest.raises(UserError, match="may have 0 MiB"):
        require_file(tmp_path / "b.wav", most_bytes=2)


def test_the_file_that_was_meant_is_named(tmp_path: Path):
    (tmp_path / "Album").mkdir()
    for name in ("Song.wav", "Caf\u00e9.wav"):
        (tmp_path / "Album" / name).touch()
    for given, meant in (
        ("album/song.WAV", "Album/Song.wav"),
        ("Album\\Song.wav", "Album/Song.wav"),
        ("Album/Cafe\u0301.wav", "Album/Caf\u00e9.wav"),
    ):
        assert resolve_spelling(tmp_path / given) == tmp_path / meant
        with pytest.raises(UserError, match="did you mean"):
            require_file(tmp_path / given)
    with pytest.raises(UserError, match=r"did you mean 'Song\.wav'"):
        require_file(tmp_path / "Album" / "Sonng.wav")
    (tmp_path / "Album" / "song.wav").touch()
    assert resolve_spelling(tmp_path / "Album" / "SONG.wav") is None  # it may be either


@pytest.mark.parametrize("alias", ["itself", "dots", "link", "hard link", "linked folder", "relative"])
def test_an_output_is_never_an_input_by_any_alias(tmp_path: Path, monkeypatch, alias: str):
    song, folder = tmp_path / "song.wav", tmp_path / "below"
    song.write_bytes(b"music")
    folder.mkdir()
    (tmp_path / "again").symlink_to(tmp_path)
    (tmp_path / "link.wav").symlink_to(song)
    os.link(song, tmp_path / "hard.wav")
    monkeypatch.chdir(tmp_path)
    out = {
        "itself": song,
        "dots": folder / ".." / "song.wav",
        "link": tmp_path / "link.wav",
        "hard link": tmp_path / "hard.wav",
        "linked folder": tmp_path / "again" / "song.wav",
        "relative": Path("song.wav"),
    }[alias]
    with pytest.raises(UserError, match="an input of this command"):
        check_output(out, what="audio", suffixes=(".wav",), inputs=[None, "C:0 Am:2", song])
    check_output(tmp_path / "other.wav", what="audio", suffixes=(".wav",), inputs=[song])


@pytest.mark.parametrize("kind", ["folder", "named pipe", "socket", "link to a device", "name of 300 bytes", "NUL"])
def test_an_output_is_no_folder_and_no_device(tmp_path: Path, kind: str):
    out = _no_file(kind, tmp_path)
    with pytest.raises(UserError):
        check_output(out.with_suffix(".wav"), what="audio", suffixes=(".wav",))


@pytest.mark.parametrize("name", ["x.mp3", "x", ".wav", "x.wav.bak"])
def test_an_output_of_unknown_kind_is_refused(tmp_path: Path, name: str):
    with pytest.raises(UserError, match=r"name it \.wav or \.flac"):
        check_output(tmp_path / name, what="audio", suffixes=(".wav", ".flac"))


@pytest.mark.parametrize("name", ["x.mp3", "x.M4A", ".wav", "clips.mid", "x.json", "x.opus", "x.txt", "x.zip"])
def test_a_folder_is_not_named_like_a_file(tmp_path: Path, name: str):
    with pytest.raises(UserError, match="named like a file"):
        check_output_folder(tmp_path / name)


def test_a_folder_is_replaced_only_if_all_in_it_is_the_commands_own(tmp_path: Path):
    out = tmp_path / "take.2"
    check_output_folder(out)
    (out / "000.wav").parent.mkdir()
    (out / "000.wav").touch()
    check_output_folder(out, is_own=lambda entry: entry.suffix == ".wav")
    with pytest.raises(UserError, match=r"contains 000\.wav"):
        check_output_folder(out)
    with pytest.raises(UserError, match=r"000\.wav is an input of this command"):
        check_output_folder(out, inputs=[out / "000.wav"], is_own=lambda entry: True)
    with pytest.raises(UserError, match=r"is in .*take\.2, an input of this command"):
        check_output_folder(out / "deep" / "new", inputs=[out])
    (out / "lyrics.txt").touch()
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"contains lyrics\.txt"):
        check_output_folder(out, is_own=lambda entry: entry.suffix == ".wav")
    with pytest.raises(UserError, match="is a file"):
        check_output_folder(tmp_path / "file")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("/", "root of the file system"),
        ("~/music", "begins with ~"),
        ("~", "begins with ~"),
        ("~nobody/x", "begins with ~"),
        ("-", "standard output"),
        ("a\tb", "control characters"),
        ("\x1b[31m", "control characters"),
        ("x.wav.", "ends with a dot"),
        ("x ", "ends with a dot or a space"),
    ],
)
def test_a_name_that_was_hardly_meant_is_refused(name: str, said: str):
    with pytest.raises(UserError, match=said):
        check_output_folder(Path(name))


@pytest.mark.parametrize("name", ["~backup", "..", ".", "../x", "--x", "a b", ".hidden", "\xe9t\xe9"])
def test_other_names_are_the_users_own(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    check_kept_folder(Path(name))
