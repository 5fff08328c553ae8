"""Audiobox Aesthetics: production quality and complexity, content enjoyment and usefulness, from 1 to 10 (Sec. 4.3).

Network: Tjandra et al., "Meta Audiobox Aesthetics" (arXiv:2502.05139), WavLM with a head for each axis. The model class
comes from the wheel `audiobox_aesthetics`; its predictor needs torchaudio, so the windows are cut here in the same way:
10 s at 16 kHz, with the rest of a clip as a window of its own, weighted by its length.

Shapes: N audio samples, W windows of 10 s.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from counterpoint.audio import resample
from counterpoint.config import UserError, read_json
from counterpoint.config.borrowed import borrow_module, command_for
from counterpoint.config.fetched import Fetched
from counterpoint.config.weights import CONFIG_FILE, read_pickle, read_weights
from counterpoint.metrics.base import Better, Features, Functional, JudgeOutput, MetricInfo, WeightedMean
from counterpoint.metrics.judges.loading import fill, once, windows_at_once
from counterpoint.metrics.signals import SAMPLE_RATE

if TYPE_CHECKING:
    from torch import Tensor

_RATE = 16_000
_WINDOW = 10 * _RATE
_CODE = 1
"""Version of the code in this file, for `Judge.version`."""
_AXES: dict[str, tuple[str, Better]] = {  # in the paper's order
    "PQ": ("production quality: clean, balanced, well recorded", "higher"),
    "PC": ("production complexity: how many sounds occur at once, whether they fit together or not", "higher"),
    "CE": ("content enjoyment: how much listeners like it", "higher"),
    "CU": ("content usefulness: how well it could serve as material for other work", "higher"),
}


class AudioboxJudge:
    """Gives `aesthetics` [4] in the order PQ, PC, CE, CU."""

    name = "audiobox"

    def __init__(self, weights: Fetched):
        self.version = f"{weights.sha256[:16]}-{_CODE}"
        self.checkpoint = f"Audiobox Aesthetics {weights.label}"
        self._weights = weights

    def analyze(self, audio: np.ndarray, *, device: str = "cpu") -> JudgeOutput:
        """Analyse a clip; see `Judge`.

        Raises:
            UserError: the weights are missing or have changed since they were fetched, or the wheel is not installed.
        """
        import torch

        model = load(self._weights.verified(), device=device)
        cuts, lengths = windows(resample(audio, own_rate=SAMPLE_RATE, sample_rate=_RATE))
        mask = torch.arange(_WINDOW) < torch.from_numpy(lengths)[:, None]
        at_once = windows_at_once(device)
        parts = zip(torch.from_numpy(cuts).split(at_once), mask.split(at_once), strict=True)
        with torch.inference_mode():
            found = [model({"wav": wav[:, None].to(device), "mask": own[:, None].to(device)}) for wav, own in parts]
        answers = {axis: torch.cat([part[axis].flatten() for part in found]).tolist() for axis in _AXES}
        scores = [_score(answers[axis], lengths, model.target_transform[axis]) for axis in _AXES]
        return {"aesthetics": np.array(scores, dtype=np.float32)}


class Aesthetic:
    """`pq_audiobox`, `pc_audiobox`, `ce_audiobox` or `cu_audiobox`: the mean over clips.

    Complexity is not a quality by itself, but the paper's tables and claims count more of it as better, as is done
    here.
    """

    equal_n = False

    def __init__(self, judge: AudioboxJudge, axis: str):
        what, better = _AXES[axis]
        self._judge, self._place = judge.name, list(_AXES).index(axis)
        self.info = MetricInfo(
            f"{axis.lower()}_audiobox",
            f"{what}, from 1 to 10 ({judge.checkpoint})",
            "",
            better,
            title=f"{what[:1].upper()}{what[1:]}",
        )

    def prepare(self, clips: Sequence[Features], *, reference: Sequence[Features]) -> Functional:
        return WeightedMean(
            np.array([clip.outputs[self._judge]["aesthetics"][self._place] for clip in clips], dtype=float)
        )


def audiobox_metrics(judge: AudioboxJudge) -> tuple[Aesthetic, ...]:
    return tuple(Aesthetic(judge, axis) for axis in _AXES)


def windows(audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[N] audio at 16 kHz to [W, 160 000], the last one padded with zeros, and the number of audio samples in each."""
    starts = range(0, len(audio), _WINDOW)
    lengths = np.array([min(_WINDOW, len(audio) - start) for start in starts])
    padded = np.pad(audio.astype(np.float32), (0, len(starts) * _WINDOW - len(audio)))
    return padded.reshape(len(starts), _WINDOW), lengths


def _score(answers: Sequence[float], lengths: np.ndarray, target: Mapping[str, float]) -> float:
    """Mean over windows, weighted by length and mapped back from the standardised targets of training."""
    return float(np.average(answers, weights=lengths)) * target["std"] + target["mean"]


@once
def load(path: Path, *, device: str = "cpu") -> Any:
    """The model on a device, from the published `checkpoint.pt` or from a folder with its hub twin's two files.

    Raises:
        UserError: the file is damaged or not an Audiobox Aesthetics checkpoint, or the wheel is not installed.
    """
    import torch

    try:
        # the part of the wheel that needs no torchaudio
        AesMultiOutput = borrow_module("audiobox_aesthetics.model.aes").AesMultiOutput
    except ImportError as error:
        raise UserError(
            f"Reading {path} needs audiobox_aesthetics ({error}); run `{command_for('audiobox_aesthetics')}`."
        ) from None
    try:
        config, targets, weights = _from_folder(path) if path.is_dir() else _from_file(path)
        known = inspect.signature(AesMultiOutput).parameters
        chosen = {name: value for name, value in config.items() if name in known}
        with torch.random.fork_rng(devices=()), warnings.catch_warnings():  # the constructor draws random numbers
            warnings.simplefilter("ignore", FutureWarning)
            model = AesMultiOutput(**{**chosen, "target_transform": targets})
        assert all({"mean", "std"} <= targets[axis].keys() for axis in _AXES)
    except (KeyError, TypeError, AttributeError, ValueError, AssertionError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path} is not an Audiobox Aesthetics checkpoint; use a published one.") from None
    fill(model, weights, source=path, what="Audiobox Aesthetics")
    warnings.filterwarnings("ignore", "Support for mismatched key_padding_mask")  # raised at every call
    return model.to(device)


def _from_file(path: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, Tensor]]:
    """Configuration, statistics of the targets and tensors."""
    saved = read_pickle(path)
    weights = {name.removeprefix("model."): value for name, value in saved["state_dict"].items()}
    return saved["model_cfg"], saved["target_transform"], weights


def _from_folder(path: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, Tensor]]:
    config = read_json(path / CONFIG_FILE)
    return config, config["target_transform"], read_weights(path)
