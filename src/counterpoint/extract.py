"""Control tracks of a whole dataset (App. C): those that its rows contain and those detected in their audio.

Shapes: T latent frames.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from counterpoint.analysis import chordino, melody, viterbi25
from counterpoint.analysis.annotation import Annotation
from counterpoint.analysis.beats import SAMPLE_RATE as BEAT_RATE
from counterpoint.analysis.beats import track_beats
from counterpoint.analysis.chords import vocabulary
from counterpoint.analysis.confidence import weighted_mean
from counterpoint.analysis.tracks import NOT_GIVEN, REST, chord_track, melody_track
from counterpoint.audio import load_audio, stream_audio
from counterpoint.codec import Codec, blurred_codes, load_codec
from counterpoint.codec.blurred import codes_of_blurred
from counterpoint.codec.chunked import Map, encode_stream, join, one_block_a_core
from counterpoint.config import UserError
from counterpoint.config.device import find_device
from counterpoint.config.locks import sole_writer, warn_waiting
from counterpoint.config.remote import local_folder, send_part
from counterpoint.config.schema import ControlName
from counterpoint.config.workers import Workers, mapper
from counterpoint.data import SPLITS, Encoded, open_dataset, open_encoded
from counterpoint.data.controls import INFO_FILE, SOURCES, TrackWriter, known_tracks, open_track, written_tracks
from counterpoint.metrics.adherence_measures import beat_f1

if TYPE_CHECKING:
    from rich.console import Console

_PART_S, _CONTEXT_S = 600.0, 5.0
"""Seconds of a clip in which controls are detected at once, and seconds of context on either side."""
Found = TypeVar("Found")
Progress = Callable[[float, float], None]
"""Called with (done, total) in seconds of audio; the audio counts once for every track."""


@dataclass(frozen=True)
class TrackReport:
    """The result for one track of a dataset.

    Attributes:
        name: for example `chords.exact`.
        version: version of its extractor.
        rows: number of clips over all splits.
        accuracy: by measure, against the exact annotation, if the rows have it; and `confidence`, the extractor's mean
            probability, if it reports one. Empty for an exact track.
        audio_s, wall_s: seconds of audio and of time of the call that finished the track.
        is_new: whether the track was finished by this call.
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
        """Seconds of audio per second."""
        return self.audio_s / max(self.wall_s, 1e-9)


def extract_controls(
    dataset: Path | str,
    *,
    codec: str = "pocket",
    tracks: Sequence[str] | None = None,
    device: str = "auto",
    workers: Workers | None = None,
    progress: Progress | None = None,
) -> dict[str, TrackReport]:
    """Write control tracks of a dataset at the frame rate of its latents.

    Existing tracks of the same extractor version are kept; an interrupted call can be continued. A clip that cannot be
    read gets a track of `NOT_GIVEN`, and a warning.

    Args:
        dataset: a dataset folder that has been encoded.
        codec: name or fingerprint of the codec with which the dataset is encoded.
        tracks: names as in `data.controls.SOURCES`; by default all available ones.
        device: the device of networks in torch, as for `find_device`.
        workers: processes that analyse clips; by default this process alone, on all its cores.
        progress: called with (done, total) in seconds of audio.

    Returns:
        The tracks that now exist, by name.

    Raises:
        UserError: there is no such dataset or device, the dataset is not encoded, or a track is unknown or unavailable.
        OSError: the disk is full.
    """
    with sole_writer(local_folder(dataset), on_wait=warn_waiting):
        found = find_device(device)
        how = {"device": found, "workers": workers, "progress": progress}
        return _extract_controls(dataset, codec=codec, tracks=tracks, **how)


def _extract_controls(
    dataset: Path | str,
    *,
    codec: str,
    tracks: Sequence[str] | None,
    device: str,
    workers: Workers | None,
    progress: Progress | None,
) -> dict[str, TrackReport]:
    place = open_dataset(dataset).folder  # with its audio, if it is at a URL
    source = _Source(open_encoded(place, codec=codec), device=device)
    writers = {name: TrackWriter(source.encoded, name, version=_TRACKS[name][0]) for name in _wanted(source, tracks)}
    new = [name for name, writer in writers.items() if not writer.is_complete()]
    if any(name.startswith("drums") for name in new):
        source.check_codec()  # before a long wait, not after it
    meter = _Meter(source, [writers[name] for name in new], report=progress)
    with one_block_a_core() as apply, _detecting(source, device=device, workers=workers, apply=apply) as detect:
        for name in new:
            writer, started, before_s = writers[name], time.perf_counter(), meter.done_s
            for split in SPLITS:
                clips = source.clips(split, first=writer.rows_done(split))
                writer.write(split, meter.watch(clips, detect(name, clips)))
            spent = {"audio_s": meter.done_s - before_s, "wall_s": time.perf_counter() - started}
            writer.finish(**spent, accuracy=_accuracy(source, name, writer=writer, apply=apply))
            send_part(dataset, writer.folder, root=source.encoded.dataset.folder, mark=INFO_FILE)
    return {name: _report(source, name, is_new=name in new) for name in writers}


@contextmanager
def _detecting(
    source: _Source, *, device: str, workers: Workers | None, apply: Map
) -> Iterator[Callable[[str, Sequence[_Clip]], Iterator[np.ndarray]]]:
    """A function from the name of a track and clips to the clips' tracks, in order."""
    if workers is None or workers.is_alone:
        yield lambda name, clips: apply(_patient(name), clips)
        return
    encoded = source.encoded
    make = partial(_extractor, encoded.dataset.folder, encoded.spec.fingerprint, device)
    with mapper(make, workers=workers) as there:
        yield lambda name, clips: there([(name, clip.split, clip.index) for clip in clips])


def _extractor(folder: Path, codec: str, device: str) -> Callable[[tuple[str, str, int]], np.ndarray]:
    """A function from (name of a track, split, row) to the row's track, for a process of its own."""
    source = _Source(open_encoded(folder, codec=codec), device=device)
    return lambda place: _patient(place[0])(_Clip(source, *place[1:]))


def best_tracks(
    dataset: Path | str, *, codec: str, controls: Sequence[ControlName], chosen: Mapping[ControlName, str]
) -> dict[ControlName, str]:
    """The best available track of each control: the chosen one, else the first of `SOURCES`.

    Raises:
        UserError: there is no such dataset, or it is not encoded.
    """
    lacking = _lacking(_Source(open_encoded(dataset, codec=codec)))
    best: dict[ControlName, str] = {
        name: next((track for track in SOURCES[name] if track not in lacking), SOURCES[name][-1]) for name in controls
    }
    return {name: chosen.get(name, track) for name, track in best.items()}


class _Source:
    """An encoded dataset and the shared inputs of its extractors."""

    def __init__(self, encoded: Encoded, *, device: str = "cpu"):
        self.encoded, self._device = encoded, device

    @cached_property
    def codec(self) -> Codec:
        """The codec of the latents, on the device."""
        return load_codec(self.encoded.spec.codec).to(self._device)

    def check_codec(self) -> None:
        """
        Raises:
            UserError: the codec of that name has changed.
        """
        folder, spec = self.encoded.dataset.folder, self.encoded.spec
        if self.codec.fingerprint != spec.fingerprint:
            raise UserError(
                f"{folder} was encoded with another version of the codec {spec.codec!r}; run "
                f"`counterpoint data encode {folder} --codec {spec.codec}` again."
            )

    def clips(self, split: str, *, first: int = 0) -> list[_Clip]:
        """The clips of a split from row `first`."""
        return [_Clip(self, split, row) for row in range(first, len(self.encoded[split]))]

    def has(self, column: str) -> bool:
        """Whether any row of the dataset has a value in a column."""
        return any(any(rows[column]) for rows in self.encoded.dataset.splits.values())

    @cache  # noqa: B019 - lives as long as the extraction
    def silence(self, frames: int) -> np.ndarray:
        """Codes [T] of silence."""
        return blurred_codes(self.codec, np.zeros(frames * self.codec.samples_per_frame, np.float32))


@dataclass(frozen=True)
class _Clip:
    """One row and the inputs of an extractor."""

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
        """Latents [T, D]."""
        return torch.from_numpy(self.source.encoded[self.split].slice(self.index, 0, self.frames)[1])

    def path(self, column: str = "audio") -> Path:
        """The file of the mix, or of the stem `drums`."""
        return self.source.encoded.dataset.folder / self.row[column]

    def audio(self, *, sample_rate: int, column: str = "audio") -> np.ndarray:
        """The whole audio [N] of the mix, or of the stem `drums`."""
        return np.concatenate(list(stream_audio(self.path(column), sample_rate=sample_rate)))

    def beginning(self, *, sample_rate: int) -> tuple[np.ndarray, int]:
        """The first `_PART_S` seconds of the mix [N], and the number of their frames."""
        if self.frames <= self.part_frames:
            return self.audio(sample_rate=sample_rate), self.frames
        return load_audio(self.path(), sample_rate=sample_rate, duration_s=_PART_S)[0], self.part_frames

    @property
    def part_frames(self) -> int:
        """The frames of a part."""
        return round(_PART_S * self.frame_rate)


def _in_parts(clip: _Clip, detect: Callable[[np.ndarray, int], np.ndarray], *, sample_rate: int) -> np.ndarray:
    """A detected track [T]: of a longer clip part by part, each with some context, so that memory is bounded.

    Args:
        detect: a function from audio and the number of its frames to its track.
    """
    size, context = clip.part_frames, round(_CONTEXT_S * clip.frame_rate)
    if clip.frames <= size:
        return detect(clip.audio(sample_rate=sample_rate), clip.frames)
    tracks = []
    for first in range(0, clip.frames, size):
        start, stop = max(0, first - context), min(clip.frames, first + size + context)
        start_s, duration_s = start / clip.frame_rate, (stop - start) / clip.frame_rate
        audio, _ = load_audio(clip.path(), sample_rate=sample_rate, start_s=start_s, duration_s=duration_s)
        tracks.append(detect(audio, stop - start)[first - start :][:size])
    return np.concatenate(tracks)


def _chords_exact(clip: _Clip) -> np.ndarray:
    return chord_track(Annotation.of_row(clip.row).chords, frames=clip.frames, frame_rate=clip.frame_rate)


def _chords_chordino(clip: _Clip) -> np.ndarray:
    def detect(audio: np.ndarray, frames: int) -> np.ndarray:
        detected = chordino.detect_chords(audio, sample_rate=chordino.SAMPLE_RATE)
        return chord_track(detected, frames=frames, frame_rate=clip.frame_rate)

    return _in_parts(clip, detect, sample_rate=chordino.SAMPLE_RATE)


def _chords_viterbi25(clip: _Clip) -> np.ndarray:
    def detect(audio: np.ndarray, frames: int) -> np.ndarray:
        detected = viterbi25.recognise_chords(audio, sample_rate=viterbi25.SAMPLE_RATE).stamps
        return chord_track(detected, frames=frames, frame_rate=clip.frame_rate)

    return _in_parts(clip, detect, sample_rate=viterbi25.SAMPLE_RATE)


def _melody_exact(clip: _Clip) -> np.ndarray:
    notes = Annotation.of_row(clip.row).notes
    if not notes:
        return np.full(clip.frames, NOT_GIVEN)
    return melody_track(notes, frames=clip.frames, frame_rate=clip.frame_rate)


def _melody_basic_pitch(clip: _Clip) -> np.ndarray:
    def detect(audio: np.ndarray, frames: int) -> np.ndarray:
        rate = melody.SAMPLE_RATE
        return melody.detect_melody(audio, sample_rate=rate, frames=frames, frame_rate=clip.frame_rate)

    return _in_parts(clip, detect, sample_rate=melody.SAMPLE_RATE)


def _drums_stem(clip: _Clip) -> np.ndarray:
    """Codes of the drum stem; a clip without one, in a dataset with stems, has no drums."""
    codec = clip.source.codec
    if not clip.row["drums"]:
        return clip.source.silence(clip.frames)
    pieces = stream_audio(clip.path("drums"), sample_rate=codec.sample_rate)
    audio = _of_length(pieces, clip.frames * codec.samples_per_frame)
    return codes_of_blurred(codec, join(encode_stream(audio, codec)).latents[0])


def _of_length(pieces: Iterable[np.ndarray], length: int) -> Iterator[np.ndarray]:
    """The first `length` samples of a stream, with silence after its end."""
    for piece in pieces:
        yield piece[:length]
        length -= len(piece)
        if length <= 0:
            return
    yield np.zeros(length, np.float32)


def _drums_mix(clip: _Clip) -> np.ndarray:
    """Codes of the existing latents, whose half precision changes hardly any code."""
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
"""Version and extractor of every track; increase the version if the output of the extractor changes."""
_BEAT_CLIPS, _SURE_CLIPS = 64, 16
_TRUTHS = {"chords": "chords.exact", "melody": "melody.exact", "drums": "drums.stem"}


def _patient(name: str) -> Callable[[_Clip], np.ndarray]:
    """The extractor of a track, which warns of a clip that can no longer be read and gives `NOT_GIVEN` for it."""
    extract = _TRACKS[name][1]

    def track_of(clip: _Clip) -> np.ndarray:
        if not clip.frames:  # left out when the dataset was encoded
            return np.zeros(0, np.int64)
        try:
            return extract(clip)
        except (UserError, OSError) as error:
            warnings.warn(f"{clip.row['id']} has an empty track {name}: {error}", stacklevel=2)
            return np.full(clip.frames, NOT_GIVEN)

    return track_of


def _wanted(source: _Source, tracks: Sequence[str] | None) -> list[str]:
    """Names of the tracks to write, in the order of `SOURCES`, in which exact tracks come first."""
    lacking = _lacking(source)
    for name in tracks or ():
        if name not in known_tracks():
            raise UserError(f"There is no control track {name!r}; choose one of {', '.join(known_tracks())}.")
        if name in lacking:
            raise UserError(f"The track {name} is not available: {lacking[name]}")
    return [name for name in known_tracks() if (name not in lacking if tracks is None else name in tracks)]


def _lacking(source: _Source) -> dict[str, str]:
    """Reasons for unavailable tracks, by name."""
    lacking = {}
    folder, spec = source.encoded.dataset.folder, source.encoded.spec
    for column in ("chords", "melody"):
        if not source.has(column):
            lacking[f"{column}.exact"] = f"no clip of {folder} has exact {column}; use a detected track."
    if not source.has("drums"):
        lacking["drums.stem"] = f"no clip of {folder} has a drum stem; use drums.mix."
    if not spec.num_codebooks:
        reason = f"drums are codes, and the codec {spec.codec!r} has none; use one with codes, such as 'pocket'."
        lacking |= {"drums.stem": reason, "drums.mix": reason}
    if not chordino.is_installed():
        lacking["chords.chordino"] = chordino.REMEDY
    if not melody.is_installed():
        lacking["melody.basic_pitch"] = melody.REMEDY
    return lacking


class _Meter:
    """Counts the processed audio over all tracks."""

    def __init__(self, source: _Source, writers: Sequence[TrackWriter], *, report: Progress | None):
        durations_s = {split: np.asarray(rows["duration_s"]) for split, rows in source.encoded.dataset.splits.items()}
        rest_s = (durations_s[split][writer.rows_done(split) :].sum() for writer in writers for split in SPLITS)
        self._report, self.done_s, self.total_s = report, 0.0, float(sum(rest_s))

    def watch(self, clips: Sequence[_Clip], tracks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """Pass tracks through, counting each."""
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
    """Accuracy of a detected track over all frames of the dataset, if the truth is known, and its confidence.

    Drums represent a beat, and are judged by detected beats, which are compared with the true ones.
    """
    control = name.partition(".")[0]
    sure = _confidence(source, name, apply=apply)
    beats = _beat_accuracy(source, apply=apply) if name == "drums.mix" else {}
    truth = _truth(source, _TRUTHS[control]) if name != _TRUTHS[control] else None
    if truth is None:
        return beats | sure
    detected = np.concatenate([writer.split(split) for split in SPLITS])
    known = truth != NOT_GIVEN
    detected, truth = detected[known], truth[known]
    if control == "chords":
        labels = {"labels": _share(detected == truth)} if name == "chords.chordino" else {}
        return _chord_accuracy(detected, truth) | labels | sure
    right = _melody_accuracy(detected, truth) if control == "melody" else {"codes": _share(detected == truth), **beats}
    return right | sure


def _truth(source: _Source, name: str) -> np.ndarray | None:
    """All frames of the exact track of a control; None if the rows do not have it, or it is not written."""
    if name in written_tracks(source.encoded):
        track = open_track(source.encoded, name)
        return np.concatenate([track[split].values for split in SPLITS])
    if name == "drums.stem" or name in _lacking(source):
        return None
    return np.concatenate([_patient(name)(clip) for split in SPLITS for clip in source.clips(split)])


def _chord_accuracy(detected: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """`triads`: share of the frames with the right `viterbi25.triad_class`, without frames whose chord is neither major
    nor minor nor N."""
    triads = np.array([-1 if (found := viterbi25.triad_class(label)) is None else found for label in vocabulary()])
    counted = triads[truth] >= 0
    return {"triads": _share(triads[detected][counted] == triads[truth][counted])}


def _melody_accuracy(detected: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """`notes`: share of the frames with the right note or rest; `pitch_classes`: share of the frames with a note that
    have its pitch class."""
    sounds = truth != REST
    octaves = (detected[sounds] != REST) & ((detected[sounds] - truth[sounds]) % 12 == 0)
    return {"notes": _share(detected == truth), "pitch_classes": _share(octaves)}


def _beat_accuracy(source: _Source, *, apply: Map) -> dict[str, float]:
    """F1 within 50 ms of the beats and of the downbeats, in up to 64 clips spread over the dataset."""
    if not source.has("beats"):
        return {}
    chosen = _spread(source, _BEAT_CLIPS)
    detections = zip(chosen, apply(_where_readable(_beats), chosen), strict=True)
    pairs = [(Annotation.of_row(clip.row), detected) for clip, detected in detections if detected is not None]
    if not pairs:
        return {}
    beats = [
        beat_f1([time for time, _ in true.beats], [time for time, _ in detected.beats]) for true, detected in pairs
    ]
    downbeats = [beat_f1(true.downbeats_s, detected.downbeats_s) for true, detected in pairs]
    return {"beat_f1_librosa": float(np.nanmean(beats)), "downbeat_f1_librosa": float(np.nanmean(downbeats))}


def _spread(source: _Source, most: int) -> list[_Clip]:
    """At most `most` clips, spread over the dataset."""
    clips = [clip for split in SPLITS for clip in source.clips(split) if clip.frames]
    return clips[:: math.ceil(len(clips) / most)]


def _confidence(source: _Source, name: str, *, apply: Map) -> dict[str, float]:
    """The extractor's mean probability, in up to 16 clips spread over the dataset."""
    if name not in _SURE:
        return {}
    chosen = _spread(source, _SURE_CLIPS)
    certainties = apply(_where_readable(_SURE[name]), chosen)
    mean = weighted_mean((clip.row["duration_s"], sure) for clip, sure in zip(chosen, certainties, strict=True))
    return {} if mean is None else {"confidence": mean}


def _chord_confidence(clip: _Clip) -> float:
    audio, _ = clip.beginning(sample_rate=viterbi25.SAMPLE_RATE)
    return float(viterbi25.recognise_chords(audio, sample_rate=viterbi25.SAMPLE_RATE).certainty.mean())


def _melody_confidence(clip: _Clip) -> float | None:
    rate = melody.SAMPLE_RATE
    audio, frames = clip.beginning(sample_rate=rate)
    return melody.follow_melody(audio, sample_rate=rate, frames=frames, frame_rate=clip.frame_rate).confidence


_SURE: dict[str, Callable[[_Clip], float | None]] = {
    "chords.viterbi25": _chord_confidence,
    "melody.basic_pitch": _melody_confidence,
}
"""The confidence of a clip, by extractor."""


def _beats(clip: _Clip) -> Annotation:
    audio = clip.audio(sample_rate=BEAT_RATE)
    return Annotation(clip.row["duration_s"], beats=track_beats(audio, sample_rate=BEAT_RATE))


def _where_readable(extract: Callable[[_Clip], Found | None]) -> Callable[[_Clip], Found | None]:
    """The extractor, with None for a clip that cannot be read, of which a warning has been given."""

    def extract_readable(clip: _Clip) -> Found | None:
        try:
            return extract(clip)
        except (UserError, OSError):
            return None

    return extract_readable


def _share(right: np.ndarray) -> float:
    return float(right.mean()) if right.size else float("nan")


def print_tracks(reports: Mapping[str, TrackReport], *, console: Console) -> None:
    """Print one line per track."""
    from rich.table import Table

    table = Table("track", "version", box=None, pad_edge=False)
    for title in ("rows", "accuracy", "x real time"):
        table.add_column(title, justify="left" if title == "accuracy" else "right")
    for report in reports.values():
        right = ", ".join(f"{measure} {value:.2f}" for measure, value in report.accuracy.items())
        speed = f"{report.times_real_time:,.0f}" if report.is_new else "exists"
        table.add_row(report.name, report.version, f"{report.rows:,}", right, speed)
    console.print(table)
