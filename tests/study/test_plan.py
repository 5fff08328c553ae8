"""What a study's steps depend on: the report on everything, the models on neither prompts nor judges."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterpoint.config import UserError
from counterpoint.config.schema import ParadigmName
from counterpoint.study import load_study
from counterpoint.study.kinds import KINDS
from counterpoint.study.kinds.grid import GridStudy
from counterpoint.study.kinds.trained import BOTH
from counterpoint.study.run import run_study
from counterpoint.study.shipped import CONFIGS, find_study, identify
from counterpoint.study.surroundings import shipped_network
from counterpoint.study.work import Step, in_order

REPOSITORY = Path(__file__).parents[2]


def keys(*overrides: str) -> dict[str, str]:
    config = load_study(find_study("quick"), overrides=list(overrides))
    return {step.name: step.key for step in in_order(config.plan().values())}


@pytest.fixture(scope="module")
def quick() -> dict[str, str]:
    return keys()


def changed(quick: dict[str, str], *overrides: str) -> set[str]:
    other = keys(*overrides)
    assert quick.keys() == other.keys()
    return {name for name in quick if quick[name] != other[name]}


@pytest.mark.parametrize("paradigm", BOTH)
def test_a_second_pair_begins_with_the_models_that_ship_and_has_their_networks(paradigm: ParadigmName) -> None:
    steps = {step.name: step for step in in_order(load_study(find_study("quick")).plan().values())}
    scratch, tuned = steps[f"train_{paradigm}"], steps[f"train_{paradigm}_finetuned"]
    assert "start" not in scratch.inputs and tuned.inputs["start"].name == f"pocket_{paradigm}"
    network = tuned.config.model  # pyright: ignore
    known = shipped_network(f"pocket_{paradigm}")
    assert network == known.model_copy(update={"control_dropout": 1.0}), "no controls are extracted for it"
    assert {f"generate_{paradigm}_finetuned", f"examine_train_{paradigm}_finetuned"} <= steps.keys()


def test_a_model_to_begin_with_that_does_not_ship_is_named() -> None:
    with pytest.raises(UserError, match="The package has no model 'mine_autoregressive'"):
        keys("axes.start.values.finetuned.start=mine_{paradigm}")


def test_own_music_is_given_to_models_that_ship_and_the_scale_is_known_all_the_same() -> None:
    for scale in ("quick", "debug"):
        study = load_study(find_study("quick"), scale=scale, own_music=True)
        assert isinstance(study, GridStudy)
        assert [cell.system for cell in study.cells()] == list(BOTH)
        for paradigm in BOTH:
            assert study.training_config(paradigm).start == f"pocket_{paradigm}"
        assert study.training.steps == {"quick": 300, "debug": 2}[scale]
        assert identify(study) == ("quick", scale)
    ours, theirs = (load_study(find_study("table2"), own_music=own) for own in (False, True))
    assert ours == theirs, "a study whose file says nothing of own music"


def test_both_paradigms_are_trained_judged_and_reported(quick: dict[str, str]) -> None:
    for paradigm in ("autoregressive", "flow_matching"):
        assert {f"train_{paradigm}", f"examine_train_{paradigm}", f"generate_{paradigm}"} <= quick.keys()
    assert {"generate_unigram", "generate_bigram", "generate_gaussian", "generate_training_copies"} <= quick.keys()


def test_every_model_is_trained_with_every_seed(quick: dict[str, str]) -> None:
    seeded = keys("seeds=[0,1]")
    further = {f"{name}@1" for name in quick if name.startswith(("train_", "examine_", "generate_"))}
    untaught = {f"generate_{name}@1" for name in ("unigram", "bigram", "gaussian", "training_copies")}
    assert seeded.keys() - quick.keys() == further - untaught
    assert seeded["train_flow_matching"] == quick["train_flow_matching"] != seeded["train_flow_matching@1"]


def test_a_study_has_the_same_keys_each_time(quick: dict[str, str]) -> None:
    assert keys() == quick


def test_settings_of_report_and_judgement_change_no_more_than_these(quick: dict[str, str]) -> None:
    assert changed(quick, "examples=3") == set()
    assert changed(quick, "evaluation.seed=9") == {"evaluate_5s"}


def test_sampling_retrains_nothing(quick: dict[str, str]) -> None:
    expected = {"generate_flow_matching", "generate_flow_matching_finetuned", "evaluate_5s", "copies_5s"}
    assert changed(quick, "sampling.flow_matching.steps=7") == expected


def test_a_training_setting_changes_both_models(quick: dict[str, str]) -> None:
    found = changed(quick, "training.optimizer.learning_rate=0.5")
    assert {"train_autoregressive", "train_flow_matching"} <= found
    assert not {"data", "encode", "prompts", "reconstruct"} & found


def test_the_second_pair_is_trained_for_as_long_as_its_axis_says(quick: dict[str, str]) -> None:
    found = changed(quick, "training.steps=7")
    assert "train_autoregressive" in found
    assert not {name for name in found if "finetuned" in name}


def test_what_the_two_models_share_is_the_same() -> None:
    config = load_study(find_study("quick"))
    assert isinstance(config, GridStudy)
    first, second = (config.training_config(name) for name in ("autoregressive", "flow_matching"))
    assert first.model.paradigm != second.model.paradigm
    assert first.model_copy(update={"model": second.model}) == second
    assert first.model.backbone == second.model.backbone


def test_prompts_longer_than_what_is_trained_on_are_refused() -> None:
    with pytest.raises(UserError, match="longer than the segments"):
        keys("prompts.duration_s=60")


@pytest.mark.parametrize("primary", ["fad_vggish", "sig_flatness"])
def test_a_verdict_that_nobody_can_give_is_refused_before_anything_is_computed(primary: str) -> None:
    with pytest.raises(UserError, match=f"A verdict cannot be based on '{primary}'.*metrics status"):
        keys(f"evaluation.primary={primary}")


def test_a_codec_without_codes_is_refused_before_anything_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Vae:
        num_codebooks = 0
        fingerprint = "none"
        keeps_phase = True

    monkeypatch.setattr("counterpoint.codec.load_codec", lambda name: Vae())
    with pytest.raises(UserError, match="'vae' has no codes"):
        keys("codec=vae")


def test_the_user_sees_one_list_of_studies() -> None:
    assert (REPOSITORY / "configs" / "study").resolve() == CONFIGS.resolve()
    for path in CONFIGS.glob("*.yaml"):
        header = path.read_text().split("\n\n")[0]
        assert f"counterpoint study run {path.stem}" in header
        load_study(path)


def test_wrong_arguments_are_named_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no study named 'quack' .did you mean 'quick'.*appendix_a, "):
        run_study("quack", out=tmp_path)
    with pytest.raises(UserError, match=r"There is no study at .*gone\.yaml"):
        run_study(tmp_path / "gone.yaml", out=tmp_path)
    with pytest.raises(UserError, match="is not a dataset"):
        run_study("quick", data=tmp_path / "nothing", out=tmp_path)
    with pytest.raises(UserError, match="'mine' must have the form NAME=FOLDER"):
        run_study("quick", out=tmp_path, systems=["mine"])
    with pytest.raises(UserError, match="does not exist; give a folder of generated clips"):
        run_study("quick", out=tmp_path, systems=[f"mine={tmp_path / 'nothing'}"])
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file"):
        run_study("quick", out=tmp_path / "file")
    config = tmp_path / "own.yaml"
    config.write_text("trainings: {}\n")
    with pytest.raises(UserError, match="did you mean 'training'"):
        run_study(config, out=tmp_path)
    config.write_text("kind: quack\n")
    with pytest.raises(
        UserError,
        match=f"no kind of study 'quack'; the installed ones are {', '.join(KINDS)}",
    ):
        run_study(config, out=tmp_path)


def test_a_dataset_takes_the_place_of_composing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Opened:
        folder = Path("somewhere")

        def fingerprint(self) -> str:
            return "content"

    config = load_study(find_study("quick"))
    config.plan()  # the steps' modules find the real one, for the tests that come after
    monkeypatch.setattr("counterpoint.data.open_dataset", lambda folder: Opened())

    def steps(folder: str) -> dict[str, Step]:
        return {step.name: step for step in in_order(config.plan(dataset=tmp_path / folder).values())}

    assert "data" not in steps("here")
    here, there = steps("here"), steps("there")
    assert {name: step.key for name, step in here.items()} == {name: step.key for name, step in there.items()}
