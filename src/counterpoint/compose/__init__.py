"""The embedded corpus: a composer, a soundfont renderer and a caption writer.

`compose(out, clips=..., duration_s=..., seed=...)` writes a dataset; `render_clip(seed, index, duration_s=...)` makes
one clip in memory; `vocabulary(words)` is every word that a caption may contain.
"""

from counterpoint.compose.clip import Clip, clip_piece, render_clip
from counterpoint.compose.corpus import compose, split_of
from counterpoint.compose.styles import STYLES
from counterpoint.compose.vocabulary import vocabulary

__all__ = ["STYLES", "Clip", "clip_piece", "compose", "render_clip", "split_of", "vocabulary"]
