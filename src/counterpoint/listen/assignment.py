"""The trials of a rater and their order: balanced over raters, random within blocks, and reproducible from a seed.

Every item is shown once in each block, each time with another cell (a version, a pair of versions, or all of them). A
Williams square assigns cells to blocks, so that over all raters each cell comes equally often in each place and after
each other cell; the items within a block are shuffled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal, Protocol

import numpy as np

from counterpoint.listen.folder import Item, ListeningTest

Phase = Literal["training", "trial", "check", "repeat"]
Cell = tuple[str, ...]
"""Files of a trial, in the order of conditions."""


@dataclass(frozen=True)
class PlannedTrial:
    """One trial of one rater.

    Attributes:
        item: id of the item, or of the attention check.
        files: clips in the order in which they are shown.
        expected: correct answer to an attention check; None for other trials.
    """

    phase: Phase
    item: str
    files: Cell
    expected: int | None = None


class Layout(Protocol):
    """The way in which a presentation turns an item into trials."""

    def cells(self, test: ListeningTest, item: Item) -> list[Cell]:
        """The trials of an item."""
        ...

    def arranged(self, cell: Cell, turn: int) -> Cell:
        """The files of a trial in the order in which a rater sees them; `turn` counts raters and items."""
        ...


class Single:
    """One version per trial."""

    def cells(self, test: ListeningTest, item: Item) -> list[Cell]:
        return [(file,) for file in dict.fromkeys(test.files_of(item)[key] for key in test.systems)]

    def arranged(self, cell: Cell, turn: int) -> Cell:
        return cell


class Pair:
    """Two versions per trial."""

    def cells(self, test: ListeningTest, item: Item) -> list[Cell]:
        files = test.files_of(item)
        compared = test.contestants if test.design.compare == "systems" else test.systems
        return list(combinations(dict.fromkeys(files[key] for key in compared), 2))

    def arranged(self, cell: Cell, turn: int) -> Cell:
        return cell if turn % 2 == 0 else cell[::-1]


class Together:
    """All versions of an item at once."""

    def cells(self, test: ListeningTest, item: Item) -> list[Cell]:
        return [tuple(dict.fromkeys(test.files_of(item)[key] for key in test.systems))]

    def arranged(self, cell: Cell, turn: int) -> Cell:
        rows = williams(len(cell))
        return tuple(cell[place] for place in rows[turn % len(rows)])


LAYOUTS: Mapping[str, Layout] = {"single": Single(), "pair": Pair(), "together": Together()}
"""The layouts, by the `presentation` of a design."""


def williams(count: int) -> list[list[int]]:
    """A Williams square: rows in which each of `count` numbers comes equally often in each place and, for neighbours,
    after each other number. An odd count takes twice as many rows."""
    first = [0]
    low, high = 1, count - 1
    while len(first) < count:
        first.append(low if len(first) % 2 else high)
        low, high = (low + 1, high) if len(first) % 2 == 0 else (low, high - 1)
    rows = [[(place + shift) % count for place in first] for shift in range(count)]
    return rows if count % 2 == 0 else rows + [row[::-1] for row in rows]


def plan_trials(test: ListeningTest, *, rater: int, assigned: Mapping[Cell, int] | None = None) -> list[PlannedTrial]:
    """All trials of a rater, in order.

    Args:
        rater: number of raters who entered before.
        assigned: how often each cell was assigned to raters so far, for designs in which each rater hears a part.
    """
    rng = np.random.default_rng([test.manifest.seed, rater])
    layout = LAYOUTS[test.design.presentation]
    ordered = _in_blocks(test, layout, rater=rater, rng=rng)
    if test.design.trials is not None:
        kept = _least_assigned(ordered, test.design.trials, assigned or {}, rng=rng)
        ordered = [trial for trial in ordered if _cell(trial) in kept]
    return [*_training(test, layout, rater=rater, rng=rng), *_with_checks(test, _with_repeats(test, ordered, rng), rng)]


def _cell(trial: PlannedTrial) -> Cell:
    """The cell of a trial, regardless of the order in which its files are shown."""
    return tuple(sorted(trial.files))


def _in_blocks(test: ListeningTest, layout: Layout, *, rater: int, rng: np.random.Generator) -> list[PlannedTrial]:
    items = test.manifest.items
    cells = [layout.cells(test, item) for item in items]
    blocks: list[list[PlannedTrial]] = [[] for _ in range(max(map(len, cells)))]
    for place, (item, own) in enumerate(zip(items, cells, strict=True)):
        rows = williams(len(own))
        for block, number in enumerate(rows[(rater + place) % len(rows)]):
            # the turn depends on rater, item and cell, so that no cell keeps one order for one half of the items
            files = layout.arranged(own[number], rater + place + number)
            blocks[block].append(PlannedTrial("trial", item.id, files))
    trials: list[PlannedTrial] = []
    for block in blocks:
        order = [block[index] for index in rng.permutation(len(block))]
        if trials and len(order) > 1 and order[0].item == trials[-1].item:
            order = [*order[1:], order[0]]
        trials += order
    return trials


def _least_assigned(
    trials: Sequence[PlannedTrial], wanted: int, assigned: Mapping[Cell, int], *, rng: np.random.Generator
) -> set[Cell]:
    ties = rng.random(len(trials))
    ranked = sorted(zip(trials, ties, strict=True), key=lambda pair: (assigned.get(_cell(pair[0]), 0), pair[1]))
    return {_cell(trial) for trial, _ in ranked[:wanted]}


def _training(test: ListeningTest, layout: Layout, *, rater: int, rng: np.random.Generator) -> list[PlannedTrial]:
    """One trial per item, with different cells: the best and the worst if they are known, so that raters learn the
    range of the scale."""
    found = []
    for place, item in enumerate(test.training):
        cells, files = layout.cells(test, item), test.files_of(item)
        ends = [files.get(test.key.low_anchor), files.get(test.key.hidden_reference)]
        known = [cell for end in ends for cell in cells if end in cell]
        pool = known or [cells[index] for index in rng.permutation(len(cells))]
        found.append(PlannedTrial("training", item.id, layout.arranged(pool[place % len(pool)], rater + place)))
    return found


def _with_repeats(test: ListeningTest, trials: list[PlannedTrial], rng: np.random.Generator) -> list[PlannedTrial]:
    """Repeat some trials of the first half, as far from their first time as possible."""
    half = len(trials) // 2
    chosen = sorted(rng.permutation(half)[: min(test.design.repeats, half)])
    found = list(trials)
    for count, place in enumerate(chosen):
        again = replace(trials[place], phase="repeat")
        spot = len(trials) - (len(chosen) - count) * max(1, half // (2 * len(chosen))) + count
        while 0 < spot < len(found) and again.item in (found[spot - 1].item, found[spot].item):
            spot += 1
        found.insert(spot, again)
    return found


def _with_checks(test: ListeningTest, trials: list[PlannedTrial], rng: np.random.Generator) -> list[PlannedTrial]:
    """Insert the attention checks, one into each of equally long parts, never as the first trial."""
    found = list(trials)
    checks = test.checks
    edges = np.linspace(0, len(trials), len(checks) + 1).astype(int)
    for number in reversed(range(len(checks))):
        check = checks[number]
        files, expected = tuple(clip.file for clip in check.files), test.key.checks[check.id]
        if len(files) == 2 and rng.random() < 0.5:
            files, expected = files[::-1], -expected
        low = max(1, edges[number]) if len(trials) > 1 else 0
        spot = int(rng.integers(low, max(low, edges[number + 1] - 1) + 1))
        found.insert(spot, PlannedTrial("check", check.id, files, expected))
    return found
