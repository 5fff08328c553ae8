"""What we export loads in `transformers` and gives what our model gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from counterpoint.codec import load_codec
from counterpoint.codec.base import latent_spec
from counterpoint.codec.encodec import build_encodec, encodec_config, save_encodec
from counterpoint.config import ModelConfig, UserError, parse, write_json
from counterpoint.config.checkpoints import write_checkpoint
from counterpoint.generate import export_musicgen
from counterpoint.generate.model import LoadedModel, load_model
from counterpoint.paradigm import Autoregressive, build_paradigm

CAPTIONS = ["slow warm piano with drums and harp", "loud drums"]


@pytest.fixture(scope="module")
def t5(tmp_path_factory: pytest.TempPathFactory, peer: Any, published: Path) -> Path:
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp("t5")
    peer.text_encoder.save_pretrained(folder)
    AutoTokenizer.from_pretrained(published).save_pretrained(folder)
    return folder


def write_run(folder: Path, *, activation: str = "elu", **config: Any) -> Path:
    """An untrained run on an untrained EnCodec."""
    torch.manual_seed(0)
    encodec = encodec_config(
        sample_rate=800, strides=(4, 2), filters=2, latent_dim=8, codebook_size=16, lstm_layers=1, activation=activation
    )
    state = build_encodec(encodec).state_dict()
    state |= {key: torch.randn_like(value) for key, value in state.items() if key.endswith("codebook.embed")}
    save_encodec(folder / "codec", config=encodec, state=state)
    latent = latent_spec(load_codec(str(folder / "codec")))
    values = {"paradigm": "autoregressive", "backbone": "debug", **config}
    model = parse(values, ModelConfig, source="test")
    described = {"model": model.model_dump(mode="json"), "latent": latent.model_dump(mode="json"), "segment_s": 2.0}
    write_json(folder / "model.json", described)
    weights = build_paradigm(model, latent).state_dict()
    write_checkpoint(folder / "checkpoints", step=0, tensors={"model": weights, "ema": weights}, state={}, keep=1)
    return folder


@torch.no_grad()
def assert_same(loaded: LoadedModel, exported: Path) -> None:
    """Logits under captions of different length, and audio of codes."""
    from transformers import AutoTokenizer, MusicgenForConditionalGeneration

    theirs, found = MusicgenForConditionalGeneration.from_pretrained(exported, output_loading_info=True)
    assert not any(found.values()), found
    model, codec = loaded.paradigm, loaded.codec
    assert isinstance(model, Autoregressive)
    K, V = model.latent.num_codebooks, model.latent.codebook_size
    draw = torch.Generator().manual_seed(0)
    tokens = torch.randint(0, V + 1, (2, K, 12), generator=draw)
    inputs = AutoTokenizer.from_pretrained(exported)(CAPTIONS, padding=True, return_tensors="pt")
    expected = theirs.eval()(**inputs, decoder_input_ids=tokens.flatten(0, 1)).logits.view(2, K, 12, V)
    text = model.prepare(CAPTIONS)
    ours = model.logits(tokens, memory=model.backbone.remember(model.text(text), mask=text.mask))
    torch.testing.assert_close(ours, expected, atol=1e-4, rtol=0)
    codes = torch.randint(0, V, (1, 2, K, 30), generator=draw)
    audio = theirs.audio_encoder.decode(codes, [None]).audio_values[:, 0]
    assert audio.std() > 1e-3
    torch.testing.assert_close(codec.decode_codes(codes[0]), audio, atol=1e-5, rtol=1e-4)
    assert theirs.generation_config.guidance_scale == 3.0


def test_a_checkpoint_comes_back_as_it_was(peer: Any, published: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    export_musicgen(published, tmp_path / "out")
    assert_same(load_model(published), tmp_path / "out")
    before, after = load_file(published / "model.safetensors"), load_file(tmp_path / "out" / "model.safetensors")
    network = [name for name in before if name.startswith(("decoder.", "enc_to_dec", "text_encoder."))]
    assert len(network) > 50
    assert all(torch.equal(before[name], after[name]) for name in network)


def test_a_run_of_ours_loads_in_transformers_and_here(t5: Path, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", text={"encoder": "t5", "name": str(t5)})
    export_musicgen(run, tmp_path / "out")
    assert_same(load_model(run), tmp_path / "out")
    assert_same(load_model(tmp_path / "out"), tmp_path / "out")


def test_the_processor_of_transformers_finds_its_files(published: Path, tmp_path: Path) -> None:
    from transformers import AutoProcessor

    export_musicgen(published, tmp_path / "out")
    processor = AutoProcessor.from_pretrained(tmp_path / "out")
    inputs = processor(text=CAPTIONS, padding=True, return_tensors="pt")
    assert inputs["input_ids"].shape == (2, 8)
    assert processor.feature_extractor.sampling_rate == 800


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"paradigm": "flow_matching"}, "it is a flow_matching model"),
        ({"text": {"encoder": "lut"}}, "its text encoder is lut"),
        ({"text": {"encoder": "t5"}, "controls": ["chords", "drums"]}, "it has the controls chords and drums"),
        ({"activation": "gelu", "text": {"encoder": "t5"}}, "not an EnCodec with ELU activations"),
    ],
)
def test_what_the_format_cannot_hold_is_refused(
    config: dict[str, Any], sentence: str, t5: Path, tmp_path: Path
) -> None:
    if config.get("text", {}).get("encoder") == "t5":
        config = {**config, "text": {"encoder": "t5", "name": str(t5)}}
    run = write_run(tmp_path / "run", **config)
    with pytest.raises(
        UserError, match=f"cannot be exported as MusicGen: .*{sentence}.*--as weights.*quick_musicgen.yaml"
    ):
        export_musicgen(run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nothing_is_overwritten_and_nothing_half_written_stays(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("precious")
    with pytest.raises(UserError, match="already exists"):
        export_musicgen(published, tmp_path / "out")

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("transformers.GenerationConfig.save_pretrained", fail)
    with pytest.raises(OSError):
        export_musicgen(published, tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.slow
def test_the_run_of_the_shipped_example_is_exported(t5: Path, tmp_path: Path) -> None:
    import counterpoint as cp

    config = Path(__file__).parents[2] / "configs" / "quick_musicgen.yaml"
    cp.compose_dataset(tmp_path / "music", clips=12, duration_s=2.0, seed=0)
    cp.encode_dataset(tmp_path / "music", codec="pocket_encodec_50hz")
    short = {"data.dataset": str(tmp_path / "music"), "data.segment_s": 2.0, "steps": 2, "optimizer.warmup_steps": 1}
    cp.train_model(config, out=tmp_path / "run", settings={**short, "model.text.name": str(t5)})
    exported = cp.export_model(tmp_path / "run", tmp_path / "musicgen")
    assert_same(load_model(tmp_path / "run"), exported)
