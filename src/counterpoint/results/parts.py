"""The files that the steps of a study write into their folders: one type per file, which also reads it.

`evaluations` and `costs` have further parts, whose types come from metrics, models and engines.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field

from counterpoint.analysis.annotation import Annotation
from counterpoint.config import write_json
from counterpoint.results.records import Record, read_record

LATENTS_FILE = "latents.json"
"""A `LatentSpec`: the shape of a codec's latents, with the digest of its weights."""
ALONE = "alone"
"""Folder of a single clip drawn by itself, for its latency, beside the clips of a system."""


class Part(Record):
    """A file in a step's folder."""

    FILE: ClassVar[str]

    @classmethod
    def is_in(cls, folder: Path) -> bool:
        """Whether a step has written it into a folder."""
        return (folder / cls.FILE).is_file()

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the part from a step's folder; see `read_record` for the errors."""
        return read_record(folder / cls.FILE, cls)

    def write(self, folder: Path) -> None:
        """Write it into a step's folder, atomically."""
        write_json(folder / self.FILE, self.model_dump(mode="json"))


class Music(Part):
    """Facts about a dataset, from its `dataset.json`.

    Attributes:
        name: name of the dataset, if it has one.
        kind: "composed" or the way it was ingested.
        rows, hours: by split.
        fingerprint: digest of its rows and audio.
    """

    FILE: ClassVar[str] = "dataset.json"
    name: str = ""
    kind: str = "dataset"
    rows: Mapping[str, int]
    hours: Mapping[str, float]
    fingerprint: str = ""


class Window(Record):
    """A part of a row of a dataset.

    Attributes:
        group: its artist or track.
        start_s: its start in the row's audio.
    """

    id: str
    row: str
    group: str = ""
    split: str = ""
    start_s: float = 0.0
    caption: str = ""


class Prompts(Part):
    """Held-out windows of music, whose audio is in `truth/` beside the file.

    Attributes:
        first: index of the first window among all of the study, if this is a part of them: the clip of window i has the
            seed of `first + i`.
    """

    FILE: ClassVar[str] = "prompts.json"
    duration_s: float
    windows: tuple[Window, ...]
    first: int = 0


class Sample(Part):
    """Clips drawn from a dataset at random, which are in `clips/` beside the file.

    Attributes:
        judged: clips that are evaluated.
        others: further clips, which give the evaluation a scale.
        holds: facts about the dataset, by label.
        music: the dataset's name, kind and fingerprint.
    """

    FILE: ClassVar[str] = "sample.json"
    duration_s: float
    judged: tuple[Window, ...]
    others: tuple[Window, ...]
    holds: Mapping[str, str]
    info: Mapping[str, str]


class Spans(Part):
    """The hidden span of each window: (start, stop) in seconds by id."""

    FILE: ClassVar[str] = "spans.json"
    duration_s: float
    mask_s: float
    margin_s: float
    spans: Mapping[str, tuple[float, float]]


class Reconstruction(Part):
    """Distance between the ground truth and its reconstruction: means over clips by view, in dB.

    Attributes:
        views: `log_spectral_distance_db` and, if the codec keeps phases, `si_snr_db`, by view.
    """

    FILE: ClassVar[str] = "reconstruction.json"
    views: Mapping[str, Mapping[str, float]]


class CodecFacts(Part):
    """Facts about a codec, and its speed.

    Attributes:
        views: "latents" (not quantised) and, if it has codebooks, "codes".
        bits_per_second: bit rate of its codes; None without codebooks.
        numbers_per_second: data rate of its latents.
        perplexity: perplexity of each codebook.
        speed: how many times faster than real time, by task.
    """

    FILE: ClassVar[str] = "codec.json"
    name: str
    fingerprint: str
    sample_rate: int
    frame_rate: float
    num_codebooks: int
    codebook_size: int
    latent_dim: int
    keeps_phase: bool = True
    parameters: int
    bits_per_second: float | None
    numbers_per_second: float
    views: tuple[str, ...]
    perplexity: tuple[float, ...]
    speed: Mapping[str, float]


class Filling(Part):
    """The cost of a system's filled-in spans.

    Attributes:
        method: the method of inpainting.
        seconds_per_clip: time per clip, including the codec.
        model_evaluations: number of network evaluations for a batch, including rows of guidance.
        mean_ending: mean probability that an auto-regressive model gives to the true ends of spans; else None.
    """

    FILE: ClassVar[str] = "inpaint.json"
    method: str
    sampling: Mapping[str, Any] = Field(default_factory=dict)
    seconds_per_clip: float
    model_evaluations: int
    mean_ending: float | None = None


class Choice(Part):
    """The take that was kept for each clip, among those of several systems, and the frequency of each system."""

    FILE: ClassVar[str] = "best.json"
    chosen: Mapping[str, str]
    counts: Mapping[str, int]


class DetectedMusic(Part):
    """Chords, notes and beats in each clip of a report.

    Attributes:
        target: by clip, the annotation of the prompt's own music: exact if the dataset has it, else detected.
        systems: by system, then clip, the detected annotation in the first training run.
    """

    FILE: ClassVar[str] = "heard.json"
    target: Mapping[str, Annotation]
    systems: Mapping[str, Mapping[str, Annotation]]


class Entropies(Part):
    """Entropies of the first codebook's tokens in nats.

    Attributes:
        frame_rate: frame rate in Hz.
        curves: by system, one list per prompt, one value per frame; averaged over training seeds.
    """

    FILE: ClassVar[str] = "entropy.json"
    frame_rate: float
    curves: Mapping[str, tuple[tuple[float, ...], ...]]


class Times(Part):
    """By system, the seconds per clip in each turn, including text and codec."""

    FILE: ClassVar[str] = "times.json"
    systems: Mapping[str, tuple[float, ...]]
