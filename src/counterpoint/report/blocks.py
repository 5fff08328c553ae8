"""The parts of a report: sections of blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from counterpoint.metrics.base import MetricInfo, Score
from counterpoint.report.marks import Mark


@dataclass(frozen=True, kw_only=True)
class System:
    """One source of clips.

    Attributes:
        key: its key in the scores.
        name: its name in text.
        short: a short name for tables and charts.
        what: one sentence on the origin of its clips.
        mark: its mark in charts.
    """

    key: str
    name: str
    what: str
    mark: Mark
    short: str = ""

    @property
    def label(self) -> str:
        return self.short or self.name


@dataclass(frozen=True)
class Fact:
    """One labelled fact about the comparison.

    Attributes:
        gloss: an explanation of a difficult term, in small print.
    """

    label: str
    value: str
    gloss: str = ""


@dataclass(frozen=True)
class Verdict:
    """The answer in plain words.

    Attributes:
        sentence: the answer itself.
        points: supporting findings, a sentence or two each.
        warnings: caveats that a reader must know, such as a system at chance.
    """

    sentence: str
    points: Sequence[str] = ()
    warnings: Sequence[str] = ()


class Block(Protocol):
    """A part of a section. Its `kind` is the name of the template macro that draws it."""

    kind: ClassVar[str]


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of a report under a heading.

    Attributes:
        id: its anchor for links.
        lead: what it shows and how to read it.
        short: its name in the contents, if it differs from the title.
        is_folded: whether it is collapsed; it is always open in print.
        is_listed: whether it is in the contents.
        state: a badge beside the title, such as `supported`.
        is_digest: whether a combined report shows it.
    """

    id: str
    title: str
    blocks: Sequence[Block]
    lead: str = ""
    short: str = ""
    is_folded: bool = False
    is_listed: bool = True
    is_digest: bool = False
    state: str = ""


@dataclass(frozen=True, kw_only=True)
class Report:
    """A whole report.

    Attributes:
        title: the question.
        name: name of the study.
        made: date, for readers.
        facts: facts beside the verdict, at the top.
        sections: in reading order.
        command: command that builds the report again.
        files: further files, by their path in the report.
        folders: further folders, by the text of the link to each.
        terms: words, such as metrics' exact names, that are set as code everywhere.
        kicker: the kind of thing that the name is.
        is_compact: whether small files are preferred to the best sound and sharpest pictures, for a published page.
    """

    title: str
    name: str
    made: str
    verdict: Verdict
    facts: Sequence[Fact]
    sections: Sequence[Section]
    command: str
    files: Mapping[str, str] = field(default_factory=dict)
    terms: Sequence[str] = ()
    kicker: str = "study"
    is_compact: bool = False


@dataclass(frozen=True, kw_only=True)
class Text:
    """Text.

    Attributes:
        title: an optional heading.
        paragraphs: running text; text in backticks is set as code.
        items: a list below it.
        quotes: quotations.
        links: (text, target) below it.
        code: a command.
        is_small: whether it is in small print.
    """

    kind: ClassVar[str] = "text"

    title: str = ""
    paragraphs: Sequence[str] = ()
    items: Sequence[str] = ()
    quotes: Sequence[str] = ()
    links: Sequence[tuple[str, str]] = ()
    code: str = ""
    is_small: bool = False


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Labels and values; or systems with descriptions."""

    kind: ClassVar[str] = "facts"

    facts: Sequence[Fact] = ()
    systems: Sequence[System] = ()


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The variation of a measure between the clips of a system.

    Attributes:
        deviation: standard deviation between clips.
        clips: the values of the clips.
    """

    deviation: float
    clips: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Dots:
    """A chart for each metric, with one row per system: its value and its 95% interval.

    Attributes:
        scores: by metric, then system.
        spreads: variation by metric, then system, drawn behind the scores.
        shown: by metric, keys of the systems in its chart; by default all with a score.
    """

    kind: ClassVar[str] = "dots"

    systems: Sequence[System]
    metrics: Sequence[MetricInfo]
    scores: Mapping[str, Mapping[str, Score]]
    spreads: Mapping[str, Mapping[str, Spread]] = field(default_factory=dict)
    shown: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def rows(self, metric: MetricInfo) -> list[tuple[System, Score]]:
        scores = self.scores.get(metric.name, {})
        wanted = self.shown.get(metric.name)
        return [
            (system, scores[system.key])
            for system in self.systems
            if system.key in scores and (wanted is None or system.key in wanted)
        ]
