"""One process, or thread, at a time loads what librosa compiles."""

from __future__ import annotations

from threading import Thread

from counterpoint.audio.librosa_import import compiled, import_librosa
from counterpoint.config.locks import sole_writer


def test_loading_waits_for_whoever_loads_already() -> None:
    import_librosa()
    with sole_writer(compiled()):
        second = Thread(target=import_librosa.__wrapped__, daemon=True)
        second.start()
        second.join(0.3)
        assert second.is_alive()
    second.join(30)
    assert not second.is_alive()


def test_what_compiles_is_loaded() -> None:
    import sys

    import_librosa()
    assert {"librosa.beat", "librosa.util.utils"} <= set(sys.modules)
