"""A folder of clips through a codec and back.

Shapes: B = 1, N audio samples.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch

from counterpoint.audio import load_audio, save_audio
from counterpoint.codec import Codec, load_codec
from counterpoint.codec.measures import log_spectral_distance, si_snr
from counterpoint.config import atomic_write


def reconstruct_folder(clips: Path, *, out: Path, codec: str, quantized: bool) -> dict[str, float]:
    """Write the reconstruction of every clip under its own name, and the same `metadata.jsonl`.

    Args:
        clips: an HF audiofolder.
        codec: its name.
        quantized: decode the codes; the latents before the quantiser otherwise.

    Returns:
        Means over the clips: `si_snr_db` and `log_spectral_distance_db`.
    """
    loaded = load_codec(codec)
    text = (clips / "metadata.jsonl").read_text(encoding="utf-8")
    measures = []
    for line in text.splitlines():
        name = json.loads(line)["file_name"]
        measures.append(_reconstruct(clips / name, out=out / name, codec=loaded, quantized=quantized))
    atomic_write(out / "metadata.jsonl", lambda temporary: temporary.write_text(text, encoding="utf-8"))
    snr, distance = torch.tensor(measures).mean(dim=0).tolist()
    return {"si_snr_db": snr, "log_spectral_distance_db": distance}


@torch.no_grad()
def _reconstruct(path: Path, *, out: Path, codec: Codec, quantized: bool) -> tuple[float, float]:
    """SI-SNR and log-spectral distance of one clip, in dB."""
    audio = torch.from_numpy(load_audio(path, sample_rate=codec.sample_rate)[0])[None]
    encoding = codec.encode(audio)
    decoded = codec.decode_codes(encoding.codes) if quantized else codec.decode_latents(encoding.latents)
    decoded = decoded[:, : audio.shape[1]]  # whole frames may pass the end
    save_audio(out, decoded[0].clamp(-1, 1).numpy(), sample_rate=codec.sample_rate)
    return float(si_snr(decoded, audio)), float(log_spectral_distance(decoded, audio))
