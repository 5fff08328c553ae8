"""Evaluation of a trained model by its own losses on held-out music, without drawing clips or asking judges.

*Held-out loss*: compared with that of the trivial predictors of its paradigm, on the same segments, times and noise.

*Caption selection*: among the true caption and seven others, the model selects the one with the lowest loss; all
candidates have the same times and noise. A model that ignores captions is right once in eight times, whatever its
paradigm, so that this number is comparable between paradigms.

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
"""Splits in the order of preference. The best weights of a training were chosen on the validation split, where the
loss is therefore slightly too low."""
LEAST_CLIPS = 8
"""With fewer clips the captions are not examined."""
FITTED_SEGMENTS = 2048
"""Greatest number of segments of the training split on which trivial predictors are fitted."""
BATCH = 8


@dataclass(frozen=True)
class Estimate:
    """A mean over clips with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Beside:
    """A trivial predictor compared with a model.

    Attributes:
        loss: the loss of the predictor.
        difference: the loss of the model minus that of the predictor, clip by clip: below 0 the model is better.
    """

    loss: Estimate
    difference: Estimate


@dataclass(frozen=True)
class Picks:
    """The captions that a model has selected.

    Attributes:
        share: share of true captions; of tied candidates, each counts in part.
        candidates: number of captions to choose from.
        clips: number of clips with a caption.
    """

    share: Estimate
    candidates: int
    clips: int

    @property
    def chance(self) -> float:
        """The share of a random guess."""
        return 1 / self.candidates


@dataclass(frozen=True)
class Examination:
    """The results of an examination.

    Attributes:
        clips, tracks: number of segments of held-out music, and number of pieces that they come from; intervals are
            over pieces if there are enough.
        splits: the splits that they come from.
        loss: loss of the model, as its paradigm reports it, with the true captions.
        beside: trivial predictors, by name.
        picks: None if fewer than eight clips have a caption, or all have the same.
    """

    clips: int
    tracks: int
    splits: tuple[str, ...]
    loss: Estimate
    beside: Mapping[str, Beside] = field(default_factory=dict)
    picks: Picks | None = None

    @property
    def strongest(self) -> str:
        """The name of the trivial predictor that the model outperforms least clearly; "" if its paradigm has none."""
        return max(self.beside, key=lambda name: self.beside[name].difference.high, default="")


@dataclass(frozen=True)
class HeldOut:
    """A segment of held-out music.

    Attributes:
        split: the split of the segment.
        candidates: captions, the true one first; a single one if there is no choice.
        track: the piece that the segment comes from.
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

    A model with controls gets none; a model that fills in spans gets spans as in its training.

    Args:
        model: the model, on its device.
        encoded: the dataset, encoded with the model's codec.
        segment_s: length of the segments in its training.
        clips: greatest number of segments.
        candidates: number of captions to select from, if there are as many different ones.
        seed: seed of the choice of candidates and of all times and noise.
        progress: called with (done, total) in batches.
    """
    segment = frames(segment_s, frame_rate=encoded.spec.frame_rate)
    segments = hold_out(encoded, segment=segment, clips=clips, candidates=candidates, seed=seed)
    predictors = {entry.name: build_trivial(entry, model.config, model.latent) for entry in model.entry.trivial}
    if predictors:
        fit(predictors.values(), encoded=encoded, segment=segment)
    device = next(model.parameters()).device
    losses: dict[str, list[np.ndarray]] = {name: [] for name in ("", *predictors)}
    for number, first in enumerate(range(0, len(segments), BATCH)):
        part = segments[first : first + BATCH]
        draws = [seed_of("examine", seed, number, draw) for draw in range(model.entry.loss_draws)]
        batch = _read(part, encoded=encoded, model=model)
        losses[""].append(_losses(model.eval(), batch, [one.candidates for one in part], draws=draws))
        for name, predictor in predictors.items():
            true = [one.candidates[:1] for one in part]
            losses[name].append(_losses(predictor.to(device), batch, true, draws=draws))
        if progress is not None:
            progress(min(first + BATCH, len(segments)), len(segments))
    return summarize({name: np.concatenate(own) for name, own in losses.items()}, segments=segments)


def summarize(losses: Mapping[str, np.ndarray], *, segments: Sequence[HeldOut]) -> Examination:
    """Summarise losses.

    Args:
        losses: [n, C] of the model, under the name "", with the true caption's first; [n, 1] of trivial predictors, by
            name.
        segments: the n segments.
    """
    own, tracks = losses[""][:, 0], [one.track for one in segments]
    beside = {
        name: Beside(mean_of(other[:, 0], tracks), mean_of(own - other[:, 0], tracks))
        for name, other in losses.items()
        if name
    }
    return Examination(
        clips=len(segments),
        tracks=len(set(tracks)),
        splits=tuple(dict.fromkeys(one.split for one in segments)),
        loss=mean_of(own, tracks),
        beside=beside,
        picks=_picks(losses[""], segments=segments),
    )


def _picks(losses: np.ndarray, *, segments: Sequence[HeldOut]) -> Picks | None:
    """The selected captions of the clips that have candidates."""
    able = [place for place, one in enumerate(segments) if len(one.candidates) > 1]
    if len(able) < LEAST_CLIPS:
        return None
    losses = losses[able]
    best = losses == losses.min(axis=1, keepdims=True)
    right = best[:, 0] / best.sum(axis=1)
    return Picks(share_of(right, [segments[place].track for place in able]), losses.shape[1], len(able))


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
    """The segments as one batch, in the order of the splits."""
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
    """Losses [B, C] with each candidate, averaged over draws; a draw is the same for all candidates.

    Segments without candidates repeat their own caption, so that a batch keeps its shape.
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
    """The mean of [n] values between 0 and 1 with Wilson's interval, which is also valid near 0 and 1."""
    units = _units(right, tracks)
    n, share, z = len(units), float(units.mean()), 1.96
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return Estimate(share, centre - reach, centre + reach)


def _units(values: np.ndarray, tracks: Sequence[str]) -> np.ndarray:
    """The units of sampling: the means of the clips of each piece if there are enough pieces, else the clips."""
    names = list(dict.fromkeys(tracks))
    if not LEAST_CLIPS <= len(names) < len(tracks):
        return values
    places = np.array([names.index(track) for track in tracks])
    return np.bincount(places, weights=values) / np.bincount(places)
