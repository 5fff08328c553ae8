"""All codecs of the package and below `runs`: their latents, size and quality of reconstruction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from counterpoint.config.codec_formats import format_of
from counterpoint.config.errors import UserError
from counterpoint.config.files import read_json
from counterpoint.config.weights import CONFIG_FILE, SHIPPED_ALIASES
from counterpoint.package import ROOT
from counterpoint.runs.card import Card, Figure, read_card
from counterpoint.runs.find import RUNS, folders_below, folders_in
from counterpoint.runs.weights import count_weights, folder_bytes

SHIPPED_CODECS = ROOT / "codec" / "weights"
"""The folder `codec.registry.SHIPPED`, whose module needs torch."""
TRAINED = "codec"
"""The folder of the last checkpoint's codec, in a run folder."""
MEASURES_FILE = "measures.json"
_LICENCE = "Apache-2.0"
"""The licence of a codec of the package without a card, which is that of the package."""


@dataclass(frozen=True)
class ListedCodec:
    """A codec, or a folder that should contain one.

    Attributes:
        name: the name that `--codec` takes.
        folder: its folder.
        ships: whether it is part of the package.
        problem: what is wrong with the folder, a sentence; the other fields may then be empty.
        kind: its kind in its configuration.
        sample_rate: sample rate in Hz, like `frame_rate`.
        num_codebooks: 0 without codebooks; `codebook_size` is then 0, too.
        latent_dim: number of channels.
        weights: number of weights.
        size_bytes: size of the folder.
        card: None if it was not measured.
    """

    name: str
    folder: Path
    ships: bool
    problem: str = ""
    kind: str = ""
    sample_rate: int = 0
    frame_rate: float = 0.0
    num_codebooks: int = 0
    codebook_size: int = 0
    latent_dim: int = 0
    weights: int = 0
    size_bytes: int = 0
    card: Card | None = None

    @property
    def figures(self) -> Sequence[Figure]:
        """Measures of its reconstruction."""
        return self.card.figures if self.card else ()


def list_codecs(*, runs: Path = RUNS, shipped: Path = SHIPPED_CODECS) -> list[ListedCodec]:
    """The codecs of the package, then those below `runs`, by name; broken folders are listed with their problem."""
    names = {folder: alias for alias, folder in SHIPPED_ALIASES.items()}
    trained = folders_below(runs, TRAINED)
    return [
        *(_listed(folder, name=names.get(folder.name, folder.name), ships=True) for folder in folders_in(shipped)),
        *(_listed(folder / TRAINED, name=folder.as_posix(), ships=False) for folder in trained),
    ]


def _listed(folder: Path, *, name: str, ships: bool) -> ListedCodec:
    try:
        config = read_json(folder / CONFIG_FILE)
        shape = format_of(config, source=str(folder / CONFIG_FILE)).shape(config)
        files = sorted(folder.glob("*.safetensors"))
        if not files:
            raise UserError(f"{folder} has no weights (a .safetensors file).")
        return ListedCodec(
            name,
            folder,
            ships,
            kind=config.get("model_type") or config["_class_name"],
            **asdict(shape),
            weights=sum(map(count_weights, files)),
            size_bytes=folder_bytes(folder),
            card=_card(folder, ships=ships),
        )
    except UserError as error:
        problem = str(error)
    except OSError as error:
        problem = f"{error.filename or folder} cannot be read: {error.strerror or error}."
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError):
        problem = f"{folder / CONFIG_FILE} does not describe a codec."
    return ListedCodec(name, folder, ships, problem=problem)


def _card(folder: Path, *, ships: bool) -> Card | None:
    """The card, with the figures of `measures.json` before those of the card itself."""
    card, measured = read_card(folder), _measured(folder)
    if card is None and not measured:
        return None
    card = card or Card(licence=_LICENCE if ships else "")
    return Card(card.licence, card.recipe, (*measured, *card.figures))


def _measured(folder: Path) -> list[Figure]:
    path = folder / MEASURES_FILE
    if not path.is_file():
        return []
    found = read_json(path)
    clips = found.get("held_out_clips")
    return [
        Figure(f"{measure} from {view}", float(value), n=clips, what="mean over held-out clips")
        for view in ("latents", "codes")
        for measure, value in found.get(view, {}).items()
        if isinstance(value, int | float)
    ]
