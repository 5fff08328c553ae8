"""The report of a study of samplers: the folders of its steps to a page."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from counterpoint.report.numbers import MINUS, duration, interval, number, p_value
from counterpoint.study.paper import paper_table
from counterpoint.study.report.assemble import (
    PAIR,
    budget_of,
    command_of,
    data_facts,
    model_facts,
)
from counterpoint.study.report.content import (
    Difference,
    Example,
    Fact,
    Note,
    SamplerContent,
    Score,
    Setting,
    System,
    Verdict,
)
from counterpoint.study.report.machine import machine_facts
from counterpoint.study.report.notes import notes
from counterpoint.study.report.page import write_page, write_players
from counterpoint.study.report.read import Folders, read_difference, read_metrics, read_scores
from counterpoint.study.report.scatter import Level, Point, scatter
from counterpoint.study.report.tables import Table, scores_csv, scores_table, to_csv
from counterpoint.study.windows import spread

AR, FM = PAIR
TRUTH = "ground_truth"
DEFAULTS = {"guidance": 3.0, "sway": 0.0, "guidance_interval": [0.0, 1.0]}
"""Settings that differ from these are of no series."""


def write_sampler_report(
    content: SamplerContent, out: Path, *, progress: Callable[[int, int], None] | None = None
) -> Path:
    """Write the report into `out`; returns its `index.html`."""
    from markupsafe import Markup

    players = write_players(content, out, wanted=lambda number, key: True, progress=progress)
    table = settings_table(content)
    return write_page(
        content,
        out,
        template="samplers.html",
        tables={
            "settings": table,
            "scores": scores_table(content, content.judges),
            "paper": Table(content.source, content.beside[0], content.beside[1:]),
        },
        csv={"settings": settings_csv(content), "scores": scores_csv(content)},
        players=[
            [player for (number, _), player in players.items() if number == index]
            for index in range(len(content.examples))
        ],
        by_evaluations=Markup(_by_evaluations(content)),
        by_throughput=Markup(_by_throughput(content)),
        rows=table.rows,
        all_settings=[*content.settings, content.autoregressive],
        solvers=dict.fromkeys(item.system.split("-")[1] for item in content.settings),
    )


def assemble_samplers(
    folders: Folders, *, name: str, study: Mapping[str, Any], study_yaml: str, own_data: bool
) -> SamplerContent:
    """Everything the report says.

    Args:
        study: the configuration, plain.
        study_yaml: the same, as a file that `study run` takes.
        own_data: the music is the user's.
    """
    evaluation = folders.json("evaluate", "evaluation.json")
    primary = study["evaluation"]["primary"]
    keys = {label: _key(label, sampling) for label, sampling in study["settings"].items()}
    scores = {
        metric: {keys.get(system, system): score for system, score in of_metric.items()}
        for metric, of_metric in read_scores(evaluation).items()
    }
    differences = {
        item.first: item for item in map(read_difference, evaluation["differences"]) if item.metric == primary
    }
    times = folders.json("timing", "times.json")["systems"]

    def setting(label: str, *, series: str) -> Setting:
        report = folders.json(f"generate_{label}", "generation.json")["report"]
        turns = times[label]
        key = keys.get(label, label)
        return Setting(
            system=key,
            label=label,
            series=series,
            passes=report["network_evaluations"],
            evaluations=report["model_evaluations"],
            seconds=(statistics.median(turns), min(turns), max(turns)),
            score=scores[primary][key],
            difference=differences.get(label),
        )

    settings = sorted(
        (setting(label, series=_series(sampling)) for label, sampling in study["settings"].items()),
        key=lambda item: item.evaluations,
    )
    autoregressive = setting(AR, series="")
    reference = next(item for item in settings if item.label == study["reference"])
    within = [item for item in settings if item.evaluations <= study["budget"] and item is not reference]
    best = min(within, key=lambda item: item.score.value, default=None)
    alike = [
        item for item in within if study["settings"][item.label]["guidance_interval"] == DEFAULTS["guidance_interval"]
    ]
    steady = min(alike, key=lambda item: item.score.value, default=None)
    shown = [reference.system, *([best.system] if best else []), AR]
    prompts = folders.json("prompts", "prompts.json")
    metrics = read_metrics(evaluation, scores)
    return SamplerContent(
        name=name,
        made=time.strftime("%-d %B %Y"),
        headline_facts=_headline(folders, study, prompts),
        systems=[system for system in _systems(study, keys) if system.key in scores[primary]],
        metrics=metrics,
        scores=scores,
        examples=_examples(folders, prompts, keys=keys, shown=shown, wanted=study["examples"]),
        facts=[*data_facts(folders, prompts), *model_facts(folders, study), *_sampling_facts(study), *machine_facts()],
        notes=[
            *notes(evaluation, prompts=prompts, study=study, budget=budget_of(folders), own_data=own_data),
            *_notes(study),
        ],
        command=command_of(own_data=own_data),
        files={"study.yaml": study_yaml},
        verdict=Verdict(
            _sentence(reference, best, budget=study["budget"], metric=primary),
            [
                *_steady(steady if steady is not best else None, reference, metric=primary),
                *_points(settings, autoregressive, reference, best, metric=primary),
            ],
        ),
        primary=primary,
        settings=settings,
        autoregressive=autoregressive,
        reference=reference.label,
        chosen=best.label if best else "",
        budget=study["budget"],
        batch=study["timing"]["batch_size"],
        beside=_beside_paper(study, settings, metric=primary),
        source=f"{(table := paper_table('table_8')).source}: {table.where}. {table.about}",
        example_systems=[TRUTH, *shown],
    )


def _key(label: str, sampling: Mapping[str, Any]) -> str:
    """Tells solver and kind to the style sheet."""
    return f"solver-{sampling['solver']}-{'' if _series(sampling) else 'varied-'}{label}"


def _series(sampling: Mapping[str, Any]) -> str:
    return sampling["solver"] if all(sampling[name] == value for name, value in DEFAULTS.items()) else ""


def described(sampling: Mapping[str, Any]) -> str:
    """A setting in words."""
    name = sampling["solver"].capitalize()
    text = (
        f"{name}, tolerance {sampling['tolerance']:g}"
        if sampling["solver"] == "dopri5"
        else f"{name}, {sampling['steps']} steps"
    )
    if sampling["sway"]:
        text += f", sway {number(sampling['sway'], places=1)}"
    if sampling["guidance"] == 1:
        return f"{text}, no guidance"
    low, high = sampling["guidance_interval"]
    if (low, high) != (0, 1):
        text += f", guidance for t in [{low:g}, {high:g}]"
    return text if sampling["guidance"] == DEFAULTS["guidance"] else f"{text}, guidance {sampling['guidance']:g}"


def _systems(study: Mapping[str, Any], keys: Mapping[str, str]) -> list[System]:
    sampled = study["autoregressive"]
    return [
        System(TRUTH, "Ground truth", "Ground truth", "The held-out music itself."),
        System(
            "reconstruction_latents",
            "Codec, continuous",
            "Codec, continuous",
            "The ground truth through the codec, not quantised: the best that flow matching can sound.",
        ),
        System(
            AR,
            "Auto-regressive",
            "Auto-regressive",
            f"The other paradigm, trained alike: guidance {sampled['guidance']:g}, temperature "
            f"{sampled['temperature']:g}, top-k {sampled['top_k']}.",
        ),
        *(
            System(keys[label], label, label, f"Flow matching: {described(sampling)}.")
            for label, sampling in study["settings"].items()
        ),
    ]


def _sentence(reference: Setting, best: Setting | None, *, budget: int, metric: str) -> str:
    """What the question's answer is; the tests decide how strongly it is put."""
    if best is None or best.difference is None:
        return f"No setting of at most {budget} model evaluations was among those tried."
    difference, spans = best.difference, [_span(item.score) for item in (best, reference)]
    apart = interval(difference.value, difference.low, difference.high)
    against = f"{metric} {spans[0]} against {spans[1]}"
    cost = f"{best.evaluations} model evaluations, rows of guidance counted, in place of {reference.evaluations}"
    if best.score.value <= reference.score.value:
        return (
            f"{best.label} reaches the quality of {reference.label} with {cost}: {against}; the difference is {apart}."
        )
    if difference.low <= 0:
        return (
            f"{best.label} comes within chance of {reference.label} with {cost}: {against}; the difference is {apart}."
        )
    return (
        f"No setting of at most {budget} model evaluations reaches {reference.label}; the nearest, {best.label}, needs "
        f"{cost}, and scores {against}; the difference is {apart}."
    )


def _steady(setting: Setting | None, reference: Setting, *, metric: str) -> list[str]:
    """The best that guides throughout, where the best of all does not: the solver's own merit."""
    if setting is None or (difference := setting.difference) is None:
        return []
    return [
        f"Of those that guide all the time, as {reference.label} does, {setting.label} is best with "
        f"{setting.evaluations} evaluations: {metric} {_span(setting.score)}, a difference of "
        f"{interval(difference.value, difference.low, difference.high)}."
    ]


def _points(
    settings: Sequence[Setting], ar: Setting, reference: Setting, best: Setting | None, *, metric: str
) -> list[str]:
    found = []
    if best is not None:
        faster = reference.seconds[0] / best.seconds[0]
        found.append(
            f"A clip takes {duration(best.seconds[0])} with {best.label}, {duration(reference.seconds[0])} with "
            f"{reference.label} ({number(faster, places=1)} times as long) and {duration(ar.seconds[0])} "
            "auto-regressively."
        )
    lowest = min(settings, key=lambda item: item.score.value)
    found.append(
        f"The lowest {metric} of all settings is {lowest.label}'s, {_span(lowest.score)}, with {lowest.evaluations} "
        f"evaluations; auto-regression scores {_span(ar.score)} with {ar.evaluations}."
    )
    worse = [item for item in settings if item.difference and _is_worse(item.difference)]
    better = [
        item for item in settings if item.difference and item.difference.high < 0 and item.difference.p_holm < 0.05
    ]
    for items, word in ((better, "better"), (worse, "worse")):
        if items:
            found.append(f"Shown to be {word} than {reference.label}: {', '.join(item.label for item in items)}.")
    return found


def _is_worse(difference: Difference) -> bool:
    return difference.low > 0 and difference.p_holm < 0.05


def _span(score: Score) -> str:
    return interval(score.value, score.low, score.high)


def settings_table(content: SamplerContent) -> Table:
    """One row a setting."""
    reference = next(item for item in content.settings if item.label == content.reference)
    rows = [
        [
            item.label,
            f"{item.passes:,}",
            f"{item.evaluations:,}",
            duration(item.seconds[0]),
            f"{number(reference.seconds[0] / item.seconds[0])} ×",
            _span(item.score),
            interval(d.value, d.low, d.high) if (d := item.difference) else "–",
            p_value(d.p) if (d := item.difference) else "–",
        ]
        for item in (*content.settings, content.autoregressive)
    ]
    header = [
        "Setting",
        "Passes",
        "Evaluations",
        "Time a clip",
        "Speed",
        f"{content.primary} ↓",
        f"{MINUS} {content.reference}",
        "p",
    ]
    caption = (
        "Passes of the network and model evaluations (a guided pass is two) a clip; time a clip, the median of turns, "
        f"{content.batch} clips at once; speed against {content.reference}; scores and paired differences with 95% "
        "intervals, p two-sided."
    )
    return Table(caption, header, rows)


def settings_csv(content: SamplerContent) -> str:
    """The same for machines, with full precision."""
    header = ["setting", "passes", "evaluations", "seconds", "seconds_low", "seconds_high", content.primary]
    header += ["low_95", "high_95", "n", "difference", "difference_low_95", "difference_high_95", "p"]
    rows = [
        [
            *(item.label, item.passes, item.evaluations, *item.seconds),
            *(item.score.value, item.score.low, item.score.high, item.score.n),
            *((d.value, d.low, d.high, d.p) if (d := item.difference) else ("", "", "", "")),
        ]
        for item in (*content.settings, content.autoregressive)
    ]
    return to_csv([header, *rows])


def _mark(item: Setting, content: SamplerContent, *, x: float) -> Point:
    named = item.label in (content.reference, content.chosen)
    return Point(item.system, item.label, x, item.score, item.series, named=named)


def _by_evaluations(content: SamplerContent) -> str:
    """Paired differences: what all settings share, and the other paradigm's distance, would hide them."""

    def apart(item: Setting) -> Score:
        d = item.difference
        return Score(d.value, d.low, d.high, d.n) if d else Score(0.0, 0.0, 0.0, item.score.n)

    points = [
        replace(_mark(item, content, x=item.evaluations), y=apart(item), named=item.label == content.chosen)
        for item in content.settings
    ]
    zero = Level("ground_truth", content.reference, Score(0.0, 0.0, 0.0, content.autoregressive.score.n))
    return scatter(points, x_name="model evaluations a clip", levels=[zero], budget=content.budget)


def _by_throughput(content: SamplerContent) -> str:
    points = [_mark(item, content, x=1 / item.seconds[0]) for item in content.settings]
    ar = content.autoregressive
    points.append(Point(AR, "Auto-regressive", 1 / ar.seconds[0], ar.score, named=True))
    return scatter(points, x_name="clips a second")


def _beside_paper(study: Mapping[str, Any], settings: Sequence[Setting], *, metric: str) -> list[list[str]]:
    """Table 8 with ours at its right, each beside its ratio to 50 steps: the scales differ, the shapes need not."""
    table = paper_table("table_8")
    euler = {
        sampling["steps"]: next(item for item in settings if item.label == label).score
        for label, sampling in study["settings"].items()
        if _series(sampling) == "euler"
    }
    middle = next(row.values for row in table.rows if row.ours == "50")
    header = ["", *(f"{column.frame_rate:g} Hz, FAD" for column in table.columns), f"Ours, {metric}"]
    rows = []
    for row in table.rows:
        cells = [
            f"{value:g} ({number(value / at_50, places=2)} ×)" for value, at_50 in zip(row.values, middle, strict=True)
        ]
        ours = euler.get(int(row.ours))
        cell = "–" if ours is None else _span(ours)
        if ours is not None and 50 in euler:
            cell += f" ({number(ours.value / euler[50].value, places=3)} ×)"
        rows.append([row.measure, *cells, cell])
    return [header, *rows]


def _headline(folders: Folders, study: Mapping[str, Any], prompts: Mapping[str, Any]) -> list[Fact]:
    training = study["training"]
    spent = sum(folders.record(step).get("seconds", 0.0) for step in folders.paths)
    return [
        Fact("Settings", str(len(study["settings"]))),
        Fact("Prompts", f"{len(prompts['windows'])} of {prompts['duration_s']:g} s, held out"),
        Fact("Training of each", f"{training['steps']:,} updates × {training['batch_size']} clips"),
        Fact("Time, everything", duration(spent)),
    ]


def _sampling_facts(study: Mapping[str, Any]) -> list[Fact]:
    timing = study["timing"]
    return [
        Fact(
            "Sampling",
            f"clip i has seed {study['prompts']['seed']} + i in every setting, and so the same noise; guidance "
            f"{DEFAULTS['guidance']:g} unless a setting says otherwise",
        ),
        Fact(
            "Time",
            f"{timing['batch_size']} clips of {study['prompts']['duration_s']:g} s at once, text and codec included; "
            f"median of {timing['repeats']} turns in which all settings take part one after another",
        ),
    ]


def _examples(
    folders: Folders, prompts: Mapping[str, Any], *, keys: Mapping[str, str], shown: Sequence[str], wanted: int
) -> list[Example]:
    """Evenly spread over the prompts, not chosen by ear."""
    places = {TRUTH: folders.paths["prompts"] / "truth", AR: folders.paths[f"generate_{AR}"]}
    places |= {key: folders.paths[f"generate_{label}"] for label, key in keys.items()}
    return [
        Example(window["id"], window["caption"], {key: places[key] / f"{window['id']}.wav" for key in (TRUTH, *shown)})
        for window in spread(prompts["windows"], wanted)
    ]


def _notes(study: Mapping[str, Any]) -> list[Note]:
    return [
        Note(
            "Evaluations",
            "A pass of the network on a clip is one evaluation; with guidance it sees the clip twice, with and without "
            "the caption, and counts twice. Outside the interval of t in which a setting guides, it sees it once. "
            "Euler and Adams (Adams-Bashforth of order 2) pass once a step, midpoint and Heun twice; dopri5 as often "
            "as its tolerance asks, the number here being the most of any batch. A setting that guides in a part of "
            "the time draws from another distribution, less pulled to the caption: its distance measures that, too, "
            "and tag_match_musicnn says what became of the caption.",
        ),
        Note(
            "The best of many",
            f"The setting in the headline is the best of those within {study['budget']} evaluations on the very "
            "prompts it is judged by, so its score is a little flattered; all settings answer the same prompts from "
            "the same noise, and the paired differences are what to read. The p-values of the table are of one "
            "comparison each; only a name called better or worse has passed Holm's correction over all pairs "
            "and metrics.",
        ),
        Note(
            "Beside the paper",
            "The paper's FAD rests on VGGish and models of 400M parameters after a million updates; ours is another "
            "distance on a small model. What can be read side by side is how much a number of steps costs, as a "
            "ratio to 50.",
        ),
    ]
