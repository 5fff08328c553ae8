"""Tiny, randomly initialised MusicGen checkpoints in exactly the layouts of the published ones."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

K, V, C, LAYERS = 4, 32, 16, 2
WORDS = ("slow", "warm", "piano", "drums", "loud", "and", "with", "harp")
Save = Callable[..., Path]


def save_tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: index for index, word in enumerate(("<pad>", "</s>", "<unk>", *WORDS))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)


def configuration(*, text_width: int = 24, **decoder: Any) -> Any:
    """That of facebook/musicgen-small but for its sizes."""
    from transformers import EncodecConfig, MusicgenConfig, MusicgenDecoderConfig, T5Config

    codes = decoder.pop("vocab_size", V)
    sizes = {"vocab_size": codes, "num_codebooks": K, "hidden_size": C, "num_hidden_layers": LAYERS, "ffn_dim": 4 * C}
    special = {"num_attention_heads": 4, "pad_token_id": codes, "bos_token_id": codes}
    text = T5Config(vocab_size=16, d_model=text_width, d_kv=6, d_ff=32, num_layers=2, num_heads=4)
    audio = EncodecConfig(
        sampling_rate=800,
        normalize=False,
        hidden_size=12,
        codebook_dim=12,
        num_filters=4,
        upsampling_ratios=[4, 2],
        use_causal_conv=False,
        use_conv_shortcut=False,
        codebook_size=codes,
        target_bandwidths=[K * (codes - 1).bit_length() / 10],  # at 100 Hz
    )
    return MusicgenConfig(
        text_encoder=text.to_dict(),
        audio_encoder=audio.to_dict(),
        decoder=MusicgenDecoderConfig(**{**sizes, **special, **decoder}).to_dict(),
    )


def build_musicgen(config: Any, *, seed: int = 0) -> Any:
    """Weights large enough to matter in every sum, norms and biases away from their trivial start."""
    from transformers import GenerationConfig, MusicgenForConditionalGeneration

    torch.manual_seed(seed)
    model = MusicgenForConditionalGeneration(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.startswith(("decoder.", "enc_to_dec")) and parameter.ndim > 1:
                parameter.normal_(std=parameter.shape[-1] ** -0.5)
            elif name.startswith(("decoder.", "enc_to_dec")):
                parameter.add_(0.1 * torch.randn_like(parameter))
        for layer in model.audio_encoder.quantizer.layers:
            layer.codebook.embed.copy_(torch.randn_like(layer.codebook.embed))
    model.generation_config = GenerationConfig(
        guidance_scale=3.0,
        pad_token_id=config.decoder.vocab_size,
        bos_token_id=config.decoder.vocab_size,
        decoder_start_token_id=config.decoder.vocab_size,
        max_length=100,
    )
    return model


@pytest.fixture(scope="session")
def publish() -> Callable[..., Any]:
    """A function that saves a checkpoint in the format of `transformers` and returns the model it holds."""

    def save(folder: Path, *, seed: int = 0, **decoder: Any) -> Any:
        model = build_musicgen(configuration(**decoder), seed=seed)
        model.save_pretrained(folder)
        save_tokenizer(folder)
        return model

    return save


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, publish: Callable[..., Any]) -> tuple[Path, Any]:
    folder = tmp_path_factory.mktemp("musicgen") / "tiny"
    return folder, publish(folder)


@pytest.fixture(scope="session")
def published(tiny: tuple[Path, Any]) -> Path:
    """The checkpoint of `peer`, in the format of `transformers`."""
    return tiny[0]


@pytest.fixture(scope="session")
def peer(tiny: tuple[Path, Any]) -> Any:
    """The `transformers` model that every checkpoint here is one of."""
    return tiny[1]


def in_audiocrafts_names(peer: Any) -> dict[str, torch.Tensor]:
    """The language model's tensors as audiocraft names and fuses them, written out apart from the code under test."""
    theirs = dict(peer.decoder.state_dict())
    project = "condition_provider.conditioners.description.output_proj"
    state = {
        f"{project}.weight": peer.enc_to_dec_proj.weight,
        f"{project}.bias": peer.enc_to_dec_proj.bias,
        "out_norm.weight": theirs["model.decoder.layer_norm.weight"],
        "out_norm.bias": theirs["model.decoder.layer_norm.bias"],
    }
    for k in range(K):
        state[f"emb.{k}.weight"] = theirs[f"model.decoder.embed_tokens.{k}.weight"]
        state[f"linears.{k}.weight"] = theirs[f"lm_heads.{k}.weight"]
    for i in range(LAYERS):
        source, target = f"model.decoder.layers.{i}", f"transformer.layers.{i}"
        for ours, name in (("self_attn", "self_attn"), ("cross_attention", "encoder_attn")):
            qkv = [theirs[f"{source}.{name}.{part}_proj.weight"] for part in "qkv"]
            state[f"{target}.{ours}.in_proj_weight"] = torch.cat(qkv)
            state[f"{target}.{ours}.out_proj.weight"] = theirs[f"{source}.{name}.out_proj.weight"]
        norms = {"norm1": "self_attn_layer_norm", "norm_cross": "encoder_attn_layer_norm", "norm2": "final_layer_norm"}
        for ours, name in norms.items():
            for part in ("weight", "bias"):
                state[f"{target}.{ours}.{part}"] = theirs[f"{source}.{name}.{part}"]
        state[f"{target}.linear1.weight"] = theirs[f"{source}.fc1.weight"]
        state[f"{target}.linear2.weight"] = theirs[f"{source}.fc2.weight"]
    return {name: tensor.detach().clone() for name, tensor in state.items()}


LM_CFG: dict[str, Any] = {
    "channels": 1,
    "sample_rate": 800,
    "codebooks_pattern": {"modeling": "delay", "delay": {"delays": [0, 1, 2, 3]}},
    "transformer_lm": {
        **{"dim": C, "num_heads": 4, "num_layers": LAYERS, "hidden_scale": 4, "n_q": K, "card": V},
        **{"activation": "gelu", "norm_first": True, "bias_ff": False, "bias_attn": False, "bias_proj": False},
        **{"layer_scale": None, "positional_embedding": "sin", "norm": "layer_norm"},
    },
    "conditioners": {"description": {"model": "t5", "t5": {"name": "t5-base", "finetune": False}}},
}
CODEC_CFG: dict[str, Any] = {
    "channels": 1,
    "sample_rate": 800,
    "encodec": {"causal": False, "renormalize": False, "sample_rate": "${sample_rate}"},
    "seanet": {
        **{"dimension": 12, "channels": "${channels}", "causal": "${encodec.causal}", "n_filters": 4},
        **{"n_residual_layers": 1, "ratios": [4, 2], "activation": "ELU", "norm": "weight_norm", "kernel_size": 7},
        **{"residual_kernel_size": 3, "last_kernel_size": 7, "dilation_base": 2, "pad_mode": "reflect"},
        **{"true_skip": True, "compress": 2, "lstm": 2, "decoder": {"trim_right_ratio": 1.0}, "encoder": {}},
    },
    "rvq": {"n_q": K, "bins": V},
}


def in_audiocrafts_codec_names(peer: Any) -> dict[str, torch.Tensor]:
    """EnCodec's tensors as audiocraft names them."""
    from torch import nn

    state = {}
    modules = dict(peer.audio_encoder.named_modules())
    for name, tensor in peer.audio_encoder.state_dict().items():
        owner, _, leaf = name.rpartition(".")
        if ".parametrizations.weight.original" in name:
            owner, leaf = name.split(".parametrizations")[0], {"0": "weight_g", "1": "weight_v"}[name[-1]]
        theirs = owner.replace("coder.layers.", "coder.model.")
        if owner.startswith("quantizer"):
            theirs = owner.replace("quantizer.layers.", "quantizer.vq.layers.").replace(".codebook", "._codebook")
        elif owner.endswith(".conv"):
            twice = ".convtr.convtr" if isinstance(modules[owner], nn.ConvTranspose1d) else ".conv.conv"
            theirs = theirs.removesuffix(".conv") + twice
        state[f"{theirs}.{leaf}"] = tensor.detach().clone()
    return state


@pytest.fixture
def audiocraft(tmp_path: Path, peer: Any) -> Save:
    """A function that saves the same checkpoint as audiocraft exports it, with T5 in a folder of its own."""

    def save(*, change: tuple[str, Any] | None = None, missing: str = "", codec: Any = None) -> Path:
        """
        Args:
            change: a dotted key of the configuration and another value.
            missing: a tensor to leave out.
            codec: another content of the codec's file.
        """
        t5, folder = tmp_path / "t5", tmp_path / "audiocraft"
        peer.text_encoder.save_pretrained(t5)
        save_tokenizer(t5)
        folder.mkdir()
        cfg = copy.deepcopy(LM_CFG)
        cfg["conditioners"]["description"]["t5"]["name"] = str(t5)
        if change is not None:
            *parents, leaf = change[0].split(".")
            reduce(dict.__getitem__, parents, cfg)[leaf] = change[1]
        state = in_audiocrafts_names(peer)
        if missing:
            del state[missing]
        common = {"version": "1.4.0", "exported": True}
        torch.save({"best_state": state, "xp.cfg": yaml.safe_dump(cfg), **common}, folder / "state_dict.bin")
        codec = codec or {"best_state": in_audiocrafts_codec_names(peer), "xp.cfg": yaml.safe_dump(CODEC_CFG)}
        torch.save({**codec, **common}, folder / "compression_state_dict.bin")
        return folder

    return save
