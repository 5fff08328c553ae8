"""The rungs of a search: all points answer a few prompts, clearly worse ones stop, the others answer more.

Drawn clips are kept and never drawn again, and a decided rung is never decided again:

FOLDER/points/KEY/0000-0008/    a batch of clips with its cost; complete or absent
FOLDER/rungs.json               the standings of every finished rung
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from counterpoint.config import SamplingConfig, UserError, atomic_folder, write_json
from counterpoint.config.load import read_saved
from counterpoint.metrics.halves import Estimate
from counterpoint.results.search import Cost, Standing
from counterpoint.study.search.points import Point
from counterpoint.study.search.rule import comparisons, stand

if TYPE_CHECKING:
    from counterpoint.generate import AudioGeneration

RUNGS_FILE = "rungs.json"
COST_FILE = "cost.json"
POINTS = "points"


class Draw(Protocol):
    """Draws clips for captions; clip i has the seed `seed + i`."""

    def __call__(
        self, captions: Sequence[str], *, seed: int, sampling: SamplingConfig
    ) -> Iterator[AudioGeneration]: ...


Judge = Callable[[Sequence[Path]], Estimate | None]
"""The estimate of the primary metric for clips of the first prompts, in order."""


@dataclass(frozen=True)
class Drawer:
    """Draws the missing clips of a point.

    Attributes:
        folder: folder of all points.
        ids, captions: the prompts, in the order of answering; prompt i has the seed `seed + i`.
    """

    folder: Path
    draw: Draw
    ids: Sequence[str]
    captions: Sequence[str]
    seed: int
    batch_size: int

    def answer(self, point: Point, *, rungs: Sequence[int]) -> tuple[list[Path], Cost]:
        """The clips of the prompts up to the last of these rungs, and their cost.

        Batches end at every rung, so that an interruption changes neither batches nor clips.
        """
        clips: list[Path] = []
        cost = Cost()
        for start, stop in _batches(rungs, self.batch_size):
            folder = self.folder / POINTS / point.key / f"{start:04d}-{stop:04d}"
            if not folder.is_dir():
                atomic_folder(folder, lambda place, start=start, stop=stop: self._fill(place, point, start, stop))
            cost += read_saved(folder / COST_FILE, Cost, remedy=f"delete {folder} and search again")
            if cost.broken:
                return [], cost
            clips += [folder / f"{name}.wav" for name in self.ids[start:stop]]
        return clips, cost

    def _fill(self, folder: Path, point: Point, start: int, stop: int) -> None:
        started = time.perf_counter()
        try:
            drawn = list(self.draw(self.captions[start:stop], seed=self.seed + start, sampling=point.sampling))
            seconds = time.perf_counter() - started
            for name, clip in zip(self.ids[start:stop], drawn, strict=True):
                clip.save(folder / f"{name}.wav")
        except AssertionError as error:  # dopri5's step can shrink to zero under strong guidance
            write_json(folder / COST_FILE, Cost(broken=str(error) or "the solver gave up").model_dump())
            return
        passes, evaluations = (
            max(getattr(clip, name) for clip in drawn) for name in ("network_evaluations", "model_evaluations")
        )
        cost = Cost(clips=len(drawn), seconds=seconds, passes=passes, evaluations=evaluations)
        write_json(folder / COST_FILE, cost.model_dump())

    def tidy(self) -> None:
        """Remove unfinished files of a killed run."""
        for left in self.folder.glob(f"{POINTS}/*/.*"):
            shutil.rmtree(left)


@dataclass(frozen=True)
class Climbed:
    """Attributes:
    standings: standings of each tried point, one per rung.
    costs: cost of each tried point.
    chosen: key of the best point on the last rung.
    """

    standings: Mapping[str, Sequence[Standing]]
    costs: Mapping[str, Cost]
    chosen: str


def climb(
    points: Sequence[Point],
    *,
    drawer: Drawer,
    judge: Judge,
    rungs: Sequence[int],
    better: Literal["lower", "higher"],
    keep: int,
    progress: Callable[[float, float], None] | None = None,
) -> Climbed:
    """Take the points that are not skipped up all rungs; an earlier call with the same folder is continued.

    Args:
        rungs: number of prompts answered after each rung, rising; the last is the total.
        progress: called with (prompts that need no further answers over all points, total prompts).

    Raises:
        UserError: no point has a score.
    """
    drawer.tidy()
    path = drawer.folder / RUNGS_FILE
    remedy = f"delete {path} and search again; the answers are kept"
    done = read_saved(path, list[dict[str, Standing]], remedy=remedy) if path.is_file() else []
    tried = [point for point in points if not point.skipped]
    active, compared, total = tried, comparisons(points=len(tried), rungs=len(rungs)), len(tried) * rungs[-1]
    for number, n in enumerate(rungs):
        if number == len(done):
            stopped = (len(tried) - len(active)) * rungs[-1]
            before = rungs[number - 1] if number else 0
            estimates: dict[str, Estimate | None] = {}
            for turn, point in enumerate(active, start=1):
                clips, _ = drawer.answer(point, rungs=rungs[: number + 1])
                estimates[point.key] = judge(clips) if clips else None
                if progress is not None:
                    progress(stopped + len(active) * before + turn * (n - before), total)
            done.append(stand(estimates, n=n, better=better, keep=keep, compared=compared, is_last=n == rungs[-1]))
            write_json(path, [{key: each.model_dump(mode="json") for key, each in rung.items()} for rung in done])
        active = [point for point in active if done[number][point.key].goes_on]
    standings = {point.key: [rung[point.key] for rung in done if point.key in rung] for point in tried}
    costs = {
        key: drawer.answer(next(point for point in tried if point.key == key), rungs=rungs[: len(of_point)])[1]
        for key, of_point in standings.items()
    }
    chosen = max((each.best for each in done[-1].values()), default="")
    if not chosen:
        why = next((cost.broken for cost in costs.values() if cost.broken), "are they silent?")
        raise UserError(
            f"No setting of the search gave clips that can be evaluated ({why}): check the model or the grid."
        )
    return Climbed(standings, costs, chosen)


def _batches(rungs: Sequence[int], size: int) -> Iterator[tuple[int, int]]:
    """Half-open ranges of prompts: batches that do not extend beyond any rung."""
    start = 0
    for rung in rungs:
        while start < rung:
            stop = min(start + size, rung)
            yield start, stop
            start = stop
