"""The auto-regressive paradigm: next-token prediction of K codebooks under a delay pattern (3.2, Eq. 1).

Shapes: B batch, K codebooks, T latent frames, S = T + K - 1 delayed steps, V codebook size, C width, L text tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from counterpoint.backbone import Backbone, Cache, Memory, fill
from counterpoint.conditioning import TextTokens, build_text_encoder, drop_text, guide, is_guided
from counterpoint.config import LatentSpec, ModelConfig, SamplingConfig, UserError
from counterpoint.paradigm.base import LossOutput, Paradigm, Sample, check_frames
from counterpoint.paradigm.delay import delay, shift_right, undelay
from counterpoint.paradigm.sampling import draw_tokens


class Autoregressive(Paradigm):
    """K embedding tables of V + 1 rows, summed; the causal backbone; K heads. Row V is the start and filler token."""

    target = "codes"

    def __init__(self, config: ModelConfig, latent: LatentSpec):
        if not latent.num_codebooks:
            raise UserError(
                f"An auto-regressive model needs codes, and the codec {latent.codec!r} has none: "
                "use flow_matching, or encode the dataset with an EnCodec."
            )
        super().__init__(config, latent)
        width, K, V = config.backbone.width, latent.num_codebooks, latent.codebook_size
        self.text = build_text_encoder(config.text, width=width)
        self.embed = nn.Embedding(K * (V + 1), width)  # the K tables, stacked
        self.backbone = Backbone(config.backbone, causal=True)
        self.heads = nn.Linear(width, K * V, bias=False)  # the K heads, stacked
        self.register_buffer("table_starts", torch.arange(K)[:, None] * (V + 1), persistent=False)

    table_starts: Tensor

    @property
    def filler(self) -> int:
        """The token that is no code: V."""
        return self.latent.codebook_size

    def max_frames(self) -> int:
        return self.config.backbone.max_positions - self.latent.num_codebooks + 1

    def prepare(self, captions: Sequence[str | None], *, truncate: bool = False) -> TextTokens:
        return self.text.prepare(captions, truncate=truncate)

    def initialise(self, generator: torch.Generator) -> None:
        self.backbone.initialise(generator)
        self.text.initialise(generator)
        # The sum over the K tables then has variance 1, beside positions of variance 1/2.
        nn.init.normal_(self.embed.weight, std=self.latent.num_codebooks**-0.5, generator=generator)
        fill(self.heads.weight, generator, gain=0.3)  # nearly uniform predictions at the start

    def logits(self, tokens: Tensor, *, memory: Memory, cache: Cache | None = None, generator=None) -> Tensor:
        """[B, K, S] delayed input tokens to logits [B, K, S, V] of the delayed tokens one step later."""
        B, K, S = tokens.shape
        x = self.embed(tokens + self.table_starts).sum(dim=1)
        hidden = self.backbone(x, memory=memory, cache=cache, generator=generator)
        return self.heads(hidden).view(B, S, K, -1).transpose(1, 2)

    def forward(self, target: Tensor, *, text: TextTokens, lengths: Tensor, generator: torch.Generator) -> LossOutput:
        """Eq. 1: the mean over codebooks of the mean cross-entropy over valid frames; then the mean over examples."""
        check_frames(target.shape[2], limit=self.max_frames())
        if self.training:
            text = drop_text(text, p=self.config.text_dropout, generator=generator)
        delayed = delay(target, lengths=lengths, filler=self.filler)
        memory = self.backbone.remember(self.text(text), mask=text.mask)
        inputs = shift_right(delayed, filler=self.filler)
        logits = undelay(self.logits(inputs, memory=memory, generator=generator))
        valid = torch.arange(target.shape[2], device=target.device) < lengths[:, None, None]
        labels = target.where(valid, -100)
        entropy = F.cross_entropy(logits.flatten(0, 2).float(), labels.flatten(), reduction="none", ignore_index=-100)
        per_codebook = entropy.view(target.shape).sum(dim=2) / lengths.clamp(min=1)[:, None]
        per_example = per_codebook.mean(dim=1)
        return LossOutput(loss=per_example.mean(), per_example=per_example.detach())

    @torch.no_grad()
    def sample(
        self,
        *,
        text: TextTokens,
        lengths: Tensor,
        sampling: SamplingConfig,
        generators: Sequence[torch.Generator],
        window: int | None = None,
    ) -> Sample:
        frames = [int(length) for length in lengths]
        check_frames(max(frames), limit=self.max_frames())
        K = self.latent.num_codebooks
        steps = max(frames) + K - 1
        guided = is_guided(text, guidance=sampling.guidance)
        memory = self._read(text)
        uniforms = _uniforms(generators, frames=frames, codebooks=K).to(self.embed.weight.device)
        is_code = _code_places(frames, codebooks=K).to(self.embed.weight.device)
        cache = self.backbone.allocate(len(frames) * (2 if guided else 1), steps)
        token = is_code.new_full((len(frames), K), self.filler, dtype=torch.long)
        delayed = []
        for step in range(steps):
            inputs = (torch.cat((token, token)) if guided else token)[:, :, None]
            logits = self.logits(inputs, memory=memory, cache=cache)[:, :, 0]
            if guided:
                logits = guide(logits, guidance=sampling.guidance)
            drawn = draw_tokens(logits, uniforms=uniforms[step], sampling=sampling)
            token = drawn.where(is_code[step], self.filler)
            delayed.append(token)
        codes = undelay(torch.stack(delayed, dim=2))
        valid = torch.arange(codes.shape[2], device=codes.device) < lengths.to(codes.device)[:, None, None]
        evaluations = 2 * steps if guided else steps
        return Sample(
            codes=codes.where(valid, 0), latents=None, network_evaluations=steps, model_evaluations=evaluations
        )

    def _read(self, text: TextTokens) -> Memory:
        return self.backbone.remember(self.text(text), mask=text.mask)


def _uniforms(generators: Sequence[torch.Generator], *, frames: list[int], codebooks: int) -> Tensor:
    """[S, B, K] float64: all that sample b draws, from `generators[b]` and in a shape that its own length decides."""
    longest = max(frames) + codebooks - 1
    columns = []
    for generator, count in zip(generators, frames, strict=True):
        own = torch.rand(
            count + codebooks - 1, codebooks, generator=generator, device=generator.device, dtype=torch.float64
        )
        columns.append(F.pad(own.cpu(), (0, 0, 0, longest - own.shape[0])))
    return torch.stack(columns, dim=1)


def _code_places(frames: list[int], *, codebooks: int) -> Tensor:
    """[S, B, K] bool: where the delayed sequence holds a code, 0 <= step - k < T."""
    frame = torch.arange(max(frames) + codebooks - 1)[:, None, None] - torch.arange(codebooks)
    return (frame >= 0) & (frame < torch.tensor(frames)[:, None])
