"""The studio as one object: what it keeps, whose turn it is, and who draws."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from counterpoint.config import UserError
from counterpoint.studio import jobs, reading
from counterpoint.studio.asking import Ask, recipes_of, with_seed
from counterpoint.studio.comparing import Comparison, free_name, write_systems
from counterpoint.studio.events import Events
from counterpoint.studio.library import DEFAULT_LIMIT_GB, TESTS, Library, new_id
from counterpoint.studio.queue import Queue
from counterpoint.studio.settings import default_models, find_models, shown_models
from counterpoint.studio.worker import CancelledError, CarryOut, TaskError, Worker

_TEST_S = 300.0
"""A listening test must be made within this time."""
_READING_S = 90.0
"""A file that is given must be read within this time."""
SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "music": (".wav", ".flac", ".mp3", ".ogg", ".opus", ".aiff", ".aif"),
    "melody": (*reading.MIDI_SUFFIXES, ".wav", ".flac", ".mp3", ".ogg"),
    "drums": (".wav", ".flac", ".mp3", ".ogg", ".aiff", ".aif"),
}
"""Of files that may be given, by what they are for."""


class Studio:
    """Everything below the pages.

    Args:
        folder: in which everything is kept.
        models: names, as `--model` takes them; by default those that ship.
        device: that they draw on.
        limit_gb: of sound that is kept.
        tester: makes listening tests, in a process of its own; None where there are none.
    """

    def __init__(
        self,
        folder: Path,
        *,
        models: Sequence[str] = (),
        device: str = "cpu",
        limit_gb: float = DEFAULT_LIMIT_GB,
        tester: CarryOut | None = None,
    ):
        self.folder, self._tester = folder, tester
        places = find_models(models or default_models())
        self.models = {model["name"]: model for model in shown_models(places)}
        folder.mkdir(parents=True, exist_ok=True)
        self.library = Library(folder, limit_gb=limit_gb)
        self.events = Events()
        self.drawer = Worker(partial(jobs.carry_out, device=device, places=places))
        self.reader = Worker(reading.carry_out, limit_s=_READING_S)
        self.queue = Queue(self.library, self.drawer, self.events)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Its processes live while the block does; models are loaded ahead."""
        warm = threading.Thread(target=self._warm, name="studio-warm", daemon=True)
        warm.start()
        self.queue.start()
        try:
            yield
        finally:
            self.queue.close()
            self.reader.close()
            self.library.close()

    def _warm(self) -> None:
        with contextlib.suppress(CancelledError, TaskError):  # whoever asks next will be told what is wrong
            warm = {"warm": list(self.models)[: jobs.MODELS_KEPT]}
            self.drawer.run(warm, told=lambda told: self.queue.pace.update(told["pace"]))
        with contextlib.suppress(CancelledError, TaskError):
            self.reader.run({"read": "warm"})

    def read(self, **asked: Any) -> Mapping[str, Any]:
        """What the reader makes of something that was given.

        Raises:
            UserError: why it cannot be used.
        """
        try:
            return self.reader.run(asked)
        except TaskError as error:
            raise UserError(str(error)) from None

    def take_in(self, content: Path, *, owner: str, name: str, kind: str) -> dict[str, Any]:
        """Keep a file that somebody gave; music becomes a piece.

        Args:
            content: the file, in the scratch folder; it is moved or deleted.
            name: under which it was given.
            kind: what it is for: `music`, `melody` or `drums`.

        Returns:
            `id` of the file, or `piece` of the piece, its name, and what was found in it.

        Raises:
            UserError: it cannot be used.
        """
        try:
            self.library.require_room()
            found = self.read(read=kind, path=str(content))
            stored = self.library.keep(content)
        finally:
            content.unlink(missing_ok=True)
        title = Path(name).stem[:120] or "Untitled file"
        if kind == "music":
            piece = self.library.add_given(owner, title=title, stored=stored, facts=found)
            self.events.add("piece", {"piece": piece}, owner=owner)
            return {"piece": piece, "name": title}
        return {"id": self.library.add_file(owner, name=title, kind=kind, stored=stored), "name": title, **found}

    def ask(self, ask: Ask, *, owner: str) -> dict[str, Any]:
        """Queue what somebody asks for; returns the piece.

        Raises:
            UserError: it cannot be made, and why.
            WebError: too many wait, or there is no room.
        """
        self.library.require_room()
        self.queue.require_place(owner, jobs=len(ask.models))
        ask = with_seed(ask)
        if ask.chords:
            self.read(read="chart", chords=ask.chords)
        stored = self._stored(ask, owner=owner)
        jobs_of = recipes_of(ask, models=self.models, stored=stored)
        piece = self.library.add_piece(
            owner,
            kind=ask.kind,
            title=ask.title,
            request=ask.model_dump(mode="json", exclude_none=True),
            parent=ask.take,
            jobs=jobs_of,
        )
        found = self.library.piece(piece, owner=owner)
        self.queue.added(found)
        return found

    def make_test(self, wanted: Comparison, *, owner: str) -> dict[str, Any]:
        """A listening test of takes that this owner chose.

        Returns:
            `name` of its folder, `items`, `systems`, and the `command` that serves it.

        Raises:
            UserError: it cannot be made, and why.
        """
        if self._tester is None:
            raise UserError("This studio was started without listening tests.")
        self.library.require_room()
        items = [[self.library.take(ident, owner=owner) for ident in item] for item in wanted.items]
        aside, tester = self.library.scratch / new_id(), Worker(self._tester, limit_s=_TEST_S)
        try:
            places = write_systems(items, library=self.library, folder=aside)
            name = free_name(wanted.title, root=self.library.tests)
            out = self.library.tests / name
            found = tester.run({"out": str(out), "places": places, "items": len(items)})
        except TaskError as error:
            raise UserError(str(error).replace(f"{aside}/", "")) from None
        finally:
            tester.close()
            shutil.rmtree(aside, ignore_errors=True)
        shown = Path("STUDIO" if self.folder.is_absolute() else self.folder, TESTS, name)
        return {"name": name, **found, "command": f"counterpoint listen serve {shlex.quote(str(shown))}"}

    def _stored(self, ask: Ask, *, owner: str) -> dict[str, str]:
        """Names of the sounds that a request needs; a piano roll and a step grid are written as files."""
        stored: dict[str, str] = {}
        if ask.take:
            stored["source"] = self.library.take(ask.take, owner=owner)["stored"]
        for field in ("melody", "drums"):
            if ident := getattr(ask, field):
                stored[field] = self.library.file(ident, owner=owner)["stored"]
        if ask.notes:
            stored["melody"] = self._written("notes", ".mid", notes=ask.notes)
        if ask.grid:
            grid = ask.grid.model_dump()
            stored["drums"] = self._written("grid", ".wav", **grid, duration_s=_length_s(ask))
        return stored

    def _written(self, read: str, suffix: str, **asked: Any) -> str:
        out = self.library.scratch / f"{new_id()}{suffix}"
        self.read(read=read, out=str(out), **asked)
        return self.library.keep(out)


def _length_s(ask: Ask) -> float:
    """Of the music that is asked for."""
    return ask.spans[-1][1] - ask.spans[0][0] if ask.spans else ask.duration_s
