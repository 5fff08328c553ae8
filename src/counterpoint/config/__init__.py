"""Typed configurations, the error shown to a user, and the file helpers that all other modules share. Imports no
torch."""

from counterpoint.config.codec_training import CodecTrainingConfig
from counterpoint.config.errors import UserError
from counterpoint.config.files import atomic_folder, atomic_write, digest, read_json, write_json, write_json_lines
from counterpoint.config.load import dump_yaml, load_yaml, parse
from counterpoint.config.sampling import (
    AutoregressiveSampling,
    FlowMatchingSampling,
    SamplingConfig,
    pick_sampling,
    read_sampling,
)
from counterpoint.config.schema import (
    BACKBONES,
    BackboneConfig,
    DataConfig,
    InpaintingMethod,
    LatentSpec,
    ModelConfig,
    OptimizerConfig,
    TextConfig,
    TrainingConfig,
)

__all__ = [
    "BACKBONES",
    "AutoregressiveSampling",
    "BackboneConfig",
    "CodecTrainingConfig",
    "DataConfig",
    "FlowMatchingSampling",
    "InpaintingMethod",
    "LatentSpec",
    "ModelConfig",
    "OptimizerConfig",
    "SamplingConfig",
    "TextConfig",
    "TrainingConfig",
    "UserError",
    "atomic_folder",
    "atomic_write",
    "digest",
    "dump_yaml",
    "load_yaml",
    "parse",
    "pick_sampling",
    "read_json",
    "read_sampling",
    "write_json",
    "write_json_lines",
]
