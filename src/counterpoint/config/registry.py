"""The one extension mechanism: registries of entries by name, built in or from other packages.

Each registry is a group of entry points. Another package adds an entry by a line in its own pyproject.toml, and
the built-in entries are listed in `BUILT_IN` in the same form. So a new paradigm, codec, family of metrics, solver or
kind of study is one new file and one line, here or there:

    [project.entry-points."counterpoint.paradigms"]
    masked = "my_package.masked:ENTRY"

Names can be listed without importing their objects. Imports no torch.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from counterpoint.config.errors import UserError
from counterpoint.config.nearest import did_you_mean

T = TypeVar("T")

BUILT_IN: Mapping[str, Mapping[str, str]] = {
    "counterpoint.paradigms": {
        "autoregressive": "counterpoint.paradigm.entries:AUTOREGRESSIVE",
        "flow_matching": "counterpoint.paradigm.entries:FLOW_MATCHING",
    },
    "counterpoint.codecs": {
        "encodec": "counterpoint.config.codec_formats:ENCODEC",
        "AutoencoderOobleck": "counterpoint.config.codec_formats:VAE",
        "musicgen": "counterpoint.config.codec_formats:MUSICGEN",
        "counterpoint-spectrogram": "counterpoint.config.codec_formats:SPECTROGRAM",
    },
    "counterpoint.metrics": {
        name: f"counterpoint.metrics.families:{name}"
        for name in ("vggish", "clap", "audiobox", "vggish_fadtk", "musicnn", "facts", "signals")
    },
    "counterpoint.studies": {
        "codecs": "counterpoint.study.kinds.codecs:CodecStudy",
        "controls": "counterpoint.study.kinds.controls:ControlStudy",
        "dataset": "counterpoint.study.kinds.dataset:DatasetStudy",
        "entropy": "counterpoint.study.kinds.controls:EntropyStudy",
        "grid": "counterpoint.study.kinds.grid:GridStudy",
        "inpainting": "counterpoint.study.kinds.inpainting:InpaintingStudy",
        "samplers": "counterpoint.study.kinds.samplers:SamplerStudy",
        "search": "counterpoint.study.kinds.search:SearchStudy",
        "speed": "counterpoint.study.kinds.speed:SpeedStudy",
    },
    "counterpoint.engines": {
        "local": "counterpoint.study.engines.registry:local_engine",
        "ray": "counterpoint.study.engines.ray_cluster:ray_engine",
        "slurm": "counterpoint.study.engines.slurm:slurm_engine",
    },
    "counterpoint.solvers": {
        "euler": "counterpoint.paradigm.solvers:EULER",
        "midpoint": "counterpoint.paradigm.solvers:MIDPOINT",
        "heun": "counterpoint.paradigm.solvers:HEUN",
        "adams": "counterpoint.paradigm.solvers:ADAMS",
        "dopri5": "counterpoint.paradigm.solvers:DOPRI5",
    },
}
"""By group, the names that come with the package and the object of each, MODULE:ATTRIBUTE; in the order in which
tables and reports show them."""


class Registry(Generic[T]):
    """The entries of one group: `registry[name]`, `name in registry`, iteration over names, built-in ones first.

    Args:
        group: of entry points; a key of `BUILT_IN`.
        noun: the name of one entry in messages.
        kind: the class that each must be an instance of; None accepts anything, such as functions.
    """

    def __init__(self, group: str, *, noun: str, kind: type[T] | None = None):
        self.group, self.noun, self._kind = group, noun, kind

    def __iter__(self) -> Iterator[str]:
        return iter(_found(self.group, tuple(sys.path)))

    def __contains__(self, name: object) -> bool:
        return name in tuple(self)

    def __getitem__(self, name: str) -> T:
        """The entry of that name, imported when first used.

        Raises:
            UserError: no entry has that name, or its package cannot be imported.
        """
        self.check(name)
        return self._checked(name, _loaded(_found(self.group, tuple(sys.path))[name]))

    def values(self) -> Iterator[T]:
        """All of them, imported."""
        return (self[name] for name in self)

    def check(self, name: str) -> str:
        """`name` itself.

        Raises:
            UserError: no entry has that name; the message lists the names.
        """
        names = tuple(self)
        if name not in names:
            raise UserError(
                f"There is no {self.noun} {name!r}{did_you_mean(name, names)}; the installed ones are "
                f"{', '.join(names)}."
            )
        return name

    def _checked(self, name: str, thing: Any) -> T:
        if self._kind is not None and not isinstance(thing, self._kind):
            raise UserError(
                f"The {self.noun} {name!r} must be a {self._kind.__name__} and is a {type(thing).__name__}: "
                f"ask the authors of the package that registers it in {self.group}."
            )
        return thing


@cache
def _found(group: str, path: tuple[str, ...]) -> Mapping[str, EntryPoint]:
    """By name, for one state of `sys.path`: reading the metadata of every installed package takes milliseconds.

    Raises:
        UserError: two entries have the same name.
    """
    found = {name: EntryPoint(name, value, group) for name, value in BUILT_IN[group].items()}
    for point in entry_points(group=group):
        if point.name in found and found[point.name].value != point.value:
            raise UserError(
                f"Two packages register {point.name!r} in {group}, {found[point.name].value} and {point.value}: "
                "uninstall one of them."
            )
        found.setdefault(point.name, point)
    return found


def load_object(place: str) -> Any:
    """The object at MODULE:ATTRIBUTE, imported now."""
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute)


def _loaded(point: EntryPoint) -> Any:
    if point.dist is None:  # built in: an error here is a bug and keeps its traceback
        return load_object(point.value)
    try:
        return point.load()
    except Exception as error:
        raise UserError(
            f"The package {point.dist.name}, which provides {point.name!r} for {point.group}, cannot be imported "
            f"({error}): update or uninstall it."
        ) from error
