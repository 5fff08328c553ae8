"""One codec of a reconstruction study, as its report sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from counterpoint.study.report.content import Score

VIEWS = {"latents": "unquantised", "codes": "codes"}
KINDS = {"vae": "VAE", "encodec": "EnCodec"}


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
    def kind(self) -> str:
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
