import os
from pathlib import Path

import pytest

from counterpoint.config import (
    BACKBONES,
    TrainingConfig,
    UserError,
    atomic_write,
    digest,
    dump_yaml,
    load_yaml,
    read_json,
)

MINIMAL = "model: {paradigm: autoregressive}\ndata: {dataset: somewhere}\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text)
    return path


def test_defaults_are_the_papers(tmp_path: Path) -> None:
    config = load_yaml(write(tmp_path, MINIMAL), TrainingConfig)
    assert (config.batch_size, config.steps, config.optimizer.learning_rate) == (256, 500_000, 1e-4)
    assert config.optimizer.betas == (0.9, 0.95)


def test_backbone_is_named_or_spelled_out(tmp_path: Path) -> None:
    named = load_yaml(write(tmp_path, MINIMAL), TrainingConfig, overrides=["model.backbone=debug"])
    spelled = load_yaml(write(tmp_path, MINIMAL), TrainingConfig, overrides=["model.backbone={layers: 3}"])
    assert named.model.backbone == BACKBONES["debug"]
    assert spelled.model.backbone.layers == 3


def test_round_trip(tmp_path: Path) -> None:
    config = load_yaml(write(tmp_path, MINIMAL), TrainingConfig, overrides=["steps=7", "optimizer.clip_norm=2"])
    dump_yaml(tmp_path / "again.yaml", config, header="# a header\n")
    assert load_yaml(tmp_path / "again.yaml", TrainingConfig) == config


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("model: {paradigm: autoregressive}\ndata: {dataset: x}\nlerning_rate: 1\n", "unknown key 'lerning_rate'"),
        ("model: {paradigm: autoregressive}\ndata: {dataset: x, segment: 1}\n", "did you mean 'segment_s'"),
        ("model: {paradigm: diffusion}\ndata: {dataset: x}\n", "model.paradigm"),
        (MINIMAL + "steps: -1\n", "steps"),
        (MINIMAL + "batch_size: 10\naccumulate: 3\n", "multiple of accumulate"),
        ("model: {paradigm: autoregressive, backbone: huge}\ndata: {dataset: x}\n", "unknown backbone 'huge'"),
        (
            "model: {paradigm: autoregressive, skips: none, times_scale: 2}\ndata: {dataset: x}\n",
            "model: a network of auto-regression does not read skips and times_scale: leave it out; .* are codebooks",
        ),
        ("model: {paradigm: flow_matching, codebooks: 3}\ndata: {dataset: x}\n", "does not read codebooks"),
        ("a: [1\n", "not valid YAML"),
        ("- 1\n", "must be a mapping"),
    ],
)
def test_a_wrong_config_is_explained(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(UserError, match="(?s)" + sentence):
        load_yaml(write(tmp_path, text), TrainingConfig)


def test_what_was_saved_loads_without_the_settings_of_other_paradigms(tmp_path: Path) -> None:
    """Runs once kept settings that their networks do not read."""
    text = MINIMAL.replace("autoregressive", "autoregressive, preconditioning: gaussian, codebooks: 2")
    saved = load_yaml(write(tmp_path, text), TrainingConfig, saved=True)
    assert (saved.model.codebooks, saved.model.preconditioning) == (2, "none")
    defaults = load_yaml(
        write(tmp_path, MINIMAL.replace("autoregressive", "autoregressive, skips: paper")), TrainingConfig
    )
    assert defaults.model.skips == "paper", "a default is no choice"


def test_a_missing_config_and_a_wrong_override_are_explained(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no configuration file"):
        load_yaml(tmp_path / "none.yaml", TrainingConfig)
    with pytest.raises(UserError, match="form key=value"):
        load_yaml(write(tmp_path, MINIMAL), TrainingConfig, overrides=["steps"])
    with pytest.raises(UserError, match="not a group"):
        load_yaml(write(tmp_path, MINIMAL + "steps: 3\n"), TrainingConfig, overrides=["steps.more=1"])


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "kept.txt"
    path.write_text("old")

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise OSError(28, os.strerror(28))

    with pytest.raises(OSError, match="No space"):
        atomic_write(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_digest_depends_on_content_alone() -> None:
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


def test_unreadable_json_is_explained(tmp_path: Path) -> None:
    (tmp_path / "cut.json").write_text('{"a": ')
    with pytest.raises(UserError, match="not valid JSON"):
        read_json(tmp_path / "cut.json")
    with pytest.raises(UserError, match="no JSON file at"):
        read_json(tmp_path / "none.json")
