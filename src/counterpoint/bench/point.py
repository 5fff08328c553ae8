"""One point of a sweep: the clips, the engine and the device."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from counterpoint.bench.machine import Device
from counterpoint.config import BACKBONES, BackboneConfig, LatentSpec, ModelConfig, SamplingConfig, pick_sampling
from counterpoint.config.base import Seconds
from counterpoint.config.schema import Config, NamedBackbone, ParadigmName, Positive
from counterpoint.kernels import Precision
from counterpoint.paradigm import PARADIGMS, ParadigmEntry
from counterpoint.paradigm.cost import TEXT_TOKENS, CostModel, Job

PAPER_LATENT = LatentSpec(
    codec="encodec", sample_rate=32_000, frame_rate=50, num_codebooks=4, codebook_size=2048, latent_dim=128
)
"""The latents of the paper's EnCodec at 50 Hz, on which speed depends."""
Engine = Literal["fast", "compiled", "reference"]
_BYTES: dict[Precision, int] = {"fp32": 4, "fp16": 2, "bf16": 2, "int8": 1}


class Point(Config):
    """A batch of clips to be drawn and timed, from prompt to latents, without the codec."""

    paradigm: ParadigmName
    engine: Engine = "fast"
    """`fast`: `Paradigm.sample`; `compiled`: the same, compiled if the paradigm supports it; `reference`: a plain loop
    like the paper's."""
    backbone: NamedBackbone = BACKBONES["musicgen-small"]
    batch: Positive = 1
    duration_s: Seconds = 10.0
    solver: str = "euler"
    """The solver, for a paradigm that has one."""
    steps: Positive = 50
    """The number of steps of that solver."""
    device: Device = "cpu"
    dtype: Precision = "fp32"
    captioned: bool = True
    """Whether captions and guidance are used; without them there is no cross-attention either."""
    greedy: bool = False
    """Auto-regressive: whether to take the likeliest token instead of drawing one of the 250 likeliest."""

    @model_validator(mode="after")
    def _exists(self) -> Point:
        if self.engine == "reference" and self.device == "cpu" and self.dtype != "fp32":
            raise ValueError("the reference engine computes in fp32 on a CPU")
        if self.device == "cuda" and self.dtype == "int8":
            raise ValueError("int8 is for CPUs; a GPU computes in bf16, fp16 or fp32")
        return self

    @property
    def label(self) -> str:
        """`AR`, `FM-50`, `FM-dopri5`."""
        return "-".join(part for part in (self.entry.short, self.sampling.brief) if part)

    @property
    def entry(self) -> ParadigmEntry:
        """The registry entry of the paradigm."""
        return PARADIGMS[self.paradigm]

    @property
    def cost(self) -> CostModel:
        """The cost model of the paradigm."""
        return self.entry.cost

    @property
    def frames(self) -> int:
        return max(1, round(self.duration_s * PAPER_LATENT.frame_rate))

    @property
    def model(self) -> ModelConfig:
        """The configuration with positions for all frames, rounded up, so that durations share a model."""
        steps = self.frames + PAPER_LATENT.num_codebooks
        positions = max(self.backbone.max_positions, 1 << (steps - 1).bit_length())
        backbone = BackboneConfig.model_validate({**self.backbone.model_dump(), "max_positions": positions})
        return ModelConfig(paradigm=self.paradigm, backbone=backbone)

    @property
    def job(self) -> Job:
        """The work of the fast engine, whichever engine is timed.

        On a CPU arithmetic is in float32, but a paradigm with caches keeps them in half precision beside smaller
        weights.
        """
        halves = self.device == "cuda" or self.cost.sequential
        return Job(
            batch=self.batch,
            frames=self.frames,
            guided=self.captioned,
            text_tokens=TEXT_TOKENS if self.captioned else 0,
            weight_bytes=_BYTES[self.dtype],
            state_bytes=2 if halves and self.dtype != "fp32" else 4,
        )

    @property
    def sampling(self) -> SamplingConfig:
        """The settings of the point that its paradigm has."""
        values = {
            "guidance": 3.0 if self.captioned else 1.0,
            "temperature": 0.0 if self.greedy else 1.0,
            "solver": self.solver,
            "steps": self.steps,
        }
        return pick_sampling(self.paradigm, values)
