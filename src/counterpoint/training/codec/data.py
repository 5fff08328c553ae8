"""Random segments of audio files for codec training.

Shapes: B batch, N audio samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint.audio import load_audio
from counterpoint.config import UserError, digest
from counterpoint.training.codec.augment import augmented


@dataclass(frozen=True)
class Clips:
    """Audio files from which segments are drawn.

    Attributes:
        paths: the files.
        durations_s: their durations; a file is drawn in proportion to its duration.
        sample_rate: sample rate in Hz of the result of `batch`.
        drums: the drum stem of each file, None for a file without one; empty if no file has any.
    """

    paths: tuple[Path, ...]
    durations_s: tuple[float, ...]
    sample_rate: int
    drums: tuple[Path | None, ...] = ()

    def fingerprint(self) -> str:
        """Identity of these files: a digest of their names and durations."""
        return digest(
            [[path.name, round(duration_s, 3)] for path, duration_s in zip(self.paths, self.durations_s, strict=True)]
        )

    def batch(self, draws: np.random.Generator, *, batch_size: int, samples: int, augment: bool = False) -> np.ndarray:
        """Random segments at random gain (-6 to +3 dB, never clipped).

        Args:
            augment: change them as `augment.augmented` does.

        Returns:
            [B, N] float32, zeros after the end of a short file.
        """
        shares = np.asarray(self.durations_s) / sum(self.durations_s)
        found = np.zeros((batch_size, samples), np.float32)
        for row, index in enumerate(draws.choice(len(self.paths), size=batch_size, p=shares)):
            if augment:
                segment = self._augmented(draws, shares=shares, samples=samples)
            else:
                segment = self.segment(int(index), start=draws.random(), samples=samples)
            gain = 10 ** (draws.uniform(-6, 3) / 20)
            found[row, : len(segment)] = segment * min(gain, 1 / max(1e-6, float(np.abs(segment).max())))
        return found

    def _augmented(self, draws: np.random.Generator, *, shares: np.ndarray, samples: int) -> np.ndarray:
        def read(count: int) -> np.ndarray:
            index = int(draws.choice(len(self.paths), p=shares))
            audio = self._part(index, draws, samples=count)
            return np.pad(audio, (0, count - len(audio)))

        return augmented(read, draws, samples=samples, sample_rate=self.sample_rate)

    def _part(self, index: int, draws: np.random.Generator, *, samples: int) -> np.ndarray:
        """A segment of a file or, sometimes and if it has a drum stem, of the drums or of everything but the drums."""
        start, choice = draws.random(), draws.random()
        audio = self.segment(index, start=start, samples=samples)
        stem = self.drums[index] if self.drums else None
        if stem is None or choice > 0.3:
            return audio
        drums = self._read(stem, self.durations_s[index], start=start, samples=samples)
        length = min(len(audio), len(drums))
        return drums if choice < 0.1 else audio[:length] - drums[:length]

    def excerpts(self, count: int, *, duration_s: float) -> np.ndarray:
        """The beginnings of the first `count` files that are long enough and not silent.

        Returns:
            At most `count` excerpts, [n, N] float32.
        """
        samples = round(duration_s * self.sample_rate)
        found: list[np.ndarray] = []
        for index, own_s in enumerate(self.durations_s):
            if own_s >= duration_s and len(found) < count:
                audio = self.segment(index, start=0.0, samples=samples)
                if len(audio) == samples and np.abs(audio).max() > 1e-3:
                    found.append(audio)
        return np.stack(found) if found else np.zeros((0, samples), np.float32)

    def segment(self, index: int, *, start: float, samples: int) -> np.ndarray:
        """At most `samples` of a file, from a place given as a fraction of the possible starts of a whole segment."""
        return self._read(self.paths[index], self.durations_s[index], start=start, samples=samples)

    def _read(self, path: Path, own_s: float, *, start: float, samples: int) -> np.ndarray:
        duration_s = samples / self.sample_rate
        start_s = start * max(0.0, own_s - duration_s)
        audio, _ = load_audio(path, sample_rate=self.sample_rate, start_s=start_s, duration_s=duration_s)
        return audio[:samples]


def open_clips(dataset: Path | str, *, sample_rate: int, split: str = "train") -> Clips:
    """Open the files of a dataset's split.

    Files at other rates are resampled.

    Raises:
        UserError: the folder is not a dataset, the split is empty, or all of its audio has a lower sample rate.
    """
    from counterpoint.data import open_dataset

    opened = open_dataset(Path(dataset))
    rows: Any = opened.splits[split]
    if not len(rows):
        raise UserError(f"The {split} split of {dataset} is empty; give a dataset with more clips.")
    highest = max(rows["sample_rate"])
    if highest < sample_rate:
        raise UserError(
            f"sample_rate {sample_rate} is above that of all audio in {dataset}, which has no such frequencies; "
            f"set it to {highest} or less."
        )
    paths = tuple(opened.audio_path(row) for row in rows)
    drums = tuple(opened.folder / row["drums"] if row.get("drums") else None for row in rows)
    return Clips(paths=paths, durations_s=tuple(rows["duration_s"]), sample_rate=sample_rate, drums=drums)
