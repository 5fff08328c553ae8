"""Trained models: music from captions, and new music in place of a span.

Shapes: C channels, N audio samples.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from counterpoint import generate, inpaint
from counterpoint.audio import Sound, SoundLike
from counterpoint.config import InpaintingMethod
from counterpoint.generate import AudioGeneration, ControlSources, GenerationRequest, LoadedModel

if TYPE_CHECKING:
    from counterpoint.metrics import Seams

Progress = Callable[[float, float], None]
"""Called with (done, total), also within an item, which then counts in part."""
Chords: TypeAlias = "str | os.PathLike[str] | Sequence[tuple[float, str]]"
"""A chart such as `C:0 Am:2 F:4 G:6`, a file that holds one, or its (start in seconds, label) pairs."""


@dataclass(frozen=True, eq=False, repr=False)
class Inpainted(Sound):
    """Music with filled-in spans; outside them and their crossfades every sample is unchanged.

    Attributes:
        audio: [C, N] float32, with the length and channels of the music. The new music is the same in each channel,
            except for its level.
        sample_rate: sample rate of the music in Hz.
        caption: the caption.
        seed: reproduces the take.
        method: the method that was used.
        seams: how well the spans join their context.
    """

    caption: str
    seed: int
    method: InpaintingMethod
    seams: Seams

    def _title(self) -> str:
        return f"{self.caption or 'no caption'}, seed {self.seed}"


class Model:
    """A trained model with its codec; see `load_model`.

    >>> import counterpoint as cp
    >>> model = cp.load_model("pocket_autoregressive")
    >>> model
    Model('pocket_autoregressive', autoregressive)
    >>> model.controls
    ('chords', 'melody', 'drums')
    """

    def __init__(self, loaded: LoadedModel):
        self.loaded = loaded

    @property
    def name(self) -> str:
        """The name from which it was loaded."""
        return self.loaded.source

    @property
    def paradigm(self) -> str:
        """The name of its paradigm."""
        return self.loaded.paradigm.config.paradigm

    @property
    def device(self) -> str:
        """The device of the model."""
        return str(self.loaded.codec.device)

    @property
    def controls(self) -> tuple[str, ...]:
        """Its controls besides the caption: among `chords`, `melody` and `drums`."""
        return tuple(self.loaded.paradigm.config.controls)

    @property
    def inpainting_methods(self) -> tuple[str, ...]:
        """Its methods of inpainting, the best first; empty if it cannot inpaint."""
        return self.loaded.paradigm.inpainting_methods()

    @property
    def sample_rate(self) -> int:
        """Sample rate of its output in Hz."""
        return self.loaded.codec.sample_rate

    @property
    def window_s(self) -> float:
        """The longest music in its training, in seconds; longer music is drawn in windows of that length."""
        return self.loaded.window_s

    def generate(
        self,
        captions: str | Sequence[str] = "",
        *,
        duration_s: float = 10.0,
        num: int = 1,
        seed: int = 0,
        chords: Chords | None = None,
        melody: SoundLike | None = None,
        drums: SoundLike | None = None,
        batch_size: int = generate.BATCH_SIZE,
        progress: Progress | None = None,
        **sampling: Any,
    ) -> list[AudioGeneration]:
        """Draw `num` clips of each caption; clip i has the seed `seed + i`, which alone determines it.

        >>> import counterpoint as cp
        >>> model = cp.load_model("pocket_flow_matching")
        >>> clip, = model.generate("calm piano", duration_s=1.0, chords="C:0 Am:0.5", steps=4, seed=7)
        >>> clip.audio.shape, clip.sample_rate, clip.seed
        ((1, 32000), 32000, 7)
        >>> clip.save("piano.wav")
        PosixPath('piano.wav')

        Args:
            captions: one or several; an empty one requests unconditional music.
            duration_s: length of every clip.
            num: number of clips per caption.
            chords: the chords with their times; see `Chords`.
            melody: a melody to follow: a MIDI file, or audio from which it is extracted.
            drums: audio of a drum loop to follow.
            batch_size: greatest number of clips at once, fewer if memory is short.
            progress: called with (clips done, total clips).
            sampling: settings of the model's paradigm by name, such as `guidance`, `temperature`, `steps` or `top_k`;
                by default those that were chosen for the model.

        Returns:
            The clips in order. `AudioGeneration.remarks` lists changes to the controls.

        Raises:
            UserError: the model does not support a control or setting, or an input cannot be read or drawn.
        """
        texts = [captions] if isinstance(captions, str) else list(captions)
        request = GenerationRequest(
            generate.repeated(texts, num=num),
            duration_s=duration_s,
            seed=seed,
            controls=ControlSources(chords=_chart(chords), melody=_source(melody), drums=_source(drums)),
            sampling=self.loaded.how(sampling, refuse_idle=True),
            batch_size=batch_size,
        )
        return list(generate.generate(request, model=self.loaded, progress=progress))

    def inpaint(
        self,
        audio: SoundLike,
        *,
        spans: Sequence[tuple[float, float]],
        caption: str = "",
        num: int = 1,
        seed: int = 0,
        method: str | None = None,
        crossfade_s: float = inpaint.CROSSFADE_S,
        progress: Progress | None = None,
        **sampling: Any,
    ) -> list[Inpainted]:
        """Replace spans of music by new music that fits its context.

        >>> import counterpoint as cp
        >>> import numpy as np
        >>> model = cp.load_model("pocket_flow_matching")
        >>> tone = np.sin(2 * np.pi * 220 * np.arange(4 * 32000) / 32000)
        >>> take, = model.inpaint((0.3 * tone, 32000), spans=[(1.5, 2.0)], caption="flute", steps=2)
        >>> take.audio.shape, take.method
        ((1, 128000), 'supervised')

        Args:
            audio: music of any length, sample rate and number of channels.
            spans: start and stop of each span in seconds.
            caption: a description of the music.
            num: number of takes; take i has the seed `seed + i`.
            method: one of `inpainting_methods`; by default the first.
            crossfade_s: crossfade on each side of a span.
            progress: called with (fills done, total fills), a fill being a span of a take.
            sampling: settings of the model's paradigm by name, as for `generate`.

        Returns:
            The takes, the one with the best seams first.

        Raises:
            UserError: a span, the music or the method is unsuitable.
        """
        request = inpaint.InpaintingRequest(
            spans,
            prompt=caption,
            method=method,
            num=num,
            seed=seed,
            sampling=self.loaded.how(sampling, otherwise=inpaint.SAMPLING, refuse_idle=True),
            crossfade_s=crossfade_s,
        )
        return self._filled(Sound.of(audio), request, progress=progress)

    def lengthen(
        self,
        audio: SoundLike,
        *,
        duration_s: float = 10.0,
        side: inpaint.Side = "end",
        caption: str = "",
        num: int = 1,
        seed: int = 0,
        progress: Progress | None = None,
        **sampling: Any,
    ) -> list[Inpainted]:
        """Continue music, or draw a lead-in to it.

        >>> import counterpoint as cp
        >>> import numpy as np
        >>> model = cp.load_model("pocket_flow_matching")
        >>> tone = np.sin(2 * np.pi * 220 * np.arange(3 * 32000) / 32000)
        >>> longer, = model.lengthen((0.3 * tone, 32000), duration_s=0.5, caption="flute", steps=2)
        >>> longer.duration_s
        3.5

        Args:
            audio: music of any length, sample rate and number of channels.
            duration_s: duration of the addition in seconds.
            side: `end` to continue the music, `start` for a lead-in, which has the length of a window at most.
            caption: what the music should sound like.
            num: takes; take i has the seed `seed + i`.
            seed: the same seed gives the same takes.
            progress: called with (fills done, fills in all).
            sampling: settings of the model's paradigm by name, as for `generate`.

        Returns:
            The takes, the one with the best seams first.

        Raises:
            UserError: the duration or the music is invalid.
        """
        music = Sound.of(audio)
        room, spans = inpaint.plan_extension(
            inpaint.Held(music), duration_s=duration_s, side=side, window_s=self.window_s
        )
        request = inpaint.InpaintingRequest(
            spans,
            prompt=caption,
            num=num,
            seed=seed,
            sampling=self.loaded.how(sampling, otherwise=inpaint.SAMPLING),
        )
        around = (room, 0) if side == "start" else (0, room)
        padded = Sound(np.pad(music.audio, ((0, 0), around)), music.sample_rate)
        return self._filled(padded, request, progress=progress)

    def _filled(
        self, sound: Sound, request: inpaint.InpaintingRequest, *, progress: Progress | None
    ) -> list[Inpainted]:
        """The takes of a request, the best first."""
        music = inpaint.Held(sound)
        done = inpaint.fill_in(music, request, model=self.loaded, progress=progress)
        return [
            Inpainted(
                music.read(0, music.frames, patches=take.patches).T,
                music.sample_rate,
                caption=request.prompt,
                seed=take.seed,
                method=done.method,
                seams=take.seams,
            )
            for take in done.takes
        ]

    def __repr__(self) -> str:
        return f"Model({self.name!r}, {self.paradigm})"


def load_model(
    model: str | os.PathLike[str], *, device: str = "auto", precision: str | None = None, compiled: bool = False
) -> Model:
    """Load a model and its codec, laid out to draw fast.

    >>> import counterpoint as cp
    >>> cp.load_model("pocket_ar")
    Traceback (most recent call last):
    ...
    counterpoint.config.errors.UserError: There is no run folder at pocket_ar (did you mean 'pocket_autoregressive'?)...

    Args:
        model: the name of a model of the package (see `counterpoint.models`), a run folder, its name below `runs`, or a
            MusicGen checkpoint: a folder or a hub id.
        device: `cpu`, `cuda`, `cuda:1` or `mps`; by default a GPU if there is one, see `Model.device`.
        precision: precision of the stored weights: fp32 (the default), fp16 or int8 on a CPU, bf16 (the default), fp16
            or fp32 on a CUDA GPU, fp32 (the default) or fp16 on an Apple one.
        compiled: whether to compile the network, which takes a minute and pays off for many clips.

    Raises:
        UserError: there is no such model or device, or the model is damaged or does not support the precision.
    """
    return Model(generate.load_model(os.fspath(model), device=device, precision=precision, compiled=compiled))


def _chart(chords: Chords | None) -> str | None:
    if chords is None or isinstance(chords, str | os.PathLike):
        return None if chords is None else os.fspath(chords)
    return " ".join(f"{label}:{float(start_s)!r}" for start_s, label in chords)


def _source(source: SoundLike | None) -> Path | Sound | None:
    """A path is kept as it is, for MIDI files and for audio that is read in part."""
    if source is None:
        return None
    return Path(source) if isinstance(source, str | os.PathLike) else Sound.of(source)
