"""The families of metrics in the package. A family whose weights were not fetched is None."""

from __future__ import annotations

from counterpoint.metrics.base import MetricFamily
from counterpoint.metrics.caption_facts import fact_matches
from counterpoint.metrics.checkpoints import find_weights
from counterpoint.metrics.distribution import FrechetDistance, FrechetInfinity, KernelDistance
from counterpoint.metrics.judges.audiobox import AudioboxJudge, audiobox_metrics
from counterpoint.metrics.judges.clap import TOKENIZER, ClapJudge, ClapMatch
from counterpoint.metrics.judges.facts import FactsJudge
from counterpoint.metrics.judges.musicnn import MusicnnJudge
from counterpoint.metrics.judges.vggish import VggishJudge
from counterpoint.metrics.signals import signal_metrics
from counterpoint.metrics.text_match import TagMatch

_STAND_IN = "not the published VGGish FAD"


def vggish() -> MetricFamily | None:
    """The paper's FAD."""
    if not (weights := find_weights("vggish")):
        return None
    judge = VggishJudge(weights)
    return MetricFamily(judge, own=(FrechetDistance(judge), FrechetInfinity(judge)))


def clap() -> MetricFamily | None:
    """The paper's match with the caption, if a tokenizer is present, and distances in the same space."""
    if not (weights := find_weights("clap")):
        return None
    judge = ClapJudge(weights)
    distances = (FrechetDistance(judge), FrechetInfinity(judge), KernelDistance(judge))
    if not judge.can_read:
        return MetricFamily(judge, further=distances, missing=f"clap_laion ({TOKENIZER}, the tokenizer)")
    return MetricFamily(judge, own=(ClapMatch(judge),), further=distances)


def audiobox() -> MetricFamily | None:
    """The paper's aesthetics: production quality, complexity, content enjoyment and usefulness."""
    if not (weights := find_weights("audiobox")):
        return None
    judge = AudioboxJudge(weights)
    return MetricFamily(judge, own=audiobox_metrics(judge))


def vggish_fadtk() -> MetricFamily | None:
    """FAD as computed by the toolkit fadtk."""
    if not (weights := find_weights("vggish_fadtk")):
        return None
    judge = VggishJudge(weights, as_fadtk=True)
    return MetricFamily(judge, further=(FrechetDistance(judge), FrechetInfinity(judge)))


def musicnn() -> MetricFamily:
    """The metrics that need only the weights of an installed wheel."""
    judge = MusicnnJudge()
    distances = (FrechetDistance(judge, what=_STAND_IN), FrechetInfinity(judge, what=_STAND_IN), KernelDistance(judge))
    return MetricFamily(judge, further=(*distances, TagMatch()))


def facts() -> MetricFamily:
    """The match of clips with the tempo, key and metre that captions name; it needs no weights."""
    return MetricFamily(FactsJudge(), further=fact_matches())


def signals() -> MetricFamily:
    """Plain statistics of the waveform, which need no judge."""
    return MetricFamily(further=signal_metrics())
