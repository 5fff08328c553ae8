"""Models given controls of the prompts' own music, and what is heard of these in their clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from counterpoint.metrics.preferences import best_judge
from counterpoint.report.numbers import listed
from counterpoint.results.schema import Judged
from counterpoint.study.pages.words import are_apart, scored

FOLLOWED: Mapping[str, str] = {"chords": "chords", "drums": "downbeats", "melody": "melody"}
"""What each control is judged by, in words; the order of the paper's columns."""
ADHERE = "adhere"
"""The step that judges what is followed."""


def measures(judged: Judged, given: Sequence[str], *, played: bool = True) -> dict[str, str]:
    """The metric that judges each control.

    Args:
        played: against exact truth where it is known; else the paper's way, against labels heard in the prompt's own
            music, and by the paper's own extractors where they have been there.
    """
    families = {control: f"{name} played" if played else name for control, name in FOLLOWED.items() if control in given}
    found = {control: best_judge(family, judged.metrics) for control, family in families.items()}
    return {control: metric for control, metric in found.items() if metric}


def given_against_free(judged: Judged, judges: Mapping[str, str], steered: str, free: str, *, name: str) -> str:
    """Numbers of a model given controls against those of the same given none; "" where nothing is judged."""
    parts = [
        f"{FOLLOWED[control]} {scored(judged, key, steered)} against {scored(judged, key, free)}"
        f" ({'clearly different' if are_apart(judged, key, steered, free) else 'could be chance'})"
        for control, key in judges.items()
    ]
    controls = listed([FOLLOWED[control] for control in judges])
    return f"{name}, with {controls} given and with the caption only: {'; '.join(parts)}." if parts else ""
