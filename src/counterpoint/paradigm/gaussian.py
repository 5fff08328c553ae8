"""The linear part of the velocity in closed form, and the scales of the remaining part, which the network learns.

The paper normalises latents by two scalars (App. E.2), which suits channels of equal variance. If a few channels carry
most of the variance, Eq. 4 asks a network to read and predict numbers of very different sizes. Here the best linear
estimate is computed in closed form, and the network learns the residual in units of its standard deviation, in the
spirit of Karras et al. (2022) for diffusion. It deviates from the paper and is off by default
(`model.preconditioning`).

If frames were z_1 ~ N(m, S), then z_0 ~ N(0, 1), z_t = a z_0 + t z_1 with a = 1 - (1 - s) t, and v = z_1 - (1 - s) z_0
(Eq. 2) would be jointly Gaussian, and independent for each channel in the eigenbasis of S. With l the channel's
variance,

    Var[z_t]     = a^2 + t^2 l                                          =: q
    Cov[v, z_t]  = t l - (1 - s) a                                      =: k
    E[v | z_t]   = m + k / q (z_t - t m)
    Var[v | z_t] = l + (1 - s)^2 - k^2 / q = l (a + (1 - s) t)^2 / q    = l / q,   since a + (1 - s) t = 1.

For frames that are not Gaussian these are the best linear estimate and its residual variance. The velocity is

    v = m + k / q (z_t - t m) + sqrt(l / q) F((z_t - t m) / sqrt(q))

with a network F whose input and target have mean 0 and variance 1 in every channel of the eigenbasis at every t.

Shapes: B batch, T latent frames, D latent channels, N frames of statistics.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

LEAST_DEVIATION = 1e-3
"""Least variance of a channel, relative to the largest one."""


class LinearGaussian(nn.Module):
    """m, the eigenbasis of S and the deviations sqrt(l); before `calibrate`, those of standard normal frames.

    They are buffers, so that a checkpoint contains them.

    Args:
        channels: D.
        sigma_min: s of the probability path (Eq. 2).
    """

    mean: Tensor
    basis: Tensor
    deviation: Tensor

    def __init__(self, channels: int, *, sigma_min: float):
        super().__init__()
        self.sigma_min = sigma_min
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("basis", torch.eye(channels))  # one eigenvector per column
        self.register_buffer("deviation", torch.ones(channels))

    @torch.no_grad()
    def calibrate(self, frames: Tensor) -> None:
        """Estimate m and S from frames [N, D] in the network's scale."""
        exact = frames.double()
        mean = exact.mean(dim=0)
        centred = exact - mean
        variances, basis = torch.linalg.eigh(centred.T @ centred / len(exact))
        deviation = variances.clamp(min=0).sqrt()
        self.mean.copy_(mean)
        self.basis.copy_(basis)
        self.deviation.copy_(deviation.clamp(min=LEAST_DEVIATION * float(deviation.max())))

    def forward(self, t: Tensor, z: Tensor, network: Callable[[Tensor], Tensor]) -> Tensor:
        """v(t [B], z_t [B, T, D]), with `network` as F: [B, T, D] to [B, T, D], both in the eigenbasis."""
        s, t = self.sigma_min, t[:, None, None]
        mean, variance = self.mean.to(z), self.deviation.to(z).square()
        a = 1 - (1 - s) * t
        q, k = a**2 + t**2 * variance, t * variance - (1 - s) * a
        y = _turn(z - t * mean, self.basis)
        v = k / q * y + (variance / q).sqrt() * network(y / q.sqrt())
        return mean + _turn(v, self.basis.T)

    def whiten(self, t: Tensor, error: Tensor) -> Tensor:
        """The error of F that corresponds to an error [B, T, D] of v at t [B]."""
        t, variance = t[:, None, None], self.deviation.to(error).square()
        q = (1 - (1 - self.sigma_min) * t) ** 2 + t**2 * variance
        return _turn(error, self.basis) * (q / variance).sqrt()


def _turn(x: Tensor, basis: Tensor) -> Tensor:
    """Rotate in full precision, also under autocast: rounding would hide channels of little variance."""
    with torch.autocast(x.device.type, enabled=False):
        return x @ basis.to(x)
