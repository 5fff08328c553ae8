"""Match between a clip and its caption by MusiCNN's tags.

Shapes: n clips, 50 tags.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from counterpoint.analysis.musicnn import TAGS
from counterpoint.metrics.base import Features, Functional, MetricInfo, NotApplicableError, WeightedMean

_NO_VOICE = ("no vocals", "no vocal", "no voice")
_VOICE = ("vocal", "vocals", "voice", "singing")

# Rules are applied from top to bottom and consume the text that they match. A rule without tags removes words that mean
# something else ("thumb piano"), or a negation with everything that it denies, up to the end of the phrase.
_NOT = r"(?:no|not|without|minus|lacking|free of|neither|nor)\b(?: any\b)?"
_RULES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (_NOT + r" (?:vocals?|voices?|singing|singers?|lyrics)|instrumental|vocal-free", _NO_VOICE),
    (_NOT + r"[^,.;:]*?(?=[,.;:]| and | but | with | over |$)", ()),
    (r"thumb piano|steel ?pans?|steel drums?|blues harp|mouth organ|kettledrums?", ()),
    (r"electric pianos?|e-pianos?|rock organ|drum and bass|beats? (?:per|a) minute|(?:on )?every beat|folk dance", ()),
    (r"rock and roll|rock ?'?n'? ?roll", ("rock",)),
    (r"(?:classical|spanish|steel-string|nylon-string|jazz|metal|rock) guitars?|guitars?|guitarist", ("guitar",)),
    (
        r"synth(?:esi[sz]er|etic)? (?:strings|choir|voices?|brass|vocals?)|string synth|vocal synth(?: lead)?",
        ("synth",),
    ),
    (r"vocal pads?|choir pads?|space choir pad", ("synth",)),
    (
        r"(?:female|woman'?s?|girl'?s?|soprano) (?:vocals?|voices?|singers?|singing)|women singing|female",
        ("female", "woman", "female vocal", "female voice"),
    ),
    (
        r"(?:male|man'?s?|boy'?s?|tenor|baritone) (?:vocals?|voices?|singers?|singing)|men singing|male",
        ("male", "man", "male vocal", "male voice"),
    ),
    (r"(?:vocal )?choirs?(?: voices)?|choral(?: aahs)?|choruses", ("choir", "choral")),
    (r"vocals?(?: oohs)?|voices?|singing|singers?|sung", _VOICE),
    (r"operatic|opera|aria", ("opera",)),
    (r"harpsichords?", ("harpsichord",)),
    (r"harps?|harpist", ("harp",)),
    (r"pianos?|pianist", ("piano",)),
    (r"violins?|fiddles?|violinist", ("violin",)),
    (r"cellos?|cellist|violoncello", ("cello",)),
    (r"string (?:ensemble|section|quartet|orchestra)|strings|orchestral|orchestra|pizzicato|violas?", ("strings",)),
    (r"flutes?|flautist|panpipes|piccolo", ("flute",)),
    (r"sitars?", ("sitar",)),
    (r"indian|raga|hindustani|bollywood", ("indian",)),
    (r"synth(?:esi[sz]er)?s?|polysynth|pads?|chiptune|8-bit|eight-bit", ("synth",)),
    (r"drums?|drum ?kit|drumming|percussion|percussive|drummer", ("drums",)),
    (r"beats?", ("beat", "beats")),
    (r"techno", ("techno",)),
    (r"electronica?|electro|edm|synthwave|house|trance", ("electronic",)),
    (r"dance|disco|danceable", ("dance",)),
    (r"heavy metal|metal|thrash", ("metal",)),
    (r"rock|grunge|punk", ("rock",)),
    (r"pop", ("pop",)),
    (r"country|bluegrass", ("country",)),
    (r"classical|baroque|chamber music|sonata|symphony|minuet", ("classical", "classic")),
    (r"ambient|atmospheric", ("ambient",)),
    (r"new[- ]age", ("new age",)),
    (r"slow(?:ly|er)?|largo|adagio", ("slow",)),
    (r"fast(?:er)?|rapid|up-?tempo|brisk|presto", ("fast",)),
    (r"quiet(?:ly)?|hushed", ("quiet",)),
    (r"soft(?:ly)?|gentle|gently|delicate", ("soft",)),
    (r"loud|noisy|blaring", ("loud",)),
    (r"weird|strange|bizarre", ("weird",)),
)
_PATTERNS = tuple((re.compile(rf"(?<![\w-])(?:{pattern})(?!\w)"), tags) for pattern, tags in _RULES)


def tags_of(caption: str) -> tuple[tuple[str, ...], ...]:
    """The things that a caption names, each as the group of MusiCNN tags that mean it; a thing counts once.

    >>> tags_of("Warm guitars and a choir, no drums")
    (('guitar',), ('choir', 'choral'))
    """
    rest, groups = " ".join(caption.lower().split()), []
    for pattern, tags in _PATTERNS:
        rest, found = pattern.subn(" ; ", rest)
        if found and tags and tags not in groups:
            groups.append(tags)
    return tuple(groups)


def beyond_other_captions(matches: np.ndarray, *, captions: Sequence[str]) -> WeightedMean:
    """How much better clips fit their own caption than the others; 0 on average for a system that ignores captions.

    With M how well clip i fits caption j, the score is mean_i(M_ii - r_i), r_i the mean of clip i over the other
    captions. Some captions suit every clip of a system and others none. This moves M_ii and the mean c_i of caption i
    over the other clips alike, so a clip's value is M_ii - r_i - (c_i - mean c): its mean is the score, and its spread
    is that of the score, which is a difference of two U-statistics (Hoeffding, 1948). Without c_i intervals are too
    wide.

    Args:
        matches: M [n, n]; NaN in column j if caption j does not count.
        captions: the captions; equal ones are not compared.

    Raises:
        NotApplicableError: all clips have the same caption.
    """
    names = np.array(captions)
    counts = np.isfinite(matches) & (names[:, None] != names)
    if not counts.any():
        raise NotApplicableError("all clips have the same caption, which does not test a match")
    own, known = np.diag(matches), np.where(counts, matches, 0.0)
    of_clip, of_caption = (known.sum(axis) / np.maximum(counts.sum(axis), 1) for axis in (1, 0))
    habit = of_caption - of_caption[np.isfinite(own)].mean()
    return WeightedMean(own - of_clip - habit)


class TagMatch:
    """`tag_match_musicnn`; see `beyond_other_captions`."""

    equal_n = False
    info = MetricInfo(
        name="tag_match_musicnn",
        title="Match with the caption",
        description=(
            "agreement of MusiCNN's tags with the caption (not the published CLAP score): mean over the tags a caption"
            " names of the tag's log-odds, in standard deviations of the reference, above what the same clip scores"
            " with the other prompts' captions, so that a system that ignores captions scores 0"
        ),
        unit="sd",
        better="higher",
        chance=0.0,
    )

    def prepare(self, clips: Sequence[Features], *, reference: Sequence[Features]) -> Functional:
        matches = self.matches(clips, reference=reference)
        return beyond_other_captions(matches, captions=[clip.caption for clip in clips])

    def matches(self, clips: Sequence[Features], *, reference: Sequence[Features]) -> np.ndarray:
        """[n, n]: how well clip i fits caption j; NaN where caption j names no tag.

        Raises:
            NotApplicableError: no caption names a tag.
        """
        wanted = np.array([_selector(clip.caption) for clip in clips])  # [n, 50]
        if not np.isfinite(wanted).any():
            reason = "names a MusiCNN tag" if any(clip.caption for clip in clips) else "was given"
            raise NotApplicableError(f"no caption {reason}")
        usual = np.array([clip.outputs["musicnn"]["logits"] for clip in reference], dtype=np.float64)
        spread = np.maximum(usual.std(0, ddof=1), 0.1)  # a tag that hardly varies in the reference must not dominate
        scores = (np.array([clip.outputs["musicnn"]["logits"] for clip in clips]) - usual.mean(0)) / spread
        return scores @ wanted.T


def _selector(caption: str) -> np.ndarray:
    """[50] weights that sum to 1 over the named things, and within a thing over its tags; NaN where there are none."""
    groups = tags_of(caption)
    weights = np.zeros(len(TAGS))
    for group in groups:
        for tag in group:
            weights[TAGS.index(tag)] += 1 / (len(group) * len(groups))
    return weights if groups else np.full(len(TAGS), np.nan)
