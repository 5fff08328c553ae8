"""`results.json`: all results of a finished study.

Every section holds parts of one type by the name of the step that wrote them, so that nothing gets lost between a step
and a report, a claim or a user. In addition, `systems` describes the evaluated systems, and `examples` lists the clips
that a report plays. Paths are relative to the folder of the study, which `Results.path` resolves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, PrivateAttr

from counterpoint.config import LatentSpec, write_json
from counterpoint.generate.outputs import GenerationReport
from counterpoint.metrics import Difference, Evaluation, MetricInfo, Score
from counterpoint.metrics.result import ANOTHER_CLIP, GROUND_TRUTH
from counterpoint.results.copies import Copies
from counterpoint.results.costs import Generation, Model, Speed
from counterpoint.results.learned import EXAMINES, Learned
from counterpoint.results.listening import ListeningResults
from counterpoint.results.parts import (
    Choice,
    CodecFacts,
    DetectedMusic,
    Entropies,
    Filling,
    Music,
    Prompts,
    Reconstruction,
    Sample,
    Spans,
    Times,
)
from counterpoint.results.records import (
    RESULTS_FILE,
    SCHEMA_VERSION,
    Provenance,
    Record,
    StudyInfo,
    parse_results,
)
from counterpoint.results.reference import Reference
from counterpoint.results.search import SearchResult

TRUTH = "ground_truth"
HALVES, OTHER = "reference_halves", "another_clip"
"""Floors as systems: one half of the reference against the other, and the clips of another prompt."""
Origin = Literal["truth", "codec", "model", "untrained", "trivial", "shipped", "anchor", "outside", "floor"]


class System(Record):
    """One evaluated source of clips.

    Attributes:
        key: its key in the scores.
        name, short: its name in text, and a shorter one for tables.
        what: the origin of its clips, a sentence.
        origin: "truth", the true music; "codec", the music through a codec; "model", trained by the study;
            "untrained", a model before its training (in results of earlier versions); "trivial", drawn without a
            network; "shipped", a model of this package; "anchor", an unsuitable clip; "outside", clips from
            elsewhere; "floor", a floor without clips.
        paradigm: the paradigm of its model; "" without one.
        model: the step that trained its model, or the name of a model of the package.
        labels: its coordinates in a grid, by axis.
        given: the controls that it received.
        prompts: the step of its prompts.
        clips: folders, one per training seed; clip `id` is `CLIPS/ID.wav`.
    """

    key: str
    name: str
    short: str = ""
    what: str = ""
    origin: Origin = "model"
    paradigm: str = ""
    model: str = ""
    labels: Mapping[str, str] = Field(default_factory=dict)
    given: tuple[str, ...] = ()
    prompts: str = ""
    clips: tuple[str, ...] = ()


class Example(Record):
    """A prompt and its clips.

    Attributes:
        id: id of the prompt's window.
        prompts: the step of the prompts, within which the id is unique.
        caption: "" for an unconditional prompt.
        clips: a wav file by system.
        span_s: start and stop of the filled-in span; None for entirely generated clips.
    """

    id: str
    prompts: str
    caption: str
    clips: Mapping[str, str]
    span_s: tuple[float, float] | None = None


class Results(Record):
    """The results of a finished study; mappings are by step unless stated otherwise.

    Attributes:
        systems: by key, in the order of tables.
        examples: spread evenly over the prompts, not selected by listening.
        music: facts about the datasets.
        samples: clips drawn from datasets.
        prompts: held-out windows.
        latents: latents of the codecs that models use.
        codecs: facts about the codecs of a reconstruction study.
        models: trained models; those of further training seeds as `NAME@SEED`.
        learned: examinations of trained models, by the step that examined them; see `Results.examined`.
        copies: distances of clips to the training music.
        references: the reference music of distances, by the step that evaluated.
        generations: costs of clips.
        fillings: costs of filled-in spans.
        evaluations: scores, floors and differences of every kind.
        heard: chords, notes and beats of the clips in a report.
        speed: timed points of sampling.
        listening: ratings, by the name of the listening test; each is also an evaluation.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    study: StudyInfo
    provenance: Provenance
    systems: Mapping[str, System] = Field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    music: Mapping[str, Music] = Field(default_factory=dict)
    samples: Mapping[str, Sample] = Field(default_factory=dict)
    prompts: Mapping[str, Prompts] = Field(default_factory=dict)
    spans: Mapping[str, Spans] = Field(default_factory=dict)
    latents: Mapping[str, LatentSpec] = Field(default_factory=dict)
    reconstructions: Mapping[str, Reconstruction] = Field(default_factory=dict)
    codecs: Mapping[str, CodecFacts] = Field(default_factory=dict)
    models: Mapping[str, Model] = Field(default_factory=dict)
    learned: Mapping[str, Learned] = Field(default_factory=dict)
    copies: Mapping[str, Copies] = Field(default_factory=dict)
    references: Mapping[str, Reference] = Field(default_factory=dict)
    generations: Mapping[str, Generation] = Field(default_factory=dict)
    fillings: Mapping[str, Filling] = Field(default_factory=dict)
    choices: Mapping[str, Choice] = Field(default_factory=dict)
    evaluations: Mapping[str, Evaluation] = Field(default_factory=dict)
    heard: Mapping[str, DetectedMusic] = Field(default_factory=dict)
    entropies: Mapping[str, Entropies] = Field(default_factory=dict)
    times: Mapping[str, Times] = Field(default_factory=dict)
    searches: Mapping[str, SearchResult] = Field(default_factory=dict)
    speed: Mapping[str, Speed] = Field(default_factory=dict)
    listening: Mapping[str, ListeningResults] = Field(default_factory=dict)
    _folder: Path = PrivateAttr(default=Path())

    def at(self, folder: Path) -> Results:
        """The same results for the study in `folder`."""
        self._folder = folder
        return self

    @property
    def folder(self) -> Path:
        """The folder of the study."""
        return self._folder

    def path(self, relative: str) -> Path:
        """A path of these results, relative to the working directory."""
        return self._folder / relative

    def seconds(self, step: str) -> float:
        """Wall time of a step; 0 for a source such as a user's dataset."""
        record = self.provenance.steps.get(step)
        return record.seconds if record else 0.0

    def peak_memory(self, step: str) -> int | None:
        """Peak resident memory of the process during a step; None if it is unknown."""
        record = self.provenance.steps.get(step)
        return record.peak_memory_bytes if record else None

    def cost(self, system: str) -> GenerationReport:
        """The cost of a system's clips, of its first training seed."""
        return self.generations[f"generate_{system}"].report

    def examined(self, model: str) -> Learned | None:
        """The examination of a model, by the step that trained it; None if it was not examined."""
        return self.learned.get(f"{EXAMINES}{model}")

    def judged(self, *steps: str) -> Judged:
        """The evaluations of the given steps, or of all, as one table."""
        return Judged({step: self.evaluations[step] for step in (steps or self.evaluations)})

    def write(self, folder: Path) -> Path:
        """Write `results.json` into the folder of the study."""
        write_json(folder / RESULTS_FILE, self.model_dump(mode="json"))
        return folder / RESULTS_FILE


class Judged:
    """Evaluations as one table: metrics, scores by metric and system, differences.

    The halves of the reference and the clips of another prompt are the systems `HALVES` and `OTHER`; the ground truth,
    compared with its exact annotation, is `TRUTH`. If several evaluations have a score of one system in one metric, as
    those of different durations have of the ground truth, the end of the step's name is appended to its name:
    `ground_truth_5s`.

    Attributes:
        metrics: by name, in order.
        scores: by metric, then system.
        differences: in order.
    """

    def __init__(self, evaluations: Mapping[str, Evaluation]):
        self.evaluations = evaluations
        self.metrics: dict[str, MetricInfo] = {}
        self.scores: dict[str, dict[str, Score]] = {}
        self.differences: list[Difference] = []
        self._tested: dict[tuple[str, str, str], Difference] = {}
        twice = _known_twice(evaluations)
        for step, evaluation in evaluations.items():
            self._add(evaluation, suffix=f"_{step.rpartition('_')[2]}", renamed=twice)

    def _add(self, evaluation: Evaluation, *, suffix: str, renamed: frozenset[tuple[str, str]]) -> None:
        def name(metric: str, system: str) -> str:
            return f"{system}{suffix}" if (metric, system) in renamed else system

        for metric, system, score in _rows(evaluation):
            self.scores.setdefault(metric, {})[name(metric, system)] = score
        for info in evaluation.metrics:
            if info.name in self.scores:
                self.metrics.setdefault(info.name, info)
        for item in evaluation.differences:
            first, second = (name(item.metric, system) for system in (item.first, item.second))
            self.differences.append(item.between(first, second))
            self._tested[item.metric, first, second] = self.differences[-1]

    @property
    def judges(self) -> list[MetricInfo]:
        """Metrics with a better direction."""
        return [info for info in self.metrics.values() if info.better != "neither"]

    @property
    def descriptions(self) -> list[MetricInfo]:
        """Metrics that only describe."""
        return [info for info in self.metrics.values() if info.better == "neither"]

    @property
    def systems(self) -> list[str]:
        """All systems with a score."""
        return list(dict.fromkeys(system for of_metric in self.scores.values() for system in of_metric))

    def score(self, metric: str, system: str) -> Score | None:
        return self.scores.get(metric, {}).get(system)

    def difference(self, metric: str, first: str, second: str) -> Difference | None:
        """`first` minus `second`, in whichever order it was tested; None if it was not tested."""
        found = self._tested.get((metric, first, second))
        turned = self._tested.get((metric, second, first))
        return found or (turned.reversed() if turned else None)


def _rows(evaluation: Evaluation) -> Iterator[tuple[str, str, Score]]:
    """(metric, system, score), with the floors as systems.

    The floor of a distance is that of two halves of the reference; for other metrics it is the ground truth itself,
    which only replaces a score of the ground truth against itself.
    """
    follows_prompts = ANOTHER_CLIP in evaluation.floors
    floors = {ANOTHER_CLIP: OTHER, GROUND_TRUTH: TRUTH if follows_prompts else HALVES}
    known = {metric for of_system in evaluation.scores.values() for metric in of_system}
    for system, of_system in evaluation.scores.items():
        for metric, score in of_system.items():
            if not (follows_prompts and system == TRUTH):
                yield metric, system, score
    for floor, of_floor in evaluation.floors.items():
        for metric, score in of_floor.items():
            if metric in known and (follows_prompts or score.per_clip is None):
                yield metric, floors[floor], score


def _known_twice(evaluations: Mapping[str, Evaluation]) -> frozenset[tuple[str, str]]:
    """(metric, system) that occur in several evaluations."""
    seen: set[tuple[str, str]] = set()
    twice: set[tuple[str, str]] = set()
    for evaluation in evaluations.values():
        found = {(metric, system) for metric, system, _ in _rows(evaluation)}
        twice |= found & seen
        seen |= found
    return frozenset(twice)


def read_results(folder: Path) -> Results:
    """The results of the finished study in `folder`.

    Raises:
        UserError: it is not finished, or another version of this package wrote it.
    """
    return parse_results(folder / RESULTS_FILE, Results).at(folder)
