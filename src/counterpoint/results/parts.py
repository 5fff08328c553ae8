"""What each step of a study writes into its folder: one type a file, which the same type reads back.

An `Evaluation` of `counterpoint.metrics` is such a part too, whatever it judges: see `write_evaluation`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, TypeAdapter

from counterpoint.analysis.annotation import Annotation
from counterpoint.bench.limits import Limits, load_limits
from counterpoint.bench.run import LIMITS_FILE, POINTS_FILE
from counterpoint.bench.sweep import Measured, read_points
from counterpoint.config import TrainingConfig, load_yaml, read_json, write_json
from counterpoint.generate.sampling import GenerationReport
from counterpoint.metrics import Evaluation
from counterpoint.results.records import Record
from counterpoint.runs.layout import CONFIG_FILE, METRICS_FILE, RESULT_FILE
from counterpoint.training import TrainingResult, read_metrics

EVALUATION_FILE = "evaluation.json"
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


def write_evaluation(evaluation: Evaluation, folder: Path) -> None:
    """Write what a step that judges found into its folder."""
    write_json(folder / EVALUATION_FILE, evaluation.to_json())


def read_evaluation(folder: Path) -> Evaluation:
    """The inverse of `write_evaluation`."""
    return Evaluation.from_json(read_json(folder / EVALUATION_FILE))


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
    group: str
    split: str
    start_s: float
    caption: str


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


class Curve(Record):
    """Losses of a run as (update, loss): on the training examples, and on the validation split."""

    train: tuple[tuple[int, float], ...] = ()
    valid: tuple[tuple[int, float], ...] = ()


class Model(Record):
    """A trained model, by the files of its run folder.

    Attributes:
        config: of the run.
        result: what the training came to and what it cost.
        curve: its losses.
    """

    config: TrainingConfig
    result: TrainingResult
    curve: Curve = Curve()

    @classmethod
    def is_in(cls, folder: Path) -> bool:
        """Whether a training that lies there is done."""
        return (folder / RESULT_FILE).is_file()

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The model that a step trained."""
        lines = read_metrics(folder / METRICS_FILE)
        return cls(
            config=load_yaml(folder / CONFIG_FILE, TrainingConfig),
            result=TypeAdapter(TrainingResult).validate_python(read_json(folder / RESULT_FILE)),
            curve=Curve(
                train=tuple((line["step"], line["loss"]) for line in lines if "loss" in line),
                valid=tuple((line["step"], line["valid_loss"]) for line in lines if "valid_loss" in line),
            ),
        )


class Generation(Part):
    """What the clips of a system cost: all of them in batches, and one alone, by which its latency is known.

    Attributes:
        alone: None where no clip was drawn by itself.
        sampling: in full, plain.
    """

    FILE: ClassVar[str] = "generation.json"
    report: GenerationReport
    alone: GenerationReport | None = None
    sampling: Mapping[str, Any] = Field(default_factory=dict)
    seed: int = 0

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The costs of the clips that a step drew, and of the one in `ALONE`."""
        own = super().read(folder)
        alone = super().read(folder / ALONE).report if cls.is_in(folder / ALONE) else None
        return own.model_copy(update={"alone": alone})


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


class Speed(Record):
    """Points of sampling that were timed, and the ceilings of the device."""

    points: tuple[Measured, ...]
    limits: Limits

    @classmethod
    def is_in(cls, folder: Path) -> bool:
        """Whether points were measured there."""
        return (folder / POINTS_FILE).is_file()

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The points that a step measured."""
        return cls(points=tuple(read_points(folder / POINTS_FILE)), limits=load_limits(folder / LIMITS_FILE))
