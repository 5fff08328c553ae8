"""What holds for both paradigms alike."""

import pytest
import torch

from counterpoint.config import UserError
from counterpoint.paradigm import parameter_count

BOTH = pytest.mark.parametrize("name", ["autoregressive", "flow_matching"])
CAPTIONS = ["warm piano", None, "slow minor drums and a very long list of words"]
FAST = {"steps": 4, "top_k": 5, "guidance": 3.0}


def loss(paradigm, target, captions, lengths, seed=0):
    return paradigm(
        target,
        text=paradigm.prepare(captions),
        lengths=torch.tensor(lengths),
        generator=torch.Generator().manual_seed(seed),
    )


@BOTH
def test_loss_is_the_mean_of_its_examples(kit, name):
    paradigm = kit.build(name)
    out = loss(paradigm, kit.target(paradigm, batch=3, frames=9), CAPTIONS, [9, 4, 1])
    assert out.per_example.shape == (3,)
    assert not out.per_example.requires_grad
    torch.testing.assert_close(out.loss.detach(), out.per_example.mean())


@BOTH
def test_padding_does_not_change_the_loss(kit, name):
    """Whatever stands in the padding; the draws are kept equal by keeping the batch."""
    paradigm = kit.build(name)
    target = kit.target(paradigm, batch=3, frames=9)
    before = loss(paradigm, target, CAPTIONS, [9, 4, 1])
    for row, length in ((1, 4), (2, 1)):
        frames = target[row].T if name == "autoregressive" else target[row]
        frames[length:] = 7
    after = loss(paradigm, target, CAPTIONS, [9, 4, 1])
    assert torch.equal(before.per_example, after.per_example)


@BOTH
def test_every_weight_learns(kit, name):
    paradigm = kit.build(name).train()
    target = kit.target(paradigm, batch=3, frames=9)
    loss(paradigm, target, ["warm piano"] * 3, [9, 9, 9]).loss.backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in paradigm.parameters())


@BOTH
def test_text_is_dropped_in_training_only(kit, name):
    paradigm = kit.build(name, dropout=1.0)
    target = kit.target(paradigm, batch=2, frames=9)

    def told(captions):
        return loss(paradigm, target, captions, [9, 9]).per_example

    assert not torch.allclose(told(["warm piano", "drums"]), told([None, None]))
    paradigm.train()
    assert torch.equal(told(["warm piano", "drums"]), told([None, None]))


@BOTH
def test_loss_is_repeatable(kit, name):
    paradigm = kit.build(name, dropout=0.5).train()
    target = kit.target(paradigm, batch=3, frames=9)
    runs = [loss(paradigm, target, CAPTIONS, [9, 4, 1], seed=seed).loss for seed in (0, 0, 1)]
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


@BOTH
@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_a_sample_does_not_depend_on_its_batch_mates(kit, name, guidance):
    paradigm = kit.build(name)
    sampling = kit.sampling(paradigm, **{**FAST, "guidance": guidance})
    lengths, seeds = [7, 12, 3], [5, 6, 7]
    text = paradigm.prepare(CAPTIONS)
    together = kit.drawn(
        paradigm.sample(text=text, lengths=torch.tensor(lengths), sampling=sampling, generators=kit.generators(*seeds))
    )
    for row, (caption, length, seed) in enumerate(zip(CAPTIONS, lengths, seeds, strict=True)):
        alone = kit.drawn(
            paradigm.sample(
                text=paradigm.prepare([caption]),
                lengths=torch.tensor([length]),
                sampling=sampling,
                generators=kit.generators(seed),
            )
        )
        torch.testing.assert_close(together[row, :length], alone[0], atol=1e-4, rtol=0)
        assert (together[row, length:] == 0).all()


@BOTH
def test_seed_and_caption_and_guidance_matter(kit, name):
    paradigm = kit.build(name)
    with torch.no_grad():  # a network whose text is heard
        for block in paradigm.backbone.blocks:
            block.cross_attention.out_proj.weight *= 8

    def draw(caption, seed, guidance):
        sampling = kit.sampling(paradigm, **{**FAST, "guidance": guidance})
        lengths = torch.tensor([20])
        text = paradigm.prepare([caption])
        return kit.drawn(
            paradigm.sample(text=text, lengths=lengths, sampling=sampling, generators=kit.generators(seed))
        )

    base = draw("warm piano", 0, 3.0)
    assert torch.equal(base, draw("warm piano", 0, 3.0))
    for other in (draw("warm piano", 1, 3.0), draw("drums", 0, 3.0), draw("warm piano", 0, 1.0)):
        assert not torch.equal(base, other)


@BOTH
def test_too_many_or_no_frames(kit, name):
    paradigm = kit.build(name)
    limit = paradigm.max_frames()
    assert limit == (64 if name == "flow_matching" else 62)

    def draw(frames):
        text = paradigm.prepare(["warm piano"])
        sampling = kit.sampling(paradigm, **FAST)
        return paradigm.sample(
            text=text, lengths=torch.tensor([frames]), sampling=sampling, generators=kit.generators(0)
        )

    assert kit.drawn(draw(limit)).shape[1] == limit
    with pytest.raises(UserError, match=f"{limit + 1} frames exceed the {limit} positions of the model"):
        draw(limit + 1)
    with pytest.raises(UserError, match="no frames"):
        draw(0)


@BOTH
def test_weights_come_from_the_seed_alone(kit, name):
    torch.manual_seed(1)
    first = kit.build(name, seed=3).state_dict()
    torch.manual_seed(2)
    again, other = kit.build(name, seed=3).state_dict(), kit.build(name, seed=4).state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["backbone.blocks.0.up.weight"], other["backbone.blocks.0.up.weight"])


@pytest.mark.parametrize("skips", ["paper", "jasco", "none"])
def test_both_start_from_the_same_backbone_and_text_encoder(kit, skips):
    ours, theirs = kit.build("autoregressive").state_dict(), kit.build("flow_matching", skips=skips).state_dict()
    shared = {key for key in ours if key.startswith(("backbone.", "text."))}
    own = {key for key in theirs if key.startswith("backbone.skips.")}
    assert shared == {key for key in theirs if key.startswith(("backbone.", "text."))} - own
    assert bool(own) == (skips != "none")
    assert all(torch.equal(ours[key], theirs[key]) for key in shared)


@BOTH
def test_mixed_precision_gives_nearly_the_same_loss_and_gradients(kit, name):
    paradigm = kit.build(name)
    target = kit.target(paradigm, batch=3, frames=9)
    full = loss(paradigm, target, CAPTIONS, [9, 4, 1]).loss
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = loss(paradigm, target, CAPTIONS, [9, 4, 1]).loss
    mixed.backward()
    assert mixed.dtype == torch.float32
    assert mixed.item() == pytest.approx(full.item(), rel=0.02)
    assert all(p.grad is None or p.grad.isfinite().all() for p in paradigm.parameters())


@BOTH
def test_state_dict_round_trip(kit, name):
    first, second = kit.build(name, seed=0), kit.build(name, seed=1)
    second.load_state_dict(first.state_dict())
    target = kit.target(first, batch=2, frames=5)
    assert torch.equal(
        loss(first, target, ["drums", None], [5, 5]).loss, loss(second, target, ["drums", None], [5, 5]).loss
    )


def test_musicgen_small_has_the_published_size():
    """Decoder 419,584,000 (as transformers counts it) and the projection from T5's 768 channels 787,456."""
    from counterpoint.config import LatentSpec, ModelConfig, TextConfig
    from counterpoint.paradigm import Autoregressive, FlowMatching

    latent = LatentSpec(
        codec="x", sample_rate=32_000, frame_rate=50, num_codebooks=4, codebook_size=2048, latent_dim=128
    )
    text = TextConfig(width=768, buckets=2)  # stands for T5: the table of 2 words is not part of the count
    config = ModelConfig(paradigm="autoregressive", backbone="musicgen-small", text=text)
    with torch.device("meta"):
        ar = Autoregressive(config, latent)
        fm = FlowMatching(config.model_copy(update={"skips": "none"}), latent)
    table = 2 * 768
    assert parameter_count(ar) - table == 419_584_000 + 787_456 == 420_371_456
    embeddings, heads = 4 * 2049 * 1024, 4 * 2048 * 1024
    same = parameter_count(ar) - embeddings - heads
    assert parameter_count(fm) - parameter_count(fm.time) - 2 * 128 * 1024 == same


@BOTH
def test_without_captions_cross_attention_is_left_out_and_adds_what_it_would(kit, name):
    paradigm = kit.build(name)
    queries = [block.cross_attention.query for block in paradigm.backbone.blocks]
    calls = []
    for query in queries:
        query.register_forward_hook(lambda *_: calls.append(1))

    def draw(captions):
        return kit.drawn(
            paradigm.sample(
                text=paradigm.prepare(captions),
                lengths=torch.tensor([6] * len(captions)),
                sampling=kit.sampling(paradigm, **{**FAST, "guidance": 1.0}),
                generators=kit.generators(*range(len(captions))),
            )
        )

    silent = draw([None, None])
    assert not calls
    mixed = draw([None, "warm piano"])
    assert calls
    torch.testing.assert_close(silent[0], mixed[0], atol=1e-4, rtol=0)
