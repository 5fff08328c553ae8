"""Own music: whatever lies in the folder, every file is used or named with its reason, and no group is divided."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from counterpoint.audio import ffmpeg
from counterpoint.config import UserError, read_json
from counterpoint.data import MusicDataset, open_dataset
from counterpoint.ingest import IngestReport, ingest, print_report, run
from counterpoint.ingest import probe as probe_module
from counterpoint.ingest.probe import Probe, probe
from counterpoint.ingest.report import SKIPPED
from counterpoint.ingest.sources import About, compose_caption, find_sources
from counterpoint.ingest.splits import assign_splits, group_clips


def _audio(seed: int = 0, *, duration_s: float = 1.2, sample_rate: int = 8000, channels: int = 1) -> np.ndarray:
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, (round(duration_s * sample_rate), channels))
    return np.round(noise * 32767) / 32768  # exact in 16 bits


def _put(
    path: Path, audio: np.ndarray | None = None, *, seed: int = 0, sample_rate: int = 8000, tags=None, **how
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    audio = _audio(seed, sample_rate=sample_rate) if audio is None else audio
    channels = audio.shape[1] if audio.ndim == 2 else 1
    with soundfile.SoundFile(path, "w", samplerate=sample_rate, channels=channels, **how) as file:
        for name, value in (tags or {}).items():
            setattr(file, name, value)
        file.write(audio)
    return path


def _rows(dataset: MusicDataset) -> dict[str, dict]:
    return {row["id"]: {**row, "split": split} for split, part in dataset.splits.items() for row in part}


def _ingest(src: Path, **options) -> tuple[IngestReport, dict[str, dict]]:
    out = src.parent / f"{src.name}-dataset"
    report = ingest(src, out, **options)
    return report, _rows(open_dataset(out))


def _kinds(report: IngestReport) -> dict[str, str]:
    """Problem kind by file name, for problems that are not captions."""
    return {Path(problem.path).name: problem.kind for problem in report.problems if problem.kind != "no caption"}


# What can be decoded


@pytest.mark.parametrize(
    ("name", "sample_rate", "channels", "how"),
    [
        ("a.wav", 8000, 1, {}),
        ("a.wav", 96000, 2, {"subtype": "PCM_24"}),
        ("a.WAV", 48000, 6, {"format": "WAV", "subtype": "FLOAT"}),
        ("a.flac", 44100, 2, {}),
        ("a.ogg", 22050, 2, {}),
        ("a.mp3", 44100, 1, {}),
        ("a.aiff", 11025, 1, {}),
        ("a.opus", 48000, 2, {"format": "OGG", "subtype": "OPUS"}),
    ],
)
def test_every_format_rate_and_channel_count_comes_in(tmp_path: Path, name, sample_rate, channels, how):
    audio = _audio(duration_s=1.5, sample_rate=sample_rate, channels=channels)
    _put(tmp_path / "src" / name, audio, sample_rate=sample_rate, **how)
    report, rows = _ingest(tmp_path / "src")
    row = rows[name]
    assert (row["sample_rate"], row["channels"], report.clips) == (sample_rate, channels, 1)
    assert row["duration_s"] == pytest.approx(1.5, abs=0.06)
    assert Path(row["audio"]) == tmp_path / "src" / name


def test_each_bad_file_is_named_with_its_reason_and_nothing_else_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ffmpeg, "is_installed", lambda: False)
    src = tmp_path / "src"
    good = [_put(src / f"good{seed}.wav", seed=seed) for seed in range(3)]
    whole = _put(src / "whole.flac", _audio(9, duration_s=8)).read_bytes()
    (src / "cut.flac").write_bytes(whole[: len(whole) // 2])
    (src / "header.wav").write_bytes(good[0].read_bytes()[:44])
    (src / "stub.ogg").write_bytes(b"OggS" + b"\0" * 40)
    (src / "zero.mp3").write_bytes(b"")
    (src / "text.wav").write_text("not audio")
    (src / "memo.m4a").write_bytes(b"\0" * 99)
    _put(src / "nan.wav", np.array([0.1, np.nan] * 9000), subtype="FLOAT")
    _put(src / "short.wav", _audio(10, duration_s=0.5))
    _put(src / "zeros.wav", np.zeros(16000))
    _put(src / "hush.wav", _audio(11) * 1e-3, subtype="FLOAT")
    _put(src / "loud.wav", np.clip(_audio(12) * 3, -1, 1))
    (src / "._good0.wav").write_bytes(b"macOS")
    (src / "cover.jpg").write_bytes(b"\xff\xd8")
    report, rows = _ingest(src)
    assert set(rows) == {"good0.wav", "good1.wav", "good2.wav", "whole.flac", "loud.wav"}
    assert _kinds(report) == {
        **dict.fromkeys(
            ["cut.flac", "header.wav", "stub.ogg", "zero.mp3", "text.wav", "memo.m4a", "nan.wav"], "unreadable"
        ),
        "short.wav": "too short",
        "zeros.wav": "silent",
        "hush.wav": "silent",
        "loud.wav": "clipped",
    }
    reasons = {Path(problem.path).name: problem.reason for problem in report.problems}
    for name, words in {
        "cut.flac": "damaged after",
        "header.wav": "no samples",
        "zero.mp3": "0 bytes",
        "text.wav": "not decodable",
        "memo.m4a": "convert it to flac",
        "nan.wav": "not numbers",
        "short.wav": "0.50 s; the minimum is 1 s",
        "zeros.wav": "zero",
    }.items():
        assert words in reasons[name]
    assert report.found == report.clips + sum(report.count(kind) for kind in SKIPPED) == 15


def test_cut_lossy_and_wav_files_come_in_with_what_they_hold(tmp_path: Path):
    for suffix in (".wav", ".ogg", ".mp3"):
        whole = _put(tmp_path / f"x{suffix}", _audio(duration_s=6, sample_rate=44100), sample_rate=44100).read_bytes()
        (tmp_path / "src").mkdir(exist_ok=True)
        (tmp_path / "src" / f"cut{suffix}").write_bytes(whole[: len(whole) // 2])
    report, rows = _ingest(tmp_path / "src")
    assert report.clips == 3
    assert all(2.0 < row["duration_s"] < 4.0 for row in rows.values())
    assert {Path(problem.path).suffix for problem in report.problems if problem.kind == "cut short"} == {".wav", ".mp3"}


def test_the_same_audio_counts_once_and_the_captioned_copy_is_kept(tmp_path: Path):
    src = tmp_path / "src"
    for name in ("a.wav", "b.flac", "c.wav"):
        _put(src / name, _audio(1, channels=2), subtype="PCM_16")
    _put(src / "d.wav", _audio(1, channels=2), subtype="FLOAT")
    _put(src / "lossy.ogg", _audio(1, channels=2))
    _put(src / "other rate.wav", _audio(1, channels=2), sample_rate=16000, subtype="PCM_16")
    (src / "b.txt").write_text("the one with words")
    report, rows = _ingest(src, min_duration_s=0.5)
    assert set(rows) == {"b.flac", "lossy.ogg", "other rate.wav"}
    assert _kinds(report) == dict.fromkeys(["a.wav", "c.wav", "d.wav"], "duplicate")
    assert all("b.flac" in problem.reason for problem in report.problems if problem.kind == "duplicate")


def test_a_block_border_changes_nothing(tmp_path: Path, monkeypatch):
    path = _put(tmp_path / "x.flac", _audio(3, duration_s=2, channels=3))
    whole = probe(path)
    monkeypatch.setattr(probe_module, "_BLOCK", 1000)
    assert probe(path) == whole and whole.duration_s == 2


# What is written about it


def test_captions_follow_the_order_of_precedence(tmp_path: Path):
    src = tmp_path / "src"
    for seed, name in enumerate(["table", "json", "text", "composed", "none"]):
        _put(src / f"{name}.wav", seed=seed)
    everything = ["table", "json", "text", "composed"]
    (src / "metadata.csv").write_text('file_name,caption\ntable.wav,"from the table, first"\njson.wav,\n')
    for name in everything[:2]:
        (src / f"{name}.json").write_text(json.dumps({"description": "from json", "genre": "jazz"}))
    for name in everything[:3]:
        (src / f"{name}.txt").write_text("from\n text ")
    for name in everything[2:]:
        (src / f"{name}.json").write_text(json.dumps({"title": "Dawn", "genre": "jazz", "keywords": ["slow", "warm"]}))
    report, rows = _ingest(src)
    captions = {name.removesuffix(".wav"): row["caption"] for name, row in rows.items()}
    assert captions == {
        "table": "from the table, first",
        "json": "from json",
        "text": "from text",
        "composed": "Dawn: jazz, slow, warm",
        "none": "",
    }
    assert report.caption_sources == {
        "metadata.csv": 1,
        "sidecar .json": 1,
        "sidecar .txt": 1,
        "composed from sidecar .json": 1,
    }
    assert report.count("no caption") == 1


def test_tables_as_people_write_them(tmp_path: Path):
    src = tmp_path / "src"
    for seed, name in enumerate(["bom", "quoted", "deep/x", "deep/y", "jsonl", "Ünï cödé"]):
        _put(src / f"{name}.wav", seed=seed)
    (src / "metadata.csv").write_bytes(
        "\ufefffile_name,Caption,artist\r\nbom.wav,plain,Ann\r\n"
        'quoted.wav,"a ""quoted"", comma\nand a line",Bob\r\nU\u0308ni\u0308 co\u0308de\u0301.wav,accents apart,\r\n'
        "deep/x.wav,from above,\r\ngone.wav,lost,\r\n".encode()
    )
    (src / "deep/metadata.csv").write_text("file_name;text\nx.wav;from beside\ny.wav;semicolons, indeed\n", "utf-8")
    (src / "metadata.jsonl").write_text(
        '{"file_name": "jsonl.wav", "text": "line one"}\n{broken\n\n[1]\n{"file_name": "bom.wav", "caption": "later"}'
        "\n{}\n"
    )
    report, rows = _ingest(src)
    assert {name: row["caption"] for name, row in rows.items()} == {
        "bom.wav": "plain",
        "quoted.wav": 'a "quoted", comma and a line',
        "Ünï cödé.wav": "accents apart",
        "deep/x.wav": "from beside",
        "deep/y.wav": "semicolons, indeed",
        "jsonl.wav": "line one",
    }
    assert rows["bom.wav"]["group"] == "artist:ann"
    broken = [problem.reason for problem in report.problems if problem.kind == "broken metadata"]
    assert len(broken) == 3 and any("line 2 is not valid JSON" in reason for reason in broken)
    assert any("line 4" in reason for reason in broken) and any("1 rows name no file" in reason for reason in broken)
    [missing] = [problem for problem in report.problems if problem.kind == "missing file"]
    assert missing.path == "gone.wav" and "metadata.csv" in missing.reason


def test_the_table_of_musiccaps_finds_its_clips_however_they_are_named(tmp_path: Path):
    src = tmp_path / "src"
    names = ["-0Gj8-vB1q4.wav", "[_-kssA-FOzU]-[30-40].wav", "clips/4Vyz0tPFLOs_30_40.flac", "mine.wav"]
    for seed, name in enumerate(names):
        _put(src / name, seed=seed)
    (src / "musiccaps-public.csv").write_text(
        "ytid,start_s,end_s,audioset_positive_labels,aspect_list,caption,author_id,is_balanced_subset,is_audioset_eval\n"
        '-0Gj8-vB1q4,30,40,"/m/0140xf","[\'low quality\', \'ballad\']","A slow, ""sad"" ballad.",4,False,True\n'
        "_-kssA-FOzU,30,40,/m/02p0sh1,['accordion'],An accordion alone.,4,False,True\n"
        "4Vyz0tPFLOs,30,40,/m/02p0sh1,['harp'],A harp.,4,False,True\n"
        "0000000gone,30,40,/m/02p0sh1,['harp'],Not downloaded.,4,False,True\n"
    )
    report, rows = _ingest(src)
    captions = ['A slow, "sad" ballad.', "An accordion alone.", "A harp.", ""]
    assert {name: row["caption"] for name, row in rows.items()} == dict(zip(names, captions, strict=True))
    [missing] = [problem for problem in report.problems if problem.kind == "missing file"]
    assert "1 rows belong to missing clips" in missing.reason


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_sidecars_in_any_common_encoding(tmp_path: Path, encoding: str):
    _put(tmp_path / "src/x.wav")
    (tmp_path / "src/x.txt").write_text("café", encoding=encoding)
    assert _ingest(tmp_path / "src")[1]["x.wav"]["caption"] == "café"


def test_a_broken_sidecar_costs_the_caption_only(tmp_path: Path):
    _put(tmp_path / "src/x.wav")
    (tmp_path / "src/x.json").write_text("{")
    report, rows = _ingest(tmp_path / "src")
    assert rows["x.wav"]["caption"] == "" and _kinds(report) == {"x.json": "broken metadata"}


@pytest.mark.parametrize("form", ["folder", "file", "gzip"])
def test_audiocraft_manifest_with_sidecars(tmp_path: Path, form: str):
    store, src = tmp_path / "store", tmp_path / "src"
    lines = []
    for seed in range(4):
        path = _put(store / f"{seed}.wav", seed=seed)
        info = store / (f"{seed}.json" if seed else "elsewhere.json")
        info.write_text(
            json.dumps({"description": f"piece {seed}", "title": "T", "artist": f"A{seed % 2}", "genre": "folk"})
        )
        line = {"path": str(path), "duration": 1.2, "sample_rate": 8000, "amplitude": None, "weight": None}
        lines.append(line | ({"info_path": str(info)} if seed < 2 else {}))
    _put(store / "unlisted.wav", seed=9)
    lines.append({"path": str(store / "gone.wav")})
    text = "\n".join(json.dumps(line) for line in lines).encode()
    src.mkdir()
    manifest = src / ("data.jsonl.gz" if form == "gzip" else "data.jsonl")
    manifest.write_bytes(gzip.compress(text) if form == "gzip" else text)
    report = ingest(manifest if form == "file" else src, tmp_path / "out")
    rows = _rows(open_dataset(tmp_path / "out"))
    assert sorted(row["caption"] for row in rows.values()) == [f"piece {seed}" for seed in range(4)]
    assert {Path(row["audio"]) for row in rows.values()} == {store / f"{seed}.wav" for seed in range(4)}
    assert report.count("missing file") == 1 and report.caption_sources == {"sidecar .json": 4}


def test_links_are_followed_once_and_the_others_are_named(tmp_path: Path):
    src, elsewhere = tmp_path / "src", tmp_path / "elsewhere"
    _put(elsewhere / "x.wav", seed=1)
    _put(src / "own/deep/y.wav", seed=2)
    for link, target in {
        "a first": src / "own/deep",  # sorts before what it leads to, which is read at its own place all the same
        "linked": elsewhere,
        "twice": elsewhere,
        "own/itself": src / "own",
        "own/root": Path("/"),
    }.items():
        (src / link).symlink_to(target)
    (elsewhere / "loop").symlink_to(src)
    report, rows = _ingest(src)
    assert sorted(rows) == ["linked/x.wav", "own/deep/y.wav"] and report.found == 2
    named = [problem.path for problem in report.problems if problem.kind == "repeated folder"]
    assert sorted(Path(path).relative_to(src).as_posix() for path in named) == [
        *("a first", "linked/loop", "own/itself", "own/root", "twice"),
    ]


def test_a_folder_of_nothing_but_a_loop_is_said_to_be_one(tmp_path: Path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src/loop").symlink_to(tmp_path)
    with pytest.raises(UserError, match=r"1 repeated folder.*loop: leads to"):
        ingest(tmp_path / "src", tmp_path / "out")


def test_composed_captions_hold_the_facts():
    row = {
        "title": "Run",
        "genre": "techno",
        "moods": ["dark"],
        "bpm": 128.0,
        "key": "F minor",
        "tags": ["dark", "live"],
    }
    assert compose_caption(row) == "Run: techno, dark, live, 128 bpm, F minor"
    assert compose_caption({"artist": "Ann", "bpm": None, "genre": ""}) == ""


# Splits


def _library(src: Path, tracks: range) -> None:
    for seed in tracks:
        _put(src / f"track{seed}.flac", seed=seed, tags={"artist": f" Artist  {seed % 7} "} if seed % 3 else None)


def test_no_group_is_divided_and_small_libraries_fill_all_three(tmp_path: Path):
    _library(tmp_path / "src", range(20))
    report, rows = _ingest(tmp_path / "src")
    sides: dict[str, set[str]] = {}
    for row in rows.values():
        sides.setdefault(row["group"], set()).add(row["split"])
    assert sides and all(len(side) == 1 for side in sides.values())
    assert len(sides) == report.groups and any(group.startswith("artist:artist ") for group in sides)
    assert min(report.splits.values()) > 0


def test_rerun_changes_nothing_and_additions_move_nothing(tmp_path: Path):
    _library(tmp_path / "src", range(12))
    _, before = _ingest(tmp_path / "src")
    fingerprint = read_json(tmp_path / "src-dataset/dataset.json")["fingerprint"]
    assert _ingest(tmp_path / "src")[1] == before
    assert read_json(tmp_path / "src-dataset/dataset.json")["fingerprint"] == fingerprint
    _library(tmp_path / "src", range(12, 20))
    _, after = _ingest(tmp_path / "src")
    assert len(after) == 20 and {name: after[name]["split"] for name in before} == {
        name: row["split"] for name, row in before.items()
    }


def test_hashed_splits_have_their_shares_and_do_not_reshuffle():
    names = [f"track:{number}" for number in range(4000)]
    few, many = (assign_splits(names[:count], valid_share=0.1, test_share=0.2) for count in (1000, 4000))
    assert few.items() <= many.items()
    counts = Counter(many.values())
    assert abs(counts["valid"] / 4000 - 0.1) < 0.02 and abs(counts["test"] / 4000 - 0.2) < 0.025


@pytest.mark.parametrize("count", range(1, 9))
def test_train_is_never_empty_and_three_groups_fill_three_splits(count: int):
    for seed in range(40):
        names = [f"{seed}-{number}" for number in range(count)]
        splits = assign_splits(names, valid_share=0.1, test_share=0.1)
        held = Counter(splits.values())
        assert set(splits) == set(names) and held["train"] > 0
        assert count < 3 or min(held["train"], held["valid"], held["test"]) > 0


def _about(artist: str = "", track: str = "") -> About:
    return About(caption="", source="", artist=artist, track=track)


def test_groups_are_artists_or_tracks():
    abouts = {
        "a.ogg": _about("ann"),
        "b.ogg": _about("ann", "x"),
        "c.ogg": _about("", "x"),
        "d.ogg": _about(),
        "x/song_part1.ogg": _about(),
        "x/song-seg-002.ogg": _about(),
        "x/part1.ogg": _about(),
        "y/song segment 3.ogg": _about(),
    }
    assert list(group_clips(abouts, group_by="auto").values()) == [
        *["artist:ann", "artist:ann", "track:x", "track:d"],
        *["track:x/song", "track:x/song", "track:x/part1", "track:y/song"],
    ]
    assert group_clips(abouts, group_by="track")["b.ogg"] == "track:x"
    assert group_clips(abouts, group_by="folder")["x/part1.ogg"] == "folder:x"
    assert group_clips(abouts, group_by="folder")["d.ogg"] == "track:d"


def test_one_artists_library_is_split_by_track(tmp_path: Path):
    for seed in range(4):
        _put(tmp_path / f"src/{seed}.ogg", seed=seed, tags={"artist": "Me"})
    report, _ = _ingest(tmp_path / "src")
    assert report.groups == 4 and min(report.splits.values()) > 0
    assert any("split one by one" in hint for hint in report.hints)


# The folder, the errors, the table


def test_what_cannot_be_ingested_is_said_in_a_sentence(tmp_path: Path):
    with pytest.raises(UserError, match=r"nowhere does not exist"):
        ingest(tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"There is no audio in .*empty"):
        ingest(tmp_path / "empty", tmp_path / "out")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/x.wav").write_text("no")
    (tmp_path / "bad/y.mp3").write_bytes(b"")
    with pytest.raises(UserError, match=r"2 unreadable\): x.wav: not decodable .*; y.mp3: the file is empty"):
        ingest(tmp_path / "bad", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    song = _put(tmp_path / "good/x.wav")
    with pytest.raises(UserError, match="neither a folder, nor a tar, nor"):
        ingest(song, tmp_path / "out")
    with pytest.raises(UserError, match="not an ingested dataset"):
        ingest(tmp_path / "good", tmp_path / "good")
    assert [path.name for path in (tmp_path / "good").iterdir()] == ["x.wav"]
    with pytest.raises(UserError, match="a share for training"):
        ingest(tmp_path / "good", tmp_path / "out", valid_share=0.5, test_share=0.5)


def test_little_is_kept_of_each_file(tmp_path: Path, monkeypatch):
    src, files = tmp_path / "src", 2000
    src.mkdir()
    for number in range(files):
        (src / f"{number:04d} a song.wav").touch()
        (src / f"{number:04d} a song.txt").write_text("calm piano over warm strings")
    monkeypatch.setattr(run, "probe", lambda path: Probe(duration_s=2.0, digest=path.name, peak=0.5, sample_rate=8000))
    monkeypatch.setattr(run, "save_dataset", lambda *_, **__: None)
    tracemalloc.start()
    try:
        ingest(src, tmp_path / "out")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1200 * files  # bytes


def test_an_interruption_leaves_the_earlier_dataset(tmp_path: Path, monkeypatch):
    _library(tmp_path / "src", range(3))
    _, before = _ingest(tmp_path / "src")
    _library(tmp_path / "src", range(3, 6))

    def interrupted(path: Path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(run, "probe", interrupted)
        _ingest(tmp_path / "src")
    assert _rows(open_dataset(tmp_path / "src-dataset")) == before
    assert len(_ingest(tmp_path / "src")[1]) == 6


def test_the_report_is_printed_and_stored(tmp_path: Path):
    from rich.console import Console

    _library(tmp_path / "src", range(6))
    (tmp_path / "src/[odd] name.wav").write_text("no")
    console = Console(record=True, width=100)
    seen: list[tuple[float, float]] = []
    report, _ = _ingest(tmp_path / "src", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 7) for done in range(1, 8)]
    print_report(report, console=console)
    text = console.export_text()
    assert "6 of 7 files" in text and "[odd] name.wav" in text and "no caption" in text and "and 1 more" in text
    stored = read_json(tmp_path / "src-dataset/dataset.json")
    assert stored["kind"] == "ingested" and stored["rows"] == report.splits
    assert stored["report"]["counts"]["unreadable"] == 1 and stored["report"]["counts"]["no_caption"] == 6
    assert {"path", "kind", "reason"} == set(stored["report"]["problems"][0])


def test_sources_are_listed_in_a_stable_order(tmp_path: Path):
    for name in ("b.wav", "a/z.wav", "A.wav"):
        _put(tmp_path / name)
    found = find_sources(tmp_path, unpacked=tmp_path / "unpacked")
    assert [found.id(Path(path)) for path in found.audio] == ["A.wav", "a/z.wav", "b.wav"]
