"""Marks and names of the systems in a report: the origin of a system determines them, and a paradigm has its own
mark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import Mark, System
from counterpoint.report.marks import Fill
from counterpoint.results import schema
from counterpoint.results.schema import HALVES, OTHER, TRUTH, Judged, Origin, Results

ORDER: Sequence[Origin] = (
    "truth",
    "codec",
    "model",
    "untrained",
    "trivial",
    "shipped",
    "outside",
    "anchor",
    "floor",
)
"""Marks by origin, in tables and charts."""
_FIXED: Mapping[str, Mark] = {
    "truth": Mark(shape="triangle", colour="ink"),
    "codec": Mark(shape="square", colour="ochre"),
    "anchor": Mark(shape="bar", colour="grey"),
    "outside": Mark(shape="hourglass", colour="purple", dash="mixed"),
    "floor": Mark(shape="circle", colour="grey"),
}
"""Names by origin, for systems without a model of the study."""
VIEWS = {"latents": "continuous", "codes": "quantised"}
_FLOORS: Mapping[str, tuple[str, str, str]] = {
    HALVES: (
        "Held-out music, two halves",
        "Held-out halves",
        "One half of the reference tracks against the other: the distances without any difference.",
    ),
    OTHER: ("Another clip", "Another clip", "The ground truth of another prompt: a system that follows nothing."),
}
"""Name, short name and description of floors without clips."""


def of_paradigm(paradigm: str) -> Mark:
    """The mark of a paradigm; a grey circle without one."""
    if paradigm not in PARADIGMS:
        return Mark()
    entry = PARADIGMS[paradigm]
    return Mark(shape=entry.mark, colour=f"light-dark({entry.colour}, {entry.colour_dark})")


def variant(
    key: str, paradigm: str, words: str, what: str, *, fill: Fill = "solid", mark: Mark | None = None
) -> System:
    """A system of a paradigm, distinguished from others by a few words and by the filling of its mark."""
    entry = PARADIGMS[paradigm]
    return System(
        key=key,
        name=f"{entry.label}, {words}",
        short=f"{entry.short}, {words}",
        what=what,
        mark=mark or replace(of_paradigm(paradigm), fill=fill),
    )


def shown_systems(
    results: Results,
    judged: Judged,
    *,
    own: Mapping[str, System] | None = None,
    lengths: Sequence[str] = (),
    codecs: Mapping[str, str] | None = None,
) -> dict[str, System]:
    """The systems with a score, by key, in the order of tables.

    Args:
        own: by key, the systems that the page names itself, in their order.
        lengths: ends of keys that mark clips of one length, such as `5s`.
        codecs: names of codecs, if there are several, by the label in the keys of their systems.
    """
    own = own or {}
    found = [*results.systems.values(), *_floors(judged)]
    ranks = {origin: place for place, origin in enumerate(ORDER)}
    places = {key: place for place, key in enumerate(own)}
    found.sort(key=lambda system: (ranks[system.origin], places.get(system.key, len(places))))
    known = set(judged.systems)
    return {
        system.key: own.get(system.key) or _shown(system, lengths, codecs or {})
        for system in found
        if system.key in known | {*own}
    }


def _floors(judged: Judged) -> list[schema.System]:
    """Floors as systems, separately for each length of clips."""
    found = []
    for key in judged.systems:
        base = next((base for base in _FLOORS if key == base or key.startswith(f"{base}_")), "")
        if base:
            name, short, what = _FLOORS[base]
            found.append(schema.System(key=key, name=name, short=short, what=what, origin="floor"))
    return found


def _shown(system: schema.System, lengths: Sequence[str], codecs: Mapping[str, str]) -> System:
    """A system that the page does not name itself."""
    length = next((length for length in lengths if system.key.endswith(f"_{length}")), "")
    name, short, what = _words(system, system.key.removesuffix(f"_{length}"), codecs)
    suffix = f", {length.replace('s', ' s')}" if length else ""
    return System(key=system.key, name=f"{name}{suffix}", short=f"{short}{suffix}", what=what, mark=_mark(system))


def _words(system: schema.System, base: str, codecs: Mapping[str, str]) -> tuple[str, str, str]:
    """Name, short name and description."""
    if system.origin == "codec":
        codec, _, view = base.removeprefix("reconstruction").removeprefix("_").rpartition("_")
        name = f"Codec, {', '.join(filter(None, (codecs.get(codec, codec), VIEWS.get(view, view))))}"
        what = "The ground truth through the codec, "
        what += "and its quantiser" if view == "codes" else "not quantised"
        return name, name, f"{what}: the upper limit for models of its latents."
    if system.origin == "outside":
        what = "An outside system: clips that answer the prompts. Its training data and budget are unknown here."
        return base, base, what
    return system.name, system.short or system.name, system.what


def _mark(system: schema.System) -> Mark:
    if system.key.startswith(HALVES):
        return replace(_FIXED["truth"], fill="hollow")
    if system.origin == "codec":
        return replace(_FIXED["codec"], fill="solid" if system.key.find("codes") >= 0 else "hollow")
    if system.origin in _FIXED:
        return _FIXED[system.origin]
    own = of_paradigm(system.paradigm)
    return replace(own, fill="hollow") if system.origin == "trivial" else own


def is_truth(key: str) -> bool:
    """Whether a system is the ground truth, for all clips or for one length."""
    return key == TRUTH or key.startswith(f"{TRUTH}_")
