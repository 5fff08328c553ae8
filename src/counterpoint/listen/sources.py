"""The source of a listening test: clips of several systems for the same items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from counterpoint.config import UserError
from counterpoint.config.paths import true_path
from counterpoint.metrics import match_clips
from counterpoint.results.parts import Prompts, Spans
from counterpoint.results.records import RESULTS_FILE
from counterpoint.results.schema import TRUTH, read_results
from counterpoint.study.finished import RUNS
from counterpoint.study.kinds.inpainting import OTHER, SILENCE
from counterpoint.study.pages.filling import METHODS

LOW_ANCHOR = OTHER
"""The low anchor is music of another clip: it is as loud as the other versions, but it does not match the context.
Silence would not do, since raters cannot judge how well it matches and recognise it by its waveform."""
PAPERS = ("ar", "fm", "fm_inversion")
"""Systems of the paper's own listening test, besides the true music."""
_COMPARED = ("truth", "codec", "model", "shipped", "outside")
"""Origins of the systems that a test of whole clips uses by default."""


@dataclass(frozen=True)
class SourceItem:
    """One prompt, or one clip with one span.

    Attributes:
        files: audio by condition.
        span_s: start and stop of the span that the systems filled in; None if they made whole clips.
    """

    id: str
    caption: str
    files: Mapping[str, Path]
    span_s: tuple[float, float] | None = None


@dataclass(frozen=True)
class Source:
    """The clips from which a test is made.

    Attributes:
        name: name of the study, or names of the folders.
        items: items with one file for every condition.
        names: readable names of the conditions; the reference comes first and the anchor last.
        reference: condition with the true music, or "".
        anchor: condition that is known to be bad, or "".
        study: folder of the study to which results are added; None for folders of audio.
    """

    name: str
    items: Sequence[SourceItem]
    names: Mapping[str, str]
    reference: str = ""
    anchor: str = ""
    study: Path | None = None

    @property
    def conditions(self) -> list[str]:
        """Keys of the conditions."""
        return list(self.names)


def read_source(places: Sequence[str], *, systems: Sequence[str] | None = None, reference: str = "") -> Source:
    """Read a source: one finished study, or several folders with the clips of one system each.

    Args:
        places: the name or the folder of a study; or folders of audio, each as FOLDER or NAME=FOLDER.
        systems: systems to use; by default those that the study compares.
        reference: name of the folder with the true music.

    Raises:
        UserError: a study or folder is missing, clips do not match, or a system is unknown.
    """
    if len(places) == 1 and "=" not in places[0]:
        folder = RUNS / places[0] if (RUNS / places[0]).is_dir() else Path(places[0])
        if (folder / "steps" / "spans" / "spans.json").is_file():
            return read_inpainting(places[0], folder, systems=systems or _papers(folder))
        if (folder / RESULTS_FILE).is_file():
            return read_study(places[0], folder, systems=systems)
        raise UserError(
            f"There is no finished study {places[0]!r} in {RUNS} or as a folder; run it first, or give two or more "
            "folders of audio, one per system."
        )
    return read_folders(places, systems=systems, reference=reference)


def _papers(folder: Path) -> list[str] | None:
    found = [key for key in PAPERS if (folder / "steps" / f"generate_{key}").is_dir()]
    return found or None


def read_inpainting(study: str, folder: Path, *, systems: Sequence[str] | None) -> Source:
    """Read a study of inpainting: its systems, with the true music first and music of another clip last.

    Raises:
        UserError: the study is not finished, is not about inpainting, or lacks a system.
    """
    steps = folder / "steps"
    if not (steps / "prompts" / "prompts.json").is_file():
        raise UserError(
            f"There is no finished study in {folder}; run `counterpoint study run {study}`, or give its folder with "
            "--from."
        )
    if not (steps / "spans" / "spans.json").is_file():
        raise UserError(f"The study in {folder} is not about inpainting; give a study that is, such as table4.")
    found = {path.name.removeprefix("generate_"): path for path in sorted(steps.glob("generate_*"))}
    systems_made = [key for key in found if key not in (OTHER, SILENCE)]
    _require_known(systems, systems_made, what="study")
    folders = {TRUTH: steps / "prompts" / "truth", **{key: found[key] for key in systems or systems_made}}
    folders[LOW_ANCHOR] = found[LOW_ANCHOR]
    known = {
        TRUTH: "Ground truth",
        **{name: method.name for name, method in METHODS.items()},
        LOW_ANCHOR: "Another clip",
    }
    spans = Spans.read(steps / "spans").spans
    items = [
        SourceItem(
            window.id,
            window.caption,
            {key: place / f"{window.id}.wav" for key, place in folders.items()},
            spans[window.id],
        )
        for window in Prompts.read(steps / "prompts").windows
    ]
    names = {key: known.get(key, key) for key in folders}
    return Source(study, items, names, TRUTH, LOW_ANCHOR, true_path(folder))


def read_study(study: str, folder: Path, *, systems: Sequence[str] | None) -> Source:
    """Read a study whose systems make whole clips: the systems with clips of its first set of prompts.

    Raises:
        UserError: another version wrote its results, it has no clips of several systems, or it lacks a system.
    """
    results = read_results(folder)
    judged = {key: system for key, system in results.systems.items() if system.clips}
    place = next((system.prompts for system in judged.values() if system.prompts), "")
    prompts = next((part for step, part in results.prompts.items() if place in ("", step)), None)
    if prompts is None or len(judged) < 2:
        raise UserError(f"The study in {folder} has no clips of several systems to compare.")
    fitting = {key: system for key, system in judged.items() if system.prompts == place}
    _require_known(systems, list(fitting), what="study")
    chosen = systems or [key for key, system in fitting.items() if system.origin in _COMPARED[2:]]
    truth = next((key for key, system in fitting.items() if system.origin == "truth"), "")
    names = {key: fitting[key].name for key in dict.fromkeys([truth, *chosen] if truth else chosen)}
    items = [
        SourceItem(
            window.id,
            window.caption,
            {key: results.path(f"{fitting[key].clips[0]}/{window.id}.wav") for key in names},
        )
        for window in prompts.windows
    ]
    return Source(study, items, names, truth, "", true_path(folder))


def read_folders(places: Sequence[str], *, systems: Sequence[str] | None, reference: str = "") -> Source:
    """Read folders of audio, one per system. Clips of an item have the same id (the file name without its suffix) or
    the same caption.

    Raises:
        UserError: there are fewer than two folders, names are not unique, or the folders share no item.
    """
    folders = dict(_named(place) for place in places)
    if len(folders) < 2 or len(folders) < len(places):
        raise UserError(
            "A test compares systems; give two or more folders with different names, as in ours=clips/ours."
        )
    _require_known(systems, list(folders), what="test")
    _require_known([reference] if reference else None, list(folders), what="test")
    chosen = [key for key in folders if systems is None or key in systems or key == reference]
    matched = match_clips({key: folders[key] for key in chosen})
    order = sorted(chosen, key=lambda key: key != reference)
    items = [
        SourceItem(
            key,
            next((clip.caption for clip in own.values() if clip.caption), ""),
            {name: own[name].audio for name in order},
        )
        for key, own in matched.items()
    ]
    return Source(" ".join(chosen), items, {key: key.replace("_", " ") for key in order}, reference)


def _named(place: str) -> tuple[str, Path]:
    name, separator, folder = place.partition("=")
    if not place or (separator and not (name and folder)):
        raise UserError(f"--from {place!r} names no folder; write FOLDER, or NAME=FOLDER as in ours=clips/ours.")
    path = Path(folder if separator else place)
    return (name if separator else true_path(path).name), path


def _require_known(wanted: Sequence[str] | None, known: Sequence[str], *, what: str) -> None:
    unknown = [key for key in wanted or () if key not in known]
    if unknown:
        raise UserError(f"The {what} has no system {unknown[0]!r}; its systems are {', '.join(known)}.")
