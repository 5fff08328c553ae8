"""Models with controls of the prompts' own music, and how well their clips follow them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from counterpoint.metrics.preferences import best_judge
from counterpoint.report.numbers import listed
from counterpoint.results.schema import Judged
from counterpoint.study.pages.words import are_apart, scored

FOLLOWED: Mapping[str, str] = {"chords": "chords", "drums": "downbeats", "melody": "melody"}
"""Controls in words, in the order of the paper's columns."""
ADHERE = "adhere"
"""The step that evaluates how well controls are followed."""


def measures(judged: Judged, given: Sequence[str], *, played: bool = True) -> dict[str, str]:
    """The metric of each control.

    Args:
        played: whether to prefer exact truth if it is known; otherwise metrics are those of the paper, with labels
            detected in the prompt's own music, by the paper's own extractors if they are installed.
    """
    families = {control: f"{name} played" if played else name for control, name in FOLLOWED.items() if control in given}
    found = {control: best_judge(family, judged.metrics) for control, family in families.items()}
    return {control: metric for control, metric in found.items() if metric}


def given_against_free(judged: Judged, judges: Mapping[str, str], steered: str, free: str, *, name: str) -> str:
    """Numbers of a model with controls compared with those of the same without; "" without any metric."""
    parts = [
        f"{FOLLOWED[control]} {scored(judged, key, steered)} against {scored(judged, key, free)}"
        f" ({'clearly different' if are_apart(judged, key, steered, free) else 'could be chance'})"
        for control, key in judges.items()
    ]
    controls = listed([FOLLOWED[control] for control in judges])
    return f"{name}, with {controls} given and with the caption only: {'; '.join(parts)}." if parts else ""
