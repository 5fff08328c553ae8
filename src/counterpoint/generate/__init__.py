"""Generation of audio from captions with a trained model.

Importing this package does not import torch; its parts do, when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterpoint.lazy import lazily

if TYPE_CHECKING:
    from counterpoint.generate.export import export_musicgen, publish_run
    from counterpoint.generate.model import LoadedModel, load_model
    from counterpoint.generate.outputs import Destination, GenerationReport, check_destination, read_captions
    from counterpoint.generate.request import BATCH_SIZE, GenerationRequest, repeated
    from counterpoint.generate.requested import ControlSources
    from counterpoint.generate.sampling import AudioGeneration, generate, generate_folder, write_clips
    from counterpoint.generate.settings import check_read_by, sampling_of

__all__ = [
    "BATCH_SIZE",
    "AudioGeneration",
    "ControlSources",
    "Destination",
    "GenerationReport",
    "GenerationRequest",
    "LoadedModel",
    "check_destination",
    "check_read_by",
    "export_musicgen",
    "generate",
    "generate_folder",
    "load_model",
    "publish_run",
    "read_captions",
    "repeated",
    "sampling_of",
    "write_clips",
]

__getattr__ = lazily(
    __name__,
    {
        "BATCH_SIZE": "request",
        "AudioGeneration": "sampling",
        "ControlSources": "requested",
        "Destination": "outputs",
        "GenerationReport": "outputs",
        "GenerationRequest": "request",
        "LoadedModel": "model",
        "check_destination": "outputs",
        "check_read_by": "settings",
        "export_musicgen": "export",
        "generate": "sampling",
        "generate_folder": "sampling",
        "load_model": "model",
        "publish_run": "export",
        "read_captions": "outputs",
        "repeated": "request",
        "sampling_of": "settings",
        "write_clips": "sampling",
    },
)
