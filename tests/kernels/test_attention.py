"""Our attention kernel computes what `scaled_dot_product_attention` computes."""

import shutil

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from counterpoint.kernels import attend, attend_cached

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++")


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def heads(x: Tensor, count: int) -> Tensor:
    return x.unflatten(-1, (count, -1)).transpose(1, 2)


@pytest.mark.parametrize(
    ("dtype", "tolerance", "compiled"),
    [
        pytest.param(torch.float32, 1e-6, True, marks=needs_compiler),
        pytest.param(torch.float16, 2e-3, True, marks=needs_compiler),
        (torch.float32, 1e-6, False),
    ],
)
@pytest.mark.parametrize("channels", [8, 64, 72, 128])
def test_cached_attention_goes_on_where_it_was(
    dtype: torch.dtype, tolerance: float, compiled: bool, channels: int
) -> None:
    B, S, H = 3, 11, 2
    qkv = torch.randn(B, S, 3 * H * channels)
    q, k, v = (heads(part, H) for part in qkv.chunk(3, dim=-1))
    expected = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
    keys, values = (torch.full((B, H, S, channels), torch.nan, dtype=dtype) for _ in range(2))
    parts = [
        attend_cached(qkv[:, start:stop].contiguous(), keys=keys, values=values, start=start, compiled=compiled)
        for start, stop in ((0, 5), (5, 6), (6, 11))
    ]
    torch.testing.assert_close(torch.cat(parts, dim=1), expected, atol=tolerance, rtol=0)
    torch.testing.assert_close(keys.float(), k, atol=tolerance, rtol=0)


@needs_compiler
def test_each_row_reads_as_much_text_as_it_has() -> None:
    B, S, H, L, channels = 3, 2, 2, 7, 16
    queries, keys, values = torch.randn(B, S, H * channels), *torch.randn(2, B, H, L, channels)
    lengths = torch.tensor([7, 0, 3])
    read = attend(queries, keys=keys, values=values, lengths=lengths)
    mask = (torch.arange(L) < lengths[:, None])[:, None, None]
    expected = (
        F.scaled_dot_product_attention(heads(queries, H), keys, values, attn_mask=mask).transpose(1, 2).flatten(2)
    )
    assert not read[1].any()
    torch.testing.assert_close(read[[0, 2]], expected[[0, 2]], atol=1e-6, rtol=0)


@needs_compiler
def test_scores_of_any_size_stay_finite() -> None:
    queries = torch.full((1, 1, 8), 1e4)
    keys = torch.stack((torch.full((8,), 1e4), torch.full((8,), -1e4)))[None, None]
    values = torch.stack((torch.ones(8), torch.zeros(8)))[None, None]
    assert torch.equal(attend(queries, keys=keys, values=values, lengths=torch.tensor([2])), torch.ones(1, 1, 8))
