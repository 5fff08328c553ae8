"""Both paradigms learn: a tiny model of a synthetic corpus whose captions decide what sounds."""

import math

import pytest
import torch

from counterpoint.config import LatentSpec, ModelConfig, TextConfig, read_sampling
from counterpoint.paradigm import build_paradigm

T, K, V, D = 24, 2, 8, 4
LATENT = LatentSpec(
    codec="test",
    sample_rate=8000,
    frame_rate=25,
    num_codebooks=K,
    codebook_size=V,
    latent_dim=D,
    mean=1.0,
    mean_std=2.0,
)
NOTES = {"low": (0, 2), "high": (4, 6)}


def corpus(target, *, batch, generator):
    """One of a caption's two notes, held for the whole clip: as codes, or as an angle of the latents."""
    choices = torch.randint(0, 2, (2, batch), generator=generator).tolist()
    words = [list(NOTES)[choice] for choice in choices[0]]
    note = torch.tensor([NOTES[word][choice] for word, choice in zip(words, choices[1], strict=True)])
    note = note[:, None].expand(batch, T)
    if target == "codes":
        return torch.stack((note, (note + 1) % V), dim=1), words
    angles = 2 * math.pi * note[..., None] / V + torch.arange(D) * math.pi / 2 + math.pi / 4
    return 1.0 + 2.0 * math.sqrt(2) * angles.cos(), words


def check_notes(notes, captions):
    """[B, T] notes: each of its caption, the same at every frame, and over the clips, of both kinds."""
    firsts = notes.mode(dim=1).values
    assert (notes == firsts[:, None]).float().mean() > 0.9
    for word, pair in NOTES.items():
        drawn = firsts[[index for index, caption in enumerate(captions) if caption == word]]
        assert torch.isin(drawn, torch.tensor(pair)).float().mean() > 0.9
        assert set(pair) <= set(drawn.tolist())


def train(name, *, steps, **kwargs):
    text = TextConfig(width=16, buckets=64)
    config = ModelConfig(paradigm=name, backbone="debug", text=text, text_dropout=0.1, **kwargs)
    paradigm = build_paradigm(config, LATENT).train()
    optimizer = torch.optim.AdamW(paradigm.parameters(), lr=3e-3, betas=(0.9, 0.95))
    generator = torch.Generator().manual_seed(0)
    losses = []
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 3e-3 * min(1, (step + 1) / 20) * (1 - step / steps)
        target, captions = corpus(paradigm.target, batch=16, generator=generator)
        out = paradigm(target, text=paradigm.prepare(captions), lengths=torch.full((16,), T), generator=generator)
        optimizer.zero_grad()
        out.loss.backward()
        torch.nn.utils.clip_grad_norm_(paradigm.parameters(), 1.0)
        optimizer.step()
        losses.append(out.loss.item())
    return paradigm.eval(), losses


def draw(paradigm, *, captions, **kwargs):
    return paradigm.sample(
        text=paradigm.prepare(captions),
        lengths=torch.full((len(captions),), T),
        sampling=read_sampling(paradigm.config.paradigm, kwargs),
        generators=[torch.Generator().manual_seed(seed) for seed in range(len(captions))],
    )


def test_autoregressive_learns_what_the_caption_says():
    paradigm, losses = train("autoregressive", steps=150)
    assert losses[0] > 1.8
    floor = math.log(2) / (T * K)  # only the choice between two notes is unknown
    assert sum(losses[-10:]) / 10 < floor + 0.1
    captions = ["low", "high"] * 16
    codes = draw(paradigm, captions=captions, guidance=2.0).codes
    check_notes(codes[:, 0], captions)
    assert ((codes[:, 1] - codes[:, 0]) % V == 1).float().mean() > 0.9


@pytest.mark.parametrize("skips", ["paper", "none"])
def test_flow_matching_learns_what_the_caption_says(skips):
    paradigm, losses = train("flow_matching", steps=150, skips=skips)
    assert sum(losses[-10:]) / 10 < 0.3 * losses[0]
    captions = ["low", "high"] * 16
    latents = draw(paradigm, captions=captions, guidance=1.0, steps=20).latents
    assert latents.std().item() == pytest.approx(2.0, rel=0.2)
    # cos(a) and cos(a + 3 pi / 2) = sin(a) of a = note 2 pi / V + pi / 4
    angle = torch.atan2(latents[..., 3] - 1, latents[..., 0] - 1) - math.pi / 4
    check_notes((angle / math.pi * 2).round().long() % 4 * 2, captions)
