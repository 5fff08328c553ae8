"""The shipped configurations of generative training."""

from pathlib import Path

import pytest

from counterpoint.config import TrainingConfig, load_yaml
from counterpoint.study import load_study
from counterpoint.study.shipped import find_study

CONFIGS = Path(__file__).parents[2] / "configs"
FILES = sorted(CONFIGS.glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_loads_and_says_what_it_is(path):
    load_yaml(path, TrainingConfig)
    header = path.read_text().split("model:")[0]
    assert "# Cost" in header and "# Run:" in header
    assert f"configs/{path.name}" in header, "the exact command"


@pytest.mark.parametrize("path", [path for path in FILES if "_ar" in path.stem], ids=lambda path: path.stem)
def test_both_paradigms_of_a_pair_differ_in_the_paradigm_and_what_it_alone_reads(path):
    ar = load_yaml(path, TrainingConfig)
    fm = load_yaml(path.with_name(path.name.replace("_ar", "_fm")), TrainingConfig)
    assert (ar.model.paradigm, fm.model.paradigm) == ("autoregressive", "flow_matching")
    own = {"paradigm": "autoregressive", "preconditioning": "none", "codebooks": ar.model.codebooks}
    assert fm.model_copy(update={"model": fm.model.model_copy(update=own)}) == ar


@pytest.mark.parametrize("name", ["ar", "fm"])
def test_the_halves_of_quick_are_those_of_the_study(name):
    own = load_yaml(CONFIGS / f"quick_{name}.yaml", TrainingConfig)
    study = load_study(find_study("quick"))
    of_study = study.training_config(own.model.paradigm)
    assert of_study == own.model_copy(update={"data": own.data.model_copy(update={"dataset": "data"})})


def test_paper_runs_are_the_papers():
    paths = [path for path in FILES if path.stem.startswith("paper_")]
    assert len(paths) == 6
    for path in paths:
        config = load_yaml(path, TrainingConfig)
        assert (config.steps, config.batch_size, config.data.segment_s) == (1_000_000, 256, 10.0)
        optimizer = config.optimizer
        assert (optimizer.learning_rate, optimizer.warmup_steps, optimizer.betas) == (1e-4, 4000, (0.9, 0.95))
