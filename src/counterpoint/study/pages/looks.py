"""How the systems of a study look in its report: what they are decides, and a paradigm brings its own mark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from counterpoint import report
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import Mark
from counterpoint.results import schema
from counterpoint.results.schema import HALVES, TRUTH

_FIXED: Mapping[str, Mark] = {
    "truth": Mark(shape="triangle", colour="ink"),
    "codec": Mark(shape="square", colour="ochre"),
    "anchor": Mark(shape="bar", colour="grey"),
    "outside": Mark(shape="hourglass", colour="purple", dash="mixed"),
    "floor": Mark(shape="circle", colour="grey"),
}
"""By origin, of what no model of the study made."""


def of_paradigm(paradigm: str) -> Mark:
    """The mark that a paradigm brings; a grey circle for none."""
    if paradigm not in PARADIGMS:
        return Mark()
    entry = PARADIGMS[paradigm]
    return Mark(shape=entry.mark, colour=f"light-dark({entry.colour}, {entry.colour_dark})")


def look(system: schema.System) -> Mark:
    """The mark of a system."""
    if system.key.startswith(HALVES):
        return replace(_FIXED["truth"], fill="hollow")
    if system.origin == "codec":
        return replace(_FIXED["codec"], fill="hollow" if "latents" in system.key else "solid")
    if system.origin in _FIXED:
        return _FIXED[system.origin]
    own = of_paradigm(system.paradigm)
    return replace(own, fill="hollow") if system.origin == "untrained" else own


def shown_systems(
    found: Iterable[schema.System], *, marks: Mapping[str, Mark] | None = None
) -> dict[str, report.System]:
    """Systems as a report shows them, by key.

    Args:
        marks: by key, in place of what `look` gives.
    """
    marks = marks or {}
    return {
        system.key: report.System(
            key=system.key,
            name=system.name,
            short=system.short,
            what=system.what,
            mark=marks.get(system.key) or look(system),
        )
        for system in found
    }


def is_truth(key: str) -> bool:
    """Whether a system is the ground truth, of all clips or of those of one length."""
    return key == TRUTH or key.startswith(f"{TRUTH}_")
