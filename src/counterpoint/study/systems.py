"""The descriptions of a study's systems, from the steps that made their clips."""

from __future__ import annotations

from collections.abc import Mapping

from counterpoint.config import TrainingConfig
from counterpoint.paradigm.entry import PARADIGMS, ParadigmEntry
from counterpoint.results.schema import System
from counterpoint.study.judged import COPIES, GROUND_TRUTH, RECONSTRUCTED, named_systems
from counterpoint.study.work import Source, Step


def systems_of(steps: Mapping[str, Step | Source]) -> dict[str, System]:
    """By key, the systems that the steps of a study evaluate, in the order of these steps.

    The name of a system that several evaluations distinguish, such as the ground truth of each duration, has the end of
    the evaluation's name, as in `Judged`.
    """
    judging = [step for step in steps.values() if isinstance(step, Step) and _judges(step)]
    folders = [{(name, step.inputs[given].name) for name, given, _ in named_systems(step.inputs)} for step in judging]
    found: dict[str, System] = {}
    for step in judging:
        for name, given, below in named_systems(step.inputs):
            key, _, _ = name.partition("@")
            source = step.inputs[given]
            if any(other == name and at != source.name for known in folders for other, at in known):
                key = f"{key}_{step.name.partition('_')[2]}"
            clips = f"steps/{source.name}/{below}".rstrip("/")
            known = found.get(key) or _described(key, source).model_copy(
                update={"prompts": step.inputs["prompts"].name}
            )
            if clips not in known.clips:
                found[key] = known.model_copy(update={"clips": (*known.clips, clips)})
    return found


def _judges(step: Step) -> bool:
    return "prompts" in step.inputs and any(name.startswith(RECONSTRUCTED) for name in step.inputs)


def _described(key: str, source: Step | Source) -> System:
    """A system, from the step that made its clips."""
    if key.startswith(GROUND_TRUTH):
        return System(key=key, name="Ground truth", what="The held-out music itself.", origin="truth")
    if key.startswith("reconstruction"):
        return System(key=key, name=_words(key), what="The ground truth through the codec.", origin="codec")
    if key.startswith(COPIES):
        what = "For every prompt the training clip with the most similar caption: a cheat, not a model."
        return System(key=key, name=_words(key), what=what, origin="trivial")
    if trivial := _trivial(key, source):
        return trivial
    model = source.inputs.get("model") if isinstance(source, Step) else None
    if isinstance(model, Source):
        return System(key=key, name=_words(key), model=model.name, origin="shipped", given=_given(source))
    if isinstance(model, Step) and isinstance(model.config, TrainingConfig):
        paradigm = PARADIGMS[model.config.model.paradigm]
        return System(
            key=key,
            name=_named(key, paradigm, called=paradigm.label),
            short=_named(key, paradigm, called=paradigm.short),
            origin="model",
            paradigm=paradigm.name,
            model=model.name,
            given=_given(source),
        )
    is_outside = isinstance(source, Step) and "folder" in source.inputs
    return System(key=key, name=_words(key), origin="outside" if is_outside else "anchor")


def _trivial(key: str, source: Step | Source) -> System | None:
    """A predictor without a network; None for any other system."""
    config = source.config if isinstance(source, Step) and isinstance(source.config, Mapping) else {}
    if "predictor" not in config:
        return None
    paradigm = PARADIGMS[config["model"].paradigm]
    [entry] = [entry for entry in paradigm.trivial if entry.name == config["predictor"]]
    rest = key.removeprefix(entry.name).replace("_", " ").strip()
    name = f"{entry.label}{', ' if rest else ''}{rest}"
    what = f"No network: {entry.what}. {paradigm.label} must outperform it."
    return System(key=key, name=name, short=name, what=what, origin="trivial", paradigm=paradigm.name)


def _given(source: Step | Source) -> tuple[str, ...]:
    config = source.config if isinstance(source, Step) else {}
    return tuple(config.get("given", ())) if isinstance(config, Mapping) else ()


def _words(key: str) -> str:
    words = key.replace("_", " ")
    return words[:1].upper() + words[1:]


def _named(key: str, paradigm: ParadigmEntry, *, called: str) -> str:
    """`Flow matching, enc 25hz`: the paradigm's name, and the rest of the key."""
    rest = key
    for start in (paradigm.name, paradigm.short.lower()):
        rest = rest.removeprefix(f"{start}_") if rest.startswith(f"{start}_") else rest.removeprefix(start)
    rest = rest.replace("_", " ").replace("finetuned", "fine-tuned")
    return f"{called}{', ' if rest else ''}{rest}"
