"""A device that is no CPU, for tests on machines without one: where each tensor lies is checked, and results are true.

Its tensors say that they lie on torch's `meta` device and hold a tensor of the CPU, on which every operation is carried
out. An operation on tensors of both devices is an error, as it is on a GPU, and so is reading one with numpy.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map

FAKE = "meta"
_CROSSING = ("aten::_to_copy", "aten::copy_")
"""Operations that go from one device to the other."""


class FakeTensor(Tensor):
    """A tensor of the fake device."""

    inside: Tensor

    @staticmethod
    def __new__(cls, inside: Tensor) -> FakeTensor:
        made = Tensor._make_wrapper_subclass(
            cls,
            inside.size(),
            strides=inside.stride(),
            storage_offset=inside.storage_offset(),
            dtype=inside.dtype,
            device=FAKE,
            requires_grad=inside.requires_grad,
        )
        made.inside = inside
        return made

    def __repr__(self) -> str:  # type: ignore[override]
        return f"FakeTensor({self.inside!r})"

    def tolist(self) -> Any:
        return self.inside.tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _carry_out(func, args, kwargs or {})


class FakeDevice(TorchDispatchMode):
    """While it is entered, the device `FAKE` is there; `made` counts the operations on it."""

    def __init__(self) -> None:
        super().__init__()
        self.made = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        self.made += any(isinstance(leaf, FakeTensor) for leaf in tree_leaves((args, kwargs)))
        return _carry_out(func, args, kwargs)


def _carry_out(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    leaves = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    fakes = [leaf for leaf in leaves if isinstance(leaf, FakeTensor)]
    asked = kwargs.get("device")
    if not fakes and (asked is None or torch.device(asked).type != FAKE):
        return func(*args, **kwargs)
    name = func.name()
    strangers = [leaf for leaf in leaves if not isinstance(leaf, FakeTensor) and leaf.ndim]
    if fakes and strangers and not name.startswith(_CROSSING):
        raise RuntimeError(f"{name} has tensors of both devices: {[(each.device.type, each.shape) for each in leaves]}")
    stays = asked is None or torch.device(asked).type == FAKE
    own_args, own_kwargs = tree_map(lambda leaf: leaf.inside if isinstance(leaf, FakeTensor) else leaf, (args, kwargs))
    if asked is not None:
        own_kwargs = {**own_kwargs, "device": torch.device("cpu")}
    if name.startswith("aten::copy_") and not isinstance(args[0], FakeTensor):
        func(*own_args, **own_kwargs)
        return args[0]
    found = func(*own_args, **own_kwargs)
    if not stays:
        return found.clone() if found is own_args[0] else found
    wrapped = tree_map(lambda leaf: FakeTensor(leaf) if isinstance(leaf, Tensor) else leaf, found)
    return return_and_correct_aliasing(func, args, kwargs, wrapped) if fakes else wrapped


@contextmanager
def no_cpu() -> Iterator[FakeDevice]:
    """Enter the fake device, which knows neither autocast nor inference mode; fail where nothing was computed on it."""
    real = torch.autocast

    def autocast(device_type: str, **settings: Any) -> AbstractContextManager[Any]:
        return nullcontext() if device_type == FAKE else real(device_type, **settings)

    stand_ins = (
        (torch, "autocast", autocast),
        (torch.amp, "autocast", autocast),
        (torch, "inference_mode", torch.no_grad),
    )
    with ExitStack() as held:
        for place, name, stand_in in stand_ins:
            held.enter_context(patch.object(place, name, stand_in))
        entered = held.enter_context(FakeDevice())
        yield entered
    assert entered.made, "nothing was computed on the device"
