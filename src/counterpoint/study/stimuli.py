"""`counterpoint study stimuli`: what raters of a listening test hear and see (5.3, Table 5).

A finished study of inpainting to a folder that a web page, webMUSHRA or any other tool can serve:

    OUT/manifest.json           all that a test needs, and nothing that tells which file is whose
    OUT/key.json                which file is whose: keep it from raters
    OUT/01/k3v9x0qa.wav, .svg   a clip under a name that says nothing, and its waveform with the span on yellow

`manifest.json`:

    study, seed     of what these are the stimuli; the same command writes the same bytes
    sample_rate     Hz; every file is mono, 16-bit PCM
    loudness        in words
    questions       [{id, name, text, low, high}]: what to ask of every file, on whole numbers from `low` to `high`
    display         {span, progress}: colours of the span and of the line that shows what is being heard
    items           [{id, caption, duration_s, span_s: [start, stop], gain_db, files: [{file, waveform, sha256}]}]

An item is one clip with one span; its `files` are all the conditions, in an order drawn for it, to be rated together.
There is no open reference, as in the paper: what stands beside the span is one, and the true music is among the files.

`key.json`: {hidden_reference, low_anchor, names: {condition: its name}, files: {file: [condition]}}. The best zero-shot
take is one of the takes: what two conditions share is one file, to be rated once and to count for both.
"""

from __future__ import annotations

import hashlib
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint.audio import load_audio, save_audio
from counterpoint.claims.paper import paper_scores
from counterpoint.config import UserError, atomic_folder, read_json, write_json
from counterpoint.report.media import shared_gain
from counterpoint.report.waveform import waveform
from counterpoint.results.schema import TRUTH
from counterpoint.study.pages.filling import METHODS, OTHER, SILENCE
from counterpoint.study.windows import spread

LOW_ANCHOR = OTHER
"""Bad, and to be judged by the same questions: it is music, as loud as any, and only does not belong. Of silence nobody
can say how well it matches, and it is recognised at a glance at its waveform."""
SAMPLE_RATE = 32_000
PICTURE_COLUMNS = 960
_SIGNS = "abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True)
class Stimuli:
    """What was written.

    Attributes:
        items: clips.
        conditions: of each.
        is_new: False where the very same lay there already.
    """

    items: int
    conditions: Sequence[str]
    is_new: bool


@dataclass(frozen=True)
class _Source:
    """A finished study.

    Attributes:
        windows: its clips, as `prompts.json` has them.
        spans: start and stop in seconds by clip.
        folders: of clips, by condition; the ground truth first, the anchor last.
    """

    windows: Sequence[Mapping[str, Any]]
    spans: Mapping[str, tuple[float, float]]
    folders: Mapping[str, Path]


def write_stimuli(
    study: str,
    out: Path,
    *,
    folder: Path,
    items: int = 12,
    seed: int = 0,
    systems: Sequence[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Stimuli:
    """Write the stimuli of a study into `out`, all or nothing; see the top of this module for what they are.

    Args:
        study: its name.
        out: a new or empty folder, or one that this command has filled before.
        folder: of the study, where `study run` left it.
        items: clips, spread evenly over those of the study.
        seed: of names and order.
        systems: those to be heard beside the hidden reference and the anchor; by default all of the study.
        progress: called with (items done, items in all).

    Raises:
        UserError: the study is not finished, is not of inpainting, lacks a system or has fewer clips; or there is
            something else in `out`.
    """
    source = _read(study, folder, systems=systems)
    if not 1 <= items <= len(source.windows):
        raise UserError(f"The study has {len(source.windows)} clips: ask for 1 to {len(source.windows)} items.")

    def fill(place: Path) -> None:
        _fill(place, source, study=study, items=items, seed=seed, progress=progress)

    is_new = not (out / "manifest.json").is_file()
    if is_new:
        atomic_folder(out, fill)
    else:
        with tempfile.TemporaryDirectory() as aside:
            fill(Path(aside))
            _require_same(Path(aside), out)
    return Stimuli(items, list(source.folders), is_new)


def _read(study: str, folder: Path, *, systems: Sequence[str] | None) -> _Source:
    steps = folder / "steps"
    if not (steps / "prompts" / "prompts.json").is_file():
        raise UserError(
            f"There is no finished study in {folder}: run `counterpoint study run {study}`, or say with --from where "
            "it lies."
        )
    if not (steps / "spans" / "spans.json").is_file():
        raise UserError(f"The study in {folder} fills in no spans; give one that does, such as table4.")
    found = {path.name.removeprefix("generate_"): path for path in sorted(steps.glob("generate_*"))}
    heard = [key for key in found if key not in (OTHER, SILENCE)]
    unknown = [key for key in systems or () if key not in heard]
    if unknown:
        raise UserError(f"The study has no system {unknown[0]!r}; its systems are {', '.join(heard)}.")
    folders = {TRUTH: steps / "prompts" / "truth", **{key: found[key] for key in systems or heard}}
    spans = read_json(steps / "spans" / "spans.json")["spans"]
    return _Source(
        read_json(steps / "prompts" / "prompts.json")["windows"],
        {key: (span[0], span[1]) for key, span in spans.items()},
        {**folders, LOW_ANCHOR: found[LOW_ANCHOR]},
    )


def _fill(
    place: Path, source: _Source, *, study: str, items: int, seed: int, progress: Callable[[int, int], None] | None
) -> None:
    rng = np.random.default_rng(seed)
    described: list[dict[str, Any]] = []
    key: dict[str, list[str]] = {}
    for number, window in enumerate(spread(source.windows, items), start=1):
        item, of_item = _write_item(place, f"{number:0{max(2, len(str(items)))}d}", window, source, rng=rng)
        described.append(item)
        key |= of_item
        if progress is not None:
            progress(number, items)
    write_json(place / "manifest.json", {**_about(study, seed), "items": described})
    known = {
        TRUTH: "Ground truth",
        **{name: method.name for name, method in METHODS.items()},
        LOW_ANCHOR: "Another clip",
    }
    names = {condition: known.get(condition, condition) for condition in source.folders}
    write_json(
        place / "key.json",
        {"hidden_reference": TRUTH, "low_anchor": LOW_ANCHOR, "names": names, "files": dict(sorted(key.items()))},
    )


def _about(study: str, seed: int) -> dict[str, Any]:
    return {
        "study": study,
        "seed": seed,
        "sample_rate": SAMPLE_RATE,
        "loudness": (
            "The true music of each item is at -20 dBFS (RMS), or lower where a version of it would clip; all files of "
            "an item have its gain, so that outside the span they are the same."
        ),
        "questions": [
            {
                "id": rating.criterion.lower().replace(" ", "_"),
                "name": rating.criterion,
                "text": rating.asked,
                "low": 1,
                "high": 10,
            }
            for rating in paper_scores("table_4").ratings
        ],
        "display": {"span": "yellow", "progress": "red"},
    }


def _write_item(
    place: Path, name: str, window: Mapping[str, Any], source: _Source, *, rng: np.random.Generator
) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """All versions of a clip; its entry in the manifest, and whose its files are."""
    clip, span = window["id"], source.spans[window["id"]]
    versions = {
        condition: load_audio(folder / f"{clip}.wav", sample_rate=SAMPLE_RATE)[0]
        for condition, folder in source.folders.items()
    }
    truth = versions[TRUTH]
    gain = shared_gain(truth, versions.values(), sample_rate=SAMPLE_RATE)
    top = gain * max(float(np.abs(audio).max()) for audio in versions.values()) or 1.0
    sharing: dict[bytes, list[str]] = {}
    for condition, audio in versions.items():
        sharing.setdefault(audio.tobytes(), []).append(condition)
    groups = list(sharing.values())
    files: list[dict[str, str]] = []
    key: dict[str, list[str]] = {}
    for index in rng.permutation(len(groups)):
        blind = f"{name}/{_blind_name(rng, taken=key)}"
        file = f"{blind}.wav"
        audio = np.float32(gain) * versions[groups[index][0]]
        save_audio(place / file, audio, sample_rate=SAMPLE_RATE)
        picture = waveform(
            audio,
            duration_s=len(audio) / SAMPLE_RATE,
            span_s=span,
            name=f"clip {name}",
            top=1.05 * top,
            columns=PICTURE_COLUMNS,
            alone=True,
        )
        (place / f"{blind}.svg").write_text(f"{picture}\n", encoding="utf-8")
        files.append({"file": file, "waveform": f"{blind}.svg", "sha256": _sha256(place / file)})
        key[file] = groups[index]
    item = {
        "id": clip,
        "caption": window["caption"],
        "duration_s": len(truth) / SAMPLE_RATE,
        "span_s": list(span),
        "gain_db": round(20 * math.log10(gain), 2),
        "files": files,
    }
    return item, key


def _blind_name(rng: np.random.Generator, *, taken: Mapping[str, Sequence[str]]) -> str:
    """Eight letters and digits."""
    while True:
        name = "".join(_SIGNS[sign] for sign in rng.integers(len(_SIGNS), size=8))
        if not any(name in file for file in taken):
            return name


def _require_same(made: Path, there: Path) -> None:
    """A test may be running on what lies there, so it is never replaced.

    Raises:
        UserError: it differs from what was made.
    """
    for file in sorted(path for path in made.rglob("*") if path.is_file()):
        known = there / file.relative_to(made)
        if not known.is_file() or _sha256(known) != _sha256(file):
            raise UserError(f"{there} holds other stimuli ({known.name} differs); give a new folder.")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
