"""The inpainting task of a study: windows of music, each with a span to be replaced.

Shapes: n windows, N audio samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from counterpoint.audio import load_audio, save_audio
from counterpoint.inpaint import CROSSFADE_S, splice
from counterpoint.results.parts import Prompts, Spans
from counterpoint.study.steps.prompts import SAMPLE_RATE
from counterpoint.study.windows import list_clips


@dataclass(frozen=True)
class Hidden:
    """Windows with their spans.

    Attributes:
        ids, captions, spans: of each window; a span is (start, stop) in seconds.
        audio: [n, N] at `SAMPLE_RATE`, the original music.
    """

    ids: Sequence[str]
    captions: Sequence[str]
    spans: Sequence[tuple[float, float]]
    audio: np.ndarray

    def write(
        self, folder: Path, fills: Mapping[str, np.ndarray], *, keeps_phase: bool, crossfade_s: float = CROSSFADE_S
    ) -> None:
        """Write `{id}.wav` of some windows, each with its fill [N] in its span; all systems of a study have the same
        crossfades, according to its codec (see `inpaint.splice`)."""
        places = {name: index for index, name in enumerate(self.ids)}
        for name, fill in fills.items():
            index = places[name]
            whole = splice(
                self.audio[index],
                fill,
                sample_rate=SAMPLE_RATE,
                span=self.spans[index],
                crossfade_s=crossfade_s,
                keeps_phase=keeps_phase,
            )
            save_audio(folder / f"{name}.wav", whole, sample_rate=SAMPLE_RATE)

    def finish(self, folder: Path) -> None:
        """Write the list of all windows, after they have been written."""
        list_clips(folder, dict(zip(self.ids, self.captions, strict=True)))


def read_hidden(inputs: Mapping[str, Path]) -> Hidden:
    """Read the windows of the step `prompts` with the spans of the step `spans`."""
    windows = Prompts.read(inputs["prompts"]).windows
    spans = Spans.read(inputs["spans"]).spans
    ids = [window.id for window in windows]
    audio = [load_audio(inputs["prompts"] / "truth" / f"{name}.wav", sample_rate=SAMPLE_RATE)[0] for name in ids]
    return Hidden(
        ids=ids,
        captions=[window.caption for window in windows],
        spans=[spans[name] for name in ids],
        audio=np.stack(audio),
    )
