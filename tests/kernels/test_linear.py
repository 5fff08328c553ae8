"""Packed linear layers compute what `nn.Linear` computes, to the precision of their weights and inputs."""

import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from torch import nn

from counterpoint.config import UserError
from counterpoint.kernels import build, pack
from counterpoint.kernels.linear import GROUP, CompiledLinear, FbgemmLinear, OneDnnLinear, Precision, to_integers

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++")
TOLERANCES: dict[Precision, float] = {"fp32": 2e-6, "fp16": 1e-3, "int8": 1e-2}


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.inference_mode():
        yield


def linear(*, inputs: int = 320, outputs: int = 48, bias: bool = False) -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(inputs, outputs, bias=bias)


@needs_compiler
@pytest.mark.parametrize("precision", TOLERANCES)
@pytest.mark.parametrize("rows", [1, 2, 3, 5, 6, 7, 13, 16, 64])
@pytest.mark.parametrize("inputs", [8, 320, 1032])
def test_the_compiled_kernel_agrees(precision: Precision, rows: int, inputs: int) -> None:
    reference = linear(inputs=inputs)
    packed = pack(nn.Sequential(linear(inputs=inputs)), precision=precision)
    assert isinstance(packed[0], CompiledLinear)
    x = torch.randn(rows, inputs)
    error = (packed(x) - reference.double()(x.double())).abs().max()
    assert error < TOLERANCES[precision] * max(1, inputs / 320) ** 0.5
    assert precision == "fp32" or error > 0


@needs_compiler
@pytest.mark.parametrize("precision", TOLERANCES)
@pytest.mark.parametrize("inputs", [8, 320, 1032])
def test_a_row_is_computed_alike_in_any_company(precision: Precision, inputs: int) -> None:
    """To the last bit: the sums over the inputs have one order, whatever the number of rows."""
    packed = pack(nn.Sequential(linear(inputs=inputs)), precision=precision)[0]
    assert isinstance(packed, CompiledLinear)
    x, base = torch.randn(32, inputs), torch.randn(32, 48)
    together = packed(x), packed(x, gelu=True), packed(x, base=base.clone())
    for rows in range(1, 15):
        apart = packed(x[:rows]), packed(x[:rows], gelu=True), packed(x[:rows], base=base[:rows].clone())
        for whole, part in zip(together, apart, strict=True):
            assert torch.equal(whole[:rows], part), rows


@pytest.mark.parametrize("dtype", [torch.int16, torch.int8])
@pytest.mark.parametrize("inputs", [8, 320, 1032])
def test_integers_are_the_nearest_to_the_weights(dtype: torch.dtype, inputs: int) -> None:
    weight = linear(inputs=inputs).weight
    integers, scale = to_integers(weight, dtype=dtype)
    assert integers.dtype == dtype and scale.shape == (48, -(-inputs // GROUP))
    per_weight = scale.repeat_interleave(GROUP, dim=1)[:, :inputs]
    assert ((integers * per_weight - weight).abs() <= per_weight * 0.501).all()
    assert dtype == torch.int16 or (integers.abs().amax(dim=1) == 127).all()


@needs_compiler
@pytest.mark.parametrize("precision", ["fp16", "int8"])
@pytest.mark.parametrize("sign", [1, -1])
def test_no_sum_of_a_group_overflows(precision: Precision, sign: int) -> None:
    """The largest possible sum of products has all weights equal and all inputs equal."""
    layer = linear(inputs=192)
    layer.weight.fill_(0.7)
    x = torch.full((3, 192), 5.0 * sign)
    expected = torch.full((3, 48), 0.7 * 5.0 * 192 * sign)
    torch.testing.assert_close(pack(nn.Sequential(layer), precision=precision)(x), expected, rtol=1e-4, atol=0)


@needs_compiler
@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_groups_of_very_different_size_keep_their_precision(precision: Precision) -> None:
    """As one scale for all of them could not: the small group would be rounded to zero."""
    layer = linear(inputs=2 * GROUP)
    layer.weight[:, :GROUP] *= 1e4
    x = torch.randn(4, 2 * GROUP)
    x[:, :GROUP] = 0
    expected = x.double() @ layer.weight.double().T
    error = (pack(nn.Sequential(layer), precision=precision)(x) - expected).abs().max()
    assert error < TOLERANCES[precision]


@needs_compiler
@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_nothing_times_nothing_is_nothing(precision: Precision) -> None:
    layer, silence = linear(), torch.zeros(2, 320)
    assert not pack(nn.Sequential(layer), precision=precision)(silence).any()
    layer = linear()
    layer.weight.zero_()
    assert not pack(nn.Sequential(layer), precision=precision)(torch.randn(2, 320)).any()


@pytest.mark.parametrize("compiled", [True, False])
def test_shapes_biases_and_strides_are_kept(compiled: bool) -> None:
    reference, packed = linear(bias=True), pack(nn.Sequential(linear(bias=True)), compiled=compiled)
    x = torch.randn(2, 320, 3).transpose(1, 2)
    torch.testing.assert_close(packed(x), reference(x), atol=2e-6, rtol=0)


@pytest.mark.parametrize(
    ("precision", "kind"), [("fp32", OneDnnLinear), ("fp16", FbgemmLinear), ("int8", FbgemmLinear)]
)
@pytest.mark.parametrize("rows", [1, 2, 9])
def test_torch_alone_serves_where_nothing_can_be_compiled(precision: Precision, kind: type, rows: int) -> None:
    packed = pack(nn.Sequential(linear()), precision=precision, compiled=False)
    assert isinstance(packed[0], kind)
    x = torch.randn(rows, 320)
    torch.testing.assert_close(packed(x), linear()(x), atol=TOLERANCES["fp16"], rtol=0)


@pytest.mark.parametrize(
    ("compiler", "reason"),
    [(None, "no g++ or clang++ was found"), ("/bin/false", "the compiler failed"), ("/none", "[Errno 2]")],
)
def test_without_a_compiler_one_warning_says_so(
    compiler: str | None, reason: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    if compiler is not None:
        monkeypatch.setenv("CXX", compiler)
    build.library.cache_clear()
    try:
        with pytest.warns(UserWarning, match="torch.s slower ones are used") as caught:
            packed = pack(nn.Sequential(linear(), linear(inputs=48)))
        assert len(caught) == 1 and f"({reason}" in str(caught[0].message)
        assert isinstance(packed[0], OneDnnLinear)
        assert not list(tmp_path.rglob("*.so"))
    finally:
        build.library.cache_clear()


@needs_compiler
def test_a_second_process_compiles_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    build.library.cache_clear()
    try:
        assert build.library() is not None
        build.library.cache_clear()
        monkeypatch.setattr(subprocess, "run", None)
        assert build.library() is not None
        assert [path.suffix for path in (tmp_path / "counterpoint/kernels").iterdir()] == [".so"]
    finally:
        build.library.cache_clear()


def test_layers_that_do_not_fit_are_left_alone() -> None:
    odd = pack(nn.Sequential(nn.Linear(12, 16), nn.Linear(16, 12)))
    assert [type(layer) for layer in odd] == [nn.Linear, nn.Linear]


def test_bf16_is_refused_on_a_cpu() -> None:
    with pytest.raises(UserError, match="bf16 is for a GPU"):
        pack(nn.Sequential(linear()), precision="bf16")
