"""Checkpoints in the published layouts, with random weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

VGGISH_CONVOLUTIONS = {0: (1, 64), 3: (64, 128), 6: (128, 256), 8: (256, 256), 11: (256, 512), 13: (512, 512)}
VGGISH_LAYERS = {0: (512 * 4 * 6, 4096), 2: (4096, 4096), 4: (4096, 128)}


def draw(generator: torch.Generator, *shape: int, scale: float | None = None) -> Tensor:
    """Random weights that neither die out nor explode."""
    fan_in = int(np.prod(shape[1:])) or 1
    return torch.randn(shape, generator=generator) * (scale or (2 / fan_in) ** 0.5)


def vggish_weights() -> dict[str, Tensor]:
    """By the names and shapes of vggish-10086976.pth."""
    generator = torch.Generator().manual_seed(0)
    weights: dict[str, Tensor] = {}
    for place, (width, out) in VGGISH_CONVOLUTIONS.items():
        weights[f"features.{place}.weight"] = draw(generator, out, width, 3, 3)
        weights[f"features.{place}.bias"] = draw(generator, out, scale=0.1)
    for place, (width, out) in VGGISH_LAYERS.items():
        weights[f"embeddings.{place}.weight"] = draw(generator, out, width)
        weights[f"embeddings.{place}.bias"] = draw(generator, out, scale=0.1)
    return weights


@pytest.fixture(scope="session")
def vggish_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """In the format of the published file, which is older than torch's zip files."""
    path = tmp_path_factory.mktemp("vggish") / "vggish-10086976.pth"
    torch.save(vggish_weights(), path, _use_new_zipfile_serialization=False)
    yield path
    path.unlink()  # 289 MB


@pytest.fixture(scope="session")
def music() -> np.ndarray:
    """12 s at 32 kHz: chords with noise."""
    rng = np.random.default_rng(0)
    time_s = np.arange(12 * 32_000) / 32_000
    tones = sum(np.sin(2 * np.pi * pitch * time_s * (1 + 0.2 * (time_s // 3))) for pitch in (220.0, 277.2, 329.6))
    return (0.1 * tones + 0.02 * rng.standard_normal(len(time_s))).astype(np.float32)


def clap_weights(
    *,
    width: int = 16,
    depths: tuple[int, ...] = (2, 1, 2, 1),
    heads: tuple[int, ...] = (1, 2, 4, 8),
    text_width: int = 64,
    text_layers: int = 2,
    feed_forward: int = 96,
    vocabulary: int = 300,
    positions: int = 90,
    joint: int = 24,
    classes: int = 5,
) -> dict[str, Tensor]:
    """By the names and shapes of music_audioset_epoch_15_esc_90.14.pt, whose sizes `CLAP_PUBLISHED` gives."""
    generator = torch.Generator().manual_seed(1)
    weights: dict[str, Tensor] = {}

    def linear(name: str, out: int, fan_in: int, *, bias: bool = True) -> None:
        weights[f"{name}.weight"] = draw(generator, out, fan_in)
        if bias:
            weights[f"{name}.bias"] = draw(generator, out, scale=0.1)

    def norm(name: str, size: int) -> None:
        weights[f"{name}.weight"] = 1 + draw(generator, size, scale=0.1)
        weights[f"{name}.bias"] = draw(generator, size, scale=0.1)

    audio, text = "audio_branch", "text_branch"
    weights[f"{audio}.spectrogram_extractor.stft.conv_real.weight"] = draw(generator, 513, 1, 1024)
    weights[f"{audio}.spectrogram_extractor.stft.conv_imag.weight"] = draw(generator, 513, 1, 1024)
    weights[f"{audio}.logmel_extractor.melW"] = draw(generator, 513, 64)
    norm(f"{audio}.bn0", 64)
    weights[f"{audio}.bn0.running_mean"] = -30 + draw(generator, 64, scale=5.0)
    weights[f"{audio}.bn0.running_var"] = 100 + draw(generator, 64, scale=5.0)
    weights[f"{audio}.bn0.num_batches_tracked"] = torch.tensor(7)
    weights[f"{audio}.patch_embed.proj.weight"] = draw(generator, width, 1, 4, 4)
    weights[f"{audio}.patch_embed.proj.bias"] = draw(generator, width, scale=0.1)
    norm(f"{audio}.patch_embed.norm", width)
    for stage, (depth, count) in enumerate(zip(depths, heads, strict=True)):
        size, side = width * 2**stage, 64 // 2**stage
        for place in range(depth):
            block = f"{audio}.layers.{stage}.blocks.{place}"
            if place % 2 and side > 8:
                weights[f"{block}.attn_mask"] = torch.zeros((side // 8) ** 2, 64, 64)
            norm(f"{block}.norm1", size)
            weights[f"{block}.attn.relative_position_bias_table"] = draw(generator, 225, count, scale=0.5)
            weights[f"{block}.attn.relative_position_index"] = relative_positions()
            linear(f"{block}.attn.qkv", 3 * size, size)
            linear(f"{block}.attn.proj", size, size)
            norm(f"{block}.norm2", size)
            linear(f"{block}.mlp.fc1", 4 * size, size)
            linear(f"{block}.mlp.fc2", size, 4 * size)
        if stage < len(depths) - 1:
            linear(f"{audio}.layers.{stage}.downsample.reduction", 2 * size, 4 * size, bias=False)
            norm(f"{audio}.layers.{stage}.downsample.norm", 4 * size)
    top = width * 2 ** (len(depths) - 1)
    norm(f"{audio}.norm", top)
    weights[f"{audio}.tscam_conv.weight"] = draw(generator, classes, top, 2, 3)
    weights[f"{audio}.tscam_conv.bias"] = draw(generator, classes, scale=0.1)
    linear(f"{audio}.head", classes, classes)

    weights[f"{text}.embeddings.position_ids"] = torch.arange(positions)[None]
    weights[f"{text}.embeddings.word_embeddings.weight"] = draw(generator, vocabulary, text_width)
    weights[f"{text}.embeddings.position_embeddings.weight"] = draw(generator, positions, text_width)
    weights[f"{text}.embeddings.token_type_embeddings.weight"] = draw(generator, 1, text_width)
    norm(f"{text}.embeddings.LayerNorm", text_width)
    for layer in range(text_layers):
        block = f"{text}.encoder.layer.{layer}"
        for part in ("query", "key", "value"):
            linear(f"{block}.attention.self.{part}", text_width, text_width)
        linear(f"{block}.attention.output.dense", text_width, text_width)
        norm(f"{block}.attention.output.LayerNorm", text_width)
        linear(f"{block}.intermediate.dense", feed_forward, text_width)
        linear(f"{block}.output.dense", text_width, feed_forward)
        norm(f"{block}.output.LayerNorm", text_width)
    linear(f"{text}.pooler.dense", text_width, text_width)
    for branch, size in (("text", text_width), ("audio", top)):
        linear(f"{branch}_projection.0", joint, size)
        linear(f"{branch}_projection.2", joint, joint)
        linear(f"{branch}_transform.sequential.0", joint, joint)
        linear(f"{branch}_transform.sequential.3", joint, joint)
    weights["logit_scale_a"], weights["logit_scale_t"] = torch.tensor(2.6), torch.tensor(2.7)
    return {f"module.{name}": value for name, value in weights.items()}


CLAP_PUBLISHED = {
    "width": 128,
    "depths": (2, 2, 12, 2),
    "heads": (4, 8, 16, 32),
    "text_width": 768,
    "text_layers": 12,
    "feed_forward": 3072,
    "vocabulary": 50_265,
    "positions": 514,
    "joint": 512,
    "classes": 527,
}


def relative_positions(side: int = 8) -> Tensor:
    """[64, 64] place of each pair of a window's pixels in the table of 15 x 15 distances."""
    pixel = torch.arange(side * side)
    row, column = pixel // side, pixel % side
    return (row[:, None] - row + side - 1) * (2 * side - 1) + column[:, None] - column + side - 1


def write_clap(path: Path, weights: dict[str, Tensor]) -> Path:
    """As LAION saves it: beside the weights where training stood, a number of numpy's among it."""
    torch.save({"epoch": 15, "name": "x", "state_dict": weights, "best": np.float64(0.9)}, path)
    return path


@pytest.fixture(scope="session")
def clap_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small, in the published layout."""
    return write_clap(tmp_path_factory.mktemp("clap") / "music_small.pt", clap_weights())


@pytest.fixture(scope="session")
def tokenizer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RoBERTa's tokenizer with bytes for words."""
    from tokenizers.pre_tokenizers import ByteLevel

    folder = tmp_path_factory.mktemp("roberta")
    tokens = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *sorted(ByteLevel.alphabet())]
    vocabulary = ", ".join(f"{json.dumps(token)}: {place}" for place, token in enumerate(tokens))
    (folder / "vocab.json").write_text(f"{{{vocabulary}}}", encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    return folder
