"""Windows with a span of each filled in, on real, randomly initialised models."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from counterpoint.config import UserError, pick_sampling
from counterpoint.generate.model import load_model
from counterpoint.inpaint import Filled, fill_windows
from counterpoint.inpaint.windows import frame_spans, without

RATE, SPAN = 8000, (0.7, 1.62)  # no whole frames
HIDDEN = slice(round(0.68 * RATE), round(1.64 * RATE))
WAYS = [("ar", None), ("fm", None), ("fm_text", None), ("fm_text", "inversion"), ("fm_text", "repaint")]


load = cache(load_model)


def fill(run: Path, audio: np.ndarray, *, seeds: list[int], span=SPAN, method=None, captions=None) -> Filled:
    model = load(run)
    return fill_windows(
        audio,
        spans_s=[span] * len(audio),
        captions=captions or ["slow piano"] * len(audio),
        seeds=seeds,
        model=model,
        sampling=pick_sampling(model.paradigm.config.paradigm, {"steps": 2}),
        method=method,
    )


@pytest.mark.parametrize(("name", "method"), WAYS)
def test_nothing_of_the_span_is_read_and_all_around_it_is(runs, compose, name: str, method) -> None:
    audio = compose(2.0).T.astype(np.float32)
    filled = fill(runs[name], audio, seeds=[1], method=method)
    assert filled.audio.shape == audio.shape and filled.audio.dtype == np.float32
    assert (filled.endings is not None) == (name == "ar")
    other = audio.copy()
    other[:, HIDDEN] = 0.9
    assert (fill(runs[name], other, seeds=[1], method=method).audio == filled.audio).all()
    for place in (slice(0, HIDDEN.start), slice(HIDDEN.stop, None)):
        other = audio.copy()
        other[:, place] = -audio[:, place][:, ::-1]
        changed = fill(runs[name], other, seeds=[1], method=method)
        assert (changed.audio[:, HIDDEN] != filled.audio[:, HIDDEN]).any(), place


@pytest.mark.parametrize("name", ["ar", "fm"])
def test_a_window_depends_on_its_own_seed_and_caption_alone(runs, compose, name: str) -> None:
    audio = np.stack([compose(2.0, seed=seed)[:, 0] for seed in range(3)]).astype(np.float32)
    captions = ["harp", "", "a much longer caption about loud drums"]
    together = fill(runs[name], audio, seeds=[5, 6, 7], captions=captions)
    for row in range(3):
        alone = fill(runs[name], audio[row : row + 1], seeds=[5 + row], captions=captions[row : row + 1])
        np.testing.assert_allclose(together.audio[row], alone.audio[0], atol=1e-4)
    other = fill(runs[name], audio, seeds=[5, 6, 8], captions=captions)
    assert np.abs(other.audio[2] - together.audio[2]).max() > 1e-4


def test_a_model_that_cannot_says_what_would(runs, compose) -> None:
    audio = compose(2.0).T.astype(np.float32)
    with pytest.raises(UserError, match="fine-tune it with"):
        fill(runs["ar_text"], audio, seeds=[0])
    with pytest.raises(UserError, match="'supervised', for which it was not trained; it supports"):
        fill(runs["fm_text"], audio, seeds=[0], method="supervised")
    with pytest.raises(UserError, match="it supports supervised"):
        fill(runs["ar"], audio, seeds=[0], method="repaint")
    with pytest.raises(UserError, match="`generate`"):
        fill(runs["fm"], audio, seeds=[0], span=(0.0, 2.0))


def test_spans_become_the_frames_that_cover_them_of_one_length() -> None:
    spans = frame_spans([(0.41, 1.0), (0.4, 0.99), (0.0, 0.59), (1.41, 2.0)], frame_rate=25, frames=50)
    assert spans.tolist() == [[10, 25], [10, 25], [0, 15], [35, 50]]
    # What is whole in decimals is whole in frames, though 2.4 * 25 and 0.28 * 25 are not.
    exact = frame_spans(
        [(round(0.04 * start, 2), round(0.04 * (start + 7), 2)) for start in range(40)], frame_rate=25, frames=50
    )
    assert exact.tolist() == [[start, start + 7] for start in range(40)]


@pytest.mark.parametrize(("start", "stop"), [(300, 700), (0, 600), (400, 1000), (950, 1000), (10, 990)])
def test_a_hidden_span_holds_mirror_images_of_what_is_around_it(start: int, stop: int) -> None:
    audio = np.sin(np.arange(1000) / 20).astype(np.float32) + 2
    hidden = without(audio, start, stop)
    assert (hidden[:start] == audio[:start]).all() and (hidden[stop:] == audio[stop:]).all()
    assert len(hidden) == len(audio) and hidden.dtype == audio.dtype
    spoiled = audio.copy()
    spoiled[start:stop] = 9
    assert (without(spoiled, start, stop) == hidden).all()
    assert hidden.min() >= 1 and hidden.max() <= 3  # neither silence nor anything louder
    assert np.abs(np.diff(hidden)).max() < 0.2  # no edge
