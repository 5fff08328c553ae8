"""Models given controls of the prompts' own music, and what is heard of these in their clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from counterpoint.metrics.preferences import best_judge
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import Example, Players, Scores, Section, System, Text
from counterpoint.report.numbers import listed
from counterpoint.results import schema
from counterpoint.results.schema import OTHER, Judged, Results
from counterpoint.study.pages.looks import shown_systems, variant
from counterpoint.study.pages.page import examples_of, headed
from counterpoint.study.pages.words import are_apart, scored

FOLLOWED: Mapping[str, str] = {"chords": "chords", "drums": "downbeats", "melody": "melody"}
"""What each control is judged by, in words; the order of the paper's columns."""
ADHERE = "adhere"
"""The step that judges what is followed."""
_OTHERS = (
    "These are not the models compared above but ones that ship with the package, {models}, trained for longer, on the "
    "same prompts. "
)


def measures(judged: Judged, given: Sequence[str], *, played: bool = True) -> dict[str, str]:
    """The metric that judges each control.

    Args:
        played: against exact truth where it is known; else the paper's way, against labels heard in the prompt's own
            music, and by the paper's own extractors where they have been there.
    """
    families = {control: f"{name} played" if played else name for control, name in FOLLOWED.items() if control in given}
    found = {control: best_judge(family, judged.metrics) for control, family in families.items()}
    return {control: metric for control, metric in found.items() if metric}


def given_against_free(judged: Judged, judges: Mapping[str, str], steered: str, free: str, *, name: str) -> str:
    """Numbers of a model given controls against those of the same given none; "" where nothing is judged."""
    parts = [
        f"{FOLLOWED[control]} {scored(judged, key, steered)} against {scored(judged, key, free)}"
        f" ({'clearly different' if are_apart(judged, key, steered, free) else 'could be chance'})"
        for control, key in judges.items()
    ]
    controls = listed([FOLLOWED[control] for control in judges])
    return f"{name}, with {controls} given and with the caption only: {'; '.join(parts)}." if parts else ""


class Steered:
    """How models that ship follow controls, beside those that a study compares.

    Attributes:
        pairs: of each paradigm the system that is given controls and the one that is given none.
    """

    def __init__(self, results: Results, names: Sequence[str], pairs: Mapping[str, tuple[str, str]]):
        self.results, self.names, self.pairs = results, names, pairs
        self.judged = results.judged(ADHERE)
        self.judges = measures(self.judged, names)
        own = {}
        for paradigm, (steered, free) in pairs.items():
            own |= {steered: self._system(paradigm, steered, "controls"), free: self._system(paradigm, free, "nothing")}
        self.systems = shown_systems(results, self.judged, own=own)

    def _system(self, paradigm: str, key: str, given: str) -> System:
        """A model of a pair; hollow where it is given nothing."""
        ships = self.results.systems[key].origin == "shipped"
        what = f"The model {f'that ships as {self.results.systems[key].model}' if ships else 'with controls'}, "
        what += f"given {listed(self.names)} of the prompt's own music." if given == "controls" else "given none."
        return variant(key, paradigm, given, what, fill="solid" if given == "controls" else "hollow")

    @classmethod
    def of(cls, results: Results, names: Sequence[str]) -> Steered | None:
        """Of a study that has any; a model without controls is compared with itself, given none."""
        if ADHERE not in results.evaluations:
            return None
        models = [system for system in results.systems.values() if system.origin in ("shipped", "model")]
        judged = results.evaluations[ADHERE].scores
        pairs = {}
        for system in models:
            if system.given and system.key in judged:
                free = next((o.key for o in models if o.key in judged and _is_free(results, o, system)), "")
                pairs[_paradigm(results, system)] = (system.key, free)
        return cls(results, names, pairs) if pairs and all(free for _, free in pairs.values()) else None

    def name(self, paradigm: str) -> str:
        """Of its model; of one that ships, that too."""
        label, system = PARADIGMS[paradigm].label, self.results.systems[self.pairs[paradigm][0]]
        return f"{label} that ships ({system.model})" if system.origin == "shipped" else label

    def section(self) -> Section | None:
        """The table, and a few examples with what was asked and what is heard."""
        points = [
            given_against_free(self.judged, self.judges, steered, free, name=self.name(paradigm))
            for paradigm, (steered, free) in self.pairs.items()
        ]
        keys = [key for key in self.systems if key != OTHER]
        metrics = [self.judged.metrics[metric] for metric in self.judges.values()]
        scores, systems = self.judged.scores, list(self.systems.values())
        subjects = [key for pair in self.pairs.values() for key in pair]
        own = [self.results.systems[steered] for steered, _ in self.pairs.values()]
        shipped = [system.model for system in own if system.origin == "shipped"]
        return headed(
            "all",
            "controls",
            Text(items=[point for point in points if point]),
            Scores(name="controls", systems=systems, metrics=metrics, scores=scores, subjects=subjects),
            Players(id="controlled", examples=self._examples(keys), is_wide=True),
            others=_OTHERS.format(models=listed(shipped)) if shipped else "",
            controls=listed(self.names),
        )

    def _examples(self, keys: Sequence[str]) -> list[Example]:
        asked = {free: () for _, free in self.pairs.values()} | {key: self.names for key, _ in self.pairs.values()}
        heard = self.results.heard[ADHERE]
        return examples_of(
            self.results, self.systems, keys, heard=heard, asked=asked, wanted=lambda clip: clip in heard.target
        )


def _paradigm(results: Results, system: schema.System) -> str:
    """Of a system's model; of one that ships, as it said itself when it drew."""
    return system.paradigm or results.generations[f"generate_{system.key}"].report.paradigm


def _is_free(results: Results, other: schema.System, steered: schema.System) -> bool:
    """The same model given nothing, or one of its paradigm that knows no controls."""
    return not other.given and _paradigm(results, other) == _paradigm(results, steered)
