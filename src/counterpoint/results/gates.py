"""Gates: whether trained models have learned enough for a meaningful comparison.

A model passes when

1. its held-out loss is below that of every trivial predictor of its paradigm, clip by clip, with the whole 95%
   interval of the difference below zero;
2. it selects true captions more often than chance, with the whole 95% interval above chance. This applies only to
models that mostly have nothing but the caption: it cannot be tested without captions, and a model that fills in spans
in most examples also sees the surrounding music, which is as informative as the caption.
3. its clips are not copies: the share of clips suspiciously near to the training music is not clearly above the allowed
share. A model that copies its training music would win by every metric.

A study draws conclusions only if all of its models pass and no metric compares with music that they were trained on.
A study at debug scale never does.
"""

from __future__ import annotations

from dataclasses import dataclass

from counterpoint.examine import LEAST_CLIPS, Estimate, Examination
from counterpoint.paradigm.entry import PARADIGMS, ParadigmEntry
from counterpoint.report.numbers import duration, listed, number, span
from counterpoint.results.copies import NEAR, Nearest
from counterpoint.results.costs import Model
from counterpoint.results.forecast import FAR, PowerLaw, falling, fit_power_law
from counterpoint.results.schema import Results

DEBUG = (
    "This is the debug scale: it shows that everything runs, with models that have learned nothing. It is no evidence "
    "about the question."
)
MOSTLY = 0.5
"""Above this share of examples with spans to fill in, a model is not required to read captions."""


@dataclass(frozen=True)
class Check:
    """One condition of the gate.

    Attributes:
        passed: None if it does not apply to the model.
        words: the finding, in whole sentences.
        forecast: what is needed to pass; "" if it passed or no forecast is possible.
    """

    passed: bool | None
    words: str
    forecast: str = ""


@dataclass(frozen=True)
class Gate:
    """The conditions for one model.

    Attributes:
        step: the step that trained it.
        name: name of the model, at the beginning of a sentence.
    """

    step: str
    name: str
    loss: Check
    picks: Check
    own_music: Check
    examination: Examination | None = None

    @property
    def checks(self) -> tuple[Check, ...]:
        return self.loss, self.picks, self.own_music

    @property
    def passed(self) -> bool:
        """Whether no applicable condition has failed; that of the loss always applies."""
        return all(check.passed is not False for check in self.checks) and bool(self.loss.passed)


@dataclass(frozen=True)
class Standing:
    """Whether a study may draw conclusions from its models.

    Attributes:
        is_debug: whether the study was run at debug scale.
        gates: gates of every model that it trained; empty for a study that trains none.
        trained: number of pieces in the references of its metrics on which models were trained.
    """

    is_debug: bool
    gates: tuple[Gate, ...] = ()
    trained: int = 0

    @property
    def passed(self) -> bool:
        """Whether the study may draw conclusions."""
        return not self.sentence

    @property
    def sentence(self) -> str:
        """The reason why it may not; "" if it may."""
        if self.is_debug:
            return DEBUG
        failed = [gate.name for gate in self.gates if not gate.passed]
        if not failed and self.trained:
            return "Not yet: the metrics compare with music that the models were trained on, so that copies would win."
        if not failed:
            return ""
        have = "has" if len(failed) == 1 else "have"
        of_all = "" if len(failed) == len(self.gates) else f", {len(failed)} of {len(self.gates)} models,"
        return f"Not yet: {listed(failed)}{of_all} {have} not been shown to have learned enough for a comparison."

    @property
    def reasons(self) -> list[str]:
        """The failed conditions and how to meet them, one point each."""
        found = [
            f"{gate.name}: {check.words} {check.forecast}".strip()
            for gate in self.gates
            for check in gate.checks
            if check.passed is False
        ]
        if self.trained:
            found.append(
                f"Models were trained on {self.trained} pieces of the reference. Add music to the dataset, or use "
                "fewer or shorter prompts, so that enough held-out music remains for the reference."
            )
        return found


def standing(results: Results) -> Standing:
    """The standing of the models of a finished study."""
    trained = {step: model for step, model in results.models.items() if model.result.steps}
    return Standing(
        is_debug=results.study.scale == "debug",
        gates=tuple(_gate(results, step, model) for step, model in trained.items()),
        trained=sum(reference.trained for reference in results.references.values()),
    )


def _gate(results: Results, step: str, model: Model) -> Gate:
    learned, name = results.examined(step), name_of(results, step)
    if learned is None:
        words = "It was not examined: run the study again; finished steps are kept."
        return Gate(step, name, Check(False, words), Check(None, ""), Check(None, ""))
    found, entry = learned.examination, PARADIGMS[learned.paradigm]
    return Gate(
        step, name, _loss(found, entry, model), _picks(found, model), _own_music(nearness(results, step)), found
    )


def name_of(results: Results, step: str) -> str:
    """The name of a trained model in tables, at the beginning of a sentence."""
    base, _, seed = step.partition("@")
    systems = [system for system in results.systems.values() if system.model == base and system.origin == "model"]
    name = systems[0].name if len(systems) == 1 else base.partition("_")[2].replace("_", " ")
    return f"{name[:1].upper()}{name[1:]}{f', seed {seed}' if seed else ''}"


def _loss(found: Examination, entry: ParadigmEntry, model: Model) -> Check:
    labels = {trivial.name: trivial.label.lower() for trivial in entry.trivial}
    if not found.beside:
        return Check(False, f"{entry.label} has no trivial predictor, so that learning cannot be verified.")
    if found.clips < LEAST_CLIPS:
        return Check(False, f"There are only {found.clips} held-out clips, and at least {LEAST_CLIPS} are needed.")
    name = found.strongest
    nearest = found.beside[name]
    passed = nearest.difference.high < 0
    words = (
        f"Its held-out loss, {span(found.loss)}, {'is' if passed else 'is not clearly'} below that of "
        f"{labels.get(name, name)}, {span(nearest.loss)}: the difference is {span(nearest.difference)} over "
        f"{found.clips} clips."
    )
    return Check(passed, words, "" if passed else forecast(model, fall=nearest.difference.high))


def _picks(found: Examination, model: Model) -> Check:
    picks = found.picks
    if picks is None:
        return Check(None, "The held-out music has too few captions, so this was not tested.")
    words = (
        f"It selects the true one of {picks.candidates} captions in {span(picks.share)} of {picks.clips} clips; "
        f"chance is {picks.chance:g}"
    )
    if model.config.model.inpainting > MOSTLY:
        return Check(None, f"{words}; this is not required of a model that is trained to fill in spans.")
    if picks.share.low > picks.chance:
        return Check(True, f"{words}.")
    return Check(False, f"{words}, so this is not clearly above chance.", _clips_needed(picks.share, picks.chance))


def nearness(results: Results, step: str) -> Nearest | None:
    """Distances of the clips of a model to the training music, of the nearest system if several draw from the model;
    None if they were not measured."""
    base = step.partition("@")[0]
    keys = {key for key, system in results.systems.items() if system.model == base and system.origin == "model"}
    near = [each for copies in results.copies.values() for key, each in copies.systems.items() if key in keys]
    return max(near, key=lambda each: each.suspicious.low, default=None)


def _own_music(near: Nearest | None) -> Check:
    if near is None:
        return Check(None, "Its clips were not compared with the training music.")
    words = (
        f"A share of {span(near.suspicious)} of its clips are nearer to the training music than {NEAR:.0%} of "
        "held-out music"
    )
    if not near.copies:
        return Check(True, f"{words}.")
    return Check(False, f"{words}, so it copies its training music.", "It needs more music, or fewer updates.")


def _clips_needed(share: Estimate, chance: float) -> str:
    """The number of clips that would distinguish a share of this size from chance."""
    if share.value <= chance:
        return "It needs longer training; more clips would not help."
    needed = 1.96**2 * share.value * (1 - share.value) / (share.value - chance) ** 2
    return f"If this share is right, about {needed:,.0f} clips would show it; longer training should raise it."


def forecast(model: Model, *, fall: float) -> str:
    """Updates and time until the validation loss is lower than its best by `fall`, by the fitted learning curve."""
    curve, result = falling(model.curve.valid), model.result
    if not curve or curve[-1][0] == 0:
        return "Its validation loss never fell: the model does not learn from this music with these settings."
    best_step, best = curve[-1]
    if best_step < 0.8 * result.steps:
        return (
            f"Its validation loss was lowest after {best_step:,} of {result.steps:,} updates and has risen since: more "
            "updates on this music will not lower it, more music would."
        )
    law = fit_power_law(curve)
    if law is None:
        return f"{len(curve)} validations are too few to forecast how many updates it would take."
    return _remaining_training(law, target=best - fall, updates=result.steps, seconds=result.wall_s)


def _remaining_training(law: PowerLaw, *, target: float, updates: int, seconds: float) -> str:
    fitted = (
        f"By a power law through its {law.points} validations, {number(law.level)} + {number(law.scale)} "
        f"u^(\u2212{law.exponent:.2f}),"
    )
    needed = law.updates_to(target)
    if needed is None:
        return (
            f"{fitted} the loss levels off above the required {number(target)}: a larger model or more "
            "music is needed, not more updates."
        )
    if needed > FAR * updates:
        return f"{fitted} it would take more than {FAR * updates:,} updates."
    needed = max(needed, updates)
    time = duration(seconds / updates * needed)
    return f"{fitted} it would take about {_rounded(needed):,} updates, {time} on the machine that trained it."


def _rounded(value: float) -> int:
    """A number rounded to two digits, the precision of a forecast."""
    return int(float(f"{value:.2g}"))
