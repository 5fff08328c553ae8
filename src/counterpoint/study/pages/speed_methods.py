"""How speed was measured, and what the limits are."""

from __future__ import annotations

from collections.abc import Sequence

from counterpoint.bench.limits import Limits
from counterpoint.bench.sweep import LONG_S, Measured
from counterpoint.report import Text


def speed_notes(measured: Sequence[Measured], limits: Limits) -> list[Text]:
    disturbed = sum(not found.is_clean for found in measured)
    noise = (
        f" At {disturbed} of {len(measured)} points every run was disturbed: those are medians of disturbed runs."
        if disturbed
        else ""
    )
    if limits.foreign:
        noise += f" Others used {limits.foreign:.0%} of the processors while the ceilings were measured."
    dopri5 = any(found.point.solver == "dopri5" for found in measured)
    return [
        Text(
            title="What is timed",
            paragraphs=[
                "From captions to codes or latents of a whole batch; the codec is left out, which is the same for "
                "both. Weights are random: speed does not depend on them"
                + (", except through the number of evaluations that dopri5 chooses." if dopri5 else ".")
            ],
        ),
        Text(
            title="How",
            paragraphs=[
                "Every point is warmed up, then run in turn with all others, so that what slows the machine for a "
                "while slows all of them; times are taken between synchronisations. A run during which other programs "
                f"used more than a tenth of the processors is set aside and repeated, at most as often again.{noise} "
                f"A point that takes more than {LONG_S:g} s is run once."
            ],
        ),
        Text(
            title="The limit",
            paragraphs=[
                "Each step or evaluation takes at least its arithmetic at the rate of large matrix products, or at "
                "least the reading of weights, of the KV cache and of the text's keys and values at the rate of "
                "memory, whichever is longer; activations are taken to stay in the processor's caches, and launches to "
                "be free. The work counted is that of this package's engine, for both engines, so a share of the limit "
                "says how far an engine is from what the device could do. Where everything fits into the processor's "
                "caches, an engine may go beyond a limit that is bound by memory."
            ],
        ),
        Text(
            title="The plain engine",
            paragraphs=[
                "A loop of our own over the same weights that keeps nothing it could keep, after what the paper says "
                "of its engine and what audiocraft does; it is not audiocraft, and the paper's numbers were taken on "
                "other hardware, at another size unless this study is at the paper's."
            ],
        ),
    ]
