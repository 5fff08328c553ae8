"""All models of the package and below `runs`: their inputs, size and quality."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from counterpoint.config.errors import UserError
from counterpoint.config.files import read_json
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.runs.card import Card, Figure, read_card
from counterpoint.runs.find import RUNS, SHIPPED_MODELS, folders_below, folders_in
from counterpoint.runs.layout import CHECKPOINTS, MODEL_FILE, WEIGHTS_FILE
from counterpoint.runs.weights import count_weights, folder_bytes


@dataclass(frozen=True)
class ListedModel:
    """A model, or a folder that should contain one.

    Attributes:
        name: the name that `--model` takes.
        folder: its folder.
        ships: whether it is part of the package.
        problem: what is wrong with the folder, a sentence; the other fields may then be empty.
        takes: text; chords, melody, drums; and inpainting, if it was trained for it or needs no training.
        codec: the codec of its latents, at `frame_rate` Hz: `num_codebooks` codes, or `latent_dim` channels.
        window_s: the longest music in its training; 0 if unknown.
        step: updates of the newest checkpoint; None for a model published as weights alone.
        weights: number of weights.
        size_bytes: size of the folder.
        card: None if it was not measured.
    """

    name: str
    folder: Path
    ships: bool
    problem: str = ""
    paradigm: str = ""
    takes: tuple[str, ...] = ()
    codec: str = ""
    frame_rate: float = 0.0
    num_codebooks: int = 0
    latent_dim: int = 0
    window_s: float = 0.0
    step: int | None = None
    weights: int = 0
    size_bytes: int = 0
    card: Card | None = None

    @property
    def figures(self) -> Sequence[Figure]:
        """Measures of its quality."""
        return self.card.figures if self.card else ()


def list_models(*, runs: Path = RUNS, shipped: Path = SHIPPED_MODELS) -> list[ListedModel]:
    """The models of the package, then those below `runs`, by name; broken folders are listed with their problem."""
    own = folders_below(runs, MODEL_FILE)
    return [
        *(_listed(folder, name=folder.name, ships=True) for folder in folders_in(shipped)),
        *(_listed(folder, name=folder.relative_to(runs).as_posix(), ships=False) for folder in own),
    ]


def _listed(folder: Path, *, name: str, ships: bool) -> ListedModel:
    try:
        described = read_json(folder / MODEL_FILE)
        model, latent = described["model"], described["latent"]
        weights, step = _weights(folder)
        return ListedModel(
            name,
            folder,
            ships,
            paradigm=model["paradigm"],
            takes=_takes(model),
            codec=latent["codec"],
            frame_rate=float(latent["frame_rate"]),
            num_codebooks=latent["num_codebooks"],
            latent_dim=latent["latent_dim"],
            window_s=float(described.get("segment_s", 0.0)),
            step=step,
            weights=weights,
            size_bytes=folder_bytes(folder),
            card=read_card(folder),
        )
    except UserError as error:
        problem = str(error)
    except OSError as error:
        problem = f"{error.filename or folder} cannot be read: {error.strerror or error}."
    except (KeyError, TypeError, ValueError, AttributeError):
        problem = f"{folder / MODEL_FILE} does not describe a model."
    return ListedModel(name, folder, ships, problem=problem)


def _takes(model: Mapping[str, Any]) -> tuple[str, ...]:
    if model.get("inpainting"):
        fills = ("inpainting",)
    else:
        fills = ("inpainting (zero-shot)",) * bool(PARADIGMS[model["paradigm"]].zero_shot)
    return ("text", *model.get("controls", ()), *fills)


def _weights(folder: Path) -> tuple[int, int | None]:
    """Number of weights and their step, of the moving averages if there are any."""
    if (folder / WEIGHTS_FILE).is_file():
        return count_weights(folder / WEIGHTS_FILE), None
    steps = {
        int(found[1]): path for path in (folder / CHECKPOINTS).glob("step-*") if (found := _STEP.fullmatch(path.name))
    }
    if not steps:
        raise UserError(f"{folder} has no weights: neither {WEIGHTS_FILE} nor a checkpoint.")
    step = max(steps)
    return count_weights(steps[step] / "ema.safetensors"), step


_STEP = re.compile(r"step-(\d+)")
