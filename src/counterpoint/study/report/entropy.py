"""The report of a study of entropies (Figure 9, App. I): how sure a model is of its next token, steered and not.

Shapes: n tracks, T steps.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint.metrics.statistics import holm
from counterpoint.report.numbers import MINUS, count, duration, interval, number
from counterpoint.study.report.assemble import command_of, data_facts
from counterpoint.study.report.charts import LOSS_WIDTH, Axis, grid_of, svg
from counterpoint.study.report.content import (
    Band,
    Difference,
    EntropyContent,
    Example,
    Fact,
    Metric,
    Note,
    Score,
    System,
    Verdict,
)
from counterpoint.study.report.following import listed
from counterpoint.study.report.machine import machine_facts
from counterpoint.study.report.page import write_page, write_players
from counterpoint.study.report.read import Folders
from counterpoint.study.report.tables import differences_csv, differences_table, scores_csv, scores_table, to_csv
from counterpoint.study.report.verdict import LEVEL
from counterpoint.study.windows import spread

EARLY_STEPS = 50
"""The paper's border: "conditioning lowers entropy in the first ~50 steps ... but raises it later"."""
SMOOTHED = 5
"""Steps of the running mean that is drawn; nothing is smoothed in what is tested."""
EARLY, LATE = "entropy_early", "entropy_late"
SYSTEM = "autoregressive_{}"
NAMES = {"all": "all controls", "null": "nothing given", "text": "text model"}
PAIRS = (("all", "text"), ("all", "null"))
CLAIM = (
    "Conditioning lowers entropy in the first ~50 steps, indicating confident early predictions, but raises it later, "
    "suggesting increased sensitivity to low-probability paths."
)
SOURCE = "Tal, Kreuk, Adi (2025), Appendix I, Figure 9: 50 Hz, 100 prompts, models of 400M parameters."


def write_entropy_report(
    content: EntropyContent, out: Path, *, progress: Callable[[int, int], None] | None = None
) -> Path:
    """Write the report into `out`; returns its `index.html`."""
    from markupsafe import Markup

    players = write_players(content, out, wanted=lambda number, key: True, progress=progress)
    return write_page(
        content,
        out,
        template="entropy.html",
        tables={"differences": differences_table(content), "scores": scores_table(content, content.metrics)},
        csv={
            "differences": differences_csv(content),
            "scores": scores_csv(content),
            "curves": _curves_csv(content.curves),
        },
        players=[
            [players[row, key] for key in content.example_systems if (row, key) in players]
            for row in range(len(content.examples))
        ],
        entropies=Markup(band_chart(content.curves, early=content.early, what="entropy, nats")),
        apart=Markup(band_chart(content.apart, early=content.early, what="difference, nats", with_zero=True)),
    )


def assemble_entropy(
    folders: Folders, *, name: str, study: Mapping[str, Any], study_yaml: str, own_data: bool
) -> EntropyContent:
    """Everything the report says; see `assemble_controls`."""
    found = folders.json("entropy", "entropy.json")
    prompts = folders.json("prompts", "prompts.json")
    rows = [window["row"] for window in prompts["windows"]]
    curves = {key: by_track(np.array(found["curves"][key]), rows) for key in NAMES if key in found["curves"]}
    early = min(EARLY_STEPS, next(iter(curves.values())).shape[1])
    windows = {EARLY: slice(0, early), LATE: slice(early, None)}
    differences = paired(curves, windows)
    border = f"{early} steps, {early / found['frame_rate']:g} s"
    return EntropyContent(
        name=name,
        made=time.strftime("%-d %B %Y"),
        verdict=_verdict(differences, border=border),
        headline_facts=_headline(folders, study, prompts, curves),
        systems=[System(SYSTEM.format(key), f"Auto-regressive, {NAMES[key]}", NAMES[key], WHAT[key]) for key in curves],
        metrics=[
            Metric(EARLY, "neither", f"Mean entropy of the first {border}.", "nats"),
            Metric(LATE, "neither", "Mean entropy of all later steps.", "nats"),
        ],
        scores={
            metric: {SYSTEM.format(key): mean_score(curve[:, part].mean(axis=1)) for key, curve in curves.items()}
            for metric, part in windows.items()
            if next(iter(curves.values()))[:, part].size
        },
        differences=differences,
        frame_rate=found["frame_rate"],
        early=early,
        curves=[band(curve, SYSTEM.format(key), NAMES[key]) for key, curve in curves.items()],
        apart=[
            band(curves[first] - curves[second], SYSTEM.format(second), f"{MINUS} {NAMES[second]}")
            for first, second in PAIRS
            if {first, second} <= curves.keys()
        ],
        source=SOURCE,
        claim=CLAIM,
        examples=_examples(folders, prompts, systems=list(curves), wanted=study["examples"]),
        example_systems=[SYSTEM.format(key) for key in curves],
        facts=[*data_facts(folders, prompts), *_facts(folders, study), *machine_facts()],
        notes=_notes(tracks=len(set(rows)), prompts=len(rows), own_data=own_data),
        command=command_of(own_data=own_data),
        files={"study.yaml": study_yaml},
    )


WHAT = {
    "all": "The model with controls, given what the prompt's own music plays.",
    "null": "The same model, none of them given.",
    "text": "A model of the same kind that knows no controls.",
}


def by_track(curves: np.ndarray, rows: Sequence[str]) -> np.ndarray:
    """[n, T] from one curve a prompt: prompts of one track are alike and count once, by their mean."""
    places = {row: [index for index, other in enumerate(rows) if other == row] for row in dict.fromkeys(rows)}
    return np.stack([curves[chosen].mean(axis=0) for chosen in places.values()])


def mean_score(values: np.ndarray) -> Score:
    """The mean of [n] with its 95% interval (Student's t)."""
    reach = _reach(values[:, None])[0]
    mean = float(values.mean())
    return Score(mean, mean - reach, mean + reach, len(values))


def _reach(values: np.ndarray) -> np.ndarray:
    """[T] half widths of the 95% intervals of the mean of [n, T]."""
    from scipy.stats import t

    n = len(values)
    if n < 2:
        return np.full(values.shape[1], np.nan)
    return t.ppf(0.975, n - 1) * values.std(axis=0, ddof=1) / math.sqrt(n)


def paired(curves: Mapping[str, np.ndarray], windows: Mapping[str, slice]) -> list[Difference]:
    """Of each pair and window, track by track, with p-values of the paired t-test after Holm's correction."""
    from scipy.stats import ttest_rel

    found: dict[str, tuple[str, str, str, Score]] = {}
    p_values: dict[str, float] = {}
    for first, second in PAIRS:
        for metric, part in windows.items():
            if {first, second} <= curves.keys() and curves[first][:, part].size:
                one, other = (curves[key][:, part].mean(axis=1) for key in (first, second))
                name = f"{metric} {first} {second}"
                found[name] = metric, SYSTEM.format(first), SYSTEM.format(second), mean_score(one - other)
                p_values[name] = float(np.asarray(ttest_rel(one, other))[1])
    adjusted = holm(p_values)
    return [
        Difference(metric, first, second, score.value, score.low, score.high, p_values[name], adjusted[name], score.n)
        for name, (metric, first, second, score) in found.items()
    ]


def band(curves: np.ndarray, system: str, name: str) -> Band:
    """Of [n, T], each curve smoothed first."""
    smoothed = smooth(curves)
    mean, reach = smoothed.mean(axis=0), _reach(smoothed)
    return Band(system, name, mean.tolist(), (mean - reach).tolist(), (mean + reach).tolist())


def smooth(curves: np.ndarray) -> np.ndarray:
    """[n, T] running means over `SMOOTHED` steps, over fewer at the ends."""
    kernel = np.ones(min(SMOOTHED, curves.shape[1]))
    counts = np.convolve(np.ones(curves.shape[1]), kernel, mode="same")
    return np.stack([np.convolve(curve, kernel, mode="same") for curve in curves]) / counts


def _verdict(differences: Sequence[Difference], *, border: str) -> Verdict:
    of = {(item.second, item.metric): item for item in differences}
    against = {second: SYSTEM.format(second) for _, second in PAIRS}
    early, late = (of.get((against["text"], metric)) for metric in (EARLY, LATE))
    sentence = f"Against the model of text alone, controls {_phrase(early)} the entropy of the first {border}"
    sentence += f", and {_phrase(late)} that of later steps." if late else "; the clips end there."
    points = [
        f"All controls minus {NAMES[second]}: "
        + "; ".join(
            f"{words} {interval(item.value, item.low, item.high)} nats"
            for metric, words in ((EARLY, "early"), (LATE, "late"))
            if (item := of.get((key, metric)))
        )
        + "."
        for second, key in against.items()
    ]
    return Verdict(sentence, [*points, _beside_paper(early, late)])


def is_clear(item: Difference | None) -> bool:
    """The interval leaves zero out, and the corrected p-value is below 5%."""
    return item is not None and (item.low > 0 or item.high < 0) and item.p_holm < LEVEL


def _phrase(item: Difference | None) -> str:
    if item is None or not is_clear(item):
        return "have not been shown to change"
    size = interval(abs(item.value), *sorted((abs(item.low), abs(item.high))))
    return f"{'lower' if item.value < 0 else 'raise'} by {size} nats"


def _beside_paper(early: Difference | None, late: Difference | None) -> str:
    def outcome(item: Difference | None, *, lower: bool) -> str:
        if item is None:
            return "cannot be looked at"
        if not is_clear(item):
            return "is neither confirmed nor refuted"
        return "is found here, too" if (item.value < 0) == lower else "is not found here: it is the other way round"

    return (
        f"The paper finds entropy lowered early, which {outcome(early, lower=True)}, and raised later, which "
        f"{outcome(late, lower=False)}."
    )


def band_chart(bands: Sequence[Band], *, early: int, what: str, with_zero: bool = False) -> str:
    """Means with their intervals over steps, the border of the early ones as a dashed line."""
    height, bottom, left = 300, 256, 44
    values = [value for item in bands for side in (item.low, item.high, item.mean) for value in side]
    values = [value for value in values if math.isfinite(value)] + ([0.0] if with_zero else [])
    if not values:
        return ""
    low, high = min(values), max(values)
    margin = (high - low or 1.0) * 0.08
    steps = max(len(item.mean) for item in bands)
    across, up = Axis(0, steps, left, LOSS_WIDTH - 14), Axis(low - margin, high + margin, bottom, 10)
    parts = [grid_of(across, up, left=left, bottom=bottom)]
    x = across(early)
    parts.append(f'<line class="chance" x1="{x:.1f}" x2="{x:.1f}" y1="10" y2="{bottom}"/>')
    if with_zero:
        parts.append(f'<line class="zero" x1="{left}" x2="{LOSS_WIDTH - 14}" y1="{up(0):.1f}" y2="{up(0):.1f}"/>')
    parts += [_band(item, across, up) for item in bands]
    parts.append(f'<text class="tick" x="{LOSS_WIDTH - 14}" y="{height - 4}" text-anchor="end">step</text>')
    label = f"{what}: " + "; ".join(
        f"{item.name} {number(float(np.mean(item.mean[:early])))} in the first {early} steps"
        + (f", {number(float(np.mean(item.mean[early:])))} after" if item.mean[early:] else "")
        for item in bands
    )
    return svg(height, parts, label=label, width=LOSS_WIDTH)


def _band(item: Band, across: Axis, up: Axis) -> str:
    def places(values: Sequence[float]) -> list[str]:
        return [
            f"{across(step + 0.5):.1f},{up(value):.1f}" for step, value in enumerate(values) if math.isfinite(value)
        ]

    outline = " ".join([*places(item.high), *reversed(places(item.low))])
    return (
        f'<g class="curve s-{item.system}"><polygon class="spread" points="{outline}"/>'
        f'<polyline class="strong" points="{" ".join(places(item.mean))}"/></g>'
    )


def _curves_csv(curves: Sequence[Band]) -> str:
    rows = [
        [item.system, step, mean, low, high]
        for item in curves
        for step, (mean, low, high) in enumerate(zip(item.mean, item.low, item.high, strict=True))
    ]
    return to_csv([["system", "step", "mean", "low_95", "high_95"], *rows])


def _headline(
    folders: Folders, study: Mapping[str, Any], prompts: Mapping[str, Any], curves: Mapping[str, np.ndarray]
) -> list[Fact]:
    training = study["training"]
    spent = sum(folders.record(step).get("seconds", 0.0) for step in folders.paths)
    return [
        Fact("Controls", listed(study["training"]["controls"])),
        Fact("Budget of each", f"{training['steps']:,} updates × {training['batch_size']} clips"),
        Fact("Prompts", f"{len(prompts['windows'])} of {prompts['duration_s']:g} s, held out"),
        Fact("Steps", f"{next(iter(curves.values())).shape[1]}"),
        Fact("Time, everything", duration(spent)),
    ]


def _facts(folders: Folders, study: Mapping[str, Any]) -> list[Fact]:
    sampling = study["sampling"]["autoregressive"]
    sizes = [
        count(folders.json(step, "result.json")["parameters"])
        for step in ("train_autoregressive_controlled", "train_autoregressive")
    ]
    return [
        Fact("Models", f"auto-regressive, {sizes[0]} parameters with controls and {sizes[1]} without, trained alike"),
        Fact(
            "Sampling",
            f"guidance {sampling['guidance']:g}, temperature {sampling['temperature']:g}, top-k {sampling['top_k']}, "
            f"top-p {sampling['top_p']:g}; clip i has seed {study['prompts']['seed']} + i",
        ),
    ]


def _examples(folders: Folders, prompts: Mapping[str, Any], *, systems: Sequence[str], wanted: int) -> list[Example]:
    keys = [SYSTEM.format(system) for system in systems]
    return [
        Example(
            window["id"],
            window["caption"],
            {key: folders.paths[f"generate_{key}"] / f"{window['id']}.wav" for key in keys},
        )
        for window in spread(prompts["windows"], wanted)
    ]


def _notes(*, tracks: int, prompts: int, own_data: bool) -> list[Note]:
    where = "the user's own music" if own_data else "an embedded, synthetic corpus"
    return [
        Note(
            "What is measured",
            "At every step the entropy, in nats, of the distribution that the code of the first codebook is drawn "
            "from: guided, at the sampling temperature, before top-k and top-p. A model draws its own past, so two "
            "curves differ by what has been drawn, too, and not by the controls alone.",
        ),
        Note(
            "Intervals and tests",
            f"Means over {tracks} tracks ({prompts} prompts; those of one track are averaged first), with 95% "
            "intervals of Student's t. Differences are paired by prompt; p-values, of the paired t-test, are corrected "
            f"after Holm for their number. Curves and bands are drawn as running means over {SMOOTHED} steps; tests "
            "are of the raw entropies, averaged over the steps before and after the border.",
        ),
        Note(
            "How far this goes",
            f"Small models on {where}. The paper's border of about 50 steps is 1 s at its 50 Hz; here it is the same "
            "number of steps, whatever they last.",
        ),
    ]
