"""Results of listening tests in a finished study: stored in its folder, and shown in its report."""

from __future__ import annotations

from pathlib import Path

from counterpoint.results.listening import FOLDER, ListeningResults
from counterpoint.results.schema import read_results
from counterpoint.study.gather import with_listening
from counterpoint.study.kinds import study_of
from counterpoint.study.run import write_study_report


def add_listening(study: Path, found: ListeningResults) -> Path:
    """Add the results of a listening test to a finished study and write its report again; returns the `index.html`.

    Raises:
        UserError: the study is not finished, or another version of this package wrote its results.
    """
    results = read_results(study)
    config = study_of(results)  # before anything is written
    place = study / FOLDER / found.name
    place.mkdir(parents=True, exist_ok=True)
    found.write(place)
    results = with_listening(results, study)
    results.write(study)
    return write_study_report(config.report(results), study)
