"""`counterpoint models` and `counterpoint codecs`."""

from __future__ import annotations

from counterpoint.cli.options import reports
from counterpoint.cli.output import Answer


@reports
def models(*, answer: Answer) -> None:
    """List the models of the package and those below runs/: inputs, size, licence and quality."""
    from counterpoint.runs.models import list_models
    from counterpoint.runs.text import as_data, describe

    found = list_models()
    answer.give(as_data(found), "\n\n".join(map(describe, found)))


@reports
def codecs(*, answer: Answer) -> None:
    """List the codecs of the package and those trained below runs/: latents, size, licence and reconstruction."""
    from counterpoint.runs.codecs import list_codecs
    from counterpoint.runs.text import as_data, describe

    found = list_codecs()
    answer.give(as_data(found), "\n\n".join(map(describe, found)))
