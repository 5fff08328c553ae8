"""What the reports of all kinds of studies share: a template, players, tables as files, and the numbers as JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from counterpoint.config import atomic_write, write_json
from counterpoint.config.schema import CONTROLS
from counterpoint.report import numbers
from counterpoint.report.media import PITCH_MARKS, Media, load_clip, load_versions, write_media
from counterpoint.report.numbers import interval, p_value
from counterpoint.report.timelines import timelines
from counterpoint.report.waveform import waveform
from counterpoint.study.report.charts import dots_and_whiskers, mark
from counterpoint.study.report.content import Example, Page, System
from counterpoint.study.report.tables import ARROWS, Table, metric_heading

if TYPE_CHECKING:
    import numpy as np
    from markupsafe import Markup

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Player:
    """One clip of an example, as the page needs it.

    Attributes:
        timelines: what was asked of it above what is heard in it, or its waveform with the span that was filled in, as
            SVG above the spectrogram; "" where there is neither.
        seams: where that span begins and ends, in percent of the clip.
    """

    system: str
    name: str
    short: str
    media: Media
    timelines: str = ""
    seams: Sequence[float] = ()


def write_players(
    content: Page,
    out: Path,
    *,
    wanted: Callable[[int, str], bool],
    examples: Sequence[Example] | None = None,
    prefix: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> dict[tuple[int, str], Player]:
    """The players of the clips that are `wanted`, by (number of the example, system), in the order of each example.

    Args:
        examples: by default those of the content.
        prefix: of the names of files, which tells one set of examples from another.
        progress: called with (clips done, clips in all).
    """
    examples = content.examples if examples is None else examples
    total = sum(wanted(number, key) for number, example in enumerate(examples) for key in example.clips)
    players: dict[tuple[int, str], Player] = {}
    for number, example in enumerate(examples):
        sounds = _sounds(example, {key: clip for key, clip in example.clips.items() if wanted(number, key)})
        top = max((float(abs(audio).max()) for audio in sounds.values()), default=0.0) or 1.0
        for key, audio in sounds.items():
            media = write_media(audio, report=out, name=f"{prefix}{number + 1:02d}-{key}")
            players[number, key] = _player(example, content.system(key), audio, media, top=top)
            if progress is not None:
                progress(len(players), total)
    return players


def _sounds(example: Example, clips: Mapping[str, Path]) -> dict[str, np.ndarray]:
    """Each clip at its loudness; the first is the music whose span the others filled in, if any did."""
    if example.span_s is None or not clips:
        return {key: load_clip(clip) for key, clip in clips.items()}
    return load_versions(clips, original=next(iter(clips)))


def _player(example: Example, system: System, audio: np.ndarray, media: Media, *, top: float) -> Player:
    from markupsafe import Markup

    if example.span_s is None:
        return Player(system.key, system.name, system.short, media, _timelines(example, system, media.duration_s))
    picture = waveform(audio, duration_s=media.duration_s, span_s=example.span_s, name=system.name, top=1.05 * top)
    seams = [100 * border / media.duration_s for border in example.span_s]
    return Player(system.key, system.name, system.short, media, Markup(picture), seams)


def _timelines(example: Example, system: System, duration_s: float) -> str:
    from markupsafe import Markup

    heard = example.heard.get(system.key)
    if heard is None or example.target is None:
        return ""
    asked = example.asked.get(system.key, CONTROLS)
    return Markup(timelines(example.target, heard, duration_s=duration_s, name=system.name, asked=asked))


def write_page(
    content: Page,
    out: Path,
    *,
    template: str,
    tables: Mapping[str, Table],
    csv: Mapping[str, str],
    **values: Any,
) -> Path:
    """Write `index.html` and all it shows but the players; returns its path.

    Args:
        template: file name of a Jinja template beside this module.
        tables: for the page, and as Markdown and LaTeX.
        csv: the same for machines, by name.
        values: what else the template needs.
    """
    for name, table in tables.items():
        _write_text(out / "tables" / f"{name}.md", table.markdown())
        _write_text(out / "tables" / f"{name}.tex", table.latex())
    for name, text in csv.items():
        _write_text(out / "tables" / f"{name}.csv", text)
    for name, text in content.files.items():
        _write_text(out / name, text)
    write_json(out / "data.json", _plain(content))
    for asset in ("report.css", "report.js"):
        _write_text(out / "assets" / asset, (_HERE / asset).read_text(encoding="utf-8"))
    index = out / "index.html"
    _write_text(index, _render(content, template=template, tables=tables, **values))
    return index


def _render(content: Page, *, template: str, **values: Any) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )

    def look(key: str) -> str:
        return next((system.look for system in content.systems if system.key == key), key)

    helpers = {
        "interval": interval,
        "number": numbers.number,
        "p_value": p_value,
        "arrows": ARROWS,
        "heading": metric_heading,
        "pitch_marks": PITCH_MARKS,
        "coded": lambda text: _coded(text, content),
        "breakable": lambda key: Markup("_<wbr>").join(key.split("_")),
        "scored": {
            system.key: {key for key, of_metric in content.scores.items() if system.key in of_metric}
            for system in content.systems
        },
        "dots": lambda metric: Markup(
            dots_and_whiskers(metric, dict(content.scores.get(metric.key, {})), content.systems)
        ),
        "swatch": lambda key: Markup(
            f'<svg class="swatch mark s-{look(key)}" viewBox="0 0 14 14" aria-hidden="true">'
            f"{mark(look(key), 7, 7)}</svg>"
        ),
        "look": look,
    }
    return environment.get_template(template).render(content=content, **helpers, **values)


def _coded(text: str, content: Page) -> Markup:
    """Escaped text with the metrics' names set as code."""
    from markupsafe import Markup, escape

    names = sorted((metric.key for metric in content.metrics), key=len, reverse=True)
    if not names:
        return escape(text)
    pieces = re.split(f"({'|'.join(map(re.escape, names))})", text)
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if piece in names else escape(piece) for piece in pieces
    )


def _plain(content: Page) -> dict[str, Any]:
    """For `data.json`: all the numbers of the page."""
    plain = asdict(content)
    plain.pop("files")
    return _finite(plain)


def _finite(value: Any) -> Any:
    """JSON knows no infinity, and undefined numbers become null; of a file its name is told, not where it lay."""
    if isinstance(value, Path):
        return value.name
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _write_text(path: Path, text: str) -> None:
    atomic_write(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
