"""Planning of batch sizes: batches are split before the run so that memory suffices."""

from __future__ import annotations

import torch

from counterpoint.config.machine import free_memory
from counterpoint.config.room import require_memory
from counterpoint.paradigm import Paradigm

SHARE = 0.6
"""Share of the free memory that is used: measured memory was up to 1.6 times the estimate because of allocators and
libraries."""


def clips_at_once(
    model: Paradigm, *, frames: int, window: int, text_tokens: int, passes: int, wanted: int, free: int | None = None
) -> int:
    """The largest batch, up to `wanted`, that fits into memory.

    Args:
        frames: number of frames of each clip.
        window: number of frames processed at once.
        text_tokens: number of tokens of the longest caption.
        free: bytes; by default the currently free memory of the model's device.

    Raises:
        UserError: a single clip does not fit.
    """
    device = next(model.parameters()).device
    room = SHARE * (free_bytes(device) if free is None else free)

    def needed(batch: int) -> int:
        return clip_bytes(model, batch=batch, frames=frames, window=window, text_tokens=text_tokens, passes=passes)

    require_memory(
        needed(1),
        free=room,
        needs=f"One clip of {frames / model.latent.frame_rate:g} s on {device} needs, besides the model,",
        remedy="free some, or choose a shorter duration",
    )
    fitting = wanted
    while needed(fitting) > room:
        fitting -= 1
    return fitting


def clip_bytes(model: Paradigm, *, batch: int, frames: int, window: int, text_tokens: int, passes: int) -> int:
    """Bytes for drawing `batch` clips at once, without the weights: some windows of them and the whole of each."""
    seen = max(batch, model.windows_at_once) if frames > window else batch
    item = 2 if next(model.parameters()).device.type == "cuda" else 4
    whole = 0 if frames <= window else batch * frames * (10 * model.latent.latent_dim * 4 + 32)
    return whole + model.entry.cost.sampling_bytes(
        model.config,
        model.latent,
        batch=seen,
        frames=min(frames, window),
        passes=passes,
        text_tokens=text_tokens,
        dtype_bytes=item,
    )


def free_bytes(device: torch.device) -> int:
    """Available memory: on a GPU including memory that torch holds unused, else of the machine or its container."""
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    return free_memory()
