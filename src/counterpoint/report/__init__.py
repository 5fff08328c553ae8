"""Reports: a title, a verdict, facts and sections of blocks, written as one folder that opens from disk.

A report does not depend on studies: it receives systems, metrics, scores and clips as data, and draws them. Every block
renders HTML; a table also gives CSV, Markdown and LaTeX. `write_report` combines them in one page template.
"""

from counterpoint.report.blocks import Block, Dots, Fact, Facts, Report, Section, Spread, System, Text, Verdict
from counterpoint.report.chart import Chart, Charts, Line, Point
from counterpoint.report.marks import Mark
from counterpoint.report.page import write_report
from counterpoint.report.players import Clip, Example, Players
from counterpoint.report.scores import Differences, Outcome, Scores, apart, judge
from counterpoint.report.tables import Cell, Column, Place, Row, Table, place_of, plain, plain_table
from counterpoint.report.timelines import Timelines

__all__ = [
    "Block",
    "Cell",
    "Chart",
    "Charts",
    "Clip",
    "Column",
    "Differences",
    "Dots",
    "Example",
    "Fact",
    "Facts",
    "Line",
    "Mark",
    "Outcome",
    "Place",
    "Players",
    "Point",
    "Report",
    "Row",
    "Scores",
    "Section",
    "Spread",
    "System",
    "Table",
    "Text",
    "Timelines",
    "Verdict",
    "apart",
    "judge",
    "place_of",
    "plain",
    "plain_table",
    "write_report",
]
