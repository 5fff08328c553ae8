"""Controls of a whole dataset (App. C): every track that its rows know or that can be heard in their audio.

Shapes: T latent frames.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from counterpoint.analysis import chordino, melody, viterbi25
from counterpoint.analysis.annotation import Annotation
from counterpoint.analysis.beats import SAMPLE_RATE as BEAT_RATE
from counterpoint.analysis.beats import track_beats
from counterpoint.analysis.chords import vocabulary
from counterpoint.analysis.confidence import weighted_mean
from counterpoint.analysis.tracks import NOT_GIVEN, REST, chord_track, melody_track
from counterpoint.audio import stream_audio
from counterpoint.codec import Codec, blurred_codes, load_codec
from counterpoint.codec.blurred import codes_of_blurred
from counterpoint.codec.chunked import Map, one_block_a_core
from counterpoint.config import UserError
from counterpoint.config.schema import ControlName
from counterpoint.data import SPLITS, Encoded, open_encoded
from counterpoint.data.controls import SOURCES, TrackWriter, known_tracks, open_track, written_tracks
from counterpoint.metrics.adherence_measures import beat_f1

if TYPE_CHECKING:
    from rich.console import Console

Progress = Callable[[float, float], None]
"""Called with (done, total) in seconds of audio, which counts once for every track."""


@dataclass(frozen=True)
class TrackReport:
    """A track of a dataset.

    Attributes:
        name: such as `chords.exact`.
        version: of what made it.
        rows: clips, over all splits.
        accuracy: by measure, against what the rows know exactly, if they do; and `confidence`, with which the extractor
            hears what the track holds, where it says so. Empty for an exact track.
        audio_s, wall_s: what the call that finished the track went through, and how long it took.
        is_new: whether that was this call.
    """

    name: str
    version: str
    rows: int
    accuracy: Mapping[str, float]
    audio_s: float
    wall_s: float
    is_new: bool

    @property
    def times_real_time(self) -> float:
        """Seconds of audio a second."""
        return self.audio_s / max(self.wall_s, 1e-9)


def extract_controls(
    dataset: Path | str, *, codec: str = "pocket", tracks: Sequence[str] | None = None, progress: Progress | None = None
) -> dict[str, TrackReport]:
    """Write control tracks beside a dataset, frame by frame of its latents.

    Tracks that are there already, from the same version of their extractor, are left as they are; an interrupted call
    goes on where it was.

    Args:
        dataset: a dataset folder that has been encoded.
        codec: name or fingerprint of the codec that it was encoded with.
        tracks: names as in `data.controls.SOURCES`; by default all that can be had.
        progress: called with the seconds of audio done and in all.

    Returns:
        What there is now, by name.

    Raises:
        UserError: no such dataset, not encoded, a track that is unknown or cannot be had, or an unreadable clip.
        OSError: when the disk is full.
    """
    source = _Source(open_encoded(dataset, codec=codec))
    writers = {name: TrackWriter(source.encoded, name, version=_TRACKS[name][0]) for name in _wanted(source, tracks)}
    new = [name for name, writer in writers.items() if not writer.is_complete()]
    if any(name.startswith("drums") for name in new):
        source.check_codec()  # before, not after, a long wait
    meter = _Meter(source, [writers[name] for name in new], report=progress)
    with one_block_a_core() as apply:
        for name in new:
            writer, started, before_s = writers[name], time.perf_counter(), meter.done_s
            for split in SPLITS:
                clips = source.clips(split, first=writer.rows_done(split))
                writer.write(split, meter.watch(clips, apply(_TRACKS[name][1], clips)))
            spent = {"audio_s": meter.done_s - before_s, "wall_s": time.perf_counter() - started}
            writer.finish(**spent, accuracy=_accuracy(source, name, writer=writer, apply=apply))
    return {name: _report(source, name, is_new=name in new) for name in writers}


def best_tracks(
    dataset: Path | str, *, codec: str, controls: Sequence[ControlName], chosen: Mapping[ControlName, str]
) -> dict[ControlName, str]:
    """By control, the track that can be had and should teach it: the one chosen, else the first of `SOURCES`.

    Raises:
        UserError: no such dataset, or not encoded.
    """
    lacking = _lacking(_Source(open_encoded(dataset, codec=codec)))
    best: dict[ControlName, str] = {
        name: next((track for track in SOURCES[name] if track not in lacking), SOURCES[name][-1]) for name in controls
    }
    return {name: chosen.get(name, track) for name, track in best.items()}


class _Source:
    """An encoded dataset and what an extractor asks of all of it."""

    def __init__(self, encoded: Encoded):
        self.encoded = encoded

    @cached_property
    def codec(self) -> Codec:
        """The codec of the latents."""
        return load_codec(self.encoded.spec.codec)

    def check_codec(self) -> None:
        """
        Raises:
            UserError: the codec of that name is another one by now.
        """
        folder, spec = self.encoded.dataset.folder, self.encoded.spec
        if self.codec.fingerprint != spec.fingerprint:
            raise UserError(
                f"{folder} was encoded with another version of the codec {spec.codec!r}; run "
                f"`counterpoint data encode {folder} --codec {spec.codec}` again."
            )

    def clips(self, split: str, *, first: int = 0) -> list[_Clip]:
        """Those of a split from row `first` on."""
        return [_Clip(self, split, row) for row in range(first, len(self.encoded[split]))]

    def has(self, column: str) -> bool:
        """Whether any row of the dataset has something in a column."""
        return any(any(rows[column]) for rows in self.encoded.dataset.splits.values())

    @cache  # noqa: B019 - goes with the extraction
    def silence(self, frames: int) -> np.ndarray:
        """[T] codes of silence."""
        return blurred_codes(self.codec, np.zeros(frames * self.codec.samples_per_frame, np.float32))


@dataclass(frozen=True)
class _Clip:
    """One row, and what an extractor asks of it."""

    source: _Source
    split: str
    index: int

    @cached_property
    def row(self) -> dict[str, Any]:
        """The dataset's columns."""
        return self.source.encoded[self.split].row(self.index)

    @property
    def frames(self) -> int:
        """T."""
        return self.source.encoded[self.split].frames(self.index)

    @property
    def frame_rate(self) -> float:
        """Hz."""
        return self.source.encoded.spec.frame_rate

    @property
    def latents(self) -> torch.Tensor:
        """[T, D]."""
        return torch.from_numpy(self.source.encoded[self.split].slice(self.index, 0, self.frames)[1])

    def audio(self, *, sample_rate: int, column: str = "audio") -> np.ndarray:
        """[N] of the mix, or of the stem `drums`."""
        path = self.source.encoded.dataset.folder / self.row[column]
        return np.concatenate(list(stream_audio(path, sample_rate=sample_rate)))


def _chords_exact(clip: _Clip) -> np.ndarray:
    return chord_track(Annotation.of_row(clip.row).chords, frames=clip.frames, frame_rate=clip.frame_rate)


def _chords_chordino(clip: _Clip) -> np.ndarray:
    audio = clip.audio(sample_rate=chordino.SAMPLE_RATE)
    heard = chordino.hear_chords(audio, sample_rate=chordino.SAMPLE_RATE)
    return chord_track(heard, frames=clip.frames, frame_rate=clip.frame_rate)


def _chords_viterbi25(clip: _Clip) -> np.ndarray:
    audio = clip.audio(sample_rate=viterbi25.SAMPLE_RATE)
    heard = viterbi25.recognise_chords(audio, sample_rate=viterbi25.SAMPLE_RATE).stamps
    return chord_track(heard, frames=clip.frames, frame_rate=clip.frame_rate)


def _melody_exact(clip: _Clip) -> np.ndarray:
    notes = Annotation.of_row(clip.row).notes
    if not notes:
        return np.full(clip.frames, NOT_GIVEN)
    return melody_track(notes, frames=clip.frames, frame_rate=clip.frame_rate)


def _melody_basic_pitch(clip: _Clip) -> np.ndarray:
    audio = clip.audio(sample_rate=melody.SAMPLE_RATE)
    return melody.hear_melody(audio, sample_rate=melody.SAMPLE_RATE, frames=clip.frames, frame_rate=clip.frame_rate)


def _drums_stem(clip: _Clip) -> np.ndarray:
    """Where other clips have a stem, one without it has no drums."""
    codec = clip.source.codec
    if not clip.row["drums"]:
        return clip.source.silence(clip.frames)
    audio = clip.audio(sample_rate=codec.sample_rate, column="drums")
    length = clip.frames * codec.samples_per_frame
    return blurred_codes(codec, np.pad(audio, (0, max(0, length - audio.size)))[:length])


def _drums_mix(clip: _Clip) -> np.ndarray:
    """From the latents that are there already; their half precision moves hardly a code."""
    return codes_of_blurred(clip.source.codec, clip.latents)


_TRACKS: dict[str, tuple[str, Callable[[_Clip], np.ndarray]]] = {
    "chords.exact": ("1", _chords_exact),
    "chords.chordino": ("1", _chords_chordino),
    "chords.viterbi25": ("1", _chords_viterbi25),
    "melody.exact": ("1", _melody_exact),
    "melody.basic_pitch": ("2", _melody_basic_pitch),
    "drums.stem": ("2", _drums_stem),
    "drums.mix": ("2", _drums_mix),
}
"""Version and extractor of every track; count the version up when the extractor comes to give anything else."""
_BEAT_CLIPS, _SURE_CLIPS = 64, 16
_TRUTHS = {"chords": "chords.exact", "melody": "melody.exact", "drums": "drums.stem"}


def _wanted(source: _Source, tracks: Sequence[str] | None) -> list[str]:
    """Names of the tracks to write, in the order of `SOURCES`: what others are judged by comes first."""
    lacking = _lacking(source)
    for name in tracks or ():
        if name not in known_tracks():
            raise UserError(f"There is no control track {name!r}; choose of {', '.join(known_tracks())}.")
        if name in lacking:
            raise UserError(f"The track {name} cannot be had: {lacking[name]}")
    return [name for name in known_tracks() if (name not in lacking if tracks is None else name in tracks)]


def _lacking(source: _Source) -> dict[str, str]:
    """Why tracks cannot be had, by name; one that is not named can."""
    lacking = {}
    folder, spec = source.encoded.dataset.folder, source.encoded.spec
    for column in ("chords", "melody"):
        if not source.has(column):
            lacking[f"{column}.exact"] = f"no clip of {folder} comes with its {column}; have them heard."
    if not source.has("drums"):
        lacking["drums.stem"] = f"no clip of {folder} comes with a stem of its drums; use drums.mix."
    if not spec.num_codebooks:
        reason = f"drums are codes, and the codec {spec.codec!r} has none; encode with one that has, such as 'pocket'."
        lacking |= {"drums.stem": reason, "drums.mix": reason}
    if not chordino.is_installed():
        lacking["chords.chordino"] = chordino.REMEDY
    if not melody.is_installed():
        lacking["melody.basic_pitch"] = melody.REMEDY
    return lacking


class _Meter:
    """Counts the audio that has gone through, over all tracks."""

    def __init__(self, source: _Source, writers: Sequence[TrackWriter], *, report: Progress | None):
        durations_s = {split: np.asarray(rows["duration_s"]) for split, rows in source.encoded.dataset.splits.items()}
        rest_s = (durations_s[split][writer.rows_done(split) :].sum() for writer in writers for split in SPLITS)
        self._report, self.done_s, self.total_s = report, 0.0, float(sum(rest_s))

    def watch(self, clips: Sequence[_Clip], tracks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """The same tracks; each counts when it is there."""
        for clip, track in zip(clips, tracks, strict=True):
            self.done_s += clip.row["duration_s"]
            if self._report is not None:
                self._report(self.done_s, self.total_s)
            yield track


def _report(source: _Source, name: str, *, is_new: bool) -> TrackReport:
    info = open_track(source.encoded, name).info
    rows = sum(len(source.encoded[split]) for split in SPLITS)
    measured = {key: info[key] for key in ("version", "accuracy", "audio_s", "wall_s")}
    return TrackReport(name, rows=rows, is_new=is_new, **measured)


def _accuracy(source: _Source, name: str, *, writer: TrackWriter, apply: Map) -> dict[str, float]:
    """How right a heard track is, over all frames of the dataset, where the truth is known, and how sure it is.

    Drums ask for a beat, and are judged by the beats that are heard: those are compared with the true ones besides.
    """
    control = name.partition(".")[0]
    sure = _confidence(source, name, apply=apply)
    beats = _beat_accuracy(source, apply=apply) if name == "drums.mix" else {}
    truth = _truth(source, _TRUTHS[control]) if name != _TRUTHS[control] else None
    if truth is None:
        return beats | sure
    heard = np.concatenate([writer.split(split) for split in SPLITS])
    known = truth != NOT_GIVEN
    heard, truth = heard[known], truth[known]
    if control == "chords":
        labels = {"labels": _share(heard == truth)} if name == "chords.chordino" else {}
        return _chord_accuracy(heard, truth) | labels | sure
    right = _melody_accuracy(heard, truth) if control == "melody" else {"codes": _share(heard == truth), **beats}
    return right | sure


def _truth(source: _Source, name: str) -> np.ndarray | None:
    """All frames of a track that others are judged by; None where the rows do not know it, or it is not written."""
    if name in written_tracks(source.encoded):
        track = open_track(source.encoded, name)
        return np.concatenate([track[split].values for split in SPLITS])
    if name == "drums.stem" or name in _lacking(source):
        return None
    return np.concatenate([_TRACKS[name][1](clip) for split in SPLITS for clip in source.clips(split)])


def _chord_accuracy(heard: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """`triads`: share of the frames that are right as far as `viterbi25.triad_class` tells, those left out that are
    neither major nor minor nor without a chord."""
    triads = np.array([-1 if (found := viterbi25.triad_class(label)) is None else found for label in vocabulary()])
    counted = triads[truth] >= 0
    return {"triads": _share(triads[heard][counted] == triads[truth][counted])}


def _melody_accuracy(heard: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """`notes`: share of the frames with the right note or rest; `pitch_classes`: of the frames with a note, share with
    that note in any octave."""
    sounds = truth != REST
    octaves = (heard[sounds] != REST) & ((heard[sounds] - truth[sounds]) % 12 == 0)
    return {"notes": _share(heard == truth), "pitch_classes": _share(octaves)}


def _beat_accuracy(source: _Source, *, apply: Map) -> dict[str, float]:
    """F1 within 50 ms of the beats and of the downbeats, in up to 64 clips spread over the dataset."""
    if not source.has("beats"):
        return {}
    chosen = _spread(source, _BEAT_CLIPS)
    pairs = list(zip((Annotation.of_row(clip.row) for clip in chosen), apply(_beats, chosen), strict=True))
    beats = [beat_f1([time for time, _ in true.beats], [time for time, _ in heard.beats]) for true, heard in pairs]
    downbeats = [beat_f1(true.downbeats_s, heard.downbeats_s) for true, heard in pairs]
    return {"beat_f1_librosa": float(np.nanmean(beats)), "downbeat_f1_librosa": float(np.nanmean(downbeats))}


def _spread(source: _Source, most: int) -> list[_Clip]:
    """So many clips at most, spread over the dataset."""
    clips = [clip for split in SPLITS for clip in source.clips(split)]
    return clips[:: math.ceil(len(clips) / most)]


def _confidence(source: _Source, name: str, *, apply: Map) -> dict[str, float]:
    """The mean probability that the extractor gives what it hears, in up to 16 clips spread over the dataset."""
    if name not in _SURE:
        return {}
    chosen = _spread(source, _SURE_CLIPS)
    mean = weighted_mean(
        (clip.row["duration_s"], sure) for clip, sure in zip(chosen, apply(_SURE[name], chosen), strict=True)
    )
    return {} if mean is None else {"confidence": mean}


def _sure_of_chords(clip: _Clip) -> float:
    audio = clip.audio(sample_rate=viterbi25.SAMPLE_RATE)
    return float(viterbi25.recognise_chords(audio, sample_rate=viterbi25.SAMPLE_RATE).certainty.mean())


def _sure_of_melody(clip: _Clip) -> float | None:
    audio, rate = clip.audio(sample_rate=melody.SAMPLE_RATE), melody.SAMPLE_RATE
    return melody.follow_melody(audio, sample_rate=rate, frames=clip.frames, frame_rate=clip.frame_rate).confidence


_SURE: dict[str, Callable[[_Clip], float | None]] = {
    "chords.viterbi25": _sure_of_chords,
    "melody.basic_pitch": _sure_of_melody,
}
"""Of the extractors that say how sure they are, how sure one is of a clip."""


def _beats(clip: _Clip) -> Annotation:
    audio = clip.audio(sample_rate=BEAT_RATE)
    return Annotation(clip.row["duration_s"], beats=track_beats(audio, sample_rate=BEAT_RATE))


def _share(right: np.ndarray) -> float:
    return float(right.mean()) if right.size else float("nan")


def print_tracks(reports: Mapping[str, TrackReport], *, console: Console) -> None:
    """One line a track."""
    from rich.table import Table

    table = Table("track", "version", box=None, pad_edge=False)
    for title in ("rows", "accuracy", "x real time"):
        table.add_column(title, justify="left" if title == "accuracy" else "right")
    for report in reports.values():
        right = ", ".join(f"{measure} {value:.2f}" for measure, value in report.accuracy.items())
        speed = f"{report.times_real_time:,.0f}" if report.is_new else "there already"
        table.add_row(report.name, report.version, f"{report.rows:,}", right, speed)
    console.print(table)
