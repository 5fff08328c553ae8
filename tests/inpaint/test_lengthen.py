"""Music made longer at its end or start, and what is asked of the new part."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from counterpoint.analysis.tracks import NOT_GIVEN
from counterpoint.config import UserError
from counterpoint.generate import ControlSources, load_model, sampling_of
from counterpoint.inpaint import InpaintingRequest, fill_in, takes
from counterpoint.inpaint.files import Source
from counterpoint.inpaint.lengthen import Extended, extend

RATE = 11025


@pytest.fixture
def file(tmp_path: Path, compose) -> Path:
    path = tmp_path / "in.wav"
    soundfile.write(path, compose(3.0, sample_rate=RATE, channels=2), RATE, "PCM_24")
    return path


def lengthen(file: Path, model: Path, *, duration_s: float, side: str) -> tuple[np.ndarray, np.ndarray]:
    """The samples before and after."""
    loaded = load_model(model)
    music, spans = extend(Source.open(file), duration_s=duration_s, side=side, window_s=loaded.window_s)
    request = InpaintingRequest(spans, prompt="drums", sampling=sampling_of(model, {}, otherwise={"steps": 2}))
    done = fill_in(music, request, model=loaded)
    out = file.with_stem("out")
    music.write(out, patches=done.takes[0].patches)
    return tuple(soundfile.read(path, dtype="int32", always_2d=True)[0] for path in (file, out))


@pytest.mark.parametrize("model", ["ar", "fm"])
@pytest.mark.parametrize("duration_s", [1.0, 5.0])
def test_a_continuation_leaves_the_file_as_it_is(runs, file, model, duration_s):
    before, after = lengthen(file, runs[model], duration_s=duration_s, side="end")
    fade = round(0.05 * RATE) + 1
    assert len(after) == len(before) + round(duration_s * RATE)
    assert (after[: len(before) - fade] == before[:-fade]).all()
    for second in range(int(duration_s)):  # every part of a long one is filled in
        part = after[len(before) + second * RATE : len(before) + (second + 1) * RATE]
        assert np.abs(part).max() > 0, second


def test_a_lead_in_leaves_the_file_as_it_is(runs, file):
    before, after = lengthen(file, runs["fm"], duration_s=1.0, side="start")
    fade = round(0.05 * RATE) + 1
    assert len(after) == len(before) + RATE
    assert (after[RATE + fade :] == before[fade:]).all()
    assert np.abs(after[:RATE]).max() > 0


def test_a_lead_in_is_made_in_one_step(runs, file):
    with pytest.raises(UserError, match="at most"):
        lengthen(file, runs["fm"], duration_s=4.0, side="start")


@pytest.mark.parametrize("duration_s", [0.0, -1.0, float("nan")])
def test_nothing_cannot_be_added(file, duration_s):
    with pytest.raises(UserError, match="positive"):
        extend(Source.open(file), duration_s=duration_s, side="end", window_s=3.0)


def test_the_room_is_silent_and_the_file_is_read_where_it_lies(file):
    music = Extended(Source.open(file), before=10, after=7)
    whole = music.read(0, music.frames)
    assert music.frames == len(whole) == 3 * RATE + 17
    assert not whole[:10].any() and not whole[-7:].any()
    assert (whole[10:-7] == Source.open(file).read(0, 3 * RATE)).all()
    assert (music.read(5, 30) == whole[5:30]).all()


@pytest.fixture
def heard(monkeypatch) -> list[np.ndarray]:
    """The tracks that models are given, window by window."""
    seen: list[np.ndarray] = []
    fill = takes.fill_windows

    def spy(*args, controls=None, **options):
        seen.append(controls)
        return fill(*args, controls=controls, **options)

    monkeypatch.setattr(takes, "fill_windows", spy)
    return seen


@pytest.mark.parametrize("model", ["ar_steered", "fm_steered"])
def test_chords_are_asked_inside_the_spans_alone(runs, file, heard, model):
    loaded = load_model(runs[model])
    request = InpaintingRequest(
        [(1.0, 1.4), (2.0, 2.4)],
        controls=ControlSources(chords="C:0 Am:0.2 F:1"),
        num=2,
        sampling=sampling_of(runs[model], {}, otherwise={"steps": 2}),
    )
    done = fill_in(Source.open(file), request, model=loaded)
    assert done.controls is not None and [label for _, label in done.controls.chords] == ["C", "Am", "F"]
    first, second = heard
    assert first.shape[:2] == (2, len(loaded.paradigm.config.controls))
    for tracks, wanted in ((first, [1, 10]), (second, [6])):  # classes are N, then roots with 16 kinds each
        track = tracks[0, 0]
        given = track[track != NOT_GIVEN]
        assert len(given) == 10  # 0.4 s at 25 Hz
        assert sorted({(int(label) - 1) // 16 + 1 for label in given}) == wanted
        assert (tracks[0] == tracks[1]).all()


def test_controls_change_what_is_filled_in(runs, file):
    loaded = load_model(runs["fm_steered"])
    generator = torch.Generator().manual_seed(3)
    for parameter in loaded.paradigm.controls.parameters():  # they begin at zero, where nothing matters
        parameter.data.normal_(generator=generator)
    sampling = sampling_of(runs["fm_steered"], {}, otherwise={"steps": 2})
    patches = [
        fill_in(
            Source.open(file),
            InpaintingRequest([(1.0, 2.0)], controls=controls, sampling=sampling),
            model=loaded,
        )
        .takes[0]
        .patches[0]
        .samples
        for controls in (None, ControlSources(chords="C:0"), ControlSources(chords="F:0"))
    ]
    assert not (patches[0] == patches[1]).all() and not (patches[1] == patches[2]).all()
