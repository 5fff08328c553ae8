"""The basis of conclusions: what the models have learned, what each received, and departures from the paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from counterpoint.claims.departures import departures
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import Block, Cell, Column, Row, Section, Table, Text, Verdict, place_of, plain, plain_table
from counterpoint.report.numbers import count, duration, listed, number
from counterpoint.results.copies import NEAR
from counterpoint.results.fairness import TOLERANCE, Given, side_by_side, unequal
from counterpoint.results.gates import Gate, Standing, nearness, standing
from counterpoint.results.schema import Results
from counterpoint.study.pages.looks import of_paradigm

RANKS_NOBODY = "Until then the values below describe these models but do not rank them."
_RULE = (
    "A model passes if its loss on held-out music is below that of every trivial predictor of its paradigm, clip "
    "by clip, and if it selects the true caption more often than chance; both with the whole 95% interval. A caption "
    "is selected by the model's own loss, with the same times and noise for every candidate, so that the number is "
    "comparable between paradigms and needs no metric. Losses of different paradigms are different quantities: compare "
    "each with its own predictors. The caption test does not apply to models that fill in spans, because they also see "
    "the surrounding music."
)
_SPENT = (
    "Each value is the sum over all trainings of a model, including those of the model that it started from, which are "
    "read from the card of an included model. The FLOPs are counted from the configuration, forward and backward. The "
    "last row names quantities that are equal within {tolerance:.0%}; in a grid, between the paradigms of each cell."
)


def gated(results: Results, verdict: Verdict) -> Verdict:
    """The verdict of a study whose models have learned enough; otherwise the reason why there is none yet."""
    found = standing(results)
    if found.passed:
        return verdict
    closing = [] if found.is_debug else [RANKS_NOBODY]
    return Verdict(found.sentence, [*found.reasons, *closing] if not found.is_debug else [])


def learned_section(results: Results) -> Section | None:
    """Held-out losses beside those of trivial predictors, and selected captions; None for a study without training."""
    found = standing(results)
    examined = [gate for gate in found.gates if gate.examination]
    if not examined:
        return None
    lead = "The loss is on held-out music. A negative difference favours the model."
    copies = copies_table(results)
    blocks: list[Block] = [_losses(results, examined), *([copies] if copies else [])]
    blocks.append(Text(paragraphs=[_RULE], items=_needs(found), is_small=True))
    return Section(id="learned", title="What the models have learned", lead=lead, blocks=blocks, short="Learned")


def _losses(results: Results, gates: Sequence[Gate]) -> Table:
    titles = (
        "Held-out loss",
        "Trivial predictors",
        "Model minus the strongest",
        "Captions picked",
        "Near copies",
        "Gate",
    )
    return Table(
        name="learned",
        label="What the models have learned",
        corner="Model",
        columns=[Column(title=title) for title in titles],
        rows=[_row(results, gate) for gate in gates],
        caption="Means over held-out clips with 95% intervals.",
        is_narrow=True,
    )


def _row(results: Results, gate: Gate) -> Row:
    learned = results.examined(gate.step)
    assert learned is not None
    found, entry = learned.examination, PARADIGMS[learned.paradigm]
    labels = {trivial.name: trivial.label for trivial in entry.trivial}
    strongest, picks = found.beside.get(found.strongest), found.picks
    near = nearness(results, gate.step)
    places = [
        place_of(found.loss),
        [Cell.of(other.loss, what=labels.get(name, name)) for name, other in found.beside.items()],
        place_of(strongest and strongest.difference),
        place_of(picks.share, note=f"chance {picks.chance:g}") if picks else [],
        place_of(near and near.suspicious),
        [Cell(text="passed" if gate.passed else "not yet")],
    ]
    return Row(label=gate.name, mark=of_paradigm(learned.paradigm), places=places)


def copies_table(results: Results) -> Table | None:
    """Distances of every system to the training music; None if they were not measured."""
    rows = [
        Row(
            label=results.systems[key].name if key in results.systems else key.replace("_", " "),
            places=[[Cell(text=number(each.median), numbers=(each.median,))], place_of(each.suspicious)],
        )
        for copies in results.copies.values()
        for key, each in copies.systems.items()
    ]
    if not rows:
        return None
    return Table(
        name="copies",
        label="Distances of systems to the training music",
        corner="System",
        columns=[Column(title="Distance to the nearest training clip"), Column(title="Near copies")],
        rows=rows,
        caption=(
            "Median distances between log-mel spectra, in deviations of the training music, and the share of clips "
            f"that are nearer to a training clip than {NEAR:.0%} of the ground truth does, with 95% intervals."
        ),
    )


def _needs(found: Standing) -> list[str]:
    """The requirements of the models that have not passed."""
    return [
        f"{gate.name}: {check.forecast}"
        for gate in found.gates
        for check in gate.checks
        if check.passed is False and check.forecast
    ]


_SHOWN: dict[str, tuple[str, Callable[[Given], str]]] = {
    "parameters": ("Parameters", lambda given: count(given.parameters)),
    "updates": ("Updates", lambda given: f"{given.updates:,}"),
    "examples": ("Examples", lambda given: f"{given.examples:,}"),
    "FLOPs of training": ("FLOPs", lambda given: "" if given.flops is None else f"{given.flops:.2e}"),
    "time in updates": ("Time in updates", lambda given: duration(given.wall_s)),
    "settings of the sampler tried": ("Settings tried", lambda given: f"{given.trials:,}"),
    "starting point": ("Starting point", lambda given: given.start or "from scratch"),
}
"""By the name of the quantity, its heading and its text for a model."""


def fairness_section(results: Results) -> Section | None:
    """The resources of every model, side by side; None for a study without training."""
    given = side_by_side(results)
    if not given:
        return None
    differing = unequal(given)
    rows = [
        Row(
            label=each.name, mark=of_paradigm(each.paradigm), places=plain(*(show(each) for _, show in _SHOWN.values()))
        )
        for each in given
    ]
    rows.append(Row(label="Equal", places=plain(*("no" if name in differing else "yes" for name in _SHOWN))))
    table = Table(
        name="fairness",
        label="Resources of each model",
        corner="Model",
        columns=[Column(title=title) for title, _ in _SHOWN.values()],
        rows=rows,
        caption=_SPENT.format(tolerance=TOLERANCE),
        is_narrow=True,
    )
    lead = (
        f"Not equal within {TOLERANCE:.0%}: {listed(differing)}. A difference in resources may explain a difference "
        "in scores."
        if differing
        else f"All quantities are equal within {TOLERANCE:.0%}."
    )
    return Section(id="fairness", title="Resources of each model", lead=lead, blocks=[table], short="Side by side")


def departures_section(results: Results) -> Section | None:
    """Departures of the study from the paper; None without any."""
    found = departures(results.study.kind, results.study.scale)
    if not found:
        return None
    table = plain_table(
        "departures",
        ["About", "The paper", "Here"],
        [[each.about, each.paper, each.here] for each in found],
        label="Departures from the paper",
    )
    return Section(
        id="departures", title="Departures from the paper", blocks=[table], short="Departures", is_folded=True
    )


def evidence_sections(results: Results) -> list[Section | None]:
    """All sections of this module for a study."""
    return [learned_section(results), fairness_section(results), departures_section(results)]
