"""Spans as people type them, and the windows around them."""

import numpy as np
import pytest

from counterpoint.config import UserError
from counterpoint.inpaint import parse_span
from counterpoint.inpaint.spans import Place, lay_windows, longest_span_s

WINDOW_S, FRAME_RATE = 3.0, 25.0


def lay(*spans: tuple[float, float], duration_s: float = 10.0, sample_rate: int = 11025) -> list[Place]:
    samples = round(duration_s * sample_rate)
    return lay_windows(spans, samples=samples, sample_rate=sample_rate, window_s=WINDOW_S, frame_rate=FRAME_RATE)


def test_a_window_is_centred_as_far_as_the_ends_allow() -> None:
    for (start, stop), (first, last) in {
        (4.0, 5.0): (3.0, 6.0),
        (0.0, 1.0): (0.0, 3.0),
        (9.0, 10.0): (7.0, 10.0),
        (0.4, 1.4): (0.0, 3.0),
        (8.8, 9.8): (7.0, 10.0),
    }.items():
        (place,) = lay((start, stop))
        assert place.start / 11025 == pytest.approx(first, abs=1e-3)
        assert place.stop / 11025 == pytest.approx(last, abs=1e-3)
        assert place.span == pytest.approx((start - first, stop - first), abs=1e-3)


def test_windows_hold_their_span_and_no_span_that_is_still_to_be_filled() -> None:
    generator = np.random.default_rng(0)
    for _ in range(200):
        rate = int(generator.choice([8000, 11025, 44100]))
        starts = np.sort(generator.uniform(0, 9, 3).round(3)) + np.array([0.5, 2.5, 4.5])
        lengths = generator.uniform(0.05, 1.4, 3).round(3)
        spans = [(float(start), float(start + length)) for start, length in zip(starts, lengths, strict=True)]
        places = lay(*spans[::-1], duration_s=16.0, sample_rate=rate)
        following = [*(start for start, _ in spans[1:]), 16.0]
        for (start, stop), place, end in zip(spans, places, following, strict=True):
            assert place.start / rate + place.span[0] == pytest.approx(start, abs=1 / rate)
            assert place.start / rate + place.span[1] == pytest.approx(stop, abs=1 / rate)
            assert place.start >= 0 and place.stop <= round(end * rate)
            assert (place.stop - place.start) / rate <= WINDOW_S + 1 / rate
            lead = place.span[0] * FRAME_RATE
            assert lead == pytest.approx(round(lead), abs=1e-2)
            free_s = (place.stop - place.start) / rate - (stop - start)
            assert free_s >= 0.5 - 1e-3
            if start > WINDOW_S and end - stop > WINDOW_S:
                assert free_s >= WINDOW_S - (stop - start) - 1 / FRAME_RATE - 1 / rate
                assert place.span[0] == pytest.approx(free_s / 2, abs=2 / FRAME_RATE)


def test_a_file_shorter_than_the_window_is_seen_whole() -> None:
    (place,) = lay((0.5, 1.0), duration_s=1.7)
    assert place.stop == round(1.7 * 11025) and place.start < 11025 / FRAME_RATE


def test_a_stop_in_milliseconds_reaches_the_end() -> None:
    rate, samples = 44100, 440_959  # 9.99907 s
    (place,) = lay_windows([(9.0, 10.0)], samples=samples, sample_rate=rate, window_s=3, frame_rate=25)
    assert place.stop == samples and round(place.start + place.span[1] * rate) == samples


@pytest.mark.parametrize(
    ("spans", "words"),
    [
        ([(3, 3)], "3:3 is empty"),
        ([(4.5, 2)], "write 2:4.5"),
        ([(-1, 2)], "-1:2 starts before"),
        ([(9, 11)], "is 10.000 s long"),
        ([(12, 13)], "is 10.000 s long"),
        ([(float("nan"), 1)], "not a pair of numbers"),
        ([(0, float("inf"))], "not a pair of numbers"),
        ([(2, 5)], "at most 2.5 s"),
        ([(5, 6), (1, 2), (1.5, 3)], "1:2 and 1.5:3 overlap"),
        ([(5, 6), (5, 6)], "5:6 and 5:6 overlap"),
        ([(0, 1), (1.2, 3)], "join the two"),
    ],
)
def test_what_cannot_be_filled_is_refused_by_name(spans, words: str) -> None:
    with pytest.raises(UserError, match=words.replace(".", r"\.")) as refused:
        lay(*spans)
    assert "\n" not in str(refused.value)


def test_all_of_a_clip_is_work_for_generate() -> None:
    with pytest.raises(UserError, match="counterpoint generate"):
        lay((0, 2.0), duration_s=2.0)
    with pytest.raises(UserError, match=r"needs 0\.5 s"):
        lay((0.1, 1.9), duration_s=2.0)


def test_the_longest_span_is_filled_and_the_next_is_not() -> None:
    assert longest_span_s(WINDOW_S) == 2.5 and longest_span_s(30.0) == 27.0
    assert lay((2, 4.5))
    with pytest.raises(UserError):
        lay((2, 4.52))


def test_parsing() -> None:
    assert parse_span("2.0:4.5") == (2.0, 4.5) and parse_span("0:1e1") == (0, 10)
    for text in ("", "2", "2:", "a:b", "1:2:3", "nan:2", "2-4"):
        with pytest.raises(UserError, match="START:STOP"):
            parse_span(text)
