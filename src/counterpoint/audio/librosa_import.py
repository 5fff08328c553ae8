"""librosa, whose compiled functions one process at a time puts on disk.

Two processes that import librosa for the first time at once each leave half of numba's cached pair of files, and every
later call of such a function ends the process (https://github.com/numba/numba/issues/10128).
"""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType

from counterpoint.config.locks import sole_writer


def compiled() -> Path:
    """What is held while librosa is loaded: one for each user, whose cache it is."""
    user = os.getuid() if hasattr(os, "getuid") else "user"  # the temporary folder of Windows is the user's own
    return Path(tempfile.gettempdir(), f"counterpoint-librosa-{user}")


@cache
def import_librosa() -> ModuleType:
    """librosa with the modules that compile loaded; the first time on a machine takes most of a minute."""
    with sole_writer(compiled(), on_wait=lambda _: None):
        import librosa
        import librosa.beat
        import librosa.util

    return librosa
