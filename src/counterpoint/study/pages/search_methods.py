"""What was compared in a search, and how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from counterpoint.metrics.base import MetricInfo
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import (
    Fact,
    Text,
)
from counterpoint.results.search import SearchResult
from counterpoint.study.pages import facts as said
from counterpoint.study.pages.notes import common_notes

if TYPE_CHECKING:
    from counterpoint.study.pages.search_page import SearchPage


def search_facts(page: SearchPage) -> list[Fact]:
    study, prompts = page.study, page.study.prompts
    return [
        *said.data_facts(page.results),
        *said.model_facts(study, page.results.models.values()),
        Fact(
            "Sampling",
            f"prompt i has seed {prompts.seed} + i at every setting, search prompts first; {prompts.batch_size} clips "
            "a batch at most",
        ),
        Fact(
            "Search",
            f"by {page.metric.name}; the first rung has {study.ladder.first} prompts, each further one twice as many, "
            f"up to all; the best {study.ladder.keep} always go on",
        ),
        *said.machine_facts(page.results),
    ]


def search_notes(page: SearchPage) -> list[Text]:
    return common_notes(
        page.study,
        [page.results.evaluations["evaluate"]],
        page.results.prompts["prompts"],
        budget=said.budget_words(page.results.models.values()),
        own_data=page.results.study.own_data,
        own=_own_notes(page.searches, page.metric),
    )


def _own_notes(searches: Mapping[str, SearchResult], primary: MetricInfo) -> list[Text]:
    first = next(iter(searches.values()))
    shares = {PARADIGMS[key].label.lower(): (found.comparisons, 100 * found.level) for key, found in searches.items()}
    rules = "; ".join(f"{name}: {count} comparisons share {level:.0f}%" for name, (count, level) in shares.items())
    stopped = _STOPPED.format(rules=rules, level=100 * first.level, keep=first.keep)
    told = {
        "When a setting is stopped": stopped,
        "The best of many": _BEST,
        "Search and confirmation prompts": _PROMPTS,
        "What the search goes by": _PRIMARY.format(primary=primary.name, reference=first.reference),
        "Time": _TIME,
    }
    return [Text(title=name, paragraphs=[words]) for name, words in told.items()]


_STOPPED = (
    "After every rung but the last, each setting is compared with the best one so far on the same prompts and from the "
    "same noise. It is stopped where the whole interval of the difference lies on the worse side. The interval is "
    "one-sided, a t interval from half samples of the tracks, and its level is shared by all comparisons that could "
    "stop any one setting ({rules}), so that the chance to stop the setting that is truly best is below {level:.0f}% "
    "for a whole search. The best {keep} go on in any case. With few prompts such a rule stops only what is far "
    "behind; that is what it is for."
)


_BEST = (
    "The setting that leads a search owes some of its lead to luck, the more so the more settings are tried. Its score "
    "in the search is therefore not what is claimed: it is drawn again for prompts of other tracks, with other noise, "
    "beside the default, and only that difference is reported as the gain. Settings close to the best in the search "
    "may be as good as it."
)


_PROMPTS = (
    "The tracks of the held-out windows, in an order that a digest of their names decides, go to the search and to the "
    "confirmation in turn; the two share no track. Both are captions that training never saw."
)


_PRIMARY = (
    "{primary} against {reference} clips of held-out music, the same for every setting and rung. A kernel distance "
    "is unbiased, so that scores on few and on many prompts mean the same; a Frechet distance falls as clips are "
    "added, and falls differently for settings that differ in diversity. What is best by a distance of distributions "
    "need not be what follows the caption best: the table of all judges says what became of that."
)


_TIME = (
    "Times are of batches as they were drawn, text and codec included, on a machine that may have done other things; "
    "model evaluations are exact."
)
