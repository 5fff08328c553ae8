"""`counterpoint models` and `counterpoint codecs`."""

from __future__ import annotations

from counterpoint.cli.options import reports
from counterpoint.cli.output import Answer


@reports
def models(*, answer: Answer) -> None:
    """Name the models that ship and those below runs/: what each takes, its size, licence, and how good it is."""
    from counterpoint.runs.models import list_models
    from counterpoint.runs.text import as_data, describe

    found = list_models()
    answer.give(as_data(found), "\n\n".join(map(describe, found)))


@reports
def codecs(*, answer: Answer) -> None:
    """Name the codecs that ship and those trained below runs/: latents, size, licence, and how they reconstruct."""
    from counterpoint.runs.codecs import list_codecs
    from counterpoint.runs.text import as_data, describe

    found = list_codecs()
    answer.give(as_data(found), "\n\n".join(map(describe, found)))
