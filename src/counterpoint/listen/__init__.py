"""Listening tests: made from studies or folders, rated in a browser, analysed, and brought back into reports.

A test is a folder with four parts: `test.yaml` (the design, which can be edited), `manifest.json` with the clips (all
that raters' browsers may load), `key.json` (the system of every clip) and `answers.db` (the answers of the raters).
"""

from counterpoint.listen.design import TestDesign, design_names, read_design

__all__ = ["TestDesign", "design_names", "read_design"]
