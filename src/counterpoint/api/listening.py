"""Listening tests: made from studies or folders, planned and analysed. The command line serves the pages of raters."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from counterpoint.config import UserError
from counterpoint.listen import exchange, make, planning, results
from counterpoint.listen.answers import Answers
from counterpoint.listen.folder import read_test

if TYPE_CHECKING:
    from counterpoint.listen.planning import ListeningPlan
    from counterpoint.listen.results import ListeningResults


class ListeningTest:
    """A listening test in a folder; see `make_listening_test`.

    Attributes:
        folder: of the test, with its answers.
    """

    def __init__(self, folder: str | os.PathLike[str]):
        """Open the test.

        Raises:
            UserError: the folder is not a listening test.
        """
        self.folder = Path(folder)
        self.loaded = read_test(self.folder)

    def plan(self, *, raters: int | None = None) -> ListeningPlan:
        """The raters, minutes and judgments that the test takes; by default with as many raters as its design asks."""
        return planning.make_plan(self.loaded, raters=raters)

    def invite(self, raters: int = 1) -> list[str]:
        """Tokens of new raters; each completes the address of the served test: ADDRESS/r/TOKEN."""
        return Answers(self.loaded).invite(raters)

    def results(self, *, half_width: float | None = None) -> ListeningResults:
        """An analysis of the answers so far.

        Args:
            half_width: half of the wanted interval of a mean; the results then say how many raters it takes.

        Raises:
            UserError: there are no answers yet.
        """
        return results.collect(Answers(self.loaded, create=False), half_width=half_width)

    def judgments(self, *, with_ids: bool = False) -> str:
        """The raw judgments as CSV, with the reasons for exclusions, and with raters' platform ids if wanted."""
        return results.raw_csv(Answers(self.loaded, create=False), with_ids=with_ids)

    def delete(self, rater: str) -> None:
        """Delete a rater, known by link, token or platform id, with all answers.

        Raises:
            UserError: there is no such rater.
        """
        who = rater.rstrip("/").rpartition("/")[2]
        if not Answers(self.loaded, create=False).delete(who):
            raise UserError(f"{self.folder} has no rater {who!r}; give the link, its token or the platform's id.")

    def export(self, out: str | os.PathLike[str]) -> Path:
        """Write the test for other tools into a new folder: webMUSHRA's configuration, a table of trials, the clips."""
        return exchange.export_test(self.loaded, Path(out))

    def import_ratings(self, table: str | os.PathLike[str]) -> int:
        """Add ratings from a CSV file with the columns rater, item, system, question, value; returns the raters."""
        return exchange.import_ratings(Answers(self.loaded), Path(table))

    def __repr__(self) -> str:
        return f"ListeningTest({str(self.folder)!r})"


def make_listening_test(
    test: str | os.PathLike[str],
    sources: Sequence[str | os.PathLike[str]],
    *,
    design: str = "",
    items: int = 12,
    seed: int = 0,
    systems: Sequence[str] | None = None,
    reference: str = "",
    progress: Callable[[float, float], None] | None = None,
) -> ListeningTest:
    """Make a listening test from a finished study, or from folders of audio.

    Args:
        test: the new folder.
        sources: a finished study; or a folder of audio for each system, as FOLDER or NAME=FOLDER.
        design: `ratings`, `mos`, `ab`, `mushra` or a YAML file; by default ratings if spans were filled in, else mos.
        items: clips of each system, spread evenly over all of them.
        seed: of file names and orders; equal seeds give equal tests.
        systems: systems to compare; by default the paper's, or all that models made.
        reference: the folder, by its name, of the true music.
        progress: called with (items done, total items).

    Raises:
        UserError: a source cannot be read, or the folder exists.
    """
    make.make_test(
        Path(test),
        places=[os.fspath(source) for source in sources],
        design=design,
        items=items,
        seed=seed,
        systems=None if systems is None else list(systems),
        reference=reference,
        progress=progress,
    )
    return ListeningTest(test)
