"""What a trained model has learned, by its own losses on music that it was not trained on: no clip is drawn, and no
judge is asked.

*Held-out loss*: beside that of the trivial predictors of its paradigm, on the same segments, times and noise.

*Caption picking*: of the true caption and seven others, the model picks the one with which its loss is lowest, all
candidates with the same times and noise. A model that does not read captions is right once in eight times, whatever its
paradigm, so this is one number for all of them.

Shapes: n clips, B batch, C candidates, K codebooks, T latent frames, D latent channels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from counterpoint.audio import frames
from counterpoint.data.batches import Batch, Example, ExampleOrder, read_batch, seed_of
from counterpoint.paradigm import Paradigm
from counterpoint.paradigm.trivial import TrivialPredictor, build_trivial

if TYPE_CHECKING:
    from collections.abc import Callable

    from counterpoint.data import Encoded
    from counterpoint.data.encoded import EncodedSplit

HELD_OUT = ("test", "valid")
"""Splits, in the order of preference. By the validation split the best of a training's weights were chosen, which
flatters the loss there a little."""
LEAST_CLIPS = 8
"""Fewer tell nothing."""
FITTED_SEGMENTS = 2048
"""Of the training split, at most, that trivial predictors are fitted on."""
BATCH = 8


@dataclass(frozen=True)
class Estimate:
    """A mean over clips with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Beside:
    """A trivial predictor beside a model.

    Attributes:
        loss: the predictor's.
        difference: the model's loss minus the predictor's, clip by clip: below 0 the model is better.
    """

    loss: Estimate
    difference: Estimate


@dataclass(frozen=True)
class Picks:
    """Captions that a model has picked.

    Attributes:
        share: that was right; of candidates that tie for the best, each counts in part.
        candidates: captions to choose from.
        clips: that have a caption.
    """

    share: Estimate
    candidates: int
    clips: int

    @property
    def chance(self) -> float:
        """The share of whoever guesses."""
        return 1 / self.candidates


@dataclass(frozen=True)
class Examination:
    """What a model has learned.

    Attributes:
        clips, tracks: segments of held-out music that it was asked about, and the number of pieces that they are of;
            intervals are over these where there are enough.
        splits: that they come from.
        loss: of the model, as its paradigm reports it, with the true captions.
        beside: trivial predictors, by name.
        picks: None where fewer than eight clips have a caption, or all have the same.
    """

    clips: int
    tracks: int
    splits: tuple[str, ...]
    loss: Estimate
    beside: Mapping[str, Beside] = field(default_factory=dict)
    picks: Picks | None = None

    @property
    def strongest(self) -> str:
        """The name of the trivial predictor that the model is least clearly better than; "" where its paradigm has
        none."""
        return max(self.beside, key=lambda name: self.beside[name].difference.high, default="")


@dataclass(frozen=True)
class HeldOut:
    """A segment of held-out music.

    Attributes:
        split: it is of.
        candidates: captions, the true one first; one alone where nothing can be picked.
        track: the piece that it is of.
    """

    split: str
    example: Example
    candidates: tuple[str, ...]
    track: str


def examine(
    model: Paradigm,
    *,
    encoded: Encoded,
    segment_s: float,
    clips: int = 96,
    candidates: int = 8,
    seed: int = 0,
    progress: Callable[[float, float], None] | None = None,
) -> Examination:
    """Examine a model that was trained on the training split.

    A model with controls is given none, one that fills in spans is asked as in its training.

    Args:
        model: on its device.
        encoded: the dataset, by the model's codec.
        segment_s: length of the segments that it was trained on.
        clips: at most so many segments.
        candidates: captions to pick from, where as many differ.
        seed: of the choice of candidates, and of all times and noise.
        progress: called with (batches done, batches in all).
    """
    segment = frames(segment_s, frame_rate=encoded.spec.frame_rate)
    asked = hold_out(encoded, segment=segment, clips=clips, candidates=candidates, seed=seed)
    predictors = {entry.name: build_trivial(entry, model.config, model.latent) for entry in model.entry.trivial}
    if predictors:
        fit(predictors.values(), encoded=encoded, segment=segment)
    device = next(model.parameters()).device
    losses: dict[str, list[np.ndarray]] = {name: [] for name in ("", *predictors)}
    for number, first in enumerate(range(0, len(asked), BATCH)):
        part = asked[first : first + BATCH]
        draws = [seed_of("examine", seed, number, draw) for draw in range(model.entry.loss_draws)]
        batch = _read(part, encoded=encoded, model=model)
        losses[""].append(_losses(model.eval(), batch, [one.candidates for one in part], draws=draws))
        for name, predictor in predictors.items():
            true = [one.candidates[:1] for one in part]
            losses[name].append(_losses(predictor.to(device), batch, true, draws=draws))
        if progress is not None:
            progress(min(first + BATCH, len(asked)), len(asked))
    return summarize({name: np.concatenate(own) for name, own in losses.items()}, asked=asked)


def summarize(losses: Mapping[str, np.ndarray], *, asked: Sequence[HeldOut]) -> Examination:
    """What losses say.

    Args:
        losses: [n, C] of the model, by the name "", the true caption's first; [n, 1] of trivial predictors, by name.
        asked: the n segments.
    """
    own, tracks = losses[""][:, 0], [one.track for one in asked]
    beside = {
        name: Beside(mean_of(other[:, 0], tracks), mean_of(own - other[:, 0], tracks))
        for name, other in losses.items()
        if name
    }
    return Examination(
        clips=len(asked),
        tracks=len(set(tracks)),
        splits=tuple(dict.fromkeys(one.split for one in asked)),
        loss=mean_of(own, tracks),
        beside=beside,
        picks=_picks(losses[""], asked=asked),
    )


def _picks(losses: np.ndarray, *, asked: Sequence[HeldOut]) -> Picks | None:
    """Of the clips that have candidates."""
    able = [place for place, one in enumerate(asked) if len(one.candidates) > 1]
    if len(able) < LEAST_CLIPS:
        return None
    losses = losses[able]
    best = losses == losses.min(axis=1, keepdims=True)
    right = best[:, 0] / best.sum(axis=1)
    return Picks(share_of(right, [asked[place].track for place in able]), losses.shape[1], len(able))


def hold_out(encoded: Encoded, *, segment: int, clips: int, candidates: int, seed: int) -> list[HeldOut]:
    """Up to `clips` segments of the held-out splits, each with the captions to choose from."""
    places: list[tuple[str, Example]] = []
    for split in HELD_OUT:
        lengths = encoded[split].lengths
        if lengths.any():
            order = ExampleOrder(lengths, segment=segment, seed=0)
            wanted = min(order.per_epoch, clips - len(places))
            places += [(split, order.at(position)) for position in range(wanted)]
    captions = [encoded[split].caption(one.row) for split, one in places]
    different = [caption for caption in dict.fromkeys(captions) if caption]
    others = min(candidates, len(different)) - 1
    rng = np.random.default_rng(seed)
    return [
        HeldOut(split, one, _candidates(own, different, others=others, rng=rng), _track(encoded[split], one.row))
        for (split, one), own in zip(places, captions, strict=True)
    ]


def _candidates(own: str, different: Sequence[str], *, others: int, rng: np.random.Generator) -> tuple[str, ...]:
    if not own or others < 1:
        return (own,)
    wrong = [caption for caption in different if caption != own]
    return (own, *(wrong[place] for place in rng.permutation(len(wrong))[:others]))


def _track(split: EncodedSplit, row: int) -> str:
    found = split.row(row)
    return found.get("group") or found["id"]


def fit(predictors: Iterable[TrivialPredictor], *, encoded: Encoded, segment: int) -> None:
    """Fit trivial predictors of one paradigm on segments of the training split, drawn over all of it."""
    predictors, split = list(predictors), encoded["train"]
    order = ExampleOrder(split.lengths, segment=segment, seed=0)
    chosen = [order.at(position) for position in range(min(order.per_epoch, FITTED_SEGMENTS))]
    view = predictors[0].target
    segments = [read_batch(split, [one], target=view).target[0] for one in chosen]
    for predictor in predictors:
        predictor.fit(segments)


def _read(part: Sequence[HeldOut], *, encoded: Encoded, model: Paradigm) -> Batch:
    """The segments as one batch, those of the splits one after the other."""
    read = [read_batch(encoded[one.split], [one.example], target=model.target) for one in part]
    lengths = torch.cat([each.lengths for each in read])
    longest, axis = int(lengths.max()), -1 if model.target == "codes" else -2
    padded = [_padded(each.target, longest - each.target.shape[axis], axis=axis) for each in read]
    captions = [caption for each in read for caption in each.captions]
    return Batch(torch.cat(padded), captions, lengths, [name for each in read for name in each.ids])


def _padded(target: Tensor, frames: int, *, axis: int) -> Tensor:
    ends = (0, frames) if axis == -1 else (0, 0, 0, frames)
    return torch.nn.functional.pad(target, ends)


@torch.no_grad()
def _losses(
    model: Paradigm, batch: Batch, candidates: Sequence[tuple[str, ...]], *, draws: Sequence[int]
) -> np.ndarray:
    """[B, C] losses with each candidate, the mean over draws; one draw is the same for all candidates.

    Examples without candidates are asked about their own caption again and again, so that a batch keeps its shape.
    """
    device = next(model.parameters()).device
    target, lengths = batch.target.to(device), batch.lengths.to(device)
    columns = []
    for turn in range(max(map(len, candidates))):
        text = model.prepare([own[turn % len(own)] for own in candidates], truncate=True).to(device)
        found = [
            model(target, text=text, lengths=lengths, generator=torch.Generator(device).manual_seed(draw)).per_example
            for draw in draws
        ]
        columns.append(torch.stack(found).double().mean(dim=0))
    return torch.stack(columns, dim=1).cpu().numpy()


def mean_of(values: np.ndarray, tracks: Sequence[str]) -> Estimate:
    """The mean of [n] with Student's interval."""
    from scipy.stats import t

    units = _units(values, tracks)
    n, mean = len(units), float(units.mean())
    reach = float(t.ppf(0.975, n - 1) * units.std(ddof=1)) / sqrt(n) if n > 1 else 0.0
    return Estimate(mean, mean - reach, mean + reach)


def share_of(right: np.ndarray, tracks: Sequence[str]) -> Estimate:
    """The mean of [n] values between 0 and 1 with Wilson's interval, which is sound near 0 and 1, too."""
    units = _units(right, tracks)
    n, share, z = len(units), float(units.mean()), 1.96
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return Estimate(share, centre - reach, centre + reach)


def _units(values: np.ndarray, tracks: Sequence[str]) -> np.ndarray:
    """What is drawn by chance: pieces, each by the mean of its clips, where there are enough of them; else clips."""
    names = list(dict.fromkeys(tracks))
    if not LEAST_CLIPS <= len(names) < len(tracks):
        return values
    places = np.array([names.index(track) for track in tracks])
    return np.bincount(places, weights=values) / np.bincount(places)
