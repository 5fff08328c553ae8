"""The systems of a study, by the steps that it plans."""

from __future__ import annotations

from counterpoint.study import load_study
from counterpoint.study.shipped import find_study


def test_every_source_of_clips_of_a_comparison_is_a_system_with_its_folder() -> None:
    study = load_study(find_study("quick"), overrides=["seeds=[0,1]"])
    systems = study.describe(study.plan())
    assert {system.origin for system in systems.values()} == {
        "truth",
        "codec",
        "model",
        "trivial",
    }
    own = systems["flow_matching"]
    assert (own.name, own.short, own.paradigm, own.model) == (
        "Flow matching",
        "FM",
        "flow_matching",
        "train_flow_matching",
    )
    assert own.labels == {"paradigm": "flow_matching", "start": "scratch"}
    assert own.clips == ("steps/generate_flow_matching", "steps/generate_flow_matching@1")
    assert (
        systems["autoregressive_finetuned"].short == "AR, fine-tuned"
        and systems["autoregressive_finetuned"].origin == "model"
    )
    assert systems["ground_truth"].clips == ("steps/prompts_5s/truth",)
    assert {system.prompts for system in systems.values()} == {"prompts_5s"}


def test_what_every_length_knows_bears_the_length() -> None:
    study = load_study(find_study("fig4"), scale="debug")
    systems = study.describe(study.plan())
    assert {"ground_truth_0.5s", "ground_truth_1s", "fm_25hz_0.5s"} <= systems.keys()
    assert systems["ground_truth_0.5s"].clips != systems["ground_truth_1s"].clips
    assert systems["fm_25hz_0.5s"].short == "FM, 25hz 0.5s"
    assert systems["reconstruction_pocket_rvq_25hz_codes_1s"].prompts == "prompts_1s"


def test_the_views_of_codecs_and_the_samples_of_datasets_are_systems() -> None:
    codecs = load_study(find_study("appendix_b"))
    found = codecs.describe(codecs.plan())
    assert {"original", "pocket_latents", "pocket_codes", "pocket_kl_25hz_latents"} <= found.keys()
    assert "pocket_kl_25hz_codes" not in found, "a variational codec has none"
    datasets = load_study(find_study("appendix_a"))
    assert list(datasets.describe(datasets.plan())) == ["composed"]
