"""An estimate of the raters, minutes and judgments that a design needs, before the test is opened."""

from __future__ import annotations

import math
from dataclasses import dataclass

from counterpoint.config import UserError
from counterpoint.listen.assignment import plan_trials
from counterpoint.listen.folder import ListeningTest, durations

MOST_RATERS = 10_000
OVERHEAD_S = 150.0
"""Time for consent, instructions, the headphone check and the comment."""
REJECTED = 0.2
"""Share of raters whom screening is likely to exclude; it determines how many to recruit."""
# Standard deviations of ratings on a scale of range 1: between raters, between items, and the residual. They are of the
# size that listening tests of generated music report; `listen results` estimates them from the answers.
RATER_SD, ITEM_SD, REST_SD = 0.12, 0.10, 0.18


@dataclass(frozen=True)
class ListeningPlan:
    """The effort of a test.

    Attributes:
        trials: trials of one rater, including practice, checks and repeats.
        minutes: time that one rater needs.
        judgments_per_rater: judgments of one system and question by one rater.
        raters: raters whose answers count, until every cell has the number of judgments that the design requests.
        recruit: raters to recruit, some of whom will be excluded.
        hours: time of all raters together.
        half_width: half width of the 95% interval of a system's mean, on the scale of the first question, at the
            assumed standard deviations.
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
    """Check a number of raters.

    Raises:
        UserError: the number is out of range.
    """
    if not 1 <= count <= MOST_RATERS:
        raise UserError(f"--raters {count} is out of range: give a number from 1 to {MOST_RATERS:,}.")


def make_plan(test: ListeningTest, *, raters: int | None = None) -> ListeningPlan:
    """Estimate the effort of a test.

    Args:
        raters: number of raters whose answers count; by default enough for the design's `judgments_per_cell`.
    """
    if raters is not None:
        check_raters(raters)
    planned = plan_trials(test, rater=0)
    rated = [trial for trial in planned if trial.phase == "trial"]
    systems = test.contestants if test.design.presentation == "pair" else test.systems
    per_rater = sum(len(trial.files) for trial in rated) / max(1, len(systems))
    wanted = raters if raters is not None else math.ceil(test.design.judgments_per_cell / per_rater)
    minutes = times_of(test).total_s / 60
    recruit = math.ceil(wanted / (1 - REJECTED))
    question = test.design.questions[0]
    return ListeningPlan(
        trials=len(planned),
        minutes=minutes,
        judgments_per_rater=per_rater,
        raters=wanted,
        recruit=recruit,
        judgments_per_cell=round(wanted * per_rater),
        hours=recruit * minutes / 60,
        half_width=_half_width(raters=wanted, items=len(test.manifest.items), per_rater=per_rater)
        * (question.high - question.low),
    )


def plan_sentences(plan: ListeningPlan) -> list[str]:
    """A plan in sentences."""
    return [
        f"One rater hears {plan.trials} trials, practice, checks and repeats included, in about {plan.minutes:.0f} "
        f"minutes, and gives {plan.judgments_per_rater:g} judgments of each system and question.",
        f"{plan.raters} raters whose answers count give {plan.judgments_per_cell} judgments per system and question. "
        f"Recruit about {plan.recruit}, since screening excludes some; together they need {plan.hours:.0f} hours.",
        f"With the standard deviations of similar tests, the 95% interval of a mean will be ±{plan.half_width:.2g}.",
    ]


@dataclass(frozen=True)
class Times:
    """Seconds that a rater needs for one trial and for the whole test."""

    trial_s: float
    total_s: float


def times_of(test: ListeningTest) -> Times:
    """The time that a rater needs: one and a half times the duration of each clip, and the time to answer."""
    planned = plan_trials(test, rater=0)
    listened = 1.5 * sum(sum(durations(test, trial.files)) for trial in planned)
    rated = sum(1 if test.design.presentation == "pair" else len(trial.files) for trial in planned)
    total = listened + test.design.seconds_per_answer * rated * len(test.design.questions)
    return Times(total / len(planned), total + OVERHEAD_S)


def _half_width(*, raters: int, items: int, per_rater: float) -> float:
    from scipy.stats import t

    variance = RATER_SD**2 / raters + ITEM_SD**2 / items + REST_SD**2 / max(1.0, raters * per_rater)
    return float(t.ppf(0.975, max(1, min(raters, items) - 1)) * math.sqrt(variance))
