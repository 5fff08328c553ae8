"""Trainings that begin with another's weights."""

import pytest
import torch

from counterpoint.config import UserError, read_json, write_json
from counterpoint.runs import load_run
from counterpoint.runs.layout import MODEL_FILE
from counterpoint.training import train
from counterpoint.training.monitor import TrainingStopped

PARADIGMS = ("autoregressive", "flow_matching")


def quiet(config, out):
    return train(config, out=out, progress=False)


@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_a_text_model_learns_to_inpaint_and_to_be_steered_later(configure, tmp_path, paradigm):
    quiet(configure(paradigm, steps=3), tmp_path / "text")
    tuned = configure(paradigm, steps=0, start=str(tmp_path / "text"), seed=9, model={"inpainting": 0.9})
    quiet(tuned, tmp_path / "tuned")
    before, after = load_run(tmp_path / "text").state_dict(), load_run(tmp_path / "tuned").state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert set(after) > set(before)
    quiet(tuned.model_copy(update={"steps": 4}), tmp_path / "further")
    moved = load_run(tmp_path / "further", step=4).state_dict()
    assert any(not torch.equal(value, moved[name]) for name, value in before.items())


def test_latents_keep_the_scale_that_the_model_knows(configure, tmp_path):
    quiet(configure("flow_matching", steps=1), tmp_path / "text")
    described = read_json(tmp_path / "text" / MODEL_FILE)
    described["latent"]["mean"] = 0.7  # as if of other music
    write_json(tmp_path / "text" / MODEL_FILE, described)
    quiet(configure("flow_matching", steps=1, start=str(tmp_path / "text")), tmp_path / "tuned")
    assert load_run(tmp_path / "tuned").latent.mean == 0.7


def test_what_is_known_of_latents_is_kept_and_not_measured_anew(configure, write_encoded, tmp_path):
    gaussian = {"preconditioning": "gaussian"}
    quiet(configure("flow_matching", steps=1, model=gaussian), tmp_path / "text")
    known = load_run(tmp_path / "text").gaussian
    assert not torch.equal(known.deviation, torch.ones(4))
    other = write_encoded(tmp_path / "data", rows={"train": 4, "valid": 1}, seed=5).dataset.folder
    tuned = configure(
        "flow_matching", steps=1, start=str(tmp_path / "text"), model=gaussian, data={"dataset": str(other)}
    )
    quiet(tuned, tmp_path / "tuned")
    kept = load_run(tmp_path / "tuned").gaussian
    assert all(torch.equal(value, kept.state_dict()[name]) for name, value in known.state_dict().items())


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"model": {"backbone": {"layers": 2, "width": 48, "heads": 2, "feed_forward": 64}}}, "another network"),
        ({"model": {"paradigm": "autoregressive"}}, "another network"),
        ({"model": {"preconditioning": "gaussian"}}, "needs model.preconditioning none"),
    ],
)
def test_another_network_is_refused(configure, tmp_path, changes, said):
    quiet(configure("flow_matching", steps=0), tmp_path / "text")
    with pytest.raises(UserError, match=said):
        quiet(configure("flow_matching", steps=1, start=str(tmp_path / "text"), **changes), tmp_path / "tuned")


def test_a_start_that_is_not_there_is_said(configure, tmp_path):
    with pytest.raises(UserError, match="There is no run folder"):
        quiet(configure("flow_matching", start=str(tmp_path / "nowhere")), tmp_path / "tuned")


@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_an_interrupted_fine_tuning_goes_on(configure, tmp_path, paradigm):
    """Stopped and resumed gives the weights of never stopped."""
    quiet(configure(paradigm, steps=2), tmp_path / "text")
    tuned = configure(paradigm, steps=6, checkpoint_every=3, start=str(tmp_path / "text"), model={"inpainting": 0.9})
    quiet(tuned, tmp_path / "whole")
    asked = iter([False] * 3 + [True] * 9)
    with pytest.raises(TrainingStopped, match="continues from there"):
        train(tuned, out=tmp_path / "parts", progress=False, stop=lambda: next(asked))
    quiet(tuned, tmp_path / "parts")
    one, two = (load_run(tmp_path / name).state_dict() for name in ("whole", "parts"))
    assert all(torch.equal(value, two[name]) for name, value in one.items())


@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_controls_that_are_never_shown_need_no_tracks(configure, tmp_path, paradigm):
    """As when a model with controls is fine-tuned on music of which no control is known."""
    hidden = {"controls": ["chords"], "control_dropout": 1.0}
    quiet(configure(paradigm, steps=2, model=hidden), tmp_path / "hidden")
    assert load_run(tmp_path / "hidden").config.controls == ("chords",)
    with pytest.raises(UserError, match="chords"):
        quiet(configure(paradigm, steps=2, model={**hidden, "control_dropout": 0.9}), tmp_path / "shown")
