"""Methods and limits, in words a reader can check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from counterpoint.report.numbers import number
from counterpoint.study.report.content import Note

PUBLISHED = ("fad_vggish", "clap_laion", "pq_audiobox", "pc_audiobox", "ce_audiobox")
"""The paper's own metrics (4.3), by the names that they have here."""


def notes(
    evaluation: Mapping[str, Any],
    *,
    prompts: Mapping[str, Any],
    study: Mapping[str, Any],
    budget: str,
    own_data: bool,
    decides: str = "",
    own: Sequence[Note] = (),
) -> list[Note]:
    """The paragraphs below the numbers.

    Args:
        evaluation: as `Evaluation.to_json` wrote it.
        prompts: the held-out windows.
        study: the configuration.
        budget: what each model had, as the start of a sentence.
        own_data: the music is the user's.
        decides: what the verdict rests on, where it is not the primary metric alone.
        own: the study's, each in the place of that with its title.
    """
    found = [
        _matched(study),
        _judges(evaluation),
        _stand_ins(evaluation),
        _statistics(evaluation, decides or _primary(study)),
        _prompts(prompts),
        _loudness(),
        _reach(budget, own_data=own_data),
    ]
    if evaluation["notes"]:
        found.append(Note("Remarks of the judges", "\n".join(evaluation["notes"])))
    if fits := _fits(evaluation):
        found.append(Note("Distances extrapolated to endless clips", "\n".join(fits)))
    by_title = {note.title: note for note in own}
    return [by_title.get(note.title, note) for note in found]


def _fits(evaluation: Mapping[str, Any]) -> list[str]:
    """What each extrapolated distance rests on, so that a reader can judge the line."""
    return [
        f"{metric} of {system}: {', '.join(f'{number(value)} at {n:.0f}' for n, value in fit['points'])} clips; the "
        f"line through the last has the slope {number(fit['slope'])} / n, and no point is further than "
        f"{number(fit['residual'])} from it."
        for system, scores in evaluation["scores"].items()
        for metric, score in scores.items()
        if (fit := score.get("fit"))
    ]


def _matched(study: Mapping[str, Any]) -> Note:
    return Note(
        "What is held equal",
        "All models are trained from scratch on the same segments of the same music in the same order, with the "
        "same captions, backbone, optimiser, number of updates and batch size, but for what this study varies. With "
        "the paradigm differs only what it needs: the heads, the causal mask, the time embedding and the skips. Equal "
        f"updates are not equal time or equal computation; the cost table says what each took. {trained_times(study)}",
    )


def trained_times(study: Mapping[str, Any]) -> str:
    """How often each model was trained, and what the intervals therefore cover."""
    seeds = study["seeds"] or [study["training"]["seed"]]
    if len(seeds) == 1:
        return (
            f"Each model was trained once (seed {seeds[0]}): the intervals cover the choice of prompts and the draws "
            "of generation, not what another training seed would have changed."
        )
    return (
        f"Each model was trained {len(seeds)} times (seeds {', '.join(map(str, seeds))}): scores are means over the "
        "runs, and the intervals cover the choice of prompts, the draws of generation and the training seed."
    )


def _judges(evaluation: Mapping[str, Any]) -> Note:
    judged = [info for info in evaluation["metrics"] if info["better"] != "neither"]
    text = "\n".join(f"{info['name']}: {info['description']}." for info in judged)
    return Note(
        "The judges",
        f"{text}\nDistances are to music of the training split, with equally many clips on both sides. None of the "
        "prompts' own music is in it, so the ground truth's distance shows what real, unheard music scores. Names "
        "that begin with sig_ are statistics of the signal: they describe and favour nobody.",
    )


def _stand_ins(evaluation: Mapping[str, Any]) -> Note:
    published = [info["name"] for info in evaluation["metrics"] if info["name"] in PUBLISHED]
    if published:
        return Note(
            "The paper's metrics, and others",
            f"{', '.join(published)}: the paper's own metrics, by the checkpoints named above. All others are judges "
            "of our choice, each under its own name, and cannot be set beside published values.",
        )
    return Note(
        "Not the paper's metrics",
        "The paper measures FAD on VGGish, CLAP similarity and Audiobox Aesthetics. Their weights are not part of "
        "this package and were not here (`counterpoint metrics status` tells which are, `counterpoint metrics fetch` "
        "gets them), so stand-ins are used, each under its own name: distances on MusiCNN embeddings for FAD, "
        "agreement between MusiCNN's tags and the caption's words for CLAP, and nothing for Audiobox Aesthetics, for "
        "which no honest stand-in exists. Values here cannot be set beside published ones.",
    )


def _primary(study: Mapping[str, Any]) -> str:
    primary = study["evaluation"]["primary"]
    return f"The metric of the verdict, {primary}, was set in the configuration before anything was run"


def _statistics(evaluation: Mapping[str, Any], decides: str) -> Note:
    return Note(
        "Intervals and tests",
        "Intervals are of 95%, from half samples of the prompts (delete-half jackknife), the reference held fixed. "
        "Differences are paired: the same prompts are drawn for both systems, and p-values come from swapping the "
        "two systems' clips within prompts. Holm's correction is over all pairs and all metrics that say better or "
        f"worse. {decides} (distances: n = {evaluation['n']}).",
    )


def _prompts(prompts: Mapping[str, Any]) -> Note:
    windows = prompts["windows"]
    tracks = {window["row"] for window in windows}
    silent = sum(not window["caption"] for window in windows)
    text = (
        f"{len(windows)} windows of {prompts['duration_s']:g} s from {len(tracks)} tracks of the held-out splits. "
        "The examples on this page are spread evenly over the prompts; nobody chose them by ear."
    )
    if len(tracks) < len(windows):
        text += (
            f" That is {len(windows) / len(tracks):.1f} windows a track, and windows of one track are alike; the "
            "remarks of the judges say how the intervals take account of it."
        )
    if silent:
        whole = "All" if silent == len(windows) else f"{silent} of the {len(windows)}"
        text += f" {whole} prompts have no caption: there the models generate unconditionally and text plays no part."
    return Note("Prompts", text)


def _loudness() -> Note:
    return Note(
        "Loudness",
        "Every clip of every system and of the references is brought to -20 dBFS (RMS), its peak below full scale, "
        "before it is judged and before it is shown here; only sig_loudness looks at the level as generated.",
    )


def _reach(budget: str, *, own_data: bool) -> Note:
    where = "your own music" if own_data else "an embedded, synthetic corpus"
    return Note(
        "How far this goes",
        f"{budget}, on {where}. Which paradigm is ahead can turn with more data, larger models or longer training; "
        "the paper (400M parameters, up to a million updates) finds the two close in fidelity, with a slight edge "
        "for auto-regression. This report answers for the data and the budget it states, and for nothing else.",
    )
