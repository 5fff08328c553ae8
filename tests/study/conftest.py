"""Folders of a finished study of controls, made up: small, and what its judges found is known."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from counterpoint.analysis.annotation import Annotation
from counterpoint.audio import save_audio
from counterpoint.config import write_json


@dataclass(frozen=True)
class Folders:
    """Where each step's result lies, by step name."""

    paths: Mapping[str, Path]


PAIR = ("autoregressive", "flow_matching")
CONTROLS = ("chords", "melody", "drums")
MODES = ("text", "null", "all", *CONTROLS)
ADHERENCE = (
    *(
        f"{name}{suffix}"
        for name in ("chord_iou_viterbi25", "chord_iou_macro_viterbi25", "downbeat_f1_librosa")
        for suffix in ("", "_exact")
    ),
    "melody_similarity",
    "melody_pitch_class_exact",
)
FIDELITY = {"fad_musicnn": "lower", "tag_match_musicnn": "higher", "sig_flatness": "neither"}
CAPTIONS = (
    'A calm <b>waltz</b> & "strings", with a long line of piano over soft brushed drums',
    "",
    "Fast techno, 140 bpm",
)
CLIP_S = 2.0


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


@pytest.fixture(scope="session")
def fabricate() -> Callable[..., Folders]:
    """A function that writes the folders of a finished `table3`; see `Found` for its arguments."""
    return lambda root, **found: write_study(root, Found(**found))


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
RECONSTRUCTIONS = ("reconstruction_latents", "reconstruction_codes")
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


@pytest.fixture(scope="session")
def fabricate_inpainting() -> Callable[..., Folders]:
    """A function that writes the folders of a finished `table4`; see `Filled` for its arguments."""
    return lambda root, **found: write_inpainting(root, Filled(**found))


def write_inpainting(root: Path, found: Filled) -> Folders:
    ids = [f"track-{index}" for index in range(8)]
    _write_ground(root, ids)
    runs = ["inpaint_autoregressive", "inpaint_flow_matching", "train_flow_matching"]
    for run in (*runs, *(["train_autoregressive"] if found.text_model else [])):
        _write_run(root / run, controls=())
    spans = {key: [SPAN_S[0] + 0.05 * index, SPAN_S[1] + 0.05 * index] for index, key in enumerate(ids)}
    sizes = {"duration_s": CLIP_S, "mask_s": 0.8, "margin_s": 0.5}
    write_json(root / "spans" / "spans.json", {**sizes, "spans": spans})
    for index, key in enumerate(ids if found.clips else ()):
        _write_clip(root / "prompts" / "truth" / f"{key}.wav", seed=index)
        for number, system in enumerate((*FILLED, *ANCHORS), start=1):
            seed = None if system == "silence" else index + number
            _write_clip(root / f"generate_{system}" / f"{key}.wav", seed=index, filled=(seed, spans[key]))
    for number, system in enumerate(FILLED[:-1], start=1):
        cost = {"method": system, "seconds_per_clip": 0.5 * number, "model_evaluations": 10 * number}
        write_json(root / f"generate_{system}" / "inpaint.json", cost)
    chosen = {key: ZERO_SHOT[index % 3] for index, key in enumerate(ids)}
    counts = {system: [*chosen.values()].count(system) for system in ZERO_SHOT[:3]}
    write_json(root / "generate_fm_best" / "best.json", {"chosen": chosen, "counts": counts})
    _write_seam_judgements(root, found)
    steps = ["data", "encode", "prompts", "reconstruct", "spans", "seams", "evaluate"]
    steps += [path.name for pattern in ("train_*", "inpaint_*") for path in root.glob(pattern)]
    steps += [f"generate_{system}" for system in (*FILLED, *ANCHORS)]
    return Folders({step: root / step for step in steps})


def _write_seam_judgements(root: Path, found: Filled) -> None:
    pairs = [
        *((system, anchor) for system in FILLED for anchor in ANCHORS),
        ("ar", "fm"),
        *((system, rival) for system in ("ar", "fm") for rival in ("fm_inversion", "fm_best")),
        *((system, rival) for rival, system in combinations(ZERO_SHOT, 2)),
        ("fm_best", "fm_inversion"),
    ]
    pairs = [pair for pair in pairs if pair not in found.without]
    tests = Found(clear=found.clear)
    seams = {
        system: {"seam_flux": _score(flux), "seam_chord": _score(chord)}
        for system, (flux, chord) in (SEAMS | found.seams).items()
    }
    better = {"seam_flux": "lower", "seam_chord": "higher"}
    write_json(root / "seams" / "evaluation.json", _evaluation(better, seams, {}, pairs=pairs, found=tests))
    rows = {
        system: {
            "fad_musicnn": _score(10 * flux, clips=False),
            "tag_match_musicnn": _score(chord),
            "sig_flatness": _score(flux),
        }
        for system, (flux, chord) in (SEAMS | found.seams).items()
    }
    floors = {"ground truth": {"fad_musicnn": _score(1.0, clips=False)}}
    write_json(root / "evaluate" / "evaluation.json", _evaluation(FIDELITY, rows, floors, pairs=pairs, found=tests))


def write_study(root: Path, found: Found) -> Folders:
    systems = [f"{paradigm}_{mode}" for paradigm in PAIR for mode in ("text", "null", "all", *found.controls)]
    ids = [f"track-{index}" for index in range(8)]
    _write_ground(root, ids)
    for paradigm in PAIR:
        for suffix in ("", "_controlled"):
            _write_run(root / f"train_{paradigm}{suffix}", controls=found.controls if suffix else ())
    for index, key in enumerate(ids):
        for folder in (
            "prompts/truth",
            "reconstruct/codes",
            "reconstruct/latents",
            *(f"generate_{s}" for s in systems),
        ):
            _write_clip(root / folder / f"{key}.wav", seed=index)
    steps = ["prompts", "data", "encode", "reconstruct", "evaluate", "adhere"]
    steps += [f"train_{paradigm}{suffix}" for paradigm in PAIR for suffix in ("", "_controlled")]
    write_judgements(root, systems=systems, found=found, ids=ids)
    return Folders({step: root / step for step in (*steps, *(f"generate_{system}" for system in systems))})


def write_judgements(root: Path, *, systems: Sequence[str], found: Found, ids: Sequence[str]) -> None:
    metrics = [name for name in ADHERENCE if found.exact or not name.endswith("_exact")]
    pairs = [(f"{p}_{mode}", f"{p}_null") for p in PAIR for mode in ("all", *found.controls)]
    pairs += [tuple(f"{p}_{mode}" for p in PAIR) for mode in ("all", *found.controls)]
    following = {
        system: {name: _score(found.value(system)) for name in metrics}
        for system in ("ground_truth", "reconstruction_latents", "reconstruction_codes", *systems)
    }
    exact = {name: _score(0.8) for name in metrics if name.endswith("_exact")}
    floors = {"ground truth": exact, "another clip": {name: _score(0.19) for name in metrics}}
    write_json(
        root / "adhere" / "evaluation.json",
        _evaluation(dict.fromkeys(metrics, "higher"), following, floors, pairs=pairs, found=found),
    )
    rows = {
        system: {name: _score(10 * (1 + found.value(system)), clips=name != "fad_musicnn") for name in FIDELITY}
        for system in following
    }
    pairs = [(f"{p}_{mode}", f"{p}_text") for p in PAIR for mode in ("all", "null", *found.controls)]
    write_json(
        root / "evaluate" / "evaluation.json",
        _evaluation(
            FIDELITY, rows, {"ground truth": {"fad_musicnn": _score(1.0, clips=False)}}, pairs=pairs, found=found
        ),
    )
    write_json(
        root / "adhere" / "heard.json",
        {
            "target": {key: annotation(index).to_json() for index, key in enumerate(ids)},
            "systems": {
                system: {
                    key: annotation(index, wrong=not system.endswith("_all")).to_json() for index, key in enumerate(ids)
                }
                for system in following
            },
        },
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


def _score(value: float, *, clips: bool = True) -> dict[str, Any]:
    return {"value": value, "low": 0.9 * value, "high": 1.1 * value, "n": 8, "per_clip": [value] * 8 if clips else None}


def _evaluation(
    metrics: dict[str, str],
    scores: dict[str, Any],
    floors: dict[str, Any],
    *,
    pairs: Sequence[Sequence[str]],
    found: Found,
) -> dict[str, Any]:
    differences = []
    for first, second in pairs:
        for name in metrics:
            value = scores[first][name]["value"] - scores[second][name]["value"]
            reach = 0.5 * abs(value) if found.clear else 2 * abs(value) + 0.1
            p = 0.001 if found.clear and value else 0.5
            item = {"metric": name, "first": first, "second": second, "value": value, "paired": True, "n": 8}
            differences.append({**item, "low": value - reach, "high": value + reach, "p": p, "p_holm": p})
    return {
        "n": 8,
        "seed": 0,
        "metrics": [
            {
                "name": name,
                "description": f"what {name} is",
                "unit": "",
                "better": better,
                "at_least": 0.0,
                "at_most": None,
                "chance": None,
            }
            for name, better in metrics.items()
        ],
        "scores": scores,
        "floors": floors,
        "differences": differences,
        "ids": {},
        "notes": ["A remark."],
    }


def _write_ground(root: Path, ids: Sequence[str]) -> None:
    windows = [
        {"id": key, "row": key, "split": "test", "start_s": 0.0, "caption": CAPTIONS[index % 3]}
        for index, key in enumerate(ids)
    ]
    write_json(root / "prompts" / "prompts.json", {"duration_s": CLIP_S, "windows": windows})
    info = {
        "kind": "composed",
        "name": "made-up",
        "fingerprint": "f",
        "rows": {"train": 9, "test": 8},
        "hours": {"train": 1.0},
    }
    write_json(root / "data" / "dataset.json", info)
    latents = {"codec": "pocket", "sample_rate": 32_000, "frame_rate": 25.0, "num_codebooks": 4, "codebook_size": 64}
    write_json(root / "encode" / "latents.json", {**latents, "latent_dim": 8, "fingerprint": "c"})


def _write_run(folder: Path, *, controls: Sequence[str]) -> None:
    result = {"parameters": 1_234_567, "steps": 3, "examples": 12, "audio_s": 24.0, "wall_s": 9.0}
    write_json(folder / "result.json", result)
    lines = [{"step": step, "loss": 3.0 - step / 4} for step in (1, 2, 3)] + [{"step": 3, "valid_loss": 2.5}]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    tracks = {name: f"{name}.exact" for name in controls}
    (folder / "config.yaml").write_text(yaml.safe_dump({"data": {"dataset": "data", "tracks": tracks}}))


def _write_clip(path: Path, *, seed: int, filled: tuple[int | None, Sequence[float]] | None = None) -> None:
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
