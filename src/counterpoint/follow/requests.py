"""The request of each clip: default charts and melodies, or those of held-out music.

Shapes: J controls of a model, T latent frames of a clip.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint.analysis.annotation import Annotation
from counterpoint.analysis.chords import pitch_class
from counterpoint.analysis.tracks import NOT_GIVEN, melody_track
from counterpoint.audio import SILENCE_PEAK, frames, load_audio
from counterpoint.codec import blurred_codes
from counterpoint.config import UserError
from counterpoint.config.schema import ControlName
from counterpoint.data import MusicDataset, open_dataset
from counterpoint.follow.defaults import BEAT_S, CHARTS, PLAIN_CHART, TEMPI_BPM, TUNES
from counterpoint.follow.measures import Wanted
from counterpoint.generate.controls import read_controls
from counterpoint.generate.model import LoadedModel
from counterpoint.generate.requested import ControlSources
from counterpoint.metrics import Clip

FEWEST_NOTES = 4
"""Least share of a held-out clip in which its melody must sound."""
_COLUMNS = ["id", "audio", "caption", "duration_s", "group", "bpm", "chords", "melody", "beats", "drums"]


@dataclass(frozen=True, eq=False)
class Request:
    """The request of one clip.

    Attributes:
        caption: the caption.
        wanted: the music that should be detected.
        controls: [J, T] controls of the model; None for a caption alone.
        music: real music that fulfils the request.
    """

    caption: str
    wanted: Wanted
    controls: np.ndarray | None = None
    music: Clip | None = None


@dataclass(frozen=True, eq=False)
class Held:
    """The beginning of a piece of held-out music.

    Attributes:
        played: its exact annotation.
        bpm: beats per minute; 0 if unknown.
        drums: the file of its drums alone, if there is one.
    """

    clip: Clip
    played: Annotation
    bpm: float
    drums: Path | None


@dataclass(frozen=True, eq=False)
class Setting:
    """The inputs of all requests.

    Attributes:
        model: the model.
        captions: captions, each of which is used with every seed.
        seeds: number of clips per caption.
        duration_s: duration of a clip.
        charts: chord charts; half of the clips have the first.
        held: held-out music, if any.
    """

    model: LoadedModel
    captions: Sequence[str]
    seeds: int
    duration_s: float
    charts: Sequence[str]
    held: Sequence[Held]

    @property
    def turns(self) -> list[tuple[int, int]]:
        """(caption, seed) of every clip, by position."""
        return [(caption, seed) for caption in range(len(self.captions)) for seed in range(self.seeds)]

    @property
    def frames(self) -> int:
        """T."""
        return frames(self.duration_s, frame_rate=self.model.paradigm.latent.frame_rate)

    def tracks(self, name: ControlName, track: np.ndarray) -> np.ndarray:
        """Tracks [J, T] with one control, [T] or shorter; the others are `NOT_GIVEN`."""
        known = list(self.model.paradigm.config.controls)
        found = np.full((len(known), self.frames), NOT_GIVEN, dtype=np.int16)
        found[known.index(name), : len(track)] = track[: self.frames]
        return found


def make_requests(ask: str, setting: Setting) -> list[Request]:
    """All requests of one kind.

    Raises:
        UserError: a chart cannot be read, or the held-out music has nothing of this kind.
    """
    return _MAKERS[ask](setting)


def music_of(setting: Setting) -> list[Request]:
    """Held-out music with its own chords, for comparison with the model; as many pieces as turns."""
    known = [held for held in setting.held if held.played.chords][: len(setting.turns)]
    return [Request(held.clip.caption, _wanted(held, chords=held.played.chords), music=held.clip) for held in known]


def default_charts(duration_s: float) -> list[str]:
    """The default chart, then the others, in four equal parts each."""
    return [
        " ".join(f"{label}:{part * duration_s / len(chart):g}" for part, label in enumerate(chart))
        for chart in (PLAIN_CHART, *CHARTS)
    ]


def open_held(folder: Path, *, split: str, duration_s: float) -> list[Held]:
    """Open the beginnings of the pieces of a split that are long enough.

    Raises:
        UserError: there is no such dataset or split, or none of its pieces is long enough.
    """
    dataset = open_dataset(folder)
    if split not in dataset.splits:
        raise UserError(f"{folder} has no split {split!r}; it has {', '.join(dataset.splits)}.")
    rows = dataset.splits[split].select_columns(_COLUMNS).to_list()
    held = [_held(dataset, row, duration_s=duration_s) for row in rows if row["duration_s"] >= duration_s - 1e-3]
    if not held:
        raise UserError(
            f"The split {split!r} of {folder} has no piece of {duration_s:g} s: name another --split, or a shorter "
            "--duration-s."
        )
    return held


def fingerprint_of(folder: Path) -> str:
    """Digest of a dataset; see `MusicDataset`."""
    return open_dataset(folder).fingerprint()


def _held(dataset: MusicDataset, row: dict[str, Any], *, duration_s: float) -> Held:
    clip = Clip(
        audio=dataset.audio_path(row),
        caption=row["caption"],
        id=row["id"],
        duration_s=duration_s,
        group=row["group"],
    )
    drums = dataset.folder / row["drums"] if row["drums"] else None
    return Held(clip, Annotation.of_row(row).cut(0.0, duration_s), bpm=row["bpm"], drums=drums)


def _wanted(held: Held, **known: Any) -> Wanted:
    return Wanted(held.clip.id, held.played.duration_s, **known)


def _chords(setting: Setting) -> list[Request]:
    """Every caption and seed twice: with the default chart, and with one of the others in turn, if there are any."""
    charts = [_chart(chart, setting) for chart in setting.charts]
    plain = [Request(setting.captions[caption], *charts[0]) for caption, _ in setting.turns]
    others = charts[1:]
    if not others:
        return plain
    turns = [(caption, others[(caption + seed) % len(others)]) for caption, seed in setting.turns]
    return plain + [Request(setting.captions[caption], *chart) for caption, chart in turns]


def _chart(chart: str, setting: Setting) -> tuple[Wanted, np.ndarray]:
    controls = read_controls(ControlSources(chords=chart), model=setting.model, duration_s=setting.duration_s)
    name = " ".join(label or "-" for _, label in controls.chords)
    return Wanted(name, setting.duration_s, chords=tuple(controls.chords)), controls.tracks


def _melody(setting: Setting) -> list[Request]:
    """Held-out melodies with their music's captions, or the default melodies in turn."""
    if setting.held:
        held = [held for held in setting.held if len(held.played.notes) >= FEWEST_NOTES]
        _require(held, what="a melody")
        music = [held[turn % len(held)] for turn in range(len(setting.turns))]
        wanted = [_wanted(each, notes=each.played.notes) for each in music]
        captions, clips = [each.clip.caption for each in music], [each.clip for each in music]
    else:
        tunes = [_tune(name, duration_s=setting.duration_s) for name in TUNES]
        wanted = [tunes[(caption + seed) % len(tunes)] for caption, seed in setting.turns]
        captions, clips = [setting.captions[caption] for caption, _ in setting.turns], [None] * len(wanted)
    rate = setting.model.paradigm.latent.frame_rate
    return [
        Request(
            caption,
            each,
            controls=setting.tracks("melody", melody_track(each.notes, frames=setting.frames, frame_rate=rate)),
            music=clip,
        )
        for caption, each, clip in zip(captions, wanted, clips, strict=True)
    ]


def _tune(name: str, *, duration_s: float) -> Wanted:
    """The part of a melody that fits into a clip."""
    notes, time_s = [], 0.0
    for token in TUNES[name].split():
        note, _, beats = token.partition(":")
        end_s = time_s + float(beats or 1) * BEAT_S
        if note != "R" and end_s <= duration_s + 1e-6:
            notes.append((time_s, end_s, _midi(note)))
        time_s = end_s
    return Wanted(name, duration_s, notes=tuple(notes))


def _midi(note: str) -> int:
    """MIDI number of a note name; C4 is 60."""
    found = re.fullmatch(r"([A-G][#b]?)(\d)", note)
    assert found, note
    return 12 * (int(found[2]) + 1) + pitch_class(found[1])


def _drums(setting: Setting) -> list[Request]:
    """Held-out drum loops with their music's captions; silent loops have no tempo."""
    codec, model = setting.model.codec, setting.model.paradigm
    loops: list[tuple[Held, np.ndarray]] = []
    for held in setting.held:
        if held.drums is None or not held.bpm or len(loops) == len(setting.turns):
            continue
        audio, _ = load_audio(held.drums, sample_rate=codec.sample_rate, duration_s=setting.duration_s)
        if np.abs(audio).max(initial=0.0) >= SILENCE_PEAK:
            loops.append((held, setting.tracks("drums", blurred_codes(codec, audio))))
    _require(loops, what="a drum stem and a tempo")
    assert "drums" in model.config.controls
    turns = [loops[turn % len(loops)] for turn in range(len(setting.turns))]
    return [
        Request(held.clip.caption, _wanted(held, tempo_bpm=held.bpm), controls=tracks, music=held.clip)
        for held, tracks in turns
    ]


def _tempo(setting: Setting) -> list[Request]:
    """Tempi in words, appended to the captions in turn."""
    tempi = [TEMPI_BPM[(caption + seed) % len(TEMPI_BPM)] for caption, seed in setting.turns]
    return [
        Request(
            f"{setting.captions[caption]}, {bpm:.0f} bpm",
            Wanted(f"{bpm:.0f} bpm", setting.duration_s, tempo_bpm=bpm),
        )
        for (caption, _), bpm in zip(setting.turns, tempi, strict=True)
    ]


def _require(found: Sequence[object], *, what: str) -> None:
    if not found:
        raise UserError(
            f"None of the held-out pieces has {what}: name another dataset or --split, or leave it out of --ask."
        )


_MAKERS: dict[str, Callable[[Setting], list[Request]]] = {
    "chords": _chords,
    "melody": _melody,
    "drums": _drums,
    "tempo": _tempo,
}
ASKS = tuple(_MAKERS)
"""All kinds of requests; all but the last are controls."""
