"""The measures of adherence that `evaluate_adherence` takes, in the order of its table.

Every measure comes in two versions. With pseudo-labels, as in the paper, it compares the labels that one extractor
detects in the clip and in the reference audio. With exact truth, which the embedded corpus has, its name ends in
`_exact`; the extractor's errors then count against every system, and the ground truth itself stays below 1.

On 48 clips of 5 s of the embedded corpus, exact: ground truth, reconstruction from codes of a small EnCodec, a mixture
of each clip with another as loud, another clip score 0.73, 0.56, 0.18, 0.03 in `chord_iou_viterbi25`, 0.66, 0.54, 0.41,
0.19 in `beat_f1_librosa`, 0.43, 0.30, 0.24, 0.04 in `downbeat_f1_librosa` and 0.79, 0.67, 0.51, 0.08 in
`melody_pitch_class`.
Pseudo-labels separate the same systems a little better (t statistics mostly 1.1 to 1.4 times as large): an error that
the extractor makes on both sides costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from counterpoint.analysis import chordino
from counterpoint.analysis.beats import find_checkpoint
from counterpoint.metrics.adherence_features import ClipAnalysis
from counterpoint.metrics.adherence_measures import (
    beat_f1,
    chord_classes,
    chord_iou,
    chord_iou_macro,
    chord_majmin,
    pitch_class_agreement,
    triads,
)
from counterpoint.metrics.base import MetricInfo

Compare = Callable[[ClipAnalysis, ClipAnalysis], float]
"""(truth, detected), both of one length, to the value of a clip; NaN if the truth is unknown."""
Truth = Literal["pseudo", "exact"]


@dataclass(frozen=True)
class Measure:
    """One comparison with one kind of truth."""

    info: MetricInfo
    truth: Truth
    compare: Compare


def _measure(
    name: str, *, truth: Truth, title: str, what: str, compare: Compare, chance: float | None = None
) -> Measure:
    info = MetricInfo(name, what, "", "higher", at_least=0.0, at_most=1.0, chance=chance, title=title)
    return Measure(info, truth, compare)


def _both(name: str, *, title: str, what: str, compare: Compare) -> tuple[Measure, Measure]:
    by_detection, by_labels = f"{what}, with the labels detected in the reference", f"{what}, with the exact labels"
    return (
        _measure(name, truth="pseudo", title=f"{title} (detected truth)", what=by_detection, compare=compare),
        _measure(f"{name}_exact", truth="exact", title=f"{title} (exact truth)", what=by_labels, compare=compare),
    )


_TRIADS = "triads (major, minor or none; other chords do not count)"
MEASURES: tuple[Measure, ...] = (
    *_both(
        "chord_iou_viterbi25",
        title="Chord adherence",
        what=f"agreement of {_TRIADS}: micro intersection over union m / (2T - m), m of T frames of 20 ms agreeing",
        compare=lambda truth, detected: chord_iou(triads(truth.annotation), triads(detected.annotation)),
    ),
    *_both(
        "chord_iou_macro_viterbi25",
        title="Chord adherence, all chords weighted equally",
        what=f"agreement of {_TRIADS}: intersection over union of the frames of each, mean over those in either",
        compare=lambda truth, detected: chord_iou_macro(triads(truth.annotation), triads(detected.annotation)),
    ),
    *_both(
        "chord_majmin_viterbi25",
        title="Chord adherence by time",
        what=f"agreement of {_TRIADS}: mir_eval's majmin, the share of the time",
        compare=lambda truth, detected: chord_majmin(truth.annotation, detected.annotation),
    ),
    *_both(
        "downbeat_f1_librosa",
        title="Downbeat adherence",
        what="agreement of downbeats: F1 within 50 ms",
        compare=lambda truth, detected: beat_f1(truth.annotation.downbeats_s, detected.annotation.downbeats_s),
    ),
    *_both(
        "beat_f1_librosa",
        title="Beat adherence",
        what="agreement of all beats: F1 within 50 ms",
        compare=lambda truth, detected: beat_f1(
            *([time for time, _ in each.annotation.beats] for each in (truth, detected))
        ),
    ),
    _measure(
        "melody_similarity",
        title="Melody adherence (detected truth)",
        truth="pseudo",
        what="share of frames (0.512 s every 0.128 s) whose strongest pitch class is the reference's, as for MusicGen",
        compare=lambda truth, detected: pitch_class_agreement(truth.pitch_classes, detected.pitch_classes),
        chance=0.09,
    ),
    _measure(
        "melody_pitch_class_exact",
        title="Melody adherence (exact truth)",
        truth="exact",
        what="share of such frames with a melody note whose strongest pitch class is that of the note",
        compare=lambda truth, detected: pitch_class_agreement(truth.pitch_classes, detected.pitch_classes),
    ),
)
_CHORDINO = _both(
    "chord_iou_chordino",
    title="Chord adherence by Chordino",
    what="agreement of the chords that Chordino detects, 193 labels: micro intersection over union m / (2T - m), m of "
    "T frames of 20 ms agreeing",
    compare=lambda truth, detected: chord_iou(chord_classes(truth.published), chord_classes(detected.published)),
)


def _beat_this(checkpoint: Path) -> tuple[Measure, ...]:
    return _both(
        "downbeat_f1_beat_this",
        title="Downbeat adherence by beat_this",
        what=f"agreement of the downbeats that beat_this ({checkpoint.name}) detects: F1 within 50 ms",
        compare=lambda truth, detected: beat_f1(truth.published.downbeats_s, detected.published.downbeats_s),
    )


def measures() -> tuple[Measure, ...]:
    """The measures that need no weights, and those of the paper's own extractors if they are installed."""
    checkpoint = find_checkpoint()
    return MEASURES + _CHORDINO * chordino.is_installed() + (_beat_this(checkpoint) if checkpoint else ())
