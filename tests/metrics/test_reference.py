"""Which windows stand for the reference."""

from itertools import pairwise

import numpy as np
import pytest
import soundfile

from counterpoint.metrics.base import Clip
from counterpoint.metrics.reference import reference_pool, shuffled, without


def _tracks(folder, lengths: list[float]) -> list[Clip]:
    clips = []
    for i, seconds in enumerate(lengths):
        path = folder / f"track{i}.wav"
        soundfile.write(path, np.zeros(round(seconds * 1000)), 1000)
        clips.append(Clip(audio=path))
    return clips


def test_many_short_tracks_give_one_whole_clip_each(tmp_path):
    pool = reference_pool(_tracks(tmp_path, [5.0] * 12), duration_s=5.0, count=8, seed=0)
    assert len(pool.clips) == 8 == len({clip.audio for clip in pool.clips})
    assert all(clip.duration_s is None for clip in pool.clips)
    assert not pool.cut


def test_few_long_tracks_give_windows_that_do_not_overlap(tmp_path):
    pool = reference_pool(_tracks(tmp_path, [60.0, 60.0, 12.0]), duration_s=5.0, count=20, seed=0)
    assert pool.cut
    assert len(pool.clips) == 16  # seven wanted of each, two fit in the short one
    for audio in {clip.audio for clip in pool.clips}:
        starts = sorted(clip.start_s for clip in pool.clips if clip.audio == audio)
        length = soundfile.info(str(audio)).duration
        assert all(b - a >= 5 for a, b in pairwise(starts))
        assert starts[0] >= 0 and starts[-1] + 5 <= length
    assert len({clip.audio for clip in pool.clips[:3]}) == 3  # one of each before a second of any


def test_halves_share_no_track_and_hold_every_window(tmp_path):
    pool = reference_pool(_tracks(tmp_path, [30.0] * 6), duration_s=5.0, count=24, seed=1)
    first, second = ({pool.clips[i].audio for i in half} for half in pool.halves)
    assert not first & second
    assert sorted(pool.halves[0] + pool.halves[1]) == list(range(24))
    assert len(pool.halves[0]) == len(pool.halves[1])


def test_a_window_of_a_window_stays_inside_it(tmp_path):
    (track,) = _tracks(tmp_path, [60.0])
    inner = Clip(audio=track.audio, start_s=20.0, duration_s=10.0)
    (clip,) = reference_pool([inner], duration_s=4.0, count=1, seed=0).clips
    assert (clip.start_s, clip.duration_s) == (pytest.approx(23.0), 4.0)


def test_order_depends_on_names_and_seed_alone(tmp_path):
    clips = [Clip(audio=tmp_path / f"{i}.wav", id=f"p{i}") for i in range(20)]
    others = [Clip(audio=tmp_path / f"other{i}.wav", id=f"p{i}") for i in reversed(range(20))]
    assert [c.key for c in shuffled(clips, seed=0)] == [c.key for c in shuffled(others, seed=0)]
    assert [c.key for c in shuffled(clips, seed=0)] != [c.key for c in shuffled(clips, seed=1)]


def test_judged_files_are_taken_out(tmp_path):
    clips = _tracks(tmp_path, [1.0] * 4)
    assert without(clips, [Clip(audio=tmp_path / "x" / ".." / "track1.wav", id="z")]) == [clips[0], *clips[2:]]
