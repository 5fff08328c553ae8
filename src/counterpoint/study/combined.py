"""`counterpoint study report`: one report of several finished studies, with their decisions on the paper's Table 1."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from counterpoint.claims.decide import decide_all
from counterpoint.claims.paper import paper_claims
from counterpoint.config import UserError
from counterpoint.config.files import link_or_copy, replace_folder
from counterpoint.config.paths import check_output_folder
from counterpoint.report import write_report
from counterpoint.results.schema import Results
from counterpoint.runs import RUNS
from counterpoint.study.finished import find_several

STUDIES = "studies"
"""Folder of the studies' own reports in such a report."""


def write_report_of(names: Sequence[str], *, out: Path, runs: Path = RUNS) -> Path:
    """Write one report of finished studies, including their own reports; returns its `index.html`.

    Args:
        names: studies below `runs`, or their folders.
        out: a new folder, or that of an earlier such report, which is replaced.

    Raises:
        UserError: a study cannot be read (see `find_several`), or `out` contains something else or is in a study.
    """
    from counterpoint.study.pages.combined import combined_report, studied

    found = find_several(names, runs=runs)
    is_own = (out / STUDIES).is_dir() and (out / "index.html").is_file()
    check_output_folder(out, inputs=[results.folder for results in found.values()], is_own=lambda _: is_own)
    command = f"counterpoint study report {' '.join(names)} --out {out}"
    report = combined_report(studied(found), decide_all(found), paper_claims(), command=command)

    def fill(whole: Path) -> None:
        for name, results in found.items():
            shutil.copytree(_page_of(results), whole / STUDIES / name, copy_function=link_or_copy)
        write_report(report, whole)

    replace_folder(out, fill)
    return out / "index.html"


def _page_of(results: Results) -> Path:
    """The folder of a study's own report; a published study is that folder itself.

    Raises:
        UserError: there is no page.
    """
    for folder in (results.path("report"), results.folder):
        if (folder / "index.html").is_file():
            return folder
    raise UserError(
        f"{results.folder} has results and no page: `counterpoint study run {results.study.name}` writes it again."
    )
