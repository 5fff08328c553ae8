"""Finished studies, read back from their reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import yaml

from counterpoint.config import UserError, parse, read_json
from counterpoint.study.kinds import KINDS, load_study
from counterpoint.study.report.content import Difference, Metric, Score
from counterpoint.study.shipped import CONFIGS

KIND = "combined"
"""In the `data.json` of a report of several studies."""
OWN_SCALE = "its own"
"""Of a study whose configuration is none of the shipped ones."""
_AT_ANY_SCALE = ("reproduces", "seeds", "systems", "report")
_POINTS = ("Draws", "Engine", "Layers", "Clips", "Seconds each", "Latency, s", "Quartiles")


@dataclass(frozen=True)
class Timing:
    """A batch that was timed.

    Attributes:
        draws: `AR`, `FM-50`, ...
        latency: median, and quartiles, seconds.
    """

    draws: str
    engine: str
    layers: int
    batch: int
    seconds: float
    latency: tuple[float, float, float]


@dataclass(frozen=True)
class Finished:
    """A finished study.

    Attributes:
        study: the shipped study that it is, whatever its folder is called; "" where it is none.
        name: of its folder.
        report: folder of its report.
        config: its configuration, plain.
        data: the numbers of its report, plain.
        scale: that of the shipped study which its configuration is equal to, or `OWN_SCALE`.
        scores: by metric, then system; of a study of samplers the systems are called as its settings are.
        names: of the systems, short.
        styles: of their marks, where these are not named as they are.
        seconds: that each step took, by its folder; empty where the steps are not there.
    """

    study: str
    name: str
    report: Path
    kind: str
    config: Mapping[str, Any]
    data: Mapping[str, Any]
    scale: str
    metrics: Mapping[str, Metric]
    scores: Mapping[str, Mapping[str, Score]]
    differences: Sequence[Difference]
    names: Mapping[str, str]
    styles: Mapping[str, str]
    timings: Sequence[Timing]
    seconds: Mapping[Path, float]

    @property
    def seeds(self) -> int:
        """Trainings of every model; 0 where nothing is trained."""
        return len(self.config.get("seeds") or ()) or int("training" in self.config)

    @property
    def reproduces(self) -> str:
        """Of the paper; "" for nothing."""
        return self.config.get("reproduces") or (_shipped(self.study).get("reproduces", "") if self.study else "")

    def difference(self, metric: str, first: str, second: str) -> Difference | None:
        """As the study tested it."""
        wanted = (metric, first, second)
        return next((item for item in self.differences if (item.metric, item.first, item.second) == wanted), None)

    def fact(self, label: str) -> str:
        """A line of its report's head or of what was compared; "" where there is none."""
        facts = [*self.data["headline_facts"], *self.data["facts"]]
        return next((item["value"] for item in facts if item["label"] == label), "")


def read_finished(names: Sequence[str], *, runs: Path = Path("runs")) -> list[Finished]:
    """The studies, in the order of `names`.

    Args:
        names: below `runs`, or folders.

    Raises:
        UserError: a study that was never run or is not finished, one that another version wrote, or one named twice.
    """
    if not names:
        raise UserError("Name one finished study at least: `counterpoint study report quick`.")
    found = [_read(name, runs=runs) for name in names]
    for other, one in combinations(found, 2):
        if (one.study or one.report.resolve()) == (other.study or other.report.resolve()):
            raise UserError(
                f"{other.report.parent} and {one.report.parent} are both the study {one.study or one.name}; a report "
                "takes one of each, so leave one out."
            )
        if one.name == other.name:
            raise UserError(f"Two of the studies are in folders called {one.name!r}; rename one of them.")
    return found


def _read(name: str, *, runs: Path) -> Finished:
    report = _report_of(name, runs=runs)
    folder = report.parent if report.name == "report" else report
    data = read_json(report / "data.json")
    if is_combined(data):
        raise UserError(f"{report} is itself a report of several studies; name the studies.")
    with told_of_version(report):
        return _finished(folder, report, data)


def is_combined(data: Any) -> bool:
    """Whether a `data.json` is of a report of several studies."""
    return isinstance(data, dict) and data.get("kind") == KIND


@contextmanager
def told_of_version(report: Path) -> Iterator[None]:
    """Numbers in another form than this version's are the user's to know of."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise UserError(
            f"{report / 'data.json'} was written by another version of counterpoint ({_told(error)}); run its study "
            "again: finished steps are kept."
        ) from None


def _told(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"it has no {error}"
    return str(error) if isinstance(error, ValueError) else "a part of it has another form"


def _report_of(name: str, *, runs: Path) -> Path:
    """Where the report of a study lies."""
    folder = next((place for place in (runs / name, Path(name).expanduser()) if place.is_dir()), None)
    if folder is None:
        shipped = (CONFIGS / f"{name}.yaml").is_file()
        there = ", ".join(sorted(path.parent.name for path in runs.glob("*/report"))) or "none"
        remedy = f"run `counterpoint study run {name}`" if shipped else f"finished in {runs} are: {there}"
        raise UserError(f"There is no study {name!r}, neither in {runs} nor as a folder; {remedy}.")
    for place in (folder / "report", folder):
        if (place / "data.json").is_file():
            return place
    raise UserError(
        f"{folder} has no finished report; `counterpoint study run {folder.name}` goes on where it stopped."
    )


def _finished(folder: Path, report: Path, data: Mapping[str, Any]) -> Finished:
    config = _config(report, folder)
    kind = config.get("kind", "paradigms")
    if kind not in KINDS:
        raise ValueError(f"its kind is {kind!r}")
    study = identify(config)
    names, renamed = _system_names(data)
    return Finished(
        study=study,
        name=folder.resolve().name,
        report=report,
        kind=kind,
        config=config,
        data=data,
        scale=_scale(config, study),
        metrics={item["key"]: Metric(**item) for item in data["metrics"]},
        scores=_scores(data["scores"], renamed),
        differences=_differences(data),
        names=names,
        styles={item["key"]: item["style"] for item in data["systems"] if item.get("style")},
        timings=_timings(data["points"]) if kind == "speed" else [],
        seconds={record.resolve().parent: read_json(record)["seconds"] for record in folder.glob("steps/*/step.json")},
    )


def _config(report: Path, folder: Path) -> dict[str, Any]:
    path = next((place for place in (report / "study.yaml", folder / "study.yaml") if place.is_file()), None)
    if path is None:
        raise ValueError("no study.yaml is beside it")
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise ValueError("its study.yaml is no configuration")
    return found


def identify(config: Mapping[str, Any]) -> str:
    """The shipped study that a configuration belongs to; "" for none.

    Grids are told apart by what they reproduce, studies of speed by their figure; every other kind is one study.
    """
    kind = config.get("kind", "paradigms")
    telling = {"grid": "reproduces", "speed": "figure"}.get(kind)
    for path in sorted(CONFIGS.glob("*.yaml")):
        shipped = _shipped(path.stem)
        if shipped.get("kind", "paradigms") == kind and (
            telling is None or (shipped.get(telling) and shipped[telling] == config.get(telling))
        ):
            return path.stem
    return ""


@cache
def _shipped(study: str) -> dict[str, Any]:
    return yaml.safe_load((CONFIGS / f"{study}.yaml").read_text(encoding="utf-8"))


def _scale(config: Mapping[str, Any], study: str) -> str:
    if not study:
        return OWN_SCALE
    path = CONFIGS / f"{study}.yaml"
    scales = _shipped(study).get("scales") or {"quick": None}
    try:
        own = parse(dict(config), KINDS[config.get("kind", "paradigms")], source=study)
    except UserError:  # keys that are no more
        return OWN_SCALE
    for scale, changes in scales.items():
        shipped = load_study(path, scale=scale if changes is not None else None)
        if _plain(shipped) == _plain(own):
            return scale
    return OWN_SCALE


def _plain(study: Any) -> dict[str, Any]:
    return study.model_dump(mode="json", exclude=set(_AT_ANY_SCALE))


def _system_names(data: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Short names by system; and, where settings are named apart from their marks, the name by the mark."""
    renamed = {item["system"]: item["label"] for item in data.get("settings", ())}
    names = {renamed.get(item["key"], item["key"]): item["short"] for item in data["systems"]}
    return names, renamed


def _scores(plain: Mapping[str, Any], renamed: Mapping[str, str]) -> dict[str, dict[str, Score]]:
    """Those that are numbers."""
    found: dict[str, dict[str, Score]] = {metric: {} for metric in plain}
    for metric, of_metric in plain.items():
        for system, score in of_metric.items():
            if None not in score.values():
                found[metric][renamed.get(system, system)] = Score(**score)
    return found


def _differences(data: Mapping[str, Any]) -> list[Difference]:
    settings = [*data.get("settings", ()), *([data["autoregressive"]] if "settings" in data else [])]
    items = [*data.get("differences", ()), *(item["difference"] for item in settings if item["difference"])]
    names = Difference.__dataclass_fields__
    return [
        Difference(**{name: item[name] for name in names if name in item})
        for item in items
        if None not in (item["value"], item["low"], item["high"], item["p_holm"])
    ]


def _timings(points: Mapping[str, Any]) -> list[Timing]:
    """Of the points that fit into memory."""
    places = [points["header"].index(name) for name in _POINTS]
    found = []
    for row in points["rows"]:
        draws, engine, layers, clips, seconds, latency, quartiles = (row[place] for place in places)
        if " to " not in quartiles:
            continue
        low, high = quartiles.split(" to ")
        times = (float(latency), float(low), float(high))
        found.append(Timing(draws, engine, int(layers), int(clips), float(seconds), times))
    return found
