"""Shared by the judges with published weights: networks are built once and filled tensor by tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from counterpoint.config import UserError
from counterpoint.config.weights import misshapen

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

P = ParamSpec("P")
R = TypeVar("R")
_WINDOWS_AT_ONCE = 16


def once(make: Callable[P, R]) -> Callable[P, R]:
    """Call `make` only once for the same arguments, by one thread at a time."""
    lock, known = Lock(), cache(make)

    def locked(*args: P.args, **kwargs: P.kwargs) -> R:
        with lock:
            return known(*args, **kwargs)

    return locked


def windows_at_once(device: str) -> int:
    """Windows of a clip that a large network takes in one pass: one on a CPU, where clips lie side by side already."""
    return 1 if device == "cpu" else _WINDOWS_AT_ONCE


@contextmanager
def quietly() -> Iterator[None]:
    """Suppress the progress bars and reports of `transformers`; their content is checked here."""
    from transformers.utils import logging

    verbosity, had_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if had_bars:
            logging.enable_progress_bar()


def fill(network: nn.Module, weights: Mapping[str, Tensor], *, source: Path, what: str) -> None:
    """Set every tensor of a network, in single precision; every tensor of the checkpoint must have a place.

    Raises:
        UserError: a tensor is missing, has another shape, or has no place in the network.
    """
    should = network.state_dict()
    for name, tensor in should.items():
        if name not in weights:
            raise UserError(f"{source} is not a checkpoint of {what}: it lacks the tensor {name}.")
        if weights[name].shape != tensor.shape:
            raise misshapen(source, name=name, has=weights[name].shape, should=tensor.shape)
    if extra := sorted(weights.keys() - should.keys()):
        raise UserError(f"{source} is not a checkpoint of {what}: {what} has no tensor {extra[0]}.")
    whole = {name: value.float() if value.is_floating_point() else value for name, value in weights.items()}
    network.load_state_dict(whole, assign=True)
    network.eval().requires_grad_(False)
