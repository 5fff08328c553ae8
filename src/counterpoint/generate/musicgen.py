"""MusicGen checkpoints (Copet et al., 2023): the network of `paradigm.autoregressive` under two other naming schemes.

Read from a folder or a hub id, in the format of `transformers` (`config.json`, safetensors or a pickle of tensors) or
as exported by audiocraft (`state_dict.bin`, `compression_state_dict.bin`). No code inside a checkpoint is run.

Shapes: K codebooks, V codebook size, C model width.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from string import Formatter
from typing import Any

import torch
from torch import Tensor

from counterpoint.codec import Codec, latent_spec, load_codec
from counterpoint.codec.audiocraft import COMPRESSION_FILE, read_package
from counterpoint.codec.loading import quietly
from counterpoint.config import BackboneConfig, LatentSpec, ModelConfig, TextConfig, UserError, read_json
from counterpoint.config.weights import CONFIG_FILE, fetch_folder, misshapen, read_weights
from counterpoint.generate.settings import LANGUAGE_MODEL_FILE, MUSICGEN_PARADIGM
from counterpoint.paradigm import Autoregressive

WINDOW_S = 30.0
"""Length in seconds of the music in MusicGen's training (Copet et al., 2023)."""
_T5_TOKENS = 512
"""Greatest number of tokens in T5's training; its relative positions have no limit."""

TRANSFORMERS = {
    "text.project.{p}": "enc_to_dec_proj.{p}",
    "embed.weight": "decoder.model.decoder.embed_tokens.{k}.weight",
    "heads.weight": "decoder.lm_heads.{k}.weight",
    "backbone.norm.{p}": "decoder.model.decoder.layer_norm.{p}",
} | {
    f"backbone.blocks.{{i}}.{ours}": f"decoder.model.decoder.layers.{{i}}.{theirs}"
    for ours, theirs in {
        "self_norm.{p}": "self_attn_layer_norm.{p}",
        "self_attention.in_proj.weight": "self_attn.{qkv}_proj.weight",
        "self_attention.out_proj.weight": "self_attn.out_proj.weight",
        "cross_norm.{p}": "encoder_attn_layer_norm.{p}",
        "cross_attention.query.weight": "encoder_attn.q_proj.weight",
        "cross_attention.key.weight": "encoder_attn.k_proj.weight",
        "cross_attention.value.weight": "encoder_attn.v_proj.weight",
        "cross_attention.out_proj.weight": "encoder_attn.out_proj.weight",
        "feed_norm.{p}": "final_layer_norm.{p}",
        "up.weight": "fc1.weight",
        "down.weight": "fc2.weight",
    }.items()
}
"""Our names and those of `transformers`.

A field on both sides yields one pair per tensor; a field on one side stacks several tensors there, in order.
"""
AUDIOCRAFT = {
    "text.project.{p}": "condition_provider.conditioners.description.output_proj.{p}",
    "embed.weight": "emb.{k}.weight",
    "heads.weight": "linears.{k}.weight",
    "backbone.norm.{p}": "out_norm.{p}",
} | {
    f"backbone.blocks.{{i}}.{ours}": f"transformer.layers.{{i}}.{theirs}"
    for ours, theirs in {
        "self_norm.{p}": "norm1.{p}",
        "self_attention.in_proj.weight": "self_attn.in_proj_weight",
        "self_attention.out_proj.weight": "self_attn.out_proj.weight",
        "cross_norm.{p}": "norm_cross.{p}",
        "cross_attention.{role}.weight": "cross_attention.in_proj_weight",
        "cross_attention.out_proj.weight": "cross_attention.out_proj.weight",
        "feed_norm.{p}": "norm2.{p}",
        "up.weight": "linear1.weight",
        "down.weight": "linear2.weight",
    }.items()
}
"""Our names and audiocraft's."""


@dataclass(frozen=True)
class Checkpoint:
    """The language model of a checkpoint, with its own tensor names.

    Attributes:
        config: configuration of our network.
        codebooks: K.
        codebook_size: V.
        names: TRANSFORMERS or AUDIOCRAFT.
        weights: tensors under the checkpoint's names.
    """

    config: ModelConfig
    codebooks: int
    codebook_size: int
    names: Mapping[str, str]
    weights: Mapping[str, Tensor]


def load_musicgen(source: str) -> tuple[Autoregressive, Codec]:
    """Load the network of a MusicGen checkpoint and its EnCodec, on the CPU, ready to sample.

    Args:
        source: a hub id, a folder, or audiocraft's `state_dict.bin`.

    Raises:
        UserError: there is no such checkpoint, it is not a model of text to mono music, or a tensor is missing or
            misshapen.
    """
    named = Path(source).name == LANGUAGE_MODEL_FILE
    if named:
        source = str(Path(source).parent)
    folder = fetch_folder(source)
    read = read_audiocraft if named or not (folder / CONFIG_FILE).is_file() else read_transformers
    checkpoint = read(folder, source=source)
    codec = load_codec(source)
    if (codec.num_codebooks, codec.codebook_size) != (checkpoint.codebooks, checkpoint.codebook_size):
        raise UserError(
            f"The codec in {source} has {codec.num_codebooks} codebooks of {codec.codebook_size} codes, its network "
            f"{checkpoint.codebooks} of {checkpoint.codebook_size}; use a checkpoint whose parts match."
        )
    return build(checkpoint, latent_spec(codec), source=source), codec


def build(checkpoint: Checkpoint, latent: LatentSpec, *, source: str) -> Autoregressive:
    """Build the network of a checkpoint for the latents of its codec; see `load_musicgen` for the errors."""
    from accelerate import init_empty_weights

    with init_empty_weights(include_buffers=False):  # parameters take no memory before they are read
        model = Autoregressive(checkpoint.config, latent)
    model.load_state_dict(to_ours(checkpoint, model=model, source=source), assign=True)
    return model.eval().requires_grad_(False)


def to_ours(checkpoint: Checkpoint, *, model: Autoregressive, source: str) -> dict[str, Tensor]:
    """The checkpoint's tensors under our names, in single precision; unchanged ones stay in their file.

    Raises:
        UserError: a tensor is missing or misshapen.
    """
    shapes = {name: parameter.shape for name, parameter in model.named_parameters()}
    state: dict[str, Tensor] = {}
    for ours, theirs in pairs(checkpoint.names, model=model):
        rows = [shapes[name][0] for name in ours]
        should = (sum(rows) // len(theirs), *shapes[ours[0]][1:])
        parts = [_take(checkpoint.weights, name, shape=should, source=source) for name in theirs]
        whole = parts[0] if len(parts) == 1 else torch.cat(parts)
        state |= zip(ours, whole.split(rows), strict=True)
    return {name: tensor.float().contiguous() for name, tensor in state.items()}


def to_theirs(model: Autoregressive, *, names: Mapping[str, str]) -> dict[str, Tensor]:
    """The inverse of `to_ours`: the network's tensors under the names of another library."""
    state = model.state_dict()
    found: dict[str, Tensor] = {}
    for ours, theirs in pairs(names, model=model):
        whole = torch.cat([state[name] for name in ours])
        found |= zip(theirs, whole.chunk(len(theirs)), strict=True)
    return found


def pairs(names: Mapping[str, str], *, model: Autoregressive) -> Iterator[tuple[list[str], list[str]]]:
    """Pairs (ours, theirs) of tensor names that contain the same rows when stacked."""
    choices: dict[str, Any] = {
        "i": range(model.config.backbone.layers),
        "k": range(model.codebooks),
        "p": ("weight", "bias"),
        "qkv": "qkv",
        "role": ("query", "key", "value"),
    }

    def spread(pattern: str, fields: list[str], given: dict[str, Any]) -> list[str]:
        own = [field for field in fields if field not in given]
        rows = product(*(choices[field] for field in own))
        return [pattern.format(**given, **dict(zip(own, row, strict=True))) for row in rows]

    for ours, theirs in names.items():
        left, right = _fields(ours), _fields(theirs)
        shared = [field for field in left if field in right]
        for values in product(*(choices[field] for field in shared)):
            given = dict(zip(shared, values, strict=True))
            yield spread(ours, left, given), spread(theirs, right, given)


def _fields(pattern: str) -> list[str]:
    return [field for _, field, _, _ in Formatter().parse(pattern) if field]


def _take(weights: Mapping[str, Tensor], name: str, *, shape: tuple[int, ...], source: str) -> Tensor:
    if name not in weights:
        raise UserError(f"{source} lacks the tensor {name}; fetch the checkpoint again.")
    if tuple(weights[name].shape) != shape:
        raise misshapen(source, name=name, has=weights[name].shape, should=shape)
    return weights[name]


def read_transformers(folder: Path, *, source: str) -> Checkpoint:
    """Read the language model of a folder in the format of `transformers`; `source` is the name that the user gave."""
    from transformers import AutoConfig

    found = read_json(folder / CONFIG_FILE)
    kind = found.get("model_type") if isinstance(found, dict) else None
    if kind != "musicgen":
        raise UserError(
            f"{source} contains a model of the kind {kind!r}; of the models of transformers, only musicgen is "
            "supported, which turns text into mono music."
        )
    with quietly():
        config = AutoConfig.from_pretrained(folder)
    decoder = config.decoder
    _refuse_variants(
        {
            "audio_channels": (decoder.audio_channels, 1),
            "activation_function": (decoder.activation_function, "gelu"),
            "scale_embedding": (decoder.scale_embedding, False),
        },
        source=source,
    )
    weights = read_weights(folder)  # mapped: T5's and EnCodec's cost nothing until they are read
    if config.text_encoder.hidden_size == decoder.hidden_size:  # then transformers leaves the projection out
        weights["enc_to_dec_proj.weight"] = torch.eye(decoder.hidden_size)
        weights["enc_to_dec_proj.bias"] = torch.zeros(decoder.hidden_size)
    backbone = BackboneConfig(
        layers=decoder.num_hidden_layers,
        width=decoder.hidden_size,
        heads=decoder.num_attention_heads,
        feed_forward=decoder.ffn_dim,
        max_positions=decoder.max_position_embeddings,
    )
    return Checkpoint(_model(backbone, t5=source), decoder.num_codebooks, decoder.vocab_size, TRANSFORMERS, weights)


def read_audiocraft(folder: Path, *, source: str) -> Checkpoint:
    """Read the language model of a folder exported by audiocraft; T5 is given by its name."""
    if not (folder / LANGUAGE_MODEL_FILE).is_file():
        raise UserError(f"{source} is no MusicGen checkpoint: it has neither {CONFIG_FILE} nor {LANGUAGE_MODEL_FILE}.")
    if not (folder / COMPRESSION_FILE).is_file():
        raise UserError(f"{folder / COMPRESSION_FILE} is missing; put the codec's file beside {LANGUAGE_MODEL_FILE}.")
    package = read_package(folder / LANGUAGE_MODEL_FILE)
    try:
        cfg = package.config
        lm, conditioners, pattern = cfg["transformer_lm"], cfg["conditioners"], cfg["codebooks_pattern"]
        in_order = list(range(lm["n_q"]))
        expected = {
            "conditioners": (sorted(conditioners), ["description"]),
            "channels": (cfg.get("channels", 1), 1),
            "codebooks_pattern.modeling": (pattern["modeling"], "delay"),
            "codebooks_pattern.delay.delays": (pattern.get("delay", {}).get("delays", in_order), in_order),
            "fuser.cross_attention_pos_emb": (cfg.get("fuser", {}).get("cross_attention_pos_emb", False), False),
            **{name: (lm.get(name, value), value) for name, value in _PLAIN.items()},
        }
        _refuse_variants(expected, source=source)
        backbone = BackboneConfig(
            layers=lm["num_layers"],
            width=lm["dim"],
            heads=lm["num_heads"],
            feed_forward=int(lm["hidden_scale"] * lm["dim"]),
        )
        t5 = conditioners["description"]["t5"]["name"]
        return Checkpoint(_model(backbone, t5=t5), lm["n_q"], lm["card"], AUDIOCRAFT, package.weights)
    except UserError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UserError(
            f"{source} is not a readable MusicGen: its xp.cfg lacks a setting or has an unusable one ({error})."
        ) from None


_PLAIN = {
    "activation": "gelu",
    "norm_first": True,
    "norm": "layer_norm",
    "bias_ff": False,
    "bias_attn": False,
    "bias_proj": False,
    "layer_scale": None,
    "positional_embedding": "sin",
    "past_context": None,
    "qk_layer_norm": False,
    "qk_layer_norm_cross": False,
    "kv_repeat": 1,
}
"""Required values of audiocraft's `transformer_lm`, which may be missing, for our network."""


def _model(backbone: BackboneConfig, *, t5: str) -> ModelConfig:
    text = TextConfig(encoder="t5", name=t5, max_tokens=_T5_TOKENS)
    return ModelConfig(paradigm=MUSICGEN_PARADIGM, backbone=backbone, text=text)


def _refuse_variants(expected: Mapping[str, tuple[Any, Any]], *, source: str) -> None:
    """
    Raises:
        UserError: a setting (has, should) differs, so that it is another model; the sentence names the first one.
    """
    for name, (has, should) in expected.items():
        if has != should:
            raise UserError(
                f"{source} is a variant of MusicGen that is not supported ({name} is {has}, not {should}): "
                "only text to mono music is supported, as in facebook/musicgen-small, -medium and -large."
            )
