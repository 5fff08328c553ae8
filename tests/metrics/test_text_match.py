"""Captions to tags, and the score that listens to them."""

from dataclasses import replace

import numpy as np
import pytest

from counterpoint.analysis.musicnn import TAGS
from counterpoint.metrics.base import Features, NotApplicableError
from counterpoint.metrics.statistics import half_samples, interval, value_of
from counterpoint.metrics.text_match import _RULES, TagMatch, tags_of


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("Warm guitars and soft piano", {"guitar", "piano", "soft"}),
        ("fast techno with drums", {"fast", "techno", "drums"}),
        ("slow piano, no drums", {"slow", "piano"}),
        ("a cello without any drums or electric guitar", {"cello"}),
        ("no drums, but a violin", {"violin"}),
        ("not fast and with a harp", {"harp"}),
        ("rock without vocals", {"rock", "no vocals"}),
        ("an instrumental sitar piece", {"no vocals", "sitar"}),
        ("thumb piano, steel drums and blues harp", set()),
        ("classical guitar", {"guitar"}),
        ("classical guitar in a classical piece", {"guitar", "classical"}),
        ("string synth over a string section", {"synth", "strings"}),
        ("synth choir", {"synth"}),
        ("female singer and choir", {"female", "choir"}),
        ("steel-string guitar at 90 beats per minute", {"guitar"}),
        ("harpsichord", {"harpsichord"}),
        ("popular metallic beatific rocket", set()),
        ("PIANO piano Pianos", {"piano"}),
        ("", set()),
    ],
)
def test_captions_name_tags(caption, expected):
    assert {group[0] for group in tags_of(caption)} == expected


def test_rules_name_only_tags_there_are():
    named = {tag for _, tags in _RULES for tag in tags}
    assert named <= set(TAGS)
    assert len(named) > 40


def _clip(caption: str, rng: np.random.Generator, *, tag: str = "", strength: float = 0.0) -> Features:
    logits = rng.standard_normal(50) * 2 - 3
    if tag:
        logits[TAGS.index(tag)] += strength
    return Features(caption, {"musicnn": {"logits": logits}}, {}, 5.0, False)


def _system(strength: float) -> tuple[list[Features], list[Features]]:
    rng = np.random.default_rng(0)
    tags = ["piano", "guitar", "techno", "flute"]
    clips = [_clip(f"some {tags[i % 4]}", rng, tag=tags[i % 4], strength=strength) for i in range(60)]
    return clips, [_clip("", rng) for _ in range(60)]


def test_score_is_in_standard_deviations_and_chance_is_zero():
    clips, reference = _system(4.0)
    functional = TagMatch().prepare(clips, reference=reference)
    assert value_of(functional, 60) == pytest.approx(2.0, abs=0.4)
    deaf, _ = _system(0.0)
    assert value_of(TagMatch().prepare(deaf, reference=reference), 60) == pytest.approx(0, abs=0.35)


def test_a_habit_is_no_match():
    """Clips that sound alike whatever was asked for score 0, however strongly they bring every tag to mind."""
    clips, reference = _system(0.0)
    noisy = [replace(clip, outputs={"musicnn": {"logits": clip.outputs["musicnn"]["logits"] + 5}}) for clip in clips]
    value = value_of(TagMatch().prepare(noisy, reference=reference), 60)
    assert value == pytest.approx(value_of(TagMatch().prepare(clips, reference=reference), 60))


def test_tags_heard_in_every_clip_widen_no_interval():
    """What a system brings to mind with all of its clips suits some captions and not others; no clip has earned it."""
    rng = np.random.default_rng(0)
    captions = [f"{name}, number {turn}" for turn in range(15) for name in ("piano", "guitar", "techno", "flute")]
    reference = [_clip("", rng) for _ in range(60)]
    clips = [_clip(caption, rng) for caption in captions]
    for clip in clips:
        clip.outputs["musicnn"]["logits"][TAGS.index("piano")] += 20
    values = TagMatch().prepare(clips, reference=reference).per_clip
    matches = TagMatch().matches(clips, reference=reference)
    assert values is not None
    assert values.mean() == pytest.approx(np.diag(matches).mean() - matches[~np.eye(60, dtype=bool)].mean())
    assert values.std() < 0.5 * np.diag(matches).std()


def test_interval_covers_chance_as_often_as_it_says():
    rng = np.random.default_rng(0)
    reference = [_clip("", rng) for _ in range(200)]
    captions = [f"{name}, number {turn}" for turn in range(8) for name in ("piano", "guitar", "techno", "flute")]
    covered = 0
    for _ in range(200):
        clips = [_clip(caption, rng) for caption in rng.permutation(captions)]
        for clip in clips:
            clip.outputs["musicnn"]["logits"][TAGS.index("piano")] += 20
        functional = TagMatch().prepare(clips, reference=reference)
        replicates = functional(half_samples(32, rng=rng, resamples=200))
        low, high = interval(value_of(functional, 32), replicates, n=32)
        covered += low < 0 < high
    assert 0.92 < covered / 200 <= 0.99


def test_one_caption_for_all_clips_has_no_score():
    clips, reference = _system(4.0)
    with pytest.raises(NotApplicableError, match="the same caption"):
        TagMatch().prepare([replace(clip, caption="some piano") for clip in clips], reference=reference)


def test_clips_without_a_named_tag_have_no_value():
    clips, reference = _system(1.0)
    rng = np.random.default_rng(1)
    functional = TagMatch().prepare([*clips, _clip("a tuba", rng)], reference=reference)
    assert functional.per_clip is not None
    assert np.isnan(functional.per_clip[-1]) and np.isfinite(functional.per_clip[:-1]).all()
    for caption, reason in (("", "was given"), ("a tuba", "names a MusiCNN tag")):
        with pytest.raises(NotApplicableError, match=reason):
            TagMatch().prepare([_clip(caption, rng)] * 9, reference=reference)
