"""The studio's web application: one page, and an API of JSON over HTTP with server-sent events."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from anyio import to_thread
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse

from counterpoint.config import parse
from counterpoint.config.load import check_effects
from counterpoint.studio.access import AccessControl
from counterpoint.studio.comparing import Comparison
from counterpoint.studio.endpoints import Endpoint, described, routes_of, summary_of
from counterpoint.studio.events import Events
from counterpoint.studio.export import as_flac, as_zip
from counterpoint.studio.readers import KIT, UPLOADS
from counterpoint.studio.records import new_id, require_title
from counterpoint.studio.requests import Change, Chart, MusicRequest
from counterpoint.studio.settings import EXAMPLES, known_words
from counterpoint.studio.states import OPEN
from counterpoint.studio.studio import SUFFIXES, Studio
from counterpoint.web import Pages, WebError, create_app, read_object
from counterpoint.web.guard import LOCAL_HOSTS

MAX_UPLOAD = 50_000_000
"""Largest size of an uploaded file in bytes."""
_HERE = Path(__file__).parent
_FOREVER = {"cache-control": "private, max-age=31536000, immutable"}
"""Browsers may cache a take without limit, since it never changes."""


class Handlers:
    """The handlers of the endpoints; the API's page shows their docstrings."""

    def __init__(self, studio: Studio):
        self.studio, self.library, self.queue = studio, studio.library, studio.queue
        self.pages = Pages(_HERE / "templates")

    # Pages

    async def page(self, request: Request) -> Response:
        """The studio."""
        return self.pages.render(request, "studio.html")

    async def shared(self, request: Request) -> Response:
        """The page of a shared piece, for anyone with the link."""
        piece = self.library.shared(request.path_params["token"])
        return self.pages.render(request, "shared.html", title=piece["title"])

    async def shared_piece(self, request: Request) -> Response:
        """The title and the takes of a shared piece."""
        piece = self.library.shared(request.path_params["token"])
        jobs = [
            {"model": job["model"], "takes": [_public(take) for take in job["takes"]], "state": job["state"]}
            for job in piece["jobs"]
        ]
        return JSONResponse({"title": piece["title"], "kind": piece["kind"], "jobs": jobs})

    async def shared_sound(self, request: Request) -> Response:
        """A take of a shared piece."""
        piece = self.library.shared(request.path_params["token"])
        ident = request.path_params["take"]
        if ident not in [take["id"] for job in piece["jobs"] for take in job["takes"]]:
            raise WebError(404, "The shared piece has no such take.")
        return FileResponse(self.library.sound(self.library.take(ident)["stored"]), headers=_FOREVER)

    async def api_page(self, request: Request) -> Response:
        """The documentation of this API."""
        shown = [(endpoint, summary_of(endpoint, Handlers)) for endpoint in ENDPOINTS if endpoint.shown]
        return self.pages.render(request, "api.html", endpoints=shown, address=str(request.base_url).rstrip("/"))

    async def openapi(self, request: Request) -> Response:
        """The description of this API for machines (OpenAPI 3.1)."""
        return JSONResponse(described(ENDPOINTS, handlers=Handlers))

    # Models

    async def about(self, request: Request) -> Response:
        """List the models with their settings and methods, example captions, known words, and the drums of a grid."""
        models = list(self.studio.models.values())
        words = await to_thread.run_sync(known_words)
        return JSONResponse({"models": models, "examples": EXAMPLES, "words": words, "drums": KIT})

    # Uploads

    async def upload(self, request: Request) -> Response:
        """Upload a file as the field `file` of a form. `?for=` is its purpose: `music` to edit, a `melody` (MIDI or
        audio), or `drums`. Music becomes a piece; the others get an id for the `melody` or `drums` of a request."""
        kind = request.query_params.get("for", "music")
        if kind not in UPLOADS:
            raise WebError(400, f"`?for=` must be {', '.join(UPLOADS)}, not {kind[:40]!r}.")
        async with request.form(max_files=1, max_fields=4) as form:
            upload = form.get("file")
            if upload is None or isinstance(upload, str):
                raise WebError(400, "The form has no file; send it as the field `file`.")
            name = upload.filename or "file"
            suffix = Path(name).suffix.lower()
            if suffix not in SUFFIXES[kind]:
                raise WebError(
                    415, f"Files for {kind} must end in {', '.join(SUFFIXES[kind])}; convert this one first."
                )
            content = self.library.scratch / f"{new_id()}{suffix}"
            with content.open("wb") as written:
                await to_thread.run_sync(partial(shutil.copyfileobj, upload.file, written))
        take_in = partial(self.studio.take_in, content, owner=_owner(request), name=name, kind=kind)
        return JSONResponse(await to_thread.run_sync(take_in), status_code=201)

    async def chart(self, request: Request) -> Response:
        """Read a chord chart; returns its chords over time, and the chords that were replaced by simpler ones."""
        text = (await _body(request, Chart)).chords
        return JSONResponse(dict(await to_thread.run_sync(partial(self.studio.read, read="chart", chords=text))))

    # Pieces

    async def add_piece(self, request: Request) -> Response:
        """Request music. The response is a piece with a job for every model; follow the jobs by their events."""
        wanted = await _body(request, MusicRequest)
        piece = await to_thread.run_sync(partial(self.studio.add_request, wanted, owner=_owner(request)))
        return JSONResponse(self._shown(piece), status_code=202)

    async def estimate(self, request: Request) -> Response:
        """Estimate the time of a request without making it: seconds for each model and for the queued jobs."""
        wanted = await _body(request, MusicRequest)
        return JSONResponse(self.queue.estimate(wanted.models, new_s=wanted.new_s))

    async def make_test(self, request: Request) -> Response:
        """Make a listening test that asks which takes people prefer; the response has the command that serves it."""
        wanted = await _body(request, Comparison)
        found = await to_thread.run_sync(partial(self.studio.make_test, wanted, owner=_owner(request)))
        return JSONResponse(found, status_code=201)

    async def pieces(self, request: Request) -> Response:
        """List pieces, the newest first; filter with `?search=` (words), `?starred=1`, and `?before=` (a `created`)."""
        before = request.query_params.get("before")
        try:
            older_than = float(before) if before else None
        except ValueError:
            raise WebError(400, "`before` must be a time in seconds.") from None
        found = self.library.pieces(
            _owner(request),
            search=request.query_params.get("search", "")[:200],
            starred=request.query_params.get("starred") == "1",
            before=older_than,
        )
        return JSONResponse({"pieces": [self._shown(piece) for piece in found], "event": self.studio.events.number})

    async def piece(self, request: Request) -> Response:
        """Get one piece with its jobs and takes."""
        return JSONResponse(self._shown(self.library.piece(request.path_params["id"], owner=_owner(request))))

    async def change_piece(self, request: Request) -> Response:
        """Rename a piece, or set its star."""
        change = await _body(request, Change)
        values: dict[str, Any] = {}
        if change.title is not None:
            values["title"] = require_title(change.title)
        if change.starred is not None:
            values["starred"] = int(change.starred)
        self.library.change_piece(request.path_params["id"], owner=_owner(request), **values)
        return await self.piece(request)

    async def share(self, request: Request) -> Response:
        """Create a link to the piece; anyone with the link can listen to it."""
        ident = request.path_params["id"]
        piece = self.library.piece(ident, owner=_owner(request))
        token = piece["share"] or new_id() + new_id()
        self.library.change_piece(ident, owner=_owner(request), share=token)
        return JSONResponse({"link": f"/s/{token}"})

    async def unshare(self, request: Request) -> Response:
        """Remove the link to a piece."""
        self.library.change_piece(request.path_params["id"], owner=_owner(request), share=None)
        return Response(status_code=204)

    async def delete_piece(self, request: Request) -> Response:
        """Delete a piece with its takes, and cancel its unfinished jobs."""
        ident, owner = request.path_params["id"], _owner(request)
        for job in self.library.piece(ident, owner=owner)["jobs"]:
            self.queue.cancel(self.library.job(job["id"], owner=owner))
        await to_thread.run_sync(partial(self.library.delete_piece, ident, owner=owner))
        self.studio.events.add("deleted", {"piece": ident}, owner=owner)
        return Response(status_code=204)

    # Jobs

    async def job(self, request: Request) -> Response:
        """Get the progress of a job: its state, the share that is done, the jobs before it, and the seconds left."""
        job = self.library.job(request.path_params["id"], owner=_owner(request))
        return JSONResponse({"id": job.id, "piece": job.piece, "message": job.message, **self.queue.progress_of(job)})

    async def cancel(self, request: Request) -> Response:
        """Cancel a job; a finished job stays as it is."""
        self.queue.cancel(self.library.job(request.path_params["id"], owner=_owner(request)))
        return await self.job(request)

    async def repeat(self, request: Request) -> Response:
        """Repeat a job that was interrupted or cancelled, or that failed."""
        owner = _owner(request)
        self.queue.require_place(owner, jobs=1)
        job = self.library.repeat_job(request.path_params["id"], owner=owner)
        self.queue.added(self.library.piece(job.piece, owner=owner))
        return await self.job(request)

    async def job_events(self, request: Request) -> Response:
        """Follow a job until it ends, by server-sent events: `job` (state, share, left_s) and `take`."""
        job = self.library.job(request.path_params["id"], owner=_owner(request))
        return _stream(self._follow_job(job.id, owner=_owner(request), after=_after(request, default=0)))

    async def events(self, request: Request) -> Response:
        """Follow all changes by server-sent events: `job`, `take`, `piece`, `deleted`. Send the number of the last
        known event as `Last-Event-ID` or `?after=`."""
        after = _after(request, default=self.studio.events.number)
        return _stream(_encoded(self.studio.events, owner=_owner(request), after=after))

    async def live(self, request: Request) -> Response:
        """Stream the sound of a job's first take while it is generated, as a wav of unknown length."""
        job = self.library.job(request.path_params["id"], owner=_owner(request))
        sound = self.queue.live.get(job.id)
        if sound is None:
            raise WebError(404, "This job is not running, so it has no live sound.")
        return StreamingResponse(sound.wav(), media_type="audio/wav")

    # Takes

    async def sound(self, request: Request) -> Response:
        """Get the sound of a take: unchanged, or as FLAC with `?as=flac`; `?download=1` adds a file name."""
        take = self._take(request)
        path = self.library.sound(take["stored"])
        wanted = request.query_params.get("as", "")
        name = _file_name(take)
        if wanted in ("", path.suffix[1:]):
            download = request.query_params.get("download") == "1"
            return FileResponse(path, filename=f"{name}{path.suffix}" if download else None, headers=_FOREVER)
        if wanted != "flac":
            raise WebError(400, "The only other format is ?as=flac.")
        out = await self._written(".flac", partial(as_flac, path))
        return FileResponse(out, filename=f"{name}.flac", background=BackgroundTask(out.unlink))

    async def archive(self, request: Request) -> Response:
        """Get a zip of a take with its request for `counterpoint generate --request` and the files that it needs."""
        take = self._take(request)
        out = await self._written(".zip", partial(as_zip, take, sound_of=self.library.sound))
        return FileResponse(out, filename=f"{_file_name(take)}.zip", background=BackgroundTask(out.unlink))

    async def _written(self, suffix: str, write: Callable[..., None]) -> Path:
        """A file in the scratch folder, as `write(out=...)` writes it; nothing is left if that fails."""
        out = self.library.scratch / f"{new_id()}{suffix}"
        try:
            await to_thread.run_sync(partial(write, out=out))
        except BaseException:
            out.unlink(missing_ok=True)
            raise
        return out

    def _take(self, request: Request) -> dict[str, Any]:
        return dict(self.library.take(request.path_params["id"], owner=_owner(request)))

    def _shown(self, piece: Mapping[str, Any]) -> dict[str, Any]:
        """A piece as JSON, with the progress of its unfinished jobs."""
        jobs = [self._with_progress(job) if job["state"] in OPEN else job for job in piece["jobs"]]
        shown = {name: value for name, value in piece.items() if name not in ("owner", "share")}
        return {**shown, "jobs": jobs, "link": f"/s/{piece['share']}" if piece["share"] else None}

    def _with_progress(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """An unfinished job with its progress; one that has finished meanwhile counts as unfinished, as its takes are
        not among those that were read."""
        progress = self.queue.progress_of(self.library.job(job["id"]))
        return {**job, **progress, "state": progress["state"] if progress["state"] in OPEN else job["state"]}

    async def _follow_job(self, ident: str, *, owner: str, after: int) -> AsyncIterator[bytes]:
        job = self.library.job(ident, owner=owner)
        if job.state not in OPEN and not self.studio.events.knows(ident):
            yield _now(job.id, state=job.state, message=job.message)
            return
        async for event in self.studio.events.follow(owner=owner, after=after, job=ident):
            yield event.encoded() if event else b": alive\n\n"
            if event and event.name == "job" and event.data["state"] not in OPEN:
                return


ENDPOINTS = (
    Endpoint("GET", "/", "page", shown=False),
    Endpoint("GET", "/s/{token}", "shared", shown=False),
    Endpoint("GET", "/shared/{token}", "shared_piece", shown=False),
    Endpoint("GET", "/shared/{token}/{take}", "shared_sound", shown=False),
    Endpoint("GET", "/docs", "api_page", shown=False),
    Endpoint("GET", "/api/openapi.json", "openapi", shown=False),
    Endpoint("GET", "/api/about", "about"),
    Endpoint("POST", "/api/files", "upload"),
    Endpoint("POST", "/api/chart", "chart", takes=Chart),
    Endpoint("POST", "/api/pieces", "add_piece", takes=MusicRequest),
    Endpoint("POST", "/api/estimate", "estimate", takes=MusicRequest),
    Endpoint("POST", "/api/tests", "make_test", takes=Comparison),
    Endpoint("GET", "/api/pieces", "pieces"),
    Endpoint("GET", "/api/pieces/{id}", "piece"),
    Endpoint("PATCH", "/api/pieces/{id}", "change_piece", takes=Change),
    Endpoint("DELETE", "/api/pieces/{id}", "delete_piece"),
    Endpoint("POST", "/api/pieces/{id}/link", "share"),
    Endpoint("DELETE", "/api/pieces/{id}/link", "unshare"),
    Endpoint("GET", "/api/jobs/{id}", "job"),
    Endpoint("DELETE", "/api/jobs/{id}", "cancel"),
    Endpoint("POST", "/api/jobs/{id}/repeat", "repeat"),
    Endpoint("GET", "/api/jobs/{id}/events", "job_events"),
    Endpoint("GET", "/api/jobs/{id}/live.wav", "live"),
    Endpoint("GET", "/api/events", "events"),
    Endpoint("GET", "/api/takes/{id}/sound", "sound"),
    Endpoint("GET", "/api/takes/{id}/zip", "archive"),
)
"""All endpoints, in the order of the API's page."""


def studio_app(studio: Studio, *, token: str | None = None) -> Starlette:
    """Create the application of a studio; the studio's processes run as long as the application.

    Args:
        token: token that visitors need; None if only this machine can reach the studio.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        with studio.running():
            yield

    return create_app(
        routes_of(ENDPOINTS, Handlers(studio)),
        static=_HERE / "static",
        hosts=LOCAL_HOSTS if token is None else None,
        max_body=MAX_UPLOAD,
        middleware=[Middleware(AccessControl, token=token)],
        permissions="microphone=(self)",
        lifespan=lifespan,
    )


def _owner(request: Request) -> str:
    return request.state.owner


async def _body(request: Request, kind: type[Any]) -> Any:
    """Read the JSON of a request as a configuration.

    Raises:
        WebError: the body is not a JSON object.
        UserError: a value does not fit, or has no effect.
    """
    values = parse(await read_object(request), kind, source="The request")
    check_effects(values, source="The request")
    return values


def _after(request: Request, *, default: int) -> int:
    last = request.headers.get("last-event-id") or request.query_params.get("after") or ""
    return int(last) if last.isascii() and last.isdigit() and len(last) < 16 else default


def _stream(events: AsyncIterator[bytes]) -> Response:
    return StreamingResponse(events, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


async def _encoded(events: Events, *, owner: str, after: int) -> AsyncIterator[bytes]:
    yield b": welcome\n\n"
    async for event in events.follow(owner=owner, after=after):
        yield event.encoded() if event else b": alive\n\n"


def _now(job: str, *, state: str, message: str) -> bytes:
    return f"event: job\ndata: {json.dumps({'id': job, 'state': state, 'message': message})}\n\n".encode()


def _public(take: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of a take that a shared page shows."""
    shown = ("id", "number", "duration_s", "peaks", "rms", "paradigm", "new")
    return {name: take[name] for name in shown if name in take}


def _file_name(take: Mapping[str, Any]) -> str:
    """A file name for a download, in ASCII letters and digits."""
    plain = "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in str(take["title"]))[:60].strip("-")
    return f"{quote(plain) or 'counterpoint'}-{int(take['number']) + 1}"
