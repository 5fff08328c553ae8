"""The judges that are there and the metrics they give, in the order of the table."""

from __future__ import annotations

from collections.abc import Callable

from counterpoint.config import UserError
from counterpoint.config.registry import Registry
from counterpoint.metrics.base import Judge, Metric, MetricFamily
from counterpoint.metrics.checkpoints import missing
from counterpoint.metrics.judges.clap import TOKENIZER

FAMILIES: Registry[Callable[[], MetricFamily | None]] = Registry("counterpoint.metrics", noun="family of metrics")
"""All families that are installed: functions that give a `MetricFamily`, or None where its weights are missing."""


def families() -> tuple[MetricFamily, ...]:
    """Those that can be had here, the paper's own first."""
    found = (make() for make in FAMILIES.values())
    return tuple(family for family in found if family is not None)


def judges() -> tuple[Judge, ...]:
    """Those of the families that can be had here."""
    return tuple(family.judge for family in families() if family.judge is not None)


def metrics() -> tuple[Metric, ...]:
    """Those of the families that can be had here, the paper's own first."""
    found = families()
    own = (metric for family in found for metric in family.own)
    return (*own, *(metric for family in found for metric in family.further))


def metric_named(name: str) -> Metric:
    """The metric that a verdict is to be about.

    Raises:
        UserError: none of that name can be had here, or one that says neither better nor worse.
    """
    known = {metric.info.name: metric for metric in metrics() if metric.info.better != "neither"}
    if name not in known:
        raise UserError(
            f"No verdict can be about {name!r}: the metrics that can be had here are {', '.join(known)}; "
            "`counterpoint metrics status` shows how to get others."
        )
    return known[name]


def absent() -> tuple[str, ...]:
    """Which published metrics are missing and how to get them, in one sentence if there are any."""
    lost = [f"{', '.join(one.gives)} ({one.name}, {one.megabytes} MB)" for one in missing() if one.name != TOKENIZER]
    lost += [family.missing for family in families() if family.missing]
    if not lost:
        return ()
    return (
        f"Not available for want of weights: {'; '.join(lost)}. `counterpoint metrics fetch NAME` gets what is in "
        "brackets.",
    )
