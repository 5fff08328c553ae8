"""What ships and what lies below `runs`, listed without loading it; what is broken, said."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from counterpoint.codec import load_codec, shipped_codecs
from counterpoint.codec.registry import SHIPPED
from counterpoint.config import LatentSpec, ModelConfig, UserError, parse, read_json, write_json
from counterpoint.config.checkpoints import write_checkpoint
from counterpoint.paradigm import build_paradigm
from counterpoint.runs import (
    SHIPPED_MODELS,
    Card,
    Figure,
    add_figures,
    known_models,
    load_run,
    read_card,
    shipped_models,
)
from counterpoint.runs.codecs import SHIPPED_CODECS, list_codecs
from counterpoint.runs.models import ListedModel, list_models
from counterpoint.runs.text import as_data, describe
from counterpoint.runs.weights import count_weights

LATENT = LatentSpec(codec="toy", sample_rate=100, frame_rate=10.0, num_codebooks=2, codebook_size=16, latent_dim=4)


def write_run(folder: Path, *, inpainting: float = 0.0) -> int:
    """A run of one step; returns how many weights it has."""
    values = {
        "paradigm": "autoregressive",
        "backbone": "debug",
        "text": {"buckets": 64, "width": 16},
        "controls": ["chords"],
        "inpainting": inpainting,
    }
    config = parse(values, ModelConfig, source="test")
    described = {"model": config.model_dump(mode="json"), "latent": LATENT.model_dump(mode="json"), "segment_s": 5.0}
    write_json(folder / "model.json", described)
    weights = build_paradigm(config, LATENT).state_dict()
    write_checkpoint(folder / "checkpoints", step=7, tensors={"model": weights, "ema": weights}, state={}, keep=1)
    return sum(value.numel() for value in weights.values())


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Runs that are whole, and some that are not."""
    root = tmp_path / "runs"
    write_run(root / "good")
    write_run(root / "study" / "nested", inpainting=0.5)
    write_run(root / "store" / "hidden")
    write_run(root / "cut")
    path = root / "cut" / "checkpoints" / "step-00000007" / "ema.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    write_run(root / "bad-card")
    (root / "bad-card" / "card.json").write_text('{"figures": [{"value": "high"}]}')
    for name, text in (("bad-json", "{"), ("a-list", "[]"), ("not-a-model", '{"model": {}, "latent": {}}')):
        (root / name).mkdir()
        (root / name / "model.json").write_text(text)
    write_json(root / "no-weights" / "model.json", read_json(root / "good" / "model.json"))
    return root


def listed(runs: Path) -> dict[str, ListedModel]:
    return {model.name: model for model in list_models(runs=runs) if not model.ships}


def test_runs_are_listed_by_the_name_that_loads_them(runs: Path) -> None:
    found = listed(runs)
    assert "store/hidden" not in found
    good, nested = found["good"], found["study/nested"]
    assert good.problem == "" and good.paradigm == "autoregressive" and good.step == 7
    assert good.weights == sum(value.numel() for value in load_run(runs / "good").state_dict().values())
    assert good.takes == ("text", "chords") and nested.takes == ("text", "chords", "inpainting")
    assert (good.codec, good.frame_rate, good.num_codebooks, good.latent_dim) == ("toy", 10.0, 2, 4)
    assert good.size_bytes > 4 * good.weights and good.card is None
    assert "not measured" in describe(good) and "licence not stated" in describe(good)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("cut", "ema.safetensors is truncated"),
        ("bad-card", "card.json is not a valid card"),
        ("bad-json", "is not valid JSON"),
        ("a-list", "does not describe a model"),
        ("not-a-model", "does not describe a model|no weights"),
        ("no-weights", "no-weights has no weights"),
    ],
)
def test_a_broken_folder_is_a_line_that_says_so(runs: Path, name: str, sentence: str) -> None:
    model = listed(runs)[name]
    assert any(part in model.problem for part in sentence.split("|")), model.problem
    assert "broken: " in describe(model)


def test_a_broken_codec_is_a_line_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty" / "codec").mkdir(parents=True)
    write_json(tmp_path / "bare" / "codec" / "config.json", read_json(SHIPPED / "pocket_rvq_25hz" / "config.json"))
    problems = {Path(codec.name).name: codec.problem for codec in list_codecs(runs=tmp_path) if not codec.ships}
    assert "no JSON file at" in problems["empty"] and "has no weights" in problems["bare"]


def test_models_that_ship_have_a_licence_and_figures() -> None:
    ships = [model for model in list_models() if model.ships]
    assert [model.name for model in ships] == shipped_models() == known_models()[: len(ships)]
    for model in ships:
        assert not model.problem and model.card is not None, model
        assert model.card.licence == "Apache-2.0" and model.card.recipe and model.figures, model.name
        assert all(figure.low is not None and figure.n for figure in model.figures), model.name


@pytest.mark.parametrize("name", shipped_codecs())
def test_codecs_are_listed_as_they_load(name: str) -> None:
    assert SHIPPED_CODECS == SHIPPED
    [found] = [codec for codec in list_codecs() if codec.ships and codec.name == name]
    codec = load_codec(name)
    assert (found.sample_rate, found.frame_rate) == (codec.sample_rate, codec.frame_rate)
    assert (found.num_codebooks, found.codebook_size) == (codec.num_codebooks, codec.codebook_size)
    assert found.latent_dim == codec.latent_dim
    assert found.figures and found.card and found.card.licence


def test_weights_are_counted_from_the_header(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_file({"a": torch.zeros(3, 5), "b": torch.zeros(2), "c": torch.tensor(1.0)}, path, metadata={"format": "pt"})
    assert count_weights(path) == 18
    for content in (b"", b"\xff" * 20, (8).to_bytes(8, "little") + b'{"a": 1}'):
        path.write_bytes(content)
        with pytest.raises(UserError, match="damaged"):
            count_weights(path)
    with pytest.raises(UserError, match="missing"):
        count_weights(tmp_path / "none.safetensors")


def test_figures_replace_those_of_the_same_measure(tmp_path: Path) -> None:
    assert read_card(tmp_path) is None
    old = Card("MIT", "by hand", (Figure("a", 0.1), Figure("b", 0.2, 0.1, 0.3, 9, "what")))
    write_json(tmp_path / "card.json", old.to_json())
    assert read_card(tmp_path) == old
    changed = add_figures(tmp_path, [Figure("a", 0.5)])
    assert read_card(tmp_path) == changed == Card("MIT", "by hand", (Figure("a", 0.5), old.figures[1]))


def test_lists_are_plain_values(runs: Path) -> None:
    values = json.loads(json.dumps(as_data([*list_models(runs=runs), *list_codecs(runs=runs)])))
    assert {value["name"]: value["measured"] for value in values}["good"] is False
    assert all({"name", "folder", "ships", "problem", "card", "weights"} <= value.keys() for value in values)


def test_the_lists_need_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom counterpoint.cli import app\n"
        "app(sys.argv[1:], standalone_mode=False)\n"
        "print([m for m in ('torch', 'numpy', 'transformers') if m in sys.modules])"
    )
    for verb in ("models", "codecs"):
        printed = subprocess.run(
            [sys.executable, "-c", code, verb], capture_output=True, text=True, check=True, cwd=tmp_path
        ).stdout
        assert printed.splitlines()[-1] == "[]"
        assert ("pocket_flow_matching" if verb == "models" else "pocket_vae_100hz") in printed


def test_cards_lie_beside_the_models() -> None:
    assert {path.parent.name for path in SHIPPED_MODELS.glob("*/card.json")} == set(shipped_models())
