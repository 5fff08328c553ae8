"""Studies from data to report, and their results."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from counterpoint.config.load import as_overrides
from counterpoint.results.schema import Results
from counterpoint.results.tables import TABLES, to_frame
from counterpoint.study import run
from counterpoint.study.finished import find_results

if TYPE_CHECKING:
    import pandas as pd

    from counterpoint.study.engines.registry import Where
    from counterpoint.study.plan import Plan
    from counterpoint.study.status import Following


@dataclass(frozen=True)
class StudyResults:
    """The results of a finished study.

    Attributes:
        results: all results, typed.
    """

    results: Results

    @property
    def folder(self) -> Path:
        """The folder of the study."""
        return self.results.folder

    @property
    def report(self) -> Path:
        """The report page."""
        return self.folder / "report" / "index.html"

    @property
    def scores(self) -> pd.DataFrame:
        """A row for every score of every system and floor: step, kind, system, metric, value, 95% interval, clips."""
        return self.table("scores")

    @property
    def differences(self) -> pd.DataFrame:
        """A row for every test between two systems: both, metric, difference, 95% interval, p."""
        return self.table("differences")

    @property
    def tables(self) -> tuple[str, ...]:
        """The names that `table` takes."""
        return tuple(TABLES)

    def table(self, name: str) -> pd.DataFrame:
        """One of `tables`.

        Raises:
            UserError: there is no such table.
        """
        return to_frame(self.results, name)

    def __repr__(self) -> str:
        return f"StudyResults({str(self.folder)!r}, {len(self.results.systems)} systems)"


def run_study(
    study: str | os.PathLike[str],
    *,
    data: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    scale: str | None = None,
    systems: Mapping[str, str | os.PathLike[str]] | None = None,
    settings: Mapping[str, Any] | None = None,
    strict_code: bool = False,
    device: str = "auto",
    store: str | os.PathLike[str] | None = None,
    where: Where | None = None,
    say: Callable[[str], None] | None = None,
) -> StudyResults:
    """Run a study from data to report; finished steps are kept, so that a second call continues an interrupted one.

    Args:
        study: the name of a study of the package (see `counterpoint.studies`), or a YAML file.
        data: a dataset to use instead of composed music.
        out: the folder of the study; by default `runs/STUDY`, with the scale and the dataset in its name.
        scale: one of the study's scales; by default its first.
        systems: folders of other clips to evaluate beside the study's own, by name.
        settings: keys of its configuration with new values, such as `{"training.steps": 100}`.
        strict_code: whether to repeat steps whose code has changed since they were computed.
        device: device of the networks of every step: `cpu`, `cuda`, `cuda:1` or `mps`; by default a GPU if there is
            one.
        store: the folder of steps' results, or a URL that gets them, too; by default `runs/store`.
        where: the engine that runs the steps, several at once or on a cluster; by default one after another here.
        say: called with one line for each step; by default nothing is printed.

    Raises:
        UserError: the study or device is unknown, or its configuration or dataset does not fit.
    """
    dataset = None if data is None else Path(data)
    folder = run.usual_folder(os.fspath(study), scale=scale, data=dataset) if out is None else Path(out)
    done = run.run_study(
        os.fspath(study),
        data=dataset,
        out=folder,
        systems=[f"{name}={os.fspath(place)}" for name, place in (systems or {}).items()],
        overrides=as_overrides(settings or {}),
        scale=scale,
        strict_code=strict_code,
        device=device,
        store=run.STORE if store is None else os.fspath(store),
        where=where,
        say=say or _say_nothing,
        show=say is not None,
    )
    return StudyResults(done.results)


def load_results(folder: str | os.PathLike[str]) -> StudyResults:
    """Read the results of a finished study.

    >>> import counterpoint as cp
    >>> cp.load_results("runs/no-such-study")
    Traceback (most recent call last):
    ...
    counterpoint.config.errors.UserError: There is no study 'runs/no-such-study', neither in runs nor as a folder...

    Args:
        folder: folder of the study, or its name below `runs`.

    Raises:
        UserError: there is no such study, it is not finished, or another version of this package wrote it.
    """
    return StudyResults(find_results(os.fspath(folder)))


def plan_study(
    study: str | os.PathLike[str],
    *,
    data: str | os.PathLike[str] | None = None,
    scale: str | None = None,
    device: str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Plan:
    """Estimate the cost of a study: runs, clips, hours, disk, memory; arguments as for `run_study`.

    >>> import counterpoint as cp
    >>> cp.plan_study("quick").estimate.trainings[0].seconds > 60
    True

    Args:
        device: `h100`, `a100` or `two-cores`; by default the one that suits the scale.
    """
    from counterpoint.study.plan import make_plan

    return make_plan(
        os.fspath(study),
        scale=scale,
        device=device,
        data=None if data is None else Path(data),
        overrides=as_overrides(settings or {}),
    )


def study_status(
    study: str | os.PathLike[str],
    *,
    data: str | os.PathLike[str] | None = None,
    scale: str | None = None,
    store: str | os.PathLike[str] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> list[Following]:
    """The state of each step of a study, on whatever machine it runs; arguments as for `run_study`.

    Args:
        store: the folder of the steps' results; by default `runs/store`.

    Raises:
        UserError: the study is unknown, or no step has begun in the given `store`.
    """
    from counterpoint.study.status import status_of

    dataset = None if data is None else Path(data)
    read = run.read_study(os.fspath(study), data=dataset, overrides=as_overrides(settings or {}), scale=scale)
    place = run.store_in_use(None if store is None else os.fspath(store))
    return status_of(read.plan(dataset=dataset), store=place)


def report_studies(names: Sequence[str], *, out: str | os.PathLike[str] = "runs/report") -> Path:
    """Write one report of finished studies, with the paper's Table 1 re-derived from them; returns its page.

    Raises:
        UserError: a study cannot be read, or `out` contains something else.
    """
    from counterpoint.study.combined import write_report_of

    return write_report_of(names, out=Path(out))


def _say_nothing(line: str) -> None:
    pass
