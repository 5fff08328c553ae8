"""Listening tests: made from studies or folders, rated in a browser, analysed, and brought back into reports.

A test is a folder: `test.yaml` (the design, for a person to edit), `manifest.json` and the clips (what raters hear),
`key.json` (which clip is whose) and `answers.db` (what raters said).
"""

from counterpoint.listen.design import TestDesign, design_names, read_design

__all__ = ["TestDesign", "design_names", "read_design"]
