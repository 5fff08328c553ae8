"""Comparison of our auto-regressive engine with MusicGen in `transformers`: same weights, prompts and steps.

    python -m counterpoint.bench.peer --shape musicgen-small

The weights are random; greedy tokens with guidance 3 must be identical. The codec and T5's depth, which are the same
for both, are left out.

Shapes: B batch, K codebooks, T latent frames, S = T + K - 1 delayed steps, V codebook size, L text tokens.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from counterpoint.bench.machine import DISTURBED, Busy, device_name
from counterpoint.codec.loading import quietly
from counterpoint.conditioning import TextTokens
from counterpoint.config import BACKBONES, BackboneConfig, LatentSpec, ModelConfig, SamplingConfig, TextConfig
from counterpoint.generate.musicgen import TRANSFORMERS, Checkpoint, build
from counterpoint.kernels import Precision, pack
from counterpoint.paradigm import Autoregressive
from counterpoint.paradigm.delay import delay, shift_right

SHAPES = {
    "small": BackboneConfig(layers=8, width=512, heads=8, feed_forward=2048),
    "musicgen-small": BACKBONES["musicgen-small"],
}
K, V, T5_WIDTH, T5_WORDS = 4, 2048, 768, 100
GUIDANCE = 3.0
CHECKED_STEPS = 16
"""Number of steps over which logits are compared."""


@dataclass
class Engine:
    """An engine that draws codes.

    Attributes:
        name: name in the table.
        sample: (prompts, T) to greedy codes [B, K, T].
        logits: (prompts, input tokens [B, K, S]) to [B, K, S, V].
        seconds: times of the undisturbed runs so far.
        disturbed: times of the disturbed runs.
        codes: codes of the last run.
    """

    name: str
    sample: Callable[[TextTokens, int], Tensor]
    logits: Callable[[TextTokens, Tensor], Tensor]
    seconds: list[float] = field(default_factory=list)
    disturbed: list[float] = field(default_factory=list)
    codes: Tensor = field(default_factory=lambda: torch.empty(0))

    @property
    def median_s(self) -> float:
        return statistics.median(self.seconds or self.disturbed)


def build_peer(backbone: BackboneConfig) -> Any:
    """`transformers.MusicgenForConditionalGeneration` with random weights and minimal T5 and EnCodec."""
    from transformers import (
        EncodecConfig,
        GenerationConfig,
        MusicgenConfig,
        MusicgenDecoderConfig,
        MusicgenForConditionalGeneration,
        T5Config,
    )

    text = T5Config(vocab_size=T5_WORDS, d_model=T5_WIDTH, d_kv=64, d_ff=64, num_layers=1, num_heads=1)
    audio = EncodecConfig(num_filters=2, hidden_size=8, codebook_size=V, num_lstm_layers=1)
    decoder = MusicgenDecoderConfig(
        vocab_size=V,
        num_codebooks=K,
        num_hidden_layers=backbone.layers,
        hidden_size=backbone.width,
        num_attention_heads=backbone.heads,
        ffn_dim=backbone.feed_forward,
        pad_token_id=V,
        bos_token_id=V,
    )
    torch.manual_seed(0)
    parts: dict[str, Any] = {
        "text_encoder": text.to_dict(),
        "audio_encoder": audio.to_dict(),
        "decoder": decoder.to_dict(),
    }
    with quietly():
        peer = MusicgenForConditionalGeneration(MusicgenConfig(**parts)).eval().requires_grad_(False)
    for parameter in peer.decoder.parameters():
        if parameter.ndim > 1:  # from a deviation of 0.02 to one that preserves variance at every width
            parameter.mul_(parameter.shape[-1] ** -0.5 / 0.02)
    peer.generation_config = GenerationConfig(pad_token_id=V, bos_token_id=V, decoder_start_token_id=V, max_length=99)
    return peer


def peer_engine(peer: Any) -> Engine:
    kept: list[Tensor] = []

    def keep(codes: Tensor, **_: Any) -> Any:
        kept[:] = [codes[0]]
        return SimpleNamespace(audio_values=None)

    peer.audio_encoder.decode = keep

    def sample(text: TextTokens, frames: int) -> Tensor:
        prompts = {"input_ids": text.ids, "attention_mask": text.mask.long()}
        peer.generate(**prompts, do_sample=False, guidance_scale=GUIDANCE, max_length=frames + K)
        return kept[0]

    def logits(text: TextTokens, tokens: Tensor) -> Tensor:
        prompts = {"input_ids": text.ids, "attention_mask": text.mask.long()}
        return peer(**prompts, decoder_input_ids=tokens.flatten(0, 1)).logits.view(*tokens.shape, V)

    return Engine("transformers fp32", sample, logits)


def our_engines(peer: Any, backbone: BackboneConfig) -> Iterator[Engine]:
    """Our engine at each precision, with the peer's weights, which are shared if the layout is the same."""
    with tempfile.TemporaryDirectory() as folder:  # T5 by name
        with quietly():
            peer.text_encoder.save_pretrained(folder)
        text = TextConfig(encoder="t5", name=folder)
        config = ModelConfig(paradigm="autoregressive", backbone=backbone, text=text)
        checkpoint = Checkpoint(config, K, V, TRANSFORMERS, peer.state_dict())
        latent = LatentSpec(
            codec="none", sample_rate=32_000, frame_rate=50, num_codebooks=K, codebook_size=V, latent_dim=128
        )
        settings: list[tuple[str, Precision, bool]] = [
            ("fp32, no compiler", "fp32", False),
            ("fp32", "fp32", True),
            ("fp16", "fp16", True),
            ("int8", "int8", True),
        ]
        for name, precision, compiled in settings:
            model = build(checkpoint, latent, source="the peer")
            model.text(TextTokens(torch.ones(1, 1, dtype=torch.long), torch.ones(1, 1, dtype=torch.bool)))  # reads T5
            pack(model, precision=precision, compiled=compiled)
            yield our_engine(model, name=f"counterpoint {name}")


def our_engine(model: Autoregressive, *, name: str) -> Engine:
    greedy = SamplingConfig(temperature=0, guidance=GUIDANCE)

    def sample(text: TextTokens, frames: int) -> Tensor:
        generators = [torch.Generator().manual_seed(0) for _ in text.ids]
        lengths = torch.full((len(text.ids),), frames)
        codes = model.sample(text=text, lengths=lengths, sampling=greedy, generators=generators).codes
        assert codes is not None
        return codes

    def logits(text: TextTokens, tokens: Tensor) -> Tensor:
        return model.logits(tokens, memory=model.backbone.remember(model.text(text), mask=text.mask))

    return Engine(name, sample, logits)


def prompts(batch: int) -> TextTokens:
    """Captions of 6 to 12 random words."""
    draw = torch.Generator().manual_seed(batch)
    lengths = torch.randint(6, 13, (batch,), generator=draw)
    mask = torch.arange(int(lengths.max())) < lengths[:, None]
    ids = torch.randint(1, T5_WORDS, mask.shape, generator=draw)
    return TextTokens(ids=ids * mask, mask=mask)


def measure(engines: Sequence[Engine], *, batch: int, frames: int, repeats: int) -> None:
    """Time every engine in turn, `repeats` times, after a short warm-up."""
    text = prompts(batch)
    for engine in engines:
        engine.seconds, engine.disturbed = [], []
        engine.sample(text, 2 * K)
    for _ in range(repeats):
        for engine in engines:
            busy, started = Busy.now(), time.perf_counter()
            engine.codes = engine.sample(text, frames)
            seconds = time.perf_counter() - started
            foreign = Busy.now().foreign_since(busy)
            (engine.seconds if foreign is None or foreign <= DISTURBED else engine.disturbed).append(seconds)


@torch.no_grad()
def compare(engines: Sequence[Engine], *, batch: int) -> Iterator[tuple[float, float]]:
    """For each engine, the largest error of a logit relative to the first engine's, for the same tokens, as a share of
    the logits' deviation; and the share of greedy frames before the first different one."""
    text, codes = prompts(batch), engines[0].codes
    lengths = torch.full((batch,), codes.shape[2])
    inputs = shift_right(delay(codes, lengths=lengths, filler=V), filler=V)[:, :, :CHECKED_STEPS]
    expected = engines[0].logits(text, inputs)
    for engine in engines:
        error = ((engine.logits(text, inputs) - expected).abs().max() / expected.std()).item()
        same = (engine.codes == codes).all(dim=1).long().cumprod(dim=-1)
        yield error, same.float().mean().item()


def run(shape: str, *, batches: Sequence[int], frames: int, repeats: int) -> str:
    """Print a table per batch; returns the summary."""
    backbone = SHAPES[shape]
    peer = build_peer(backbone)
    engines = [peer_engine(peer), *our_engines(peer, backbone)]
    print(f"{shape}: {backbone.layers} layers of {backbone.width} on {device_name('cpu')}; guidance {GUIDANCE:g}")
    said = []
    for batch in batches:
        measure(engines, batch=batch, frames=frames, repeats=repeats)
        print(f"\nBatch {batch}, {frames + K - 1} steps, median of {repeats} interleaved runs", flush=True)
        print(f"{'engine':32}{'ms/step':>9}{'tokens/s':>10}{'ratio':>7}{'logits error':>14}{'same frames':>13}")
        ratios = []
        for engine, (error, same) in zip(engines, compare(engines, batch=batch), strict=True):
            ratio = engines[0].median_s / engine.median_s
            tokens_s = batch * K * frames / engine.median_s
            step_ms = 1000 * engine.median_s / (frames + K - 1)
            noise = f"  {len(engine.disturbed)} runs disturbed" if engine.disturbed else ""
            print(f"{engine.name:32}{step_ms:9.1f}{tokens_s:10.0f}{ratio:7.2f}{error:14.1e}{same:13.0%}{noise}")
            ratios.append(f"{engine.name.removeprefix('counterpoint ')} {ratio:.1f}x")
        said.append(f"batch {batch}: " + ", ".join(ratios[1:]))
    return f"{shape} against transformers fp32, tokens per second; " + "; ".join(said)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=list(SHAPES), default="small")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--frames", type=int, default=47)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    print(run(given.shape, batches=given.batch, frames=given.frames, repeats=given.repeats))


if __name__ == "__main__":
    main()
