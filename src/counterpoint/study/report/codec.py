"""One codec of a reconstruction study, as its report sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from counterpoint.study.report.content import Score

VIEWS = {"latents": "unquantised", "codes": "codes"}
KINDS = {
    "vae": "VAE",
    "encodec": "EnCodec",
    "rvq": "spectrogram codec, quantised",
    "kl": "spectrogram codec, variational",
}


@dataclass(frozen=True)
class Codec:
    """One codec of the study.

    Attributes:
        label: short and unique.
        facts: its `codec.json`.
        scores: by measure, then view.
        folder: of its reconstructions, one subfolder a view.
        mark: beginning of its systems' keys.
    """

    label: str
    facts: Mapping[str, Any]
    scores: Mapping[str, Mapping[str, Score]]
    folder: Path
    mark: str

    @property
    def keeps_phase(self) -> bool:
        return self.facts.get("keeps_phase", True)

    @property
    def kind(self) -> str:
        """One of `KINDS`; the paper has the first two."""
        if not self.keeps_phase:
            return "rvq" if self.facts["num_codebooks"] else "kl"
        return "encodec" if self.facts["num_codebooks"] else "vae"

    @property
    def views(self) -> list[str]:
        return self.facts["views"]

    def key(self, view: str) -> str:
        """The system's."""
        return f"{self.mark}_{view}"

    def short(self, view: str) -> str:
        """For charts, where a hollow mark says that nothing was quantised."""
        label = self.label if len(self.label) <= 22 else f"{self.label[:21]}…"
        return f"{label}, codes" if view == "codes" else label

    def title(self, view: str) -> str:
        return f"{self.label}, {VIEWS[view]}" if len(self.views) > 1 else self.label
