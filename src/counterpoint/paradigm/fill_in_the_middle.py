"""Filling in the middle: [<a>, A, <c>, C, <b>, B] (5.3, App. J; Bavarian et al., 2022).

A is what stands before the span B, C what stands after it. Each segment is delayed by itself: its special token fills a
column of its own, then follow its n frames in n + K - 1 columns, and only then the next segment begins. So nothing of a
segment is told by another, every code of A and C is read before the first of B is drawn, and a segment comes out of its
columns as it went in, be it as short as it may. Under one delay over the whole row, codes of A's last frames would be
learned with C's first ones before them, and B would begin without C's last ones.

A column keeps the position that it has in the music as it is played: C stands behind the gap, and B where it belongs,
between them, so that a text-to-music model finds its own positions again when it is fine-tuned.

Shapes: B batch, J controls, K codebooks, T latent frames, S = T + 3 K columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

SPECIAL = ("<a>", "<c>", "<b>")
"""In the order in which the segments stand."""
NONE = -1


@dataclass(frozen=True)
class Layout:
    """Where everything stands in the columns that a network reads.

    Attributes:
        inputs: [B, K, S] long, the frame whose code each column holds; `NONE`: the filler.
        targets: [B, K, S] long, the frame whose code each column predicts; `NONE`: nothing.
        begins: [B, S] long, the frame that the first codebook's target is of, where controls belong; `NONE`.
        special: [B, S] long, which of `SPECIAL` each column is; `NONE`.
        positions: [B, S] long, of each column.
        ends: [B] long, the column from which <eos> is predicted, in the first codebook; `NONE` where no span is.
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
    """S of T frames."""
    return frames + 3 * codebooks


def lay_out(spans: Tensor, *, lengths: Tensor, frames: int, codebooks: int) -> Layout:
    """The columns of a batch.

    Args:
        spans: [B, 2] first frame of B and the one after its last. Where both are the example's length, there is no
            span: the row is the music itself, delayed as ever, without special tokens.
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
        """[B, K, S]: the frame whose code stands `shift` columns on."""
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
    """[B, K, T] codes (or tracks) at the frames `where` [B, K, S]; `filler` where there is none."""
    taken = codes.gather(2, where.clamp(min=0))
    return taken.where(where != NONE, filler)


def put_back(codes: Tensor, columns: Tensor, *, layout: Layout) -> Tensor:
    """`codes` [B, K, T] with what `columns` [B, K, S] hold, each code at its own frame: A, B, C again.

    Args:
        columns: tokens as `layout.targets` has them, that is, of the column each was predicted from.
    """
    spare = codes.new_zeros(*codes.shape[:2], 1)  # where what is no frame goes
    frames = layout.targets.where(layout.targets != NONE, codes.shape[2])
    return torch.cat((codes, spare), dim=2).scatter(2, frames, columns)[:, :, :-1]
