"""Agreement between the detected labels of a clip and its target (paper 4.3), computed from labels without audio.

The truth may be the labels detected in the reference, as in the paper, or the exact ones. A measure without any truth,
such as downbeats of a target without any, is NaN.

Shapes: T frames of 20 ms, F frames of chroma.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from counterpoint.analysis.annotation import Annotation
from counterpoint.analysis.chords import ROOTS, chord_parts, vocabulary
from counterpoint.analysis.tracks import NOT_GIVEN, chord_track
from counterpoint.analysis.viterbi25 import triad_class

FRAME_RATE = 50.0
"""Rate of chord labels in Hz."""
LEFT_OUT = NOT_GIVEN
"""A frame that does not count because its class is unknown."""
TOLERANCE_S = 0.05
"""Tolerance of beats in seconds."""


def chord_classes(annotation: Annotation) -> np.ndarray:
    """[T] class of the 193 at the middle of each frame; `LEFT_OUT` before the first."""
    frames = round(annotation.duration_s * FRAME_RATE)
    return chord_track(annotation.chords, frames=frames, frame_rate=FRAME_RATE)


def triads(annotation: Annotation) -> np.ndarray:
    """[T] class of the 25 (N, major and minor triads; see `analysis.viterbi25`) at the middle of each frame.

    Each of the 193 labels counts by its third; `LEFT_OUT` where it is neither major nor minor, and before the first.
    """
    return _triad_of_chord()[chord_classes(annotation)]


def chord_iou(truth: np.ndarray, detected: np.ndarray) -> float:
    """Micro intersection over union of two labellings [T]: m / (2 T - m), m frames of T agreeing.

    Each labelling is the set of its T pairs (frame, label); m of them are in both sets, 2 T - m in either.
    """
    known = truth != LEFT_OUT
    total, matching = known.sum(), (truth == detected)[known].sum()
    return float(matching / (2 * total - matching)) if total else np.nan


def chord_iou_macro(truth: np.ndarray, detected: np.ndarray) -> float:
    """Mean over the labels in either of two labellings [T] of |frames in both| / |frames in either|."""
    known = truth != LEFT_OUT
    truth, detected = truth[known], detected[known]
    labels = np.union1d(truth, detected)
    shares = [((truth == x) & (detected == x)).sum() / ((truth == x) | (detected == x)).sum() for x in labels]
    return float(np.mean(shares)) if shares else np.nan


def chord_majmin(truth: Annotation, detected: Annotation) -> float:
    """mir_eval's weighted accuracy over major and minor chords and N: the share of the time in which both agree.
    Time with any other chord in the truth is left out; unlike in `chord_iou`, so is a major chord over its second.
        Time where the truth is anything else is left out, unlike in `chord_iou` also a major chord over its second.
    """
    from mir_eval import chord, util

    if not truth.chords:
        return np.nan
    wanted, wanted_labels = _intervals(truth)
    found, found_labels = _intervals(detected)
    start, stop = wanted.min(), wanted.max()
    found, found_labels = util.adjust_intervals(found, found_labels, start, stop, chord.NO_CHORD, chord.NO_CHORD)
    intervals, left, right = util.merge_labeled_intervals(wanted, wanted_labels, found, found_labels)
    comparisons = chord.majmin(left, right)
    if not (comparisons >= 0).any():
        return np.nan
    return float(chord.weighted_accuracy(comparisons, util.intervals_to_durations(intervals)))


def harte(label: str) -> str:
    """One of the 193 labels in the syntax of Harte et al. (2005): `Bm7b5/A` -> `B:hdim7/b7`."""
    parts = chord_parts(label)
    if parts is None:
        return label
    quality, slash, degree = parts[1].partition("/")
    return f"{ROOTS[parts[0]]}:{_HARTE[quality]}{slash}{degree}"


def beat_f1(truth_s: Sequence[float], detected_s: Sequence[float]) -> float:
    """mir_eval's F-measure of event times, 50 ms to either side; the first 5 s count like the rest."""
    from mir_eval.beat import f_measure

    if not truth_s or not detected_s:  # mir_eval would warn
        return 0.0 if truth_s else np.nan
    return float(f_measure(np.array(truth_s), np.array(detected_s), f_measure_threshold=TOLERANCE_S))


def pitch_class_agreement(truth: np.ndarray, detected: np.ndarray) -> float:
    """Share of the frames [F] with a pitch class in the truth whose detected pitch class is the same.

    The cosine of two one-hot chroma frames is 1 if they agree, else 0, so its mean is this share.
    """
    known = truth != LEFT_OUT
    return float((truth == detected)[known].mean()) if known.any() else np.nan


def _intervals(annotation: Annotation) -> tuple[np.ndarray, list[str]]:
    """[n, 2] starts and ends of the chords, and their labels in Harte's syntax."""
    starts = [start for start, _ in annotation.chords]
    spans = zip(starts, [*starts[1:], annotation.duration_s], strict=True)
    kept = [
        (span, harte(label)) for span, (_, label) in zip(spans, annotation.chords, strict=True) if span[0] < span[1]
    ]
    return np.array([span for span, _ in kept]), [label for _, label in kept]


_HARTE = {
    "": "maj",
    "m": "min",
    "6": "maj6",
    "m6": "min6",
    "7": "7",
    "maj7": "maj7",
    "m7": "min7",
    "m7b5": "hdim7",
    "dim": "dim",
    "aug": "aug",
}


@cache
def _triad_of_chord() -> np.ndarray:
    """[194] triad of each class of the vocabulary; the last one belongs to `LEFT_OUT`, -1."""
    classes = [triad_class(label) for label in vocabulary()]
    return np.array([*(LEFT_OUT if triad is None else triad for triad in classes), LEFT_OUT])
