"""The held-out clips through one codec, and facts about the codec.

Clips are processed in parallel, each on a single core, and are timed by CPU time, which a busy neighbour hardly
affects. The median excludes the first clips, which warm up.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any

from counterpoint.audio import load_audio, save_audio
from counterpoint.codec import View, decode, encode_audio
from counterpoint.codec.chunked import one_block_a_core
from counterpoint.codec.measures import parameter_count, perplexity
from counterpoint.results.parts import CodecFacts, Prompts
from counterpoint.study.loading import codec_of
from counterpoint.study.work import Work, computes
from counterpoint.study.workload import through_codec

if TYPE_CHECKING:
    from counterpoint.codec import Codec


@computes("round_trip", version=1, workload=through_codec)
def round_trip(work: Work) -> None:
    """Write `latents/` (decoded without quantising), `codes/` if the codec has codebooks, and `CodecFacts`."""
    codec = codec_of(work.config, device="cpu")  # whose time is measured, whatever else the study has
    views: list[View] = ["latents", "codes"] if codec.num_codebooks else ["latents"]
    names = [f"{window.id}.wav" for window in Prompts.read(work.inputs["clips"]).windows]
    codes, speeds = [], []
    with one_block_a_core() as apply:
        trips = apply(partial(_one, work, codec, views), names)
        for done, (found, speed) in enumerate(trips, start=1):
            codes += [] if found is None else [found]
            speeds.append(speed)
            work.progress(done, len(names))
    CodecFacts(
        **_shape(codec),
        views=tuple(views),
        perplexity=tuple(perplexity(codes, codebook_size=codec.codebook_size).tolist()) if codes else (),
        speed={task: median(speed[task] for speed in speeds) for task in speeds[0]},
    ).write(work.folder)


def _one(work: Work, codec: Codec, views: Sequence[View], name: str) -> tuple[Any, dict[str, float]]:
    """One clip; its codes, if any, and the speed of each task relative to real time."""
    audio, _ = load_audio(work.inputs["clips"] / "truth" / name, sample_rate=codec.sample_rate)
    seconds, speed = len(audio) / codec.sample_rate, {}
    started = time.thread_time()
    encoding = encode_audio(audio, codec)
    speed["encode"] = seconds / (time.thread_time() - started)
    for view in views:
        given: dict[str, Any] = {view: encoding.view(view)}
        started = time.thread_time()
        decoded = decode(codec, **given)
        speed[f"decode_{view}"] = seconds / (time.thread_time() - started)
        save_audio(work.folder / view / name, decoded[0, : len(audio)].numpy(), sample_rate=codec.sample_rate)
    return encoding.codes, speed


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
        "keeps_phase": codec.keeps_phase,
        "parameters": parameter_count(codec),
        "bits_per_second": bits,
        "numbers_per_second": codec.frame_rate * codec.latent_dim,
    }
