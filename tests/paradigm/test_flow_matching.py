"""The path, the loss, the time, and the latents' scale."""

import pytest
import torch

from counterpoint.config import FlowMatchingSampling
from counterpoint.paradigm.flow_matching import TimeEmbedding, frame_mask, path


def velocity(paradigm, t, z, captions, mask=None):
    text = paradigm.prepare(captions)
    memory = paradigm.backbone.remember(paradigm.text(text), mask=text.mask)
    return paradigm.velocity(t, z, memory=memory, mask=mask)


def test_path_is_eq_2():
    z_0, z_1 = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    s, t = 0.1, torch.tensor([0.0, 0.4, 1.0], dtype=torch.float64)
    z_t, v_t = path(z_0, z_1, t, sigma_min=s)
    torch.testing.assert_close(z_t[0], z_0[0])
    torch.testing.assert_close(z_t[2], z_1[2] + s * z_0[2])
    # Eq. 2's own form: (z_1 - (1 - s) z) / (1 - (1 - s) t) at z = z_t.
    w = t[:, None, None]
    torch.testing.assert_close(v_t, (z_1 - (1 - s) * z_t) / (1 - (1 - s) * w))
    later, _ = path(z_0, z_1, t + 1e-6, sigma_min=s)
    torch.testing.assert_close((later - z_t) / 1e-6, v_t, atol=1e-6, rtol=1e-6)


def test_loss_is_eq_4(kit):
    paradigm = kit.build("flow_matching")
    target, lengths = kit.target(paradigm, batch=2, frames=6), torch.tensor([6, 4])
    text = paradigm.prepare(["drums", None])
    out = paradigm(target, text=text, lengths=lengths, generator=torch.Generator().manual_seed(3))
    generator = torch.Generator().manual_seed(3)
    t, z_0 = torch.rand(2, generator=generator), torch.randn(2, 6, 6, generator=generator)
    z_t, v_t = path(z_0, (target - 0.5) / 4.0, t, sigma_min=1e-5)
    v = velocity(paradigm, t, z_t, ["drums", None], mask=frame_mask(lengths, 6))
    for row, length in enumerate([6, 4]):
        expected = (1 + t[row]) * (v - v_t)[row, :length].square().mean()
        torch.testing.assert_close(out.per_example[row], expected.detach())


def test_a_padded_example_moves_as_it_would_alone(kit):
    paradigm = kit.build("flow_matching")
    z, t = torch.randn(2, 8, 6, generator=torch.Generator().manual_seed(0)), torch.tensor([0.3, 0.8])
    together = velocity(paradigm, t, z, ["warm piano", None], mask=frame_mask(torch.tensor([5, 8]), 8))
    alone = velocity(paradigm, t[:1], z[:1, :5], ["warm piano"])
    torch.testing.assert_close(together[:1, :5], alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("caption", ["warm piano", None])
def test_the_time_is_heard_with_and_without_a_caption(kit, caption):
    paradigm = kit.build("flow_matching")
    z = torch.randn(1, 5, 6, generator=torch.Generator().manual_seed(0))
    early, late = (velocity(paradigm, torch.tensor([t]), z, [caption]) for t in (0.1, 0.9))
    assert (early - late).abs().max() > 1e-3


def test_times_are_told_apart():
    embed = TimeEmbedding(32)
    embed.initialise(torch.Generator().manual_seed(0))
    out = embed(torch.linspace(0, 1, 11))
    assert out.shape == (11, 32)
    assert (out[1:] - out[:-1]).norm(dim=1).min() > 0.01


def test_mixed_precision_does_not_blur_the_time():
    embed = TimeEmbedding(32)
    embed.initialise(torch.Generator().manual_seed(0))
    t = torch.rand(8, generator=torch.Generator().manual_seed(0))
    expected = embed(t)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(embed(t), expected)


def test_noise_in_the_future_and_past_is_seen(kit):
    paradigm = kit.build("flow_matching")
    z = torch.randn(1, 7, 6, generator=torch.Generator().manual_seed(0)).requires_grad_()
    velocity(paradigm, torch.tensor([0.5]), z, ["drums"])[0, 3].square().sum().backward()
    assert (z.grad[0].abs().amax(dim=1) > 0).all()


def test_latents_are_normalised_in_and_out(kit):
    """The same network, told that latents are 10 times larger and 3 higher, draws latents that are."""
    plain = kit.build("flow_matching", latent=kit.latent.model_copy(update={"mean": 0.0, "mean_std": 1.0}))
    scaled = kit.build("flow_matching", latent=kit.latent.model_copy(update={"mean": 3.0, "mean_std": 10.0}))

    def draw(paradigm):
        return paradigm.sample(
            text=paradigm.prepare(["drums"]),
            lengths=torch.tensor([6]),
            sampling=FlowMatchingSampling(steps=3),
            generators=kit.generators(0),
        ).latents

    torch.testing.assert_close(draw(scaled), draw(plain) * 10 + 3)
    target = kit.target(plain, batch=1, frames=6)

    def loss(paradigm, target):
        text = paradigm.prepare(["drums"])
        return paradigm(target, text=text, lengths=torch.tensor([6]), generator=torch.Generator().manual_seed(0)).loss

    torch.testing.assert_close(loss(scaled, target * 10 + 3), loss(plain, target))


@pytest.mark.parametrize("guidance, rows", [(3.0, 2), (1.0, 1)])
@pytest.mark.parametrize(
    "solver, evaluations", [("euler", 7), ("adams", 7), ("midpoint", 14), ("heun", 14), ("dopri5", None)]
)
def test_evaluations_are_counted_with_and_without_the_rows_of_guidance(kit, solver, evaluations, guidance, rows):
    paradigm = kit.build("flow_matching")
    seen = []
    paradigm.backbone.register_forward_hook(lambda module, inputs, output: seen.append(len(output)))
    out = paradigm.sample(
        text=paradigm.prepare(["drums", None]),
        lengths=torch.tensor([6, 4]),
        sampling=FlowMatchingSampling(solver=solver, steps=7, tolerance=1e-3, guidance=guidance),
        generators=kit.generators(0, 1),
    )
    assert out.network_evaluations == len(seen) == (evaluations or len(seen))
    assert out.model_evaluations == sum(seen) / 2 == rows * len(seen)
    assert out.codes is None


def drawn(kit, paradigm, *, seed=0, frames=6, **settings):
    return paradigm.sample(
        text=paradigm.prepare(["warm piano"]),
        lengths=torch.tensor([frames]),
        sampling=FlowMatchingSampling(**{"steps": 10, **settings}),
        generators=kit.generators(seed),
    )


def test_guidance_inside_its_interval_alone(kit):
    """Everywhere, it is guidance; nowhere, it is none; in a part, it is neither and costs what it says."""
    paradigm = kit.build("flow_matching")
    everywhere, plain = drawn(kit, paradigm), drawn(kit, paradigm, guidance=1.0)
    assert torch.equal(drawn(kit, paradigm, guidance_interval=(0.0, 1.0)).latents, everywhere.latents)
    nowhere = drawn(kit, paradigm, guidance_interval=(0.95, 1.0))  # the last of ten evaluations is at 0.9
    torch.testing.assert_close(nowhere.latents, plain.latents)
    assert (everywhere.model_evaluations, nowhere.model_evaluations, plain.model_evaluations) == (20, 10, 10)
    part = drawn(kit, paradigm, guidance_interval=(0.3, 0.6))
    assert (part.network_evaluations, part.model_evaluations) == (10, 14)  # at 0.3, 0.4, 0.5 and 0.6
    for other in (everywhere, plain):
        assert (part.latents - other.latents).abs().max() > 1e-3


def test_the_part_outside_the_interval_is_the_conditional_branch(kit):
    """Step by step: one Euler step guided, one not."""
    paradigm = kit.build("flow_matching")
    got = drawn(kit, paradigm, steps=2, guidance_interval=(0.0, 0.2))
    z = torch.randn(6, 6, generator=torch.Generator().manual_seed(0))[None]
    told, null = (velocity(paradigm, torch.zeros(1), z, [caption]) for caption in ("warm piano", None))
    z = z + 0.5 * (null + 3 * (told - null))
    z = z + 0.5 * velocity(paradigm, torch.full((1,), 0.5), z, ["warm piano"])
    torch.testing.assert_close(got.latents, paradigm.latent.unnormalize(z), atol=1e-5, rtol=1e-5)


def test_time_added_to_every_token_is_a_constant_that_softmax_ignores_and_a_bias(kit):
    """To the last digits of float64, for rows with padding and for a hidden caption, which reads the time alone."""
    backbone = kit.build("flow_matching").double().backbone
    generator = torch.Generator().manual_seed(0)
    states, x, time = (
        torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((3, 5, 32), (3, 7, 32), (3, 32))
    )
    mask = torch.tensor([[True] * 5, [True, True, False, False, False], [False] * 5])
    states = states.masked_fill(~mask[:, :, None], 0.0)
    fast = backbone(x, memory=backbone.shift(backbone.remember(states, mask=mask), time))
    told = states + time[:, None]
    slow = torch.cat(
        [
            backbone(x[row : row + 1], memory=backbone.remember(told[row : row + 1, : max(1, count)], mask=None))
            for row, count in enumerate(mask.sum(dim=1).tolist())
        ]
    )
    torch.testing.assert_close(fast, slow, atol=1e-13, rtol=0)
    assert (fast - backbone(x, memory=backbone.remember(states, mask=mask))).abs().max() > 0.01


def test_solvers_agree(kit):
    paradigm = kit.build("flow_matching")

    def draw(**kwargs):
        return paradigm.sample(
            text=paradigm.prepare(["drums", None]),
            lengths=torch.tensor([6, 4]),
            sampling=FlowMatchingSampling(**kwargs),
            generators=kit.generators(0, 1),
        ).latents

    reference = draw(solver="dopri5", tolerance=1e-5)
    for other, atol in (
        (draw(solver="euler", steps=200), 0.2),
        (draw(solver="midpoint", steps=50), 0.01),
        (draw(solver="heun", steps=50), 0.01),
    ):
        torch.testing.assert_close(other, reference, atol=atol, rtol=0)


def test_temperature_is_the_scale_of_the_noise_at_the_start(kit):
    paradigm = kit.build("flow_matching")
    cold = [drawn(kit, paradigm, seed=seed, steps=3, temperature=0.0).latents for seed in (0, 1)]
    warm = [drawn(kit, paradigm, seed=seed, steps=3, temperature=0.5).latents for seed in (0, 1)]
    torch.testing.assert_close(cold[0], cold[1])
    assert (warm[0] - warm[1]).abs().mean() > 1e-2
    # An Euler step from nothing and one from noise differ by the noise, for a field that is told to rest.
    torch.nn.init.zeros_(paradigm.head.weight)
    full, half = (drawn(kit, paradigm, steps=3, temperature=t).latents for t in (1.0, 0.5))
    torch.testing.assert_close(half - 0.5, 0.5 * (full - 0.5))  # latents have mean 0.5 here
