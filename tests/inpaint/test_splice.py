"""A fill put into music, and nothing else touched."""

import numpy as np
import pytest

from counterpoint.inpaint import match_level, splice

RATE, N = 1000, 4000
DTYPES = ("int16", "int32", "float32", "float64")


def samples(dtype: str, *shape: int, seed: int = 0) -> np.ndarray:
    uniform = np.random.default_rng(seed).uniform(-1, 1, shape)
    kind = np.dtype(dtype)
    return (uniform * np.iinfo(kind).max if kind.kind == "i" else uniform).astype(kind)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(N,), (N, 1), (N, 2)])
@pytest.mark.parametrize("crossfade_s", [0.0, 0.05])
def test_all_but_the_span_and_the_crossfades_is_bit_for_bit_the_original(
    dtype: str, shape: tuple[int, ...], crossfade_s: float
) -> None:
    original, fill = samples(dtype, *shape), samples("float32", N, seed=1)
    before = original.copy()
    result = splice(original, fill, sample_rate=RATE, span=(1.0, 2.5), crossfade_s=crossfade_s)
    fade = round(crossfade_s * RATE)
    assert result.dtype == original.dtype and result.shape == shape
    assert (original == before).all()
    assert (result[: 1000 - fade] == original[: 1000 - fade]).all()
    assert (result[2500 + fade :] == original[2500 + fade :]).all()
    scale = 1.0 if original.dtype.kind == "f" else -float(np.iinfo(dtype).min)
    inside = (result[1000:2500] / scale).reshape(1500, -1)
    np.testing.assert_allclose(inside, np.repeat(fill[1000:2500, None], inside.shape[1], axis=1), atol=1e-4)
    faded = [result[slice(*place)] != original[slice(*place)] for place in ((1000 - fade, 1000), (2500, 2500 + fade))]
    assert all(part.mean() > 0.9 for part in faded if part.size)


def test_a_crossfade_goes_evenly_from_the_one_to_the_other_and_lies_outside_the_span() -> None:
    result = splice(np.zeros(N), np.ones(N), sample_rate=RATE, span=(1.0, 2.5), crossfade_s=0.1)
    assert (result[1000:2500] == 1).all() and not result[:900].any() and not result[2600:].any()
    np.testing.assert_allclose(np.diff(result[899:1001]), 1 / 101)
    np.testing.assert_allclose(result[2500:2600], result[900:1000][::-1])


@pytest.mark.parametrize(("alike", "keeps_phase"), [(True, True), (False, False)])
def test_a_crossfade_keeps_the_level(alike: bool, keeps_phase: bool) -> None:
    """Of the same waveform and of one that is not correlated with it, each by the shares meant for it; and the shares
    meant for the other would be 3 dB off in the middle."""
    fade_s, rate = 1.0, 20_000
    original = np.random.default_rng(0).standard_normal(4 * rate)
    fill = original if alike else np.random.default_rng(1).standard_normal(4 * rate)
    middle = slice(round(1.4 * rate), round(1.6 * rate))
    levels = {
        kept: splice(original, fill, sample_rate=rate, span=(2.0, 2.5), crossfade_s=fade_s, keeps_phase=kept)[middle]
        for kept in (True, False)
    }
    steps_db = {kept: 20 * np.log10(level.std() / original[middle].std()) for kept, level in levels.items()}
    assert abs(steps_db[keeps_phase]) < 0.2
    assert abs(steps_db[not keeps_phase]) > 2.5


@pytest.mark.parametrize("shape", [(N,), (N, 2)])
def test_a_crossfade_of_equal_power_touches_nothing_beyond_it_and_leaves_nothing_within(shape: tuple[int, ...]) -> None:
    original, fill = samples("float32", *shape), samples("float32", N, seed=1)
    result = splice(original, fill, sample_rate=RATE, span=(1.0, 2.5), crossfade_s=0.1, keeps_phase=False)
    assert (result[:900] == original[:900]).all() and (result[2600:] == original[2600:]).all()
    inside = result[1000:2500].reshape(1500, -1)
    np.testing.assert_allclose(inside, np.repeat(fill[1000:2500, None], inside.shape[1], axis=1), atol=1e-6)


def test_a_crossfade_is_whole_even_where_there_is_less_music_than_it_wants() -> None:
    result = splice(np.zeros(N), np.ones(N), sample_rate=RATE, span=(0.05, 3.8), crossfade_s=1.0)
    assert result[0] == pytest.approx(1 / 51) and result[-1] == pytest.approx(1 / 201)
    assert np.abs(np.diff(result)).max() < 0.02


@pytest.mark.parametrize("span", [(0.0, 1.0), (3.0, 4.0), (0.0, 4.0)])
def test_at_an_end_of_the_music_there_is_nothing_to_fade(span: tuple[float, float]) -> None:
    result = splice(np.zeros(N), np.ones(N), sample_rate=RATE, span=span, crossfade_s=0.1)
    start, stop = (round(second * RATE) for second in span)
    assert (result[start:stop] == 1).all()
    assert result.sum() <= stop - start + 51 * ((start > 0) + (stop < N))


def test_what_is_too_loud_for_integers_is_clipped_and_does_not_wrap_around() -> None:
    result = splice(np.zeros(N, np.int16), np.full(N, 1.5), sample_rate=RATE, span=(1.0, 2.0), crossfade_s=0)
    assert (result[1000:2000] == 32767).all()


def test_a_fill_takes_the_level_that_each_channel_has_around_the_span() -> None:
    fill = samples("float32", N)
    original = fill[:, None] * np.float32([0.5, 0.25])
    original[1000:2500] = samples("float32", 1500, 2, seed=2)  # says nothing
    level = match_level(fill, original, sample_rate=RATE, span=(1.0, 2.5))
    np.testing.assert_allclose(level, fill[:, None] * np.float32([0.5, 0.25]), rtol=1e-5)
    silent = match_level(np.zeros(N, np.float32), original, sample_rate=RATE, span=(1.0, 2.5))
    assert np.isfinite(silent).all()
