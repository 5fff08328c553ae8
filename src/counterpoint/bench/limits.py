"""A device's limits: the fastest matrix products and memory reads, known or measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from counterpoint.bench.machine import DISTURBED, Busy, Device, device_name
from counterpoint.config import UserError, parse, read_json, write_json
from counterpoint.config.schema import Config
from counterpoint.kernels import Precision

ROUNDS, PATIENCE_S = 9, 1.0
"""Number of rounds of which the best is the limit, or the time for them in seconds: disturbed rounds are slower."""


class Limits(Config):
    """The limits of a device.

    Attributes:
        name: name of the device.
        kind: the device type in torch, cpu or cuda.
        flops: FLOP/s of large matrix products, by number format.
        bandwidth: bytes per second read from memory.
        memory: bytes; None if unknown.
        foreign: share of the processors that other programs used during the measurement.
    """

    name: str
    kind: Device
    flops: dict[Precision, float]
    bandwidth: float
    memory: float | None = None
    foreign: float | None = None

    def rate(self, precision: Precision) -> float:
        """FLOP/s of a number format.

        Raises:
            UserError: the rate of the number format is unknown.
        """
        if precision not in self.flops:
            raise UserError(f"The speed of {precision} on {self.name} is unknown; choose {', '.join(self.flops)}.")
        return self.flops[precision]


def known_devices() -> dict[str, Limits]:
    """Known devices, which need not be present, by name."""
    values = yaml.safe_load((Path(__file__).parent / "devices.yaml").read_text(encoding="utf-8"))
    return {name: parse(given, Limits, source=f"devices.yaml, {name}") for name, given in values.items()}


def load_limits(path: Path) -> Limits:
    """Read limits written by `device_limits`."""
    return parse(read_json(path), Limits, source=str(path))


def device_limits(path: Path, *, device: Device) -> Limits:
    """The limits of a present device: from `path` if they belong to it, else measured and written there.

    Limits that were measured under disturbance are measured again, and the best of both is kept.
    """
    known = load_limits(path) if path.is_file() else None
    known = known if known is not None and known.name == device_name(device) else None
    if known is not None and (known.foreign or 0.0) <= DISTURBED:
        return known
    limits = measure_limits(device)
    limits = limits if known is None else _best(limits, known)
    write_json(path, limits.model_dump())
    return limits


def _best(new: Limits, old: Limits) -> Limits:
    flops = {precision: max(rate, old.flops.get(precision, 0.0)) for precision, rate in new.flops.items()}
    return new.model_copy(update={"flops": flops, "bandwidth": max(new.bandwidth, old.bandwidth)})


def measure_limits(device: Device) -> Limits:
    """Measure a device's limits, in some seconds.

    On a CPU, weights of fewer bits are used in float32 unless their own products are faster.

    Raises:
        UserError: there is no such device.
    """
    name, busy = device_name(device), Busy.now()
    flops: dict[Precision, float] = {
        precision: rate for precision in _KINDS if (rate := _gemm_rate(precision, device)) is not None
    }
    if device == "cpu":
        flops = {precision: max(rate, flops["fp32"]) for precision, rate in flops.items()}
    bandwidth = measure_bandwidth(device)
    foreign = Busy.now().foreign_since(busy)
    memory = _memory(device)
    return Limits(name=name, kind=device, flops=flops, bandwidth=bandwidth, memory=memory, foreign=foreign)


_KINDS: dict[Precision, str] = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16", "int8": "int8"}


def _gemm_rate(precision: Precision, device: Device) -> float | None:
    """FLOP/s of square products; None if the device does not support this format."""
    import torch

    side = 8192 if device == "cuda" else 1024 if precision == "fp32" else 256
    dtype = getattr(torch, _KINDS[precision])
    ones = torch.ones(side, side, dtype=dtype, device=device)
    product: Callable[[], Any] = (lambda: torch._int_mm(ones, ones)) if precision == "int8" else (lambda: ones @ ones)
    try:
        return 2 * side**3 / _best_seconds(product, device)
    except RuntimeError:
        return None


def _memory(device: Device) -> float:
    if device == "cpu":
        import psutil

        return float(psutil.virtual_memory().total)
    import torch

    return float(torch.cuda.get_device_properties(0).total_memory)


def measure_bandwidth(device: Device) -> float:
    """Bytes per second of the fastest way to read: a sum, a matrix-vector product, or a copy."""
    import torch

    side = 32768 if device == "cuda" else 8192
    matrix = torch.ones(side, side, device=device)
    vector, copy, size = torch.ones(side, device=device), torch.empty_like(matrix), matrix.numel() * 4
    ways = ((size, matrix.sum), (size, lambda: torch.mv(matrix, vector)), (2 * size, lambda: copy.copy_(matrix)))
    return max(moved / _best_seconds(way, device) for moved, way in ways)


def _best_seconds(work: Callable[[], Any], device: Device) -> float:
    """Seconds of one run, the best of some rounds of runs that last long enough to be timed."""
    import torch

    wait = torch.cuda.synchronize if device == "cuda" else (lambda: None)

    def seconds(runs: int) -> float:
        wait()
        started = time.perf_counter()
        for _ in range(runs):
            work()
        wait()
        return (time.perf_counter() - started) / runs

    once = seconds(1)
    runs = max(1, min(50, round(0.05 / once)))
    rounds = max(1, min(ROUNDS, round(PATIENCE_S / (once * runs))))
    return min(seconds(runs) for _ in range(rounds))
