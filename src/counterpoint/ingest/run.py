"""The verb `data ingest`: a folder of music in, a dataset out."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from counterpoint.ingest.sources import About, find_sources
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


@dataclass(frozen=True)
class _Gathered:
    """The contents of a new dataset.

    Attributes:
        rows: by split.
        digests: of the audio, by id.
        report: the findings.
        unpacked: folder of the unpacked tars.
        archives: folders of those that are in the dataset.
    """

    rows: Mapping[str, list[dict[str, Any]]]
    digests: Mapping[str, str]
    report: IngestReport
    unpacked: Path
    archives: Sequence[Path]


def _ingest(src: Path, out: Path, **how: Any) -> IngestReport:
    found = _gather(src, out, previous=_earlier(out), **how)  # which frees all else that it held of each file
    info = {"name": true_path(src).name, "kind": KIND, "report": found.report.to_dict()}
    save_dataset(out, found.rows, info=info, audio_digests=found.digests)
    archives.remove_others(found.unpacked, kept=found.archives)
    return found.report


def _gather(
    src: Path,
    out: Path,
    *,
    previous: Mapping[str, str],
    min_duration_s: float,
    shares: Mapping[str, float],
    group_by: GroupBy,
    workers: int | None,
    progress: Progress | None,
) -> _Gathered:
    sources = find_sources(src, unpacked=out / archives.FOLDER)
    if not sources.audio and not sources.problems:
        kinds = ", ".join(sorted(suffix[1:] for suffix in readable()))
        raise UserError(f"There is no audio in {src} (looked for {kinds}, in all folders below it).")
    probes = _listen(sources.audio, workers=workers, progress=progress)
    problems = list(sources.problems)
    abouts = {path: sources.about(path, problems=problems) for path in sources.audio}
    problems += sources.unused_text()
    abouts = {path: _with_tag(about, probes[path]) for path, about in abouts.items()}
    kept = _select(sources.audio, probes, abouts, problems=problems, min_duration_s=min_duration_s)
    if not kept:
        raise UserError(_nothing_left(src, problems))
    ids = {path: sources.id(path) for path in kept}
    groups = group_clips({ids[path]: abouts[path] for path in kept}, group_by=group_by)
    splits = assign_splits(groups.values(), previous=previous, **shares)
    rows: dict[str, list[dict[str, Any]]] = {split: [] for split in SPLITS}
    for path in kept:
        place = path.relative_to(sources.unpacked.parent) if path.is_relative_to(sources.unpacked) else path
        row = _row(place, probes[path], abouts[path], id=ids[path], group=groups[ids[path]])
        rows[splits[row["group"]]].append(row)
    known = [abouts[path] for path in kept]
    hints = _hints(groups, known, group_by=group_by)
    report = _report(src, out, found=sources.found, rows=rows, abouts=known, problems=problems, hints=hints)
    digests = {ids[path]: probes[path].digest for path in kept}
    return _Gathered(rows, digests, report, sources.unpacked, sources.archives)


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


def _listen(paths: list[Path], *, workers: int | None, progress: Progress | None) -> dict[Path, Probe]:
    """Probe every file, several at once: decoding and hashing release Python's lock."""
    threads = workers or cores()
    pool = ThreadPoolExecutor(threads)
    probes: dict[Path, Probe] = {}
    with quiet_decoders():
        try:
            analyses = ahead(lambda path: pool.submit(probe, path).result, paths, most=_AHEAD * threads)
            for path, found in zip(paths, analyses, strict=True):
                probes[path] = found
                if progress is not None:
                    progress(len(probes), len(paths))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return probes


def _with_tag(about: About, probe: Probe) -> About:
    """The metadata of a file, in which its own artist tag is used if no other source names the artist."""
    return about if about.artist else replace(about, artist=probe.artist)


def _select(
    paths: list[Path],
    probes: Mapping[Path, Probe],
    abouts: Mapping[Path, About],
    *,
    problems: list[Problem],
    min_duration_s: float,
) -> list[Path]:
    """The files to keep, in order; the problems of all files are added to `problems`."""
    usable = []
    for path in paths:
        fault = _fault(probes[path], min_duration_s=min_duration_s)
        if fault:
            problems.append(Problem(str(path), *fault))
        else:
            usable.append(path)
    first: dict[str, Path] = {}
    for path in sorted(usable, key=lambda path: not abouts[path].caption):  # stable: captioned ones first
        first.setdefault(probes[path].digest, path)
    kept = []
    for path in usable:
        original = first[probes[path].digest]
        if path == original:
            kept.append(path)
            problems += _remarks(path, probes[path], abouts[path])
        else:
            problems.append(Problem(str(path), "duplicate", f"same audio as {original}"))
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


def _remarks(path: Path, probe: Probe, about: About) -> list[Problem]:
    """The problems of a file that is kept."""
    remarks = []
    if probe.clipped >= _CLIPPED_SHARE:
        remarks.append(Problem(str(path), "clipped", f"{probe.clipped:.1%} of the samples"))
    if probe.missing_s > max(0.1, 0.01 * probe.duration_s):
        whole_s = probe.duration_s + probe.missing_s
        remarks.append(Problem(str(path), "cut short", f"{probe.duration_s:.1f} of {whole_s:.1f} s"))
    if not about.caption:
        remarks.append(Problem(str(path), "no caption", about.missed))
    return remarks


def _row(path: Path, probe: Probe, about: About, *, id: str, group: str) -> dict[str, Any]:
    return {
        "id": id,
        "audio": str(path),
        "caption": about.caption,
        "duration_s": probe.duration_s,
        "sample_rate": probe.sample_rate,
        "channels": probe.channels,
        "group": group,
    }


def _report(
    src: Path,
    out: Path,
    *,
    found: int,
    rows: Mapping[str, list[dict[str, Any]]],
    abouts: Iterable[About],
    problems: list[Problem],
    hints: list[str],
) -> IngestReport:
    every = [row for part in rows.values() for row in part]
    hours = {split: sum(row["duration_s"] for row in part) / 3600 for split, part in rows.items()}
    return IngestReport(
        source=url_of(src) or os.path.abspath(src),  # noqa: PTH100 - as in `find_sources`
        dataset=str(out),
        found=found,
        clips=len(every),
        hours=sum(hours.values()),
        groups=len({row["group"] for row in every}),
        splits={split: len(part) for split, part in rows.items()},
        split_hours=hours,
        caption_sources=tally([about.source for about in abouts if about.source]),
        formats=tally([Path(row["audio"]).suffix.lower()[1:] for row in every]),
        sample_rates=tally([str(row["sample_rate"]) for row in every]),
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
    counts = ", ".join(f"{number} {kind}" for kind, number in tally([problem.kind for problem in skipped]).items())
    names = "; ".join(f"{Path(problem.path).name}: {problem.reason}" for problem in skipped[:3])
    return f"No file in {src} can be used ({counts or 'metadata without audio'}): {names}."
