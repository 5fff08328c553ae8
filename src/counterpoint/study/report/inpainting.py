"""The report of a study of inpainting: the folders of its steps to a page."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import yaml

from counterpoint.report.numbers import MINUS, count, duration, interval
from counterpoint.study.paper import PaperInpainting, paper_inpainting
from counterpoint.study.report.assemble import (
    CODES,
    LATENTS,
    PAIR,
    budget_of,
    command_of,
    data_facts,
    loss_curve_of,
    model_facts,
)
from counterpoint.study.report.charts import loss_curve
from counterpoint.study.report.content import (
    Cell,
    CellRow,
    CellTable,
    CostRow,
    Difference,
    Example,
    Fact,
    InpaintingContent,
    Metric,
    Note,
    System,
)
from counterpoint.study.report.filling import (
    ANCHORS,
    AR,
    BEST,
    FM,
    INVERSION,
    METHODS,
    NOUNS,
    OTHER,
    SILENCE,
    mirrored,
    verdict_of,
)
from counterpoint.study.report.following import NAMES, TRUTH, Findings
from counterpoint.study.report.machine import machine_facts
from counterpoint.study.report.notes import notes, trained_times
from counterpoint.study.report.page import write_page, write_players
from counterpoint.study.report.read import Folders, read_difference, read_metrics, read_scores
from counterpoint.study.report.tables import cells_table, differences_csv, differences_table, scores_csv, scores_table
from counterpoint.study.report.verdict import judge
from counterpoint.study.windows import spread

FIDELITY = ("fad_musicnn", "tag_match_musicnn")
"""What stands in for the paper's FAD and CLAP."""
RUNS = {
    "inpaint_autoregressive": "Auto-regressive, to fill in",
    "inpaint_flow_matching": "Flow matching, to fill in",
    "train_autoregressive": "Auto-regressive, text to music",
    "train_flow_matching": "Flow matching, text to music",
}
"""Trainings by step; of these the first two are supervised, and the last answers zero-shot."""
SHORT = {system.key: system.short for system in METHODS} | {SILENCE: "silence", OTHER: "another clip"}
DECIDES = (
    "In the verdict a method is ahead of another if it is shown to be better by one of the measures named and worse by "
    "none; the tests of different pairs are not corrected for each other"
)
AESTHETICS = {"PQ": "production quality", "PC": "production complexity", "CE": "content enjoyment"}


def write_inpainting_report(
    content: InpaintingContent, out: Path, *, progress: Callable[[int, int], None] | None = None
) -> Path:
    """Write the report into `out`; returns its `index.html`."""
    from markupsafe import Markup

    players = write_players(content, out, wanted=lambda number, key: True, progress=progress)
    seams = [content.metric(key) for key in content.seams]
    others = [metric for metric in content.judges if metric.key not in content.seams]

    return write_page(
        content,
        out,
        template="inpainting.html",
        tables={
            "table4": cells_table(content.table),
            **{f"comparison{index}": cells_table(table) for index, table in enumerate(content.comparisons, 1)},
            "seams": scores_table(content, seams),
            "scores": scores_table(content, others),
            "differences": differences_table(content),
        },
        csv={"scores": scores_csv(content), "differences": differences_csv(content)},
        players=[
            [players[number, key] for key in content.example_systems if (number, key) in players]
            for number in range(len(content.examples))
        ],
        seams=seams,
        others=others,
        losses=lambda curve: Markup(loss_curve(curve, name=curve.name)),
    )


def assemble_inpainting(
    folders: Folders, *, name: str, study: Mapping[str, Any], study_yaml: str, own_data: bool
) -> InpaintingContent:
    """Everything the report says.

    Args:
        study: the configuration, plain.
        study_yaml: the same, as a file that `study run` takes.
        own_data: the music is the user's.
    """
    judged = [folders.json("seams", "evaluation.json"), folders.json("evaluate", "evaluation.json")]
    scores = {key: of_metric for evaluation in judged for key, of_metric in read_scores(evaluation).items()}
    metrics = [metric for evaluation in judged for metric in read_metrics(evaluation, scores)]
    differences = [read_difference(item) for evaluation in judged for item in evaluation["differences"]]
    prompts = folders.json("prompts", "prompts.json")
    systems = [system for system in _systems(folders) if any(system.key in of_metric for of_metric in scores.values())]
    methods = [system.key for system in METHODS if system in systems and system.key != BEST]
    found = _findings(metrics, scores, differences)
    seams = [info["name"] for info in judged[0]["metrics"] if info["name"] in scores and info["better"] != "neither"]
    fidelity = [key for key in FIDELITY if key in scores]
    chosen = _chosen(folders)
    costs = _costs(folders, systems)
    paper = paper_inpainting()
    supervised = _of_supervised(study)
    return InpaintingContent(
        name=name,
        made=time.strftime("%-d %B %Y"),
        verdict=verdict_of(
            found, seams=seams, fidelity=fidelity, methods=methods, chosen=chosen, cost=_cost_point(folders, methods)
        ),
        headline_facts=_headline(folders, study, prompts),
        systems=systems,
        metrics=metrics,
        scores=scores,
        differences=differences,
        table=_table(found, systems, fidelity, paper=paper),
        ratings=_ratings(paper),
        comparisons=_comparisons(found, methods, seams, fidelity),
        seams=seams,
        fidelity=fidelity,
        chosen=chosen,
        costs=costs,
        curves=[
            loss_curve_of(folders.paths[step] / "metrics.jsonl", step.split("_", 1)[1], name=what)
            for step, what in RUNS.items()
            if step in folders.paths
        ],
        examples=_examples(folders, prompts, systems, wanted=study["examples"]),
        example_systems=_heard(systems),
        source=f"{paper.source}: {paper.where}. {paper.about}",
        claims=paper.claims,
        facts=[
            *data_facts(folders, prompts),
            _task_fact(folders, study),
            *model_facts(folders, supervised, prefix="inpaint"),
            *_text_model_fact(folders),
            *_sampling_facts(study),
            *_ending_fact(folders),
            *machine_facts(),
        ],
        notes=[
            *_notes(judged[0], study),
            *(
                note
                for note in notes(
                    judged[1],
                    prompts=prompts,
                    study=study,
                    budget=budget_of(folders, prefix="inpaint"),
                    own_data=own_data,
                    decides=DECIDES,
                )
                if note.title not in ("What is held equal", "Loudness")
            ),
        ],
        command=command_of(own_data=own_data),
        files={"study.yaml": study_yaml},
    )


def _findings(
    metrics: Sequence[Metric], scores: Mapping[str, Mapping[str, Any]], differences: Sequence[Difference]
) -> Findings:
    """Differences to look up in either direction."""
    both = [*map(mirrored, differences), *differences]
    return Findings(metrics={metric.key: metric for metric in metrics}, scores=scores, differences=both)


def _systems(folders: Folders) -> list[System]:
    there = {key.removeprefix("generate_") for key in folders.paths if key.startswith("generate_")}
    return [
        System(TRUTH, "Ground truth", "Ground truth", "The held-out music itself, nothing replaced."),
        System(LATENTS, "Codec, continuous", "Codec, continuous", "The whole clip through the codec, not quantised."),
        System(CODES, "Codec, quantised", "Codec, quantised", "The whole clip through the codec and its quantiser."),
        *(system for system in METHODS if system.key in there),
        System(SILENCE, "Silence in the span", "Silence", "An anchor: nothing in the span."),
        System(
            OTHER,
            "Another clip in the span",
            "Another clip",
            "An anchor: what the music of another prompt plays there, through the codec, wherever that is in its bar "
            "and key.",
        ),
    ]


def _chosen(folders: Folders) -> dict[str, int]:
    step = f"generate_{BEST}"
    return dict(folders.json(step, "best.json")["counts"]) if step in folders.paths else {}


def _table(found: Findings, systems: Sequence[System], fidelity: Sequence[str], *, paper: PaperInpainting) -> CellTable:
    """The paper's rows below ours of the same method, then the other methods, then what is none."""
    names = {"fad_musicnn": "FAD", "tag_match_musicnn": "CLAP"}
    theirs = {row.system: row for row in paper.rows}
    rows = []
    by_key = {system.key: system for system in systems}
    for key in (key for key in dict.fromkeys([*theirs, *SHORT, *by_key]) if key in by_key):
        cells: list[Sequence[Cell]] = [found.cells([(metric, key, "")]) for metric in fidelity]
        rows.append(CellRow(by_key[key].short, key, [*cells, [], [], []]))
        if row := theirs.get(key):
            own = {"fad_musicnn": row.fad, "tag_match_musicnn": row.clap}
            values = [*(own[metric] for metric in fidelity), row.pq, row.pc, row.ce]
            rows.append(CellRow(f"{row.name}, the paper", "", [[Cell(f"{v:.2f}")] for v in values], is_ours=False))
    unmeasured = [(Metric(key, "higher", f"Audiobox Aesthetics, {what}."), "") for key, what in AESTHETICS.items()]
    return CellTable(
        "Objective scores",
        "Ours with 95% intervals, in the layout of the paper's Table 4, of whole clips: what was left as it was counts "
        "in every score. PQ, PC and CE are Audiobox Aesthetics, for which no honest stand-in exists.",
        [*((found.metrics[key], names[key]) for key in fidelity), *unmeasured],
        rows,
    )


def _ratings(paper: PaperInpainting) -> list[str]:
    return [
        f"{rating.criterion}: "
        + "; ".join(
            f"{NOUNS.get(key, key)} {value[0]:.2f} \u00b1 {value[1]:.2f}"
            for key, value in rating.values.items()
            if value is not None
        )
        for rating in paper.ratings
    ]


def _comparisons(
    found: Findings, methods: Sequence[str], seams: Sequence[str], fidelity: Sequence[str]
) -> list[CellTable]:
    zero_shot = [key for key in methods if key not in (AR, FM)]
    entered = [*methods, BEST]

    def table(title: str, lead: str, pairs: Iterable[tuple[str, str]], keys: Sequence[str]) -> CellTable:
        rows = [
            CellRow(
                f"{SHORT[first]} {MINUS} {SHORT[second]}",
                first,
                [
                    _tested(found, key, first, second, counts=BEST not in (first, second) or key not in seams)
                    for key in keys
                ],
            )
            for first, second in pairs
        ]
        columns = [(found.metrics[key], "") for key in keys]
        return CellTable(title, lead, columns, [row for row in rows if any(row.cells)])

    everything = [*seams, *fidelity]
    tables = [
        table(
            "Does each method beat silence and another clip?",
            f"Method {MINUS} anchor, on the same clips and spans.",
            ((key, anchor) for anchor in ANCHORS for key in entered),
            [*seams, *fidelity[:1]],
        ),
        table(
            "Which zero-shot method wins?",
            "The zero-shot methods against each other, with the same model; and the best take against inversion alone.",
            [*((key, rival) for rival, key in combinations(zero_shot, 2)), (BEST, INVERSION)],
            everything,
        ),
        table(
            "Trained for it, or zero-shot?",
            "The two supervised methods against each other, and each against zero-shot.",
            ((AR, FM), *((key, other) for other in (*zero_shot, BEST) for key in (FM, AR))),
            everything,
        ),
    ]
    return [each for each in tables if each.rows]


def _tested(found: Findings, metric: str, first: str, second: str, *, counts: bool) -> list[Cell]:
    item = found.difference(metric, first, second)
    if item is None or not math.isfinite(item.value):
        return []
    value, span = interval(item.value, item.low, item.high).split(" ", 1)
    return [Cell(value, span, is_clear=counts and judge(item, found.metrics[metric]) != "open")]


def _heard(systems: Sequence[System]) -> list[str]:
    """The systems of the examples: the music and the best fills side by side, each zero-shot method, the anchors. The
    codec's own clips tell nothing of seams."""
    first = (TRUTH, AR, FM, BEST)
    there = [system.key for system in systems if system.key not in (LATENTS, CODES)]
    return [*(key for key in first if key in there), *(key for key in there if key not in first)]


def _examples(folders: Folders, prompts: Mapping[str, Any], systems: Sequence[System], *, wanted: int) -> list[Example]:
    """Evenly spread over the prompts, not chosen by ear; the music itself first."""
    spans = folders.json("spans", "spans.json")["spans"]
    places = {TRUTH: folders.paths["prompts"] / "truth"}
    places |= {key: folders.paths[f"generate_{key}"] for key in _heard(systems) if f"generate_{key}" in folders.paths}
    return [
        Example(
            window["id"],
            window["caption"],
            {key: place / f"{window['id']}.wav" for key, place in places.items()},
            span_s=(spans[window["id"]][0], spans[window["id"]][1]),
        )
        for window in spread(prompts["windows"], wanted)
    ]


def _headline(folders: Folders, study: Mapping[str, Any], prompts: Mapping[str, Any]) -> list[Fact]:
    task, training = folders.json("spans", "spans.json"), study["training"]
    spent = sum(folders.record(step).get("seconds", 0.0) for step in folders.paths)
    return [
        Fact("To fill in", f"{task['mask_s']:g} of {task['duration_s']:g} s"),
        Fact("Supervised, each", f"{study['inpainting']['steps']:,} updates × {training['batch_size']} clips"),
        Fact(
            "Parameters, AR / FM",
            " / ".join(count(folders.json(f"inpaint_{key}", "result.json")["parameters"]) for key in PAIR),
        ),
        Fact("Clips", f"{len(prompts['windows'])} of {prompts['duration_s']:g} s, held out"),
        Fact("Time, everything", duration(spent)),
    ]


def _costs(folders: Folders, systems: Sequence[System]) -> list[CostRow]:
    """One row a system that a model fills in for; the best take costs what all its takes do."""
    rows: dict[str, tuple[float, int]] = {}
    for system in systems:
        step = f"generate_{system.key}"
        if step in folders.paths and (folders.paths[step] / "inpaint.json").is_file():
            told = folders.json(step, "inpaint.json")
            rows[system.key] = (told["seconds_per_clip"], told["model_evaluations"])
    takes = [cost for key, cost in rows.items() if key not in (AR, FM, BEST)]
    if any(system.key == BEST for system in systems) and BEST not in rows and takes:
        rows[BEST] = (sum(seconds for seconds, _ in takes), sum(evaluations for _, evaluations in takes))
    return [
        CostRow(key, {"Time a clip": duration(seconds), "Model evaluations a clip": f"{evaluations:,}"})
        for key, (seconds, evaluations) in rows.items()
    ]


def _cost_point(folders: Folders, methods: Sequence[str]) -> str:
    parts = []
    for key in methods:
        told = folders.json(f"generate_{key}", "inpaint.json")
        parts.append(f"{NOUNS[key]} {duration(told['seconds_per_clip'])} ({told['model_evaluations']:,})")
    return f"What a clip costs, with model evaluations: {'; '.join(parts)}." if parts else ""


def _of_supervised(study: Mapping[str, Any]) -> dict[str, Any]:
    """The study as the two models that fill in were trained."""
    task = study["inpainting"]
    return {**study, "training": {**study["training"], "steps": task["steps"], "optimizer": task["optimizer"]}}


def _task_fact(folders: Folders, study: Mapping[str, Any]) -> Fact:
    task = folders.json("spans", "spans.json")
    shares = f"{study['inpainting']['share']:.0%} of the training examples have a span hidden"
    return Fact(
        "Spans",
        f"one of {task['mask_s']:g} s in each clip of {task['duration_s']:g} s, begun anywhere with "
        f"{task['margin_s']:g} s or more of music on both sides, the same for every system; {shares}; "
        f"{_start(folders)}",
    )


def _start(folders: Folders) -> str:
    """What the supervised models began with, by their own configuration."""
    began = {}
    for key in PAIR:
        run = yaml.safe_load((folders.paths[f"inpaint_{key}"] / "config.yaml").read_text(encoding="utf-8"))
        began[key] = "fine-tuned from its model of text alone" if run.get("start") else "trained from scratch"
    if len({*began.values()}) == 1:
        return f"each model {began[PAIR[0]]}"
    return ", ".join(f"{NAMES[key].lower()} {how}" for key, how in began.items())


def _text_model_fact(folders: Folders) -> list[Fact]:
    """The model that the zero-shot methods steer."""
    step = f"train_{PAIR[1]}"
    if step not in folders.paths:
        return []
    result = folders.json(step, "result.json")
    what = f"flow matching, text to music ({count(result['parameters'])} parameters), {result['steps']:,} updates"
    return [Fact("Zero-shot model", f"{what} ({duration(result['wall_s'])}); it has never seen a span hidden")]


def _sampling_facts(study: Mapping[str, Any]) -> list[Fact]:
    parts = []
    for key, own in study["sampling"].items():
        how = (
            f"temperature {own['temperature']:g}, top-k {own['top_k']}, top-p {own['top_p']:g}"
            if key == AR
            else f"{own['solver']}, {own['steps']} steps"
        )
        parts.append(f"{SHORT.get(key, key)}: guidance {own['guidance']:g}, {how}")
    prompts = study["prompts"]
    drawn = f"clip i has seed {prompts['seed']} + i; {prompts['batch_size']} clips a batch"
    return [Fact("Sampling", f"{'; '.join(parts)}. {drawn[:1].upper()}{drawn[1:]}")]


def _ending_fact(folders: Folders) -> list[Fact]:
    """How well auto-regression knows where a span ends; nothing where it was not there, or was not asked."""
    step = f"generate_{AR}"
    sure = folders.json(step, "inpaint.json").get("mean_ending") if step in folders.paths else None
    if sure is None:
        return []
    return [
        Fact("Endings", f"auto-regression finds it {sure:.0%} probable, on average, that a span ends where it has to")
    ]


def _notes(seams: Mapping[str, Any], study: Mapping[str, Any]) -> list[Note]:
    told = "\n".join(f"{info['name']}: {info['description']}." for info in seams["metrics"])
    found = [
        Note(
            "What is held equal",
            "Every method replaces the same spans of the same clips, with the same captions. Outside the span and a "
            "short crossfade every clip is the true music, sample by sample. The two supervised models share segments, "
            "their order, captions, backbone, number of updates and batch size; equal updates are not equal time. "
            f"{trained_times(study)}",
        ),
        Note("How seams are measured", told),
        Note(
            "What seams cannot say",
            "They hear whether a span joins its surroundings, not whether it is good music; a span that repeats what "
            "stands beside it joins well. The ground truth is what true music scores at a place where nothing was cut, "
            "the reconstructions what the codec alone does to it, and the anchors what does not fit at all. The paper "
            "asks listeners instead: counterpoint study stimuli writes what such a test needs.",
        ),
        Note(
            "The best take",
            "Of each clip's zero-shot takes the one whose seams score best is kept, by measurements of the clip alone: "
            "they may be taken where the true music is not known. What has been chosen by its seams looks good at its "
            "seams; only its other scores, and those of the methods by themselves, are evidence.",
        ),
        Note(
            "Loudness",
            "Metrics hear every clip at -20 dBFS (RMS). Here all versions of a clip have one gain, that of its true "
            "music, so that what they share sounds the same in each.",
        ),
    ]
    if seams["notes"]:
        found.append(Note("Remarks on the seams", "\n".join(seams["notes"])))
    return found
