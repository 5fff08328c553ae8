"""What a report is made of: sections of blocks."""

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
        key: as in the scores.
        name: for people.
        short: for people, where there is little room.
        what: one sentence on where its clips come from.
        mark: its look.
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
    """One line of what was compared.

    Attributes:
        gloss: what a reader may stumble over, explained in small print.
    """

    label: str
    value: str
    gloss: str = ""


@dataclass(frozen=True)
class Verdict:
    """The answer in plain words.

    Attributes:
        sentence: the answer itself.
        points: what goes with it, a sentence or two each.
        warnings: what a reader must know before believing it, such as a system that is at chance.
    """

    sentence: str
    points: Sequence[str] = ()
    warnings: Sequence[str] = ()


class Block(Protocol):
    """A part of a section. Its `kind` is the name of the macro of the page template that draws it."""

    kind: ClassVar[str]


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of a report under a heading.

    Attributes:
        id: for links to it.
        lead: what one sees in it and how to read it.
        short: its name in the contents, where that is not the title.
        is_folded: opened by a click, and always open in print.
        is_listed: in the contents.
        state: a badge beside the title, such as `supported`.
        is_digest: a report of several reports shows it of this one.
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
        name: of the study.
        made: when, for people.
        facts: beside the verdict, at the top.
        sections: in reading order.
        command: makes the report again.
        files: further files to ship, by their path in the report.
        folders: further folders that were put into the report, by the name of the link to each.
        terms: words, such as metrics' exact names, that are set as code wherever they occur.
        kicker: what the name is the name of.
        is_compact: small files rather than the best sound and sharpest pictures: for a page that is published.
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
    """Words.

    Attributes:
        title: a heading of its own.
        paragraphs: of running text; what stands in backticks is set as code.
        items: a list below it.
        quotes: set apart as another's words.
        links: (text, target) below it.
        code: a command, as it is typed.
        is_small: in small print.
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
    """Labels and values; or systems with what each of them is."""

    kind: ClassVar[str] = "facts"

    facts: Sequence[Fact] = ()
    systems: Sequence[System] = ()


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How a measure varies between the clips of a system.

    Attributes:
        deviation: standard deviation between clips.
        clips: the values themselves.
    """

    deviation: float
    clips: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Dots:
    """A chart for each metric: one row a system, its value and its 95% interval.

    Attributes:
        scores: by metric, then system.
        spreads: the same, drawn behind the scores.
        shown: by metric, keys of the systems of its chart; by default all that have a score.
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
