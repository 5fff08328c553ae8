"""Music longer than the network sees at once."""

from itertools import pairwise

import pytest
import torch

from counterpoint.config import UserError
from counterpoint.paradigm.windows import plan_windows, window_starts


@pytest.mark.parametrize("length, window", [(1, 8), (8, 8), (9, 8), (12, 8), (100, 8), (33, 7), (5, 1), (64, 3)])
def test_windows_reach_from_end_to_end_and_share_half(length, window):
    starts = window_starts(length, window=window)
    assert starts[0] == 0 and starts[-1] == max(0, length - window)
    assert all(0 < after - before <= -(-window // 2) for before, after in pairwise(starts))


@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_shares_of_every_frame_sum_to_one_and_vanish_at_the_edges(at_once):
    lengths = [3, 20, 8, 9]
    parts = plan_windows(lengths, window=8, at_once=at_once)
    assert max(len(part.samples) for part in parts) <= at_once
    total = torch.zeros(len(lengths) * 20)
    for part in parts:
        total.index_add_(0, part.frames.flatten(), part.shares.flatten())
    expected = (torch.arange(20) < torch.tensor(lengths)[:, None]).float()
    torch.testing.assert_close(total.view(4, 20), expected)
    [whole] = plan_windows([16], window=8, at_once=9)
    assert whole.mask is None and len(whole.samples) == 3
    assert (whole.shares[0, :4] == 1).all() and (whole.shares[0, 4:].diff() < 0).all() and whole.shares[0, -1] < 0.05


def draw(kit, paradigm, *, frames, window=None, captions=None, seeds=None, **settings):
    seeds = seeds or range(len(frames))
    return paradigm.sample(
        text=paradigm.prepare(captions or ["warm piano"] * len(frames)),
        lengths=torch.tensor(frames),
        sampling=kit.sampling(paradigm, **{"steps": 4, **settings}),
        generators=kit.generators(*seeds),
        window=window,
    )


def test_a_window_that_holds_everything_changes_nothing(kit):
    paradigm = kit.build("flow_matching")
    plain = draw(kit, paradigm, frames=[6, 9]).latents
    for window in (9, 30):
        assert torch.equal(draw(kit, paradigm, frames=[6, 9], window=window).latents, plain)


def test_a_velocity_is_the_weighted_mean_of_its_windows(kit):
    """One step over 12 frames through windows of 8, by hand."""
    paradigm = kit.build("flow_matching")
    got = draw(kit, paradigm, frames=[12], window=8, steps=1, guidance=1.0).latents
    z = torch.randn(12, 6, generator=torch.Generator().manual_seed(0))[None]
    text = paradigm.prepare(["warm piano"])
    memory = paradigm.backbone.remember(paradigm.text(text), mask=text.mask)
    first, last = (
        paradigm.velocity(torch.zeros(1), z[:, start : start + 8], memory=memory, mask=None) for start in (0, 4)
    )
    w = torch.cos(torch.pi / 8 * torch.tensor([0.5, 1.5, 2.5, 3.5])).square()[:, None]  # of the first where they meet
    v = torch.cat((first[:, :4], w * first[:, 4:] + (1 - w) * last[:, :4], last[:, 4:]), dim=1)
    torch.testing.assert_close(got, paradigm.latent.unnormalize(z + v).detach(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("settings", [{}, {"guidance_interval": (0.3, 0.8)}, {"guidance": 1.0}])
def test_long_music_depends_on_its_own_length_and_seed_alone(kit, settings):
    """Batch mates of other lengths and captions change neither its windows nor what they say."""
    paradigm = kit.build("flow_matching")
    frames, captions, seeds = [5, 40, 23, 8], ["drums", "warm piano", None, "slow"], [3, 4, 5, 6]
    together = draw(kit, paradigm, frames=frames, window=8, captions=captions, seeds=seeds, **settings)
    for row, count in enumerate(frames):
        alone = draw(
            kit, paradigm, frames=[count], window=8, captions=captions[row : row + 1], seeds=[seeds[row]], **settings
        )
        torch.testing.assert_close(together.latents[row, :count], alone.latents[0], atol=1e-4, rtol=0)
        assert not together.latents[row, count:].any()


def test_the_network_never_sees_more_than_so_many_windows(kit):
    """Whatever the length, so memory does not grow with it."""
    paradigm = kit.build("flow_matching")
    shapes = set()
    paradigm.backbone.register_forward_hook(lambda module, inputs, output: shapes.add(tuple(output.shape[:2])))
    out = draw(kit, paradigm, frames=[300], window=8, steps=2)
    assert out.latents.shape[1] == 300 > paradigm.max_frames()
    assert max(rows for rows, _ in shapes) == 8 and {width for _, width in shapes} == {8}  # 4 windows, guided
    assert (out.network_evaluations, out.model_evaluations) == (2, 4)
    with pytest.raises(UserError, match="exceed the 64 positions of the model"):
        draw(kit, paradigm, frames=[300], window=65)
    with pytest.raises(UserError, match="no frames"):
        draw(kit, paradigm, frames=[300, 0], window=8)


def test_no_seam_where_windows_begin_and_end(kit, monkeypatch):
    """With a network that smooths what it sees, steps between frames are no larger there than elsewhere; pieces set
    side by side show what a seam would be."""
    paradigm = kit.build("flow_matching")

    def smoothing(t, z, *, memory, mask, control):
        seen = torch.nn.functional.pad(z.transpose(1, 2), (8, 8), mode="replicate")
        return 3 * (torch.nn.functional.avg_pool1d(seen, 17, stride=1).transpose(1, 2) - z)

    monkeypatch.setattr(paradigm, "velocity", smoothing)
    window, length = 32, 256
    edges = {edge for start in window_starts(length, window=window) for edge in (start, start + window)} - {0, length}
    whole = draw(kit, paradigm, frames=[length] * 16, window=window, steps=20).latents
    pieces = draw(kit, paradigm, frames=[window] * 128, seeds=range(128), steps=20).latents.view(16, length, -1)
    assert seam(whole, edges) < 1.05
    assert seam(pieces, range(window, length, window)) > 2


def seam(latents, edges):
    """Root mean square step into the frames `edges`, over that into all others."""
    steps = latents.diff(dim=1).square().mean(dim=(0, 2))
    at = torch.zeros(len(steps), dtype=torch.bool)
    at[torch.tensor(sorted(edges)) - 1] = True
    return (steps[at].mean() / steps[~at].mean()).sqrt().item()
