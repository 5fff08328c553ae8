"""MusicGen checkpoints give what `transformers.MusicgenForConditionalGeneration` gives."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file

from counterpoint.codec import latent_spec, load_codec
from counterpoint.config import SamplingConfig, UserError, read_json, write_json
from counterpoint.generate import GenerationRequest, check_destination, generate, write_clips
from counterpoint.generate.model import LoadedModel, load_model, read_model
from counterpoint.generate.musicgen import build, read_transformers
from counterpoint.paradigm import Autoregressive

CAPTIONS = ["slow warm piano with drums and harp", "loud drums"]
Save = Callable[..., Path]
GREEDY = SamplingConfig(temperature=0, guidance=3.0)


def network(loaded: LoadedModel) -> Autoregressive:
    assert isinstance(loaded.paradigm, Autoregressive)
    return loaded.paradigm


def their_inputs(folder: Path, captions: list[str]) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)(captions, padding=True, return_tensors="pt")


def their_greedy_codes(peer: Any, folder: Path, captions: list[str], *, frames: int) -> torch.Tensor:
    """[B, K, T] that `generate` would decode."""
    decoded: list[torch.Tensor] = []
    decode = peer.audio_encoder.decode

    def listen(codes: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        decoded.append(codes[0])
        return decode(codes, *args, **kwargs)

    peer.audio_encoder.decode = listen
    try:
        length = frames + peer.config.decoder.num_codebooks  # a start token, and the delay
        peer.generate(**their_inputs(folder, captions), do_sample=False, guidance_scale=3.0, max_length=length)
    finally:
        peer.audio_encoder.decode = decode
    return decoded[0]


@torch.no_grad()
def logits_of_both(
    peer: Any, folder: Path, model: Autoregressive, captions: list[str], *, steps: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Teacher-forced logits [B, K, S, V] of the same random tokens."""
    K = model.latent.num_codebooks
    tokens = torch.randint(0, model.filler + 1, (len(captions), K, steps), generator=torch.Generator().manual_seed(0))
    theirs = peer(**their_inputs(folder, captions), decoder_input_ids=tokens.flatten(0, 1)).logits
    text = model.prepare(captions)
    ours = model.logits(tokens, memory=model.backbone.remember(model.text(text), mask=text.mask))
    return ours, theirs.view(len(captions), K, steps, -1)


@pytest.fixture(params=["transformers", "audiocraft"])
def loaded(request: pytest.FixtureRequest, published: Path, audiocraft: Save) -> LoadedModel:
    return load_model(published if request.param == "transformers" else audiocraft())


def test_logits_agree_for_captions_of_different_length(peer: Any, published: Path, loaded: LoadedModel) -> None:
    ours, theirs = logits_of_both(peer, published, network(loaded), CAPTIONS, steps=20)
    assert theirs.std() > 0.5
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


def test_greedy_tokens_agree_under_guidance(peer: Any, published: Path, loaded: LoadedModel) -> None:
    model, frames = network(loaded), 24
    theirs = their_greedy_codes(peer, published, CAPTIONS, frames=frames)
    ours = model.sample(
        text=model.prepare(CAPTIONS),
        lengths=torch.full((2,), frames),
        sampling=GREEDY,
        generators=[torch.Generator().manual_seed(b) for b in range(2)],
    ).codes
    assert theirs.shape == (2, 4, frames) and theirs.unique().numel() > 8
    assert torch.equal(ours, theirs)


# --- Other layouts of the same checkpoint ---


def assert_same_weights(folder: Path | str, published: Path, *, tolerance: float = 0.0) -> None:
    ours, theirs = read_model(folder), read_model(published)
    for name, tensor in theirs.paradigm.state_dict().items():
        torch.testing.assert_close(ours.paradigm.state_dict()[name], tensor, atol=tolerance, rtol=0)
    codes = torch.randint(0, ours.codec.codebook_size, (1, ours.codec.num_codebooks, 20))
    audio = theirs.codec.decode_codes(codes)
    torch.testing.assert_close(ours.codec.decode_codes(codes), audio, atol=1e-5 + tolerance, rtol=0)
    assert ours.window_s == 30.0


def without_weights(published: Path, folder: Path) -> Path:
    shutil.copytree(published, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    return folder


def test_audiocrafts_codec_is_the_same(published: Path, audiocraft: Save) -> None:
    folder = audiocraft()
    assert_same_weights(folder, published)
    assert_same_weights(folder / "state_dict.bin", published)
    assert load_codec(str(folder)).fingerprint == load_codec(str(published)).fingerprint


def test_a_codec_elsewhere_is_followed(published: Path, audiocraft: Save) -> None:
    assert_same_weights(audiocraft(codec={"pretrained": str(published)}), published)


def test_shards_pickles_and_half_precision(published: Path, peer: Any, tmp_path: Path) -> None:
    peer.save_pretrained(without_weights(published, tmp_path / "shards"), max_shard_size="20kB")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 2
    assert_same_weights(tmp_path / "shards", published)
    state = load_file(published / "model.safetensors")
    torch.save(state, without_weights(published, tmp_path / "pickle") / "pytorch_model.bin")
    assert_same_weights(tmp_path / "pickle", published)
    halved = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    save_file(halved, without_weights(published, tmp_path / "half") / "model.safetensors", metadata={"format": "pt"})
    assert_same_weights(tmp_path / "half", published, tolerance=2e-3)
    assert all(p.dtype == torch.float32 for p in read_model(tmp_path / "half").paradigm.parameters())


def test_sizes_are_those_of_the_configuration(publish: Callable[..., Any], tmp_path: Path) -> None:
    """As medium and large differ from small."""
    peer = publish(tmp_path, seed=1, hidden_size=32, num_hidden_layers=3, num_attention_heads=2, ffn_dim=48)
    ours, theirs = logits_of_both(peer, tmp_path, network(load_model(tmp_path)), CAPTIONS, steps=9)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


def test_no_projection_where_widths_agree(publish: Callable[..., Any], tmp_path: Path) -> None:
    peer = publish(tmp_path, seed=1, hidden_size=24)
    assert not hasattr(peer, "enc_to_dec_proj")
    ours, theirs = logits_of_both(peer, tmp_path, network(load_model(tmp_path)), CAPTIONS, steps=9)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


def test_what_needs_no_other_layout_is_not_copied(published: Path) -> None:
    codec = load_codec(str(published))
    checkpoint = read_transformers(published, source=str(published))
    model = build(checkpoint, latent_spec(codec), source="tiny")
    theirs = checkpoint.weights["decoder.model.decoder.layers.1.fc1.weight"]
    assert model.backbone.blocks[1].up.weight.data_ptr() == theirs.data_ptr()


def test_a_caption_to_a_file(published: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.wav"
    request = GenerationRequest(["warm piano"], duration_s=0.5)
    destination = check_destination(out, request=request)
    report = write_clips(request, model=load_model(published), out=destination)
    assert report.paradigm == "autoregressive" and soundfile.info(out).duration == 0.5
    assert soundfile.info(out).samplerate == 800


@pytest.mark.slow
def test_a_hub_id_on_the_command_line(published: Path, tmp_path: Path) -> None:
    """From a cache as the hub's client leaves it, in a process of its own without a network."""
    repository, commit = tmp_path / "hub" / "models--facebook--musicgen-small", "0" * 40
    shutil.copytree(published, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    environment.pop("HF_HUB_CACHE", None)

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "counterpoint", *arguments]
        return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)

    asked = ("generate", "warm piano", "--duration-s", "0.2", "--out", "x.wav", "--model")
    done = call(*asked, "facebook/musicgen-small")
    assert done.returncode == 0 and soundfile.info(tmp_path / "x.wav").duration == 0.2, done.stderr
    assert not done.stderr
    failed = call(*asked, "nobody/nothing")
    assert failed.returncode == 2
    assert failed.stderr.startswith("Error: There is no folder nobody/nothing, and as a hub id it needs")
    exported = call("export", "facebook/musicgen-small", "out")
    assert exported.returncode == 0 and (tmp_path / "out" / "model.safetensors").is_file(), exported.stderr


@pytest.mark.slow
def test_musicgen_small_in_full(publish: Callable[..., Any], tmp_path: Path) -> None:
    """Every size of the published model but T5's depth and EnCodec; 1.7 GB on disk, 4 GB in memory."""
    sizes = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "ffn_dim": 4096}
    peer = publish(tmp_path, text_width=768, vocab_size=2048, **sizes)
    model = network(read_model(tmp_path))
    assert sum(p.numel() for p in model.parameters()) == 420_371_456
    ours, theirs = logits_of_both(peer, tmp_path, model, CAPTIONS, steps=6)
    (tmp_path / "model.safetensors").unlink()
    assert theirs.std() > 0.5
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 8 * 2**20  # KiB


# --- What cannot be read says so ---


def damaged(published: Path, folder: Path, **changes: torch.Tensor | None) -> Path:
    state = load_file(published / "model.safetensors") | changes
    assert set(changes) <= set(state)
    state = {name: tensor for name, tensor in state.items() if tensor is not None}
    save_file(state, without_weights(published, folder) / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "decoder.model.decoder.layers.1.encoder_attn.v_proj.weight",
        "decoder.lm_heads.3.weight",
        "enc_to_dec_proj.bias",
        "text_encoder.encoder.block.1.layer.0.SelfAttention.q.weight",
        "audio_encoder.decoder.layers.1.lstm.bias_hh_l0",
    ],
)
def test_a_missing_or_misshapen_tensor_is_named(name: str, published: Path, tmp_path: Path) -> None:
    own = re.escape(name.removeprefix("text_encoder.").removeprefix("audio_encoder."))
    for change, told in (
        (None, f"lacks the tensor {own}"),
        (torch.zeros(3, 5), rf"tensor {own} has the shape \[3, 5\]"),
    ):
        folder = damaged(published, tmp_path / str(change is None), **{name: change})
        with pytest.raises(UserError, match=told):
            list(generate(GenerationRequest(["piano"], duration_s=0.1), model=load_model(folder)))


def test_audiocrafts_tensors_are_named_too(audiocraft: Save) -> None:
    name = "transformer.layers.0.cross_attention.in_proj_weight"
    with pytest.raises(UserError, match=f"lacks the tensor {re.escape(name)}"):
        load_model(audiocraft(missing=name))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"audio_channels": 2, "num_codebooks": 8}, "audio_channels is 2"),
        ({"scale_embedding": True}, "scale_embedding"),
    ],
)
def test_variants_are_refused(change: dict[str, Any], told: str, published: Path, tmp_path: Path) -> None:
    config = read_json(published / "config.json")
    write_json(tmp_path / "config.json", {**config, "decoder": {**config["decoder"], **change}})
    with pytest.raises(UserError, match=f"variant of MusicGen that is not supported .*{told}.*musicgen-small"):
        load_model(tmp_path)


def test_other_kinds_of_models_are_refused(tmp_path: Path) -> None:
    for kind in ("musicgen_melody", "llama"):
        write_json(tmp_path / "config.json", {"model_type": kind})
        with pytest.raises(UserError, match=f"of the kind '{kind}'"):
            load_model(tmp_path)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("conditioners.self_wav", {"model": "chroma_stem"}), r"conditioners is \['description', 'self_wav'\]"),
        (("channels", 2), "channels is 2"),
        (("codebooks_pattern.modeling", "parallel"), "parallel"),
        (("codebooks_pattern.delay.delays", [0, 0, 0, 1]), r"delays is \[0, 0, 0, 1\]"),
        (("transformer_lm.norm_first", False), "norm_first is False"),
    ],
)
def test_audiocrafts_variants_are_refused(change: tuple[str, Any], told: str, audiocraft: Save) -> None:
    with pytest.raises(UserError, match=f"variant of MusicGen that is not supported .*{told}"):
        load_model(audiocraft(change=change))


@pytest.mark.parametrize(
    "package",
    [
        {"pretrained": 5},
        {"best_state": {}, "xp.cfg": 5},
        {"best_state": {}, "xp.cfg": "a: ["},
        {"best_state": {}, "xp.cfg": "[1]"},
        {"best_state": {}, "xp.cfg": "a: 1"},
        {"best_state": {"a": "b"}, "xp.cfg": "a: 1"},
        {"best_state": 5, "xp.cfg": "a: 1"},
    ],
    ids=str,
)
def test_a_package_with_unusable_parts_is_refused(audiocraft: Save, package: dict[str, Any]) -> None:
    folder = audiocraft(codec=package)
    with pytest.raises(UserError, match=r"best_state|configuration|tensors|xp\.cfg"):
        load_codec(str(folder))
    torch.save(package, folder / "state_dict.bin")
    with pytest.raises(UserError, match=r"best_state|configuration|tensors|xp\.cfg"):
        load_model(folder)


def test_a_codec_that_refers_to_itself_is_refused(audiocraft: Save) -> None:
    folder = audiocraft()
    torch.save({"pretrained": str(folder)}, folder / "compression_state_dict.bin")
    with pytest.raises(UserError, match="refers to another one"):
        load_codec(str(folder))


class Intruder:
    """Code in a pickle: it would make a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def test_code_in_a_pickle_is_not_run(audiocraft: Save, published: Path, tmp_path: Path) -> None:
    folder, witness = audiocraft(), tmp_path / "ran"
    torch.save({"best_state": Intruder(witness), "xp.cfg": ""}, folder / "state_dict.bin")
    other = without_weights(published, tmp_path / "pickle")
    torch.save({"weights": Intruder(witness)}, other / "pytorch_model.bin")
    for place, name in ((folder, "state_dict.bin"), (other, "pytorch_model.bin")):
        with pytest.raises(UserError, match=rf"{name} .*would run code from the file, which is never done"):
            load_model(place)
    assert not witness.exists()


def test_files_that_are_missing_or_cut(audiocraft: Save, published: Path, tmp_path: Path) -> None:
    folder = audiocraft()
    os.truncate(folder / "state_dict.bin", 2000)
    with pytest.raises(UserError, match=r"state_dict\.bin is damaged"):
        load_model(folder)
    (folder / "compression_state_dict.bin").unlink()
    with pytest.raises(UserError, match=r"compression_state_dict\.bin is missing"):
        load_model(folder)
    bare = without_weights(published, tmp_path / "bare")
    with pytest.raises(UserError, match=r"has no weights: neither model\.safetensors nor pytorch_model\.bin"):
        load_model(bare)
    shutil.copy(published / "model.safetensors", bare)
    os.truncate(bare / "model.safetensors", 50_000)
    with pytest.raises(UserError, match=r"model\.safetensors is damaged"):
        load_model(bare)


def test_a_folder_that_is_neither(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"not a run folder.*or a MusicGen checkpoint"):
        load_model(tmp_path)


def test_a_hub_id_needs_the_network_or_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import LocalEntryNotFoundError

    def unreachable(*_: Any, **__: Any) -> str:
        raise LocalEntryNotFoundError("Cannot reach the hub.\nMore words.")

    monkeypatch.setattr("huggingface_hub.snapshot_download", unreachable)
    with pytest.raises(
        UserError, match=r"facebook/musicgen-small, .* needs the network .*reach the hub\); give a local path"
    ):
        load_model("facebook/musicgen-small")
    with pytest.raises(UserError, match="There is no run folder"):
        load_model("src/no-such-run")  # below a folder that is here
