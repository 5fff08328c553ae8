"""The verb `follow`: request, draw, analyse, compare.

Clips are in OUT/ASK-DIGEST, where the digest covers everything that determines them: the same command can be continued,
and other settings use other folders.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint.analysis import melody
from counterpoint.analysis.confidence import LOW
from counterpoint.config import SamplingConfig, UserError, digest, write_json, write_json_lines
from counterpoint.config.base import MOST_CLIPS, check_seed
from counterpoint.config.device import find_device
from counterpoint.config.locks import sole_writer
from counterpoint.config.nearest import did_you_mean
from counterpoint.config.paths import check_kept_folder, true_path
from counterpoint.follow.defaults import CAPTIONS
from counterpoint.follow.measures import Detected, Measure, Wanted, measures
from counterpoint.follow.recognition import VERSION, Through, detect, recogniser
from counterpoint.follow.requests import (
    ASKS,
    Request,
    Setting,
    default_charts,
    fingerprint_of,
    make_requests,
    music_of,
    open_held,
)
from counterpoint.follow.result import Followed, Following, Share
from counterpoint.generate.controls import require_known
from counterpoint.generate.model import LoadedModel, load_model
from counterpoint.generate.outputs import read_captions
from counterpoint.generate.request import BATCH_SIZE, GenerationRequest, check_number
from counterpoint.generate.sampling import generate
from counterpoint.metrics import Clip
from counterpoint.metrics.analyzer import ClipAnalyzer, Progress
from counterpoint.runs import RUNS, add_figures, find_run

RESULT_FILE = "following.json"


@dataclass(frozen=True)
class FollowConfig:
    """The requests to a model, and the sampling settings.

    Attributes:
        ask: kinds among chords, melody, drums and tempo (in words); by default the model's controls, and the tempo.
        captions: a text file, one caption per line; by default ten built-in ones.
        seeds: number of clips per caption.
        charts: chord charts instead of the default ones; half of the clips have the first.
        data: a dataset of held-out music, for melodies and drum loops, and as a comparison.
        split: split of the dataset.
        duration_s: duration of a clip.
        seed: seed of the first clip; clip i of a kind has seed + i.
        sampling: sampling settings.
        batch_size: greatest number of clips at once.
        device, precision, compiled: options of `load_model`.
    """

    ask: Sequence[str] | None = None
    captions: Path | None = None
    seeds: int = 5
    charts: Sequence[str] | None = None
    data: Path | None = None
    split: str = "test"
    duration_s: float = 8.0
    seed: int = 0
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    batch_size: int = BATCH_SIZE
    device: str = "auto"
    precision: str | None = None
    compiled: bool = False


def follow(
    model: str | Path,
    config: FollowConfig,
    *,
    out: Path | None = None,
    card: bool = False,
    progress: Progress | None = None,
) -> Following:
    """Measure how well a model follows its controls; the result is determined by the seed, and can be continued.

    Args:
        model: a model as `load_model` takes it.
        out: folder of clips and `following.json`; by default runs/follow/MODEL.
        card: whether to write the figures into the card of the model's folder, too.
        progress: called with (clips drawn or analysed, total clips).

    Raises:
        UserError: there is no such model, it supports none of the requests, a file cannot be used, or `out` cannot be
            written or is being written by another process.
    """
    _check(config)
    config = replace(config, device=find_device(config.device))  # it is a part of what was measured
    out = out or _place(model)
    check_kept_folder(out)
    with sole_writer(out):
        return _follow(model, config, out=out, card=card, progress=progress)


def _follow(model: str | Path, config: FollowConfig, *, out: Path, card: bool, progress: Progress | None) -> Following:
    captions = list(CAPTIONS) if config.captions is None else read_captions(None, config.captions)
    check_number(config.seeds, captions=len(captions))
    held = [] if config.data is None else open_held(config.data, split=config.split, duration_s=config.duration_s)
    loaded = load_model(model, device=config.device, precision=config.precision, compiled=config.compiled)
    asks, notes = _asks(config, known=loaded.paradigm.config.controls, has_music=bool(held))
    run, charts = find_run(model), list(config.charts or default_charts(config.duration_s))
    if card and not run.is_dir():
        raise UserError(f"{model} is not a folder, so it cannot have a card: leave --card out.")
    settings = _settings(config, run=run, captions=captions, charts=charts)
    setting = Setting(loaded, captions, config.seeds, config.duration_s, charts, held)
    requests = {ask: make_requests(ask, setting) for ask in asks}
    music = {ask: music_of(setting) if ask == "chords" else _with_music(each) for ask, each in requests.items()}
    total = 2 * (sum(map(len, requests.values())) + sum(map(len, music.values())))
    recognition = _Recognition(out, total=total, progress=progress)
    through = Through(loaded.codec, loaded.paradigm.target)
    scores: list[Followed] = []
    for ask, wanted in requests.items():
        folder = out / f"{ask}-{_key(wanted, settings=settings)}"
        recognition.moved(_draw(wanted, model=loaded, config=config, folder=folder))
        answers = {
            "model": _Answers.of(wanted, recognition.model(wanted, ask=ask, folder=folder)),
            "music": _Answers.of(music[ask], recognition.music(music[ask], ask=ask)),
            "codec": _Answers.of(music[ask], recognition.music(music[ask], ask=ask, through=through)),
        }
        scores += _scores(ask, **answers, seed=config.seed)
        notes += _sureness(ask, {"the model's clips": answers["model"], "real music": answers["music"]})
    count = sum(map(len, requests.values()))
    following = Following(str(model), str(out), settings, scores, notes, audio_s=count * config.duration_s)
    write_json(out / RESULT_FILE, following.to_json())
    if card:
        add_figures(run, following.figures())
    return following


def _place(model: str | Path) -> Path:
    """A folder for each name of a model: runs/follow/quick-autoregressive for runs/quick/autoregressive."""
    parts = [part for part in Path(model).parts if part not in ("/", ".", "..")]
    return RUNS / "follow" / "-".join(parts[1:] if parts[0] == RUNS.name and len(parts) > 1 else parts)


def _settings(config: FollowConfig, *, run: Path, captions: Sequence[str], charts: Sequence[str]) -> dict[str, Any]:
    """Everything that determines the result."""
    data = None if config.data is None else {"folder": str(config.data), "fingerprint": fingerprint_of(config.data)}
    return {
        "version": VERSION,
        "weights": _fingerprint(run),
        **{name: getattr(config, name) for name in ("seeds", "seed", "duration_s", "device", "precision", "split")},
        "data": data,
        "sampling": config.sampling.model_dump(exclude_defaults=True, mode="json"),
        "captions": captions,
        "charts": charts,
    }


def _check(config: FollowConfig) -> None:
    for name in config.ask or ():
        if name not in ASKS:
            raise UserError(
                f"There is no kind of request {name!r}{did_you_mean(name, ASKS)}: choose among {', '.join(ASKS)}."
            )
    check_seed(config.seed, count=MOST_CLIPS)
    if not config.duration_s > 0:
        raise UserError(f"--duration-s is {config.duration_s:g}: it must be more than 0.")


def _asks(config: FollowConfig, *, known: Sequence[str], has_music: bool) -> tuple[list[str], list[str]]:
    """The kinds of requests to a model with the controls `known`, and remarks about them."""
    wanted = list(dict.fromkeys(config.ask)) if config.ask is not None else [*known, "tempo"]
    if not known and config.ask is None:
        raise UserError(
            "This model has no controls for chords, melody or drums: use --ask tempo to measure how well "
            'it follows a tempo in words, or train one with --set "model.controls=[chords, melody, drums]".'
        )
    require_known([ask for ask in wanted if ask != "tempo"], known=known)
    notes = []
    if "drums" in wanted and not has_music:
        if config.ask is not None:
            raise UserError("Drum loops come from held-out music: give a dataset with --data, or leave drums out.")
        wanted.remove("drums")
        notes.append("Drums are left out: their loops come from held-out music; give a dataset with --data.")
    if has_music and {"melody", "drums"} & set(wanted):
        notes.append("Melodies and drum loops of held-out music are requested with its captions.")
    if "melody" in wanted and not melody.is_installed():
        raise UserError(melody.REMEDY)
    return wanted, notes


class _Recognition:
    """Analyses clips, several at once, and reports the progress of everything."""

    def __init__(self, out: Path, *, total: int, progress: Progress | None):
        self._out, self._total, self._done = out, total, 0
        self._progress = progress or (lambda done, total: None)

    def moved(self, steps: Iterator[object]) -> None:
        """Run the steps, and count them."""
        for _ in steps:
            self._done += 1
            self._progress(self._done, self._total)

    def model(self, requests: Sequence[Request], *, ask: str, folder: Path) -> list[Detected]:
        """The analysis of the clips in `folder`."""
        clips = [Clip(path) for path in _paths(folder, len(requests))]
        return self._detect(clips, ask=ask, kept=lambda clip: clip.audio.with_suffix(f".{recogniser()}-{VERSION}.npz"))

    def music(self, requests: Sequence[Request], *, ask: str, through: Through | None = None) -> list[Detected]:
        """The analysis of the music in `requests`, all of which have some, optionally through a codec."""
        clips = [request.music for request in requests if request.music is not None]
        kind = "tempo" if ask == "drums" else ask

        codec = None if through is None else [through.codec.fingerprint, through.view]

        def kept(clip: Clip) -> Path:
            status = clip.audio.stat()
            file = [str(true_path(clip.audio)), status.st_size, status.st_mtime_ns, clip.duration_s]
            return self._out / "music" / f"{kind}-{digest([VERSION, recogniser(), file, codec])}.npz"

        return self._detect(clips, ask=kind, kept=kept, through=through)

    def _detect(
        self, clips: Sequence[Clip], *, ask: str, kept: Callable[[Clip], Path], through: Through | None = None
    ) -> list[Detected]:
        before = self._done

        def moved(done: float, _: float) -> None:
            self._done = before + int(done)
            self._progress(self._done, self._total)

        analyze_clips = ClipAnalyzer(
            lambda clip: detect(clip, ask=ask, kept=kept(clip), through=through), total=len(clips), progress=moved
        )
        return analyze_clips(clips)


def _with_music(requests: Sequence[Request]) -> list[Request]:
    """One request for each piece of music, of those that have any."""
    return list({each.wanted.name: each for each in requests if each.music}.values())


def _draw(requests: Sequence[Request], *, model: LoadedModel, config: FollowConfig, folder: Path) -> Iterator[object]:
    """Write the missing clips, clip i from the seed `seed + i`.

    Whole batches are drawn again, since in another batch a clip may differ in its last bits.
    """
    paths = _paths(folder, len(requests))
    first = next((index for index, path in enumerate(paths) if not path.is_file()), len(paths))
    if first < len(paths):
        first -= first % max(1, config.batch_size)
    yield from range(first)
    if first == len(paths):
        return
    left = requests[first:]
    controls = [request.controls for request in left if request.controls is not None]
    lines = [{"file_name": path.name, "caption": each.caption, "id": path.stem, "asked": each.wanted.name}
             for path, each in zip(paths, requests, strict=True)]  # fmt: skip
    write_json_lines(folder / "metadata.jsonl", lines)
    request = GenerationRequest(
        [request.caption for request in left],
        duration_s=config.duration_s,
        seed=config.seed + first,
        controls=np.stack(controls) if controls else None,
        sampling=config.sampling,
        batch_size=config.batch_size,
    )
    for path, clip in zip(paths[first:], generate(request, model=model), strict=True):
        yield clip.save(path)


@dataclass(frozen=True, eq=False)
class _Answers:
    """The requests and the analyses, clip by clip."""

    wanted: Sequence[Wanted]
    detected: Sequence[Detected]

    @classmethod
    def of(cls, requests: Sequence[Request], detected: Sequence[Detected]) -> _Answers:
        """Pair requests and analyses, in order."""
        return cls([request.wanted for request in requests], detected)

    def values(self, measure: Measure) -> np.ndarray:
        """Shares [n]; NaN where nothing counts."""
        return np.array([measure.share(*pair) for pair in zip(self.wanted, self.detected, strict=True)], dtype=float)


def _scores(ask: str, *, model: _Answers, music: _Answers, codec: _Answers, seed: int) -> list[Followed]:
    names = Counter(each.name for each in model.wanted)
    found = []
    for measure in measures(ask, recogniser=recogniser()):
        values = model.values(measure)
        share = Share.of(values, seed=seed)
        if share is None:
            raise UserError("None of the requested chords has a major or minor triad, so none can be judged: add some.")
        of_part = {name: values[[each.name == name for each in model.wanted]] for name in names}
        parts = {name: Share.of(part, seed=seed) for name, part in of_part.items()} if ask != "drums" else {}
        found.append(
            Followed(
                ask,
                measure.name,
                measure.what,
                model=share,
                chance=Share.of(_chance(measure, model), seed=seed),
                music=Share.of(music.values(measure), seed=seed),
                codec=Share.of(codec.values(measure), seed=seed),
                parts={name: part for name, part in parts.items() if part and len(names) < len(values) / 2},
            )
        )
    return found


def _sureness(ask: str, answers: dict[str, _Answers]) -> list[str]:
    """A note on the recogniser's mean probability, if it reports one."""
    detected = {where: np.array([each.confidence for each in of.detected]) for where, of in answers.items()}
    means = {where: float(np.nanmean(values)) for where, values in detected.items() if np.isfinite(values).any()}
    if not means:
        return []
    said = " and ".join(f"{mean:.2f} in {where}" for where, mean in means.items())
    low = f" Below {LOW:g}, many detections may be wrong, and the shares are then too low." * (
        min(means.values()) < LOW
    )
    return [f"The mean confidence of the detected {ask}: {said}.{low}"]


def _chance(measure: Measure, model: _Answers) -> np.ndarray:
    """Mean share [n] of each clip over all different requests of other clips."""
    kinds = {each.name: each for each in model.wanted}
    counts = Counter(each.name for each in model.wanted)
    means = []
    for own, of_clip in zip(model.wanted, model.detected, strict=True):
        others = [(counts[name], measure.share(other, of_clip)) for name, other in kinds.items() if name != own.name]
        known = [(count, share) for count, share in others if np.isfinite(share)]
        total = sum(count for count, _ in known)
        means.append(sum(count * share for count, share in known) / total if total else np.nan)
    return np.array(means)


def _paths(folder: Path, count: int) -> list[Path]:
    return [folder / f"{index:04d}.wav" for index in range(count)]


def _key(requests: Sequence[Request], *, settings: dict[str, Any]) -> str:
    """Digest of everything that determines the clips of some requests."""
    identities = [
        [request.caption, None if request.controls is None else hashlib.sha256(request.controls.tobytes()).hexdigest()]
        for request in requests
    ]
    decides = {name: settings[name] for name in ("weights", "seed", "duration_s", "device", "precision", "sampling")}
    return digest([decides, identities])[:12]


def _fingerprint(run: Path) -> str:
    """Digest of a model's weights: names, sizes, first and last megabyte of every file; of a hub model its name."""
    files = sorted(path for path in run.rglob("*.safetensors") if path.is_file()) if run.is_dir() else []
    content = hashlib.sha256(str(run).encode() if not files else b"")
    for path in files[-64:]:
        content.update(f"{path.relative_to(run)} {path.stat().st_size}".encode())
        with path.open("rb") as file:
            content.update(file.read(1 << 20))
            file.seek(max(0, path.stat().st_size - (1 << 20)))
            content.update(file.read())
    return content.hexdigest()[:16]
