"""Shared by the loading of every kind of codec: complete weights, one digest, errors that name a remedy."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from counterpoint.config import UserError
from counterpoint.config.network import UnreachableWarning, reason_of


@contextmanager
def quietly() -> Iterator[None]:
    """Suppress the progress bars and messages of `transformers` and `diffusers`; `refuse_gaps` reports what matters."""
    from diffusers.utils import logging as diffusers
    from transformers.utils import logging as transformers

    libraries: tuple[Any, ...] = (diffusers, transformers)
    before = [(library, library.get_verbosity(), library.is_progress_bar_enabled()) for library in libraries]
    for library in libraries:
        library.set_verbosity_error()
        library.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # diffusers normalises weights in torch's old way,
            warnings.simplefilter("ignore", UserWarning)  # and asks the hub in an old way
            warnings.simplefilter("always", UnreachableWarning)
            yield
    finally:
        for library, verbosity, had_bars in before:
            library.set_verbosity(verbosity)
            if had_bars:
                library.enable_progress_bar()


def refuse_gaps(found: Mapping[str, Sequence[Any]], *, name: str, unread: tuple[str, ...] = ()) -> None:
    """Refuse weights that do not match the configuration: libraries initialise missing tensors at random.

    Args:
        found: a library's loading report: keys that are missing, unexpected, or of another shape.
        name: name of the codec.
        unread: endings of keys that may be missing or left over because inference does not use them.

    Raises:
        UserError: some tensors do not fit; the sentence gives their number and an example.
    """
    wrong = {
        kind: [key for key in map(str, found.get(f"{kind}_keys") or ()) if not key.endswith(unread)]
        for kind in ("missing", "mismatched", "unexpected")
    }
    gaps = [f"{len(keys)} {kind}, such as {keys[0]}" for kind, keys in wrong.items() if keys]
    if gaps:
        raise UserError(
            f"The weights of the codec {name!r} do not match its config.json ({'; '.join(gaps)}); "
            "give a folder whose two files belong together."
        )


def unreadable(error: Exception, *, name: str) -> UserError:
    """The error for a codec that a library or the hub did not provide."""
    from huggingface_hub.errors import GatedRepoError

    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None and cause not in causes:
        causes.append(cause)
    if any(isinstance(cause, GatedRepoError) for cause in causes):
        return UserError(
            f"The codec {name!r} is gated: accept its licence at https://huggingface.co/{name} and log in with "
            "`hf auth login`, or give a local folder that contains it."
        )
    reason = reason_of(error).rstrip(".")
    return UserError(
        f"The codec {name!r} cannot be loaded ({reason}); give a shipped name, a folder with config.json and weights, "
        "or a hub id that this machine can reach."
    )


def fingerprint(config: Mapping[str, Any], state: Mapping[str, Tensor]) -> str:
    """Sixteen hexadecimal digits that identify the function of a codec.

    Args:
        config: the fields that determine the function of the weights.
        state: the weights used in inference.
    """
    found = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode())
    for key, value in sorted(state.items()):
        found.update(key.encode())
        found.update(value.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]
