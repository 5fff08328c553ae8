"""The held-out clips through one codec, and what the codec is."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from counterpoint.audio import load_audio, save_audio
from counterpoint.codec import View, decode, encode_audio, load_codec
from counterpoint.codec.measures import parameter_count, perplexity
from counterpoint.config import read_json, write_json

if TYPE_CHECKING:
    from counterpoint.codec import Codec
    from counterpoint.study.engine import Work


def round_trip(work: Work) -> None:
    """Write `latents/` (decoded without quantising), `codes/` where the codec has codebooks, and `codec.json`."""
    codec = load_codec(work.config["codec"])
    clips = work.inputs["clips"]
    windows = read_json(clips / "prompts.json")["windows"]
    views: list[View] = ["latents", "codes"] if codec.num_codebooks else ["latents"]
    clocks = {task: _Clock() for task in ("encode", *(f"decode_{view}" for view in views))}
    codes = []
    for number, window in enumerate(windows):
        audio, _ = load_audio(clips / "truth" / f"{window['id']}.wav", sample_rate=codec.sample_rate)
        seconds = len(audio) / codec.sample_rate
        encoding = clocks["encode"].time(lambda audio=audio: encode_audio(audio, codec), seconds=seconds)
        for view in views:
            given: dict[str, Any] = {view: encoding.view(view)}
            decoded = clocks[f"decode_{view}"].time(lambda given=given: decode(codec, **given), seconds=seconds)
            path = work.folder / view / f"{window['id']}.wav"
            save_audio(path, decoded[0, : len(audio)].numpy(), sample_rate=codec.sample_rate)
        codes += [] if encoding.codes is None else [encoding.codes]
        work.progress(number + 1, len(windows))
    use = perplexity(codes, codebook_size=codec.codebook_size).tolist() if codes else []
    facts = {"views": views, "perplexity": use, "speed": {task: clock.speed for task, clock in clocks.items()}}
    write_json(work.folder / "codec.json", {**_shape(codec), **facts})


class _Clock:
    """Adds up what a task takes; its first call, which warms caches up, does not count."""

    def __init__(self) -> None:
        self._took = self._seconds = 0.0
        self._calls = 0

    def time(self, task: Any, *, seconds: float) -> Any:
        """Run `task` on `seconds` of audio."""
        started = time.perf_counter()
        result = task()
        if self._calls:
            self._took += time.perf_counter() - started
            self._seconds += seconds
        self._calls += 1
        return result

    @property
    def speed(self) -> float | None:
        """Times real time."""
        return self._seconds / self._took if self._took else None


def _shape(codec: Codec) -> dict[str, Any]:
    bits = codec.num_codebooks * codec.frame_rate * math.log2(codec.codebook_size) if codec.num_codebooks else None
    return {
        "name": codec.name,
        "fingerprint": codec.fingerprint,
        "sample_rate": codec.sample_rate,
        "frame_rate": codec.frame_rate,
        "num_codebooks": codec.num_codebooks,
        "codebook_size": codec.codebook_size,
        "latent_dim": codec.latent_dim,
        "parameters": parameter_count(codec),
        "bits_per_second": bits,
        "numbers_per_second": codec.frame_rate * codec.latent_dim,
    }
