"""Studies: from YAML through content-addressed steps to typed results and a report, without tensors."""

from counterpoint.study.engine import Done, Engine, LocalEngine
from counterpoint.study.kinds import KINDS, Study, load_study
from counterpoint.study.run import StudyResult, run_study
from counterpoint.study.work import Computation, Source, Step, Work, computes

__all__ = [
    "KINDS",
    "Computation",
    "Done",
    "Engine",
    "LocalEngine",
    "Source",
    "Step",
    "Study",
    "StudyResult",
    "Work",
    "computes",
    "load_study",
    "run_study",
]
