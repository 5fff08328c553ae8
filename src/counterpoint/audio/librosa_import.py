"""Import of librosa with a lock around the compilation of its functions.

If two processes import librosa for the first time at once, each leaves half of numba's cached pair of files, and every
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
    """The lock that is held while librosa is loaded: one for each user, because each has a cache."""
    user = os.getuid() if hasattr(os, "getuid") else "user"  # the temporary folder of Windows is the user's own
    return Path(tempfile.gettempdir(), f"counterpoint-librosa-{user}")


@cache
def import_librosa() -> ModuleType:
    """librosa with its compiled modules loaded; the first time on a machine this takes most of a minute."""
    with sole_writer(compiled(), on_wait=lambda _: None):
        import librosa
        import librosa.beat
        import librosa.util

    return librosa
