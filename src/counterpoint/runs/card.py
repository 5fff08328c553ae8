"""The machine-readable card of a model or codec: FOLDER/card.json, beside the README.md for people.

{
  "licence": "Apache-2.0",
  "recipe": how it was made: commands, updates, data,
  "figures": [{"measure": its exact name, "value", "low", "high": 95% interval, "n": clips, "what": one sentence}, ...]
}

`low`, `high` and `n` are null if unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from counterpoint.config.errors import UserError
from counterpoint.config.files import read_json, write_json
from counterpoint.config.locks import sole_writer, warn_waiting
from counterpoint.runs.layout import CARD_FILE


@dataclass(frozen=True)
class Figure:
    """One measurement.

    Attributes:
        measure: its exact name.
        low, high: 95% interval.
        n: number of clips.
        what: one sentence: the clips, and the value of chance or real music.
    """

    measure: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    what: str = ""

    def text(self) -> str:
        """A text such as `chords 0.52 [0.47, 0.57]`."""
        interval = "" if self.low is None or self.high is None else f" [{self.low:.2f}, {self.high:.2f}]"
        return f"{self.measure} {self.value:.2f}{interval}"


@dataclass(frozen=True)
class Card:
    """Known facts about a model or codec.

    Attributes:
        licence: an SPDX name; "" if it is not stated.
        recipe: how it was made.
        figures: measurements; empty if it was not measured.
    """

    licence: str = ""
    recipe: str = ""
    figures: tuple[Figure, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """JSON-serializable values for `write_json`."""
        return asdict(self)


def read_card(folder: Path) -> Card | None:
    """The card of a folder; None without one.

    Raises:
        UserError: the card is malformed.
    """
    path = folder / CARD_FILE
    if not path.is_file():
        return None
    value = read_json(path)
    try:
        return Card(
            licence=_text(value.get("licence", "")),
            recipe=_text(value.get("recipe", "")),
            figures=tuple(_figure(each) for each in value.get("figures", ())),
        )
    except (AttributeError, KeyError, TypeError):
        raise UserError(
            f"{path} is not a valid card; it needs licence, recipe and figures (measure, value, low, high, n, what)."
        ) from None


def add_figures(folder: Path, figures: Sequence[Figure]) -> Card:
    """Add figures to a folder's card, before the others, replacing those of the same measures; keep the rest.

    Raises:
        UserError: there is a malformed card.
        OSError: the folder cannot be written.
    """
    with sole_writer(folder / CARD_FILE, on_wait=warn_waiting):
        return _add_figures(folder, figures)


def _add_figures(folder: Path, figures: Sequence[Figure]) -> Card:
    card = read_card(folder) or Card()
    new = {figure.measure for figure in figures}
    kept = tuple(figure for figure in card.figures if figure.measure not in new)
    changed = Card(card.licence, card.recipe, (*figures, *kept))
    write_json(folder / CARD_FILE, changed.to_json())
    return changed


def _figure(value: Any) -> Figure:
    count = value.get("n")
    if not isinstance(count, int | None):
        raise TypeError
    return Figure(
        measure=_text(value["measure"]),
        value=_number(value["value"]),
        low=None if value.get("low") is None else _number(value["low"]),
        high=None if value.get("high") is None else _number(value["high"]),
        n=count,
        what=_text(value.get("what", "")),
    )


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
