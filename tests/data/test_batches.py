from collections import Counter
from collections.abc import Iterable
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from counterpoint.config import UserError
from counterpoint.data.batches import Example, ExampleOrder, read_batch, seed_of

LENGTHS = np.array([10, 0, 35, 3, 14, 100])
PARTS = [1, 0, 4, 1, 1, 10]  # round(F / 10), halves up, and at least one where there is a frame


def order(*, seed: int = 0, segment: int = 10) -> ExampleOrder:
    return ExampleOrder(LENGTHS, segment=segment, seed=seed)


def rows_of(lengths: list[int]) -> SimpleNamespace:
    """A split whose every number tells its row and frame: row * 1000 + frame."""

    def views(view: str, places: Iterable[tuple[int, int, int]]):
        for row, start, frames in places:
            numbers = row * 1000 + np.arange(start, start + frames)
            latents = np.repeat(numbers[:, None], 3, axis=1).astype(np.float32)
            yield np.stack([numbers, -numbers]) if view == "codes" else latents

    names = [f"row{row}" for row in range(len(lengths))]
    texts = {"caption": lambda row: f"{names[row]}!", "id": names.__getitem__}
    return SimpleNamespace(lengths=np.array(lengths), views=views, **texts)


def test_an_epoch_hears_every_part_once():
    n = order().per_epoch
    assert n == sum(PARTS)
    for epoch in range(3):
        drawn = Counter(order().at(epoch * n + place).row for place in range(n))
        assert [drawn[row] for row in range(len(LENGTHS))] == PARTS


def test_epochs_and_seeds_differ():
    n = order().per_epoch
    first = [order().at(place) for place in range(n)]
    assert first != [order().at(n + place) for place in range(n)]
    assert first != [order(seed=1).at(place) for place in range(n)]


def test_is_a_pure_function_of_seed_and_position():
    drawn, again = order(), order()
    forwards = [drawn.at(position) for position in range(60)]
    backwards = [again.at(position) for position in reversed(range(60))]
    assert forwards == backwards[::-1]
    assert drawn.batch(3, batch_size=8) == forwards[24:32]


def test_parts_of_a_long_row_cover_it():
    """In each epoch the r-th part of a row starts in the r-th part of its possible starts; in time all starts occur."""
    drawn = order()
    starts = Counter()
    for epoch in range(300):
        examples = [drawn.at(epoch * drawn.per_epoch + place) for place in range(drawn.per_epoch)]
        long = sorted(example.start for example in examples if example.row == 2)
        bounds = [part * 26 // 4 for part in range(5)]  # 35 - 10 + 1 starts in 4 parts
        assert all(low <= start < high for low, start, high in zip(bounds, long, bounds[1:], strict=False))
        starts.update(long)
    assert sorted(starts) == list(range(26))


@pytest.mark.parametrize("segment", [1, 2, 7, 10, 1000])
def test_segments_lie_inside_their_rows(segment):
    drawn = order(segment=segment)
    for position in range(2 * drawn.per_epoch):
        example = drawn.at(position)
        assert example.frames == min(segment, LENGTHS[example.row])
        assert 0 <= example.start <= LENGTHS[example.row] - example.frames


def test_refuses_a_split_without_audio():
    for lengths in ([], [0, 0]):
        with pytest.raises(UserError, match="no encoded audio"):
            ExampleOrder(np.array(lengths, dtype=np.int64), segment=10, seed=0)


def test_both_views_come_from_the_same_frames():
    split = rows_of([20, 20])
    chosen = [Example(row=1, start=4, frames=6), Example(row=0, start=0, frames=6)]
    codes = read_batch(split, chosen, target="codes")
    latents = read_batch(split, chosen, target="latents")
    assert codes.target.shape == (2, 2, 6) and codes.target.dtype == torch.long
    assert latents.target.shape == (2, 6, 3) and latents.target.dtype == torch.float32
    assert codes.target[:, 0].tolist() == latents.target[:, :, 0].tolist()
    assert codes.target[0, 0].tolist() == list(range(1004, 1010))
    assert codes.captions == latents.captions == ["row1!", "row0!"]
    assert codes.ids == latents.ids == ["row1", "row0"]


@pytest.mark.parametrize("target", ["codes", "latents"])
def test_short_rows_are_padded_at_the_end(target):
    batch = read_batch(rows_of([3, 9]), [Example(0, 0, 3), Example(1, 2, 7)], target=target)
    assert batch.lengths.tolist() == [3, 7]
    frames = batch.target[:, 0] if target == "codes" else batch.target[:, :, 0]
    assert frames.shape == (2, 7)
    assert frames[0].tolist() == [0, 1, 2, 0, 0, 0, 0]
    assert frames[1].tolist() == list(range(1002, 1009))


def test_seeds_of_different_draws_differ():
    seeds = {seed_of(name, a, b) for name in ("update", "start") for a in range(20) for b in range(20)}
    assert len(seeds) == 800
    assert all(0 <= seed < 2**64 for seed in seeds)
    assert seed_of("update", 1, 12) != seed_of("update", 11, 2)
