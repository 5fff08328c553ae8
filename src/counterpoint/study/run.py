"""`counterpoint study run`: from a name or a YAML file to a report."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from counterpoint.config import UserError, dump_yaml
from counterpoint.config.device import check_device
from counterpoint.config.files import link_or_copy, replace_folder
from counterpoint.config.locks import sole_writer
from counterpoint.config.paths import MISSING, check_kept_folder, fault_of, shown, true_path
from counterpoint.config.remote import url_of
from counterpoint.results.records import RECORD_FILE
from counterpoint.study.engine import LOCKS, Done, LocalEngine
from counterpoint.study.engines.registry import Where
from counterpoint.study.kinds import load_study
from counterpoint.study.kinds.base import Study
from counterpoint.study.loading import forget
from counterpoint.study.shipped import find_study
from counterpoint.study.work import Source

if TYPE_CHECKING:
    from counterpoint.report import Report
    from counterpoint.results.schema import Results

STORE = Path("runs/store")
"""Folder of the results of steps, shared by all studies in a working directory."""


def open_store(
    place: Path | str, *, say: Callable[[str], None] = print, show: bool = True, strict_code: bool = False
) -> LocalEngine:
    """The engine that completes steps and finds finished ones in a folder of results, or in `STORE` for a URL.

    Raises:
        UserError: something else than a folder is there.
    """
    url = url_of(place)
    folder = Path(place) if url is None else STORE
    if (fault := fault_of(folder)) not in ("is a folder", MISSING):
        raise UserError(f"{shown(folder)} {fault or 'is a file'}; give --store a folder of results.")
    return LocalEngine(true_path(folder), say=say, show=show, strict_code=strict_code, remote=url)


def store_in_use(place: Path | str | None) -> Path:
    """The folder of results in which a study may have begun.

    Args:
        place: a folder or a URL, as a user gives it; None is `STORE`, which need not exist.

    Raises:
        UserError: no step has begun in the given folder, so that every step would seem to wait.
    """
    store = open_store(STORE if place is None else place).store
    has_begun = (store / LOCKS).is_dir() or any(store.glob(f"*/{RECORD_FILE}"))
    if place is not None and url_of(place) is None and not has_begun:
        raise UserError(
            f"{shown(place)} contains no results of a study; give --store the folder that `counterpoint study run` "
            f"was given, or omit it for {STORE}."
        )
    return store


def read_study(
    study: str | Path,
    *,
    data: Path | None = None,
    systems: Sequence[str] = (),
    overrides: Sequence[str] | None = None,
    scale: str | None = None,
) -> Study:
    """The configuration of a study; arguments and errors as of `run_study`."""
    if nameless := [system for system in systems if "=" not in system]:
        raise UserError(f"The system {nameless[0]!r} must have the form NAME=FOLDER, as in mine=clips/mine.")
    outside = [f"systems.{system}" for system in systems]
    changed = [*(overrides or []), *outside]
    return load_study(find_study(study), overrides=changed, scale=scale, own_music=data is not None)


@dataclass(frozen=True)
class StudyResult:
    """A finished study.

    Attributes:
        report: its `index.html`.
        results: all results, as in its `results.json`.
        steps: the folder of each step, whether it had to be run, and its time.
    """

    report: Path
    results: Results
    steps: dict[str, Done]


def run_study(
    study: str | Path,
    *,
    data: Path | None = None,
    out: Path,
    store: Path | str = STORE,
    systems: Sequence[str] = (),
    overrides: list[str] | None = None,
    scale: str | None = None,
    strict_code: bool = False,
    device: str = "auto",
    where: Where | None = None,
    say: Callable[[str], None] = print,
    show: bool = True,
) -> StudyResult:
    """Run a study from data to report; finished steps are kept, so that a second run continues where the first stopped.

    Args:
        study: the name of a study of the package, or a YAML file.
        data: a dataset to use instead of the embedded corpus.
        out: receives `report/`, `results.json`, `study.yaml` and links: to results of the kind of study (such as
            trained models) and, under `steps/`, to every step's folder.
        store: folder of the steps' results; a URL receives them in addition to `STORE`.
        systems: outside systems to evaluate beside the study's own, as `NAME=FOLDER`.
        overrides: `key.sub=value` strings that change the configuration.
        scale: one of the configuration's scales; by default its first.
        strict_code: whether to repeat steps whose code has changed since they were computed.
        device: where the networks of every step compute, as `find_device` takes it.
        where: where steps run, by default one after another in this process; the results are the same everywhere.
        say: called with a line for each step.
        show: whether to show the progress of a step, on stderr.

    Raises:
        UserError: an unknown study, engine or device, a configuration or a dataset that does not fit, or steps that
            failed.
    """
    check_device(device)
    path = find_study(study)
    config = read_study(path, data=data, systems=systems, overrides=overrides, scale=scale)
    check_kept_folder(out)
    local = open_store(store, say=say, show=show, strict_code=strict_code)
    engine = (where or Where()).open(replace(local, device=device))
    from counterpoint.study.gather import gather, with_listening  # after all early errors

    say(f"Study {path.stem}: {config.summary()}")
    steps = config.plan(dataset=data)
    done = engine.run(steps.values())
    forget()
    folders = {name: step.path if isinstance(step, Source) else done[step.name].folder for name, step in steps.items()}
    results = with_listening(gather(config, folders, steps=steps, name=path.stem), out)
    with sole_writer(out, on_wait=lambda holder: say(f"Waiting for {holder}, which is writing to {out}")):
        report = _fill(out, config, results, done=done)
    say(f"Report: {report}")
    if command := config.next_command(out):
        say(f"For more clips, run: {command}")
    return StudyResult(report, results, done)


def _fill(out: Path, config: Study, results: Results, *, done: Mapping[str, Done]) -> Path:
    """Write the files of a finished study into its folder; returns its report's `index.html`."""
    out.mkdir(parents=True, exist_ok=True)
    dump_yaml(out / "study.yaml", config)
    for link, step in config.shortcuts().items():
        _link(out / link, done[step])
    for name, step in done.items():
        _link(out / "steps" / name, step)
    results.write(out)
    return write_study_report(config.report(results), out)


def usual_folder(study: str | Path, *, scale: str | None, data: Path | None) -> Path:
    """The default folder of a study: runs/STUDY, with the scale and the dataset in its name."""
    name = Path(study).stem + (f"-{scale}" if scale not in (None, "quick") else "")
    return Path("runs") / (name + (f"-{true_path(data).name}" if data else ""))


def write_study_report(report: Report, out: Path) -> Path:
    """Write a study's report to a temporary folder and move it into place; returns its `index.html`."""
    from counterpoint.report import write_report

    replace_folder(out / "report", lambda folder: write_report(report, folder))
    return out / "report" / "index.html"


def _link(link: Path, step: Done) -> None:
    """A relative link, so that the folder of runs can be moved; a copy where the system lets this user make no links,
    as Windows may."""
    link.parent.mkdir(exist_ok=True)
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)
    link.unlink(missing_ok=True)
    try:
        link.symlink_to(os.path.relpath(step.folder, true_path(link.parent)), target_is_directory=True)
    except OSError:
        shutil.copytree(step.folder, link, copy_function=link_or_copy)
