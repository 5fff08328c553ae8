"""Draw how closely the models that ship follow chords, melodies and drum loops, from the figures of their cards.

    python scripts/draw_following.py docs/images/following.svg

The cards are measurements, written by `counterpoint follow MODEL --card`; this script computes nothing.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import matplotlib

from counterpoint.paradigm.entries import AUTOREGRESSIVE, FLOW_MATCHING
from counterpoint.runs.card import Figure, read_card

MODELS = Path(__file__).parents[1] / "src" / "counterpoint" / "models"
PARADIGMS = {"pocket_flow_matching": FLOW_MATCHING, "pocket_autoregressive": AUTOREGRESSIVE}
MEASURES = {
    "follow_chord_segments_viterbi25": "Chords of a chart",
    "follow_notes_basic_pitch": "Notes of a melody",
    "follow_tempo_of_drums_librosa": "Tempo of a drum loop",
}


@dataclass(frozen=True)
class Row:
    """One horizontal line of the picture: a label, a share in percent and, for a model, its 95% interval."""

    label: str
    value: float
    colour: str
    interval: tuple[float, float] | None = None


def main() -> None:
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "counterpoint", "font.size": 11, "axes.spines.top": False})
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(MEASURES), figsize=(11, 2.6), sharex=True, sharey=True)
    for panel, (measure, title) in zip(panels, MEASURES.items(), strict=True):
        _draw(panel, _rows(measure), title=title)
    figure.supxlabel(
        "share of what was asked for that a recogniser finds in the music, with 95% intervals (%)", size=11
    )
    figure.tight_layout()
    figure.savefig(sys.argv[1], metadata={"Date": None})


def _rows(measure: str) -> list[Row]:
    rows = []
    for model, entry in PARADIGMS.items():
        found = _figure(model, measure)
        rows.append(
            Row(entry.label, 100 * found.value, entry.colour, (100 * (found.low or 0), 100 * (found.high or 0)))
        )
    words = _figure("pocket_flow_matching", measure).what
    references = {"Real music": "real music", "Chance": "chance"}
    return rows + [Row(label, 100 * _number(words, name), "#77726a") for label, name in references.items()]


def _figure(model: str, measure: str) -> Figure:
    card = read_card(MODELS / model)
    if card is None:
        raise SystemExit(f"{model} has no card: run `counterpoint follow {model} --card` first.")
    return next(figure for figure in card.figures if figure.measure == measure)


def _number(words: str, name: str) -> float:
    found = re.search(rf"{name} (\d\.\d+)", words)
    if found is None:
        raise SystemExit(f"The card does not give {name}: {words}")
    return float(found[1])


def _draw(panel, rows: list[Row], *, title: str) -> None:
    for place, row in enumerate(reversed(rows)):
        if row.interval:
            panel.hlines(place, *row.interval, color=row.colour, linewidth=3)
        panel.plot(row.value, place, marker="o" if row.interval else "|", color=row.colour, markersize=9)
        panel.annotate(f"{row.value:.0f}", (row.value, place), (0, 9), textcoords="offset points", ha="center", size=9)
    panel.set(title=title, xlim=(0, 104), ylim=(-0.5, len(rows) - 0.2), yticks=range(len(rows)))
    panel.set_yticklabels([row.label for row in reversed(rows)])
    panel.spines[["right", "left"]].set_visible(False)
    panel.tick_params(left=False)
    panel.grid(axis="y", color="#e8e4dc")


if __name__ == "__main__":
    main()
