"""Counterpoint: text-to-music generation, auto-regressive and flow matching compared on equal terms.

    import counterpoint as cp

    model = cp.load_model("pocket_autoregressive")
    clips = model.generate("calm piano", duration_s=8, chords="C:0 Am:2 F:4 G:6", num=2)
    clips[0].save("piano.wav")

Every verb of the command line has an equivalent here. Importing this package imports nothing else: each name is
imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterpoint import package
from counterpoint.lazy import lazily

if TYPE_CHECKING:
    from counterpoint.api.codec import LoadedCodec, load_codec
    from counterpoint.api.configuration import explain_config
    from counterpoint.api.listening import ListeningTest, make_listening_test
    from counterpoint.api.model import Inpainted, Model, load_model
    from counterpoint.api.music import analyze, evaluate
    from counterpoint.api.study import StudyResults, load_results, plan_study, report_studies, run_study, study_status
    from counterpoint.api.training import export_model, train_codec, train_model
    from counterpoint.audio import Sound
    from counterpoint.bench.run import run_bench as measure_speed
    from counterpoint.compose import compose as compose_dataset
    from counterpoint.config.errors import UserError
    from counterpoint.config.workers import Workers
    from counterpoint.doctor import examine_machine
    from counterpoint.encode import encode_dataset
    from counterpoint.extract import extract_controls
    from counterpoint.follow import FollowConfig
    from counterpoint.follow import follow as measure_following
    from counterpoint.generate import AudioGeneration
    from counterpoint.ingest import ingest as ingest_dataset
    from counterpoint.listen.stimuli import write_stimuli
    from counterpoint.metrics.checkpoints import get as fetch_judge
    from counterpoint.metrics.checkpoints import statuses as judges
    from counterpoint.runs.codecs import list_codecs as codecs
    from counterpoint.runs.models import list_models as models
    from counterpoint.study.catalog import catalog as studies
    from counterpoint.study.engines.registry import Where
    from counterpoint.study.samples import write_samples

__version__ = package.VERSION

__all__ = [
    "AudioGeneration",
    "FollowConfig",
    "Inpainted",
    "ListeningTest",
    "LoadedCodec",
    "Model",
    "Sound",
    "StudyResults",
    "UserError",
    "Where",
    "Workers",
    "analyze",
    "codecs",
    "compose_dataset",
    "encode_dataset",
    "evaluate",
    "examine_machine",
    "explain_config",
    "export_model",
    "extract_controls",
    "fetch_judge",
    "ingest_dataset",
    "judges",
    "load_codec",
    "load_model",
    "load_results",
    "make_listening_test",
    "measure_following",
    "measure_speed",
    "models",
    "plan_study",
    "report_studies",
    "run_study",
    "studies",
    "study_status",
    "train_codec",
    "train_model",
    "write_samples",
    "write_stimuli",
]

__getattr__ = lazily(
    __name__,
    {
        "AudioGeneration": "generate",
        "FollowConfig": "follow",
        "Inpainted": "api.model",
        "ListeningTest": "api.listening",
        "LoadedCodec": "api.codec",
        "Model": "api.model",
        "Sound": "audio",
        "StudyResults": "api.study",
        "UserError": "config.errors",
        "Where": "study.engines.registry",
        "Workers": "config.workers",
        "analyze": "api.music",
        "codecs": "runs.codecs:list_codecs",
        "compose_dataset": "compose:compose",
        "encode_dataset": "encode",
        "evaluate": "api.music",
        "examine_machine": "doctor",
        "explain_config": "api.configuration",
        "export_model": "api.training",
        "extract_controls": "extract",
        "fetch_judge": "metrics.checkpoints:get",
        "ingest_dataset": "ingest:ingest",
        "judges": "metrics.checkpoints:statuses",
        "load_codec": "api.codec",
        "load_model": "api.model",
        "load_results": "api.study",
        "make_listening_test": "api.listening",
        "measure_following": "follow:follow",
        "measure_speed": "bench.run:run_bench",
        "models": "runs.models:list_models",
        "plan_study": "api.study",
        "report_studies": "api.study",
        "run_study": "api.study",
        "studies": "study.catalog:catalog",
        "study_status": "api.study",
        "train_codec": "api.training",
        "train_model": "api.training",
        "write_samples": "study.samples",
        "write_stimuli": "listen.stimuli",
    },
)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
