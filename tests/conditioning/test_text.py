"""Captions to tokens to states."""

import pytest
import torch

from counterpoint.conditioning import build_text_encoder, drop_text, with_null, words
from counterpoint.config import TextConfig, UserError


def make_lut(**kwargs):
    encoder = build_text_encoder(TextConfig(**kwargs), width=24)
    encoder.initialise(torch.Generator().manual_seed(0))
    return encoder


def test_words_are_lower_case_without_punctuation():
    assert words('Lo-Fi, "warm" PIANO (6/8)!') == ["lo", "fi", "warm", "piano", "6/8"]
    assert words("R&B in C# – it's ¡olé!") == ["r&b", "in", "c#", "its", "olé"]
    assert words(" ... ") == []


def test_lut_tokens():
    tokens = make_lut().prepare(["Warm piano", "warm, PIANO!", "drums", None, "", "?!"])
    assert tokens.ids.shape == (6, 2)
    assert torch.equal(tokens.ids[0], tokens.ids[1])
    assert tokens.mask.tolist() == [[True, True]] * 2 + [[True, False]] + [[False, False]] * 3
    assert (tokens.ids[tokens.mask] > 0).all()
    assert (tokens.ids[~tokens.mask] == 0).all()


def test_lut_hash_never_changes():
    """A checkpoint's table is read by this hash for ever."""
    assert make_lut().prepare(["warm piano 6/8"]).ids.tolist() == [[1675, 2676, 3787]]


def test_common_words_rarely_collide():
    vocabulary = [f"{a}{b}" for a in ("piano", "drum", "bass", "slow", "minor") for b in range(40)]
    ids = make_lut().prepare([" ".join(vocabulary)]).ids
    assert ids.unique().numel() > 0.97 * len(vocabulary)


def test_states_tell_words_apart():
    encoder = make_lut()
    states = encoder(encoder.prepare(["warm piano"]))
    assert states.shape == (1, 2, 24)
    assert (states[0, 0] - states[0, 1]).abs().max() > 0.1


def test_too_long_is_refused_or_cut():
    encoder = make_lut()
    long = "la " * 10_000
    with pytest.raises(UserError, match=r"The caption has 10,000 words; shorten it to at most 256\."):
        encoder.prepare(["fine", long])
    tokens = encoder.prepare(["fine", long], truncate=True)
    assert tokens.mask.sum(dim=1).tolist() == [1, 256]


def test_only_null_captions_still_make_a_tensor():
    tokens = make_lut().prepare([None, ""])
    assert tokens.ids.shape == (2, 1)
    assert not tokens.mask.any()


def test_dropout_is_per_sample_and_repeatable():
    tokens = make_lut().prepare(["warm piano"] * 2000)

    def dropped(seed, p=0.3):
        return ~drop_text(tokens, p=p, generator=torch.Generator().manual_seed(seed)).mask.any(dim=1)

    assert 0.25 < dropped(0).float().mean() < 0.35
    assert torch.equal(dropped(0), dropped(0))
    assert not torch.equal(dropped(0), dropped(1))
    assert not dropped(0, p=0.0).any()
    assert dropped(0, p=1.0).all()


def test_with_null():
    tokens = make_lut().prepare(["warm piano", None])
    doubled = with_null(tokens)
    assert doubled.mask.tolist() == [[True, True], [False, False], [False, False], [False, False]]


# --- T5 ---


@pytest.fixture(scope="module")
def tiny_t5(tmp_path_factory):
    """A random T5 in the published folder format."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, T5Config, T5EncoderModel

    folder = tmp_path_factory.mktemp("t5")
    vocabulary = ["<pad>", "</s>", "<unk>", "warm", "slow", "piano", "drums"]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(vocabulary)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = T5Config(vocab_size=8, d_model=16, d_kv=4, d_ff=32, num_layers=2, num_heads=4, feed_forward_proj="relu")
    T5EncoderModel(config).save_pretrained(folder)
    return folder


def make_t5(folder, **kwargs):
    encoder = build_text_encoder(TextConfig(encoder="t5", name=str(folder), **kwargs), width=24)
    encoder.initialise(torch.Generator().manual_seed(0))
    return encoder


def test_t5_stays_out_of_the_checkpoint(tiny_t5):
    encoder = make_t5(tiny_t5)
    encoder(encoder.prepare(["warm piano"]))
    assert set(encoder.state_dict()) == {"project.weight", "project.bias"}
    assert {name for name, _ in encoder.named_parameters()} == {"project.weight", "project.bias"}


def test_t5_is_frozen_and_its_projection_learns(tiny_t5):
    encoder = make_t5(tiny_t5)
    before = {name: p.clone() for name, p in encoder.frozen.encoder.named_parameters()}
    encoder.train()
    encoder(encoder.prepare(["warm piano"])).square().sum().backward()
    assert encoder.project.weight.grad.abs().max() > 0
    assert not encoder.frozen.encoder.training
    assert all(p.grad is None and torch.equal(p, before[name]) for name, p in encoder.frozen.encoder.named_parameters())


def test_t5_states_do_not_depend_on_the_longest_caption(tiny_t5):
    encoder = make_t5(tiny_t5)
    solo = encoder(encoder.prepare(["warm piano"]))
    tokens = encoder.prepare(["warm piano", "slow drums " * 20, None])
    states = encoder(tokens)
    assert states.isfinite().all()
    assert tokens.mask.sum(dim=1).tolist()[::2] == [solo.shape[1], 0]
    torch.testing.assert_close(states[:1, : solo.shape[1]], solo, atol=1e-5, rtol=0)


def test_t5_too_long(tiny_t5):
    encoder = make_t5(tiny_t5, max_tokens=8)
    with pytest.raises(UserError, match="tokens; shorten it to at most 8"):
        encoder.prepare(["warm " * 50])
    assert encoder.prepare(["warm " * 50], truncate=True).ids.shape == (1, 8)


def test_t5_missing(tmp_path):
    with pytest.raises(UserError, match="cannot be read as a T5"):
        make_t5(tmp_path)
