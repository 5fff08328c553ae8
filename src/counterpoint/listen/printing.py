"""Results of a listening test on a terminal."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from counterpoint.results.listening import ListeningResults, RatedMean

if TYPE_CHECKING:
    from rich.console import Console


def print_results(found: ListeningResults, *, goal: int, console: Console | None = None) -> None:
    """Print the number of raters, the means with their intervals, and the judgments that are still needed.

    Args:
        goal: judgments per system and question that the design requests.
    """
    from rich.console import Console
    from rich.table import Table

    console = console or Console()
    console.print(
        f"{found.name}: {found.entered} raters entered, {found.finished} finished, {found.kept} count; "
        f"{found.judgments} judgments.",
        highlight=False,
        markup=False,
    )
    for reason, count in Counter(why.partition(":")[0] for each in found.excluded for why in each.reasons).items():
        console.print(f"  excluded, {reason}: {count}", highlight=False, markup=False)
    for question in found.questions:
        own = [mean for mean in found.means if mean.question == question.id]
        if not own:
            continue
        alpha = found.agreement.get(question.id)
        title = f"{question.name}" + (f"; agreement (Krippendorff's alpha) {alpha:.2f}" if alpha is not None else "")
        table = Table(title=title, title_justify="left")
        for name in ("system", "mean", "95% interval", f"judgments of {goal}", "raters", "more raters for "
                     f"±{found.wanted_width[question.id]:.2g}"):  # fmt: skip
            table.add_column(name, justify="left" if name == "system" else "right")
        for mean in own:
            table.add_row(
                found.systems[mean.system],
                f"{mean.value:.2f}",
                f"{mean.low:.2f} to {mean.high:.2f}",
                str(mean.n),
                str(mean.raters),
                _needed(mean),
            )
        console.print(table)
    if any(mean.needed is None for mean in found.means):
        console.print(
            "Some intervals cannot become that narrow with more raters alone, since items differ; use more items.",
            highlight=False,
        )


def _needed(mean: RatedMean) -> str:
    return "more items" if mean.needed is None else str(mean.needed)
