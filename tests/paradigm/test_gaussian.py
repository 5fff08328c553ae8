"""Preconditioning by the linear-Gaussian velocity: closed forms on data that is exactly Gaussian."""

import pytest
import torch

from counterpoint.config import FlowMatchingSampling, LatentSpec, ModelConfig, UserError, parse
from counterpoint.paradigm.flow_matching import path
from counterpoint.paradigm.gaussian import LEAST_DEVIATION, LinearGaussian

D = 6
DEVIATIONS = torch.tensor([3.0, 1.5, 0.7, 0.3, 0.1, 0.05], dtype=torch.float64)
S = 1e-5


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


def mixing():
    """A mean, and a matrix M with M M^T = S, whose eigenvalues are unlike."""
    basis = torch.linalg.qr(torch.randn(D, D, generator=draws(), dtype=torch.float64)).Q
    return torch.linspace(-1, 1, D, dtype=torch.float64), basis * DEVIATIONS


def music(count, *, seed=1):
    mean, mix = mixing()
    return mean + torch.randn(count, D, generator=draws(seed), dtype=torch.float64) @ mix.T


def exact():
    """A LinearGaussian that knows the truth."""
    mean, mix = mixing()
    made = LinearGaussian(D, sigma_min=S).double()
    made.mean.copy_(mean)
    made.basis.copy_(mix / DEVIATIONS)
    made.deviation.copy_(DEVIATIONS)
    return made


def resting(z):
    return torch.zeros_like(z)


def test_calibration_finds_mean_and_covariance():
    made = LinearGaussian(D, sigma_min=S).double()
    made.calibrate(music(200_000))
    mean, mix = mixing()
    torch.testing.assert_close(made.mean, mean, atol=0.02, rtol=0)
    covariance = made.basis @ torch.diag(made.deviation**2) @ made.basis.T
    torch.testing.assert_close(covariance, mix @ mix.T, atol=0.05, rtol=0.02)
    torch.testing.assert_close(made.deviation.flip(0), DEVIATIONS, atol=0, rtol=0.02)


def test_a_channel_that_never_moves_has_a_little_deviation():
    still = music(1000)
    still[:, 2] = 5.0
    still = torch.cat((still, still[:, :1]), dim=1)  # and one that says nothing new
    made = LinearGaussian(D + 1, sigma_min=S).double()
    made.calibrate(still)
    assert made.deviation.min() == pytest.approx(LEAST_DEVIATION * made.deviation.max())
    t, z = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64), torch.randn(3, 4, D + 1, dtype=torch.float64)
    assert made(t, z, resting).isfinite().all()


@pytest.mark.parametrize("t", [0.0, 0.2, 0.7, 0.95, 1.0])
def test_nothing_linear_is_left_and_the_rest_has_variance_1(t):
    """The network's input and target are white, and the target is uncorrelated with the input."""
    made, z_1 = exact(), music(100_000)[:, None]
    z_0 = torch.randn(z_1.shape, generator=draws(2), dtype=torch.float64)
    times = torch.full((len(z_1),), t, dtype=torch.float64)
    z_t, v_t = path(z_0, z_1, times, sigma_min=S)
    seen = []

    def network(x):
        seen.append(x)
        return torch.zeros_like(x)

    target = -made.whiten(times, made(times, z_t, network) - v_t)[:, 0]
    x = seen[0][:, 0]
    eye = torch.eye(D, dtype=torch.float64)
    for got, expected in ((x.T @ x, eye), (target.T @ target, eye), (x.T @ target, 0 * eye)):
        torch.testing.assert_close(got / len(x), expected, atol=0.02, rtol=0)
    assert target.mean(dim=0).abs().max() < 0.02 and x.mean(dim=0).abs().max() < 0.02


def test_a_perfect_network_gives_the_velocity_itself():
    made, z_1 = exact(), music(50)[None]
    z_0 = torch.randn(z_1.shape, generator=draws(2), dtype=torch.float64)
    t = torch.tensor([0.4], dtype=torch.float64)
    z_t, v_t = path(z_0, z_1, t, sigma_min=S)
    target = made.whiten(t, v_t - made(t, z_t, resting))
    torch.testing.assert_close(made(t, z_t, lambda x: target), v_t)


def velocity_of(made):
    return lambda t, z: made(torch.full((len(z),), t, dtype=z.dtype), z, resting)


@pytest.mark.parametrize("solver", ["euler", "heun", "dopri5"])
def test_integrating_the_linear_part_draws_the_gaussian(solver):
    """Each frame is moved by a linear map, whose action on the basis vectors tells mean and covariance exactly."""
    from counterpoint.paradigm.solvers import solve

    made = exact()
    noise = torch.cat((torch.zeros(1, D, dtype=torch.float64), torch.eye(D, dtype=torch.float64)))[None]
    sampling = FlowMatchingSampling(solver=solver, steps=4000, tolerance=1e-7)
    z = solve(velocity_of(made), noise, sampling=sampling).z[0]
    moved = z[1:] - z[:1]
    mean, mix = mixing()
    torch.testing.assert_close(z[0], mean, atol=2e-3, rtol=0)
    torch.testing.assert_close(moved.T @ moved, mix @ mix.T, atol=5e-3, rtol=5e-3)


# --- in the paradigm

LATENT = LatentSpec(
    codec="x", sample_rate=800, frame_rate=25, num_codebooks=0, codebook_size=0, latent_dim=D, mean=0.5, mean_std=4.0
)


def build(kit, **settings):
    return kit.build("flow_matching", latent=LATENT, preconditioning="gaussian", **settings)


def raw(count, *, seed=1):
    return LATENT.unnormalize(music(count, seed=seed)).float()


def loss(paradigm, target, seed=0):
    text = paradigm.prepare([None] * len(target))
    return paradigm(target, text=text, lengths=torch.full((len(target),), target.shape[1]), generator=draws(seed))


def test_a_resting_network_has_the_least_loss_of_gaussian_music(kit):
    """(1 + t) times the mean of l / q, given the t that was drawn."""
    paradigm = build(kit)
    paradigm.calibrate(raw(100_000))
    with torch.no_grad():
        paradigm.head.weight.zero_()
        got = loss(paradigm, raw(64 * 2000, seed=3).view(2000, 64, D)).per_example
    t = torch.rand(2000, generator=draws())[:, None].double()
    q = (1 - (1 - S) * t) ** 2 + t**2 * DEVIATIONS**2
    expected = ((1 + t[:, 0]) * (DEVIATIONS**2 / q).mean(dim=1)).mean()
    assert got.mean() == pytest.approx(float(expected), rel=0.01)


def test_training_by_unit_weight_reports_eq_4(kit):
    plain, unit = build(kit).train(), build(kit, loss_weight="unit").train()
    for paradigm in (plain, unit):
        paradigm.calibrate(raw(10_000))
    target = raw(8 * 20, seed=3).view(8, 20, D)
    ours, theirs = loss(unit, target), loss(plain, target)
    assert torch.equal(ours.per_example, theirs.per_example)
    assert ours.loss != theirs.loss == theirs.per_example.mean()
    with torch.no_grad():
        unit.head.weight.zero_()
        assert loss(unit, target).loss == pytest.approx(1.0, abs=0.15), "of each channel, the variance"
    unit.eval()
    assert loss(unit, target).loss == loss(unit, target).per_example.mean()


def test_logit_normal_times_in_training_alone(kit):
    paradigm = kit.build("flow_matching", times="logit_normal", times_location=1.0, times_scale=0.5)
    uniform = paradigm._times(10_000, generator=draws())
    assert uniform.mean() == pytest.approx(0.5, abs=0.01) and uniform.max() > 0.99
    drawn = torch.logit(paradigm.train()._times(10_000, generator=draws()))
    assert drawn.mean() == pytest.approx(1.0, abs=0.02) and drawn.std() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("solver", ["euler", "midpoint", "heun", "adams", "dopri5"])
def test_a_resting_network_samples_the_gaussian(kit, solver):
    paradigm = build(kit)
    paradigm.calibrate(raw(100_000))
    with torch.no_grad():
        paradigm.head.weight.zero_()
    drawn = paradigm.sample(
        text=paradigm.prepare([None] * 60),
        lengths=torch.full((60,), 64),
        sampling=FlowMatchingSampling(solver=solver, steps=100, guidance=1.0, tolerance=1e-3),
        generators=kit.generators(*range(60)),
    ).latents
    frames = LATENT.normalize(drawn).flatten(0, 1).double()
    mean, mix = mixing()
    torch.testing.assert_close(frames.mean(dim=0), mean, atol=0.15, rtol=0)
    torch.testing.assert_close(frames.T.cov(), mix @ mix.T, atol=0.25, rtol=0.1)


@pytest.mark.parametrize("method", ["supervised", "inversion", "repaint", "projection", "gradient"])
def test_every_way_to_inpaint_works(kit, method):
    paradigm = build(kit, inpainting=0.5)
    paradigm.calibrate(raw(10_000))
    target = raw(2 * 30, seed=3).view(2, 30, D)
    drawn = paradigm.inpaint(
        target,
        spans=torch.tensor([[10, 20], [0, 10]]),
        text=paradigm.prepare(["drums", None]),
        sampling=FlowMatchingSampling(steps=8),
        generators=kit.generators(0, 1),
        method=method,
    ).latents
    assert drawn.isfinite().all()
    assert torch.equal(drawn[0, :10], target[0, :10]) and torch.equal(drawn[1, 10:], target[1, 10:])
    assert LATENT.normalize(drawn).abs().max() < 20


def test_mixed_precision_keeps_the_linear_part_exact(kit):
    paradigm = build(kit)
    paradigm.calibrate(raw(10_000))
    with torch.no_grad():
        paradigm.head.weight.zero_()
    target = raw(8 * 20, seed=3).view(8, 20, D)
    full = loss(paradigm, target).per_example
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(loss(paradigm, target).per_example, full)


def test_statistics_travel_in_the_state_and_are_not_trained(kit):
    first, second = build(kit), build(kit, seed=1)
    first.calibrate(raw(10_000))
    second.load_state_dict(first.state_dict())
    assert torch.equal(second.gaussian.deviation, first.gaussian.deviation)
    assert not [name for name, _ in first.named_parameters() if name.startswith("gaussian")]
    assert not [name for name in kit.build("flow_matching").state_dict() if name.startswith("gaussian")]


def test_unit_weight_needs_units():
    with pytest.raises(UserError, match="preconditioning gaussian"):
        parse({"paradigm": "flow_matching", "loss_weight": "unit"}, ModelConfig, source="test")
