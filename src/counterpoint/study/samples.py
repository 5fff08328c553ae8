"""`counterpoint study samples`: a static page to compare systems by listening, like the paper's sample page.

The page shows finished studies, or folders of audio, one per system. Rows are prompts and columns are systems, in
the same players as in reports: all clips of a row play in step, one is audible, and a key switches between them at the
same moment. Prompts are not chosen by ear: the first of each study, and, where a measure is named, those with the best,
the median and the worst clips by it.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from counterpoint.config import UserError
from counterpoint.config.files import replace_folder
from counterpoint.config.paths import check_output_folder
from counterpoint.metrics import match_clips
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import Clip, Example, Fact, Facts, Players, Report, Section, System, Verdict, write_report
from counterpoint.report.marks import SHAPES, Mark
from counterpoint.report.numbers import day
from counterpoint.report.page import Progress
from counterpoint.results.parts import Window
from counterpoint.results.schema import Origin, Results
from counterpoint.study.finished import RUNS, find_several
from counterpoint.study.kinds.inpainting import SILENCE
from counterpoint.study.pages.filling import METHODS
from counterpoint.study.pages.inpainting import method_system
from counterpoint.study.pages.looks import ORDER, of_paradigm, shown_systems

DATA = "samples.json"
"""File with the content of the page for programs; it also marks a folder as an earlier page that may be replaced."""
_HEARD: Sequence[Origin] = ("truth", "codec", "model", "shipped", "outside", "anchor")
_RANKS = ("best", "median", "worst")


def write_samples(
    names: Sequence[str],
    *,
    out: Path,
    prompts: int = 12,
    systems: Sequence[str] | None = None,
    by: str = "",
    runs: Path = RUNS,
    progress: Progress | None = None,
) -> Path:
    """Write the page; returns its `index.html`.

    Args:
        names: of finished studies below `runs`, or their folders; each NAME=FOLDER is a column of a section of its own,
            which has a row for each item that all of these folders have.
        out: a new folder, or that of an earlier such page, which is replaced.
        prompts: number of first prompts of each study.
        systems: keys of the systems to include, in this order; by default all with clips except floors and silence.
        by: a metric with one value per clip, whose best, median and worst prompts are added.
        progress: called with (clips done, total clips).

    Raises:
        UserError: a study cannot be read, has no such system or metric, or `out` contains something else.
    """
    if prompts < 1:
        raise UserError(f"The number of prompts is {prompts}: choose at least one.")
    columns = dict(name.split("=", 1) for name in names if "=" in name)
    studies = [name for name in names if "=" not in name]
    found = find_several(studies, runs=runs) if studies or not columns else {}
    check_output_folder(out, is_own=lambda entry: (out / DATA).is_file())
    sections = [_of_folders(columns, prompts=prompts)] if columns else []
    sections += [
        section
        for name, results in found.items()
        for section in _sections(name, results, prompts=prompts, wanted=systems, by=by)
    ]
    sources = [*(["folders of audio"] if columns else []), *found]
    command = _command(names, out=out, prompts=prompts, systems=systems, by=by)
    report = _report(sections, sources, command=command)
    replace_folder(out, lambda folder: write_report(report, folder, progress=progress))
    return out / "index.html"


def _command(names: Sequence[str], *, out: Path, prompts: int, systems: Sequence[str] | None, by: str) -> str:
    options = f" --prompts {prompts}" + (f" --systems {','.join(systems)}" if systems else "")
    options += f" --by {by}" if by else ""
    shown = " ".join(shlex.quote(name) for name in names)
    return f"counterpoint study samples {shown}{options} --out {out}"


def _report(sections: Sequence[Section], found: Sequence[str], *, command: str) -> Report:
    rows = sum(len(block.examples) for section in sections for block in section.blocks if isinstance(block, Players))
    return Report(
        title="Compare the systems by listening",
        name=" ".join(found),
        made=day(),
        verdict=Verdict(
            "The same prompts, one column per system; all clips of a row play in sync, so that a switch compares the "
            "same moment.",
            [
                "No prompt was chosen by ear: the rows are the first, and where a measure is named its best, median "
                "and worst.",
                "Loudness is matched. Hide the names with Blind, and judge before you look.",
            ],
        ),
        facts=[
            Fact("Prompts", str(rows)),
            Fact("From", ", ".join(found)),
            Fact("Audio", "mono, loudness matched"),
        ],
        sections=sections,
        command=command,
        files={DATA: json.dumps(list(_data(sections)), indent=1, ensure_ascii=False)},
        kicker="samples",
        is_compact=True,
    )


def _data(sections: Sequence[Section]) -> Iterator[dict[str, Any]]:
    """One row per prompt: its section, its caption, and its systems."""
    for section in sections:
        for block in section.blocks:
            for example in block.examples if isinstance(block, Players) else ():
                yield {
                    "section": section.id,
                    "id": example.clips[0].file.stem,
                    "caption": example.caption,
                    "span_s": example.span_s,
                    "systems": {clip.system.key: clip.system.name for clip in example.clips},
                }


def _sections(name: str, results: Results, *, prompts: int, wanted: Sequence[str] | None, by: str) -> list[Section]:
    """A section for the first prompts, and one for those ranked by a metric."""
    systems = _systems(results, wanted)
    place, windows = _windows(results, systems)
    shown = {key: system for key, system in systems.items() if results.systems[key].prompts in ("", place)}
    described = [system for system in shown.values() if system.what]
    first = Players(
        id=f"{name}-first", examples=[_example(results, window, shown) for window in windows[:prompts]], first=prompts
    )
    found = [
        Section(
            id=f"{name}-prompts",
            title=f"The first {min(prompts, len(windows))} prompts of {name}",
            short=name,
            blocks=[first, *([Facts(systems=described)] if described else [])],
        )
    ]
    if by:
        ranked = _ranked(results, windows, shown, by)
        examples = [
            _example(results, window, shown, title=f"{rank.capitalize()} by {by} ({value:.3g})")
            for rank, (window, value) in zip(_RANKS, ranked, strict=True)
        ]
        lead = f"Prompts whose clips, averaged over the models, score best, median and worst by `{by}`."
        block = Players(id=f"{name}-ranked", examples=examples)
        found.append(Section(id=f"{name}-by", title=f"Best, median and worst of {name}", lead=lead, blocks=[block]))
    return found


def _of_folders(columns: Mapping[str, str], *, prompts: int) -> Section:
    """A section for folders of audio, one per system.

    Raises:
        UserError: they share no item.
    """
    items = match_clips({name: Path(folder) for name, folder in columns.items()})
    looks = _looks(list(columns))
    examples = [
        Example(
            caption=next((clip.caption for clip in own.values() if clip.caption), ""),
            clips=[Clip(system=looks[name], file=clip.audio) for name, clip in own.items()],
        )
        for own in list(items.values())[:prompts]
    ]
    block = Players(id="folders-first", examples=examples, first=prompts)
    return Section(id="folders", title=f"The first {len(examples)} prompts", short="prompts", blocks=[block])


def _looks(names: Sequence[str]) -> dict[str, System]:
    """How systems look of which only a name is known; one that is named as a paradigm has the paradigm's mark."""
    known = {PARADIGMS[key].noun: of_paradigm(key) for key in PARADIGMS}
    plain = [Mark(shape=shape, colour="grey") for shape in SHAPES]
    return {
        name: System(key=f"system_{place}", name=name, what="", mark=known.get(name.lower(), plain[place % len(plain)]))
        for place, name in enumerate(names)
    }


def _systems(results: Results, wanted: Sequence[str] | None) -> dict[str, System]:
    """The chosen systems, by key, as reports show them."""
    own = {key: method_system(key) for key in METHODS if key in results.systems} if results.spans else {}
    shown = shown_systems(results, results.judged(), own=own)
    with_clips = {key: system for key, system in results.systems.items() if system.clips and key in shown}
    if unknown := [key for key in wanted or () if key not in with_clips]:
        raise UserError(
            f"{results.folder.name} has no clips of a system {unknown[0]!r}; it has {', '.join(with_clips)}."
        )
    chosen = wanted or sorted(
        (key for key, system in with_clips.items() if system.origin in _HEARD and key != SILENCE),
        key=lambda key: ORDER.index(with_clips[key].origin),
    )
    if not chosen:
        raise UserError(f"{results.folder.name} has no clips; name a study whose systems make clips.")
    return {key: shown[key] for key in chosen}


def _windows(results: Results, systems: Mapping[str, System]) -> tuple[str, Sequence[Window]]:
    """The step of the prompts of the first system, and its windows."""
    place = next((results.systems[key].prompts for key in systems if results.systems[key].prompts), "")
    step = place if place in results.prompts else next(iter(results.prompts), "")
    if not step:
        raise UserError(f"{results.folder.name} has no prompts; name a study whose systems answer prompts.")
    return place, results.prompts[step].windows


def _example(results: Results, window: Window, systems: Mapping[str, System], *, title: str = "") -> Example:
    spans = {clip: span for found in results.spans.values() for clip, span in found.spans.items()}
    clips = []
    for key, system in systems.items():
        file = results.path(f"{results.systems[key].clips[0]}/{window.id}.wav")
        if not file.is_file():
            raise UserError(f"The clip {file} is missing; `counterpoint study run` restores it.")
        clips.append(Clip(system=system, file=file))
    return Example(caption=window.caption, clips=clips, span_s=spans.get(window.id), title=title)


def _ranked(
    results: Results, windows: Sequence[Window], systems: Mapping[str, System], by: str
) -> list[tuple[Window, float]]:
    """(prompt, mean of the metric over the models) of the best, the median and the worst prompt."""
    found: dict[str, list[float]] = {}
    better = ""
    for evaluation in results.evaluations.values():
        info = next((info for info in evaluation.metrics if info.name == by), None)
        for key, scores in evaluation.scores.items():
            if info is None or key not in systems or results.systems[key].origin not in ("model", "shipped"):
                continue
            score, better = scores.get(by), info.better
            for clip, value in zip(evaluation.ids.get(key, ()), (score and score.per_clip) or (), strict=False):
                if value is not None:
                    found.setdefault(clip, []).append(value)
    means = [(window, sum(found[window.id]) / len(found[window.id])) for window in windows if window.id in found]
    if len(means) < len(_RANKS):
        raise UserError(f"{results.folder.name} has no value of {by!r} for each clip; name a metric that has.")
    means.sort(key=lambda pair: pair[1], reverse=better != "lower")
    return [means[0], means[len(means) // 2], means[-1]]
