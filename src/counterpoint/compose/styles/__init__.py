"""The styles by name, family by family. Read `compose/style.py` for the pattern letters."""

from __future__ import annotations

from counterpoint.compose.style import Style
from counterpoint.compose.styles.band import BAND
from counterpoint.compose.styles.classical import CLASSICAL
from counterpoint.compose.styles.electronic import ELECTRONIC
from counterpoint.compose.styles.jazz import JAZZ
from counterpoint.compose.styles.world import WORLD

STYLES: dict[str, Style] = {style.name: style for style in (*BAND, *JAZZ, *ELECTRONIC, *CLASSICAL, *WORLD)}

__all__ = ["STYLES"]
