"""The styles by name, family by family. Read `compose/style.py` for the pattern letters."""

from __future__ import annotations

from counterpoint.data.compose.style import Style
from counterpoint.data.compose.styles.band import BAND
from counterpoint.data.compose.styles.classical import CLASSICAL
from counterpoint.data.compose.styles.electronic import ELECTRONIC
from counterpoint.data.compose.styles.jazz import JAZZ
from counterpoint.data.compose.styles.world import WORLD

STYLES: dict[str, Style] = {style.name: style for style in (*BAND, *JAZZ, *ELECTRONIC, *CLASSICAL, *WORLD)}

__all__ = ["STYLES"]
