"""Rendered clips: levels, the drum stem, and independence of anything but (seed, index, duration)."""

import numpy as np
import pytest

from counterpoint.audio import normalize_loudness
from counterpoint.compose import clip_piece, render_clip
from counterpoint.compose import render as render_module
from counterpoint.compose.render import SAMPLE_RATE, Note, Part, render, render_part

SEED = 3


@pytest.fixture(scope="module")
def clips():
    return [render_clip(SEED, index, duration_s=4.0) for index in range(33)]


def test_levels(clips):
    for clip in clips:
        assert clip.audio.shape == (4 * SAMPLE_RATE,) and clip.audio.dtype == np.float32
        assert np.isfinite(clip.audio).all() and np.abs(clip.audio).max() <= 0.99 + 1e-6
        rms_db = 20 * np.log10(np.sqrt(np.mean(clip.audio**2)))
        assert -24 < rms_db < -19.9, clip.row["style"]
        assert np.allclose(normalize_loudness(clip.audio, sample_rate=SAMPLE_RATE), clip.audio, atol=1e-5)
        seconds = clip.audio.reshape(4, -1)
        assert (np.sqrt((seconds**2).mean(axis=1)) > 0.01).all(), f"a silent second in {clip.row['caption']}"


def test_the_drum_stem_is_the_drums_of_the_mix(clips):
    drummed = {index: clip for index, clip in enumerate(clips) if clip.drums is not None}
    assert len(drummed) >= 8 and len(drummed) < len(clips)
    for clip in drummed.values():
        share = np.mean(clip.drums**2) / np.mean(clip.audio**2)
        assert 0.005 < share < 0.8, f"{clip.row['style']}: drums carry {share:.3f} of the energy"
    index, clip = next(iter(drummed.items()))
    piece = clip_piece(SEED, index, duration_s=4.0)
    decay_s, wet = piece.style.room
    alone, stem = render(
        [part for part in piece.parts if part.role != "drums"], duration_s=4.0, decay_s=decay_s, wet=wet
    )
    assert stem is None
    rest = clip.audio - clip.drums
    gain = float(rest @ alone / (alone @ alone))
    assert np.abs(rest - gain * alone).max() < 1e-4


def test_clips_do_not_depend_on_what_was_rendered_before(clips):
    for index in (7, 2, 30, 7):
        again = render_clip(SEED, index, duration_s=4.0)
        assert np.array_equal(again.audio, clips[index].audio) and again.row == clips[index].row
        if again.drums is not None:
            assert np.array_equal(again.drums, clips[index].drums)


def test_a_used_player_sounds_like_a_new_one(monkeypatch):
    ringing = Part("lead", "strings", 48, 0.0, tuple(Note(0.0, 9.0, midi, 127) for midi in range(40, 90)))
    part = Part("lead", "glass pad", 92, 0.0, (Note(0.1, 0.9, 64, 90), Note(0.5, 0.9, 71, 70)))
    monkeypatch.setattr(render_module, "_player", None)
    fresh = render_part(part, samples=SAMPLE_RATE)
    render_part(ringing, samples=SAMPLE_RATE)
    used = render_module._player
    assert np.array_equal(render_part(part, samples=SAMPLE_RATE), fresh)
    assert render_module._player is used, "the player was reused, not replaced"
    assert np.abs(fresh).max() > 0.001


def test_seeds_indices_and_durations_matter(clips):
    assert not np.array_equal(render_clip(SEED + 1, 0, duration_s=4.0).audio, clips[0].audio)
    assert not np.array_equal(clips[1].audio, clips[0].audio)
    assert len({clip.row["caption"] for clip in clips}) == len(clips)
    assert render_clip(SEED, 0, duration_s=1.5).audio.shape == (48_000,)


def test_melody_truth_is_heard(clips):
    """In a clip of one melodic line over soft chords, energy stands at the stated pitches."""
    audible = []
    for index, clip in enumerate(clips):
        lead = [part for part in clip_piece(SEED, index, duration_s=4.0).parts if part.role == "lead"]
        alone, _ = render(lead, duration_s=4.0, decay_s=0.5, wet=0.0)
        for note in clip.row["melody"]:
            if note["end_s"] - note["start_s"] < 0.25:
                continue
            piece = alone[int(note["start_s"] * SAMPLE_RATE) : int(note["end_s"] * SAMPLE_RATE)]
            spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), 4 * SAMPLE_RATE))
            harmonics = [440 * 2 ** ((note["midi"] - 69) / 12) * n for n in (1, 2, 3, 4, 0.5)]
            near = sum(spectrum[int(4 * f * 0.97) : int(4 * f * 1.03) + 1].max() for f in harmonics)
            off = sum(spectrum[int(4 * f * 1.04) : int(4 * f * 1.08) + 1].max() for f in harmonics)
            audible.append(near > off)
    assert len(audible) > 60 and np.mean(audible) > 0.95
