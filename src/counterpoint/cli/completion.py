"""Names that a shell completes: devices, models, codecs and studies. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable


def _completes(names: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """A completion function of the text typed so far, in typer's form."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in names() if name.startswith(incomplete)]

    return complete


def _models() -> list[str]:
    from counterpoint.runs.find import known_models

    return known_models()


def _codecs() -> list[str]:
    from counterpoint.runs.codecs import list_codecs

    return [codec.name for codec in list_codecs()]


def _studies() -> list[str]:
    from counterpoint.study.shipped import CONFIGS

    return sorted(path.stem for path in CONFIGS.glob("*.yaml"))


devices = _completes(lambda: ("auto", "cpu", "cuda", "mps"))
models = _completes(_models)
codecs = _completes(_codecs)
studies = _completes(_studies)
