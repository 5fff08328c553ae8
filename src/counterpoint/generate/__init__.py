"""Captions to audio with a trained model."""

from counterpoint.generate.controls import ControlSources
from counterpoint.generate.export import export_musicgen, publish_run
from counterpoint.generate.model import LoadedModel, load_model, sampling_of
from counterpoint.generate.request import BATCH_SIZE, GenerationRequest, repeated
from counterpoint.generate.sampling import (
    AudioGeneration,
    Destination,
    GenerationReport,
    check_destination,
    generate,
    generate_folder,
    read_captions,
    write_clips,
)

__all__ = [
    "BATCH_SIZE",
    "AudioGeneration",
    "ControlSources",
    "Destination",
    "GenerationReport",
    "GenerationRequest",
    "LoadedModel",
    "check_destination",
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
