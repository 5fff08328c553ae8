"""`counterpoint study run`: a name or a YAML file to a report."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from counterpoint.config import UserError, dump_yaml
from counterpoint.study.engine import Done, LocalEngine
from counterpoint.study.kinds import load_study

CONFIGS = Path(__file__).parent / "configs"
"""The shipped studies; the repository's `configs/study` is this folder."""
STORE = Path("runs/store")
"""Results of steps, shared by all studies run from one folder."""


@dataclass(frozen=True)
class StudyResult:
    """A finished study.

    Attributes:
        report: its `index.html`.
        steps: each step's folder, whether it had to be run, and its time.
    """

    report: Path
    steps: dict[str, Done]


def run_study(
    study: str | Path,
    *,
    data: Path | None = None,
    out: Path,
    store: Path = STORE,
    systems: Sequence[str] = (),
    overrides: list[str] | None = None,
    scale: str | None = None,
    say: Callable[[str], None] = print,
) -> StudyResult:
    """Run a study from data to report; finished steps are kept, so a second run goes on where the first stopped.

    Args:
        study: the name of a shipped study, or a YAML file.
        data: a dataset to use instead of the embedded corpus.
        out: gets `report/`, `study.yaml` and links: to what the kind of study makes (trained models, say) and, under
            `steps/`, to every step's folder.
        store: where the steps' results are kept.
        systems: outside ones to judge beside the study's own, as `NAME=FOLDER`.
        overrides: `key.sub=value` strings on the configuration.
        scale: one of those that the configuration has; by default its first.

    Raises:
        UserError: an unknown study, a configuration or a dataset that does not fit.
    """
    path = find_study(study)
    if nameless := [system for system in systems if "=" not in system]:
        raise UserError(f"The system {nameless[0]!r} must have the form NAME=FOLDER, as in mine=clips/mine.")
    outside = [f"systems.{system}" for system in systems]
    config = load_study(path, overrides=[*(overrides or []), *outside], scale=scale)
    _require_folder(out)
    say(f"Study {path.stem}: {config.summary()}")
    done = LocalEngine(store.resolve(), say=say).run([config.plan(name=path.stem, dataset=data)])
    out.mkdir(parents=True, exist_ok=True)
    dump_yaml(out / "study.yaml", config)
    for link, step in config.shortcuts().items():
        _link(out / link, done[step])
    for name, step in done.items():
        _link(out / "steps" / name, step)
    report = _copy(done["report"].folder / "report", out / "report") / "index.html"
    say(f"Report: {report}")
    if command := config.next_command(out):
        say(f"Hear more: {command}")
    return StudyResult(report, done)


def find_study(study: str | Path) -> Path:
    """A study's YAML file, from its name or its path."""
    path = Path(study)
    shipped = CONFIGS / f"{study}.yaml"
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise UserError(f"There is no study at {path}.")
        return path
    if shipped.is_file():
        return shipped
    names = ", ".join(sorted(file.stem for file in CONFIGS.glob("*.yaml")))
    raise UserError(f"There is no study named {str(study)!r}; the shipped ones are {names}, and a YAML file will do.")


def _require_folder(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file; give --out a folder for the study.")


def _link(link: Path, step: Done) -> None:
    """A relative link, so that the folder of runs can be moved."""
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(os.path.relpath(step.folder, link.parent.resolve()), target_is_directory=True)


def _copy(source: Path, target: Path) -> Path:
    """Copy a folder aside and put it in place whole."""
    aside = target.with_name(f".{target.name}-new")
    shutil.rmtree(aside, ignore_errors=True)
    shutil.copytree(source, aside)
    if target.exists():
        shutil.rmtree(target)
    aside.rename(target)
    return target
