"""The report of a study of controls: the folders of its steps to a page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from counterpoint.report.numbers import MINUS, count, duration, interval
from counterpoint.study.paper import SteeredRow, paper_controls
from counterpoint.study.report.assemble import (
    CODES,
    LATENTS,
    PAIR,
    budget_of,
    command_of,
    data_facts,
    loss_curve_of,
    model_facts,
    sampling_facts,
)
from counterpoint.study.report.charts import dots_and_whiskers, loss_curve
from counterpoint.study.report.content import (
    Cell,
    CellRow,
    CellTable,
    ControlsContent,
    Example,
    Fact,
    Note,
    Score,
    System,
    Verdict,
)
from counterpoint.study.report.following import (
    ANOTHER,
    FOLLOWED,
    NAMES,
    SHORT,
    TRUTH,
    Findings,
    heard_in,
    listed,
    measures,
    read_following,
)
from counterpoint.study.report.machine import machine_facts
from counterpoint.study.report.notes import notes
from counterpoint.study.report.page import write_page, write_players
from counterpoint.study.report.read import Folders, read_difference, read_metrics, read_scores
from counterpoint.study.report.tables import cells_table, differences_csv, differences_table, scores_csv, scores_table
from counterpoint.study.report.verdict import judge
from counterpoint.study.windows import spread

AR, FM = PAIR
FIDELITY = ("fad_musicnn", "tag_match_musicnn")
"""What stands in for the paper's FAD and CLAP."""


def write_controls_report(
    content: ControlsContent, out: Path, *, progress: Callable[[int, int], None] | None = None
) -> Path:
    """Write the report into `out`; returns its `index.html`."""
    from markupsafe import Markup

    players = write_players(content, out, wanted=lambda number, key: True, progress=progress)
    adherence = [content.metric(key) for key in content.adherence]
    others = [metric for metric in content.judges if metric.key not in content.adherence]

    def picture(key: str) -> str:
        systems = [content.system(name) for name in content.shown[key]]
        return Markup(dots_and_whiskers(content.metric(key), dict(content.scores[key]), systems))

    return write_page(
        content,
        out,
        template="controls.html",
        tables={
            "table3": cells_table(content.table),
            **{f"comparison{index}": cells_table(table) for index, table in enumerate(content.comparisons, 1)},
            "adherence": scores_table(content, adherence),
            "scores": scores_table(content, others),
            "differences": differences_table(content),
        },
        csv={"scores": scores_csv(content), "differences": differences_csv(content)},
        players=[
            [players[number, key] for key in content.example_systems if (number, key) in players]
            for number in range(len(content.examples))
        ],
        adherence=adherence,
        others=others,
        picture=picture,
        losses=lambda curve: Markup(loss_curve(curve, name=curve.name)),
    )


def assemble_controls(
    folders: Folders, *, name: str, study: Mapping[str, Any], study_yaml: str, own_data: bool
) -> ControlsContent:
    """Everything the report says.

    Args:
        study: the configuration, plain.
        study_yaml: the same, as a file that `study run` takes.
        own_data: the music is the user's.
    """
    evaluation, adherence = folders.json("evaluate", "evaluation.json"), folders.json("adhere", "evaluation.json")
    following = read_following(adherence)
    scores = {**following, **read_scores(evaluation)}
    metrics = [*read_metrics(adherence, following), *read_metrics(evaluation, scores)]
    differences = [read_difference(item) for item in (*adherence["differences"], *evaluation["differences"])]
    prompts = folders.json("prompts", "prompts.json")
    given = tuple(study["training"]["controls"])
    judged, paper_way = (
        {control: key for control, key in measures(following, exact=exact).items() if control in given}
        for exact in (True, False)
    )
    found = Findings(metrics={metric.key: metric for metric in metrics}, scores=scores, differences=differences)
    fidelity = [key for key in FIDELITY if key in scores]
    paper = paper_controls()
    return ControlsContent(
        name=name,
        made=time.strftime("%-d %B %Y"),
        verdict=_verdict(found, judged, fidelity, given=given),
        headline_facts=_headline(folders, study, prompts),
        systems=[system for system in _systems(given) if any(system.key in of_metric for of_metric in scores.values())],
        metrics=metrics,
        scores=scores,
        differences=differences,
        table=_table(found, paper_way, fidelity, given=given),
        comparisons=_comparisons(found, judged, fidelity, given=given),
        adherence=[*judged.values(), *(key for key in following if key not in judged.values())],
        shown=_shown(scores, judged, paper_way, fidelity, given=given),
        costs=fidelity,
        curves=[
            loss_curve_of(folders.paths[f"train_{key}{kind}"] / "metrics.jsonl", key, name=f"{NAMES[key]}, {what}")
            for kind, what in (("_controlled", "with controls"), ("", "text alone"))
            for key in PAIR
        ],
        examples=_examples(folders, prompts, given=given, wanted=study["examples"]),
        example_systems=_example_systems(),
        source=f"{paper.source}: {paper.where}. {paper.about}",
        claims=paper.claims,
        facts=[
            *data_facts(folders, prompts),
            *model_facts(folders, study),
            _controls_fact(folders, study),
            *sampling_facts(study),
            *machine_facts(),
        ],
        notes=[
            *_notes(adherence, exact=any(key.endswith("_exact") for key in judged.values())),
            *notes(evaluation, prompts=prompts, study=study, budget=budget_of(folders), own_data=own_data),
        ],
        command=command_of(own_data=own_data),
        files={"study.yaml": study_yaml},
    )


def _verdict(found: Findings, judged: Mapping[str, str], fidelity: Sequence[str], *, given: Sequence[str]) -> Verdict:
    sentence = f"Given {listed(given)}, {_who_follows(found, judged)}. {_more_faithful(found, judged)}"
    points = [
        *(found.against(judged, f"{paradigm}_all", f"{paradigm}_null", name=NAMES[paradigm]) for paradigm in PAIR),
        _across(found, judged),
        *(_cost(found, fidelity, paradigm) for paradigm in PAIR),
        _frame(found, judged),
    ]
    return Verdict(sentence, [point for point in points if point])


def _who_follows(found: Findings, judged: Mapping[str, str]) -> str:
    """What each paradigm follows: it is better given all than its own model given nothing."""
    followed = {
        paradigm: [
            FOLLOWED[control]
            for control, key in judged.items()
            if found.better(key, f"{paradigm}_all", f"{paradigm}_null") == "first"
        ]
        for paradigm in PAIR
    }
    if not any(followed.values()):
        return "neither paradigm has been shown to follow any of them"
    if followed[AR] == followed[FM]:
        return _follows("both paradigms", "follow", "have", followed[AR], judged)
    return "; ".join(
        _follows(NAMES[paradigm].lower(), "follows", "has", names, judged) for paradigm, names in followed.items()
    )


def _follows(subject: str, follow: str, have: str, names: Sequence[str], judged: Mapping[str, str]) -> str:
    others = [FOLLOWED[control] for control in judged if FOLLOWED[control] not in names]
    if not names:
        return f"{subject} {have} not been shown to follow any of them"
    return f"{subject} {follow} {listed(names)}" + (
        f" but {have} not been shown to follow {listed(others)}" if others else ""
    )


def _more_faithful(found: Findings, judged: Mapping[str, str]) -> str:
    sides: dict[str, list[str]] = {"first": [], "second": [], "open": []}
    for control, key in judged.items():
        outcome = found.better(key, f"{AR}_all", f"{FM}_all")
        if outcome:
            sides[outcome].append(FOLLOWED[control])
    parts = [
        f"{NAMES[paradigm].lower()} is the more faithful in {listed(sides[side])}"
        for side, paradigm in (("first", AR), ("second", FM))
        if sides[side]
    ]
    if sides["open"]:
        parts.append(f"in {listed(sides['open'])} no difference between the two could be shown")
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _across(found: Findings, judged: Mapping[str, str]) -> str:
    items = [(FOLLOWED[control], found.difference(key, f"{AR}_all", f"{FM}_all")) for control, key in judged.items()]
    parts = [f"{name} {interval(d.value, d.low, d.high)}" for name, d in items if d]
    return f"Auto-regressive minus flow matching, both given all: {'; '.join(parts)}." if parts else ""


def _cost(found: Findings, fidelity: Sequence[str], paradigm: str) -> str:
    """All against the model of text alone."""
    parts = []
    for key in fidelity:
        item = found.difference(key, f"{paradigm}_all", f"{paradigm}_text")
        if item:
            outcome = judge(item, found.metrics[key])
            words = {"first": "better", "second": "worse", "open": "no difference shown"}[outcome]
            parts.append(f"{key} {interval(item.value, item.low, item.high)} ({words})")
    if not parts:
        return ""
    return f"What control costs, {NAMES[paradigm].lower()} given all minus its model of text alone: {'; '.join(parts)}."


def _frame(found: Findings, judged: Mapping[str, str]) -> str:
    """What these numbers are, with ceiling and chance."""
    parts = [
        f"{FOLLOWED[control]} by {key} (another prompt's music {found.span(key, ANOTHER)}"
        + (f", the true music {found.span(key, TRUTH)})" if found.score(key, TRUTH) else ")")
        for control, key in judged.items()
    ]
    return f"Judged are {'; '.join(parts)}." if parts else ""


def _systems(given: Sequence[str]) -> list[System]:
    return [
        System(TRUTH, "Ground truth", "Ground truth", "The prompts' own music: what the extractors hear in it."),
        System(LATENTS, "Codec, continuous", "Codec, continuous", "The ground truth through the codec, not quantised."),
        System(CODES, "Codec, quantised", "Codec, quantised", "The ground truth through the codec and its quantiser."),
        *(system for paradigm in PAIR for system in _of_paradigm(paradigm, given)),
        System(
            ANOTHER, "Another clip", "Another clip", "The ground truth of another prompt: what following no one is."
        ),
    ]


def _of_paradigm(paradigm: str, given: Sequence[str]) -> list[System]:
    name, short = NAMES[paradigm], SHORT[paradigm]
    steered = "The model with controls"
    return [
        System(f"{paradigm}_all", f"{name}, all", f"{short}, all", f"{steered}, given {listed(given)}."),
        *(
            System(f"{paradigm}_{control}", f"{name}, {control}", f"{short}, {control}", f"{steered}, {control} alone.")
            for control in given
        ),
        System(f"{paradigm}_null", f"{name}, nothing", f"{short}, nothing", f"{steered}, none of them given."),
        System(f"{paradigm}_text", f"{name}, text model", f"{short}, text model", "A model that knows no controls."),
    ]


def _table(found: Findings, judged: Mapping[str, str], fidelity: Sequence[str], *, given: Sequence[str]) -> CellTable:
    """The paper's rows, with ours above each, and two of ours below."""
    paper = paper_controls()
    rows = []
    for row in paper.rows:
        label = f"{SHORT[row.paradigm]}, {'all' if row.given == 'all' else 'one alone'}"
        rows.append(CellRow(label, f"{row.paradigm}_all", _our_cells(found, judged, fidelity, row, given=given)))
        rows.append(CellRow(f"{label}, the paper", "", _paper_cells(row, judged, fidelity), is_ours=False))
    for kind, what in (("null", "nothing"), ("text", "text model")):
        for paradigm in PAIR:
            keys = [*fidelity, *judged.values()]
            cells = [found.cells([(key, f"{paradigm}_{kind}", "")]) for key in keys]
            rows.append(CellRow(f"{SHORT[paradigm]}, {what}", f"{paradigm}_{kind}", cells))
    names = {"chords": "Chords IOU", "drums": "Beat F1", "melody": "Melody Sim."}
    columns = [
        *((found.metrics[key], title) for key, title in zip(FIDELITY, ("FAD", "Clap"), strict=True) if key in fidelity),
        *((found.metrics[key], names[control]) for control, key in judged.items()),
    ]
    lead = (
        "Ours with 95% intervals, in the layout of the paper's Table 3. One alone: fidelity of chords, drums and "
        "melody alone, and of each its own adherence. Adherence is to what is heard in the prompt's own music, as in "
        "the paper."
    )
    return CellTable("Adherence and fidelity", lead, columns, rows)


def _our_cells(
    found: Findings, judged: Mapping[str, str], fidelity: Sequence[str], row: SteeredRow, *, given: Sequence[str]
) -> list[Sequence[Cell]]:
    if row.given == "all":
        return [found.cells([(key, f"{row.paradigm}_all", "")]) for key in (*fidelity, *judged.values())]
    order = [control for control in ("chords", "drums", "melody") if control in given]
    return [
        *(found.cells([(key, f"{row.paradigm}_{control}", control) for control in order]) for key in fidelity),
        *(found.cells([(key, f"{row.paradigm}_{control}", "")]) for control, key in judged.items()),
    ]


def _paper_cells(row: SteeredRow, judged: Mapping[str, str], fidelity: Sequence[str]) -> list[Sequence[Cell]]:
    what = ("",) if row.given == "all" else ("chords", "drums", "melody")
    own = {"fad_musicnn": row.fad, "tag_match_musicnn": row.clap}
    following = {"chords": row.chords, "drums": row.beats, "melody": row.melody}
    return [
        *([Cell(f"{value:.2f}", what=name) for value, name in zip(own[key], what, strict=True)] for key in fidelity),
        *([Cell(f"{following[control]:.2f}")] for control in judged),
    ]


def _comparisons(
    found: Findings, judged: Mapping[str, str], fidelity: Sequence[str], *, given: Sequence[str]
) -> list[CellTable]:
    modes = ("all", *given)
    named = {"all": "all", "null": "nothing", "text": "text model"}

    def row(first: str, second: str, mode: str, keys: Iterable[str], *, mark: str) -> CellRow:
        cells = [_tested(found, key, first, second) for key in keys]
        return CellRow(mode, mark, cells)

    own = [
        row(
            f"{paradigm}_{mode}",
            f"{paradigm}_null",
            f"{SHORT[paradigm]}, {named.get(mode, mode)}",
            judged.values(),
            mark=f"{paradigm}_{mode}",
        )
        for paradigm in PAIR
        for mode in modes
    ]
    across = [
        row(f"{AR}_{mode}", f"{FM}_{mode}", f"{named.get(mode, mode)} given", judged.values(), mark="")
        for mode in modes
    ]
    cost = [
        row(
            f"{paradigm}_{mode}",
            f"{paradigm}_text",
            f"{SHORT[paradigm]}, {named.get(mode, mode)}",
            fidelity,
            mark=f"{paradigm}_{mode}",
        )
        for paradigm in PAIR
        for mode in (*modes, "null")
    ]
    columns = [(found.metrics[key], FOLLOWED[control]) for control, key in judged.items()]
    return [
        CellTable(
            "Does it follow?",
            f"Given controls {MINUS} given nothing, by the same model on the same prompts. Above zero: it follows.",
            columns,
            own,
        ),
        CellTable(
            "Which follows more faithfully?",
            f"Auto-regressive {MINUS} flow matching, given the same. Above zero: auto-regressive does.",
            columns,
            across,
        ),
        CellTable(
            "What does control cost?",
            f"The model with controls {MINUS} the model of text alone, of the same paradigm.",
            [(found.metrics[key], "") for key in fidelity],
            cost,
        ),
    ]


def _tested(found: Findings, metric: str, first: str, second: str) -> list[Cell]:
    item = found.difference(metric, first, second)
    if item is None:
        return []
    value, span = interval(item.value, item.low, item.high).split(" ", 1)
    return [Cell(value, span, is_clear=judge(item, found.metrics[metric]) != "open")]


def _shown(
    scores: Mapping[str, Mapping[str, Score]],
    *judged: Mapping[str, str] | Sequence[str],
    given: Sequence[str],
) -> dict[str, list[str]]:
    """Systems of each chart: of a control, the ceiling, those that are given it, those that are not, and chance."""
    *of_controls, fidelity = judged
    found: dict[str, list[str]] = {}
    for measures_of in of_controls:
        assert isinstance(measures_of, Mapping)
        for control, key in measures_of.items():
            modes = ("all", control, "null", "text")
            own = [f"{paradigm}_{mode}" for paradigm in PAIR for mode in modes]
            found[key] = [name for name in (TRUTH, CODES, *own, ANOTHER) if name in scores[key]]
    for key in fidelity:
        own = [f"{paradigm}_{mode}" for paradigm in PAIR for mode in ("text", "null", "all", *given)]
        found[key] = [name for name in (TRUTH, *own) if name in scores[key]]
    return found


def _example_systems() -> list[str]:
    return [TRUTH, f"{AR}_all", f"{FM}_all", f"{AR}_null", f"{FM}_null"]


def _examples(folders: Folders, prompts: Mapping[str, Any], *, given: Sequence[str], wanted: int) -> list[Example]:
    """Evenly spread over the prompts, not chosen by ear."""
    places = {TRUTH: folders.paths["prompts"] / "truth"}
    places |= {key: folders.paths[f"generate_{key}"] for key in _example_systems()[1:]}
    return [
        Example(
            window["id"],
            window["caption"],
            {key: place / f"{window['id']}.wav" for key, place in places.items()},
            **heard_in(folders, window["id"], systems=places),
            asked={f"{paradigm}_{kind}": names for paradigm in PAIR for kind, names in (("all", given), ("null", ()))},
        )
        for window in spread(prompts["windows"], wanted)
    ]


def _headline(folders: Folders, study: Mapping[str, Any], prompts: Mapping[str, Any]) -> list[Fact]:
    training = study["training"]
    results = {key: folders.json(f"train_{key}_controlled", "result.json") for key in PAIR}
    spent = sum(folders.record(step).get("seconds", 0.0) for step in folders.paths)
    return [
        Fact("Controls", listed(study["training"]["controls"])),
        Fact("Budget of each", f"{training['steps']:,} updates × {training['batch_size']} clips"),
        Fact("Parameters, AR / FM", " / ".join(count(result["parameters"]) for result in results.values())),
        Fact("Prompts", f"{len(prompts['windows'])} of {prompts['duration_s']:g} s, held out"),
        Fact("Time, everything", duration(spent)),
    ]


def _controls_fact(folders: Folders, study: Mapping[str, Any]) -> Fact:
    run = yaml.safe_load((folders.paths[f"train_{AR}_controlled"] / "config.yaml").read_text(encoding="utf-8"))
    tracks = run["data"].get("tracks", {})
    taught = listed([tracks.get(name, name) for name in study["training"]["controls"]])
    return Fact(
        "Controls",
        f"{taught}, at the latents' frame rate; each embedded in {study['controls']['width']} channels, hidden from a "
        f"sample with probability {study['controls']['dropout']:g}",
    )


def _notes(adherence: Mapping[str, Any], *, exact: bool) -> list[Note]:
    told = "\n".join(f"{info['name']}: {info['description']}." for info in adherence["metrics"])
    truth = (
        "Where the music is composed, chords, melody and beats are known, and a name that ends in _exact says that a "
        "score is against those. The ground truth row of such a score is the ceiling of its extractor: no clip can be "
        "expected to be heard better than the true music is. "
        if exact
        else ""
    )
    found = [
        Note("How following is measured", told),
        Note(
            "Exact and heard targets",
            f"{truth}Other scores are against what the same extractor hears in the prompt's own music, as in the "
            "paper; its errors count on both sides. Another clip is the music of another prompt held against this "
            "one's target: what following nothing scores, which is above zero, since music shares beats and keys.",
        ),
        Note(
            "What was given",
            "Every prompt is a caption and what its own music plays. All: every control. One alone: the others are not "
            "given, in the paper's words set to the null token. Nothing: the same model without any. Text model: "
            "another model, which has never had controls; it is what the cost of control is measured against.",
        ),
        Note(
            "Not the paper's extractors",
            "The paper hears chords with Chordino and downbeats with a trained network. Here each metric's name says "
            "what has heard it. An intersection over union of two labellings of T frames that agree in m of them is "
            "m / (2 T - m); the paper does not define its own, and nothing certifies that the two are the same.",
        ),
    ]
    if adherence["notes"]:
        found.append(Note("Remarks on adherence", "\n".join(adherence["notes"])))
    return found
