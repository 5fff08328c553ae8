"""Methods and limits, in words that a reader can check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from counterpoint.metrics import Evaluation, MetricInfo
from counterpoint.metrics.preferences import PUBLISHED
from counterpoint.report import Text
from counterpoint.report.numbers import listed, number
from counterpoint.results.parts import Prompts
from counterpoint.study.kinds.trained import TrainedStudy

ABSENT = (
    "The paper measures FAD on VGGish, CLAP similarity and Audiobox Aesthetics. Their weights are not part of this "
    "package and were not here (`counterpoint metrics status` tells which are, `counterpoint metrics fetch` gets "
    "them), so stand-ins are used, each under its own name: distances on MusiCNN embeddings for FAD, agreement between "
    "MusiCNN's tags and the caption's words for CLAP, and nothing for Audiobox Aesthetics, for which no honest "
    "stand-in exists. Values here cannot be set beside published ones."
)


def common_notes(
    study: TrainedStudy,
    evaluations: Iterable[Evaluation],
    prompts: Prompts,
    *,
    budget: str,
    own_data: bool,
    decides: str = "",
    own: Sequence[Text] = (),
    without: Sequence[str] = (),
) -> list[Text]:
    """What is common to all studies of trained models.

    Args:
        evaluations: the judges', one for each length of clips.
        budget: what each model had, as the start of a sentence.
        own_data: the music is the user's.
        decides: what the verdict rests on, where it is not the primary metric alone.
        own: the study's, each in the place of that with its title, or at the end.
        without: titles that do not apply.
    """
    several = list(evaluations)
    first = several[0]
    found = [
        held_equal(study),
        judges_note(first.metrics),
        _stand_ins(first),
        _statistics(first, decides or _primary(study)),
        prompts_note(prompts),
        LOUDNESS,
        _reach(budget, own_data=own_data),
    ]
    remarks = list(dict.fromkeys(line for evaluation in several for line in evaluation.notes))
    found += [Text(title="Remarks of the judges", items=remarks)] if remarks else []
    fits = [line for evaluation in several for line in _fits(evaluation)]
    found += [Text(title="Distances extrapolated to endless clips", items=fits)] if fits else []
    by_title = {note.title: note for note in own}
    kept = [by_title.pop(note.title, note) for note in found if note.title not in without]
    return [*kept, *by_title.values()]


def held_equal(study: TrainedStudy) -> Text:
    """What is the same for all models, and how often each was trained."""
    return Text(
        title="What is held equal",
        paragraphs=[
            "All models are trained on the same segments of the same music in the same order, with the same captions, "
            "backbone, optimiser and batch size, but for what this study varies. With the paradigm differs only what "
            "it needs: the heads, the causal mask, the time embedding and the skips. Parameters, updates, examples, "
            "computation, tuning and the starting point of every model stand side by side on this page, and what is "
            "not equal is named there.",
            trained_times(study),
        ],
    )


def trained_times(study: TrainedStudy) -> str:
    """How often each model was trained, and what the intervals therefore cover."""
    seeds = study.seeds or [study.training.seed]
    if len(seeds) == 1:
        return (
            f"Each model was trained once (seed {seeds[0]}): the intervals cover the choice of prompts and the draws "
            "of generation, not what another training seed would have changed."
        )
    return (
        f"Each model was trained {len(seeds)} times (seeds {', '.join(map(str, seeds))}): scores are means over the "
        "runs, and the intervals cover the choice of prompts, the draws of generation and the training seed."
    )


def judges_note(metrics: Iterable[MetricInfo], *, title: str = "The judges", tail: str = "") -> Text:
    """What each metric is."""
    return Text(
        title=title,
        items=[f"`{info.name}`: {info.description.rstrip('.')}." for info in metrics if info.better != "neither"],
        paragraphs=[
            tail
            or "Distances are to held-out music, with equally many clips on both sides. No model was trained on it and "
            "no prompt is in it, so the ground truth's distance shows what real, unheard music scores. Names "
            "that begin with sig_ are statistics of the signal: they describe and favour nobody."
        ],
    )


def _stand_ins(evaluation: Evaluation) -> Text:
    published = [info.name for info in evaluation.metrics if info.name in PUBLISHED]
    if published:
        return Text(
            title="The paper's metrics, and others",
            paragraphs=[
                f"{listed(published)}: the paper's own metrics, by the checkpoints named above. All others are judges "
                "of our choice, each under its own name, and cannot be set beside published values."
            ],
        )
    return Text(title="Not the paper's metrics", paragraphs=[ABSENT])


def _primary(study: TrainedStudy) -> str:
    primary = study.evaluation.primary
    return f"The metric of the verdict, {primary}, was set in the configuration before anything was run"


def _statistics(evaluation: Evaluation, decides: str) -> Text:
    return Text(
        title="Intervals and tests",
        paragraphs=[
            "Intervals are of 95%, from half samples of the prompts (delete-half jackknife), the reference held fixed. "
            "Differences are paired: the same prompts are drawn for both systems, and p-values come from swapping the "
            "two systems' clips within prompts. Holm's correction is over all pairs and all metrics that say better or "
            f"worse. {decides} (distances: n = {evaluation.n})."
        ],
    )


def prompts_note(prompts: Prompts) -> Text:
    """Where the prompts come from, and how examples were chosen."""
    windows, tracks = prompts.windows, {window.row for window in prompts.windows}
    silent = sum(not window.caption for window in windows)
    told = [
        f"{len(windows)} windows of {prompts.duration_s:g} s from {len(tracks)} tracks of the held-out splits. The "
        "examples on this page are spread evenly over the prompts; nobody chose them by ear."
    ]
    if len(tracks) < len(windows):
        told.append(
            f"That is {len(windows) / len(tracks):.1f} windows a track, and windows of one track are alike; the "
            "remarks of the judges say how the intervals take account of it."
        )
    if silent:
        whole = "All" if silent == len(windows) else f"{silent} of the {len(windows)}"
        told.append(f"{whole} prompts have no caption: the models answer them unconditionally, and text plays no part.")
    return Text(title="Prompts", paragraphs=[" ".join(told)])


LOUDNESS = Text(
    title="Loudness",
    paragraphs=[
        "Every clip of every system and of the references is brought to -20 dBFS (RMS), its peak below full scale, "
        "before it is judged and before it is shown here; only sig_loudness looks at the level as generated."
    ],
)


def _reach(budget: str, *, own_data: bool) -> Text:
    where = "your own music" if own_data else "an embedded, synthetic corpus"
    return Text(
        title="How far this goes",
        paragraphs=[
            f"{budget}, on {where}. Which paradigm is ahead can turn with more data, larger models or longer training; "
            "the paper (400M parameters, up to a million updates) finds the two close in fidelity, with a slight edge "
            "for auto-regression. This report answers for the data and the budget it states, and for nothing else."
        ],
    )


def _fits(evaluation: Evaluation) -> list[str]:
    """What each extrapolated distance rests on, so that a reader can judge the line."""
    return [
        f"`{metric}` of {system}: {', '.join(f'{number(value)} at {n:.0f}' for n, value in fit.points)} clips; the "
        f"line through the last has the slope {number(fit.slope)} / n, and no point is further than "
        f"{number(fit.residual)} from it."
        for system, scores in evaluation.scores.items()
        for metric, score in scores.items()
        if (fit := score.fit)
    ]


def beside_paper_note(claims: Sequence[str], source: str, remark: str) -> Text:
    """Where the paper's numbers stand, and what it concludes."""
    return Text(paragraphs=[f"The paper: {source} {remark}".strip()], items=[
        f"The paper concludes: \u201c{claim}\u201d" for claim in claims
    ], is_small=True)  # fmt: skip


def source_of(paper: object) -> str:
    """The place of a table of the paper, and what its numbers are of."""
    fields: Mapping[str, str] = {name: getattr(paper, name) for name in ("source", "where", "about")}
    return f"{fields['source']}: {fields['where']}. {fields['about']}"
