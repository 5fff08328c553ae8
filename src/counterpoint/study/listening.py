"""Results of listening tests in a finished study: kept in its folder, and shown in its report."""

from __future__ import annotations

from pathlib import Path

from counterpoint.results.listening import FOLDER, ListeningResults, read_listening
from counterpoint.results.schema import Results, read_results
from counterpoint.study.kinds import read_study


def with_listening(results: Results, folder: Path) -> Results:
    """The results with those of the listening tests that lie in the study's folder, each also as an evaluation."""
    found = read_listening(folder)
    own = {step: each for step, each in results.evaluations.items() if not step.startswith(f"{FOLDER}_")}
    rated = {f"{FOLDER}_{name}": each.evaluation() for name, each in found.items() if each.means}
    return results.model_copy(update={"listening": found, "evaluations": {**own, **rated}}).at(folder)


def add_listening(study: Path, found: ListeningResults) -> Path:
    """Put the results of a listening test into a finished study and write its report anew; returns the `index.html`.

    Raises:
        UserError: the study is not finished, or another version of this package wrote its results.
    """
    from counterpoint.study.run import write_study_report

    results = read_results(study)
    place = study / FOLDER / found.name
    place.mkdir(parents=True, exist_ok=True)
    found.write(place)
    results = with_listening(results, study)
    results.write(study)
    config = read_study(dict(results.study.config), source=str(study))
    return write_study_report(config.report(results), study)
