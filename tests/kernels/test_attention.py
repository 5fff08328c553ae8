"""Attention by torch, step by step, computes what `scaled_dot_product_attention` computes of the whole."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from counterpoint.kernels import attend, attend_cached


def heads(x: Tensor, count: int) -> Tensor:
    return x.unflatten(-1, (count, -1)).transpose(1, 2)


@pytest.mark.parametrize("channels", [8, 72])
def test_cached_attention_goes_on_where_it_was(channels: int) -> None:
    torch.manual_seed(0)
    B, S, H = 3, 11, 2
    qkv = torch.randn(B, S, 3 * H * channels)
    q, k, v = (heads(part, H) for part in qkv.chunk(3, dim=-1))
    expected = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
    keys, values = (torch.full((B, H, S, channels), torch.nan) for _ in range(2))
    parts = [
        attend_cached(qkv[:, start:stop].contiguous(), keys=keys, values=values, start=start)
        for start, stop in ((0, 5), (5, 6), (6, 11))
    ]
    torch.testing.assert_close(torch.cat(parts, dim=1), expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(keys, k, atol=0, rtol=0)


def test_each_row_reads_as_much_text_as_it_has() -> None:
    torch.manual_seed(0)
    queries, keys, values = torch.randn(2, 1, 16), *torch.randn(2, 2, 2, 7, 8)
    mask = (torch.arange(7) < torch.tensor([[7], [3]]))[:, None, None]
    read = attend(queries, keys=keys, values=values, mask=mask)
    short = attend(queries[1:], keys=keys[1:, :, :3], values=values[1:, :, :3])
    torch.testing.assert_close(read[1:], short, atol=1e-6, rtol=0)
