"""Clips of a model without a network."""

from __future__ import annotations

from counterpoint.audio import frames
from counterpoint.bench.workload import Workload
from counterpoint.config import ModelConfig, pick_sampling
from counterpoint.data import open_encoded
from counterpoint.examine import fit
from counterpoint.generate.model import LoadedModel
from counterpoint.paradigm import PARADIGMS
from counterpoint.paradigm.trivial import build_trivial
from counterpoint.study.loading import codec_of
from counterpoint.study.step_inputs import latents_of
from counterpoint.study.steps.generate import answer
from counterpoint.study.work import Step, Work, computes
from counterpoint.study.workload import handled


def _decoded(step: Step) -> Workload:
    """The work: only decoding, because drawing without a network takes no time."""
    return Workload(music=[handled(step, "decoded", codec=step.setting("codec")["codec"])])


@computes("generate_trivial", version=1, workload=_decoded)
def generate_trivial(work: Work) -> None:
    """Answer every prompt with a trivial predictor that is fitted on the training split of the input `data`, in the
    latents of the input `encode`. It ignores captions.

    The configuration contains the `model` with which it is compared, the `predictor` of its paradigm, the `codec` and
    the length of training segments (`segment_s`).
    """
    config: ModelConfig = work.config["model"]
    encoded = open_encoded(work.inputs["data"], codec=latents_of(work).fingerprint)
    named = {entry.name: entry for entry in PARADIGMS[config.paradigm].trivial}
    predictor = build_trivial(named[work.config["predictor"]], config, encoded.spec)
    fit([predictor], encoded=encoded, segment=frames(work.config["segment_s"], frame_rate=encoded.spec.frame_rate))
    codec = codec_of(work.config["codec"], device=work.device)
    model = LoadedModel(predictor.to(work.device), codec, work.config["segment_s"], work.config["predictor"])
    answer(work, model, pick_sampling(config.paradigm, {"guidance": 1.0}))
