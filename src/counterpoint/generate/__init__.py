"""Captions to audio with a trained model."""

from counterpoint.generate.controls import ControlSources
from counterpoint.generate.export import export_musicgen, publish_run
from counterpoint.generate.model import LoadedModel, load_model, sampling_of
from counterpoint.generate.sampling import (
    AudioGeneration,
    GenerationReport,
    generate,
    generate_captions,
    generate_folder,
)

__all__ = [
    "AudioGeneration",
    "ControlSources",
    "GenerationReport",
    "LoadedModel",
    "export_musicgen",
    "generate",
    "generate_captions",
    "generate_folder",
    "load_model",
    "publish_run",
    "sampling_of",
]
