"""The studio as one object: its library, its queue of jobs, and its worker processes."""

from __future__ import annotations

import contextlib
import json
import shlex
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from counterpoint.config import UserError
from counterpoint.config.text import on_one_line
from counterpoint.studio import jobs, readers
from counterpoint.studio.comparing import Comparison, free_name, write_systems
from counterpoint.studio.events import Events
from counterpoint.studio.library import DEFAULT_LIMIT_GB, TESTS, Library
from counterpoint.studio.queue import Queue
from counterpoint.studio.records import new_id
from counterpoint.studio.requests import MusicRequest, recipes_of, with_seed
from counterpoint.studio.settings import default_models, find_models, shown_models
from counterpoint.studio.worker import CancelledError, CarryOut, TaskError, Worker

_TEST_S = 300.0
"""A listening test must be made within this time."""
_READING_S = 90.0
"""An uploaded file must be read within this time."""
_LATE_S = 0.001
"""A span may end this much after the music, since durations are shown rounded."""
SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "music": (".wav", ".flac", ".mp3", ".ogg", ".opus", ".aiff", ".aif"),
    "melody": (*readers.MIDI_SUFFIXES, ".wav", ".flac", ".mp3", ".ogg"),
    "drums": (".wav", ".flac", ".mp3", ".ogg", ".aiff", ".aif"),
}
"""Allowed suffixes of uploaded files, by purpose."""


class Studio:
    """Everything below the pages.

    Args:
        folder: folder of the database and the sounds.
        models: names as for `--model`; by default the included models.
        device: device of the models.
        limit_gb: limit of stored audio in GB.
        tester: function that makes listening tests in a separate process; None without listening tests.
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
        self.reader = Worker(readers.carry_out, limit_s=_READING_S)
        self.queue = Queue(self.library, self.drawer, self.events)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run the processes of the studio within a `with` block; models are loaded in advance."""
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
        with contextlib.suppress(CancelledError, TaskError):  # the next request reports what is wrong
            warm = {"warm": list(self.models)[: jobs.MODELS_KEPT]}
            self.drawer.run(warm, on_report=lambda report: self.queue.pace.update(report["pace"]))
        with contextlib.suppress(CancelledError, TaskError):
            self.reader.run({"read": "warm"})

    def read(self, **request: Any) -> Mapping[str, Any]:
        """Read an upload or a control in the reader's process.

        Raises:
            UserError: it cannot be used.
        """
        try:
            return self.reader.run(request)
        except TaskError as error:
            raise UserError(str(error)) from None

    def take_in(self, content: Path, *, owner: str, name: str, kind: str) -> dict[str, Any]:
        """Store an uploaded file; music becomes a piece.

        Args:
            content: the file in the scratch folder, which is moved or deleted.
            name: name of the uploaded file.
            kind: purpose of the file: `music`, `melody` or `drums`.

        Returns:
            The `id` of the file, or the id of the `piece`; its `name`; and its properties.

        Raises:
            UserError: the file cannot be used.
        """
        try:
            self.library.require_room()
            found = self.read(read=kind, path=str(content))
            stored = self.library.keep(content)
        finally:
            content.unlink(missing_ok=True)
        title = on_one_line(Path(name).stem)[:120] or "Untitled file"
        if kind == "music":
            piece = self.library.add_upload(owner, title=title, stored=stored, facts=found)
            self.events.add("piece", {"piece": piece}, owner=owner)
            return {"piece": piece, "name": title}
        return {"id": self.library.add_file(owner, name=title, kind=kind, stored=stored), "name": title, **found}

    def add_request(self, request: MusicRequest, *, owner: str) -> dict[str, Any]:
        """Queue a request for music; returns the piece.

        Raises:
            UserError: the request cannot be fulfilled.
            WebError: too many jobs are queued, or the storage is full.
        """
        self.library.require_room()
        self.queue.require_place(owner, jobs=len(request.models))
        request = with_seed(request)
        if request.chords:
            self.read(read="chart", chords=request.chords)
        stored = self._stored(request, owner=owner)
        jobs_of = recipes_of(request, models=self.models, stored=stored)
        piece = self.library.add_piece(
            owner,
            kind=request.kind,
            title=request.title,
            request=request.model_dump(mode="json", exclude_none=True),
            parent=request.take,
            jobs=jobs_of,
        )
        found = self.library.piece(piece, owner=owner)
        self.queue.added(found)
        return found

    def make_test(self, wanted: Comparison, *, owner: str) -> dict[str, Any]:
        """Make a listening test of takes that this owner chose.

        Returns:
            `name` of the test's folder, `items`, `systems`, and the `command` that serves it.

        Raises:
            UserError: the test cannot be made.
        """
        if self._tester is None:
            raise UserError("This studio was started without support for listening tests.")
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

    def _stored(self, request: MusicRequest, *, owner: str) -> dict[str, str]:
        """The stored names of the sounds that a request needs; piano rolls and step grids are written as files."""
        stored: dict[str, str] = {}
        if request.take:
            take = self.library.take(request.take, owner=owner)
            _require_within(request.spans, duration_s=json.loads(take["facts"])["duration_s"])
            stored["source"] = self.library.sound(take["stored"]).name
        for field in ("melody", "drums"):
            if ident := getattr(request, field):
                stored[field] = self.library.sound(self.library.file(ident, owner=owner)["stored"]).name
        if request.notes:
            stored["melody"] = self._written("notes", ".mid", notes=request.notes)
        if request.grid:
            grid = request.grid.model_dump()
            stored["drums"] = self._written("grid", ".wav", **grid, duration_s=_length_s(request))
        return stored

    def _written(self, read: str, suffix: str, **request: Any) -> str:
        out = self.library.scratch / f"{new_id()}{suffix}"
        self.read(read=read, out=str(out), **request)
        return self.library.keep(out)


def _length_s(request: MusicRequest) -> float:
    """The duration of the requested music in seconds."""
    if not request.spans:
        return request.duration_s
    return max(stop for _, stop in request.spans) - min(start for start, _ in request.spans)


def _require_within(spans: Sequence[tuple[float, float]], *, duration_s: float) -> None:
    """
    Raises:
        UserError: a span ends after the music.
    """
    last_s = max((stop for _, stop in spans), default=0.0)
    if last_s > duration_s + _LATE_S:
        raise UserError(f"A span ends at {last_s:g} s, but the music lasts {duration_s:g} s; correct its times.")
