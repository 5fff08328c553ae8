"""The judges and metrics that are available, in the order of the table."""

from __future__ import annotations

from collections.abc import Callable

from counterpoint.config import UserError
from counterpoint.config.registry import Registry
from counterpoint.metrics.base import Judge, Metric, MetricFamily
from counterpoint.metrics.checkpoints import missing
from counterpoint.metrics.judges.clap import TOKENIZER

FAMILIES: Registry[Callable[[], MetricFamily | None]] = Registry("counterpoint.metrics", noun="family of metrics")
"""All installed families: functions that return a `MetricFamily`, or None if its weights are missing."""


def families() -> tuple[MetricFamily, ...]:
    """The available families, the paper's own first."""
    found = (make() for make in FAMILIES.values())
    return tuple(family for family in found if family is not None)


def judges() -> tuple[Judge, ...]:
    """The judges of the available families."""
    return tuple(family.judge for family in families() if family.judge is not None)


def metrics() -> tuple[Metric, ...]:
    """The metrics of the available families, the paper's own first."""
    found = families()
    own = (metric for family in found for metric in family.own)
    return (*own, *(metric for family in found for metric in family.further))


def metric_named(name: str) -> Metric:
    """The metric on which a verdict is based.

    Raises:
        UserError: no such metric is available, or neither direction of it is better.
    """
    known = {metric.info.name: metric for metric in metrics() if metric.info.better != "neither"}
    if name not in known:
        raise UserError(
            f"A verdict cannot be based on {name!r}: the available metrics are {', '.join(known)}; "
            "`counterpoint metrics status` shows how to get others."
        )
    return known[name]


def absent() -> tuple[str, ...]:
    """One sentence on the missing published metrics and how to get them, if there are any."""
    lost = [f"{', '.join(one.gives)} ({one.name}, {one.megabytes} MB)" for one in missing() if one.name != TOKENIZER]
    lost += [family.missing for family in families() if family.missing]
    if not lost:
        return ()
    return (
        f"Not available (weights missing): {'; '.join(lost)}. `counterpoint metrics fetch NAME` fetches the weights in "
        "brackets.",
    )
