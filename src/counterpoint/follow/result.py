"""What came of asking: shares with intervals beside chance and real music; as JSON, a table, figures of a card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from counterpoint.metrics.base import WeightedMean
from counterpoint.metrics.statistics import MIN_CLIPS, half_samples, interval, value_of
from counterpoint.runs import Figure

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Share:
    """A mean over clips of the share of each that is right.

    Attributes:
        value: in [0, 1].
        low, high: 95% interval over clips; None of fewer than eight.
        n: clips.
    """

    value: float
    low: float | None
    high: float | None
    n: int

    @classmethod
    def of(cls, values: np.ndarray, *, seed: int = 0) -> Share | None:
        """Of one value a clip; NaN where a clip has none. None where no clip has any."""
        known = values[np.isfinite(values)]
        if not len(known):
            return None
        mean = WeightedMean(known)
        value, n = value_of(mean, len(known)), len(known)
        if n < MIN_CLIPS:
            return cls(value, None, None, n)
        replicates = mean(half_samples(n, rng=np.random.default_rng([seed, n])))
        low, high = interval(value, replicates, n=n)
        return cls(value, max(0.0, low), min(1.0, high), n)


@dataclass(frozen=True)
class Followed:
    """One measure of one thing that was asked.

    Attributes:
        ask: chords, melody, drums or tempo.
        measure: its exact name.
        what: one sentence.
        model: the model's clips, each against what was asked of it.
        chance: the same clips, each against what was asked of others.
        music: real music against what is truly played in it, where there is a dataset.
        codec: the same music after the model's codec, in the view that the model draws: what it could reach.
        parts: of the model by what was asked, such as each chart; where that is the same for several clips.
    """

    ask: str
    measure: str
    what: str
    model: Share
    chance: Share | None
    music: Share | None
    codec: Share | None
    parts: Mapping[str, Share]

    def figure(self, *, how: str) -> Figure:
        """For a card.

        Args:
            how: it was drawn.
        """
        shares = {"chance": self.chance, "real music": self.music, "the same after the codec": self.codec}
        beside = [f"{name} {share.value:.2f}" for name, share in shares.items() if share]
        text = f"{self.what}; {', '.join([*beside, how])}"
        value, low, high = (
            None if each is None else round(each, 4) for each in (self.model.value, self.model.low, self.model.high)
        )
        assert value is not None
        return Figure(f"follow_{self.measure}", value, low, high, self.model.n, text)


@dataclass(frozen=True)
class Following:
    """How well a model follows what it is asked.

    Attributes:
        model: as it was named.
        settings: all that decides the result.
        scores: a row a measure.
        notes: what a reader must know.
        audio_s: of music, drawn for this or earlier with the same settings.
        folder: of the clips and of the results.
    """

    model: str
    folder: str
    settings: Mapping[str, Any]
    scores: Sequence[Followed]
    notes: Sequence[str]
    audio_s: float

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `write_json`."""
        return asdict(self)

    def figures(self) -> list[Figure]:
        """For the model's card."""
        sampling = [f"{key} {value}" for key, value in self.settings["sampling"].items()]
        how = ", ".join([f"clips of {self.settings['duration_s']:g} s", *(sampling or ["default sampling"])])
        tunes = "held-out melodies" if self.settings["data"] else "traditional tunes"
        return [score.figure(how=f"{tunes}, {how}" if score.ask == "melody" else how) for score in self.scores]


def print_following(following: Following, *, console: Console) -> None:
    """Print the shares beside chance and real music, those of the parts, and the notes."""
    from rich import box
    from rich.table import Table

    title = f"What {following.model} follows: shares with 95% intervals over clips"
    table = Table(title=title, title_justify="left", box=box.SIMPLE, padding=(0, 1))
    table.add_column("measure", min_width=26, overflow="fold")
    for heading in ("model", "chance", "real music", "after codec"):
        table.add_column(heading, justify="right", no_wrap=True)
    for score in following.scores:
        shares = (score.model, score.chance, score.music, score.codec)
        table.add_row(f"{score.measure}\n[dim]{score.model.n} clips[/]", *map(_cell, shares))
    console.print(table)
    told: set[str] = set()
    for score in following.scores:
        console.print(f"[bold]{score.measure}[/]: {score.what}.", highlight=False)
        if score.parts and score.ask not in told:
            told.add(score.ask)
            parts = "; ".join(f"{name}: {share.value:.2f} (n = {share.n})" for name, share in score.parts.items())
            console.print(f"  {parts}", highlight=False, markup=False)
    for note in following.notes:
        console.print(f"Note: {note}", highlight=False, markup=False)


def _cell(share: Share | None) -> str:
    """The value above its interval."""
    if share is None:
        return "-"
    return f"{share.value:.2f}" + ("" if share.low is None else f"\n[dim]{share.low:.2f}-{share.high:.2f}[/]")
