"""Controls as vectors, and how training hides them."""

import pytest
import torch

from counterpoint.analysis.tracks import NOT_GIVEN, REST
from counterpoint.conditioning import ControlEmbedding, drop_controls
from counterpoint.config import BACKBONES, LatentSpec, ModelConfig, UserError

LATENT = LatentSpec(
    codec="none", sample_rate=100, frame_rate=10, num_codebooks=3, codebook_size=11, latent_dim=6
)  # fmt: skip


def config(*controls):
    return ModelConfig(paradigm="autoregressive", backbone=BACKBONES["debug"], controls=controls)


def embedding(*controls):
    made = ControlEmbedding(config(*controls), LATENT)
    made.initialise(torch.Generator().manual_seed(0))
    return made


def test_nothing_is_added_before_training():
    tracks = torch.tensor([[[5, NOT_GIVEN], [3, REST], [0, 10]]])
    assert embedding("chords", "melody", "drums")(tracks).eq(0).all()


def test_each_class_and_not_given_have_rows_of_their_own():
    made = embedding("chords", "melody", "drums")
    assert [table.num_embeddings for table in made.tables] == [194, 55, 12]
    torch.nn.init.normal_(made.project.weight, generator=torch.Generator().manual_seed(1))
    classes = torch.tensor([NOT_GIVEN, 0, 5, 10])
    out = made(torch.stack((classes, classes, classes))[None])[0]
    assert torch.cdist(out, out).add(torch.eye(4)).min() > 0.1  # four different vectors
    last = torch.cat([table.weight[-1] for table in made.tables])
    torch.testing.assert_close(out[0], made.project(last))


def test_controls_are_kept_in_one_order():
    assert config("drums", "chords").controls == ("chords", "drums")
    with pytest.raises(ValueError, match="twice"):
        config("drums", "drums")


def test_drums_need_a_codec_with_codes():
    latent = LATENT.model_copy(update={"num_codebooks": 0, "codebook_size": 0})
    with pytest.raises(UserError, match="drums is made of codes"):
        ControlEmbedding(config("drums"), latent)
    ControlEmbedding(config("chords", "melody"), latent)


def dropped(*, p, hidden, batch=4000):
    tracks = torch.ones(batch, 2, 3, dtype=torch.long)
    rows = torch.full((batch,), hidden)
    out = drop_controls(tracks, p=p, hidden=rows, generator=torch.Generator().manual_seed(0))
    gone = out == NOT_GIVEN
    assert torch.equal(gone, gone[:, :, :1].expand(-1, -1, 3))  # a control of a sample goes whole
    return gone[:, :, 0].float()


def test_each_control_is_hidden_by_itself_and_all_of_them_at_once_in_a_third():
    gone = dropped(p=0.5, hidden=False)
    torch.testing.assert_close(gone.mean(dim=0), torch.full((2,), 1 / 3 + 2 / 3 * 0.5), atol=0.03, rtol=0)
    assert gone.prod(dim=1).mean().item() == pytest.approx(1 / 3 + 2 / 3 * 0.25, abs=0.03)
    assert not dropped(p=0.0, hidden=False).any()


def test_half_of_those_without_a_caption_lose_all():
    assert dropped(p=0.0, hidden=True).prod(dim=1).mean().item() == pytest.approx(0.5, abs=0.03)
