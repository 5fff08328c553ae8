"""The delay pattern, the loss, and cached decoding."""

import math

import pytest
import torch
import torch.nn.functional as F

from counterpoint.config import AutoregressiveSampling, UserError
from counterpoint.paradigm import parameter_count
from counterpoint.paradigm.delay import delay, shift_right, undelay
from counterpoint.paradigm.sampling import draw_tokens

GREEDY = AutoregressiveSampling(temperature=0.0, guidance=1.0)


@pytest.mark.parametrize("K, T", [(4, 9), (4, 4), (4, 2), (4, 1), (1, 5)])
def test_delay_round_trip(K, T):
    codes = torch.arange(2 * K * T).view(2, K, T)
    delayed = delay(codes, lengths=torch.tensor([T, T]), filler=-1)
    assert delayed.shape == (2, K, T + K - 1)
    assert torch.equal(undelay(delayed), codes)  # every frame, the last ones and T < K included
    assert (delayed >= 0).sum() == codes.numel()


def test_delay_golden():
    codes = torch.tensor([[[1, 2, 3, 4], [5, 6, 7, 8], [1, 1, 2, 2]]])
    delayed = delay(codes, lengths=torch.tensor([3]), filler=9)
    assert delayed[0].tolist() == [[1, 2, 3, 9, 9, 9], [9, 5, 6, 7, 9, 9], [9, 9, 1, 1, 2, 9]]
    assert shift_right(delayed, filler=9)[0, 0].tolist() == [9, 1, 2, 3, 9, 9]


def logits_of(paradigm, codes, captions):
    """[B, K, T, V] for codes [B, K, T]: teacher forcing, without a cache."""
    text = paradigm.prepare(captions)
    delayed = delay(codes, lengths=torch.full((len(codes),), codes.shape[2]), filler=paradigm.filler)
    memory = paradigm.backbone.remember(paradigm.text(text), mask=text.mask)
    return undelay(paradigm.logits(shift_right(delayed, filler=paradigm.filler), memory=memory))


def test_loss_is_eq_1(kit):
    paradigm = kit.build("autoregressive")
    codes = kit.target(paradigm, batch=2, frames=6)
    text = paradigm.prepare(["drums", None])
    out = paradigm(codes, text=text, lengths=torch.tensor([6, 6]), generator=torch.Generator())
    log_p = logits_of(paradigm, codes, ["drums", None]).log_softmax(dim=-1)
    torch.testing.assert_close(out.loss, -log_p.gather(-1, codes[..., None]).mean())


def test_starts_near_uniform(kit):
    paradigm = kit.build("autoregressive")
    codes = kit.target(paradigm, batch=8, frames=30)
    text = paradigm.prepare([None] * 8)
    out = paradigm(codes, text=text, lengths=torch.full((8,), 30), generator=torch.Generator())
    assert out.loss.item() == pytest.approx(math.log(11), abs=0.2)


def test_a_padded_example_gets_its_solo_loss(kit):
    paradigm = kit.build("autoregressive")
    codes, captions, lengths = kit.target(paradigm, batch=3, frames=9), ["piano", None, "slow drums"], [9, 4, 1]
    text = paradigm.prepare(captions)
    together = paradigm(codes, text=text, lengths=torch.tensor(lengths), generator=torch.Generator()).per_example
    for row, length in enumerate(lengths):
        alone = paradigm(
            codes[row : row + 1, :, :length],
            text=paradigm.prepare(captions[row : row + 1]),
            lengths=torch.tensor([length]),
            generator=torch.Generator(),
        )
        torch.testing.assert_close(together[row], alone.loss.detach(), atol=1e-5, rtol=0)


def test_causality_by_gradient(kit):
    """Codebook k of frame t sees codebook j of frame u exactly when that stands earlier: u + j < t + k."""
    paradigm = kit.build("autoregressive")
    K, T, t, k = 3, 8, 4, 1
    codes = kit.target(paradigm, batch=1, frames=T)
    embedded = []

    def keep(_module, _args, output):
        output.retain_grad()
        embedded.append(output)

    paradigm.embed.register_forward_hook(keep)
    logits = logits_of(paradigm, codes, ["drums"])
    (logits[0, k, t] * torch.randn(11, generator=torch.Generator().manual_seed(0))).sum().backward()
    reach = embedded[0].grad[0].abs().amax(dim=-1)  # [K, S] of inputs; column s holds the delayed token s - 1
    for j in range(K):
        for u in range(T):
            column = u + j + 1
            if column < reach.shape[1]:
                assert (reach[j, column] > 0) == (u + j < t + k), (j, u)


def test_fewer_codebooks_are_the_first_of_all(kit):
    paradigm = kit.build("autoregressive")
    text, lengths = paradigm.prepare(["warm piano"]), torch.tensor([5])

    def drawn(**settings):
        sampling = AutoregressiveSampling(top_k=0, **settings)
        return paradigm.sample(text=text, lengths=lengths, sampling=sampling, generators=kit.generators(7)).codes

    assert torch.equal(drawn(codebooks=2), drawn()[:, :2])
    assert torch.equal(drawn(codebooks=9), drawn())


def test_a_model_of_some_codebooks_is_one_of_a_codec_that_has_no_more(kit):
    """Of three codebooks it models two: losses, draws and fillings never read the third."""
    two = kit.latent.model_copy(update={"num_codebooks": 2})
    some, whole = (
        kit.build("autoregressive", codebooks=2, inpainting=0.5),
        kit.build("autoregressive", latent=two, inpainting=0.5),
    )
    codes, lengths = kit.target(some, batch=2, frames=6), torch.tensor([6, 4])
    text, spans = some.prepare(["piano", None]), torch.tensor([[2, 4], [1, 3]])

    def run(model, target):
        loss = model(target, text=text, lengths=lengths, generator=torch.Generator().manual_seed(1)).loss
        common = {"text": text, "sampling": AutoregressiveSampling(top_k=0)}
        drawn = model.sample(lengths=lengths, generators=kit.generators(1, 2), **common).codes
        return loss, drawn, model.inpaint(target, spans=spans, generators=kit.generators(3, 4), **common).codes

    for found, expected in zip(run(some, codes), run(whole, codes[:, :2]), strict=True):
        assert torch.equal(found, expected)
    assert parameter_count(some) == parameter_count(whole)
    with pytest.raises(UserError, match="4 codebooks, and the codec 'test' 3"):
        kit.build("autoregressive", codebooks=4)


@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_cached_sampling_equals_uncached(kit, guidance):
    """Greedy, one token after the other, each from a whole forward pass."""
    paradigm = kit.build("autoregressive")
    captions, T = ["warm piano", "drums"], 6
    sampling = GREEDY.model_copy(update={"guidance": guidance})
    text = paradigm.prepare(captions)
    got = paradigm.sample(text=text, lengths=torch.tensor([T, T]), sampling=sampling, generators=kit.generators(0, 1))
    codes = torch.zeros(2, 3, T, dtype=torch.long)
    with torch.no_grad():
        for step in range(T + 2):
            logits = logits_of(paradigm, codes, captions)
            empty = logits_of(paradigm, codes, [None, None])
            logits = empty + guidance * (logits - empty)
            for k in range(3):
                if 0 <= step - k < T:
                    codes[:, k, step - k] = logits[:, k, step - k].argmax(dim=-1)
    assert torch.equal(got.codes, codes)
    assert codes.unique().numel() > 3
    assert got.network_evaluations == T + 2
    assert got.latents is None


def test_sampled_frequencies_are_the_probabilities():
    logits = torch.tensor([0.5, 2.0, -1.0, 0.0, 1.0])
    uniforms = torch.rand(20_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def frequencies(**kwargs):
        sampling = AutoregressiveSampling(**{"top_k": 0, **kwargs})
        tokens = draw_tokens(logits.expand(20_000, 5), uniforms=uniforms, sampling=sampling)
        return F.one_hot(tokens, 5).double().mean(dim=0).float()

    p = logits.softmax(dim=0)
    torch.testing.assert_close(frequencies(), p, atol=0.01, rtol=0)
    torch.testing.assert_close(frequencies(temperature=0.5), (logits / 0.5).softmax(dim=0), atol=0.01, rtol=0)
    top2 = torch.where(p >= p.sort().values[-2], p, 0.0)
    torch.testing.assert_close(frequencies(top_k=2), top2 / top2.sum(), atol=0.01, rtol=0)
    torch.testing.assert_close(frequencies(top_k=100), p, atol=0.01, rtol=0)
    # Sorted: .56 .21 .13 .08 .03; .6 is first reached by two tokens, and .5 by one.
    torch.testing.assert_close(frequencies(top_p=0.6), top2 / top2.sum(), atol=0.01, rtol=0)
    assert frequencies(top_p=0.5)[1] == 1
    assert frequencies(temperature=0.0)[1] == 1
    assert frequencies(top_k=1)[1] == 1


def test_the_edges_of_the_unit_interval_draw_possible_tokens():
    logits = torch.tensor([[-math.inf, 0.0, 0.0, -math.inf]] * 2)
    uniforms = torch.tensor([0.0, 1.0 - 2**-53], dtype=torch.float64)
    assert draw_tokens(logits, uniforms=uniforms, sampling=AutoregressiveSampling(top_k=0)).tolist() == [1, 2]


def test_codes_are_codes_and_not_the_filler(kit):
    paradigm = kit.build("autoregressive")
    out = paradigm.sample(
        text=paradigm.prepare([None] * 4),
        lengths=torch.tensor([1, 2, 30, 30]),
        sampling=AutoregressiveSampling(temperature=5.0),
        generators=kit.generators(0, 1, 2, 3),
    )
    assert out.codes.shape == (4, 3, 30)
    assert out.codes.min() == 0
    assert out.codes.max() == 10
    assert not torch.equal(out.codes[2], out.codes[3])
