"""Studies: from YAML through content-addressed steps to typed results and a report, without tensors.

`kinds` has a file for each kind of study, which plans its steps; `steps` the functions that compute them; `engines` the
places where they run. `run` leads from a name to a report: `work` defines steps, `engine` completes them, `gather`
collects their results, and `pages` turns these into reports.
"""

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
