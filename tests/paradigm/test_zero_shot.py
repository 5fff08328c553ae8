"""Zero-shot inpainting: on Gaussian fields, whose fills are known exactly, and with a small network."""

import pytest
import torch

from counterpoint.config import FlowMatchingSampling, UserError
from counterpoint.kernels import pack
from counterpoint.paradigm.solvers import grid
from counterpoint.paradigm.zero_shot import ZERO_SHOT, Task

METHODS = sorted(ZERO_SHOT)
T, START, STOP = 12, 4, 8
EVALUATIONS = {"inversion": 10, "repaint": 9, "projection": 5, "gradient": 5}
"""Of five steps."""


class Gaussian:
    """Music of T frames, each clip a draw from N(0, C), whose velocity is known exactly:

    E[z_1 | z_t] = t C (t^2 C + (1 - t)^2)^-1 z_t.
    """

    def __init__(self, covariance, *, clips=4000):
        self.generator = torch.Generator().manual_seed(0)
        self.covariance = covariance.double()
        root = torch.linalg.cholesky(self.covariance + 1e-9 * torch.eye(T))
        self.music = self._draw(clips) @ root.T
        self.known = torch.ones(T, dtype=torch.bool)
        self.known[START:STOP] = False

    def _draw(self, clips):
        return torch.randn(clips, T, generator=self.generator, dtype=torch.float64)

    def velocity(self, t, z):
        t = min(t, 1 - 1e-4)
        level = t**2 * self.covariance + (1 - t) ** 2 * torch.eye(T)
        return (t * self.covariance @ torch.linalg.solve(level, z) - z) / (1 - t)

    def fill(self, method, *, steps=50):
        """[clips, STOP - START] that the method puts into the gap."""
        task = Task(
            velocity=self.velocity,
            z_1=(self.music * self.known)[:, :, None],
            known=self.known[None, :, None],
            times=grid(steps),
            noise=lambda: self._draw(len(self.music))[:, :, None],
            sigma_min=1e-5,
        )
        with torch.no_grad():
            return ZERO_SHOT[method].fill(task)[:, START:STOP, 0]

    def expected(self):
        """[clips, STOP - START], the mean of the gap given what is known."""
        across = self.covariance[~self.known][:, self.known]
        return self.music[:, self.known] @ torch.linalg.solve(self.covariance[self.known][:, self.known], across.T)


@pytest.mark.parametrize("method", METHODS)
def test_independent_frames_leave_the_gap_standard(method):
    fill = Gaussian(torch.eye(T)).fill(method)
    assert fill.mean().abs() < 0.03
    assert 0.85 < fill.var() < 1.1


@pytest.mark.parametrize("method", sorted({*METHODS} - {"inversion"}))
def test_equal_frames_are_copied_into_the_gap(method):
    """Inversion cannot: it takes the emptiness of the gap for music, too."""
    field = Gaussian(torch.ones(T, T))
    error = field.fill(method) - field.music[:, START:STOP]
    assert error.square().mean().sqrt() < 0.06


@pytest.mark.parametrize("method", METHODS)
def test_the_fill_follows_what_is_around_it(method):
    """Of neighbours with a correlation of 0.9: the regression of the fill on its exact mean, which should be 1."""
    at = torch.arange(T)
    field = Gaussian(0.9 ** (at[:, None] - at).abs())
    fill, expected = field.fill(method), field.expected()
    assert 0.55 < (fill * expected).sum() / expected.square().sum() < 1.6
    assert 0.6 < fill.var() < 2.2


@pytest.fixture(scope="module")
def model(kit):
    return kit.build("flow_matching")


def inpaint(model, kit, method, *, rows=(0, 1, 2), seed=1, **sampling):
    target = kit.target(model, batch=3, frames=T, seed=seed)[list(rows)]
    captions = ["slow piano", None, "fast drums"]
    return target, model.inpaint(
        target,
        spans=torch.tensor([[START, STOP], [0, 4], [T - 4, T]])[list(rows)],
        text=model.prepare([captions[row] for row in rows]),
        sampling=FlowMatchingSampling(**{"steps": 5, "guidance": 2.0, **sampling}),
        generators=kit.generators(*(100 + row for row in rows)),
        method=method,
    )


@pytest.mark.parametrize("method", METHODS)
def test_evaluations_are_counted_with_the_rows_of_guidance(kit, model, method):
    _, guided = inpaint(model, kit, method)
    assert guided.network_evaluations == EVALUATIONS[method] <= 2 * 5 + 2
    assert guided.model_evaluations == 2 * EVALUATIONS[method]
    _, alone = inpaint(model, kit, method, guidance=1.0)
    assert alone.model_evaluations == alone.network_evaluations == EVALUATIONS[method]


@pytest.mark.parametrize("method", METHODS)
def test_known_frames_are_kept_and_the_gap_is_new(kit, model, method):
    target, drawn = inpaint(model, kit, method)
    hidden = torch.zeros(3, T, dtype=torch.bool)
    hidden[0, START:STOP] = hidden[1, :4] = hidden[2, -4:] = True
    assert torch.equal(drawn.latents[~hidden], target[~hidden])
    assert (drawn.latents[hidden] != target[hidden]).all()
    assert drawn.latents.isfinite().all() and not drawn.latents.requires_grad


@pytest.mark.parametrize("method", METHODS)
def test_what_the_span_held_is_not_read(kit, model, method):
    target, drawn = inpaint(model, kit, method, rows=(0,))
    other = target.clone()
    other[:, START:STOP] += 3
    again = model.inpaint(
        other,
        spans=torch.tensor([[START, STOP]]),
        text=model.prepare(["slow piano"]),
        sampling=FlowMatchingSampling(steps=5, guidance=2.0),
        generators=kit.generators(100),
        method=method,
    )
    assert torch.equal(drawn.latents[:, START:STOP], again.latents[:, START:STOP])


@pytest.mark.parametrize("method", METHODS)
def test_a_sample_does_not_depend_on_its_batch_mates(kit, model, method):
    _, together = inpaint(model, kit, method)
    for row in range(3):
        _, alone = inpaint(model, kit, method, rows=(row,))
        torch.testing.assert_close(alone.latents[0], together.latents[row], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_equal_seeds_draw_equal_fills(kit, model, method):
    _, first = inpaint(model, kit, method)
    _, again = inpaint(model, kit, method)
    assert torch.equal(first.latents, again.latents)


def test_the_gradient_goes_through_the_network_and_stops_at_its_weights(kit, model):
    """Though `inpaint` records none otherwise."""
    assert all(parameter.requires_grad for parameter in model.parameters())
    inpaint(model, kit, "gradient")
    assert all(parameter.grad is None for parameter in model.parameters())


def test_packed_weights_are_refused_for_the_gradient(kit):
    latent = kit.latent.model_copy(update={"latent_dim": 16})
    packed = kit.build("flow_matching", latent=latent)
    pack(packed, precision="fp16")
    with pytest.raises(UserError, match="fp32"):
        inpaint(packed, kit, "gradient")
    _, drawn = inpaint(packed, kit, "projection")
    assert drawn.latents.isfinite().all()
