"""What every trained model of a study was given, side by side, so that what is equal is computed and not claimed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from counterpoint.bench.takes import FORWARD_AND_BACKWARD, forward_flops
from counterpoint.config import LatentSpec
from counterpoint.results.costs import Model
from counterpoint.results.gates import name_of
from counterpoint.results.schema import Results

TOLERANCE = 0.05
"""Quantities that differ by more count as different."""


@dataclass(frozen=True)
class Given:
    """What went into one model, with all that was done before to the weights that it began with.

    Attributes:
        step: that trained it.
        name: of the model, at the begin of a sentence.
        start: the name of the model whose weights it began with; "" where they were drawn.
        parameters: trainable ones.
        updates, examples, audio_s: seen, with repetition.
        flops: of the updates, forward and backward; None where the latents are not known.
        wall_s: time in updates.
        trials: settings of its sampler that this study tried.
        place: labels of its place in a grid, without that of its paradigm; empty where there is no grid.
    """

    step: str
    name: str
    paradigm: str
    start: str
    parameters: int
    updates: int
    examples: int
    audio_s: float
    flops: float | None
    wall_s: float
    trials: int
    place: tuple[str, ...] = ()


QUANTITIES: Mapping[str, Callable[[Given], float | None]] = {
    "parameters": lambda given: given.parameters,
    "updates": lambda given: given.updates,
    "examples": lambda given: given.examples,
    "FLOPs of training": lambda given: given.flops,
    "time in updates": lambda given: given.wall_s,
    "settings of the sampler tried": lambda given: given.trials,
}
"""What should be equal, by its name in running text."""


def side_by_side(results: Results) -> list[Given]:
    """Every trained model of a study, in the order of its results."""
    return [_given(results, step) for step, model in results.models.items() if model.result.steps]


def unequal(given: Sequence[Given]) -> list[str]:
    """Names of the quantities by which some models differ by more than `TOLERANCE`, and whether they start alike.

    In a grid models at one place are compared: what the axes set may differ from place to place.
    """
    rivals = [[each for each in given if each.place == place] for place in {each.place for each in given}]
    found = [
        name
        for name, of in QUANTITIES.items()
        if any(_differ([value for each in own if (value := of(each)) is not None]) for own in rivals)
    ]
    alike = all(len({bool(each.start) for each in own}) == 1 for own in rivals)
    return [*found, *([] if alike else ["starting point"])]


def _differ(values: Sequence[float]) -> bool:
    return bool(values) and max(values) > (1 + TOLERANCE) * min(values)


def _given(results: Results, step: str) -> Given:
    chain = _chain(results, step)
    models = [results.models[each] for each in chain]
    own, costs = models[0], [_flops(results, model) for model in models]
    return Given(
        step=step,
        name=name_of(results, step),
        paradigm=own.config.model.paradigm,
        start=name_of(results, chain[1]) if len(chain) > 1 else own.config.start,
        parameters=own.result.parameters,
        updates=sum(model.result.steps for model in models),
        examples=sum(model.result.examples for model in models),
        audio_s=sum(model.result.audio_s for model in models),
        flops=None if None in costs else sum(cost for cost in costs if cost is not None),
        wall_s=sum(model.result.wall_s for model in models),
        trials=_trials(results, own.config.model.paradigm),
        place=_place(results, step),
    )


def _place(results: Results, step: str) -> tuple[str, ...]:
    """The labels that all systems of the model trained by a step share, except that of the paradigm."""
    base = step.partition("@")[0]
    labels = [system.labels for system in results.systems.values() if system.model == base]
    axes = [axis for axis in (labels[0] if labels else {}) if axis != "paradigm"]
    return tuple(labels[0][axis] for axis in axes if len({own.get(axis) for own in labels}) == 1)


def _chain(results: Results, step: str) -> list[str]:
    """The step and, before it, those whose weights it began with, the nearest first."""
    records = results.provenance.steps
    keys = {record.key: name for name, record in records.items() if name in results.models}
    chain = [step]
    while (record := records.get(chain[-1])) and (start := keys.get(record.inputs.get("start", ""))):
        chain.append(start)
    return chain


def _flops(results: Results, model: Model) -> float | None:
    """Sums over all updates of one training."""
    latent = _latent(results, model.config.data.codec)
    if latent is None or not model.result.examples:
        return None
    seconds = model.result.audio_s / model.result.examples
    one = forward_flops(model.config.model, latent, frames=max(1, round(seconds * latent.frame_rate)))
    return FORWARD_AND_BACKWARD * model.result.examples * one


def _latent(results: Results, codec: str) -> LatentSpec | None:
    """The codec of a run, which stores its name or its fingerprint."""
    known = list(results.latents.values())
    named = [latent for latent in known if codec in (latent.codec, latent.fingerprint)]
    return next(iter(named or known), None) if named or len(known) == 1 else None


def _trials(results: Results, paradigm: str) -> int:
    return sum(len(search.tried) for search in results.searches.values() if search.paradigm == paradigm)
