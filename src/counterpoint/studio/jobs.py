"""The work of the studio's worker: generate the takes of a job with loaded models, and analyse them."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from counterpoint.recipe import Made, Recipe, read_recipe
from counterpoint.studio import states
from counterpoint.studio.records import new_id
from counterpoint.studio.worker import Message, Task

if TYPE_CHECKING:
    import numpy as np

    from counterpoint.generate import LoadedModel
    from counterpoint.paradigm.watch import Drawing

MODELS_KEPT = 3
"""Number of models that are kept loaded; the least recently used model is unloaded first."""
_EVERY_S = 0.15
"""Shortest interval between two reports of progress."""
_models: OrderedDict[str, LoadedModel] = OrderedDict()
"""Loaded models by name; a worker is a process, so a module variable can hold them."""


def carry_out(
    request: Message, task: Task, *, device: str = "cpu", places: Mapping[str, str] = MappingProxyType({})
) -> Message:
    """Carry out a job; see `worker.CarryOut`.

    Args:
        request: `warm` names models to load in advance, whose speed is reported; or `model`, `recipes` and the folder
            of the `library` describe the takes to generate.
        device: device of the models.
        places: folders of models whose names are not paths.
    """
    for name in request.get("warm", ()):
        task.report({"pace": {name: _pace(_model(places.get(name, name), device=device))}})
    for number, values in enumerate(request.get("recipes", ())):
        task.check()
        model = _model(places.get(request["model"], request["model"]), device=device)
        recipe = read_recipe(values).settled(model)
        _Take(
            task, recipe, model=model, folder=Path(request["library"]), number=number, of=len(request["recipes"])
        ).make()
    return {}


def _model(name: str, *, device: str) -> LoadedModel:
    from counterpoint.generate import load_model

    if name not in _models:
        while len(_models) >= MODELS_KEPT:
            _models.popitem(last=False)
        _models[name] = load_model(name, device=device)
    _models.move_to_end(name)
    return _models[name]


def _pace(model: LoadedModel) -> float:
    """Seconds to generate the first second of music; this also loads all lazily loaded parts in advance."""
    from counterpoint.generate import GenerationRequest, generate

    began = time.perf_counter()
    for _ in generate(GenerationRequest([""], duration_s=1.0, seed=0, sampling=model.how({})), model=model):
        pass
    return time.perf_counter() - began


class _Take:
    """The generation of one take.

    Args:
        task: receives reports of the progress, the sound, the take, and its analysis.
        folder: folder of the library.
        number: number of the take among the `of` takes of the job.
    """

    def __init__(self, task: Task, recipe: Recipe, *, model: LoadedModel, folder: Path, number: int, of: int):
        self.task, self.recipe, self.model, self.folder = task, recipe, model, folder
        self.number, self.of = number, of
        self._reported_at = 0.0
        self._preview = None
        if number == 0 and recipe.is_new:
            from counterpoint.recipe.preview import Preview

            self._preview = Preview(model.codec, self._sound)

    def make(self) -> None:
        """Generate, store and report the take, and analyse it if it has controls."""
        from counterpoint.studio.audio_facts import facts_of

        name, began = f"{new_id()}{self.recipe.suffix}", time.perf_counter()
        out, sounds = self.folder / "scratch" / name, self.folder / "sounds"
        self._report(0.0, now=True)
        made = self.recipe.make(out, model=self.model, folder=sounds, progress=self._share, watch=self._watch)
        took_s = time.perf_counter() - began
        if self._preview is not None:
            self._preview.finish(_audio(out, sample_rate=self.model.codec.sample_rate))
        facts = {**facts_of(out), **self._facts(made), "took_s": round(took_s, 2)}
        part = _part(out, made) if made.controls else None
        self.task.report(
            {"take": {"number": self.number, "recipe": self.recipe.to_json(), "made": name, "facts": facts}}
        )
        if part is not None:
            self._analyze(part, made)

    def _analyze(self, audio: np.ndarray, made: Made) -> None:
        from counterpoint.studio.analysis import analyze_take

        assert made.controls is not None
        self._report(1.0, state=states.LISTENING, now=True)
        loop = self.folder / "sounds" / self.recipe.drums if self.recipe.drums else None
        found = analyze_take(audio, controls=made.controls, loop=loop)
        self.task.report({"heard": {"number": self.number, "heard": found}})

    def _facts(self, made: Made) -> dict[str, Any]:
        seams = None if made.seams is None else {**asdict(made.seams), "score": made.seams.score}
        return {
            "paradigm": self.model.paradigm.config.paradigm,
            "new": [[round(edge, 3) for edge in span] for span in made.new],
            "seams": seams and {name: None if value != value else round(value, 3) for name, value in seams.items()},
            "remarks": _without_paths(made.remarks, self.recipe),
        }

    def _watch(self, drawing: Drawing) -> None:
        self.task.check()
        if self._preview is not None:
            self._preview(drawing)

    def _share(self, done: float, of: float) -> None:
        self._report(done / of)

    def _report(self, share: float, *, state: str = states.DRAWING, now: bool = False) -> None:
        if now or time.monotonic() - self._reported_at > _EVERY_S:
            self._reported_at = time.monotonic()
            self.task.report(
                {"state": state, "share": (self.number + min(share, 1.0)) / self.of, "number": self.number}
            )

    def _sound(self, audio: np.ndarray) -> None:
        """Report new samples of the first take."""
        samples = (audio * 32767).round().astype("<i2").tobytes()
        self.task.report({"sound": samples, "sample_rate": self.model.codec.sample_rate})


def _audio(path: Path, *, sample_rate: int) -> np.ndarray:
    from counterpoint.audio import load_audio

    return load_audio(path, sample_rate=sample_rate)[0]


def _part(path: Path, made: Made) -> np.ndarray:
    """Samples [N], at the rate of the analysis, of the part with controls."""
    from counterpoint.audio import load_audio
    from counterpoint.studio.analysis import SAMPLE_RATE

    start_s, stop_s = made.new[0][0], made.new[-1][1]
    return load_audio(path, sample_rate=SAMPLE_RATE, start_s=start_s, duration_s=stop_s - start_s)[0]


def _without_paths(remarks: Any, recipe: Recipe) -> list[str]:
    """The remarks with each file path replaced by the purpose of the file, since visitors must not see paths."""
    names = {"source": "the music", "melody": "the melody's file", "drums": "the drum loop"}
    plain = []
    for remark in remarks:
        words = [
            next((names[field] for field, name in recipe.files().items() if name in word), word)
            for word in remark.split()
        ]
        plain.append(" ".join(words))
    return plain
