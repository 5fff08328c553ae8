"""Every codec that ships or was trained below `runs`: its latents, its size, and how it reconstructs."""

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
"""As `codec.registry.SHIPPED`, which needs torch."""
TRAINED = "codec"
"""The codec of the last checkpoint, in a run folder."""
MEASURES_FILE = "measures.json"
_LICENCE = "Apache-2.0"
"""The licence of a codec that ships without a card, which is that of the package."""


@dataclass(frozen=True)
class ListedCodec:
    """A codec, or a folder that should hold one.

    Attributes:
        name: that `--codec` takes.
        folder: where it lies.
        ships: with the package.
        problem: what is wrong with the folder, in a sentence; then the rest may be empty.
        kind: as its configuration names it.
        sample_rate: Hz, as `frame_rate`.
        num_codebooks: 0 where it has none, and then so is `codebook_size`.
        latent_dim: channels.
        weights: how many numbers.
        size_bytes: of the folder.
        card: None: not measured.
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
        """How it reconstructs."""
        return self.card.figures if self.card else ()


def list_codecs(*, runs: Path = RUNS, shipped: Path = SHIPPED_CODECS) -> list[ListedCodec]:
    """Those that ship, then those below `runs`, each by name; a broken folder is listed with what is wrong with it."""
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
            raise UserError(f"{folder} has no weights: no file of safetensors.")
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
    """The card, with what `measures.json` says before the figures of the card itself."""
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
