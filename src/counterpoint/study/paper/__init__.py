"""The paper's own numbers, one YAML file a table, each with its place in the paper."""

from __future__ import annotations

from pathlib import Path

from counterpoint.config import load_yaml
from counterpoint.config.schema import Config

_HERE = Path(__file__).parent


class Column(Config):
    """One codec of the paper's Appendix B."""

    frame_rate: float
    codec: str


class Row(Config):
    """One measure of it.

    Attributes:
        measure: as the paper calls it.
        ours: the measure here that stands beside it.
        comparable: both are known to be the same quantity.
        values: one a column.
    """

    measure: str
    ours: str
    comparable: bool
    values: list[float]


class PaperTable(Config):
    """A table of the paper.

    Attributes:
        source: the paper.
        where: the table's place in it.
        about: what the numbers are of.
    """

    source: str
    where: str
    about: str
    columns: list[Column]
    rows: list[Row]


def paper_table(name: str) -> PaperTable:
    """The table in `NAME.yaml`."""
    return load_yaml(_HERE / f"{name}.yaml", PaperTable)
