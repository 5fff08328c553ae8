"""Departures from the paper are listed in the reports of the studies that they touch, and only there."""

from __future__ import annotations

from counterpoint.claims.departures import departures
from counterpoint.study.kinds import KINDS


def about(kind: str, scale: str) -> set[str]:
    return {each.about for each in departures(kind, scale)}


def test_each_stands_where_it_belongs() -> None:
    assert "Spans in the training for inpainting" in about("inpainting", "paper")
    assert "Spans in the training for inpainting" not in about("grid", "paper")
    assert "Text encoder" in about("grid", "quick") and "Text encoder" not in about("grid", "paper")
    assert "Text encoder" in about("grid", ""), "a configuration of one's own may have it"
    assert "Auto-regressive sampling" in about("controls", "quick")


def test_kinds_are_known() -> None:
    named = {
        kind
        for scale in ("", "paper", "quick")
        for kind in KINDS
        for each in departures(kind, scale)
        for kind in each.kinds
    }
    assert named <= set(KINDS) and named
