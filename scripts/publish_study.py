"""Writes `docs/results/NAME` from a finished study: its page with the clips of one prompt, its results and its tables.

Run it in the folder of the project; NAME is that of the study's folder:

    python scripts/publish_study.py runs/table3-laptop
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from counterpoint.config.files import replace_folder
from counterpoint.report import write_report
from counterpoint.study.finished import find_results
from counterpoint.study.kinds import study_of

OUT = Path("docs/results")
EXAMPLES = 1
"""Prompts whose clips are published, to keep the page small; the first of those that the report has."""
_PLACE = re.compile(r'"(?:/[^"/]+)+/([^"/]+)"')
"""A place of this machine in a JSON file; its last part stays."""


def publish(name: str) -> Path:
    """Write the page of a finished study, given by its name or folder; returns its `index.html`."""
    results = find_results(name)
    shown = results.model_copy(update={"examples": results.examples[:EXAMPLES]})
    report = study_of(results).report(shown.at(results.folder))
    out = OUT / results.folder.resolve().name

    def write(folder: Path) -> None:
        write_report(report, folder)
        for path in folder.rglob("*.json"):
            path.write_text(_PLACE.sub(r'"\1"', path.read_text(encoding="utf-8")), encoding="utf-8")

    replace_folder(out, write)
    return out / "index.html"


if __name__ == "__main__":
    for each in sys.argv[1:]:
        print(publish(each))
