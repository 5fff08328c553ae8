"""How many raters, minutes and judgments a design takes, before anyone has rated."""

from __future__ import annotations

import math
from dataclasses import dataclass

from counterpoint.config import UserError
from counterpoint.listen.assignment import plan_trials
from counterpoint.listen.folder import ListeningTest, durations

MOST_RATERS = 10_000
OVERHEAD_S = 150.0
"""For consent, instructions, the headphone check and the comment."""
REJECTED = 0.2
"""Share of raters whom screening is likely to exclude, for how many to recruit."""
# Of ratings on a scale of range 1: standard deviations between raters, between items, and of what is left. They are of
# the size that listening tests of generated music report; `listen results` estimates them from the answers.
RATER_SD, ITEM_SD, REST_SD = 0.12, 0.10, 0.18


@dataclass(frozen=True)
class ListeningPlan:
    """What a test takes.

    Attributes:
        trials: that one rater gets, with practice, checks and repeats.
        minutes: of one rater.
        judgments_per_rater: of one system and question.
        raters: whose answers count, until every cell has the judgments that the design asks for.
        recruit: raters, of whom some will be excluded.
        hours: of all raters together.
        half_width: of the 95% interval of a system's mean, on the scale of the first question, at the assumed spread.
    """

    trials: int
    minutes: float
    judgments_per_rater: float
    raters: int
    recruit: int
    judgments_per_cell: int
    hours: float
    half_width: float


def check_raters(count: int) -> None:
    """Refuse a number of raters that no test has.

    Raises:
        UserError: naming it.
    """
    if not 1 <= count <= MOST_RATERS:
        raise UserError(f"--raters {count} is out of range: give a number from 1 to {MOST_RATERS:,}.")


def make_plan(test: ListeningTest, *, raters: int | None = None) -> ListeningPlan:
    """What a test takes.

    Args:
        raters: whose answers count; by default as many as the design's `judgments_per_cell` needs.
    """
    if raters is not None:
        check_raters(raters)
    planned = plan_trials(test, rater=0)
    rated = [trial for trial in planned if trial.phase == "trial"]
    systems = test.contestants if test.design.presentation == "pair" else test.systems
    heard = sum(len(trial.files) for trial in rated) / max(1, len(systems))
    wanted = raters if raters is not None else math.ceil(test.design.judgments_per_cell / heard)
    minutes = times_of(test).total_s / 60
    recruit = math.ceil(wanted / (1 - REJECTED))
    question = test.design.questions[0]
    return ListeningPlan(
        trials=len(planned),
        minutes=minutes,
        judgments_per_rater=heard,
        raters=wanted,
        recruit=recruit,
        judgments_per_cell=round(wanted * heard),
        hours=recruit * minutes / 60,
        half_width=_half_width(raters=wanted, items=len(test.manifest.items), heard=heard)
        * (question.high - question.low),
    )


def plan_sentences(plan: ListeningPlan) -> list[str]:
    """A plan in words."""
    return [
        f"One rater hears {plan.trials} trials, practice, checks and repeats included, in about {plan.minutes:.0f} "
        f"minutes, and gives {plan.judgments_per_rater:g} judgments of each system and question.",
        f"{plan.raters} raters whose answers count make {plan.judgments_per_cell} judgments a cell; recruit about "
        f"{plan.recruit}, since screening excludes some: {plan.hours:.0f} hours of raters' time.",
        f"At the spread that such tests usually have, a mean will be known to within ±{plan.half_width:.2g}.",
    ]


@dataclass(frozen=True)
class Times:
    """Seconds that a rater takes: for one trial, and for everything."""

    trial_s: float
    total_s: float


def times_of(test: ListeningTest) -> Times:
    """How long a rater takes: each clip heard once and a half, and the time to answer."""
    planned = plan_trials(test, rater=0)
    heard = 1.5 * sum(sum(durations(test, trial.files)) for trial in planned)
    rated = sum(1 if test.design.presentation == "pair" else len(trial.files) for trial in planned)
    total = heard + test.design.seconds_per_answer * rated * len(test.design.questions)
    return Times(total / len(planned), total + OVERHEAD_S)


def _half_width(*, raters: int, items: int, heard: float) -> float:
    from scipy.stats import t

    variance = RATER_SD**2 / raters + ITEM_SD**2 / items + REST_SD**2 / max(1.0, raters * heard)
    return float(t.ppf(0.975, max(1, min(raters, items) - 1)) * math.sqrt(variance))
