"""The published weights that judges need: the metrics of each, its source and its licence.

Licences are those that the authors state beside the weights. Digests are the ones that many public projects pin;
without a known digest, that of the first fetch is used from then on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from counterpoint.analysis.beats import CHECKPOINT_VARIABLE
from counterpoint.config import UserError
from counterpoint.config.fetched import Fetched, Progress, fetch, fetched

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Checkpoint:
    """Weights that can be fetched.

    Attributes:
        gives: metrics, or another use.
        source: URL or hub id.
        sha256: digest of the file at the source; "" if it is unknown.
        megabytes: size of the download.
        beside: the name of weights that are fetched together with it unless they are present.
        same_as: another name under which the same weights may have been fetched.
        optional: not reported as missing.
        weights: whether to fetch the weights of a hub repository, not only its small files.
    """

    name: str
    gives: tuple[str, ...]
    source: str
    licence: str
    megabytes: int
    check: Callable[[Path], object]
    sha256: str = ""
    beside: str = ""
    same_as: str = ""
    optional: bool = False
    weights: bool = True


def _is_vggish(path: Path) -> object:
    from counterpoint.metrics.judges.vggish import load

    return load(path)


def _is_clap(path: Path) -> object:
    from counterpoint.metrics.judges.clap import load

    return load(path)


def _is_tokenizer(path: Path) -> object:
    from counterpoint.metrics.judges.clap import load_tokenizer

    return load_tokenizer(path)


def _is_audiobox(path: Path) -> object:
    from counterpoint.metrics.judges.audiobox import load

    return load(path)


def _is_beat_this(path: Path) -> object:
    from counterpoint.analysis.beat_this import load

    return load(path)


_VGGISH = "https://github.com/harritaylor/torchvggish/releases/download/v0.1/vggish-10086976.pth"
CHECKPOINTS: tuple[Checkpoint, ...] = (
    Checkpoint("vggish", ("fad_vggish", "fad_inf_vggish"), _VGGISH, "Apache-2.0", 289, _is_vggish),
    Checkpoint(
        "clap",
        ("clap_laion", "fad_clap_laion", "fad_inf_clap_laion", "kad_clap_laion"),
        "https://huggingface.co/lukewys/laion_clap/resolve/main/music_audioset_epoch_15_esc_90.14.pt",
        "CC0-1.0 (hub twin: Apache-2.0)",
        2352,
        _is_clap,
        sha256="fae3e9c087f2909c28a09dc31c8dfcdacbc42ba44c70e972b58c1bd1caf6dedd",
        beside="roberta",
    ),
    Checkpoint("roberta", ("captions for clap",), "FacebookAI/roberta-base", "MIT", 4, _is_tokenizer, weights=False),
    Checkpoint(
        "audiobox",
        ("pq_audiobox", "pc_audiobox", "ce_audiobox", "cu_audiobox"),
        "https://huggingface.co/facebook/audiobox-aesthetics/resolve/main/checkpoint.pt",
        "CC-BY-4.0",
        416,
        _is_audiobox,
        sha256="a4931a7a01c3e6733352e9d85371835f03bf9135f8b31e1583c23538811d4a32",
    ),
    Checkpoint(
        "vggish_fadtk",
        ("fad_vggish_fadtk", "fad_inf_vggish_fadtk"),
        _VGGISH,
        "Apache-2.0",
        289,
        _is_vggish,
        same_as="vggish",
        optional=True,
    ),
    Checkpoint(
        "beat_this",
        ("downbeat_f1_beat_this",),
        "https://cloud.cp.jku.at/public.php/dav/files/7ik4RrBKTS273gp/final0.ckpt",
        "MIT",
        81,
        _is_beat_this,
        sha256="8c328b45f59d8dd3dff219253ff6a8d6482be57d0133a29140e2febbf8eb8331",
        optional=True,
    ),
)


@dataclass(frozen=True)
class Status:
    """The state of one judge.

    Attributes:
        found: whether it can be used.
        checkpoint: the weights that were found, with the beginning of their digest if they were fetched.
        megabytes: size of the weights that are present, or else of the download; None if it is unknown.
        remedy: how to get it.
    """

    name: str
    gives: tuple[str, ...]
    found: bool
    checkpoint: str
    licence: str
    megabytes: float | None
    remedy: str


def get(
    name: str, *, source: str | None = None, sha256: str | None = None, progress: Progress | None = None
) -> Fetched:
    """Fetch the weights of a judge; a local file or folder is used where it lies.

    Args:
        name: one of `CHECKPOINTS`.
        source: another source: a URL, a hub id, or a path.
        sha256: digest of the content; by default the published one, if it is known and the published source is used.
        progress: called with (bytes fetched, total bytes).

    Raises:
        UserError: there is no such judge, or the fetch failed; see `fetch`.
    """
    known = {checkpoint.name: checkpoint for checkpoint in CHECKPOINTS}
    if name == "chordino":
        raise UserError(_chordino().remedy)
    if name not in known:
        raise UserError(f"There is no judge {name!r}; choose one of {', '.join(known)}.")
    wanted = known[name]
    if source is None:
        other = find_weights(wanted.same_as) if wanted.same_as else None
        source = str(other.path) if other else wanted.source
        sha256 = sha256 or wanted.sha256
        if wanted.beside and not find_weights(wanted.beside):
            get(wanted.beside)
    return fetch(name, source, sha256=sha256 or "", weights=wanted.weights, check=wanted.check, progress=progress)


def statuses() -> tuple[Status, ...]:
    """The state of every judge that is not part of the installation."""
    return (*map(_status, CHECKPOINTS), _chordino())


def missing() -> tuple[Checkpoint, ...]:
    """The checkpoints that `evaluate` would use but cannot find."""
    return tuple(wanted for wanted in CHECKPOINTS if not wanted.optional and not find_weights(wanted.name))


def find_weights(name: str) -> Fetched | None:
    """The weights fetched under a name, if they are still present."""
    found = fetched(name)
    return found if found and found.is_there else None


def print_statuses(rows: Sequence[Status], *, console: Console) -> None:
    """Print a table of the judges, with the remedy for each missing one."""
    from rich.table import Table

    table = Table(title="Judges", title_justify="left", show_lines=True)
    table.add_column("judge", no_wrap=True)
    table.add_column("gives", no_wrap=True)
    table.add_column("checkpoint", overflow="fold")
    table.add_column("licence")
    table.add_column("MB", justify="right", no_wrap=True)
    for row in rows:
        size = "" if row.megabytes is None else f"{row.megabytes:.0f}"
        place = row.checkpoint if row.found else "missing"
        table.add_row(row.name, "\n".join(row.gives), place, row.licence, size, style="" if row.found else "dim")
    console.print(table)
    for row in rows:
        if not row.found:
            console.print(f"{row.name}: {row.remedy}", highlight=False, markup=False)


def _status(wanted: Checkpoint) -> Status:
    found = fetched(wanted.name)
    remedy = f"`counterpoint metrics fetch {wanted.name}`"
    place, megabytes = "", float(wanted.megabytes)
    if found and found.is_there:
        place, megabytes = found.label, found.megabytes
    elif found:
        remedy += f", because {found.path} no longer exists"
    if wanted.name == "beat_this" and (named := os.environ.get(CHECKPOINT_VARIABLE)):
        place = f"{named}, from {CHECKPOINT_VARIABLE}"
    return Status(wanted.name, wanted.gives, bool(place), place, wanted.licence, megabytes, remedy)


def _chordino() -> Status:
    from counterpoint.analysis import chordino

    found = chordino.is_installed()
    place = "Vamp plugin nnls-chroma:chordino" if found else ""
    return Status("chordino", ("chord_iou_chordino",), found, place, "GPL-2.0", None, chordino.REMEDY)
