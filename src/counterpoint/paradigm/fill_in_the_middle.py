"""Filling in the middle: [<a>, A, <c>, C, <b>, B] (5.3, App. J; Bavarian et al., 2022).

A is the music before the span B, C the music after it. Each segment is delayed by itself: its special token fills one
column, then its n frames follow in n + K - 1 columns, and only then the next segment begins. Segments therefore do not
mix, every code of A and C is read before the first of B is drawn, and a segment of any length is restored exactly. With
one delay over the whole row, codes of A's last frames would be learned after C's first ones, and B would begin before
C's last ones.

A column keeps its position in the music as it is played: C has the positions after the gap, and B those between them,
so that the positions of a text-to-music model remain valid when it is fine-tuned.

Shapes: B batch, J controls, K codebooks, T latent frames, S = T + 3 K columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

SPECIAL = ("<a>", "<c>", "<b>")
"""The special tokens, in the order of the segments."""
NONE = -1


@dataclass(frozen=True)
class Layout:
    """The layout of the columns that a network reads.

    Attributes:
        inputs: [B, K, S] long, the frame whose code each column holds; `NONE` for the filler.
        targets: [B, K, S] long, the frame whose code each column predicts; `NONE` for no prediction.
        begins: [B, S] long, the frame of the first codebook's target, where controls are added; or `NONE`.
        special: [B, S] long, the special token of each column, an index of `SPECIAL`; or `NONE`.
        positions: [B, S] long, the position of each column.
        ends: [B] long, the column that predicts <eos>, in the first codebook; `NONE` without a span.
        drawn: [B] long, the first column that predicts a frame of B.
    """

    inputs: Tensor
    targets: Tensor
    begins: Tensor
    special: Tensor
    positions: Tensor
    ends: Tensor
    drawn: Tensor

    @property
    def columns(self) -> int:
        """S."""
        return self.special.shape[1]


def columns(frames: int, *, codebooks: int) -> int:
    """S for T frames."""
    return frames + 3 * codebooks


def lay_out(spans: Tensor, *, lengths: Tensor, frames: int, codebooks: int) -> Layout:
    """Lay out the columns of a batch.

    Args:
        spans: [B, 2] first frame of B and the one after its last. If both equal the example's length, there is no span:
            the row is the music itself with the usual delay, without special tokens.
        lengths: [B] valid frames.
        frames: T.
        codebooks: K.
    """
    K, device = codebooks, spans.device
    start, stop = spans.unbind(1)
    zero = torch.zeros_like(start)
    first = torch.stack((zero, stop, start), dim=1)  # [B, 3] of A, C, B
    count = torch.stack((start, lengths - stop, stop - start), dim=1)
    whole = start == stop
    begin = torch.cat((zero[:, None], (count + K).cumsum(dim=1)), dim=1)  # [B, 4] columns of <a>, <c>, <b>, the end
    at = torch.arange(columns(frames, codebooks=K), device=device)
    segment = (at >= begin[:, 1:3, None]).sum(dim=1)  # [B, S] which of the three each column belongs to
    after = at - begin.gather(1, segment)  # columns since the special token
    own, size = first.gather(1, segment), count.gather(1, segment)
    inside = (at < begin[:, 3:]) & ~(whole[:, None] & (segment > 0))

    def frame(shift: int) -> Tensor:
        """The frame [B, K, S] whose code is `shift` columns later."""
        place = after[:, None, :] + shift - torch.arange(K, device=device)[:, None]
        there = inside[:, None, :] & (place >= 0) & (place < size[:, None, :])
        return torch.where(there, own[:, None, :] + place, NONE)

    targets = frame(0)
    return Layout(
        inputs=frame(-1),
        targets=targets,
        begins=targets[:, 0],
        special=torch.where(inside & (after == 0) & ~whole[:, None], segment, NONE),
        positions=torch.where(inside, own + after, 0),
        ends=torch.where(whole, NONE, begin[:, 2] + count[:, 2]),
        drawn=begin[:, 2],
    )


def take(codes: Tensor, where: Tensor, *, filler: int) -> Tensor:
    """Codes (or tracks) [B, K, T] at the frames `where` [B, K, S]; `filler` where there is no frame."""
    taken = codes.gather(2, where.clamp(min=0))
    return taken.where(where != NONE, filler)


def put_back(codes: Tensor, columns: Tensor, *, layout: Layout) -> Tensor:
    """Insert the codes of `columns` [B, K, S] into `codes` [B, K, T], each at its own frame: A, B, C again.

    Args:
        columns: tokens in the layout of `layout.targets`, that is, at the columns that predicted them.
    """
    spare = codes.new_zeros(*codes.shape[:2], 1)  # receives tokens without a frame
    frames = layout.targets.where(layout.targets != NONE, codes.shape[2])
    return torch.cat((codes, spare), dim=2).scatter(2, frames, columns)[:, :, :-1]
