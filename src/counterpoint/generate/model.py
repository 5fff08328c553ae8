"""What `--model` names, loaded: a paradigm, the codec whose latents it speaks, and the length it was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from counterpoint.codec import Codec, load_codec
from counterpoint.config import UserError, read_json
from counterpoint.generate.musicgen import WINDOW_S, is_musicgen, load_musicgen
from counterpoint.generate.run import MODEL_FILE, load_run
from counterpoint.paradigm import Paradigm


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to generate, on the CPU.

    Attributes:
        paradigm: the network.
        codec: turns what it draws into audio.
        window_s: the longest music it was trained on; longer music is made by windows of that length.
    """

    paradigm: Paradigm
    codec: Codec
    window_s: float


def load_model(model: str | Path) -> LoadedModel:
    """A model and the codec whose latents it was trained on.

    Args:
        model: a run folder, its name below `runs`, or a MusicGen checkpoint: a folder or a hub id.

    Raises:
        UserError: no such model, one that is damaged or not supported, or the codec has other weights now.
    """
    run = find_run(model)
    if _is_published(run):
        return LoadedModel(*load_musicgen(str(run)), window_s=WINDOW_S)
    paradigm = load_run(run)
    codec = load_codec(paradigm.latent.codec)
    if paradigm.latent.fingerprint and paradigm.latent.fingerprint != codec.fingerprint:
        raise UserError(
            f"The model {model} was trained on latents of another version of the codec {paradigm.latent.codec!r}; "
            "train it again on latents of the present one."
        )
    # A run from before this was written down is trusted as far as it has positions.
    longest_s = paradigm.max_frames() / paradigm.latent.frame_rate
    return LoadedModel(paradigm, codec, window_s=read_json(run / MODEL_FILE).get("segment_s", longest_s))


def find_run(model: str | Path) -> Path:
    """A run folder, given as a path or as its name below `runs`."""
    path = Path(model)
    below_runs = Path("runs") / path
    return below_runs if not path.exists() and below_runs.exists() else path


def _is_published(path: Path) -> bool:
    """Whether a path stands for another library's checkpoint, or can only be a hub id: OWNER/NAME."""
    if path.is_dir():
        return not (path / MODEL_FILE).is_file() and is_musicgen(path)
    return path.is_file() or (len(path.parts) == 2 and not Path(path.parts[0]).exists())
