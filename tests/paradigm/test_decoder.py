"""The auto-regressive engine: fixed shapes, prompts, windows and packed weights all draw what plain decoding draws."""

import copy
import shutil

import pytest
import torch

from counterpoint.config import AutoregressiveSampling
from counterpoint.kernels import pack
from counterpoint.paradigm.autoregressive import _windows
from counterpoint.paradigm.decoder import Decoder
from counterpoint.paradigm.delay import delay, shift_right, undelay

GREEDY = AutoregressiveSampling(temperature=0.0, guidance=3.0)


def draw(
    paradigm,
    kit,
    *,
    frames,
    captions=("warm piano", "drums"),
    sampling=GREEDY,
    seeds=(0, 1),
    window=None,
    controls=None,
):
    return paradigm.sample(
        text=paradigm.prepare(list(captions)),
        lengths=torch.tensor(frames),
        sampling=sampling,
        generators=kit.generators(*seeds),
        window=window,
        controls=controls,
    ).codes


@pytest.mark.parametrize(
    "sampling",
    [GREEDY, AutoregressiveSampling(top_k=5, guidance=3.0), AutoregressiveSampling(top_k=5, text_guidance=1.0)],
)
def test_steps_of_fixed_shape_draw_the_same(kit, monkeypatch, sampling):
    """What a CUDA graph records, run as it is."""
    paradigm = kit.build("autoregressive", controls=["melody"])
    torch.nn.init.normal_(paradigm.controls.project.weight, generator=torch.Generator().manual_seed(5))
    controls = torch.arange(2 * 17).view(2, 1, 17)
    expected = draw(paradigm, kit, frames=[17, 9], sampling=sampling, controls=controls)
    # What is not written yet must not be heard, whatever memory held before.
    monkeypatch.setattr(torch, "empty", lambda *shape, **kwargs: torch.full(*shape, torch.nan, **kwargs))
    bounds = []
    monkeypatch.setattr(Decoder, "BUCKET", 8)
    monkeypatch.setattr(Decoder.__init__, "__kwdefaults__", {**Decoder.__init__.__kwdefaults__, "static": True})
    step = Decoder.decode_one_token
    monkeypatch.setattr(Decoder, "decode_one_token", lambda self: (bounds.append(self.cache.bound), step(self)))
    assert torch.equal(draw(paradigm, kit, frames=[17, 9], sampling=sampling, controls=controls), expected)
    assert bounds == [8] * 8 + [16] * 8 + [19] * 3


@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_a_window_goes_on_from_the_end_of_the_one_before(kit, guidance):
    paradigm = kit.build("autoregressive")
    T, window = 21, 10
    codes = draw(paradigm, kit, frames=[T, T], sampling=GREEDY.model_copy(update={"guidance": guidance}), window=window)

    def logits(part, captions):
        text = paradigm.prepare(captions)
        delayed = delay(part, lengths=torch.full((2,), part.shape[2]), filler=paradigm.filler)
        memory = paradigm.backbone.remember(paradigm.text(text), mask=text.mask)
        return undelay(paradigm.logits(shift_right(delayed, filler=paradigm.filler), memory=memory))

    assert list(_windows(T, window=window)) == [(0, 0, 10), (6, 4, 16), (12, 4, 21)]
    with torch.no_grad():
        for start, known, stop in _windows(T, window=window):
            told, untold = (logits(codes[:, :, start:stop], words) for words in (["warm piano", "drums"], [None, None]))
            guided = untold + guidance * (told - untold)
            assert torch.equal(guided.argmax(dim=-1)[:, :, known:], codes[:, :, start + known : stop])


def test_a_window_as_long_as_the_music_changes_nothing(kit):
    paradigm = kit.build("autoregressive")
    assert torch.equal(draw(paradigm, kit, frames=[12, 12], window=12), draw(paradigm, kit, frames=[12, 12]))


def test_long_music_does_not_depend_on_its_batch_mates(kit):
    paradigm, sampling = kit.build("autoregressive"), AutoregressiveSampling(top_k=5)
    both = draw(paradigm, kit, frames=[30, 13], sampling=sampling, window=10)
    for index, frames in enumerate([30, 13]):
        caption = ["warm piano", "drums"][index]
        alone = draw(paradigm, kit, frames=[frames], captions=[caption], sampling=sampling, seeds=[index], window=10)
        assert torch.equal(both[index : index + 1, :, :frames], alone)
    assert not both[1, :, 13:].any()


def test_music_beyond_the_positions_is_made_by_windows(kit):
    paradigm = kit.build("autoregressive")
    codes = draw(paradigm, kit, frames=[200], captions=["drums"], seeds=[0], window=paradigm.max_frames())
    assert codes.shape[2] == 200 > paradigm.max_frames() and codes.max() < paradigm.filler


@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++")
@pytest.mark.parametrize("window", [None, 10])
def test_packed_weights_draw_the_same(kit, window):
    paradigm = kit.build("autoregressive")
    packed = pack(copy.deepcopy(paradigm))
    captions, frames = ["warm piano", "drums"], [25, 25]
    expected = draw(paradigm, kit, frames=frames, captions=captions, window=window)
    assert torch.equal(draw(packed, kit, frames=frames, captions=captions, window=window), expected)
    assert expected.unique().numel() > 3
