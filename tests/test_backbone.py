"""The backbone against MusicGen's own decoder, and the properties both paradigms rest on."""

import copy
import shutil

import pytest
import torch

from counterpoint.backbone import Backbone, sinusoids
from counterpoint.config import BackboneConfig, UserError
from counterpoint.kernels import Precision, pack

CONFIG = BackboneConfig(layers=4, width=32, heads=4, feed_forward=64, max_positions=64)

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++")


def make(*, causal=True, skips="none", config=CONFIG, seed=0):
    backbone = Backbone(config, causal=causal, skips=skips).eval()
    generator = torch.Generator().manual_seed(seed)
    backbone.initialise(generator)
    backbone.initialise_skips(generator)
    return backbone


def draw(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def remember(backbone, *, batch=2, tokens=5, mask=None, seed=2):
    return backbone.remember(draw(batch, tokens, backbone.config.width, seed=seed), mask=mask)


def musicgen(config):
    from transformers import MusicgenDecoderConfig
    from transformers.models.musicgen.modeling_musicgen import MusicgenDecoder

    torch.manual_seed(0)
    theirs = MusicgenDecoder(
        MusicgenDecoderConfig(
            vocab_size=16,
            num_hidden_layers=config.layers,
            hidden_size=config.width,
            num_attention_heads=config.heads,
            ffn_dim=config.feed_forward,
            max_position_embeddings=config.max_positions,
            num_codebooks=2,
            activation_function="gelu",
            attn_implementation="eager",
        )
    ).eval()
    for name, parameter in theirs.named_parameters():  # their own start is too small to tell anything apart
        torch.nn.init.normal_(parameter, mean=float("norm.weight" in name), std=0.2)
    return theirs


def load_musicgen(ours, theirs):
    """Their weights under our names; every weight of both is used."""
    state = dict(theirs.state_dict())
    mapped = {}
    for index in range(ours.config.layers):
        old, new = f"layers.{index}.", f"blocks.{index}."
        qkv = [state.pop(f"{old}self_attn.{name}_proj.weight") for name in "qkv"]
        mapped[f"{new}self_attention.in_proj.weight"] = torch.cat(qkv)
        mapped[f"{new}self_attention.out_proj.weight"] = state.pop(f"{old}self_attn.out_proj.weight")
        for theirs_name, name in (
            ("q_proj", "query"),
            ("k_proj", "key"),
            ("v_proj", "value"),
            ("out_proj", "out_proj"),
        ):
            mapped[f"{new}cross_attention.{name}.weight"] = state.pop(f"{old}encoder_attn.{theirs_name}.weight")
        for theirs_name, name in (("fc1", "up"), ("fc2", "down")):
            mapped[f"{new}{name}.weight"] = state.pop(f"{old}{theirs_name}.weight")
        norms = (("self_attn", "self"), ("encoder_attn", "cross"), ("final", "feed"))
        for theirs_name, name in norms:
            for kind in ("weight", "bias"):
                mapped[f"{new}{name}_norm.{kind}"] = state.pop(f"{old}{theirs_name}_layer_norm.{kind}")
    for kind in ("weight", "bias"):
        mapped[f"norm.{kind}"] = state.pop(f"layer_norm.{kind}")
    assert all(name.startswith("embed_") for name in state)
    ours.load_state_dict(mapped, strict=True)


@pytest.mark.parametrize("masked", [False, True])
def test_musicgen_parity(masked):
    ours, theirs = make(), musicgen(CONFIG)
    load_musicgen(ours, theirs)
    codes = torch.randint(0, 16, (3, 2, 11), generator=torch.Generator().manual_seed(3))
    states = draw(3, 5, 32)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 1, 1, 1, 0]]).bool() if masked else None
    embedded = theirs.embed_tokens[0](codes[:, 0]) + theirs.embed_tokens[1](codes[:, 1])
    with torch.no_grad():
        expected = theirs(
            input_ids=codes.reshape(6, 11), encoder_hidden_states=states, encoder_attention_mask=mask
        ).last_hidden_state
        got = ours(embedded, memory=ours.remember(states, mask=mask))
    assert expected.std() > 0.1
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=0)


def test_positions_golden():
    table = sinusoids(8, 8)
    assert table.shape == (8, 8)
    angle = 5.0 * 10_000 ** (-2 / 3)  # position 5, frequency 2 of 4: divisor half - 1
    torch.testing.assert_close(
        table[5, [2, 6]],
        torch.tensor([angle]).repeat(2).cos() * torch.tensor([1.0, 0.0])
        + torch.tensor([0.0, 1.0]) * torch.tensor([angle]).sin(),
    )


@pytest.mark.parametrize("causal", [True, False])
def test_causality_by_gradient(causal):
    backbone = make(causal=causal)
    x = draw(1, 9, 32).requires_grad_()
    # A weighted sum: the plain sum of a normalised vector is constant.
    (backbone(x, memory=remember(backbone, batch=1))[0, 4] * draw(32)).sum().backward()
    reach = x.grad[0].abs().amax(dim=1)
    assert (reach[:5] > 0).all()
    assert (reach[5:] > 0).all() if not causal else (reach[5:] == 0).all()


def test_cached_equals_uncached():
    backbone = make()
    x, memory = draw(2, 12, 32), remember(backbone)
    with torch.no_grad():
        expected = backbone(x, memory=memory)
        cache = backbone.allocate(2, 12)
        pieces = [x[:, :5], x[:, 5:8], *x[:, 8:].split(1, dim=1)]  # prefill, a chunk, single steps
        got = torch.cat([backbone(piece, memory=memory, cache=cache) for piece in pieces], dim=1)
    assert cache.length == 12
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=0)


def test_cache_is_written_in_place():
    backbone = make()
    cache = backbone.allocate(1, 6)
    addresses = [keys.data_ptr() for keys in cache.keys]
    with torch.no_grad():
        for step in draw(1, 6, 32).split(1, dim=1):
            backbone(step, memory=remember(backbone, batch=1), cache=cache)
    assert [keys.data_ptr() for keys in cache.keys] == addresses


def test_a_row_with_nothing_to_read_reads_exact_zeros():
    backbone = make()
    mask = torch.tensor([[True, True, False], [False, False, False]])
    states = draw(2, 3, 32)
    states[1] = float("nan")  # whatever hidden tokens hold, none of it is read
    memory = backbone.remember(states, mask=mask)
    read = backbone.blocks[0].cross_attention(draw(2, 4, 32), memory=memory, block=0)
    assert read[0].abs().max() > 0
    assert (read[1] == 0).all()


def test_null_rows_have_finite_gradients():
    backbone = make()
    x = draw(2, 4, 32).requires_grad_()
    states = draw(2, 3, 32).requires_grad_()
    mask = torch.tensor([[True, True, True], [False, False, False]])
    backbone(x, memory=backbone.remember(states, mask=mask)).square().sum().backward()
    assert x.grad.isfinite().all()
    assert states.grad[0].abs().max() > 0
    assert (states.grad[1] == 0).all()


def test_padding_of_the_text_changes_nothing():
    backbone, x, states = make(), draw(1, 6, 32), draw(1, 4, 32)
    longer = torch.cat((states, torch.full((1, 7, 32), 9.0)), dim=1)
    short = backbone(x, memory=backbone.remember(states, mask=torch.ones(1, 4).bool()))
    long = backbone(x, memory=backbone.remember(longer, mask=torch.arange(11)[None] < 4))
    torch.testing.assert_close(long, short, atol=1e-6, rtol=0)


def test_shift_is_a_vector_added_to_every_token():
    backbone, x, states, vector = make(causal=False), draw(2, 6, 32), draw(2, 4, 32), draw(2, 32, seed=7)
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    expected = backbone(x, memory=backbone.remember(states + vector[:, None], mask=mask))
    plain = backbone.remember(states, mask=mask)
    torch.testing.assert_close(backbone(x, memory=backbone.shift(plain, vector)), expected, atol=1e-5, rtol=0)
    assert (backbone(x, memory=plain) - expected).abs().max() > 1e-2


def test_padded_steps_are_not_seen():
    backbone, x = make(causal=False), draw(1, 8, 32)
    memory = remember(backbone, batch=1)
    short = backbone(x[:, :5], memory=memory)
    x[:, 5:] = 50.0
    padded = backbone(x, memory=memory, mask=torch.arange(8)[None] < 5)
    torch.testing.assert_close(padded[:, :5], short, atol=1e-5, rtol=0)


@pytest.mark.parametrize("skips, sources", [("paper", [1, 0]), ("jasco", [2, 1])])
def test_skips_join_the_blocks_they_say(skips, sources):
    """Blocks 3 and 4 of 4 receive the outputs of blocks `sources` (0 is the input)."""
    backbone = make(causal=False, skips=skips)
    outputs, received = [], []
    backbone.blocks[0].self_norm.register_forward_pre_hook(lambda _, args: outputs.append(args[0]))
    backbone.blocks[1].self_norm.register_forward_pre_hook(lambda _, args: outputs.append(args[0]))
    for projection in backbone.skips:
        projection.register_forward_pre_hook(lambda _, args: received.append(args[0]))
    backbone(draw(1, 3, 32), memory=remember(backbone, batch=1))
    outputs.append(received[0][..., :32])  # the stream after block 2, on its way into the first projection
    assert [next(i for i, o in enumerate(outputs) if torch.equal(o, r[..., 32:])) for r in received] == sources


def test_without_skips_no_weight_is_added():
    count = [sum(p.numel() for p in make(skips=skips).parameters()) for skips in ("none", "paper", "jasco")]
    assert count[1] == count[2] == count[0] + 2 * (2 * 32 * 32 + 32)


def test_odd_layers_cannot_be_paired():
    config = BackboneConfig(layers=3, width=32, heads=4, feed_forward=64)
    with pytest.raises(UserError, match="Skips need an even number of layers, and the backbone has 3"):
        make(skips="paper", config=config)


def test_dropout_draws_from_its_generator_and_only_in_training():
    config = CONFIG.model_copy(update={"dropout": 0.5})
    backbone, x = make(config=config), draw(1, 6, 32)
    memory = remember(backbone, batch=1)

    def run(seed):
        return backbone(x, memory=memory, generator=torch.Generator().manual_seed(seed))

    assert torch.equal(run(0), run(1))
    backbone.train()
    assert torch.equal(run(0), run(0))
    assert not torch.equal(run(0), run(1))


def test_signal_keeps_its_size_at_depth():
    """Neither vanishing nor exploding at the paper's depth: what makes short trainings learn."""
    backbone = make(config=BackboneConfig(layers=24, width=64, heads=4, feed_forward=256))
    seen = []
    backbone.norm.register_forward_pre_hook(lambda _, args: seen.append(args[0].std()))
    backbone(draw(1, 16, 64), memory=remember(backbone, batch=1))
    assert 0.8 < seen[0] < 3


@pytest.mark.parametrize("compiled", [pytest.param(True, marks=needs_compiler), False])
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-5), ("fp16", 1e-2), ("int8", 0.2)])
def test_packed_equals_plain(precision: Precision, tolerance: float, compiled: bool):
    backbone = make()
    x = draw(3, 12, 32)
    states, mask = draw(2, 5, 32), torch.tensor([[True] * 5, [True] * 2 + [False] * 3])
    with torch.no_grad():
        memory = backbone.remember(states, mask=mask)  # the third row reads no text
        expected = backbone(x, memory=memory)
        packed = pack(copy.deepcopy(backbone), precision=precision, compiled=compiled)
        assert isinstance(packed, Backbone)
        cache = packed.allocate(3, 12)
        parts = [packed(x[:, start:stop], memory=memory, cache=cache) for start, stop in ((0, 4), (4, 5), (5, 12))]
        error = (torch.cat(parts, dim=1) - expected).abs().max()
    assert cache.length == 12
    assert error < tolerance and (error > 0 or precision == "fp32")


def test_rows_beyond_the_memory_read_nothing_but_the_shift():
    backbone = make(causal=False, skips="paper")
    x, states, time = draw(4, 6, 32), draw(2, 5, 32), draw(4, 32)
    everywhere, nowhere = torch.ones(2, 5, dtype=torch.bool), torch.zeros(2, 5, dtype=torch.bool)
    with torch.no_grad():
        short = backbone.remember(states, mask=everywhere)
        full = backbone.remember(torch.cat((states, states)), mask=torch.cat((everywhere, nowhere)))
        for memory in (lambda m: m, lambda m: backbone.shift(m, time)):
            expected, got = backbone(x, memory=memory(full)), backbone(x, memory=memory(short))
            torch.testing.assert_close(got, expected, atol=1e-5, rtol=0)
