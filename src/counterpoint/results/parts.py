"""What the steps of a study write into their folders: one type a file, which the same type reads back.

`evaluations` and `costs` have the further parts, whose types come from judges, models and engines.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field

from counterpoint.analysis.annotation import Annotation
from counterpoint.config import read_json, write_json
from counterpoint.results.records import Record

LATENTS_FILE = "latents.json"
"""A `LatentSpec`: the shape of a codec's latents, with the digest of its weights."""
ALONE = "alone"
"""Folder of a single clip drawn by itself, for its latency, beside the clips of a system."""


class Part(Record):
    """A file of a step's folder."""

    FILE: ClassVar[str]

    @classmethod
    def is_in(cls, folder: Path) -> bool:
        """Whether a step has written it there."""
        return (folder / cls.FILE).is_file()

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The part that lies in a step's folder."""
        return cls.model_validate(read_json(folder / cls.FILE))

    def write(self, folder: Path) -> None:
        """Write it into a step's folder, atomically."""
        write_json(folder / self.FILE, self.model_dump(mode="json"))


class Music(Part):
    """A dataset in numbers, by the `dataset.json` beside it.

    Attributes:
        name: of the dataset, where it has one.
        kind: "composed" or how it was ingested.
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
        group: the artist or track it comes from.
        start_s: where in the row's audio it begins.
    """

    id: str
    row: str
    group: str = ""
    split: str = ""
    start_s: float = 0.0
    caption: str = ""


class Prompts(Part):
    """Held-out windows of music, whose audio lies in `truth/` beside the file.

    Attributes:
        first: place of the first window among all of the study, where this is a part of them: window i is answered with
            the seed of `first + i`.
    """

    FILE: ClassVar[str] = "prompts.json"
    duration_s: float
    windows: tuple[Window, ...]
    first: int = 0


class Sample(Part):
    """Clips drawn from a dataset at random; they lie in `clips/` beside the file.

    Attributes:
        judged: clips that are judged.
        others: further ones, by which judges know what is usual.
        holds: what the dataset holds, in words, by label.
        music: the dataset's name, kind and fingerprint.
    """

    FILE: ClassVar[str] = "sample.json"
    duration_s: float
    judged: tuple[Window, ...]
    others: tuple[Window, ...]
    holds: Mapping[str, str]
    info: Mapping[str, str]


class Spans(Part):
    """Which span of each window is hidden: (start, stop) in seconds by id."""

    FILE: ClassVar[str] = "spans.json"
    duration_s: float
    mask_s: float
    margin_s: float
    spans: Mapping[str, tuple[float, float]]


class Reconstruction(Part):
    """How far the ground truth is from itself through the codec: means over clips by view, in dB.

    Attributes:
        views: `log_spectral_distance_db` and, where the codec keeps phases, `si_snr_db`, by view.
    """

    FILE: ClassVar[str] = "reconstruction.json"
    views: Mapping[str, Mapping[str, float]]


class CodecFacts(Part):
    """What a codec is, and how fast.

    Attributes:
        views: "latents" (not quantised) and, where it has codebooks, "codes".
        bits_per_second: of its codes; None without codebooks.
        numbers_per_second: of its latents.
        perplexity: of each codebook.
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
    """What the spans of a system cost.

    Attributes:
        method: by which spans are filled in.
        seconds_per_clip: with the codec.
        model_evaluations: of the network for a batch; rows of guidance count.
        mean_ending: how sure an auto-regressive model is, on average, that its spans end where they do; else None.
    """

    FILE: ClassVar[str] = "inpaint.json"
    method: str
    sampling: Mapping[str, Any] = Field(default_factory=dict)
    seconds_per_clip: float
    model_evaluations: int
    mean_ending: float | None = None


class Choice(Part):
    """Of several systems' takes, the one that was kept of each clip, and how often each system's was."""

    FILE: ClassVar[str] = "best.json"
    chosen: Mapping[str, str]
    counts: Mapping[str, int]


class Heard(Part):
    """What is played in each clip that a report shows.

    Attributes:
        target: by clip, what the prompt's own music plays: exact where the dataset knows it, else as heard.
        systems: by system, then clip, as heard in the first training run.
    """

    FILE: ClassVar[str] = "heard.json"
    target: Mapping[str, Annotation]
    systems: Mapping[str, Mapping[str, Annotation]]


class Entropies(Part):
    """Entropies of the first codebook's tokens, nats.

    Attributes:
        frame_rate: frames a second.
        curves: by system, one list a prompt, one value a frame; the mean over training seeds.
    """

    FILE: ClassVar[str] = "entropy.json"
    frame_rate: float
    curves: Mapping[str, tuple[tuple[float, ...], ...]]


class Times(Part):
    """By system, the seconds that a clip took in each turn, text and codec included."""

    FILE: ClassVar[str] = "times.json"
    systems: Mapping[str, tuple[float, ...]]
