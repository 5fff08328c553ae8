"""One's own music as a dataset: find audio and captions, listen to every file once, split, write.

Read in this order: `sources` (which files, which captions), `probe` (what a file holds), `splits` (what belongs
together), `report` (what was found), `run` (the verb).
"""

from counterpoint.ingest.report import IngestReport, Problem, print_report
from counterpoint.ingest.run import ingest

__all__ = ["IngestReport", "Problem", "ingest", "print_report"]
