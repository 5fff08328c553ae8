"""What is said of a drawing while it goes on, and how it is stopped."""

import pytest
import torch

PARADIGMS = ("autoregressive", "flow_matching")


class StopDrawingError(Exception):
    pass


def draw(kit, model, *, frames=20, window=None, watch=None, **options):
    return model.sample(
        text=model.prepare(["piano", None]),
        lengths=torch.tensor([frames, frames - 3]),
        sampling=kit.sampling(model, **{"steps": 4, "top_k": 0, **options}),
        generators=kit.generators(1, 2),
        window=window,
        watch=watch,
    )


@pytest.mark.parametrize("window", [None, 10])
@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_every_pass_is_told_and_nothing_is_changed(kit, paradigm, window):
    model, seen = kit.build(paradigm), []
    told = draw(kit, model, window=window, watch=seen.append)
    assert torch.equal(kit.drawn(told), kit.drawn(draw(kit, model, window=window)))
    assert seen[-1].done == seen[-1].total == told.network_evaluations
    assert [drawing.done for drawing in seen] == sorted({drawing.done for drawing in seen})


@pytest.mark.parametrize(("window", "codebooks"), [(None, None), (10, None), (10, 2)])
def test_frames_that_are_ready_stay_as_they_are(kit, window, codebooks):
    model, heard = kit.build("autoregressive"), []

    def listen(drawing):
        heard.append((drawing.ready, drawing.codes()))

    sample = draw(kit, model, window=window, codebooks=codebooks, watch=listen)
    for ready, codes in heard:
        assert codes.shape == (2, codebooks or 3, ready)
        assert torch.equal(codes[0], sample.codes[0, :, :ready])  # the longer of the two
    assert [ready for ready, _ in heard] == sorted(ready for ready, _ in heard)
    assert heard[-1][0] == 20


@pytest.mark.parametrize("solver", ["dopri5", "midpoint"])
def test_a_solver_that_chooses_its_steps_has_no_total(kit, solver):
    seen = []
    draw(kit, kit.build("flow_matching"), solver=solver, watch=seen.append)
    assert {drawing.total for drawing in seen} == {None if solver == "dopri5" else 8}


@pytest.mark.parametrize("method", ["supervised", "gradient", "projection", "inversion", "repaint"])
def test_filling_by_flow_matching_ends_at_its_total(kit, method):
    model, seen = kit.build("flow_matching", inpainting=0.5), []
    fill(kit, model, method=method, watch=seen.append)
    assert seen[-1].done == seen[-1].total == len(seen)


def test_filling_in_the_middle_is_told_step_by_step(kit):
    model, seen = kit.build("autoregressive", inpainting=0.5), []
    sample = fill(kit, model, method=None, watch=seen.append)
    assert len(seen) == 4 + 3 - 1
    assert seen[-1].total == sample.network_evaluations


@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_an_exception_stops_the_drawing(kit, paradigm):
    seen = []

    def stop(drawing):
        seen.append(drawing)
        if len(seen) == 3:
            raise StopDrawingError

    with pytest.raises(StopDrawingError):
        draw(kit, kit.build(paradigm), watch=stop)
    assert len(seen) == 3


def fill(kit, model, *, method, watch):
    return model.inpaint(
        kit.target(model, batch=1, frames=12),
        spans=torch.tensor([[3, 7]]),
        text=model.prepare(["piano"]),
        sampling=kit.sampling(model, steps=3, top_k=0),
        generators=kit.generators(1),
        method=method,
        watch=watch,
    )
