"""A key that has no effect is refused where a user writes it, and let be where a program did."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field

from counterpoint.config import CodecTrainingConfig, TrainingConfig, UserError, dump_yaml, load_yaml
from counterpoint.config.base import Config
from counterpoint.config.idle import IdleWhere, idle_keys
from counterpoint.generate.settings import check_read_by, sampling_of, settings_of
from counterpoint.study.kinds import load_study
from counterpoint.study.shipped import CONFIGS as STUDIES
from counterpoint.study.shipped import scales_of

CONFIGS = Path(__file__).parents[2] / "configs"
SHIPPED = sorted(CONFIGS.glob("*.yaml")) + sorted((CONFIGS / "codec").glob("*.yaml"))


class Inner(Config):
    kind: str = "a"
    size: Annotated[int, IdleWhere("kind", "a")] = 1
    far: Annotated[int, IdleWhere("inner.kind", "b")] = 1
    odd: Annotated[float, IdleWhere("size", is_even)] = 0.5
    both: Annotated[int, IdleWhere("kind", "d", also=IdleWhere("size", 5))] = 0


def is_even(size: int) -> bool:
    return size % 2 == 0


class Outer(Config):
    inner: Inner = Inner()
    names: tuple[str, ...] = ()
    count: Annotated[int, IdleWhere("names", ()), IdleWhere("no_such_key", 0)] = 1
    group: Annotated[Inner, IdleWhere("inner.kind", "b")] = Inner()
    by_name: dict[str, Inner] = Field(default_factory=dict)
    several: tuple[Inner, ...] = ()


@pytest.mark.parametrize(
    ("values", "idle"),
    [
        ({}, []),
        ({"inner": {"size": 1}}, []),
        ({"inner": {"size": 2}}, ["inner.size"]),
        ({"inner": {"kind": "b", "size": 2}}, []),
        ({"inner": {"kind": "b", "far": 2}}, ["inner.far"]),
        ({"inner": {"kind": "c", "size": 2, "odd": 0.1}}, ["inner.odd"]),
        ({"inner": {"kind": "c", "size": 3, "odd": 0.1}}, []),
        ({"inner": {"kind": "d", "both": 1, "size": 5}}, ["inner.both"]),
        ({"inner": {"kind": "d", "both": 1}}, []),
        ({"inner": {"kind": "c", "both": 1, "size": 5}}, []),
        ({"count": 2}, ["count"]),
        ({"count": 2, "names": ["x"]}, []),
        ({"inner": {"kind": "b"}, "group": {"kind": "c"}}, ["group"]),
        ({"group": {"size": 2}}, ["group.size"]),
        ({"by_name": {"x": {"size": 2}}, "several": [{}, {"size": 2}]}, ["by_name.x.size", "several.1.size"]),
    ],
)
def test_keys_without_effect_are_found(values: dict, idle: list[str]) -> None:
    assert [sentence.partition(" has no effect")[0] for sentence in idle_keys(Outer.model_validate(values))] == idle


def test_only_chosen_keys_are_looked_at() -> None:
    config = Inner(kind="a", size=4, odd=0.1)
    assert idle_keys(config, only=["odd"]) == [
        "odd has no effect when size is 4: leave it out, or change size",
    ]
    assert idle_keys(config, only=["far"]) == []


@pytest.mark.parametrize(
    ("model", "given", "sentence"),
    [
        ("autoregressive", {"temperature": 0.0, "top_k": 30}, "top_k has no effect when temperature is 0"),
        ("autoregressive", {"temperature": 0, "top_p": 0.9}, "top_p has no effect when temperature is 0"),
        ("autoregressive", {"top_k": 1, "top_p": 0.9}, "top_p has no effect when top_k is 1"),
        ("autoregressive", {"top_k": 1, "temperature": 0.5}, "temperature has no effect when top_k is 1"),
        ("flow_matching", {"guidance": 1, "guidance_interval": (0, 0.5)}, "when guidance is 1 and text_guidance is 0:"),
        ("flow_matching", {"steps": 1, "sway": -0.5}, "sway has no effect when steps is 1"),
        ("flow_matching", {"solver": "dopri5", "steps": 7}, "steps has no effect when solver is dopri5"),
        ("flow_matching", {"solver": "dopri5", "sway": -0.5}, "sway has no effect when solver is dopri5"),
        ("flow_matching", {"solver": "euler", "tolerance": 1e-3}, "tolerance has no effect when solver is euler"),
    ],
)
def test_what_draws_nothing_is_refused(model: str, given: dict, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        sampling_of(f"pocket_{model}", given)


@pytest.mark.parametrize(
    ("method", "given", "key"),
    [
        ("inversion", {"solver": "midpoint"}, "solver"),
        ("repaint", {"temperature": 0.5}, "temperature"),
        ("gradient", {"tolerance": 1e-3}, "tolerance"),
        (None, {"solver": "midpoint"}, ""),  # the model was trained to inpaint
        ("supervised", {"temperature": 0.5}, ""),
        ("inversion", {"solver": "euler", "temperature": 1.0, "steps": 8, "sway": -0.5, "guidance": 2}, ""),
    ],
)
def test_what_inpainting_does_not_read_is_refused(method: str | None, given: dict, key: str) -> None:
    if not key:
        check_read_by(method, given, model="pocket_flow_matching")
        return
    with pytest.raises(UserError, match=f"{key} has no effect in inpainting by {method}"):
        check_read_by(method, given, model="pocket_flow_matching")


def test_guidance_of_the_caption_alone_has_an_interval() -> None:
    given = {"guidance": 1, "text_guidance": 2, "guidance_interval": (0, 0.5)}
    assert sampling_of("pocket_flow_matching", given).guidance == 1


def test_what_a_model_chose_is_let_be() -> None:
    """Its own settings may have no effect beside those that a user gives, and a file of a program is read as it is."""
    found = settings_of("autoregressive", {"top_k": 30}, {"temperature": 0}, otherwise=None, refuse_idle=True)
    assert found.model_dump()["top_k"] == 30
    written = {"temperature": 0, "top_k": 30}
    assert settings_of("autoregressive", {}, written, otherwise=None, refuse_idle=False).temperature == 0


@pytest.mark.parametrize(
    ("paradigm", "override", "sentence"),
    [
        (
            "ar",
            "optimizer={name: adamw, orthogonalisation_steps: 7}",
            "orthogonalisation_steps has no effect when name",
        ),
        ("ar", "model.control_width=16", "model.control_width has no effect when controls is empty"),
        ("ar", "model.control_dropout=0.1", "model.control_dropout has no effect"),
        ("fm", "model.times_location=1", "model.times_location has no effect when times is uniform"),
        ("fm", "model.times_scale=2", "model.times_scale has no effect"),
        ("fm", "model.text.encoder=t5", "model.text.buckets has no effect when encoder is t5"),
        ("fm", "model.text.name=t5-small", "model.text.name has no effect when encoder is lut"),
    ],
)
def test_what_trains_nothing_is_refused(paradigm: str, override: str, sentence: str, tmp_path: Path) -> None:
    path = CONFIGS / f"quick_{paradigm}.yaml"
    with pytest.raises(UserError, match=sentence):
        load_yaml(path, TrainingConfig, overrides=[override], refuse_idle=True)
    stored = load_yaml(path, TrainingConfig, overrides=[override])
    dump_yaml(tmp_path / "config.yaml", stored)
    assert load_yaml(tmp_path / "config.yaml", TrainingConfig, saved=True) == stored, "a run of an earlier time goes on"


@pytest.mark.parametrize(
    ("name", "override", "key"),
    [
        ("vae_25hz", "quantizer.decay=0.5", "quantizer"),
        ("vae_25hz", "losses.commitment=1", "losses.commitment"),
        ("encodec_25hz", "losses.kl=1", "losses.kl"),
        ("encodec_25hz", "losses.level=2", "losses.level"),
        ("pocket_rvq_25hz", "losses.adversarial=1", "losses.adversarial"),
        ("pocket_rvq_25hz", "discriminator.filters=8", "discriminator"),
        ("pocket_kl_25hz", "quantizer.decay=0.5", "quantizer"),
    ],
)
def test_what_trains_no_codec_is_refused(name: str, override: str, key: str) -> None:
    with pytest.raises(UserError, match=f"{key} has no effect when codec"):
        load_yaml(CONFIGS / "codec" / f"{name}.yaml", CodecTrainingConfig, overrides=[override], refuse_idle=True)


@pytest.mark.parametrize("path", SHIPPED, ids=[path.stem for path in SHIPPED])
def test_shipped_configurations_have_no_idle_key(path: Path) -> None:
    overrides = [] if path.parent.name == "codec" or "steps:" in path.read_text(encoding="utf-8") else ["steps=1"]
    kind = CodecTrainingConfig if path.parent.name == "codec" else TrainingConfig
    load_yaml(path, kind, overrides=overrides, refuse_idle=True)


@pytest.mark.parametrize("path", sorted(STUDIES.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_studies_have_no_idle_key(path: Path) -> None:
    for scale in scales_of(path) or (None,):
        load_study(path, scale=scale)


def test_a_study_with_an_idle_key_is_refused() -> None:
    with pytest.raises(UserError, match="orthogonalisation_steps has no effect"):
        load_study(STUDIES / "quick.yaml", overrides=["training.optimizer={name: adamw, orthogonalisation_steps: 7}"])
    with pytest.raises(UserError, match="steps has no effect when solver is dopri5"):
        load_study(STUDIES / "table3.yaml", overrides=["sampling.flow_matching.solver=dopri5"])
