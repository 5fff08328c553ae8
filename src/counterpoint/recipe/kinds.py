"""The kinds of recipes (new music, filled-in spans, continued music), and the reader of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, cast

from pydantic import Field

from counterpoint.audio.files import WRITABLE
from counterpoint.config import UserError, parse, read_json
from counterpoint.config.base import Seconds
from counterpoint.config.documents import quoted
from counterpoint.config.nearest import did_you_mean
from counterpoint.recipe.recipe import Made, Recipe

if TYPE_CHECKING:
    from counterpoint.config import SamplingConfig
    from counterpoint.generate import LoadedModel
    from counterpoint.generate.outputs import Progress
    from counterpoint.inpaint.files import Source
    from counterpoint.inpaint.lengthen import Extended, Side
    from counterpoint.inpaint.spans import Span
    from counterpoint.paradigm.watch import Watch

_LARGEST_BYTES = 1 << 20


class GenerateRecipe(Recipe):
    """New music."""

    noun: ClassVar[str] = "new music"
    is_new: ClassVar[bool] = True

    kind: Literal["generate"] = "generate"
    duration_s: Seconds = 10.0

    def make(
        self,
        out: Path,
        *,
        model: LoadedModel,
        folder: Path,
        progress: Progress | None = None,
        watch: Watch | None = None,
    ) -> Made:
        """Draw the clip; see `Recipe.make`."""
        from counterpoint.generate import GenerationRequest, generate
        from counterpoint.generate.request import resolve

        request = resolve(
            GenerationRequest(
                [self.caption],
                duration_s=self.duration_s,
                seed=self.seed,
                controls=self.controls(folder),
                sampling=self.how(model),
            ),
            model=model,
        )
        (clip,) = generate(request, model=model, progress=progress, watch=watch)
        clip.save(out)
        return Made(
            clip.duration_s, [(0.0, clip.duration_s)], controls=request.requested_controls, remarks=clip.remarks
        )


class _EditRecipe(Recipe):
    """The common part of recipes that edit a file."""

    source: str
    """The name of the file that is edited."""
    method: str | None = None
    """One of the model's methods of inpainting; by default the first."""
    crossfade_s: Annotated[float, Field(ge=0, le=10)] = 0.05
    """Crossfade on each side of the new music, in seconds."""

    @property
    def suffix(self) -> str:
        """The suffix of the source if it can be written here, so that its other content is kept."""
        own = Path(self.source).suffix.lower()
        return own if own in WRITABLE else ".wav"

    def how(self, model: LoadedModel) -> SamplingConfig:
        """The sampling settings; see `Recipe.how`."""
        from counterpoint.inpaint import SAMPLING

        return model.how(self.sampling, otherwise=SAMPLING)

    def _fill(
        self,
        out: Path,
        *,
        music: Source | Extended,
        spans: list[Span],
        model: LoadedModel,
        folder: Path,
        progress: Progress | None,
        watch: Watch | None,
    ) -> Made:
        from counterpoint.inpaint import InpaintingRequest, fill_in

        music.check_out(out)
        request = InpaintingRequest(
            spans,
            prompt=self.caption,
            method=self.method,
            seed=self.seed,
            controls=self.controls(folder),
            sampling=self.how(model),
            crossfade_s=self.crossfade_s,
        )
        done = fill_in(music, request, model=model, progress=progress, watch=watch)
        music.write(out, patches=done.takes[0].patches)
        return Made(
            done.audio_s,
            spans,
            controls=done.controls,
            seams=done.takes[0].seams,
            remarks=done.controls.remarks if done.controls else (),
        )


class InpaintRecipe(_EditRecipe):
    """A file with spans to fill in."""

    noun: ClassVar[str] = "filled-in music"

    kind: Literal["inpaint"] = "inpaint"
    spans: Annotated[list[tuple[float, float]], Field(min_length=1, max_length=50)]
    """Start and stop of each span in seconds; controls begin with the first span."""

    def make(
        self,
        out: Path,
        *,
        model: LoadedModel,
        folder: Path,
        progress: Progress | None = None,
        watch: Watch | None = None,
    ) -> Made:
        """Fill in the spans; see `Recipe.make`."""
        from counterpoint.inpaint.files import Source

        music = Source.open(folder / self.source)
        return self._fill(
            out, music=music, spans=self.spans, model=model, folder=folder, progress=progress, watch=watch
        )


class ContinueRecipe(_EditRecipe):
    """A file that is extended at its end or before its start."""

    noun: ClassVar[str] = "continued music"

    kind: Literal["continue"] = "continue"
    duration_s: Seconds = 5.0
    """Length of the added music in seconds."""
    side: Literal["end", "start"] = "end"

    def make(
        self,
        out: Path,
        *,
        model: LoadedModel,
        folder: Path,
        progress: Progress | None = None,
        watch: Watch | None = None,
    ) -> Made:
        """Extend the file; see `Recipe.make`."""
        from counterpoint.inpaint.files import Source
        from counterpoint.inpaint.lengthen import extend

        source = Source.open(folder / self.source)
        side = cast("Side", self.side)
        music, spans = extend(source, duration_s=self.duration_s, side=side, window_s=model.window_s)
        return self._fill(out, music=music, spans=spans, model=model, folder=folder, progress=progress, watch=watch)


KINDS: dict[str, type[Recipe]] = {"generate": GenerateRecipe, "inpaint": InpaintRecipe, "continue": ContinueRecipe}


def read_recipe(values: Path | Mapping[str, Any]) -> Recipe:
    """Read a recipe from a JSON file or from its values.

    Raises:
        UserError: it cannot be read, is of an unknown kind, or has an invalid value.
    """
    source = str(values) if isinstance(values, Path) else "The request"
    if isinstance(values, Path):
        values = read_json(values, what="request", most_bytes=_LARGEST_BYTES)
    kind = values.get("kind") if isinstance(values, Mapping) else None
    if not isinstance(values, Mapping) or not isinstance(kind, str) or kind not in KINDS:
        raise UserError(
            f"{source} has the unknown kind {quoted(kind)}{did_you_mean(str(kind), KINDS)}; the kinds are "
            f"{', '.join(KINDS)}."
        )
    return parse(dict(values), KINDS[kind], source=source)
