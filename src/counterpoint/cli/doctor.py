"""`counterpoint doctor`."""

from __future__ import annotations

import typer

from counterpoint.cli.options import reports
from counterpoint.cli.output import Answer


@reports
def doctor(*, answer: Answer) -> None:
    """Show which optional parts are installed on this machine, and how to get the others.

    The exit code is 1 if a needed part is missing.
    """
    from counterpoint.doctor import examine_machine, print_findings

    found = examine_machine()
    answer.give(found, lambda console: print_findings(found, console=console))
    if any(each.is_fault for each in found):
        raise typer.Exit(1)
