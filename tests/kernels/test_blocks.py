"""All blocks in one call compute what plain torch computes, to the precision of weights and caches."""

import shutil

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from counterpoint.kernels import CompiledBlocks, CompiledLinear, Layer, Precision, pack

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++")
TOLERANCES: dict[Precision, float] = {"fp32": 5e-6, "fp16": 3e-3, "int8": 5e-2}
HEADS, STEPS, TOKENS, SEQUENCES = 2, 11, 7, 3
PARTS = ((3, 1), (1, 1), (1, 1), (1, 1), (4, 1), (1, 4))
"""Outputs and inputs of a block's linear layers as multiples of its width."""


@pytest.fixture(autouse=True)
def seeded():
    with torch.inference_mode():
        torch.manual_seed(0)
        yield


def norm(width: int) -> nn.LayerNorm:
    made = nn.LayerNorm(width)
    made.weight.uniform_(0.5, 1.5)
    made.bias.uniform_(-0.5, 0.5)
    return made


def heads(x: Tensor) -> Tensor:
    return x.unflatten(-1, (HEADS, -1)).transpose(1, 2)


def flat(x: Tensor) -> Tensor:
    return x.transpose(1, 2).flatten(2)


class Plain:
    """Two blocks and the text that their first two sequences read: seven tokens and three."""

    lengths = torch.tensor([7, 3])

    def __init__(self, channels: int):
        self.width = width = HEADS * channels
        self.norms = [[norm(width) for _ in range(3)] for _ in range(2)]
        self.linears = [[nn.Linear(k * width, n * width, bias=False) for n, k in PARTS] for _ in range(2)]
        self.text = [torch.randn(2, 2, HEADS, TOKENS, channels).unbind(0) for _ in range(2)]

    def __call__(self, x: Tensor) -> Tensor:
        """[B, S, C] to [B, S, C] from the first step."""
        mask = (torch.arange(TOKENS) < self.lengths[:, None])[:, None, None]
        for norms, (qkv, out, query, cross_out, up, down), (keys, values) in zip(
            self.norms, self.linears, self.text, strict=True
        ):
            q, k, v = map(heads, qkv(norms[0](x)).chunk(3, dim=-1))
            x = x + out(flat(F.scaled_dot_product_attention(q, k, v, is_causal=True)))
            read = F.scaled_dot_product_attention(heads(query(norms[1](x[:2]))), keys, values, attn_mask=mask)
            x = torch.cat((x[:2] + cross_out(flat(read)), x[2:]))
            x = x + down(F.gelu(up(norms[2](x))))
        return x

    def packed(self, precision: Precision) -> CompiledBlocks:
        shape = (SEQUENCES, HEADS, STEPS, self.width // HEADS)
        dtype = torch.float32 if precision == "fp32" else torch.float16
        # NaN, because nothing may be read before it is written.
        keys, values = ([torch.full(shape, torch.nan, dtype=dtype) for _ in range(2)] for _ in range(2))
        layers = []
        for norms, linears in zip(self.norms, self.linears, strict=True):
            ready = pack(nn.Sequential(*linears), precision=precision)
            a, b, c, d, e, f = (part for part in ready.children() if isinstance(part, CompiledLinear))
            layers.append(Layer(norms[0], a, b, norms[1], c, d, norms[2], e, f))
        return CompiledBlocks(layers, keys=keys, values=values)

    def run(self, blocks: CompiledBlocks, x: Tensor, *, start: int) -> Tensor:
        x = x.clone()
        keys, values = zip(*self.text, strict=True)
        blocks.apply_(x, start=start, text_keys=keys, text_values=values, lengths=self.lengths)
        return x


@pytest.mark.parametrize("precision", TOLERANCES)
@pytest.mark.parametrize("channels", [8, 64, 72, 128])
def test_steps_go_on_where_they_were(precision: Precision, channels: int) -> None:
    plain = Plain(channels)
    x = torch.randn(SEQUENCES, STEPS, plain.width)
    expected, blocks = plain(x), plain.packed(precision)
    parts = [plain.run(blocks, x[:, a:b], start=a) for a, b in ((0, 5), (5, 6), (6, STEPS))]
    torch.testing.assert_close(torch.cat(parts, dim=1), expected, atol=TOLERANCES[precision], rtol=1e-5)


@pytest.mark.parametrize("precision", TOLERANCES)
def test_a_step_is_the_same_alone_as_with_the_steps_before_it(precision: Precision) -> None:
    plain = Plain(16)
    x = torch.randn(SEQUENCES, STEPS, plain.width)
    together, blocks = plain.run(plain.packed(precision), x, start=0), plain.packed(precision)
    alone = [plain.run(blocks, x[:, step : step + 1], start=step) for step in range(STEPS)]
    assert torch.equal(torch.cat(alone, dim=1), together)


def test_text_may_be_none_or_another_from_step_to_step() -> None:
    plain = Plain(8)
    blocks, x = plain.packed("fp32"), torch.randn(SEQUENCES, 1, plain.width)
    first = plain.run(blocks, x, start=0)
    plain.text = [(keys * 2, values * 2) for keys, values in plain.text]
    other = plain.run(blocks, x, start=0)
    assert not torch.equal(first[:2], other[:2]) and torch.equal(first[2], other[2])
    nothing = tuple(torch.empty(0, HEADS, 0, 8) for _ in range(2))
    y = x.clone()
    blocks.apply_(y, start=0, text_keys=nothing, text_values=nothing, lengths=torch.zeros(0, dtype=torch.long))
    assert torch.equal(y[2], first[2]) and not torch.equal(y[:2], first[:2])


def test_a_full_cache_is_noticed() -> None:
    plain = Plain(8)
    with pytest.raises(AssertionError, match="the cache is full"):
        plain.run(plain.packed("fp32"), torch.randn(SEQUENCES, 2, plain.width), start=STEPS - 1)


def test_scores_of_any_size_stay_finite() -> None:
    plain = Plain(8)
    for linears in plain.linears:
        linears[0].weight.mul_(1e4)
    x = torch.randn(SEQUENCES, STEPS, plain.width)
    assert plain.run(plain.packed("fp32"), x, start=0).isfinite().all()
