"""MusicGen checkpoints give what `transformers.MusicgenForConditionalGeneration` gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from counterpoint.config import SamplingConfig
from counterpoint.generate.model import LoadedModel, load_model
from counterpoint.paradigm import Autoregressive

CAPTIONS = ["slow warm piano with drums and harp", "loud drums"]
GREEDY = SamplingConfig(temperature=0, guidance=3.0)


def network(loaded: LoadedModel) -> Autoregressive:
    assert isinstance(loaded.paradigm, Autoregressive)
    return loaded.paradigm


def their_inputs(folder: Path, captions: list[str]) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)(captions, padding=True, return_tensors="pt")


def their_greedy_codes(peer: Any, folder: Path, captions: list[str], *, frames: int) -> torch.Tensor:
    """[B, K, T] that `generate` would decode."""
    decoded: list[torch.Tensor] = []
    decode = peer.audio_encoder.decode

    def listen(codes: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        decoded.append(codes[0])
        return decode(codes, *args, **kwargs)

    peer.audio_encoder.decode = listen
    try:
        length = frames + peer.config.decoder.num_codebooks  # a start token, and the delay
        peer.generate(**their_inputs(folder, captions), do_sample=False, guidance_scale=3.0, max_length=length)
    finally:
        peer.audio_encoder.decode = decode
    return decoded[0]


@torch.no_grad()
def logits_of_both(
    peer: Any, folder: Path, model: Autoregressive, captions: list[str], *, steps: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Teacher-forced logits [B, K, S, V] of the same random tokens."""
    K = model.latent.num_codebooks
    tokens = torch.randint(0, model.filler + 1, (len(captions), K, steps), generator=torch.Generator().manual_seed(0))
    theirs = peer(**their_inputs(folder, captions), decoder_input_ids=tokens.flatten(0, 1)).logits
    text = model.prepare(captions)
    ours = model.logits(tokens, memory=model.backbone.remember(model.text(text), mask=text.mask))
    return ours, theirs.view(len(captions), K, steps, -1)


@pytest.fixture(params=["transformers", "audiocraft"])
def loaded(request: pytest.FixtureRequest, published: Path, audiocraft: Callable[[], Path]) -> LoadedModel:
    return load_model(published if request.param == "transformers" else audiocraft())


def test_logits_agree_for_captions_of_different_length(peer: Any, published: Path, loaded: LoadedModel) -> None:
    ours, theirs = logits_of_both(peer, published, network(loaded), CAPTIONS, steps=20)
    assert theirs.std() > 0.5
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


def test_greedy_tokens_agree_under_guidance(peer: Any, published: Path, loaded: LoadedModel) -> None:
    model, frames = network(loaded), 24
    theirs = their_greedy_codes(peer, published, CAPTIONS, frames=frames)
    ours = model.sample(
        text=model.prepare(CAPTIONS),
        lengths=torch.full((2,), frames),
        sampling=GREEDY,
        generators=[torch.Generator().manual_seed(b) for b in range(2)],
    ).codes
    assert theirs.shape == (2, 4, frames) and theirs.unique().numel() > 8
    assert torch.equal(ours, theirs)
