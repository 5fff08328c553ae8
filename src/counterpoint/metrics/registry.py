"""The judges that are there and the metrics they give, in the order of the table. A new metric is a line here."""

from __future__ import annotations

from counterpoint.config import UserError
from counterpoint.metrics.base import Judge, Metric
from counterpoint.metrics.checkpoints import missing, there
from counterpoint.metrics.distribution import FrechetDistance, FrechetInfinity, KernelDistance
from counterpoint.metrics.judges.audiobox import AudioboxJudge, audiobox_metrics
from counterpoint.metrics.judges.clap import TOKENIZER, ClapJudge, ClapMatch
from counterpoint.metrics.judges.musicnn import MusicnnJudge
from counterpoint.metrics.judges.vggish import VggishJudge
from counterpoint.metrics.signals import signal_metrics
from counterpoint.metrics.text_match import TagMatch

_MUSICNN = MusicnnJudge()


def judges() -> tuple[Judge, ...]:
    """Those whose weights are there, the paper's own first."""
    found: list[Judge] = []
    if weights := there("vggish"):
        found.append(VggishJudge(weights))
    if weights := there("clap"):
        found.append(ClapJudge(weights))
    if weights := there("audiobox"):
        found.append(AudioboxJudge(weights))
    if weights := there("vggish_fadtk"):
        found.append(VggishJudge(weights, as_fadtk=True))
    return (*found, _MUSICNN)


def metrics() -> tuple[Metric, ...]:
    """Those that the judges can give, the paper's own first."""
    own: list[Metric] = []
    further: list[Metric] = []
    for judge in judges():
        if isinstance(judge, VggishJudge):
            (further if judge.as_fadtk else own).extend((FrechetDistance(judge), FrechetInfinity(judge)))
        elif isinstance(judge, ClapJudge):
            own += [ClapMatch(judge)] * judge.can_read
            further += [FrechetDistance(judge), FrechetInfinity(judge), KernelDistance(judge)]
        elif isinstance(judge, AudioboxJudge):
            own += audiobox_metrics(judge)
    return (
        *own,
        *further,
        FrechetDistance(_MUSICNN, what="not the published VGGish FAD"),
        FrechetInfinity(_MUSICNN, what="not the published VGGish FAD"),
        KernelDistance(_MUSICNN),
        TagMatch(),
        *signal_metrics(),
    )


def metric_named(name: str) -> Metric:
    """The metric that a verdict is to be about.

    Raises:
        UserError: none of that name can be had here, or one that says neither better nor worse.
    """
    known = {metric.info.name: metric for metric in metrics() if metric.info.better != "neither"}
    if name not in known:
        raise UserError(
            f"No verdict can be about {name!r}: the metrics that can be had here are {', '.join(known)}; "
            "`counterpoint metrics status` shows how to get others."
        )
    return known[name]


def absent() -> tuple[str, ...]:
    """Which published metrics are missing and how to get them, in one sentence if there are any."""
    lost = [f"{', '.join(one.gives)} ({one.name}, {one.megabytes} MB)" for one in missing() if one.name != TOKENIZER]
    if any(isinstance(judge, ClapJudge) and not judge.can_read for judge in judges()):
        lost.append(f"clap_laion ({TOKENIZER}, the tokenizer)")
    if not lost:
        return ()
    return (
        f"Absent for want of weights: {'; '.join(lost)}. `counterpoint metrics fetch NAME` gets what is in brackets.",
    )
