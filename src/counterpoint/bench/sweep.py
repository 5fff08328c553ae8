"""Interleaved repeats of many points, in a file of JSON lines from which the same sweep continues.

A line is one run. Repeats are interleaved over the points, so that a temporary slowdown of the machine affects all of
them; a disturbed run is marked and repeated, at most once more for each repeat.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from counterpoint.bench.machine import device_name
from counterpoint.bench.measure import Bench, OutOfMemory, Run
from counterpoint.bench.point import Point
from counterpoint.config import UserError, digest
from counterpoint.config.text import split_lines
from counterpoint.package import VERSION

Progress = Callable[[float, float], None]
LONG_S = 10.0
"""Seconds; a point that takes longer is run once."""


@dataclass(frozen=True)
class Measured:
    """All runs of a point.

    Attributes:
        device: name of the device.
        latency_s: latency of the whole batch, the median of undisturbed runs, or of all if every one was disturbed.
        low_s, high_s: quartiles of the latency.
        runs: number of these runs.
        disturbed: number of disturbed runs.
        is_clean: whether these runs are undisturbed.
        peak_bytes: peak memory besides the weights.
        evaluations: number of network passes.
        out_of_memory: whether it does not fit, in which case nothing else is known.
    """

    point: Point
    device: str
    latency_s: float = 0.0
    low_s: float = 0.0
    high_s: float = 0.0
    runs: int = 0
    disturbed: int = 0
    is_clean: bool = True
    peak_bytes: int | None = None
    evaluations: int = 0
    out_of_memory: OutOfMemory | None = None

    @property
    def throughput(self) -> float:
        """Clips per second."""
        return self.point.batch / self.latency_s


def sweep(
    points: Sequence[Point], *, out: Path, repeats: int = 3, long_s: float = LONG_S, progress: Progress | None = None
) -> list[Measured]:
    """Measure the points that `out` does not yet contain.

    Args:
        out: JSON lines, to which each run adds a line.
        repeats: number of undisturbed runs of each point.
        long_s: a point that takes longer is run once.
        progress: called with (points done, total points).

    Raises:
        UserError: repeats is 0, or the device of a point is not present.
    """
    if repeats < 1:
        raise UserError(f"repeats is {repeats}; it must be at least 1.")
    by_key = {key(point): point for point in points}
    log, bench = _Log(out, list(by_key)), Bench()

    def waiting() -> list[str]:
        found = [name for name in by_key if not log.is_done(name, repeats=repeats, long_s=long_s)]
        if progress is not None:
            progress(len(by_key) - len(found), len(by_key))
        return found

    for _ in range(2 * repeats):
        for name in waiting():
            log.add(name, by_key[name], bench.run(by_key[name]))
            waiting()
    return read_points(out, wanted=points)


def read_points(path: Path, *, wanted: Iterable[Point] | None = None) -> list[Measured]:
    """The points in a file of runs: the `wanted` ones, measured here, or all, in the order of their first runs."""
    records = _read(path)
    if wanted is not None:
        keys = list(dict.fromkeys(key(point) for point in wanted))
    else:
        keys = list(dict.fromkeys(record["key"] for record in records))
    by_key = {found: [record for record in records if record["key"] == found] for found in keys}
    return [_summary(of_key) for of_key in by_key.values() if of_key]


def key(point: Point) -> str:
    """A key that is equal for comparable runs: the same point on the same device with the same versions."""
    import torch

    return digest([point.model_dump(mode="json"), device_name(point.device), torch.__version__, VERSION])


class _Log:
    """A file of runs."""

    def __init__(self, path: Path, keys: Sequence[str]):
        self.path = path
        self.records: dict[str, list[dict[str, Any]]] = {found: [] for found in keys}
        for record in _read(path):
            if record["key"] in self.records:
                self.records[record["key"]].append(record)

    def is_done(self, name: str, *, repeats: int, long_s: float) -> bool:
        records = self.records[name]
        if any("out_of_memory" in record for record in records):
            return True
        clean = [record["seconds"] for record in records if not record["disturbed"]]
        wanted = 1 if any(record["seconds"] > long_s for record in records) else repeats
        return len(clean) >= wanted or len(records) >= 2 * wanted

    def add(self, name: str, point: Point, found: Run | OutOfMemory) -> None:
        import torch

        record: dict[str, Any] = {
            "key": name,
            "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "device": device_name(point.device),
            "torch": torch.__version__,
            "point": point.model_dump(mode="json"),
        }
        if isinstance(found, Run):
            record |= {**asdict(found), "disturbed": found.disturbed}
        else:
            record["out_of_memory"] = asdict(found)
        self.records[name].append(record)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        cut = self.path.is_file() and self.path.read_bytes()[-1:] not in (b"", b"\n")
        with self.path.open("a", encoding="utf-8") as file:
            file.write("\n" * cut + json.dumps(record) + "\n")


def _read(path: Path) -> list[dict[str, Any]]:
    """Complete lines; a line that was cut when a run was killed is skipped."""
    if not path.is_file():
        return []
    records = []
    for line in split_lines(path.read_text(encoding="utf-8")):
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return records


def _summary(records: Sequence[dict[str, Any]]) -> Measured:
    first = records[0]
    point, device = Point.model_validate(first["point"]), first["device"]
    failed = next((record["out_of_memory"] for record in records if "out_of_memory" in record), None)
    if failed is not None:
        return Measured(point, device, out_of_memory=OutOfMemory(**failed))
    clean = [record for record in records if not record["disturbed"]]
    kept = clean or list(records)
    seconds = [record["seconds"] for record in kept]
    low, _, high = quantiles(seconds, n=4, method="inclusive") if len(seconds) > 1 else seconds * 3
    peaks = [record["peak_bytes"] for record in kept if record["peak_bytes"] is not None]
    return Measured(
        point,
        device,
        latency_s=median(seconds),
        low_s=low,
        high_s=high,
        runs=len(kept),
        disturbed=len(records) - len(clean),
        is_clean=bool(clean),
        peak_bytes=max(peaks, default=None),
        evaluations=kept[0]["evaluations"],
    )
