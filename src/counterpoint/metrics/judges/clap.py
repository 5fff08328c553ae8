"""LAION's CLAP trained on music: how well a clip matches its caption (Sec. 4.3), and embeddings for distances.

Network: Wu et al., "Large-scale contrastive language-audio pretraining with feature fusion and keyword-to-caption
augmentation" (ICASSP 2023), unfused: HTSAT-base for audio, RoBERTa for text. It runs in `transformers.ClapModel`, from
the checkpoint that LAION publishes or from a folder in the format of transformers.

Shapes: N audio samples, W windows of 10 s, T = 1001 frames of 10 ms, F = 64 mel bands, E = 512.

Deviations from LAION's code: audio longer than a window is analysed window by window instead of in one random crop, and
is not rounded to 16 bits. Short audio is repeated as often as it fits and then padded with zeros, as in the original.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from counterpoint.audio import resample
from counterpoint.audio.librosa_import import import_librosa
from counterpoint.config import UserError
from counterpoint.config.fetched import Fetched, fetched
from counterpoint.config.weights import CONFIG_FILE, read_part, read_pickle, read_weights
from counterpoint.metrics.base import Features, Functional, JudgeOutput, MetricInfo, NotApplicableError, WeightedMean
from counterpoint.metrics.judges.loading import once, quietly, windows_at_once
from counterpoint.metrics.signals import SAMPLE_RATE

if TYPE_CHECKING:
    from torch import Tensor

TOKENIZER = "roberta"
"""Name under which RoBERTa's tokenizer is fetched for checkpoints without one."""
_RATE = 48_000
_WINDOW = 10 * _RATE
_FFT, _HOP, _BANDS = 1024, 480, 64
_LOW_HZ, _HIGH_HZ = 50, 14_000
_MOST_TOKENS = 77
_TEXT_EPS = 1e-5
"""Value of RoBERTa; the default of transformers for CLAP is 1e-12."""
_CAPTIONS_AT_ONCE = 16
_CODE = 1
"""Version of the code in this file, for `Judge.version`."""

_LEFT_OUT = re.compile(
    r"audio_branch\.(spectrogram_extractor|logmel_extractor|tscam_conv|head)\..*"  # the front end and the AudioSet head
    r"|audio_branch\..*\.attn_mask"  # computed at run time
    r"|(text|audio)_transform\..*"  # used only in training
    r"|attn_mask"
)
_RENAMED = (  # in this order
    (r"^text_branch\.", "text_model."),
    (r"^audio_branch\.", "audio_model.audio_encoder."),
    (r"\.bn0\.", ".batch_norm."),
    (r"\.attn\.proj\.", ".attention.output.dense."),
    (r"\.attn\.", ".attention.self."),
    (r"\.mlp\.fc1\.", ".intermediate.dense."),
    (r"\.mlp\.fc2\.", ".output.dense."),
    (r"\.norm1\.", ".layernorm_before."),
    (r"\.norm2\.", ".layernorm_after."),
    (r"_projection\.0\.", "_projection.linear1."),
    (r"_projection\.2\.", "_projection.linear2."),
)
_COMPUTED = ("position_ids", "token_type_ids", "relative_position_index", "num_batches_tracked")


class ClapJudge:
    """Gives `embeddings` [W, 512] of length 1 for every 10 s; the last window ends with the clip."""

    name = "clap_laion"

    def __init__(self, weights: Fetched):
        self.version = f"{weights.sha256[:16]}-{_CODE}"
        self.checkpoint = f"LAION CLAP {weights.label}"
        self._weights = weights

    @property
    def can_read(self) -> bool:
        """Whether there is a tokenizer, so that captions can be scored."""
        return _find_tokenizer(self._weights.path) is not None

    def analyze(self, audio: np.ndarray, *, device: str = "cpu") -> JudgeOutput:
        """Analyse a clip; see `Judge`.

        Raises:
            UserError: the weights are missing or have changed since they were fetched.
        """
        import torch

        model = load(self._weights.verified(), device=device)
        cuts = windows(resample(audio, own_rate=SAMPLE_RATE, sample_rate=_RATE))
        with torch.inference_mode():
            pictures = log_mel(cuts)[:, None].to(device).split(windows_at_once(device))
            found = [model.get_audio_features(part).pooler_output for part in pictures]
        return {"embeddings": torch.cat(found).cpu().numpy()}

    def read(self, captions: Sequence[str]) -> np.ndarray:
        """Embeddings [n, 512] of length 1, one for each caption, computed on the CPU, which suffices for short texts.

        Raises:
            UserError: as in `analyze`, or there is no tokenizer.
        """
        import torch

        path = self._weights.verified()
        model, tokenizer = load(path), load_tokenizer(tokenizer_folder(path))
        found = []
        for start in range(0, len(captions), _CAPTIONS_AT_ONCE):
            tokens = tokenizer(
                list(captions[start : start + _CAPTIONS_AT_ONCE]),
                padding=True,
                truncation=True,
                max_length=_MOST_TOKENS,
                return_tensors="pt",
            )
            with torch.inference_mode():
                found.append(model.get_text_features(tokens["input_ids"], tokens["attention_mask"]).pooler_output)
        return torch.cat(found).numpy()


class ClapMatch:
    """`clap_laion`."""

    equal_n = False

    def __init__(self, judge: ClapJudge):
        self._judge = judge
        self._read: dict[str, np.ndarray] = {}
        self.info = MetricInfo(
            name="clap_laion",
            title="Match with the caption (CLAP)",
            description=(
                f"CLAP score: cosine between the embeddings of caption and clip, mean over windows of 10 s "
                f"({judge.checkpoint})"
            ),
            unit="",
            better="higher",
            at_least=-1.0,
            at_most=1.0,
        )

    def prepare(self, clips: Sequence[Features], *, reference: Sequence[Features]) -> Functional:
        if new := sorted({clip.caption for clip in clips if clip.caption} - self._read.keys()):
            self._read.update(zip(new, self._judge.read(new), strict=True))
        values = np.array([self._match(clip) for clip in clips])
        if not np.isfinite(values).any():
            raise NotApplicableError("no caption was given")
        return WeightedMean(values)

    def _match(self, clip: Features) -> float:
        """The score of a clip; NaN without a caption."""
        if not clip.caption:
            return float("nan")
        return float((clip.outputs[self._judge.name]["embeddings"] @ self._read[clip.caption]).mean())


def windows(audio: np.ndarray) -> np.ndarray:
    """[N] audio at 48 kHz to [W, 480 000]."""
    if len(audio) < _WINDOW:
        whole = np.tile(audio, _WINDOW // len(audio))
        return np.pad(whole, (0, _WINDOW - len(whole)))[None]
    starts = [*range(0, len(audio) - _WINDOW, _WINDOW), len(audio) - _WINDOW]
    return np.stack([audio[start : start + _WINDOW] for start in starts])


def log_mel(cuts: np.ndarray) -> Tensor:
    """[W, N] audio at 48 kHz to [W, T, F]: decibels of mel power of centred periodic Hann windows."""
    import torch

    audio = torch.from_numpy(np.ascontiguousarray(cuts, dtype=np.float32))
    spectrum = torch.stft(
        audio, _FFT, _HOP, window=torch.hann_window(_FFT), center=True, pad_mode="reflect", return_complex=True
    )
    power = torch.view_as_real(spectrum).square().sum(-1)
    return 10 * torch.log10((power.transpose(1, 2) @ torch.from_numpy(_mel_filters())).clamp(min=1e-10))


@cache
def _mel_filters() -> np.ndarray:
    """[513, 64], on Slaney's scale and of Slaney's height."""
    filters = import_librosa().filters.mel(sr=_RATE, n_fft=_FFT, n_mels=_BANDS, fmin=_LOW_HZ, fmax=_HIGH_HZ)
    return np.ascontiguousarray(filters.T)


def tokenizer_folder(path: Path) -> Path:
    """Folder of the tokenizer for a checkpoint: its own folder, or the one fetched under the name `TOKENIZER`.

    Raises:
        UserError: there is no tokenizer.
    """
    if found := _find_tokenizer(path):
        return found
    raise UserError(
        f"{path} comes without a tokenizer (tokenizer.json, or vocab.json and merges.txt); "
        f"run `counterpoint metrics fetch {TOKENIZER}`."
    )


def _find_tokenizer(path: Path) -> Path | None:
    if _has_tokenizer(path):
        return path
    found = fetched(TOKENIZER)
    return found.path if found and found.is_there else None


def _has_tokenizer(folder: Path) -> bool:
    return (folder / "tokenizer.json").is_file() or all(
        (folder / name).is_file() for name in ("vocab.json", "merges.txt")
    )


@once
def load_tokenizer(folder: Path) -> Any:
    """RoBERTa's tokenizer from a folder.

    Raises:
        UserError: the tokenizer is missing or damaged.
    """
    from transformers import RobertaTokenizer

    if not _has_tokenizer(folder):
        raise UserError(f"{folder} has no tokenizer: neither tokenizer.json nor vocab.json with merges.txt.")
    try:
        return RobertaTokenizer.from_pretrained(folder)
    except Exception as error:  # the tokenizers library raises many kinds
        raise UserError(f"The tokenizer in {folder} cannot be read ({error}); fetch it again.") from None


@once
def load(path: Path, *, device: str = "cpu") -> Any:
    """The model on a device, from LAION's checkpoint or from a folder in the format of transformers.

    Raises:
        UserError: the checkpoint is damaged, not a CLAP checkpoint, or a fused one.
    """
    from transformers import ClapConfig, ClapModel

    config: Any
    if path.is_dir():
        if not (path / CONFIG_FILE).is_file():
            raise UserError(f"{path} has no {CONFIG_FILE}; give a folder in the format of transformers.")
        config = ClapConfig.from_json_file(path / CONFIG_FILE)
        weights = read_weights(path)
    else:
        weights = renamed(_published(path))
        config = _config_of(weights, source=path)
    if config.audio_config.enable_fusion or any(".fusion_model." in name for name in weights):
        raise UserError(f"{path} is a fused CLAP, which processes audio differently; use the unfused one for music.")
    config.text_config.layer_norm_eps = _TEXT_EPS
    with quietly():
        model = read_part(ClapModel, config, weights, source=path, unread=_COMPUTED)
    if extra := sorted(weights.keys() - model.state_dict().keys()):
        raise UserError(f"{path} is not an unfused CLAP of HTSAT and RoBERTa: it has a tensor {extra[0]}.")
    return model.eval().requires_grad_(False).to(device)


def renamed(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """LAION's tensors by transformers' names, without those that inference never reads."""
    found: dict[str, Tensor] = {}
    for key, value in weights.items():
        name = key.removeprefix("module.")
        if _LEFT_OUT.fullmatch(name):
            continue
        for pattern, replacement in _RENAMED:
            name = re.sub(pattern, replacement, name)
        if ".qkv." in name:
            parts = zip(("query", "key", "value"), value.chunk(3), strict=True)
            found.update({name.replace("qkv", part): tensor for part, tensor in parts})
        else:
            found[name] = value
    return found


def _published(path: Path) -> Mapping[str, Tensor]:
    """The state dict in one of LAION's checkpoints, which also hold the state of training."""
    saved = read_pickle(path)
    weights = saved.get("state_dict", saved) if isinstance(saved, dict) else {}
    if not any(str(name).endswith("audio_branch.patch_embed.proj.weight") for name in weights):
        raise UserError(f"{path} is not a CLAP checkpoint with HTSAT; use one published by LAION.")
    return {name: value for name, value in weights.items() if hasattr(value, "shape")}


def _config_of(weights: Mapping[str, Tensor], *, source: Path) -> Any:
    """Sizes read from the tensors, and for the published checkpoint those of HTSAT-base and `roberta-base`."""
    from transformers import ClapConfig

    def size(name: str, axis: int = 0) -> int:
        if name not in weights:
            raise UserError(f"{source} lacks the tensor {name}; fetch it again.")
        return weights[name].shape[axis]

    def count(pattern: str) -> int:
        return len({match[0] for name in weights if (match := re.match(pattern, name))})

    audio, text = "audio_model.audio_encoder", "text_model"
    stages = range(count(rf"{audio}\.layers\.\d+\."))
    heads = [size(f"{audio}.layers.{i}.blocks.0.attention.self.relative_position_bias_table", 1) for i in stages]
    width = size(f"{text}.embeddings.word_embeddings.weight", 1)
    return ClapConfig(
        projection_dim=size("text_projection.linear2.weight"),
        audio_config={
            "patch_embeds_hidden_size": size(f"{audio}.patch_embed.proj.weight"),
            "depths": [count(rf"{audio}\.layers\.{i}\.blocks\.\d+\.") for i in stages],
            "num_attention_heads": heads,
            "hidden_size": size("audio_projection.linear1.weight", 1),
        },
        text_config={
            "vocab_size": size(f"{text}.embeddings.word_embeddings.weight"),
            "hidden_size": width,
            "num_hidden_layers": count(rf"{text}\.encoder\.layer\.\d+\."),
            "num_attention_heads": max(width // 64, 1),  # as in every RoBERTa
            "intermediate_size": size(f"{text}.encoder.layer.0.intermediate.dense.weight"),
            "max_position_embeddings": size(f"{text}.embeddings.position_embeddings.weight"),
        },
    )
