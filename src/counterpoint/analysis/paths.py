"""The likeliest path through states over time, and its certainty: Viterbi and forward-backward.

Scores are log-likelihoods up to a constant of each frame, moves are log-probabilities up to a constant of each row.

Shapes: T frames, S states.
"""

from __future__ import annotations

import numpy as np


def best_path(scores: np.ndarray, *, moves: np.ndarray) -> np.ndarray:
    """[T] the path of states with the highest sum of `scores` [T, S] and `moves` [S, S], from row to column."""
    states = np.arange(scores.shape[1])
    total = scores[0].astype(np.float64)
    origins = np.empty(scores.shape, dtype=np.int16)
    for frame, score in enumerate(scores[1:], start=1):
        reached = total[:, None] + moves
        origins[frame] = reached.argmax(axis=0)
        total = reached[origins[frame], states] + score
    path = np.empty(len(scores), dtype=np.int64)
    path[-1] = total.argmax()
    for frame in range(len(scores) - 1, 0, -1):
        path[frame - 1] = origins[frame, path[frame]]
    return path


def path_certainty(path: np.ndarray, *, scores: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Posterior probability [T] of each frame's state in `path` [T], over all paths."""
    likely = np.exp(scores - scores.max(axis=1, keepdims=True)).astype(np.float64)
    steps = np.exp(moves - moves.max())
    ahead = np.empty_like(likely)
    ahead[0] = likely[0] / likely[0].sum()
    for frame in range(1, len(likely)):
        weight = (ahead[frame - 1] @ steps) * likely[frame]
        ahead[frame] = weight / weight.sum()
    certain = np.empty(len(likely))
    behind = np.ones(likely.shape[1])
    for frame in range(len(likely) - 1, -1, -1):
        weight = ahead[frame] * behind
        certain[frame] = weight[path[frame]] / weight.sum()
        behind = steps @ (likely[frame] * behind)
        behind /= behind.sum()
    return certain
