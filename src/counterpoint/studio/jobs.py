"""What the studio's worker does: draw the takes of a job, with the models that it keeps, and listen to them."""

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
from counterpoint.studio.library import new_id
from counterpoint.studio.worker import Message, Task

if TYPE_CHECKING:
    import numpy as np

    from counterpoint.generate import LoadedModel
    from counterpoint.paradigm.watch import Drawing

MODELS_KEPT = 3
"""Models that are kept loaded; the one that was not used for longest makes room."""
_EVERY_S = 0.15
"""Progress is told so often at most."""
_models: OrderedDict[str, LoadedModel] = OrderedDict()
"""By place; a worker is a process, so they are this module's."""


def carry_out(
    asked: Message, task: Task, *, device: str = "cpu", places: Mapping[str, str] = MappingProxyType({})
) -> Message:
    """Do a job; see `worker.CarryOut`.

    Args:
        asked: `warm` names models to load ahead, whose pace is told; or `model`, `recipes` and the folder of the
            `library` say what to do.
        device: of the models.
        places: where models lie whose names do not say it.
    """
    for name in asked.get("warm", ()):
        task.tell({"pace": {name: _pace(_model(places.get(name, name), device=device))}})
    for number, values in enumerate(asked.get("recipes", ())):
        task.check()
        model = _model(places.get(asked["model"], asked["model"]), device=device)
        recipe = read_recipe(values).settled(model)
        _Take(task, recipe, model=model, folder=Path(asked["library"]), number=number, of=len(asked["recipes"])).make()
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
    """Seconds that the first second of music takes; it loads what is loaded late, so that no visitor waits for it."""
    from counterpoint.generate import GenerationRequest, generate

    began = time.perf_counter()
    for _ in generate(GenerationRequest([""], duration_s=1.0, seed=0, sampling=model.how({})), model=model):
        pass
    return time.perf_counter() - began


class _Take:
    """One take in the making.

    Args:
        task: is told how far it is, its sound as it is made, the take, and what is heard in it.
        folder: of the library.
        number: of the take, of the job's `of`.
    """

    def __init__(self, task: Task, recipe: Recipe, *, model: LoadedModel, folder: Path, number: int, of: int):
        self.task, self.recipe, self.model, self.folder = task, recipe, model, folder
        self.number, self.of = number, of
        self._told_at = 0.0
        self._preview = None
        if number == 0 and recipe.is_new:
            from counterpoint.recipe.preview import Preview

            self._preview = Preview(model.codec, self._sound)

    def make(self) -> None:
        """Draw it, write it, tell of it, and listen where it was steered."""
        from counterpoint.studio.facts import facts_of

        name, began = f"{new_id()}{self.recipe.suffix}", time.perf_counter()
        out, sounds = self.folder / "scratch" / name, self.folder / "sounds"
        self._tell(0.0, now=True)
        made = self.recipe.make(out, model=self.model, folder=sounds, progress=self._share, watch=self._watch)
        took_s = time.perf_counter() - began
        if self._preview is not None:
            self._preview.finish(_audio(out, sample_rate=self.model.codec.sample_rate))
        facts = {**facts_of(out), **self._said(made), "took_s": round(took_s, 2)}
        heard = _part(out, made) if made.asked else None
        self.task.tell({"take": {"number": self.number, "recipe": self.recipe.to_json(), "made": name, "facts": facts}})
        if heard is not None:
            self._listen(heard, made)

    def _listen(self, audio: np.ndarray, made: Made) -> None:
        from counterpoint.studio.hearing import hear

        assert made.asked is not None
        self._tell(1.0, state=states.LISTENING, now=True)
        loop = self.folder / "sounds" / self.recipe.drums if self.recipe.drums else None
        found = hear(audio, asked=made.asked, loop=loop)
        self.task.tell({"heard": {"number": self.number, "heard": found}})

    def _said(self, made: Made) -> dict[str, Any]:
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
        self._tell(done / of)

    def _tell(self, share: float, *, state: str = states.DRAWING, now: bool = False) -> None:
        if now or time.monotonic() - self._told_at > _EVERY_S:
            self._told_at = time.monotonic()
            self.task.tell({"state": state, "share": (self.number + min(share, 1.0)) / self.of, "number": self.number})

    def _sound(self, audio: np.ndarray) -> None:
        """Of the first take, as it is made."""
        samples = (audio * 32767).round().astype("<i2").tobytes()
        self.task.tell({"sound": samples, "sample_rate": self.model.codec.sample_rate})


def _audio(path: Path, *, sample_rate: int) -> np.ndarray:
    from counterpoint.audio import load_audio

    return load_audio(path, sample_rate=sample_rate)[0]


def _part(path: Path, made: Made) -> np.ndarray:
    """[N] at the listener's rate, of the part in which something was asked."""
    from counterpoint.audio import load_audio
    from counterpoint.studio.hearing import SAMPLE_RATE

    start_s, stop_s = made.new[0][0], made.new[-1][1]
    return load_audio(path, sample_rate=SAMPLE_RATE, start_s=start_s, duration_s=stop_s - start_s)[0]


def _without_paths(remarks: Any, recipe: Recipe) -> list[str]:
    """Remarks name files by what they are for: where they lie is no business of whoever looks at the page."""
    names = {"source": "the music", "melody": "the melody's file", "drums": "the drum loop"}
    said = []
    for remark in remarks:
        words = [
            next((names[field] for field, name in recipe.files().items() if name in word), word)
            for word in remark.split()
        ]
        said.append(" ".join(words))
    return said
