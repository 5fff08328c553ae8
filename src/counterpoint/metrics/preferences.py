"""Which metric represents a family: the first one that was measured, in one order of preference.

All tables, figures and claims use this order, so that two pages of one study rest on the same metrics.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

FAMILIES: Mapping[str, Sequence[str]] = {
    "fidelity": ("fad_vggish", "fad_clap_laion", "kad_clap_laion", "fad_musicnn"),
    "text": ("clap_laion", "tag_match_musicnn"),
    "quality": ("pq_audiobox",),
    "complexity": ("pc_audiobox",),
    "enjoyment": ("ce_audiobox",),
    "chords": ("chord_iou_chordino", "chord_iou_viterbi25"),
    "downbeats": ("downbeat_f1_beat_this", "downbeat_f1_librosa"),
    "melody": ("melody_similarity",),
    "chords played": ("chord_iou_viterbi25_exact", "chord_iou_chordino_exact", "chord_iou_viterbi25"),
    "downbeats played": ("downbeat_f1_librosa_exact", "downbeat_f1_beat_this_exact", "downbeat_f1_librosa"),
    "melody played": ("melody_pitch_class_exact", "melody_similarity"),
    "smoothness": ("rated_transition_smoothness", "seam_flux", "seam_loudness_step"),
    "coherence": ("rated_audio_match", "seam_chord", "seam_beat_phase"),
    "entropy early": ("entropy_early",),
    "entropy late": ("entropy_late",),
    "time": ("latency_s",),
}
"""By family, names of metrics in order of preference: the paper's own first, then stand-ins. The `played` families use
exact truth if a dataset has it."""
PUBLISHED = frozenset(
    {
        "fad_vggish",
        "clap_laion",
        "pq_audiobox",
        "pc_audiobox",
        "ce_audiobox",
        "chord_iou_chordino",
        "downbeat_f1_beat_this",
        "melody_similarity",
        "entropy_early",
        "entropy_late",
        "latency_s",
        "rated_transition_smoothness",
        "rated_audio_match",
    }
)
"""The metrics that the paper uses."""
PAPER_MEASURES: Mapping[str, str] = {
    "fad": "fidelity",
    "clap": "text",
    "pq": "quality",
    "pc": "complexity",
    "ce": "enjoyment",
}
"""The family of each measure in the paper's tables."""


def best_judge(family: str, measured: Collection[str]) -> str:
    """The preferred metric of a family among all metrics that were measured; "" if none of the family was.

    Raises:
        KeyError: there is no such family.
    """
    return next((name for name in FAMILIES[family] if name in measured), "")
