"""The location and version of the package.

Modules that need these import this module instead of `counterpoint`, which is above all floors.
"""

from __future__ import annotations

from pathlib import Path

VERSION = "0.1.0"
ROOT = Path(__file__).parent
"""The folder of the package."""
