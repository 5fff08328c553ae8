"""Results of finished studies, made up: small, and what their judges found is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from counterpoint.analysis.annotation import Annotation
from counterpoint.audio import save_audio
from counterpoint.config import DataConfig, LatentSpec, ModelConfig, TrainingConfig
from counterpoint.examine import Beside, Estimate, Examination, Picks
from counterpoint.metrics import Difference, Evaluation, MetricInfo, Score
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.results.costs import Curve, Model
from counterpoint.results.learned import EXAMINES, Learned
from counterpoint.results.parts import Choice, DetectedMusic, Filling, Music, Prompts, Spans, Window
from counterpoint.results.records import Provenance, StudyInfo
from counterpoint.results.schema import TRUTH, Example, Results, System
from counterpoint.training import TrainingResult

PAIR = ("autoregressive", "flow_matching")
CONTROLS = ("chords", "melody", "drums")
ADHERENCE = (
    *(f"{name}{end}" for name in ("chord_iou_viterbi25", "downbeat_f1_librosa") for end in ("", "_exact")),
    "melody_similarity",
    "melody_pitch_class_exact",
)
FIDELITY = {"fad_musicnn": "lower", "tag_match_musicnn": "higher", "sig_flatness": "neither"}
CAPTIONS = ('A calm <b>waltz</b> & "strings", with a long line of piano over soft drums', "", "Fast techno, 140 bpm")
CLIP_S = 2.0
IDS = tuple(f"track-{index}" for index in range(8))
EXAMPLES = IDS[:5:4]
RECONSTRUCTIONS = ("reconstruction_latents", "reconstruction_codes")


@dataclass
class Found:
    """What the judges of the made-up study are to have found.

    Attributes:
        following: value of every measure of adherence, by system; by its mode where the system is not there.
        clear: whether all differences have passed their tests.
        exact: the music's own chords, melody and beats are known.
        controls: of the models.
    """

    following: dict[str, float] = field(default_factory=lambda: {"text": 0.2, "null": 0.21, "all": 0.6})
    clear: bool = True
    exact: bool = True
    controls: Sequence[str] = CONTROLS

    def value(self, system: str) -> float:
        mode = system.rsplit("_", 1)[-1]
        return self.following.get(system, self.following.get(mode, 0.4))


@dataclass
class Filled:
    """What the judges of a made-up study of inpainting are to have found.

    Attributes:
        seams: by system, the values of two made-up measures where they are not those of `SEAMS`; the second is better
            where it is high.
        clear: whether all differences have passed their tests.
        without: pairs that were not tested.
        text_model: the auto-regressive model of text alone was trained too.
        clips: write them; numbers alone are faster.
    """

    seams: dict[str, tuple[float, float]] = field(default_factory=dict)
    clear: bool = True
    without: Sequence[tuple[str, str]] = ()
    text_model: bool = True
    clips: bool = True


ZERO_SHOT = ("fm_inversion", "fm_repaint", "fm_projection", "fm_gradient")
FILLED = ("ar", "fm", *ZERO_SHOT, "fm_best")
ANCHORS = ("silence", "other_clip")
SEAMS = {
    "ground_truth": (1.0, 0.9),
    **dict.fromkeys(RECONSTRUCTIONS, (1.05, 0.88)),
    "ar": (2.0, 0.6),
    "fm": (1.5, 0.7),
    "fm_inversion": (3.0, 0.4),
    "fm_repaint": (2.5, 0.45),
    "fm_projection": (2.8, 0.5),
    "fm_gradient": (4.0, 0.3),
    "fm_best": (2.2, 0.55),
    "silence": (9.0, 0.1),
    "other_clip": (6.0, 0.2),
}
SPAN_S = (0.6, 1.4)
LATENTS: Mapping[str, Any] = {
    **{"codec": "pocket", "sample_rate": 32_000, "frame_rate": 25.0, "fingerprint": "c"},
    **{"num_codebooks": 4, "codebook_size": 64, "latent_dim": 8},
}


@pytest.fixture(scope="session")
def fabricate() -> Callable[..., Results]:
    """A function that makes the results of a finished `table3` in a folder; see `Found` for its arguments."""
    return lambda root, **found: make_controls(root, Found(**found))


@pytest.fixture(scope="session")
def learn() -> Callable[[str], Learned]:
    """A function that makes what a model of a paradigm has learned, enough to pass its gate."""
    return learned


@pytest.fixture(scope="session")
def fabricate_inpainting() -> Callable[..., Results]:
    """A function that makes the results of a finished `table4` in a folder; see `Filled` for its arguments."""
    return lambda root, **found: make_inpainting(root, Filled(**found))


def make_controls(root: Path, found: Found) -> Results:
    modes = ("text", "null", "all", *found.controls)
    systems = [f"{paradigm}_{mode}" for paradigm in PAIR for mode in modes]
    judged = ("ground_truth", *RECONSTRUCTIONS, *systems)
    for index, key in enumerate(EXAMPLES):
        for system in (TRUTH, *systems):
            write_clip(root / place_of(system) / f"{key}.wav", seed=index)
    metrics = [name for name in ADHERENCE if found.exact or not name.endswith("_exact")]
    given = ("all", *found.controls)
    pairs = [(f"{p}_{mode}", f"{p}_null") for p in PAIR for mode in given]
    pairs += [(f"{PAIR[0]}_{mode}", f"{PAIR[1]}_{mode}") for mode in given]
    floors = {
        "ground truth": {name: 0.8 for name in metrics if name.endswith("_exact")},
        "another clip": dict.fromkeys(metrics, 0.19),
    }
    following = {system: dict.fromkeys(metrics, found.value(system)) for system in judged}
    fidelity = {system: dict.fromkeys(FIDELITY, 10 * (1 + found.value(system))) for system in judged}
    against = [(f"{p}_{mode}", f"{p}_text") for p in PAIR for mode in ("null", *given)]
    halves = {"ground truth": {"fad_musicnn": 1.0}}
    heard = {
        system: {key: annotation(index, wrong=not system.endswith("_all")) for index, key in enumerate(EXAMPLES)}
        for system in judged
    }
    return ground(
        "controls",
        root,
        systems=["ground_truth", *systems],
        given=found.controls,
        models={f"train_{p}{end}": p for p in PAIR for end in ("", "_controlled")},
        evaluations={
            "adhere": evaluation(dict.fromkeys(metrics, "higher"), following, floors, pairs, clear=found.clear),
            "evaluate": evaluation(FIDELITY, fidelity, halves, against, clear=found.clear),
        },
        heard={"adhere": DetectedMusic(target={key: annotation(i) for i, key in enumerate(EXAMPLES)}, systems=heard)},
    )


def make_inpainting(root: Path, found: Filled) -> Results:
    spans = {key: (SPAN_S[0] + 0.05 * index, SPAN_S[1] + 0.05 * index) for index, key in enumerate(IDS)}
    for index, key in enumerate(IDS if found.clips else ()):
        write_clip(root / place_of(TRUTH) / f"{key}.wav", seed=index)
        for number, system in enumerate((*FILLED, *ANCHORS), start=1):
            seed = None if system == "silence" else index + number
            write_clip(root / place_of(system) / f"{key}.wav", seed=index, filled=(seed, spans[key]))
    pairs = [
        *((system, anchor) for system in FILLED for anchor in ANCHORS),
        ("ar", "fm"),
        *((system, rival) for system in ("ar", "fm") for rival in ("fm_inversion", "fm_best")),
        *((system, rival) for rival, system in combinations(ZERO_SHOT, 2)),
        ("fm_best", "fm_inversion"),
    ]
    pairs = [pair for pair in pairs if pair not in found.without]
    values = SEAMS | found.seams
    seams = {key: {"seam_flux": flux, "seam_chord": chord} for key, (flux, chord) in values.items()}
    whole = {
        key: {"fad_musicnn": 10 * flux, "tag_match_musicnn": chord, "sig_flatness": flux}
        for key, (flux, chord) in values.items()
    }
    plain = {
        key: {"seam_flux_plain": flux + 0.4} for key, (flux, _) in values.items() if key not in ("fm_best", *ANCHORS)
    }
    chosen = {key: ZERO_SHOT[index % 3] for index, key in enumerate(IDS)}
    runs = ["inpaint_autoregressive", "inpaint_flow_matching", "train_flow_matching"]
    runs += ["train_autoregressive"] * found.text_model
    better = {"seam_flux": "lower", "seam_chord": "higher"}
    results = ground(
        "inpainting",
        root,
        systems=["ground_truth", *FILLED, *ANCHORS],
        models={run: run.split("_", 1)[1] for run in runs},
        evaluations={
            "seams_plain": evaluation({"seam_flux_plain": "lower"}, plain, {}, [("ar", "fm")]),
            "seams": evaluation(better, seams, {}, pairs, clear=found.clear),
            "evaluate": evaluation(FIDELITY, whole, {"ground truth": {"fad_musicnn": 1.0}}, pairs, clear=found.clear),
        },
        spans={"spans": Spans(duration_s=CLIP_S, mask_s=0.8, margin_s=0.5, spans=spans)},
        fillings={
            f"generate_{system}": Filling(method=system, seconds_per_clip=0.5 * n, model_evaluations=10 * n)
            for n, system in enumerate(FILLED[:-1], start=1)
        },
        choices={
            "generate_fm_best": Choice(
                chosen=chosen, counts={system: [*chosen.values()].count(system) for system in ZERO_SHOT[:3]}
            )
        },
    )
    for step, part in (*results.prompts.items(), *results.spans.items()):
        part.write(root / step)
    return results


def ground(
    kind: str,
    root: Path,
    *,
    systems: Sequence[str],
    models: Mapping[str, str],
    evaluations: Mapping[str, Evaluation],
    given: Sequence[str] = (),
    **parts: Any,
) -> Results:
    """Results with what studies of trained models have in common.

    Args:
        systems: those with clips, which lie in `place_of` them below the root.
        models: the paradigm by step.
        given: controls of the models that have any.
        parts: further sections of the results.
    """
    windows = [
        Window(id=key, row=key, group=key, split="test", start_s=0.0, caption=CAPTIONS[index % 3])
        for index, key in enumerate(IDS)
    ]
    spans = next((found.spans for found in parts.get("spans", {}).values()), {})
    return Results(
        study=StudyInfo(name="tiny", kind=kind, config={"kind": kind}),
        provenance=Provenance(steps={}, machine="a machine", versions={"counterpoint": "1.0"}),
        systems={key: system(key, given) for key in (*systems, *RECONSTRUCTIONS)},
        examples=tuple(
            Example(
                id=key,
                prompts="prompts",
                caption=CAPTIONS[IDS.index(key) % 3],
                clips={name: f"{place_of(name)}/{key}.wav" for name in systems},
                span_s=spans.get(key),
            )
            for key in EXAMPLES
        ),
        music={
            "data": Music(kind="composed", name="made-up", fingerprint="f", rows={"train": 9}, hours={"train": 1.0})
        },
        prompts={"prompts": Prompts(duration_s=CLIP_S, windows=tuple(windows))},
        latents={"encode": LatentSpec(**LATENTS)},
        models={step: model(paradigm, given * step.endswith("_controlled")) for step, paradigm in models.items()},
        learned={f"{EXAMINES}{step}": learned(paradigm) for step, paradigm in models.items()},
        evaluations=evaluations,
        **parts,
    ).at(root)


def place_of(key: str) -> str:
    """Folder of a system's clips below the root, as the steps of a study have it."""
    return "prompts/truth" if key == TRUTH else f"generate_{key}"


def system(key: str, given: Sequence[str]) -> System:
    origin = "codec" if key in RECONSTRUCTIONS else "anchor" if key in ANCHORS else "model"
    if key == "ground_truth":
        return System(key=key, name="Ground truth", origin="truth")
    paradigm = next((name for name in PAIR if key.startswith(name)), "")
    return System(key=key, name=key, origin=origin, paradigm=paradigm, given=tuple(given) if "all" in key else ())


def model(paradigm: str, controls: Sequence[str] = ()) -> Model:
    """A model that has been trained."""
    tracks = {name: f"{name}.exact" for name in controls}
    return Model(
        config=TrainingConfig(
            model=ModelConfig(paradigm=paradigm, controls=tuple(controls)),
            data=DataConfig(dataset="data", tracks=tracks),
        ),
        result=TrainingResult(
            steps=300,
            loss=2.5,
            valid_loss=2.5,
            wall_s=60.0,
            examples=2400,
            audio_s=12_000.0,
            parameters=1_234_567,
            peak_memory_bytes=2**30,
            device="cpu",
            processes=1,
        ),
        curve=Curve(train=tuple((step, 3.0 - step / 200) for step in (1, 100, 200, 300)), valid=((300, 2.5),)),
    )


def learned(paradigm: str) -> Learned:
    """A model that is past its trivial predictors and reads captions."""
    name = PARADIGMS[paradigm].trivial[-1].name
    beside = {name: Beside(Estimate(3.0, 2.9, 3.1), Estimate(-0.5, -0.6, -0.4))}
    picks = Picks(Estimate(0.5, 0.4, 0.6), candidates=8, clips=96)
    found = Examination(96, 96, ("test",), Estimate(2.5, 2.4, 2.6), beside, picks)
    return Learned(paradigm=paradigm, examination=found)


def score(name: str, better: str, value: float, *, per_clip: bool = True) -> Score:
    clips = (value,) * len(IDS) if per_clip else None
    return Score(name, value, 0.9 * value, 1.1 * value, len(IDS), "", better, per_clip=clips)  # pyright: ignore[reportArgumentType]


def evaluation(
    metrics: Mapping[str, str],
    scores: Mapping[str, Mapping[str, float]],
    floors: Mapping[str, Mapping[str, float]],
    pairs: Iterable[tuple[str, str]],
    *,
    clear: bool = True,
    blurred: Sequence[tuple[str, str]] = (),
    effect: float | None = None,
) -> Evaluation:
    """What judges found; distances have no values of single clips.

    Args:
        clear: differences have passed their tests, but those of the pairs in `blurred`.
        effect: of every difference.
    """

    def row(values: Mapping[str, float]) -> dict[str, Score]:
        return {name: score(name, metrics[name], value, per_clip="fad" not in name) for name, value in values.items()}

    def difference(first: str, second: str, name: str) -> Difference:
        value = scores[first][name] - scores[second][name]
        is_clear = clear and value and (first, second) not in blurred
        reach, p = (0.5 * abs(value), 0.001) if is_clear else (2 * abs(value) + 0.1, 0.5)
        return Difference(name, first, second, value, value - reach, value + reach, p, p, 8, True, effect=effect)

    infos = (MetricInfo(name, f"what {name} is", "", better) for name, better in metrics.items())  # pyright: ignore[reportArgumentType]
    return Evaluation(
        n=len(IDS),
        seed=0,
        metrics=tuple(infos),
        scores={key: row(values) for key, values in scores.items()},
        floors={key: row(values) for key, values in floors.items()},
        differences=tuple(difference(*pair, name) for pair in pairs for name in metrics),
        ids={},
        notes=("A remark.",),
    )


def annotation(seed: int, *, wrong: bool = False) -> Annotation:
    shift = 5 if wrong else 0
    labels = ("C", "Am7", "F", "G/B") if not wrong else ("Dm", "N", "Ebm7b5/Db", "A")
    return Annotation(
        CLIP_S,
        chords=tuple((index * CLIP_S / 4, label) for index, label in enumerate(labels)),
        notes=tuple((index * 0.25, index * 0.25 + 0.2, 60 + (seed + 7 * index + shift) % 15) for index in range(8)),
        beats=tuple((0.02 + 0.25 * index + 0.07 * wrong, index % 4 + 1) for index in range(8)),
    )


def write_clip(path: Path, *, seed: int, filled: tuple[int | None, Sequence[float]] | None = None) -> None:
    """A tune of its own for every seed; in a span that is `filled` another one's, or silence."""
    audio = _tune(seed)
    if filled is not None:
        other, span = filled
        inside = slice(*(round(32_000 * border) for border in span))
        audio[inside] = 0 if other is None else _tune(other)[inside]
    save_audio(path, audio, sample_rate=32_000)


def _tune(seed: int) -> np.ndarray:
    time = np.arange(round(CLIP_S * 32_000)) / 32_000
    audio = 0.2 * np.sin(2 * np.pi * (220 + 40 * seed) * time) * (1 - time % 0.25 / 0.25)
    return audio.astype(np.float32)
