"""Text conditioning: captions to the states that cross-attention reads.

`lut`: a learned table over words, offline. `t5`: frozen T5 (4.2). Both end in a trainable projection to the model's
width.

Shapes: B batch, L text tokens, C model width.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from counterpoint.codec.loading import quietly
from counterpoint.config import TextConfig, UserError
from counterpoint.config.network import hub, reason_of
from counterpoint.config.weights import fetch_folder, read_part, read_weights

# A fraction ("6/8") stays one word, and so does a sharp or "r&b"; hyphens and all other punctuation separate words.
_WORD = re.compile(r"\d+/\d+|[\w#♯♭&]+")


@dataclass(frozen=True)
class TextTokens:
    """Tokenised captions, padded at the end.

    Attributes:
        ids: [B, L] long, 0 where padded.
        mask: [B, L] bool, True = a real token; a row without any is the null condition.
    """

    ids: Tensor
    mask: Tensor

    def to(self, device: torch.device | str) -> TextTokens:
        return TextTokens(ids=self.ids.to(device), mask=self.mask.to(device))

    def repeated(self, times: int) -> TextTokens:
        """[times B] rows: all rows repeated."""
        return TextTokens(ids=self.ids.repeat(times, 1), mask=self.mask.repeat(times, 1))

    def hidden(self, rows: Tensor | bool = True) -> TextTokens:
        """The same tokens with the rows [B] (all, by default) made the null condition."""
        if isinstance(rows, bool):
            return TextTokens(ids=self.ids, mask=self.mask & (not rows))
        return TextTokens(ids=self.ids, mask=self.mask & ~rows.to(self.mask.device)[:, None])


class TextEncoder(nn.Module, ABC):
    """Captions to states [B, L, C]."""

    max_tokens: int

    @abstractmethod
    def prepare(self, captions: Sequence[str | None], *, truncate: bool = False) -> TextTokens:
        """Tokenise; None, or a caption without a word, is the null condition.

        Args:
            captions: B captions.
            truncate: cut a caption longer than `max_tokens` instead of refusing it (training cuts, generation refuses).

        Raises:
            UserError: a caption is too long.
        """

    @abstractmethod
    def forward(self, tokens: TextTokens) -> Tensor:
        """[B, L, C]; rows where `tokens.mask` is False have arbitrary values and must not be read."""

    @abstractmethod
    def initialise(self, generator: torch.Generator) -> None:
        """Draw every trainable weight."""


class LookUpText(TextEncoder):
    """A learned vector per word, projected to C.

    Words are lower-cased, stripped of punctuation and hashed into `buckets` rows, of which row 0 pads.
    """

    def __init__(self, config: TextConfig, *, width: int):
        super().__init__()
        if config.buckets < 2:
            raise UserError(f"text.buckets is {config.buckets}; a table of words needs at least 2 rows.")
        self.max_tokens = config.max_tokens
        self.buckets = config.buckets
        self.table = nn.Embedding(config.buckets, config.width, padding_idx=0)
        self.project = nn.Linear(config.width, width)

    def prepare(self, captions: Sequence[str | None], *, truncate: bool = False) -> TextTokens:
        rows = [[self._bucket(word) for word in words(caption or "")] for caption in captions]
        return _pad(rows, limit=self.max_tokens, truncate=truncate, unit="words")

    def forward(self, tokens: TextTokens) -> Tensor:
        return self.project(self.table(tokens.ids))

    def initialise(self, generator: torch.Generator) -> None:
        nn.init.normal_(self.table.weight, generator=generator)
        with torch.no_grad():
            self.table.weight[0] = 0.0
        nn.init.normal_(self.project.weight, std=self.project.in_features**-0.5, generator=generator)
        nn.init.zeros_(self.project.bias)

    def _bucket(self, word: str) -> int:
        # crc32, unlike hash(), is the same in every process and version.
        return 1 + zlib.crc32(word.encode()) % (self.buckets - 1)


class FrozenT5:
    """A published T5 encoder and its tokenizer, each loaded at first use; a MusicGen checkpoint contains both.

    Not an nn.Module, so that a model excludes it from its parameters and its `state_dict`.
    """

    def __init__(self, name: str):
        from transformers import AutoConfig

        self.name = name
        config = self._load(AutoConfig)
        self.inside = config.model_type == "musicgen"
        self.config = config.text_encoder if self.inside else config
        self.width = int(self.config.d_model)

    @cached_property
    def tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        return self._load(AutoTokenizer)

    @cached_property
    def encoder(self) -> nn.Module:
        from transformers import T5EncoderModel

        if self.inside:
            weights = read_weights(fetch_folder(self.name), prefix="text_encoder.")
            with quietly():
                model = read_part(T5EncoderModel, self.config, weights, source=self.name)
        else:
            model = self._load(T5EncoderModel).float()
        return model.eval().requires_grad_(False)

    def __deepcopy__(self, memo: dict[int, Any]) -> FrozenT5:
        return self  # it is immutable, so copies of a model share it

    def _load(self, kind: Any) -> Any:
        is_here = Path(self.name).exists()
        if not is_here:
            hub()  # limits the waiting time
        try:
            with quietly():
                return kind.from_pretrained(self.name)
        except (OSError, ValueError) as error:
            where = "folder" if is_here else "hub id or folder"
            reason = reason_of(error)
            raise UserError(
                f"The text encoder {self.name!r} cannot be read as a T5 {where} ({reason}); "
                "download it first, or train with text.encoder: lut, which needs no download."
            ) from None


class T5Text(TextEncoder):
    """A frozen T5 encoder from transformers, and a trainable projection to C.

    Raises:
        UserError: the checkpoint cannot be read.
    """

    def __init__(self, config: TextConfig, *, width: int):
        super().__init__()
        self.max_tokens = config.max_tokens
        self.frozen = FrozenT5(config.name)
        self.project = nn.Linear(self.frozen.width, width)

    def prepare(self, captions: Sequence[str | None], *, truncate: bool = False) -> TextTokens:
        tokenise = self.frozen.tokenizer
        rows = [tokenise(caption)["input_ids"] if caption and caption.strip() else [] for caption in captions]
        return _pad(rows, limit=self.max_tokens, truncate=truncate, unit="tokens")

    def forward(self, tokens: TextTokens) -> Tensor:
        encoder = self.frozen.encoder.to(tokens.ids.device)
        # T5 itself needs a token to attend to even in a null row; the result is never read.
        mask = tokens.mask | ~tokens.mask.any(dim=1, keepdim=True)
        with torch.no_grad():
            states = encoder(input_ids=tokens.ids, attention_mask=mask.long()).last_hidden_state
        if isinstance(self.project, nn.Linear):  # a layer of `kernels` takes float, whatever its stored data type
            states = states.to(self.project.weight.dtype)
        return self.project(states)

    def initialise(self, generator: torch.Generator) -> None:
        nn.init.normal_(self.project.weight, std=self.project.in_features**-0.5, generator=generator)
        nn.init.zeros_(self.project.bias)


def build_text_encoder(config: TextConfig, *, width: int) -> TextEncoder:
    """Build the encoder of a configuration, projecting to `width`."""
    return {"lut": LookUpText, "t5": T5Text}[config.encoder](config, width=width)


def words(caption: str) -> list[str]:
    """Lower-cased words without punctuation: "Lo-Fi, 6/8!" is lo, fi, 6/8."""
    text = unicodedata.normalize("NFKC", caption).casefold()
    return _WORD.findall(re.sub(r"['’]", "", text))


def _pad(rows: list[list[int]], *, limit: int, truncate: bool, unit: str) -> TextTokens:
    longest = max((len(row) for row in rows), default=0)
    if longest > limit and not truncate:
        raise UserError(f"The caption has {longest:,} {unit}; shorten it to at most {limit:,}.")
    width = max(1, min(longest, limit))
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros(len(rows), width, dtype=torch.bool)
    for index, row in enumerate(rows):
        kept = row[:limit]
        ids[index, : len(kept)] = torch.tensor(kept, dtype=torch.long)
        mask[index, : len(kept)] = True
    return TextTokens(ids=ids, mask=mask)
