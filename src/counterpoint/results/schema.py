"""`results.json`: all that a finished study found.

Every section holds parts of one type by the name of the step that wrote them, so that nothing that a step found gets
lost on the way to a report, a claim or a user. Besides, `systems` says what was judged, and `examples` which clips a
report lets people hear. Paths are relative to the folder of the study, which `Results.path` resolves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, PrivateAttr

from counterpoint.config import LatentSpec, write_json
from counterpoint.metrics import Difference, Evaluation, MetricInfo, Score
from counterpoint.metrics.result import ANOTHER_CLIP, GROUND_TRUTH
from counterpoint.results.copies import Copies
from counterpoint.results.costs import Generation, Model, Speed
from counterpoint.results.learned import EXAMINES, Learned
from counterpoint.results.listening import ListeningResults
from counterpoint.results.parts import (
    Choice,
    CodecFacts,
    Entropies,
    Filling,
    Heard,
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
"""Floors as systems: one half of the reference against the other, and clips that follow another prompt."""
Origin = Literal["truth", "codec", "model", "untrained", "trivial", "shipped", "anchor", "outside", "floor"]


class System(Record):
    """One source of clips that was judged.

    Attributes:
        key: as in the scores.
        name, short: for people; the second where there is little room.
        what: where its clips come from, a sentence.
        origin: "truth", the music itself; "codec", the music through a codec; "model", trained by the study;
            "untrained"; "trivial", made without a network; "shipped", a model of this package; "anchor", what cannot
            fit; "outside", another's clips; "floor", no clips at all.
        paradigm: of its model; "" without one.
        model: the step that trained its model, or the name of the model that ships.
        labels: where it lies in a grid, by axis.
        given: the controls that it was given.
        prompts: the step of the prompts that it answers.
        clips: folders, one a training seed; clip `id` is `CLIPS/ID.wav`.
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
        id: of the prompt's window.
        prompts: the step of the prompts, among which the id is the only one of its kind.
        caption: "" for an unconditional prompt.
        clips: a wav file by system.
        span_s: start and stop of what the systems filled in; None where they made the whole clip.
    """

    id: str
    prompts: str
    caption: str
    clips: Mapping[str, str]
    span_s: tuple[float, float] | None = None


class Results(Record):
    """What a finished study found; each mapping is by step, if nothing else is said.

    Attributes:
        systems: by key, in the order of tables.
        examples: spread evenly over the prompts, not chosen by ear.
        music: the datasets.
        samples: clips drawn from datasets.
        prompts: held-out windows.
        latents: of the codecs that models speak.
        codecs: what the codecs of a reconstruction study are.
        models: trained ones; those of further training seeds as `NAME@SEED`.
        learned: what trained models have learned, by the step that examined them; see `Results.examined`.
        copies: how near clips lie to the training music.
        references: the music that distances are to, by the step that judged.
        generations: what clips cost.
        fillings: what spans cost.
        evaluations: scores, floors and differences, of whatever was judged.
        heard: chords, notes and beats of clips that a report shows.
        speed: timed points of sampling.
        listening: what people said, by the name of the listening test; each is an evaluation, too.
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
    heard: Mapping[str, Heard] = Field(default_factory=dict)
    entropies: Mapping[str, Entropies] = Field(default_factory=dict)
    times: Mapping[str, Times] = Field(default_factory=dict)
    searches: Mapping[str, SearchResult] = Field(default_factory=dict)
    speed: Mapping[str, Speed] = Field(default_factory=dict)
    listening: Mapping[str, ListeningResults] = Field(default_factory=dict)
    _folder: Path = PrivateAttr(default=Path())

    def at(self, folder: Path) -> Results:
        """The same, of the study that lies in `folder`."""
        self._folder = folder
        return self

    @property
    def folder(self) -> Path:
        """Where the study lies."""
        return self._folder

    def path(self, relative: str) -> Path:
        """A path of these results, from where the process runs."""
        return self._folder / relative

    def seconds(self, step: str) -> float:
        """Wall time of a step; 0 of what was no step, such as a user's dataset."""
        record = self.provenance.steps.get(step)
        return record.seconds if record else 0.0

    def peak_memory(self, step: str) -> int | None:
        """Largest resident size of the process while the step ran; None where it is not known."""
        record = self.provenance.steps.get(step)
        return record.peak_memory_bytes if record else None

    def examined(self, model: str) -> Learned | None:
        """What a model has learned, by the step that trained it; None where that was not found out."""
        return self.learned.get(f"{EXAMINES}{model}")

    def judged(self, *steps: str) -> Judged:
        """What the evaluations found, of those steps or of all, as one table."""
        return Judged({step: self.evaluations[step] for step in (steps or self.evaluations)})

    def write(self, folder: Path) -> Path:
        """Write `results.json` into the folder of the study."""
        write_json(folder / RESULTS_FILE, self.model_dump(mode="json"))
        return folder / RESULTS_FILE


class Judged:
    """Evaluations as one table: metrics, scores by metric and system, differences.

    The halves of the reference and clips that follow another prompt are systems of their own, `HALVES` and `OTHER`; the
    ground truth, against what is truly played, is `TRUTH`. Where several evaluations know a system by one name in one
    metric, as those of different durations know the ground truth, the end of the step's name is added to it:
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
        """Metrics that say better or worse."""
        return [info for info in self.metrics.values() if info.better != "neither"]

    @property
    def descriptions(self) -> list[MetricInfo]:
        """Metrics that only describe."""
        return [info for info in self.metrics.values() if info.better == "neither"]

    @property
    def systems(self) -> list[str]:
        """All that have a score."""
        return list(dict.fromkeys(system for of_metric in self.scores.values() for system in of_metric))

    def score(self, metric: str, system: str) -> Score | None:
        return self.scores.get(metric, {}).get(system)

    def difference(self, metric: str, first: str, second: str) -> Difference | None:
        """`first` minus `second`, whichever way round it was tested; None where it was not."""
        found = self._tested.get((metric, first, second))
        turned = self._tested.get((metric, second, first))
        return found or (turned.reversed() if turned else None)


def _rows(evaluation: Evaluation) -> Iterator[tuple[str, str, Score]]:
    """(metric, system, score), with the floors as systems.

    A distance's floor is that of two halves of the reference; what is no distance has the ground truth itself there,
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
    """(metric, system) that several evaluations have."""
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
