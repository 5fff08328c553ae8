"""Finished studies, by name or folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from counterpoint.config import UserError
from counterpoint.config.documents import quoted
from counterpoint.config.paths import is_file, shown, true_path
from counterpoint.results.records import RESULTS_FILE
from counterpoint.runs import RUNS
from counterpoint.study.shipped import CONFIGS

if TYPE_CHECKING:
    from counterpoint.results.schema import Results


def find_results(name: str, *, runs: Path = RUNS) -> Results:
    """Read the results of a finished study.

    Args:
        name: name of its folder below `runs`, or the folder.

    Raises:
        UserError: there is no such study, it is not finished, or another version of this package wrote its results.
    """
    places = (runs / name, Path(name).expanduser()) if name else ()
    folder = next((place for place in places if os.path.isdir(place)), None)  # noqa: PTH112 - false for any name
    there = ", ".join(sorted(path.parent.name for path in runs.glob(f"*/{RESULTS_FILE}"))) or "none"
    if folder is None:
        shipped = is_file(CONFIGS / f"{name}.yaml")
        remedy = f"run `counterpoint study run {name}`" if shipped else f"finished in {runs} are: {there}"
        raise UserError(f"There is no study {quoted(name)}, neither in {runs} nor as a folder; {remedy}.")
    if not (folder / RESULTS_FILE).is_file():
        begun = folder.parent == runs or is_file(CONFIGS / f"{folder.name}.yaml")
        run = f"`counterpoint study run {folder.name}` continues where it stopped"
        remedy = run if begun else f"give the folder of a finished study; finished in {runs} are: {there}"
        raise UserError(f"{shown(folder)} has no {RESULTS_FILE}: {remedy}.")
    from counterpoint.results.schema import read_results  # imports torch

    return read_results(folder)


def find_several(names: Sequence[str], *, runs: Path = RUNS) -> dict[str, Results]:
    """Read the results of several finished studies, by the name of each one's folder, in the order of `names`.

    Raises:
        UserError: no study is named, one is named twice, or see `find_results`.
    """
    if not names:
        raise UserError("Name at least one finished study: `counterpoint study report quick`.")
    found = [find_results(name, runs=runs) for name in names]
    for other, one in combinations(found, 2):
        if (one.study.shipped or true_path(one.folder)) == (other.study.shipped or true_path(other.folder)):
            raise UserError(
                f"{other.folder} and {one.folder} are both the study {one.study.shipped or one.folder.name}; a report "
                "includes each study once, so leave one out."
            )
        if true_path(one.folder).name == true_path(other.folder).name:
            raise UserError(f"Two of the studies are in folders called {one.folder.name!r}; rename one of them.")
    return {true_path(results.folder).name: results for results in found}
