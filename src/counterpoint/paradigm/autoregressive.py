"""The auto-regressive paradigm: next-token prediction of K codebooks under a delay pattern (3.2, Eq. 1).

Shapes: B batch, R rows (B for every pass of guidance), J controls, K codebooks, T latent frames, S = T + K - 1 delayed
steps, V codebook size, C width, L text tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from counterpoint.analysis.tracks import NOT_GIVEN
from counterpoint.backbone import Backbone, Cache, Memory, fill
from counterpoint.conditioning import TextTokens, build_text_encoder, plan_guidance
from counterpoint.config import AutoregressiveSampling, InpaintingMethod, LatentSpec, ModelConfig, SamplingConfig
from counterpoint.config.device import widest_float
from counterpoint.paradigm.base import LossOutput, Paradigm, Sample, check_frames
from counterpoint.paradigm.decoder import Decoder
from counterpoint.paradigm.delay import delay, shift_right, undelay
from counterpoint.paradigm.entropy import IGNORED, cross_entropy
from counterpoint.paradigm.fill_in_the_middle import NONE, SPECIAL, Layout, lay_out, put_back, take
from counterpoint.paradigm.spans import draw_spans
from counterpoint.paradigm.watch import Drawing, Watch

CONTEXT = 0.4
"""The share of a window of long music that repeats the end of the previous window (MusicGen keeps 12 s of 30)."""


class Autoregressive(Paradigm):
    """K embedding tables of V + 1 rows, summed; the causal backbone; K heads. Row V is the start and filler token."""

    packs_fp32 = True

    def __init__(self, config: ModelConfig, latent: LatentSpec):
        super().__init__(config, latent)
        self.codebooks = K = config.codebooks_of(latent)
        width, V = config.backbone.width, latent.codebook_size
        self.text = build_text_encoder(config.text, width=width)
        self.embed = nn.Embedding(K * (V + 1), width)  # the K tables, stacked
        self.backbone = Backbone(config.backbone, causal=True)
        self.heads = nn.Linear(width, K * V, bias=False)  # the K heads, stacked
        # A special token is the filler in every codebook plus a learned vector; <eos> ends only the first codebook.
        self.special = nn.Embedding(len(SPECIAL), width) if config.inpainting else None
        self.end = nn.Linear(width, 1) if config.inpainting else None
        self.register_buffer("table_starts", torch.arange(K)[:, None] * (V + 1), persistent=False)

    table_starts: Tensor

    @property
    def filler(self) -> int:
        """The token that is not a code: V."""
        return self.latent.codebook_size

    @property
    def steered(self) -> bool:
        """Whether vectors are added to the inputs of its steps: controls, or the marks of inpainting."""
        return self.controls is not None or self.special is not None

    def max_frames(self) -> int:
        K = self.codebooks
        return self.config.backbone.max_positions - (3 * K if self.config.inpainting else K - 1)

    def initialise(self, generator: torch.Generator) -> None:
        self.backbone.initialise(generator)
        self.text.initialise(generator)
        # The sum over the K tables then has variance 1, and the positions have variance 1/2.
        nn.init.normal_(self.embed.weight, std=self.codebooks**-0.5, generator=generator)
        fill(self.heads.weight, generator, gain=0.3)  # nearly uniform predictions at the start
        if self.controls is not None:
            self.controls.initialise(generator)
        if self.special is not None and self.end is not None:
            nn.init.normal_(self.special.weight, std=self.codebooks**-0.5, generator=generator)
            nn.init.zeros_(self.end.weight)
            nn.init.zeros_(self.end.bias)

    def steer(self, tracks: Tensor) -> Tensor:
        """The vectors [R, S, C] that controls [R, J, T] add to the input of each step (Fig. 2).

        The input of step s is the token of step s - 1, from which frame s of the first codebook is predicted: the
        control of frame s is added there, one step before its own token, so that frame t of codebook k sees the
        controls of frames up to t + k. The last K - 1 steps begin no frame.
        """
        assert self.controls is not None
        return self.controls(F.pad(tracks, (0, self.codebooks - 1), value=NOT_GIVEN))

    def arrange(self, tracks: Tensor | None, *, layout: Layout) -> Tensor:
        """The vectors [R, S, C] added to each column of `layout`: its special token, its position in the music instead
        of that in the row, and controls [R, J, T] at the columns of their frames, as in `steer`."""
        assert self.special is not None
        positions = self.backbone.positions
        moved = positions[layout.positions] - positions[: layout.columns]
        special = self.special(layout.special.clamp(min=0)).masked_fill((layout.special == NONE)[:, :, None], 0.0)
        arranged = special + moved.to(special.dtype)
        if self.controls is None or tracks is None:
            return arranged
        where = layout.begins[:, None].expand(-1, tracks.shape[1], -1)
        return arranged + self.controls(take(tracks, where, filler=NOT_GIVEN))

    def hidden(
        self,
        tokens: Tensor,
        *,
        memory: Memory,
        control: Tensor | None = None,
        cache: Cache | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Hidden states [R, S, C] of delayed input tokens [R, K, S], with the vectors of `steer` or `arrange` added."""
        x = self.embed(tokens + self.table_starts).sum(dim=1)
        if control is not None:
            x = x + control
        return self.backbone(x, memory=memory, cache=cache, generator=generator)

    def logits(self, tokens: Tensor, **context: Any) -> Tensor:
        """Logits [R, K, S, V] of the delayed tokens one step after the inputs [R, K, S]; see `hidden`."""
        hidden = self.hidden(tokens, **context)
        return self.heads(hidden).unflatten(-1, (self.codebooks, -1)).transpose(1, 2)

    def forward(
        self,
        target: Tensor,
        *,
        text: TextTokens,
        lengths: Tensor,
        generator: torch.Generator,
        controls: Tensor | None = None,
    ) -> LossOutput:
        """Eq. 1: the mean over codebooks of the mean cross-entropy over valid frames; then the mean over examples.

        A model that learns to inpaint reads its share of the examples with the middle last, and learns all of their
        segments; the entropy of <eos> is added to that of the first codebook.
        """
        target = target[:, : self.codebooks]
        B, _, T = target.shape
        check_frames(T, limit=self.max_frames())
        tracks = self.tracks(controls, batch=B, frames=T)
        text, tracks = self.drop_conditions(text, tracks, generator=generator)
        memory = self.backbone.remember(self.text(text), mask=text.mask)
        layout = None
        if self.config.inpainting:
            spans = draw_spans(lengths, share=self.config.inpainting, generator=generator)
            layout = lay_out(spans, lengths=lengths, frames=T, codebooks=self.codebooks)
            inputs = take(target, layout.inputs, filler=self.filler)
            labels = take(target, layout.targets, filler=IGNORED)
            control = self.arrange(tracks, layout=layout)
        else:
            delayed = delay(target, lengths=lengths, filler=self.filler)
            inputs = shift_right(delayed, filler=self.filler)
            labels = delayed.where(delayed != self.filler, IGNORED)
            control = None if tracks is None else self.steer(tracks)
        hidden = self.hidden(inputs, memory=memory, control=control, generator=generator)
        # [B, S, K, V] is the layout of the product of all heads: logits are large, and labels are cheap to rearrange.
        labels = labels.transpose(1, 2)
        entropy = cross_entropy(self.heads(hidden).view(-1, self.latent.codebook_size).float(), labels.flatten())
        summed = entropy.view(labels.shape).sum(dim=1)
        if layout is not None:
            summed[:, 0] += self._ending_entropy(hidden, layout=layout)
        per_example = (summed / lengths.clamp(min=1)[:, None]).mean(dim=1)
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
        controls: Tensor | None = None,
        watch: Watch | None = None,
    ) -> Sample:
        """Draw samples; see `Paradigm.sample`.

        Music longer than the window is drawn window by window; each begins with the last `CONTEXT` of the previous one.
        """
        sampling = AutoregressiveSampling.of(sampling)
        frames = [int(length) for length in lengths]
        longest = max(frames)
        window = min(longest, window or longest)
        check_frames(window if min(frames) > 0 else 0, limit=self.max_frames())
        device, K = self.embed.weight.device, self.codebooks
        tracks = self.tracks(controls, batch=len(frames), frames=longest)
        decoder = self._decoder(text, tracks=tracks, batch=len(frames), steps=window + K - 1, sampling=sampling)
        guidance = decoder.guidance
        uniforms = _uniforms(generators, frames=frames, codebooks=K).to(device, widest_float(device))
        codes = torch.full((len(frames), K, longest), self.filler, device=device)
        entropies = torch.zeros(len(frames), longest, device=device)
        passes, windows = 0, list(_windows(longest, window=window))
        total = sum(stop - start + K - 1 - known + bool(known) for start, known, stop in windows)
        for start, known, stop in windows:
            steps = stop - start + K - 1
            drawn_before = torch.full_like(lengths, known, device=device)
            delayed = delay(codes[:, :, start:stop], lengths=drawn_before, filler=self.filler)
            ends = [min(count, stop) - start for count in frames]
            free = _free_places(ends, known=known, steps=steps, codebooks=K).to(device)
            control = None if tracks is None else self.steer(guidance.control_rows(tracks[:, :, start:stop]))
            decoder.begin(delayed, free=free, uniforms=uniforms[start : start + steps], control=control)
            if known:
                decoder.prefill(known)
            progress = _WindowProgress(
                decoder,
                codes=codes,
                start=start,
                known=start + known,
                stop=stop,
                books=sampling.codebooks or K,
                before=passes + bool(known) - known,
                total=total,
                watch=watch,
            )
            decoder.decode_n_tokens(steps - known, moved=watch and progress.report)
            codes[:, :, start:stop] = undelay(decoder.tokens[:, :, 1 : 1 + steps])
            entropies[:, start + known : stop] = decoder.entropies[known : stop - start].T
            passes += steps - known + bool(known)
        valid = torch.arange(longest, device=device) < lengths.to(device)[:, None, None]
        return Sample(
            codes=codes.where(valid, 0)[:, : sampling.codebooks],
            latents=None,
            network_evaluations=passes,
            model_evaluations=passes * guidance.passes,
            entropies=entropies.masked_fill(~valid[:, 0], 0.0),
        )

    @torch.no_grad()
    def inpaint(
        self,
        target: Tensor,
        *,
        spans: Tensor,
        text: TextTokens,
        sampling: SamplingConfig,
        generators: Sequence[torch.Generator],
        method: InpaintingMethod | None = None,
        controls: Tensor | None = None,
        watch: Watch | None = None,
    ) -> Sample:
        """Fill in spans; see `Paradigm.inpaint`.

        The span's length is given, so <eos> is excluded before its end and assumed there: if the span ended earlier, as
        in App. J, the music after it would move.
        """
        self.inpainting_method(method)
        sampling = AutoregressiveSampling.of(sampling)
        target = target[:, : self.codebooks]
        B, K, T = target.shape
        check_frames(T, limit=self.max_frames())
        n = int(spans[0, 1] - spans[0, 0])
        assert bool((spans[:, 1] - spans[:, 0] == n).all()), "spans of one length"
        tracks = self.tracks(controls, batch=B, frames=T)
        layout = self._lay_out(spans, frames=T)
        drawn = n + K - 1
        known, steps = layout.columns - 1 - drawn, layout.columns - 1  # the last column predicts nothing
        decoder = self._decoder(text, tracks=tracks, batch=B, steps=layout.columns, sampling=sampling)
        guidance = decoder.guidance
        given = take(target, layout.inputs, filler=self.filler)
        free = (layout.targets != NONE)[:, :, :steps].permute(2, 0, 1).clone()
        free[:known] = False
        uniforms = F.pad(_uniforms(generators, frames=[n] * B, codebooks=K), (0, 0, 0, 0, known, 0))
        rows = None if tracks is None else guidance.control_rows(tracks)
        control = self.arrange(rows, layout=self._lay_out(guidance.rows(spans), frames=T))[:, :steps]
        uniforms = uniforms.to(target.device, widest_float(target.device))
        decoder.begin(given[:, :, 1:], free=free, uniforms=uniforms, control=control)
        decoder.prefill(known)
        passes = drawn + 2
        decoder.decode_n_tokens(
            drawn, moved=watch and (lambda at: watch(Drawing(1 + at - known, passes, share=(1 + at - known) / passes)))
        )
        predicted = F.pad(decoder.tokens[:, :, 1 : layout.columns], (0, 1), value=self.filler)
        return Sample(
            codes=put_back(target, predicted, layout=layout)[:, : sampling.codebooks],
            latents=None,
            network_evaluations=passes,
            model_evaluations=passes * guidance.passes,
            endings=self._endings(decoder, column=known + n),
        )

    def _decoder(
        self, text: TextTokens, *, tracks: Tensor | None, batch: int, steps: int, sampling: AutoregressiveSampling
    ) -> Decoder:
        """An engine with the passes of guidance that the conditions need."""
        guidance = plan_guidance(text, controls=tracks, sampling=sampling)
        memory = self.remember(text.repeated(guidance.captioned))
        return Decoder(self, memory=memory, batch=batch, steps=steps, sampling=sampling, guidance=guidance)

    def _lay_out(self, spans: Tensor, *, frames: int) -> Layout:
        lengths = torch.full_like(spans[:, 0], frames)
        return lay_out(spans, lengths=lengths, frames=frames, codebooks=self.codebooks)

    def _endings(self, decoder: Decoder, *, column: int) -> Tensor:
        """Probability [B] of <eos> at one column, which is read once more."""
        assert self.end is not None
        decoder.cache.rewind(column)
        return self.end(decoder.read(1)[: len(decoder.tokens)])[:, 0, 0].sigmoid()

    def _ending_entropy(self, hidden: Tensor, *, layout: Layout) -> Tensor:
        """Entropy [B] of <eos> or not, summed over the hidden states of the columns of the span [B, S, C] that predict
        its first codebook, and the column after them."""
        assert self.end is not None
        at = torch.arange(layout.columns, device=hidden.device)
        counted = (at >= layout.drawn[:, None]) & (at <= layout.ends[:, None])  # none where ends is NONE
        ends = (at == layout.ends[:, None]).float()
        entropy = F.binary_cross_entropy_with_logits(self.end(hidden)[:, :, 0].float(), ends, reduction="none")
        return entropy.where(counted, 0.0).sum(dim=1)

    def inpainting_methods(self) -> tuple[InpaintingMethod, ...]:
        return ("supervised",) if self.config.inpainting else ()


@dataclass(frozen=True, eq=False)
class _WindowProgress:
    """Reports the progress of a window of long music and the frames of the whole that are final.

    Attributes:
        decoder: the engine that draws the window.
        codes: [B, K, T] codes of the whole music, filled in up to the window.
        start: first frame of the window.
        known: first frame that the window draws.
        stop: the frame after its last one.
        books: number of decoded codebooks; a frame is final when these are drawn.
        before: number of network passes before the window's first column.
        total: number of passes for the whole.
        watch: receives the reports.
    """

    decoder: Decoder
    _: KW_ONLY
    codes: Tensor
    start: int
    known: int
    stop: int
    books: int
    before: int
    total: int
    watch: Watch | None

    def report(self, at: int) -> None:
        """Report the state after `at` delayed steps of the window."""
        assert self.watch is not None
        ready = min(self.stop, max(self.known, self.start + at - self.books + 1))
        done = self.before + at
        codes = partial(self._codes, at, ready)
        self.watch(Drawing(done, self.total, share=done / self.total, ready=ready, codes=codes))

    def _codes(self, at: int, ready: int) -> Tensor:
        """Codes [B, K', ready] of the decoded codebooks."""
        before = self.codes[:, : self.books]
        if ready <= self.known:
            return before[:, :, :ready]
        drawn = undelay(self.decoder.tokens[:, : self.books, 1 : 1 + at])
        return torch.cat((before[:, :, : self.start], drawn), dim=2)[:, :, :ready]


def _windows(frames: int, *, window: int) -> Iterator[tuple[int, int, int]]:
    """(start, known, stop) of each window: frames [start, start + known) are known, those up to `stop` are drawn."""
    start, known, stop = 0, 0, min(window, frames)
    while True:
        yield start, known, stop
        if stop == frames:
            return
        known = int(window * CONTEXT)
        start = stop - known
        stop = min(start + window, frames)


def _uniforms(generators: Sequence[torch.Generator], *, frames: list[int], codebooks: int) -> Tensor:
    """Uniform numbers [S, B, K], float64, for sample b from `generators[b]`, in a shape that depends on its length."""
    longest = max(frames) + codebooks - 1
    columns = []
    for generator, count in zip(generators, frames, strict=True):
        own = torch.rand(
            count + codebooks - 1, codebooks, generator=generator, device=generator.device, dtype=torch.float64
        )
        columns.append(F.pad(own.cpu(), (0, 0, 0, longest - own.shape[0])))
    return torch.stack(columns, dim=1)


def _free_places(ends: list[int], *, known: int, steps: int, codebooks: int) -> Tensor:
    """Mask [steps, B, K] of the places in the delayed sequence that are drawn, known <= step - k < end."""
    frame = torch.arange(steps)[:, None, None] - torch.arange(codebooks)
    return (frame >= known) & (frame < torch.tensor(ends)[:, None])
