"""Distances between sets of clips in the embedding space of a judge: Frechet and kernel distance.

Both use the embeddings of all patches, as published FAD code uses all of its windows, and both treat the clip as
the unit of resampling.

With fewer patches than embedding channels the covariances do not have full rank: the Frechet distance is still defined,
but covers only as many directions as there are patches, and is far too high, the more so the fewer clips there are.
`evaluate` reports this with the numbers.

Shapes: n clips, P patches of a clip, M patches in all, E embedding channels, R resamples.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from counterpoint.metrics.base import Features, Fit, Functional, Judge, MetricInfo, NotApplicableError, PairMean

KAD_SCALE = 100.0
"""The factor that the authors apply."""


class FrechetDistance:
    """`fad_JUDGE`; biased upwards by few clips, so compare only values with equal n, together with the floor."""

    equal_n = True

    def __init__(self, judge: Judge, *, what: str = ""):
        """`what` is added to the description in tables."""
        self._judge = judge.name
        self.info = MetricInfo(
            name=f"fad_{judge.name}",
            title="Distance to real music",
            description=(
                f"Frechet distance between Gaussians fitted to embeddings of the system and of the reference "
                f"({'; '.join(filter(None, (what, judge.checkpoint)))}); its bias grows as 1/n for few clips, so "
                "compare it with the ground-truth floor"
            ),
            unit="",
            better="lower",
            at_least=0.0,
        )

    def prepare(self, clips: Sequence[Features], *, reference: Sequence[Features]) -> Functional:
        return _Frechet(*_both(clips, reference, self._judge))


class _Frechet:
    """d^2 = |m1 - m2|^2 + tr(C1 + C2 - 2 (C1^(1/2) C2 C1^(1/2))^(1/2)); Heusel et al. 2017, Kilgour et al. 2019."""

    per_clip: np.ndarray | None = None
    fit: Fit | None = None

    def __init__(self, clips: Sequence[np.ndarray], reference: Sequence[np.ndarray]):
        """Embeddings [P, E] of each clip."""
        fixed = np.concatenate(reference)
        self._mean = fixed.mean(0)
        covariance = np.cov(fixed, rowvar=False)
        self._trace = np.trace(covariance)
        values, vectors = np.linalg.eigh(covariance)
        self._root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T  # C1^(1/2)
        self._patches = np.concatenate(clips)
        self._owner = np.repeat(np.arange(len(clips)), list(map(len, clips)))

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        return np.array([self._distance(self._patches[row[self._owner] > 0]) for row in weights])

    def _distance(self, patches: np.ndarray) -> float:
        mean = patches.mean(0)
        centred = (patches - mean) / np.sqrt(len(patches) - 1)  # C2 = centred' centred
        product = centred @ self._root
        # The symmetric product shares its non-zero eigenvalues with whichever Gram matrix is smaller.
        gram = product @ product.T if len(product) < product.shape[1] else product.T @ product
        roots = np.sqrt(np.clip(np.linalg.eigvalsh(gram), 0, None))
        offset = self._mean - mean
        distance = float(offset @ offset + self._trace + np.square(centred).sum() - 2 * roots.sum())
        return max(0.0, distance)  # rounding takes that of equal sets below zero


SUBSAMPLES = (0.5, 0.6, 0.7, 0.8, 0.9)
"""Shares of the clips in the subsamples from which `fad_inf` is extrapolated."""
DRAWS = 10
"""Number of subsamples of each size."""
CLIPS_A_CHANNEL = 2
"""Clips that `fad_inf` needs per embedding channel. For two samples of one Gaussian in 128 channels of equal variance,
with identical patches in a clip, and 0.5, 1, 1.5, 2 and 4 clips per channel, it is 59%, 21%, 3%, -1% and 1% of the
distance of all clips, where 0% is true; with five patches per clip that have two fifths of their variance to
themselves, 33%, 18%, 12%, 9% and 4%. If few channels have most of the variance, as in real embeddings, a fourth of the
clips is enough."""


class FrechetInfinity:
    """`fad_inf_JUDGE`: the Frechet distance of infinitely many clips, extrapolated (Chong and Forsyth 2020; Gui et al.
    2024); it has no bias from few clips, and a little more variance than `fad_JUDGE`."""

    equal_n = True

    def __init__(self, judge: Judge, *, what: str = ""):
        """See `FrechetDistance`."""
        self._judge = judge.name
        self.info = MetricInfo(
            name=f"fad_inf_{judge.name}",
            title="Distance to real music, corrected for few clips",
            description=(
                f"Frechet distance as before ({'; '.join(filter(None, (what, judge.checkpoint)))}), extrapolated to "
                "infinitely many clips by a line over 1/n through subsamples; unbiased, and may be below 0 by "
                "chance"
            ),
            unit="",
            better="lower",
        )

    def prepare(self, clips: Sequence[Features], *, reference: Sequence[Features]) -> Functional:
        own, real = _both(clips, reference, self._judge)
        least = CLIPS_A_CHANNEL * own[0].shape[1]
        if len(own) < least:
            raise NotApplicableError(
                f"{len(own)} clips are too few to extrapolate from in {own[0].shape[1]} dimensions, which needs {least}"
            )
        return _Extrapolated(own, real)


class _Extrapolated:
    """The Frechet distance less slope / n, the slope being that of a line over 1 / n through the distances of
    subsamples, drawn without replacement from the clips and from equally many of the reference. The line passes through
    the distance of all clips, so that distance less slope / n is its intercept.

    Its interval treats the slope as known, which adds little, and resamples the reference, too, because the
    extrapolated distance is a statement about all music of its kind.
    """

    per_clip: np.ndarray | None = None

    def __init__(self, clips: Sequence[np.ndarray], reference: Sequence[np.ndarray]):
        """Embeddings [P, E] of each clip."""
        self._clips, self._reference = clips, reference
        rng = np.random.default_rng(len(clips))
        sizes = [round(share * len(clips)) for share in SUBSAMPLES]
        points = [(size, float(np.mean([self._subsample(size, rng) for _ in range(DRAWS)]))) for size in sizes]
        everything = self._distance(range(len(clips)), range(len(reference)))
        inverse = np.array([1 / size - 1 / len(clips) for size in sizes])
        rise = np.array([value - everything for _, value in points])
        slope = float(inverse @ rise / (inverse @ inverse))
        residual = float(np.abs(rise - slope * inverse).max())
        self.fit: Fit | None = Fit((*points, (len(clips), everything)), slope, residual)
        self._slope = slope

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng(len(self._clips))
        values = []
        for row in weights:
            chosen = np.flatnonzero(row)
            real = rng.permutation(len(self._reference))[: len(chosen)]
            values.append(self._distance(chosen, real) - self._slope / len(chosen))
        return np.array(values)

    def _subsample(self, size: int, rng: np.random.Generator) -> float:
        own, real = (rng.permutation(len(side))[:size] for side in (self._clips, self._reference))
        return self._distance(own, real)

    def _distance(self, own: Iterable[int], real: Iterable[int]) -> float:
        clips = [self._clips[at] for at in own]
        return float(_Frechet(clips, [self._reference[at] for at in real])(np.ones((1, len(clips))))[0])


class KernelDistance:
    """`kad_JUDGE`; unbiased: its mean over equal systems is 0 at any n, so it may be below 0."""

    equal_n = True

    def __init__(self, judge: Judge):
        self._judge = judge.name
        self.info = MetricInfo(
            name=f"kad_{judge.name}",
            title="Kernel distance to real music",
            description=(
                "kernel audio distance: 100 x unbiased squared MMD between embeddings (Gaussian kernel, bandwidth = "
                f"the reference's median distance; {judge.checkpoint}); 0 for equal distributions at any n"
            ),
            unit="",
            better="lower",
        )

    def prepare(self, clips: Sequence[Features], *, reference: Sequence[Features]) -> Functional:
        return _Kernel(*_both(clips, reference, self._judge))


class _Kernel:
    """MMD^2 = E k(x, x') + E k(y, y') - 2 E k(x, y), as U-statistics; Chung et al., "KAD" (arXiv:2502.15602).

    k of two clips is the mean of the Gaussian kernel over their patch pairs, which again is a positive kernel. So pairs
    of patches of one clip, alike because they are one piece of music, do not bias the estimate.
    """

    per_clip: np.ndarray | None = None
    fit: Fit | None = None

    def __init__(self, clips: Sequence[np.ndarray], reference: Sequence[np.ndarray]):
        """Embeddings [P, E] of each clip."""
        x, y = clips, reference
        distances = _squared_distances(np.concatenate(y), np.concatenate(y))
        bandwidth = np.median(distances[np.triu_indices(len(distances), 1)])  # squared
        kernel = lambda a, b: _clip_kernel(a, b, bandwidth=max(float(bandwidth), 1e-12))  # noqa: E731
        self._own = PairMean(kernel(x, x))
        self._across = kernel(x, y).mean(1)
        self._reference = float(PairMean(kernel(y, y))(np.ones((1, len(y))))[0])

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        across = (weights @ self._across) / weights.sum(1)
        return KAD_SCALE * (self._own(weights) + self._reference - 2 * across)


def _both(
    clips: Sequence[Features], reference: Sequence[Features], judge: str
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Embeddings [P, E] of each clip and of each reference clip.

    Raises:
        NotApplicableError: the embeddings of one side are all equal, so there is no spread to compare.
    """
    own, real = ([clip.outputs[judge]["embeddings"].astype(np.float64) for clip in side] for side in (clips, reference))
    for side, whose in ((own, "clip"), (real, "clip of the reference")):
        if all((patches == side[0][0]).all() for patches in side):
            raise NotApplicableError(f"{judge} gives the same embedding for every {whose}")
    return own, real


def _clip_kernel(x: Sequence[np.ndarray], y: Sequence[np.ndarray], *, bandwidth: float) -> np.ndarray:
    """[n, n'] mean over patch pairs of exp(-d^2 / (2 bandwidth))."""
    patches = np.exp(-_squared_distances(np.concatenate(x), np.concatenate(y)) / (2 * bandwidth))
    return _average(x) @ patches @ _average(y).T


def _average(clips: Sequence[np.ndarray]) -> np.ndarray:
    """Matrix [n, M] that takes the mean over each clip's patches."""
    counts = np.array([len(clip) for clip in clips])
    return np.repeat(np.eye(len(clips)) / counts[:, None], counts, axis=1)


def _squared_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.clip((x**2).sum(1)[:, None] + (y**2).sum(1) - 2 * x @ y.T, 0, None)
