"""Evaluation of the runtime study's measurements, apart from the reports, which depend on no model."""
