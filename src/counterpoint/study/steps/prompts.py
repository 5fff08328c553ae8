"""Held-out windows of music: their audio is the ground truth, and their captions are the prompts of models."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from counterpoint.audio import SILENCE_PEAK, load_audio, save_audio
from counterpoint.config import UserError
from counterpoint.data import MusicDataset, open_dataset
from counterpoint.results.parts import Prompts, Window
from counterpoint.study.settings import ClipsConfig
from counterpoint.study.windows import COLUMNS, choose_windows, list_clips
from counterpoint.study.work import Work, computes
from counterpoint.study.workload import nothing

SAMPLE_RATE = 32_000
LEAST_CLIPS = 8


@computes("choose_prompts", version=1, workload=nothing)
def choose_prompts(work: Work) -> None:
    """Write `truth/`, an HF audiofolder, and `Prompts`.

    Raises:
        UserError: fewer than eight windows can be cut from the splits.
    """
    config: ClipsConfig = work.config
    dataset = open_dataset(work.inputs["data"])
    windows = _cut(dataset, config=config, folder=work.folder / "truth")
    if len(windows) < LEAST_CLIPS:
        raise UserError(
            f"Only {len(windows)} clips of {config.duration_s:g} s can be cut from the {' and '.join(config.splits)} "
            f"splits of {dataset.folder}; a study needs {LEAST_CLIPS}: add music to it, or set a shorter duration_s."
        )
    Prompts(duration_s=config.duration_s, windows=tuple(windows)).write(work.folder)


def _cut(dataset: MusicDataset, *, config: ClipsConfig, folder: Path) -> list[Window]:
    """Choose windows and write them, without silent ones."""
    held_out = {split: dataset.splits[split].select_columns(COLUMNS).to_list() for split in config.splits}
    audio_of = {(split, row["id"]): dataset.audio_path(row) for split, rows in held_out.items() for row in rows}
    kept: list[Window] = []
    for window in choose_windows(held_out, wanted=config.clips, duration_s=config.duration_s):
        audio, _ = load_audio(
            audio_of[window.split, window.row],
            sample_rate=SAMPLE_RATE,
            start_s=window.start_s,
            duration_s=config.duration_s,
        )
        if np.abs(audio).max() >= SILENCE_PEAK:
            save_audio(folder / f"{window.id}.wav", _exactly(audio, config.duration_s), sample_rate=SAMPLE_RATE)
            kept.append(window)
    list_clips(folder, {window.id: window.caption for window in kept})
    return kept


def _exactly(audio: np.ndarray, duration_s: float) -> np.ndarray:
    """Cut or pad to the exact length: resampling may be off by one sample."""
    length = round(duration_s * SAMPLE_RATE)
    return np.pad(audio[:length], (0, max(0, length - len(audio))))
