"""Content to a folder: `index.html` and all it shows, by relative paths alone."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from counterpoint.config import atomic_write, write_json
from counterpoint.study.report.charts import difference_axis, dots_and_whiskers, loss_curve, mark
from counterpoint.study.report.content import Content, Difference
from counterpoint.study.report.media import Media, write_media
from counterpoint.study.report.numbers import interval, p_value
from counterpoint.study.report.tables import (
    ARROWS,
    Table,
    differences_csv,
    differences_table,
    metric_heading,
    scores_csv,
    scores_table,
)
from counterpoint.study.report.verdict import judge

if TYPE_CHECKING:
    from markupsafe import Markup

_HERE = Path(__file__).parent
CODEC_EXAMPLES = 2
"""Shown with the codec's numbers."""


@dataclass(frozen=True)
class Player:
    """One clip of an example, as the page needs it."""

    system: str
    name: str
    short: str
    media: Media


def write_report(content: Content, out: Path, *, progress: Callable[[int, int], None] | None = None) -> Path:
    """Write the report into `out`; returns its `index.html`.

    Args:
        progress: called with (clips done, clips in all).
    """
    out.mkdir(parents=True, exist_ok=True)
    players, codec_players = _write_players(content, out, progress)
    tables = {
        "scores": scores_table(content, content.judges),
        "signals": scores_table(content, content.descriptions),
        "differences": differences_table(content),
    }
    _write_tables(content, tables, out)
    for name, text in content.files.items():
        _write_text(out / name, text)
    write_json(out / "data.json", _plain(content))
    for asset in ("report.css", "report.js"):
        _write_text(out / "assets" / asset, (_HERE / asset).read_text(encoding="utf-8"))
    index = out / "index.html"
    _write_text(index, _render(content, tables=tables, players=players, codec_players=codec_players))
    return index


def _write_players(
    content: Content, out: Path, progress: Callable[[int, int], None] | None
) -> tuple[list[list[Player]], list[list[Player]]]:
    """For each example its players in the order of `example_systems`; for the first few those of `codec_systems`."""
    wanted = {
        (number, key): clip
        for number, example in enumerate(content.examples)
        for key, clip in example.clips.items()
        if key in content.example_systems or (number < CODEC_EXAMPLES and key in content.codec_systems)
    }
    players: dict[tuple[int, str], Player] = {}
    for number, key in wanted:
        system = content.system(key)
        media = write_media(wanted[number, key], report=out, name=f"{number + 1:02d}-{key}")
        players[number, key] = Player(key, system.name, system.short, media)
        if progress is not None:
            progress(len(players), len(wanted))

    def rows(count: int, systems: Sequence[str]) -> list[list[Player]]:
        return [[players[row, key] for key in systems if (row, key) in players] for row in range(count)]

    count = len(content.examples)
    codec_rows = min(count, CODEC_EXAMPLES) if content.codec_systems else 0
    return rows(count, content.example_systems), rows(codec_rows, content.codec_systems)


def _write_tables(content: Content, tables: Mapping[str, Table], out: Path) -> None:
    for name, table in tables.items():
        _write_text(out / "tables" / f"{name}.md", table.markdown())
        _write_text(out / "tables" / f"{name}.tex", table.latex())
    _write_text(out / "tables" / "scores.csv", scores_csv(content))
    _write_text(out / "tables" / "differences.csv", differences_csv(content))


def _render(
    content: Content,
    *,
    tables: Mapping[str, Table],
    players: list[list[Player]],
    codec_players: list[list[Player]],
) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    helpers = {
        "interval": interval,
        "p_value": p_value,
        "arrows": ARROWS,
        "heading": metric_heading,
        "coded": lambda text: _coded(text, content),
        "scored": {
            system.key: {key for key, of_metric in content.scores.items() if system.key in of_metric}
            for system in content.systems
        },
        "outcome": lambda item: judge(item, content.metric(item.metric)),
        "dots": lambda metric: Markup(
            dots_and_whiskers(metric, dict(content.scores.get(metric.key, {})), content.systems)
        ),
        "delta": lambda item: Markup(_delta(item, content)),
        "losses": lambda curve: Markup(loss_curve(curve, name=content.system(curve.system).name)),
        "swatch": lambda key: Markup(
            f'<svg class="swatch mark s-{key}" viewBox="0 0 14 14" aria-hidden="true">{mark(key, 7, 7)}</svg>'
        ),
    }
    template = environment.get_template("page.html")
    return template.render(content=content, tables=tables, players=players, codec_players=codec_players, **helpers)


def _coded(text: str, content: Content) -> Markup:
    """Escaped text with the metrics' names set as code."""
    from markupsafe import Markup, escape

    names = sorted((metric.key for metric in content.metrics), key=len, reverse=True)
    if not names:
        return escape(text)
    pieces = re.split(f"({'|'.join(map(re.escape, names))})", text)
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if piece in names else escape(piece) for piece in pieces
    )


def _delta(item: Difference, content: Content) -> str:
    """Each metric has its own scale, shared by its rows."""
    bounds_ = [
        abs(bound)
        for other in content.differences
        if other.metric == item.metric
        for bound in (other.low, other.high, other.value)
        if math.isfinite(bound)
    ]
    if not math.isfinite(item.value):
        return ""
    return difference_axis(item.low, item.value, item.high, extent=max(bounds_, default=1.0) * 1.08)


def _plain(content: Content) -> dict[str, Any]:
    """For `data.json`: all the numbers of the page; clips by their place in the report only."""
    plain = asdict(content)
    for example in plain["examples"]:
        example["clips"] = sorted(example["clips"])
    plain.pop("files")
    return _finite(plain)


def _finite(value: Any) -> Any:
    """JSON knows no infinity: undefined numbers become null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _write_text(path: Path, text: str) -> None:
    atomic_write(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
