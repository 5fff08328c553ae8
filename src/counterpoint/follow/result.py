"""The result: shares with intervals beside chance and real music; as JSON, a table, and figures of a card."""

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
    """A mean over clips of the share that is right in each.

    Attributes:
        value: mean in [0, 1].
        low, high: 95% interval over clips; None for fewer than eight.
        n: number of clips.
    """

    value: float
    low: float | None
    high: float | None
    n: int

    @classmethod
    def of(cls, values: np.ndarray, *, seed: int = 0) -> Share | None:
        """The mean of one value per clip, NaN for a clip without one; None if no clip has any."""
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
    """One measure of one kind of request.

    Attributes:
        ask: chords, melody, drums or tempo.
        measure: its exact name.
        what: one sentence.
        model: the model's clips, each compared with its request.
        chance: the same clips, each compared with other requests.
        music: real music compared with its exact annotation, if there is a dataset.
        codec: the same music through the model's codec, in the view that the model draws: its upper limit.
        parts: the model's share by request, such as each chart, if several clips have the same request.
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
        """The result as a figure of a card.

        Args:
            how: how the clips were drawn.
        """
        shares = {"chance": self.chance, "real music": self.music, "real music through the codec": self.codec}
        beside = [f"{name} {share.value:.2f}" for name, share in shares.items() if share]
        text = f"{self.what}; {', '.join([*beside, how])}"
        value, low, high = (
            None if each is None else round(each, 4) for each in (self.model.value, self.model.low, self.model.high)
        )
        assert value is not None
        return Figure(f"follow_{self.measure}", value, low, high, self.model.n, text)


@dataclass(frozen=True)
class Following:
    """How well a model follows its controls.

    Attributes:
        model: the model as the user named it.
        settings: everything that determines the result.
        scores: one row per measure.
        notes: remarks that a reader must know.
        audio_s: seconds of drawn music, including earlier calls with the same settings.
        folder: folder of the clips and of the results.
    """

    model: str
    folder: str
    settings: Mapping[str, Any]
    scores: Sequence[Followed]
    notes: Sequence[str]
    audio_s: float

    def to_json(self) -> dict[str, Any]:
        """JSON-serializable values for `write_json`."""
        return asdict(self)

    def figures(self) -> list[Figure]:
        """Figures for the model's card."""
        sampling = [f"{key} {value}" for key, value in self.settings["sampling"].items()]
        how = ", ".join([f"clips of {self.settings['duration_s']:g} s", *(sampling or ["default sampling"])])
        tunes = "held-out melodies" if self.settings["data"] else "traditional tunes"
        return [score.figure(how=f"{tunes}, {how}" if score.ask == "melody" else how) for score in self.scores]


def print_following(following: Following, *, console: Console) -> None:
    """Print the shares beside chance and real music, the parts, and the notes."""
    from rich import box
    from rich.table import Table

    title = f"How well {following.model} follows its controls: shares with 95% intervals over clips"
    table = Table(title=title, title_justify="left", box=box.SIMPLE, padding=(0, 1))
    table.add_column("measure", min_width=26, overflow="fold")
    for heading in ("model", "chance", "real music", "through codec"):
        table.add_column(heading, justify="right", no_wrap=True)
    for score in following.scores:
        shares = (score.model, score.chance, score.music, score.codec)
        table.add_row(f"{score.measure}\n[dim]{score.model.n} clips[/]", *map(_cell, shares))
    console.print(table)
    shown: set[str] = set()
    for score in following.scores:
        console.print(f"[bold]{score.measure}[/]: {score.what}.", highlight=False)
        if score.parts and score.ask not in shown:
            shown.add(score.ask)
            parts = "; ".join(f"{name}: {share.value:.2f} (n = {share.n})" for name, share in score.parts.items())
            console.print(f"  {parts}", highlight=False, markup=False)
    for note in following.notes:
        console.print(f"Note: {note}", highlight=False, markup=False)


def _cell(share: Share | None) -> str:
    """The value with its interval below."""
    if share is None:
        return "-"
    return f"{share.value:.2f}" + ("" if share.low is None else f"\n[dim]{share.low:.2f}-{share.high:.2f}[/]")
