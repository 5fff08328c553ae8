"""The verb `data ingest`: a folder of music in, a dataset out."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from counterpoint.audio import SILENCE_PEAK
from counterpoint.audio.files import readable
from counterpoint.config import UserError, read_json
from counterpoint.config.locks import sole_writer
from counterpoint.config.machine import cores
from counterpoint.config.paths import check_name, entries, true_path
from counterpoint.config.remote import url_of
from counterpoint.config.workers import ahead, check_count
from counterpoint.data.layout import INFO_FILE, SPLITS, MusicDataset, open_dataset, save_dataset
from counterpoint.ingest import archives
from counterpoint.ingest.probe import Probe, probe, quiet_decoders
from counterpoint.ingest.report import SKIPPED, IngestReport, Problem, ProblemKind, tally
from counterpoint.ingest.sources import About, Sources, find_sources
from counterpoint.ingest.splits import GroupBy, assign_splits, group_clips

KIND = "ingested"
_CLIPPED_SHARE = 1e-3
_AHEAD = 64
"""Files in progress for each thread, so that a long one does not keep the others waiting; a bound, since each costs
more memory than the row that it becomes."""
Progress = Callable[[float, float], None]


def ingest(
    src: Path | str,
    out: Path | str,
    *,
    min_duration_s: float = 1.0,
    valid_share: float = 0.1,
    test_share: float = 0.1,
    group_by: GroupBy = "auto",
    workers: int | None = None,
    progress: Progress | None = None,
) -> IngestReport:
    """Make a dataset of the music in a folder; the audio stays where it is, but tars are unpacked into the dataset.

    An unusable file is reported with the reason and skipped. Apart from the contents of tars, nothing is written before
    every file has been decoded, so that an interruption leaves the dataset in `out` unchanged. A second ingest into the
    same `out` keeps every group in its split.

    Args:
        src: a folder, which is searched with its subfolders and the tars in them; a tar, or the URL of one, where
            `music-{000..127}.tar` stands for several; or an audiocraft manifest (.jsonl, .jsonl.gz).
        out: the dataset's folder: new, empty, or an earlier ingest to replace.
        min_duration_s: shorter files are skipped.
        valid_share: share of the groups held out for validation.
        test_share: share of the groups held out for evaluation.
        group_by: the unit that splits keep whole, see `splits.group_clips`.
        workers: number of files decoded at once; by default the number of cores.
        progress: called with (files decoded, total files) after each; it must not write to the error stream, which is
            silenced because of the decoders' own messages.

    Raises:
        UserError: there is no source or no usable audio in it, `out` holds something else, or another process is
            writing to it.
    """
    src, out = Path(src), Path(out)
    check_name(out)
    if workers is not None:
        check_count(workers, option="--workers")
    if valid_share < 0 or test_share < 0 or valid_share + test_share >= 1:
        raise UserError(f"valid_share {valid_share:g} and test_share {test_share:g} must leave a share for training.")
    with sole_writer(out):
        return _ingest(
            src,
            out,
            min_duration_s=min_duration_s,
            shares={"valid_share": valid_share, "test_share": test_share},
            group_by=group_by,
            workers=workers,
            progress=progress,
        )


@dataclass(frozen=True, slots=True)
class _Clip:
    """A usable file. All of a library's are in memory at once, so each holds little: its path is text, which takes a
    fifth of the memory of a `Path`.

    Attributes:
        path: path of the file.
        id: id of its row.
        about: caption, artist and track.
        digest: digest of its audio.
        remarks: its problems if it is kept.
    """

    path: str
    id: str
    about: About
    digest: str
    duration_s: float
    sample_rate: int
    channels: int
    remarks: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class _Rows(Sequence[Mapping[str, Any]]):
    """The rows of a split, each of which is made whenever it is read.

    Attributes:
        clips: the files of the split.
        groups: groups by id.
        unpacked: folder of the unpacked tars in the dataset; paths below it are relative to the dataset.
    """

    clips: Sequence[_Clip]
    groups: Mapping[str, str]
    unpacked: Path

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: Any) -> Any:
        clip = self.clips[index]
        prefix = f"{self.unpacked.parent}{os.sep}"
        is_inside = clip.path.startswith(f"{self.unpacked}{os.sep}")
        return {
            "id": clip.id,
            "audio": clip.path.removeprefix(prefix) if is_inside else clip.path,
            "caption": clip.about.caption,
            "duration_s": clip.duration_s,
            "sample_rate": clip.sample_rate,
            "channels": clip.channels,
            "group": self.groups[clip.id],
        }


@dataclass(frozen=True)
class _Gathered:
    """The contents of a new dataset.

    Attributes:
        rows: by split.
        report: the findings.
        archives: folders of the tars that are in the dataset.
    """

    rows: Mapping[str, _Rows]
    report: IngestReport
    archives: Sequence[Path]


def _ingest(src: Path, out: Path, **how: Any) -> IngestReport:
    unpacked = Path(os.path.abspath(out)) / archives.FOLDER  # noqa: PTH100 - as in `find_sources`
    found = _gather(src, out, unpacked=unpacked, previous=_earlier(out), **how)  # frees all else that it held
    info = {"name": true_path(src).name, "kind": KIND, "report": found.report.to_dict()}
    digests = {clip.id: clip.digest for part in found.rows.values() for clip in part.clips}
    save_dataset(out, found.rows, info=info, audio_digests=digests)
    archives.remove_others(unpacked, kept=found.archives)
    return found.report


def _gather(
    src: Path,
    out: Path,
    *,
    unpacked: Path,
    previous: Mapping[str, str],
    min_duration_s: float,
    shares: Mapping[str, float],
    group_by: GroupBy,
    workers: int | None,
    progress: Progress | None,
) -> _Gathered:
    sources = find_sources(src, unpacked=unpacked)
    if not sources.audio and not sources.problems:
        kinds = ", ".join(sorted(suffix[1:] for suffix in readable()))
        raise UserError(f"There is no audio in {src} (looked for {kinds}, in all folders below it).")
    problems = list(sources.problems)
    usable = _usable(sources, problems=problems, min_duration_s=min_duration_s, workers=workers, progress=progress)
    problems += sources.unused_text()
    clips = _distinct(usable, problems=problems)
    if not clips:
        raise UserError(_nothing_left(src, problems))
    groups = group_clips({clip.id: clip.about for clip in clips}, group_by=group_by)
    splits = assign_splits(groups.values(), previous=previous, **shares)
    parts: dict[str, list[_Clip]] = {split: [] for split in SPLITS}
    for clip in clips:
        parts[splits[groups[clip.id]]].append(clip)
    hints = _hints(groups, [clip.about for clip in clips], group_by=group_by)
    report = _report(src, out, found=sources.found, parts=parts, groups=groups, problems=problems, hints=hints)
    rows = {split: _Rows(part, groups, unpacked) for split, part in parts.items()}
    return _Gathered(rows, report, sources.archives)


def _earlier(out: Path) -> dict[str, str]:
    """The split of every group of an earlier ingest at `out`, {} without one.

    Raises:
        UserError: `out` holds something else.
    """
    if not out.exists() or (out.is_dir() and not set(entries(out)) - {archives.FOLDER}):
        return {}
    info = read_json(out / INFO_FILE) if (out / INFO_FILE).is_file() else None
    if not isinstance(info, dict) or info.get("kind") != KIND:
        raise UserError(f"{out} exists and is not an ingested dataset; choose another folder, or remove it.")
    try:
        dataset: MusicDataset = open_dataset(out)
    except UserError:  # interrupted or damaged: about to be replaced
        return {}
    return {group: split for split in SPLITS for group in dataset.splits[split].data.column("group").to_pylist()}


def _usable(
    sources: Sources, *, problems: list[Problem], min_duration_s: float, workers: int | None, progress: Progress | None
) -> list[_Clip]:
    """Read every file and the texts beside it, in order; the problems of unusable ones are added to `problems`."""
    usable = []
    for name, found in _listen(sources.audio, workers=workers, progress=progress):
        path = Path(name)
        about = _with_tag(sources.about(path, problems=problems), found)
        if fault := _fault(found, min_duration_s=min_duration_s):
            problems.append(Problem(name, *fault))
            continue
        usable.append(
            _Clip(
                path=name,
                id=sources.id(path),
                about=about,
                digest=found.digest,
                duration_s=found.duration_s,
                sample_rate=found.sample_rate,
                channels=found.channels,
                remarks=tuple(_remarks(name, found, about)),
            )
        )
    return usable


def _listen(paths: Sequence[str], *, workers: int | None, progress: Progress | None) -> Iterator[tuple[str, Probe]]:
    """Probe every file, several at once: decoding and hashing release Python's lock."""
    threads = workers or cores()
    pool = ThreadPoolExecutor(threads)
    with quiet_decoders():
        try:
            probes = ahead(lambda path: pool.submit(probe, Path(path)).result, paths, most=_AHEAD * threads)
            for done, each in enumerate(zip(paths, probes, strict=True), start=1):
                yield each
                if progress is not None:
                    progress(done, len(paths))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _with_tag(about: About, probe: Probe) -> About:
    """The metadata of a file, in which its own artist tag is used if no other source names the artist."""
    return about if about.artist else replace(about, artist=probe.artist)


def _distinct(usable: Sequence[_Clip], *, problems: list[Problem]) -> list[_Clip]:
    """One file of each audio, in order, with a caption if one has any; the problems of all are added to `problems`."""
    chosen: dict[str, _Clip] = {}
    for clip in usable:
        first = chosen.setdefault(clip.digest, clip)
        if clip.about.caption and not first.about.caption:
            chosen[clip.digest] = clip
    kept = []
    for clip in usable:
        original = chosen[clip.digest]
        if clip is original:
            kept.append(clip)
            problems += clip.remarks
        else:
            problems.append(Problem(clip.path, "duplicate", f"same audio as {original.path}"))
    return kept


def _fault(probe: Probe, *, min_duration_s: float) -> tuple[ProblemKind, str] | None:
    """The reason why a file cannot be used."""
    if probe.error:
        return "unreadable", probe.error
    if probe.duration_s < min_duration_s:
        return "too short", f"{probe.duration_s:.2f} s; the minimum is {min_duration_s:g} s"
    if probe.peak < SILENCE_PEAK:
        level = f"{20 * math.log10(probe.peak):.0f} dBFS" if probe.peak else "all samples are zero"
        return "silent", f"peak {level}" if probe.peak else level
    return None


def _remarks(path: str, probe: Probe, about: About) -> list[Problem]:
    """The problems of a file that do not exclude it."""
    remarks = []
    if probe.clipped >= _CLIPPED_SHARE:
        remarks.append(Problem(path, "clipped", f"{probe.clipped:.1%} of the samples"))
    if probe.missing_s > max(0.1, 0.01 * probe.duration_s):
        whole_s = probe.duration_s + probe.missing_s
        remarks.append(Problem(path, "cut short", f"{probe.duration_s:.1f} of {whole_s:.1f} s"))
    if not about.caption:
        remarks.append(Problem(path, "no caption", about.missed))
    return remarks


def _report(
    src: Path,
    out: Path,
    *,
    found: int,
    parts: Mapping[str, Sequence[_Clip]],
    groups: Mapping[str, str],
    problems: list[Problem],
    hints: list[str],
) -> IngestReport:
    clips = [clip for part in parts.values() for clip in part]
    hours = {split: sum(clip.duration_s for clip in part) / 3600 for split, part in parts.items()}
    return IngestReport(
        source=url_of(src) or os.path.abspath(src),  # noqa: PTH100 - as in `find_sources`
        dataset=str(out),
        found=found,
        clips=len(clips),
        hours=sum(hours.values()),
        groups=len(set(groups.values())),
        splits={split: len(part) for split, part in parts.items()},
        split_hours=hours,
        caption_sources=tally(clip.about.source for clip in clips if clip.about.source),
        formats=tally(os.path.splitext(clip.path)[1].lower()[1:] for clip in clips),  # noqa: PTH122 - without a `Path`
        sample_rates=tally(str(clip.sample_rate) for clip in clips),
        problems=sorted(problems, key=lambda problem: (problem.path, problem.kind)),
        hints=hints,
    )


def _hints(groups: Mapping[str, str], abouts: Iterable[About], *, group_by: GroupBy) -> list[str]:
    """Suggestions for the user."""
    abouts = list(abouts)
    hints = []
    kinds = set(groups.values())
    if len(kinds) < 3:
        hints.append(f"Only {len(kinds)} group(s), too few for valid and test; add tracks, or try --group-by track.")
    folders = {str(Path(name).parent) for name in groups} - {"."}
    if group_by == "auto" and len(folders) > 1 and not any(about.artist for about in abouts):
        hints.append(
            f"No artist is known, and the clips are in {len(folders)} folders: if a folder is an artist, an album or "
            "the segments of one track, use --group-by folder, so that no two splits share one."
        )
    for artist, clips in Counter(about.artist for about in abouts if about.artist).items():
        if group_by == "auto" and 2 * clips >= len(abouts):
            hints.append(f"{clips} of {len(abouts)} clips are by {artist!r}, so their tracks are split one by one.")
    if not any(about.caption for about in abouts):
        hints.append("No clip has a caption: put a .txt with the same name beside a track to steer generation by text.")
    return hints


def _nothing_left(src: Path, problems: list[Problem]) -> str:
    """The message if every file was skipped, with the counts and the first few names."""
    kinds = (*SKIPPED, "missing file", "broken metadata", "closed folder", "repeated folder", "broken archive")
    skipped = [problem for problem in problems if problem.kind in kinds]
    counts = ", ".join(f"{number} {kind}" for kind, number in tally(problem.kind for problem in skipped).items())
    names = "; ".join(f"{Path(problem.path).name}: {problem.reason}" for problem in skipped[:3])
    return f"No file in {src} can be used ({counts or 'metadata without audio'}): {names}."
