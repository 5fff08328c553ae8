"""Timing of one point: wall time between synchronisations, peak memory, and processor use by other programs."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from counterpoint.bench.machine import DISTURBED, Busy, Device
from counterpoint.bench.point import PAPER_LATENT, Point
from counterpoint.bench.reference import sample_reference
from counterpoint.bench.roofline import sampling_memory
from counterpoint.config.machine import peak_memory, reset_peak_memory, resident_memory
from counterpoint.generate.memory import free_bytes
from counterpoint.paradigm import Paradigm, Sample, build_paradigm
from counterpoint.paradigm.cost import TEXT_TOKENS

CAPTION = " ".join(f"word{index}" for index in range(TEXT_TOKENS))


@dataclass(frozen=True)
class Run:
    """One run of a point.

    Attributes:
        seconds: from prompts to latents or codes of the whole batch.
        peak_bytes: peak memory besides the weights; None if the system does not report it.
        foreign: share of the processors that others used; None if the system does not report it.
        evaluations: network passes, in which a guided pass counts once.
    """

    seconds: float
    peak_bytes: int | None
    foreign: float | None
    evaluations: int

    @property
    def disturbed(self) -> bool:
        return self.foreign is not None and self.foreign > DISTURBED


@dataclass(frozen=True)
class OutOfMemory:
    """A point that does not fit into memory.

    Attributes:
        planned: bytes needed besides the weights, by the cost model.
        free: free bytes.
        tried: whether it was run anyway, and failed.
    """

    planned: int
    free: int
    tried: bool


class Bench:
    """Models with random weights, which are built when needed and kept, and on which points are run."""

    def __init__(self) -> None:
        self._models: dict[str, Paradigm] = {}
        self._warm: set[str] = set()

    def run(self, point: Point) -> Run | OutOfMemory:
        """Run a point once, with a warm-up the first time; running out of memory is reported, not raised."""
        model = self._model(point)
        planned, free = sampling_memory(point), free_bytes(torch.device(point.device))
        if planned > free:
            return OutOfMemory(planned, free, tried=False)
        try:
            key = point.model_dump_json()
            if key not in self._warm:
                draw(model, _shortened(point))
                self._warm.add(key)
            return _timed(lambda: draw(model, point), device=point.device)
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not _is_memory(error):
                raise
        gc.collect()
        if point.device == "cuda":
            torch.cuda.empty_cache()
        return OutOfMemory(planned, free, tried=True)

    def _model(self, point: Point) -> Paradigm:
        config = point.model
        key = f"{config.model_dump_json()} {point.device} {point.dtype} {point.engine}"
        if key not in self._models:
            self._models[key] = build(point)
        return self._models[key]


def build(point: Point) -> Paradigm:
    """A model with random weights, on its device and ready for its engine."""
    model = build_paradigm(point.model, PAPER_LATENT).eval().requires_grad_(False)
    # The plain engine on a CPU uses weights as they are.
    if point.engine != "reference" or point.device != "cpu":
        compiled = point.engine == "compiled" and point.entry.compiles
        model.lay_out(device=point.device, precision=point.dtype, compiled=compiled)
    return model


def draw(model: Paradigm, point: Point) -> Sample:
    """Draw the clips of a point."""
    text = model.prepare([CAPTION if point.captioned else None] * point.batch).to(point.device)
    generators = [torch.Generator().manual_seed(seed) for seed in range(point.batch)]
    if point.engine == "reference":
        return sample_reference(model, text=text, frames=point.frames, sampling=point.sampling, generators=generators)
    lengths = torch.full((point.batch,), point.frames, device=point.device)
    return model.sample(text=text, lengths=lengths, sampling=point.sampling, generators=generators)


def _shortened(point: Point) -> Point:
    """A short warm-up: an evaluation, or a few steps; on a GPU, whose caches have the whole clip's shape, all steps."""
    if not point.cost.sequential:
        return point.model_copy(update={"solver": "euler", "steps": 1})
    if point.device == "cuda":
        return point
    return point.model_copy(update={"duration_s": min(point.duration_s, 4 / PAPER_LATENT.frame_rate)})


def _timed(work: Callable[[], Sample], *, device: Device) -> Run:
    before = _start_memory(device)
    busy = Busy.now()
    started = time.perf_counter()
    sample = work()
    if device == "cuda":
        torch.cuda.synchronize()
    seconds = time.perf_counter() - started
    foreign = Busy.now().foreign_since(busy)
    peak = torch.cuda.max_memory_allocated() if device == "cuda" else peak_memory()
    taken = None if peak is None or before is None else max(0, peak - before)
    return Run(seconds=seconds, peak_bytes=taken, foreign=foreign, evaluations=sample.network_evaluations)


def _start_memory(device: Device) -> int | None:
    """Bytes currently in use, from which peaks are measured."""
    if device == "cpu":
        reset_peak_memory()
        return resident_memory()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    return torch.cuda.memory_allocated()


def _is_memory(error: Exception) -> bool:
    words = ("not enough memory", "can't allocate memory")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(word in str(error) for word in words)
