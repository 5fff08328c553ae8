"""The package itself: where it lies and which version it is.

Whatever asks for these imports this module and not `counterpoint`, which is the door above all floors.
"""

from __future__ import annotations

from pathlib import Path

VERSION = "0.1.0"
ROOT = Path(__file__).parent
"""The folder of the package."""
