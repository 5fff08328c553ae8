"""A random sample of a dataset's clips as files, and facts about the dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from counterpoint.audio import SILENCE_PEAK, load_audio, save_audio
from counterpoint.config import UserError
from counterpoint.data import open_dataset
from counterpoint.results.parts import Sample
from counterpoint.study.settings import SampleConfig
from counterpoint.study.windows import COLUMNS, choose_windows
from counterpoint.study.work import Work, computes
from counterpoint.study.workload import nothing

SAMPLE_RATE = 32_000
LEAST_CLIPS = 8


@computes("sample", version=1, workload=nothing)
def sample_clips(work: Work) -> None:
    """Write `clips/`, windows of rows drawn without replacement, and the `Sample` that lists them; and as many others,
    preferably from other rows, which give the metrics a scale.

    Raises:
        UserError: fewer than eight clips can be cut, or are not silent.
    """
    config: SampleConfig = work.config
    dataset = open_dataset(work.inputs["data"])
    rows = [
        {**row, "audio": dataset.audio_path(row), "split": split}
        for split, part in dataset.splits.items()
        for row in part.select_columns(COLUMNS).to_list()
    ]
    rng = np.random.default_rng(config.seed)
    by_id = {row["id"]: row for row in rows}
    shuffled = [rows[index] for index in rng.permutation(len(rows))]
    windows = choose_windows({"all": shuffled}, wanted=2 * config.clips, duration_s=config.duration_s)
    windows = [windows[index] for index in _rows_first([window.row for window in windows], rng=rng)]
    kept, silent = [], 0
    for number, window in enumerate(windows):
        row = by_id[window.row]
        audio, _ = load_audio(
            row["audio"], sample_rate=SAMPLE_RATE, start_s=window.start_s, duration_s=config.duration_s
        )
        if np.abs(audio).max(initial=0.0) >= SILENCE_PEAK:
            kept.append(window.model_copy(update={"id": f"{number:05d}", "split": row["split"]}))
            save_audio(work.folder / "clips" / f"{number:05d}.wav", audio, sample_rate=SAMPLE_RATE)
        else:
            silent += 1
        work.progress(number + 1, len(windows))
    if len(kept) < LEAST_CLIPS:
        raise UserError(
            f"{dataset.folder} has {len(kept)} clips of {config.duration_s:g} s with sound, and {LEAST_CLIPS} or more "
            "are needed: set a shorter sample.duration_s, or name another dataset."
        )
    Sample(
        duration_s=config.duration_s,
        judged=tuple(kept[: config.clips]),
        others=tuple(kept[config.clips :]),
        holds={**holdings(rows), "Silent clips, left out": f"{silent} of {len(windows)}"},
        info={name: dataset.info.get(name, "") for name in ("name", "kind", "fingerprint")},
    ).write(work.folder)


def holdings(rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Facts about a dataset in numbers, which metrics do not show."""
    captions = [row["caption"] for row in rows if row["caption"]]
    words = [caption.lower().split() for caption in captions]
    lengths = [row["duration_s"] for row in rows]
    found = {
        "Tracks": f"{len(rows):,}, {sum(lengths) / 3600:,.3g} h",
        "Length of a track": f"{np.median(lengths):.3g} s ({min(lengths):.3g} to {max(lengths):.3g})",
        "With a caption": f"{len(captions) / len(rows):.0%}",
    }
    if captions:
        found["Captions that differ"] = f"{len(set(captions)) / len(captions):.0%}"
        found["Words in a caption"] = f"{np.median([len(each) for each in words]):.0f}"
        found["Words that differ"] = f"{len({word.strip('.,;:') for each in words for word in each}):,}"
    return found


def _rows_first(rows: list[str], *, rng: np.random.Generator) -> list[int]:
    """Positions in a random order, with the first window of every row before any second one."""
    seen: Counter[str] = Counter()
    turns = []
    for index in rng.permutation(len(rows)):
        turns.append((seen[rows[index]], int(index)))
        seen[rows[index]] += 1
    return [index for _, index in sorted(turns, key=itemgetter(0))]
