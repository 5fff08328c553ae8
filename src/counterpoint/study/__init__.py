"""A study: YAML to content-addressed steps to a report. It never sees a tensor."""

from counterpoint.study.config import StudyConfig
from counterpoint.study.engine import Done, Engine, LocalEngine, Source, Step, Work
from counterpoint.study.run import StudyResult, run_study

__all__ = ["Done", "Engine", "LocalEngine", "Source", "Step", "StudyConfig", "StudyResult", "Work", "run_study"]
