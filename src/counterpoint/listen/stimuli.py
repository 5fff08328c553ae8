"""Blinded clips of a listening test (5.3, Table 5), as a folder that any tool can serve:

    OUT/manifest.json           everything that a test needs, without the systems of the files
    OUT/key.json                the systems of the files; keep it away from raters
    OUT/01/k3v9x0qa.wav, .svg   a clip under a random name, and its waveform with the span in yellow

`manifest.json`:

    study, seed     the source of the stimuli; the same command writes the same bytes
    sample_rate     in Hz; every file is mono, 16-bit PCM
    loudness        a sentence about the loudness of the files
    questions       [{id, name, text, low, high}]: questions about every file, with whole numbers from `low` to `high`
    display         {span, progress}: colours of the span and of the line at the current position
    items           [{id, caption, duration_s, span_s, gain_db, files: [{file, waveform, sha256}]}]
    training        practice items, of the same form
    checks          [{id, item, duration_s, files: [{file, sha256}]}]: attention checks

The `files` of an item are all its conditions in random order, all of the same length; `span_s` is [start, stop] in
seconds or null, and `waveform` is present if there is a span. There is no open reference: the context of a span serves
as one, and the true music is among the files.

`key.json`: {hidden_reference, low_anchor, names: {condition: its name}, files: {file: [condition]}, checks: {id: the
correct answer}}. If two conditions share a clip, as the best zero-shot take is one of the takes, it is one file, which
is rated once and counts for both.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint.audio import load_audio, normalize_loudness, save_audio
from counterpoint.audio.loudness import shared_gain
from counterpoint.claims.paper import paper_scores
from counterpoint.config import UserError, atomic_folder, write_json
from counterpoint.config.base import check_seed
from counterpoint.listen.folder import KEY_FILE, MANIFEST_FILE, sha256
from counterpoint.listen.sounds import low_pass, with_beeps
from counterpoint.listen.sources import Source, SourceItem, read_inpainting
from counterpoint.report.waveform import waveform
from counterpoint.study.windows import spread

SAMPLE_RATE = 32_000
PICTURE_COLUMNS = 960
TRIM_S = 0.25
"""Versions of an item are cut to the shortest if their lengths differ by at most this much; else they are refused."""
_SIGNS = "abcdefghijklmnopqrstuvwxyz0123456789"
Progress = Callable[[int, int], None]
Question = Mapping[str, Any]


@dataclass(frozen=True)
class Stimuli:
    """The stimuli that were written.

    Attributes:
        items: number of items.
        conditions: conditions of each item.
        is_new: False if the same stimuli were there already.
    """

    items: int
    conditions: Sequence[str]
    is_new: bool


@dataclass(frozen=True)
class Wanted:
    """The stimuli to write from a source.

    Attributes:
        items, training: numbers of items, spread evenly over the source; they share no clip if there are enough.
        seed: seed of blind names and orders.
        questions: questions for the manifest.
        low_pass_hz: cutoff frequencies of the anchors to make from the reference.
        checks: number of attention checks (clips with beeps); if `pairs`, each also has the same clip without beeps.
        most_beeps: highest number of beeps in a check.

    Raises:
        UserError: the seed is out of range.
    """

    items: int
    seed: int
    questions: Sequence[Question]
    training: int = 0
    low_pass_hz: Sequence[int] = ()
    checks: int = 0
    pairs: bool = False
    most_beeps: int = 5

    def __post_init__(self) -> None:
        check_seed(self.seed)


def write_stimuli(
    study: str,
    out: Path,
    *,
    folder: Path,
    items: int = 12,
    seed: int = 0,
    systems: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Stimuli:
    """Write the stimuli of a study of inpainting into `out`; a failure leaves nothing behind. See the module's top.

    Args:
        study: name of the study.
        out: a new or empty folder, or one that this command has filled before.
        folder: folder of the finished study.
        items: number of items, spread evenly over those of the study.
        seed: seed of blind names and orders.
        systems: systems to include besides the hidden reference and the anchor; by default all of the study.
        progress: called with (items done, total items).

    Raises:
        UserError: the study is not finished, is not about inpainting, lacks a system or has fewer clips; or `out`
            contains other files.
    """
    source = read_inpainting(study, folder, systems=systems)
    wanted = Wanted(items, seed, _papers_questions())
    check_items(source, items)

    def fill(place: Path) -> None:
        fill_stimuli(place, source, wanted, progress=progress)

    is_new = not (out / MANIFEST_FILE).is_file()
    if is_new:
        atomic_folder(out, fill)
    else:
        with tempfile.TemporaryDirectory() as aside:
            fill(Path(aside))
            _require_same(Path(aside), out)
    return Stimuli(items, source.conditions, is_new)


def check_items(source: Source, items: int) -> None:
    """Check that the source has this many items.

    Raises:
        UserError: it has fewer.
    """
    what = "study" if source.study else "folders"
    if not 1 <= items <= len(source.items):
        raise UserError(
            f"The {what} {'has' if source.study else 'have'} {len(source.items)} clips; set --items to a number from "
            f"1 to {len(source.items)}."
        )


def fill_stimuli(place: Path, source: Source, wanted: Wanted, *, progress: Progress | None = None) -> None:
    """Write the manifest, the key and all clips into an empty folder.

    Args:
        progress: called with (items done, total items).

    Raises:
        UserError: a clip is missing or cannot be read, or the versions of an item differ in length.
    """
    writer = _Writer(place, source, wanted, np.random.default_rng(wanted.seed))
    chosen = spread(source.items, wanted.items)
    training = _practice(source, chosen, wanted.training)
    total = len(chosen) + len(training)
    described = []
    for number, item in enumerate([*chosen, *training], start=1):
        described.append(writer.item(f"{number:0{max(2, len(str(total)))}d}", item))
        if progress is not None:
            progress(number, total)
    pool = spread(chosen, wanted.checks) if wanted.checks else []
    checks = [writer.check(number + 1, pool[number % len(pool)]) for number in range(wanted.checks)]
    about = _about(source, wanted)
    write_json(
        place / MANIFEST_FILE,
        {**about, "items": described[: len(chosen)], "training": described[len(chosen) :], "checks": checks},
    )
    write_json(
        place / KEY_FILE,
        {
            "hidden_reference": source.reference,
            "low_anchor": source.anchor or _anchor_key(min(wanted.low_pass_hz, default=0)),
            "names": {**source.names, **{_anchor_key(hz): _anchor_name(hz) for hz in wanted.low_pass_hz}},
            "files": dict(sorted(writer.key.items())),
            "checks": writer.expected,
        },
    )


def _practice(source: Source, chosen: Sequence[SourceItem], count: int) -> list[SourceItem]:
    """Practice items: first items that are not rated, then some that are if these are too few."""
    spare = spread([item for item in source.items if item not in chosen], count)
    pool = [*spare, *spread(chosen, count - len(spare))]
    return [pool[number % len(pool)] for number in range(count)]


def _anchor_key(hertz: int) -> str:
    return f"low_pass_{hertz}" if hertz else ""


def _anchor_name(hertz: int) -> str:
    return f"Anchor, low-pass {hertz / 1000:g} kHz"


def _papers_questions() -> list[Question]:
    return [
        {
            "id": rating.criterion.lower().replace(" ", "_"),
            "name": rating.criterion,
            "text": rating.question,
            "low": 1,
            "high": 10,
        }
        for rating in paper_scores("table_4").ratings
    ]


def _about(source: Source, wanted: Wanted) -> dict[str, Any]:
    has_spans = any(item.span_s for item in source.items)
    loudness = (
        "The true music of each item is at -20 dBFS (RMS), or lower if a version of it would clip. All files of an "
        "item have the same gain, so that they are identical outside the span."
        if has_spans
        else "Every file is at -20 dBFS (RMS), or lower if its peak would exceed 0.99."
    )
    return {
        "study": source.name,
        "seed": wanted.seed,
        "sample_rate": SAMPLE_RATE,
        "loudness": loudness,
        "questions": [dict(question) for question in wanted.questions],
        "display": {"span": "yellow", "progress": "red"},
    }


@dataclass
class _Writer:
    """Writes clips under blind names and records the conditions of each."""

    place: Path
    source: Source
    wanted: Wanted
    rng: np.random.Generator
    key: dict[str, list[str]] = field(default_factory=dict)
    expected: dict[str, int] = field(default_factory=dict)

    def item(self, name: str, item: SourceItem) -> dict[str, Any]:
        """Write all versions of an item; returns its entry in the manifest."""
        versions, gain = self._versions(item)
        top = max(float(np.abs(audio).max()) for audio in versions.values()) or 1.0
        sharing: dict[bytes, list[str]] = {}
        for condition, audio in versions.items():
            sharing.setdefault(audio.tobytes(), []).append(condition)
        groups = list(sharing.values())
        files = []
        for index in self.rng.permutation(len(groups)):
            audio = versions[groups[index][0]]
            entry = self._write(name, audio, groups[index])
            if item.span_s:
                picture = _picture(audio, item.span_s, name=name, top=1.05 * top)
                svg = str(Path(entry["file"]).with_suffix(".svg"))
                (self.place / svg).write_text(f"{picture}\n", encoding="utf-8")
                entry = {"file": entry["file"], "waveform": svg, "sha256": entry["sha256"]}
            files.append(entry)
        return {
            "id": item.id,
            "caption": item.caption,
            "duration_s": len(next(iter(versions.values()))) / SAMPLE_RATE,
            "span_s": list(item.span_s) if item.span_s else None,
            "gain_db": round(20 * math.log10(gain), 2),
            "files": files,
        }

    def check(self, number: int, item: SourceItem) -> dict[str, Any]:
        """Write a clip with beeps, and for a pair also without beeps; returns its entry in the manifest."""
        plain = next(iter(self._versions(item)[0].values()))
        count = int(self.rng.integers(2, self.wanted.most_beeps + 1))
        sounds = {"beeps": with_beeps(plain, sample_rate=SAMPLE_RATE, count=count)}
        if self.wanted.pairs:
            sounds["plain"] = plain
        name = f"check-{number}"
        files = [self._write(name, audio, [what]) for what, audio in sounds.items()]
        self.expected[name] = 1 if self.wanted.pairs else count  # 1 prefers the second file, which has no beeps
        return {"id": name, "item": item.id, "duration_s": len(plain) / SAMPLE_RATE, "files": files}

    def _versions(self, item: SourceItem) -> tuple[dict[str, np.ndarray], float]:
        """The audio of each condition, [N], at its final loudness, and the gain of the first."""
        raw = {key: load_audio(path, sample_rate=SAMPLE_RATE)[0] for key, path in item.files.items()}
        raw = _one_length(item, raw)
        if self.source.reference:
            truth = raw[self.source.reference]
            for hertz in self.wanted.low_pass_hz:
                raw[_anchor_key(hertz)] = low_pass(truth, sample_rate=SAMPLE_RATE, cutoff_hz=hertz)
        first = next(iter(raw.values()))
        if item.span_s:
            gain = shared_gain(first, raw.values(), sample_rate=SAMPLE_RATE)
            return {key: np.float32(gain) * audio for key, audio in raw.items()}, gain
        found = {key: normalize_loudness(audio, sample_rate=SAMPLE_RATE) for key, audio in raw.items()}
        peak = float(np.abs(first).max(initial=0.0))
        return found, float(np.abs(next(iter(found.values()))).max()) / peak if peak else 1.0

    def _write(self, folder: str, audio: np.ndarray, whose: list[str]) -> dict[str, str]:
        file = f"{folder}/{_blind_name(self.rng, taken=self.key)}.wav"
        save_audio(self.place / file, audio, sample_rate=SAMPLE_RATE)
        self.key[file] = whose
        return {"file": file, "sha256": sha256(self.place / file)}


def _one_length(item: SourceItem, versions: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    lengths = {key: len(audio) for key, audio in versions.items()}
    shortest, longest = (pick(lengths, key=lengths.__getitem__) for pick in (min, max))
    if lengths[longest] - lengths[shortest] > TRIM_S * SAMPLE_RATE:
        raise UserError(
            f"The clips of {item.id!r} differ in length: {shortest} has {lengths[shortest] / SAMPLE_RATE:.2f} s, "
            f"{longest} has {lengths[longest] / SAMPLE_RATE:.2f} s; cut them to one length, or remove the item."
        )
    return {key: audio[: lengths[shortest]] for key, audio in versions.items()}


def _picture(audio: np.ndarray, span_s: tuple[float, float], *, name: str, top: float) -> str:
    return waveform(
        audio,
        duration_s=len(audio) / SAMPLE_RATE,
        span_s=span_s,
        name=f"clip {name}",
        top=top,
        columns=PICTURE_COLUMNS,
        alone=True,
    )


def _blind_name(rng: np.random.Generator, *, taken: Mapping[str, Sequence[str]]) -> str:
    """A random name of eight letters and digits."""
    while True:
        name = "".join(_SIGNS[sign] for sign in rng.integers(len(_SIGNS), size=8))
        if not any(name in file for file in taken):
            return name


def _require_same(made: Path, there: Path) -> None:
    """Check that the folder has the same stimuli; it is never overwritten, since a test may be using it.

    Raises:
        UserError: a file is missing or differs.
    """
    for file in sorted(path for path in made.rglob("*") if path.is_file()):
        known = there / file.relative_to(made)
        if not known.is_file() or sha256(known) != sha256(file):
            raise UserError(f"{there} contains other stimuli ({known.name} differs); give a new folder.")
