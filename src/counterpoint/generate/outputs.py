"""Output paths of clips, the files written beside them, and caption files. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from counterpoint.audio.files import WRITABLE, check_audio_output
from counterpoint.config import UserError
from counterpoint.config.paths import check_output_folder, is_file
from counterpoint.config.tables import FILE_KEYS, first_text, read_table
from counterpoint.config.text import check_text, read_text, split_lines
from counterpoint.generate.request import GenerationRequest
from counterpoint.generate.requested import ControlSources

Progress = Callable[[float, float], None]
"""Called with (clips done, total clips); a clip that is being drawn counts in part."""
METADATA_FILE = "metadata.jsonl"
GENERATION_FILE = "generation.json"
ENTROPIES_FILE = "entropies.npy"
"""File with the entropies [n, T] in nats of the first codebook, beside auto-regressive clips (App. I)."""


@dataclass(frozen=True)
class GenerationReport:
    """The cost of some clips.

    Attributes:
        paradigm: paradigm of the model.
        clips: number of clips written.
        audio_s: their total length.
        latency_s: wall time of drawing and decoding, without loading.
        network_evaluations: backbone passes per clip, the greatest number.
        model_evaluations: the same with the rows of guidance: a guided pass counts as two.
        remarks: changes to the controls that a user gave, one sentence each.
    """

    paradigm: str
    clips: int
    audio_s: float
    latency_s: float
    network_evaluations: int
    model_evaluations: int
    remarks: Sequence[str] = field(default_factory=list)

    @property
    def clip_s(self) -> float:
        """Wall time of a clip."""
        return self.latency_s / self.clips


@dataclass(frozen=True)
class Destination:
    """A file for one clip or a folder for any number, which `check_destination` has found to be writable."""

    path: Path
    is_file: bool


def check_destination(
    out: Path, *, request: GenerationRequest, inputs: Sequence[Path | str | None] = ()
) -> Destination:
    """The destination of clips; everything that prevents writing is found before a model is loaded.

    Args:
        out: an audio file for a single clip; a folder otherwise.
        inputs: further files that the command reads; None stands for an option that is not given.

    Raises:
        UserError: a file is given for several clips, or `out` is an input, has an unknown suffix, or contains files
            that no earlier call wrote.
    """
    if isinstance(request.controls, ControlSources):
        inputs = [*inputs, *request.controls.requested().values()]
    if out.suffix.lower() not in WRITABLE:
        check_output_folder(out, inputs=inputs, is_own=partial(_is_own, own=_own_files(out)))
        return Destination(out, is_file=False)
    check_audio_output(out, inputs=inputs)
    if len(request.captions) > 1:
        raise UserError(f"{len(request.captions)} clips do not fit into one file {out}: set --out to a folder.")
    return Destination(out, is_file=True)


def read_captions(caption: str | None, captions_file: Path | None) -> list[str]:
    """The single caption, or those in a text file, one per line.

    Raises:
        UserError: both or neither is given, or the file cannot be read or contains none.
    """
    if (caption is None) == (captions_file is None):
        raise UserError("Give either a caption or --captions FILE.")
    if captions_file is None:
        check_text(caption or "", what="caption")
        return [caption or ""]
    text = read_text(captions_file, what="captions file")
    captions = [line.strip() for line in split_lines(text) if line.strip()]
    if not captions:
        raise UserError(f"{captions_file} contains no caption; write one per line.")
    return captions


def _own_files(folder: Path) -> set[str]:
    """Names of the files that an earlier call wrote into a folder, from its metadata."""
    own = {METADATA_FILE, GENERATION_FILE, ENTROPIES_FILE}
    listing = folder / METADATA_FILE
    if not is_file(folder / GENERATION_FILE) or not is_file(listing):
        return set()
    return own | {first_text(row.values, FILE_KEYS) for row in read_table(listing).rows}


def _is_own(entry: Path, *, own: Collection[str]) -> bool:
    return entry.name in own and is_file(entry)
