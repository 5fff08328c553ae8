"""Publication of models: as their averaged weights, or in the format of
`transformers.MusicgenForConditionalGeneration`.

Shapes: K codebooks, V codebook size.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from torch import Tensor

from counterpoint.audio import frames
from counterpoint.codec.encodec import EnCodec
from counterpoint.conditioning import T5Text
from counterpoint.config import UserError, atomic_folder, read_json, write_json
from counterpoint.config.paths import check_output_folder
from counterpoint.config.weights import write_digests
from counterpoint.generate.model import LoadedModel, read_model
from counterpoint.generate.musicgen import TRANSFORMERS, to_theirs
from counterpoint.generate.settings import sampling_of
from counterpoint.paradigm import Autoregressive
from counterpoint.runs import find_run, load_run
from counterpoint.runs.layout import MODEL_FILE, WEIGHTS_FILE

GUIDANCE = 3.0
"""Default sampling settings of an exported model, which are MusicGen's."""


_WAY_OUT = (
    "`counterpoint export --as weights` writes any model, and configs/quick_musicgen.yaml trains one for this format"
)


def export_musicgen(model: str | Path, out: Path) -> None:
    """Export a model so that `MusicgenForConditionalGeneration.from_pretrained(out)` gives the same logits and audio.

    Args:
        model: a run folder or a MusicGen checkpoint, as for `read_model`.
        out: a folder that does not exist yet; it is written completely or not at all.

    Raises:
        UserError: this format cannot represent the model, or the folder exists.
    """
    check_output_folder(Path(out))
    loaded = read_model(model)
    refused = _refusal(loaded)
    if refused:
        raise UserError(f"{model} cannot be exported as MusicGen: {refused}; {_WAY_OUT}.")
    atomic_folder(Path(out), lambda folder: _write(folder, loaded))


def publish_run(model: str | Path, out: Path, *, sampling: Mapping[str, Any] = MappingProxyType({})) -> None:
    """Write the model of a run as a folder that loads like the run, at a twelfth of its size.

    Args:
        sampling: settings by name that become the defaults of the model; None leaves one as it is.

    Raises:
        UserError: `model` is not a run, a setting does not fit it, or `out` exists.
    """
    from safetensors.torch import save_file

    check_output_folder(Path(out))
    run = find_run(model)
    chosen = {name: value for name, value in sampling.items() if value is not None}
    sampling_of(model, chosen)  # refuses what does not fit the model
    described = read_json(run / MODEL_FILE)
    if chosen:
        described["sampling"] = described.get("sampling", {}) | chosen
    paradigm = load_run(run)
    halved = {name for name, _ in paradigm.named_parameters()}  # buffers are small and stay exact
    weights = {
        name: (tensor.half() if name in halved else tensor).contiguous()
        for name, tensor in paradigm.state_dict().items()
    }

    def write(folder: Path) -> None:
        write_json(folder / MODEL_FILE, described)
        save_file(weights, folder / WEIGHTS_FILE, metadata={"format": "pt"})
        write_digests(folder)

    atomic_folder(Path(out), write)


def _refusal(loaded: LoadedModel) -> str | None:
    """The reason why the format cannot represent a model, or None."""
    paradigm, codec = loaded.paradigm, loaded.codec
    if not isinstance(paradigm, Autoregressive):
        return f"it is a {paradigm.config.paradigm} model, and MusicGen is auto-regressive"
    if paradigm.codebooks < paradigm.latent.num_codebooks:
        return f"it models {paradigm.codebooks} of its codec's {paradigm.latent.num_codebooks} codebooks"
    if paradigm.config.controls:
        return f"it has the controls {' and '.join(paradigm.config.controls)}, and MusicGen has only text"
    if not isinstance(paradigm.text, T5Text):
        return f"its text encoder is {paradigm.config.text.encoder}, and MusicGen's is t5"
    if paradigm.text.frozen.width == paradigm.config.backbone.width:
        return "its network is as wide as T5, and transformers then omits the projection between them"
    if not isinstance(codec, EnCodec) or getattr(codec.model.config, "activation", "elu") != "elu":
        return f"its codec {codec.name!r} is not an EnCodec with ELU activations, the only kind in transformers"
    return None


def _write(folder: Path, loaded: LoadedModel) -> None:
    from safetensors.torch import save_file
    from transformers import EncodecFeatureExtractor

    model, codec = loaded.paradigm, loaded.codec
    assert isinstance(model, Autoregressive) and isinstance(model.text, T5Text) and isinstance(codec, EnCodec)
    audio = codec.export()
    tensors = to_theirs(model, names=TRANSFORMERS) | _text_weights(model.text)
    tensors |= {f"audio_encoder.{name}": tensor for name, tensor in audio.state_dict().items()}
    save_file(
        {name: tensor.contiguous() for name, tensor in tensors.items()},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    _configuration(model, text=model.text.frozen.config, audio=audio.config).save_pretrained(folder)
    _generation(model, window_s=loaded.window_s).save_pretrained(folder)
    model.text.frozen.tokenizer.save_pretrained(folder)
    write_digests(folder)
    EncodecFeatureExtractor(sampling_rate=codec.sample_rate, padding_side="left").save_pretrained(folder)


def _text_weights(text: T5Text) -> dict[str, Tensor]:
    """T5's own weights; the word table, which it has under two names, once."""
    state = text.frozen.encoder.state_dict()
    state.pop("encoder.embed_tokens.weight", None)
    return {f"text_encoder.{name}": tensor for name, tensor in state.items()}


def _configuration(model: Autoregressive, *, text: Any, audio: Any) -> Any:
    from transformers import MusicgenConfig, MusicgenDecoderConfig

    backbone, V = model.config.backbone, model.latent.codebook_size
    decoder = MusicgenDecoderConfig(
        vocab_size=V,
        num_codebooks=model.latent.num_codebooks,
        max_position_embeddings=backbone.max_positions,
        num_hidden_layers=backbone.layers,
        hidden_size=backbone.width,
        num_attention_heads=backbone.heads,
        ffn_dim=backbone.feed_forward,
        dropout=backbone.dropout,
        pad_token_id=V,
        bos_token_id=V,
    )
    parts = {"text_encoder": text.to_dict(), "audio_encoder": audio.to_dict(), "decoder": decoder.to_dict()}
    return MusicgenConfig(architectures=["MusicgenForConditionalGeneration"], dtype="float32", **parts)


def _generation(model: Autoregressive, *, window_s: float) -> Any:
    from transformers import GenerationConfig

    K, V = model.latent.num_codebooks, model.latent.codebook_size
    return GenerationConfig(
        do_sample=True,
        guidance_scale=GUIDANCE,
        max_length=frames(window_s, frame_rate=model.latent.frame_rate) + K,  # a start token, and the delay
        pad_token_id=V,
        bos_token_id=V,
        decoder_start_token_id=V,
    )
