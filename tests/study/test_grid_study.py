"""Studies over a grid: which cells there are, what they share, and what is compared with what."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest

from counterpoint.config import UserError
from counterpoint.config.load import parse
from counterpoint.study import load_study
from counterpoint.study.kinds.grid import GridStudy
from counterpoint.study.shipped import CONFIGS, find_study
from counterpoint.study.work import Step, in_order

GRIDS = ("table2", "table6", "table8", "fig4", "fig8")
PARADIGM = {"keys": ["paradigm"], "values": {"ar": "autoregressive", "fm": "flow_matching"}}


def grid(**changes: Any) -> GridStudy:
    values = {"kind": "grid", "axes": {"paradigm": PARADIGM}, "codec": "pocket", **changes}
    return parse(values, GridStudy, source="a test")


def steps_of(name: str, *overrides: str, scale: str = "quick") -> dict[str, Step]:
    study = load_study(find_study(name), overrides=list(overrides), scale=scale)
    return {step.name: step for step in in_order(study.plan().values())}


@pytest.fixture(scope="module")
def table2() -> dict[str, Step]:
    return steps_of("table2")


@pytest.mark.parametrize(("name", "scale"), list(product(GRIDS, ("quick", "paper", "debug"))))
def test_every_grid_of_the_paper_has_its_cells(name: str, scale: str) -> None:
    study = load_study(CONFIGS / f"{name}.yaml", scale=scale)
    assert isinstance(study, GridStudy) and study.reproduces
    cells = study.cells()
    assert len({cell.system for cell in cells}) == len(cells)
    assert study.x in study.axes and study.x in cells[0].labels
    expected = {"table2": 9, "table6": 9, "table8": 12, "fig4": 7, "fig8": 24}
    assert scale != "paper" or len(cells) == expected[name]
    workload = study.workload()
    assert len(workload.draws) == 2 * len(cells), "all clips, and one alone"
    assert len(workload.trainings) == len({cell.model for cell in cells})


def test_cells_of_the_paper_have_the_settings_of_the_paper() -> None:
    fig8 = load_study(find_study("fig8"), scale="paper")
    assert isinstance(fig8, GridStudy)
    settings = {
        (cell.study.paradigm, cell.study.training.batch_size, cell.study.training.segment_s) for cell in fig8.cells()
    }
    assert settings == set(product(("autoregressive", "flow_matching"), (8, 16, 32, 64, 128, 256), (10.0, 30.0)))
    table8 = load_study(find_study("table8"), scale="paper")
    assert isinstance(table8, GridStudy)
    steps = {(cell.study.codec, cell.study.sampling["flow_matching"].steps) for cell in table8.cells()}
    assert steps == set(product([f"runs/codecs/encodec_{rate}hz" for rate in (25, 50, 100)], (200, 50, 25, 10)))


def test_table2_trains_six_models_and_judges_them_together(table2: dict[str, Step]) -> None:
    trained = {name for name in table2 if name.startswith("train_")}
    assert trained == {f"train_{cell}" for cell in ("ar_enc_25hz", "ar_enc_50hz", "fm_enc_25hz", "fm_enc_50hz")} | {
        "train_fm_vae_25hz",
        "train_fm_vae_50hz",
    }
    pairs = set(dict(table2["evaluate_5s"].config)["pairs"])
    assert ("ar_enc_25hz", "fm_enc_25hz") in pairs and ("fm_enc_50hz", "fm_vae_50hz") in pairs
    assert ("fm_vae_25hz", "fm_vae_50hz") in pairs
    assert not any("25hz" in one and "50hz" in other and one[:6] != other[:6] for one, other in pairs)
    assert len(pairs) == 7


@pytest.mark.parametrize("name", ["table6", "table8"])
def test_what_another_study_has_trained_is_used(table2: dict[str, Step], name: str) -> None:
    trained = {step.key for label, step in table2.items() if label.startswith("train_")}
    own = {step.key for label, step in steps_of(name).items() if label.startswith("train_")}
    assert own and own <= trained


def test_other_captions_change_the_prompts_and_nothing_that_is_trained(table2: dict[str, Step]) -> None:
    other = steps_of("table2", "prompts_from=composed")
    assert {name for name in table2 if table2[name].key != other[name].key} >= {"prompts_5s", "evaluate_5s"}
    assert all(table2[name].key == other[name].key for name in table2 if name.startswith(("train_", "encode_")))
    assert other["prompts_5s"].inputs["data"] is not other["train_fm_vae_25hz"].inputs["data"]
    assert other["evaluate_5s"].inputs["data"].key == other["prompts_5s"].inputs["data"].key


def test_seeds_train_every_model_again_and_share_all_else(table2: dict[str, Step]) -> None:
    seeded = steps_of("table2", "seeds=[0,1,2]")
    trained = [name for name in seeded if name.startswith("train_")]
    assert len(trained) == 18 and {"train_ar_enc_25hz@1", "generate_fm_vae_50hz@2"} <= seeded.keys()
    assert len({seeded[name].key for name in trained}) == 18
    assert seeded["train_ar_enc_25hz"].key == table2["train_ar_enc_25hz"].key
    assert {name for name in seeded["evaluate_5s"].inputs if name.startswith("generate_")} == {
        name for name in seeded if name.startswith("generate_")
    }


def test_only_the_paradigm_is_filled_in_where_training_starts() -> None:
    assert grid(start="pocket_{paradigm}").start_of("autoregressive") == "pocket_autoregressive"
    assert grid(start="{x}_{paradigm.real}").start_of("flow_matching") == "{x}_{paradigm.real}"


def test_clips_of_different_lengths_are_judged_apart() -> None:
    steps = steps_of("fig4", scale="debug")
    for duration in ("0.5s", "1s"):
        judged = {name for name in steps[f"evaluate_{duration}"].inputs if name.startswith("generate_")}
        assert judged == {f"generate_fm_25hz_{duration}", f"generate_fm_50hz_{duration}"}


def test_a_grid_that_makes_no_sense_is_refused_in_a_sentence() -> None:
    for changes, complaint in (
        ({"x": "rate"}, "x 'rate' is not one of the axes"),
        ({"seeds": [1, 2, 1]}, "every seed may be given only once"),
        ({"without": [{"paradigm": "ar"}, {"paradigm": "fm"}]}, "no cell remains"),
        ({"axes": {"size": {"keys": ["width"], "values": {"a": 1}}}}, "the axis 'size' changes 'width'; it may change"),
        ({"axes": {"size": {"keys": ["training.width"], "values": {"a": 1}}}}, "an axis gives width the value 1"),
        ({"axes": {"steps": {"keys": ["sampling.steps"], "values": {"a": 0}}}}, "an axis gives steps the value 0"),
        ({"codec": "pocket_{rate}"}, "contains 'rate', which is not an axis"),
        ({"axes": {"paradigm": {"keys": ["paradigm"], "values": {"a": "diffusion"}}}}, "no paradigm 'diffusion'"),
        ({"axes": {"length": {"keys": ["prompts.duration_s"], "values": {"a": 60}}}}, "longer than the segments"),
    ):
        with pytest.raises(UserError, match=complaint):
            grid(**changes)


def test_auto_regression_is_refused_a_codec_without_codes() -> None:
    with pytest.raises(UserError, match="'pocket_vae_100hz' has no codes"):
        grid(codec="pocket_vae_100hz").plan()


def test_an_outside_system_without_clips_is_refused_before_anything_is_computed(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist; give a folder of generated clips"):
        grid(systems={"mine": str(tmp_path / "none")}).plan()


def test_the_label_that_an_axis_leaves_unnamed_has_no_part_in_names() -> None:
    start = {"unnamed": "scratch", "values": {"scratch": {"start": ""}, "own": {"start": "pocket_{paradigm}"}}}
    study = grid(axes={"paradigm": PARADIGM, "start": start})
    assert [(cell.system, cell.model) for cell in study.cells()] == [
        *(("ar", "ar"), ("ar_own", "ar_own"), ("fm", "fm"), ("fm_own", "fm_own"))
    ]
    assert [cell.labels["start"] for cell in study.cells()] == ["scratch", "own", "scratch", "own"]
