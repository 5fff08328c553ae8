"""A user's own music as a dataset: find audio and captions, decode every file once, split, write.

Read in this order: `sources` (files and captions), `probe` (the content of a file), `splits` (groups of clips),
`report` (the findings), `run` (the verb).
"""

from counterpoint.ingest.report import IngestReport, Problem, print_report
from counterpoint.ingest.run import ingest

__all__ = ["IngestReport", "Problem", "ingest", "print_report"]
