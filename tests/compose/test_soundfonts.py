"""Soundfonts of the user's: what is read of them, which one plays a clip, and what the dataset says of it."""

import struct
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from counterpoint.audio import load_audio
from counterpoint.compose import clip_piece, compose, render_clip
from counterpoint.compose.captions import write_caption
from counterpoint.compose.clip import played_piece
from counterpoint.compose.render import soundfont
from counterpoint.compose.soundfonts import Soundfont, cast, read_soundfonts
from counterpoint.config import UserError
from counterpoint.data import open_dataset


@pytest.fixture
def shipped(tmp_path) -> Path:
    path = tmp_path / "shipped.sf2"
    path.write_bytes(soundfont())
    return path


@cache
def header() -> tuple[int, int]:
    """(where the list of presets begins in the shipped soundfont, its bytes)."""
    start = soundfont().index(b"phdr") + 8
    return start, struct.unpack_from("<I", soundfont(), start - 4)[0]


def without(*missing: tuple[int, int]) -> bytes:
    """The shipped soundfont with some (bank, number) moved to a bank that nobody asks for."""
    start, size = header()
    content = bytearray(soundfont())
    for row in range(start, start + size - 38, 38):
        number, bank = struct.unpack_from("<HH", content, row + 20)
        if (bank, number) in missing:
            struct.pack_into("<HH", content, row + 20, number, 77)
    return bytes(content)


def test_presets_are_read_without_the_samples(shipped):
    (font,) = read_soundfonts([shipped])
    assert font.name == "shipped.sf2" and not font.lacks()
    assert {(0, 0), (0, 127), (128, 0), (128, 25)} <= font.presets and len(font.presets) > 128


@pytest.mark.parametrize("pad", [b"", b"\0"])
def test_a_chunk_of_odd_length_may_be_padded_or_not(shipped, tmp_path, pad):
    content = soundfont()
    odd = tmp_path / "odd.sf2"
    odd.write_bytes(content[:12] + b"LIST" + struct.pack("<I", 7) + b"INFOodd" + pad + content[12:])
    assert read_soundfonts([odd])[0].presets == read_soundfonts([shipped])[0].presets


def test_the_shipped_font_named_sounds_like_the_default(shipped):
    fonts = read_soundfonts([shipped])
    index = next(i for i in range(40) if clip_piece(3, i, duration_s=2.0).drums)
    default, named = render_clip(3, index, duration_s=2.0), render_clip(3, index, duration_s=2.0, fonts=fonts)
    assert np.array_equal(default.audio, named.audio)
    assert default.drums is not None and named.drums is not None and np.array_equal(default.drums, named.drums)
    assert named.row == {**default.row, "soundfont": "shipped.sf2"} and "soundfont" not in default.row


def test_soundfonts_are_dealt_evenly_by_seed_and_index():
    complete = frozenset((bank, number) for bank in (0, 128) for number in range(128))
    fonts = [Soundfont(Path(name), complete) for name in "abc"]

    def names(seed: int) -> list[str]:
        drawn = [played_piece(seed, index, duration_s=1.0, fonts=fonts)[0] for index in range(60)]
        return [font.name for font in drawn if font]

    assert Counter(names(0)) == {"a": 20, "b": 20, "c": 20}
    assert names(0) == names(0) != names(1)


def test_a_font_without_a_sound_leaves_the_clip_to_another():
    complete = frozenset((bank, number) for bank in (0, 128) for number in range(128))
    piece = next(p for p in (clip_piece(0, i, duration_s=2.0) for i in range(60)) if p.drums and p.drums.program)
    lead = piece.parts[0].program
    whole, leadless = Soundfont(Path("whole"), complete), Soundfont(Path("leadless"), complete - {(0, lead)})
    kitless = Soundfont(Path("kitless"), complete - {(128, piece.drums.program)})
    for first in range(3):
        font, played = cast(piece, [leadless, kitless, whole], first=first)
        assert font is whole and played is piece
        font, played = cast(piece, [leadless, kitless, kitless], first=first)
        assert font is kitless and played.drums.program == 0


def test_a_standard_kit_in_place_of_another_is_called_drums():
    plain = frozenset((0, number) for number in range(128)) | {(128, 0)}
    font = Soundfont(Path("plain"), plain)
    stood_in = 0
    for index in range(120):
        piece = clip_piece(5, index, duration_s=2.0)
        _, played = cast(piece, [font], first=0)
        assert replace(played, parts=piece.parts) == piece
        if played.drums is None or "standard" in piece.style.drums.kits:
            continue
        stood_in += 1
        for draw in range(6):
            caption = write_caption(played, rng=np.random.default_rng(draw)).lower()
            wrong = ("drum machine", "electronic drums", "electronic beats", "brushed drums", "808", "orchestral drums")
            assert not any(words in caption for words in wrong), caption
    assert stood_in > 20


def test_a_corpus_says_who_plays(shipped, tmp_path):
    second = tmp_path / "second.sf2"
    second.write_bytes(without((128, 25), (128, 24)))
    out = tmp_path / "out"
    compose(out, clips=12, duration_s=1.0, seed=1, soundfonts=[shipped, second], workers=1)
    dataset = open_dataset(out)
    rows = {row["id"]: row for split in dataset.splits.values() for row in split}
    played = Counter(row["soundfont"] for row in rows.values())
    assert dataset.info["soundfonts"] == ["shipped.sf2", "second.sf2"]
    assert dataset.info["report"]["soundfonts"] == dict(played) and min(played["shipped.sf2"], played["second.sf2"]) > 2
    fonts = read_soundfonts([shipped, second])
    for index in (0, 5, 11):
        clip, row = render_clip(1, index, duration_s=1.0, fonts=fonts), rows[f"1-{index:06d}"]
        assert row["soundfont"] == clip.row["soundfont"] and row["caption"] == clip.row["caption"]
        assert bool(row["drums"]) == (clip.drums is not None)
        written, _ = load_audio(dataset.audio_path(row), sample_rate=None)
        assert np.abs(written - clip.audio).max() < 1e-3


def test_a_pool_plays_by_the_same_soundfonts(shipped, tmp_path):
    second = tmp_path / "second.sf2"
    second.write_bytes(without((128, 25)))
    made = [
        compose(tmp_path / f"w{n}", clips=6, duration_s=1.0, seed=1, soundfonts=[shipped, second], workers=n)
        for n in (1, 2)
    ]
    assert made[0].fingerprint() == made[1].fingerprint()


def test_a_default_corpus_has_no_column_for_soundfonts(tmp_path):
    dataset = compose(tmp_path / "out", clips=3, duration_s=1.0, seed=0, workers=1)
    assert "soundfont" not in dataset.splits["train"].column_names
    assert "soundfonts" not in dataset.info and "soundfonts" not in dataset.info["report"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, r"There is no soundfont at .*font\.sf2"),
        (b"", r"font\.sf2 is empty; use"),
        (b"hello, this is a text\n", r"font\.sf2 is not a soundfont; use"),
        (b"RIFF\x10\x00\x00\x00WAVEfmt ", r"font\.sf2 is not a soundfont; use"),
        (b"RIFF\x10\x00\x00\x00sfbk", r"font\.sf2 is a damaged soundfont"),
    ],
)
def test_what_is_no_soundfont_is_named(tmp_path, content, words):
    path = tmp_path / "font.sf2"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=words):
        compose(tmp_path / "out", clips=3, duration_s=1.0, seed=0, soundfonts=[path])
    assert not (tmp_path / "out").exists()


def test_a_folder_a_torn_file_and_two_of_one_name_are_named(shipped, tmp_path):
    with pytest.raises(UserError, match="is a folder; give a soundfont"):
        read_soundfonts([tmp_path])
    torn = tmp_path / "torn.sf2"
    torn.write_bytes(soundfont()[: header()[0] + 100])
    with pytest.raises(UserError, match=r"torn\.sf2 is a damaged soundfont"):
        read_soundfonts([torn])
    with pytest.raises(UserError, match=r"Two soundfonts are called shipped\.sf2"):
        read_soundfonts([shipped, shipped])


def test_samples_that_cannot_be_read_are_told(tmp_path):
    start, size = header()
    content = bytearray(soundfont())
    content[start + size : start + size + 4] = b"junk"  # the chunk after the list of presets
    path = tmp_path / "font.sf2"
    path.write_bytes(bytes(content))
    with pytest.raises(UserError, match=r"font\.sf2 is a damaged soundfont; use another"):
        render_clip(0, 0, duration_s=1.0, fonts=read_soundfonts([path]))


def test_sounds_that_no_font_has_are_named(tmp_path):
    gappy = tmp_path / "gappy.sf2"
    gappy.write_bytes(without(*((0, number) for number in range(24, 48)), (128, 0)))
    with pytest.raises(UserError, match=r"gappy\.sf2 has no nylon guitar, steel guitar, .* and \d+ more\): add one"):
        read_soundfonts([gappy])
