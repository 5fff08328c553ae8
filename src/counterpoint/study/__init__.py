"""A study: YAML to content-addressed steps to a report. It never sees a tensor."""

from counterpoint.study.engine import Done, Engine, LocalEngine, Source, Step, Work
from counterpoint.study.kinds import CodecStudy, ParadigmStudy, Study, load_study
from counterpoint.study.run import StudyResult, run_study

__all__ = [
    "CodecStudy",
    "Done",
    "Engine",
    "LocalEngine",
    "ParadigmStudy",
    "Source",
    "Step",
    "Study",
    "StudyResult",
    "Work",
    "load_study",
    "run_study",
]
