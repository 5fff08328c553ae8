"""librosa, whose compiled functions one process at a time puts on disk.

Two processes that import librosa for the first time at once each leave half of numba's cached pair of files, and every
later call of such a function ends the process (https://github.com/numba/numba/issues/10128).
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType


@cache
def import_librosa() -> ModuleType:
    """librosa with the modules that compile loaded; the first time on a machine takes most of a minute."""
    with Path(tempfile.gettempdir(), f"counterpoint-librosa-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        import librosa
        import librosa.beat
        import librosa.util

    return librosa
