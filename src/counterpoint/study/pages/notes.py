"""Methods and limits in words that a reader can check: the sections of `methods/*.md` with values filled in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Formatter

from counterpoint.config.text import split_lines
from counterpoint.metrics import Evaluation, MetricInfo
from counterpoint.metrics.preferences import PUBLISHED
from counterpoint.report import Text
from counterpoint.report.numbers import listed, number
from counterpoint.results.schema import Results
from counterpoint.study.kinds.trained import TrainedStudy
from counterpoint.study.pages.facts import budget_words

_HERE = Path(__file__).parent / "methods"


def prose(name: str, **values: object) -> list[Text]:
    """The sections of `methods/NAME.md`: a line is a paragraph, or an item of a list if it begins with a dash.

    Args:
        values: values of the words in braces; a list becomes items. A section with a word whose value is None, or an
            empty list, is left out; an empty word may be used only for this purpose.
    """
    shown = {word: _items(value) if isinstance(value, list | tuple) else value for word, value in values.items()}
    found = []
    for part in (_HERE / f"{name}.md").read_text(encoding="utf-8").removeprefix("## ").split("\n## "):
        title, _, body = part.partition("\n")
        if all(shown[word] is not None for _, word, _, _ in Formatter().parse(body) if word):
            lines = [line for line in split_lines(body.format(**shown)) if line]
            items = [line.removeprefix("- ") for line in lines if line.startswith("- ")]
            found.append(Text(title=title, paragraphs=[line for line in lines if line[:2] != "- "], items=items))
    return found


def _items(values: Sequence[object]) -> str | None:
    return "\n".join(f"- {value}" for value in values) if values else None


def common_notes(
    study: TrainedStudy,
    results: Results,
    *,
    models: Iterable[str] | None = None,
    judging: Sequence[str] = ("evaluate",),
    prompts: str = "prompts",
    decides: str = "",
    own: Sequence[Text] = (),
    without: Sequence[str] = (),
) -> list[Text]:
    """The notes that all studies of trained models share.

    Args:
        models: steps that trained the compared models; by default all.
        judging: steps of the evaluations, one for each length of clips.
        prompts: the step of the prompts.
        decides: the basis of the verdict, if it is not only the primary metric.
        own: sections of the study, each instead of the one with its title, or at the end.
        without: titles of sections that do not apply.
    """
    several, windows = [results.evaluations[step] for step in judging], results.prompts[prompts].windows
    first, tracks = several[0], {window.row for window in windows}
    published = [info.name for info in first.metrics if info.name in PUBLISHED]
    found = prose(
        "common",
        trained=trained_times(study),
        judges=measures_of(first.metrics),
        published=listed(published) if published else None,
        absent=None if published else "",
        decides=decides
        or f"The metric of the verdict, {study.evaluation.primary}, was fixed in the configuration before "
        "anything was run",
        n=first.n,
        count=len(windows),
        seconds=results.prompts[prompts].duration_s,
        tracks=len(tracks),
        alike=_alike(len(windows), len(tracks)),
        silent=_silent(sum(not window.caption for window in windows), len(windows)),
        budget=budget_words(results.models[step] for step in models or results.models),
        music="your own music" if results.study.own_data else "an embedded, synthetic corpus",
        remarks=list(dict.fromkeys(line for evaluation in several for line in evaluation.notes)),
        fits=[line for evaluation in several for line in _fits(evaluation)],
    )
    by_title = {note.title: note for note in own}
    kept = [by_title.pop(note.title, note) for note in found if note.title not in without]
    return [*kept, *by_title.values()]


def trained_times(study: TrainedStudy) -> str:
    """How often each model was trained, and what the intervals therefore include."""
    seeds = study.training_seeds
    if len(seeds) == 1:
        return (
            f"Each model was trained once (seed {seeds[0]}): the intervals include the variance of prompts and of the "
            "draws of generation, but not that of the training seed."
        )
    return (
        f"Each model was trained {len(seeds)} times (seeds {', '.join(map(str, seeds))}): scores are means over the "
        "runs, and the intervals include the variance of prompts, of the draws of generation and of training seeds."
    )


def measures_of(metrics: Iterable[MetricInfo]) -> list[str]:
    """Descriptions of all metrics with a better direction."""
    return [f"`{info.name}`: {info.description.rstrip('.')}." for info in metrics if info.better != "neither"]


def _alike(windows: int, tracks: int) -> str:
    if tracks == windows:
        return ""
    return (
        f" There are {windows / tracks:.1f} windows per track, and windows of one track are alike; the remarks of the "
        "evaluation state how the intervals account for this."
    )


def _silent(silent: int, windows: int) -> str:
    if not silent:
        return ""
    whole = "All" if silent == windows else f"{silent} of the {windows}"
    return f" {whole} prompts have no caption: the models answer them unconditionally, and text is not used."


def _fits(evaluation: Evaluation) -> list[str]:
    """The points of each extrapolated distance, so that a reader can check the line."""
    return [
        f"`{metric}` of {system}: {', '.join(f'{number(value)} at {n:.0f}' for n, value in fit.points)} clips; the "
        f"line through the last has the slope {number(fit.slope)} / n, and no point is farther than "
        f"{number(fit.residual)} from it."
        for system, scores in evaluation.scores.items()
        for metric, score in scores.items()
        if (fit := score.fit)
    ]
