"""The web application of a listening test.

    GET  /                                      consent; redirects a known rater to the rater's own page
    GET  /r/{token}                             the rater's page: everything after consent
    POST /api/enter                             agree as a new rater, or as the known rater with the link's id
    POST /api/r/{token}/agree                   agree as an invited rater
    GET  /api/r/{token}                         the next step, without the name of any system
    POST /api/r/{token}/headphones              answers to the headphone check
    PUT  /api/r/{token}/trials/{trial}          answers of a trial; may be sent again
    POST /api/r/{token}/trials/{trial}/skip     skip a trial whose sound cannot be played
    POST /api/r/{token}/finish                  finish, with a comment
    POST /api/r/{token}/withdraw                delete everything about this rater
    GET  /r/{token}/audio/{trial}/{version}     a clip; the version `reference` is the open reference
    GET  /r/{token}/headphones/{number}         three tones
    GET  /r/{token}/level                       music for setting the volume

`monitor` adds the page on which the organiser follows the test.

A token is 128 random bits; anyone who has a rater's link acts as that rater, on any device.
"""

from __future__ import annotations

import io
import json
import math
import os
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import soundfile
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from counterpoint.listen.answers import Answer, Answers, Trial
from counterpoint.listen.folder import Item, ListeningTest, durations
from counterpoint.listen.monitor import Monitor
from counterpoint.listen.planning import times_of
from counterpoint.listen.progress import is_open
from counterpoint.listen.sounds import HEADPHONE_RATE, HEADPHONE_TRIALS, headphone_trial
from counterpoint.web import Pages, WebError, create_app, read_object
from counterpoint.web.guard import LOCAL_HOSTS

_HERE = Path(__file__).parent
PLATFORM_IDS = ("PROLIFIC_PID", "participantId", "participant", "workerId", "rater")
"""Query parameters of a link that identify a rater, in order of preference."""
OPEN_REFERENCE = "reference"
"""This name replaces the number of a version in the address of the open reference."""
PEAKS = 480
_LONGEST_ID = 200


def create_server(test: ListeningTest, answers: Answers, *, hosts: Collection[str] | None = LOCAL_HOSTS) -> Starlette:
    """The application that serves a test.

    Args:
        hosts: host names that requests may use; None allows any.
    """
    pages = _Server(test, answers)
    routes = [
        Route("/", pages.entry),
        Route("/r/{token}", pages.rater_page),
        Route("/r/{token}/audio/{trial}/{version}", pages.audio),
        Route("/r/{token}/headphones/{number:int}", pages.headphone_sound),
        Route("/r/{token}/level", pages.level),
        Route("/api/enter", pages.enter, methods=["POST"]),
        Route("/api/r/{token}", pages.state),
        Route("/api/r/{token}/agree", pages.agree, methods=["POST"]),
        Route("/api/r/{token}/headphones", pages.headphones, methods=["POST"]),
        Route("/api/r/{token}/trials/{trial}", pages.save, methods=["PUT"]),
        Route("/api/r/{token}/trials/{trial}/skip", pages.skip, methods=["POST"]),
        Route("/api/r/{token}/finish", pages.finish, methods=["POST"]),
        Route("/api/r/{token}/withdraw", pages.withdraw, methods=["POST"]),
        *Monitor(answers).routes,
    ]

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        answers.close()

    return create_app(routes, static=_HERE / "static", hosts=hosts, lifespan=lifespan)


class _Server:
    """The endpoints. Plain functions run in threads; coroutines first read the body of a request."""

    def __init__(self, test: ListeningTest, answers: Answers):
        self.test, self.answers = test, answers
        self.pages = Pages(_HERE / "templates")
        self.texts = test.design.texts()
        self.times = times_of(test)

    def entry(self, request: Request) -> Response:
        platform_id = _platform_id(request.query_params)
        if platform_id and (token := self.answers.find(platform_id)):
            return RedirectResponse(f"/r/{token}", status_code=303)
        self._require_open()
        return self._page(request, token="", platform_id=platform_id)

    def _require_open(self) -> None:
        """
        Raises:
            WebError: new raters may not enter.
        """
        if self.test.design.entry == "invited":
            raise WebError(403, "This test is open to invited raters; use the link that you were sent.")
        if not is_open(self.answers):
            raise WebError(403, "This test accepts no new raters any more; thank you for your interest.")

    def rater_page(self, request: Request) -> Response:
        token = request.path_params["token"]
        self.answers.rater(token)
        return self._page(request, token=token, platform_id="")

    def _page(self, request: Request, *, token: str, platform_id: str) -> Response:
        design = self.test.design
        minutes = math.ceil(self.times.total_s / 60)
        data = {
            "token": token,
            "platform_id": platform_id,
            "title": design.title,
            "consent": [text.replace("{minutes}", str(minutes)) for text in design.consent],
            "instructions": design.instructions,
            "words": self.texts,
            "headphone_trials": HEADPHONE_TRIALS,
        }
        # "<" is the only character that could end the script element early
        text = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
        return self.pages.render(
            request,
            "test.html",
            data=text,
            title=design.title,
            language=design.language,
            no_script=self.texts["no_script"],
        )

    async def enter(self, request: Request) -> Response:
        body = await _body(request, {"platform_id": str})
        agent = request.headers.get("user-agent", "")
        platform_id = body["platform_id"][:_LONGEST_ID]
        if not self.answers.find(platform_id):
            self._require_open()
        token = await run_in_threadpool(self.answers.enter, platform_id=platform_id, user_agent=agent)
        return JSONResponse({"token": token})

    def agree(self, request: Request) -> Response:
        token = request.path_params["token"]
        self.answers.agree(token, user_agent=request.headers.get("user-agent", ""))
        return self._state(token)

    def state(self, request: Request) -> Response:
        return self._state(request.path_params["token"])

    def _state(self, token: str) -> Response:
        """The next step of a rater, which is all that the pages receive."""
        rater = self.answers.rater(token)
        found: dict[str, Any] = {"stage": rater["stage"], "tries": rater["headphone_tries"]}
        if rater["stage"] == "trials":
            trial = self.answers.next_trial(token)
            assert trial is not None, "after the last trial, the stage of a rater is `comment`"
            found["trial"] = self._shown(token, trial)
        if rater["stage"] == "done":
            found |= {"code": self.test.design.completion_code, "url": self.test.design.completion_url}
        return JSONResponse(found)

    def _shown(self, token: str, trial: Trial) -> dict[str, Any]:
        design, item = self.test.design, self._item(trial)
        kind = "practice" if trial.phase == "training" else "trial"  # raters must not recognise checks and repeats
        shown = {str(place): self.test.folder / file for place, file in enumerate(trial.files)}
        is_checked = trial.phase == "check"
        if design.open_reference and item and not is_checked and (reference := self._reference(item)):
            shown[OPEN_REFERENCE] = reference  # the same clip is also one of the unnamed versions
        draws = design.waveform == "shown"
        return {
            "id": trial.id,
            "kind": kind,
            "number": trial.position,
            "all": trial.total,
            "seconds_left": self.times.trial_s * (trial.total - trial.position + 1),
            "presentation": design.presentation,
            "caption": item.caption if item else "",
            "span": item.span_s if item else None,
            "clips": [
                {
                    "url": f"/r/{token}/audio/{trial.id}/{name}",
                    "duration": self._duration(trial),
                    "peaks": _peaks(file) if draws else None,
                    "is_reference": name == OPEN_REFERENCE,
                }
                for name, file in shown.items()
            ],
            "top": max(max(_peaks(file)) for file in shown.values()) if draws else 1.0,
            "questions": [question.model_dump() for question in design.questions],
            "ties": design.ties,
            "min_heard": design.min_heard,
        }

    def _item(self, trial: Trial) -> Item | None:
        """The item of a trial; for a check, the item from which its clip was made."""
        manifest = self.test.manifest
        ids = {check.id: check.item for check in manifest.checks}
        wanted = ids.get(trial.item, trial.item) if trial.phase == "check" else trial.item
        known = manifest.training if trial.phase == "training" else manifest.items
        return next((item for item in known if item.id == wanted), None)

    def _duration(self, trial: Trial) -> float:
        return durations(self.test, trial.files[:1])[0]

    def _reference(self, item: Item) -> Path | None:
        file = self.test.files_of(item).get(self.test.key.hidden_reference)
        return self.test.folder / file if file else None

    def audio(self, request: Request) -> Response:
        parts = request.path_params
        version = parts["version"]
        if version == OPEN_REFERENCE and self.test.design.open_reference:
            first = self.answers.file_of(parts["token"], parts["trial"], 0)
            path = self._reference_for(str(first.relative_to(self.test.folder)))
        elif version.isascii() and version.isdigit() and len(version) < 4:
            path = self.answers.file_of(parts["token"], parts["trial"], int(version))
        else:
            raise WebError(404, "The trial has no such version.")
        return FileResponse(
            path,
            media_type="audio/wav",
            stat_result=_without_dates(path),
            headers={"cache-control": "private, max-age=86400"},
        )

    def _reference_for(self, file: str) -> Path:
        manifest = self.test.manifest
        for item in (*manifest.items, *manifest.training):
            if any(clip.file == file for clip in item.files) and (found := self._reference(item)):
                return found
        raise WebError(404, "This clip has no reference.")

    async def headphones(self, request: Request) -> Response:
        body = await _body(request, {"chosen": list})
        chosen = [value if isinstance(value, int) else -1 for value in body["chosen"]]
        token = request.path_params["token"]
        await run_in_threadpool(self.answers.check_headphones, token, chosen)
        return await run_in_threadpool(self._state, token)

    def headphone_sound(self, request: Request) -> Response:
        key = self.answers.headphone_key(request.path_params["token"])
        number = request.path_params["number"]
        if number >= len(key):
            raise WebError(404, f"The headphone check has {len(key)} questions.")
        return Response(_tones(key[number]), media_type="audio/wav")

    def level(self, request: Request) -> Response:
        """A practice clip, in its best version if that is known; all clips have the same loudness."""
        self.answers.rater(request.path_params["token"])
        manifest = self.test.manifest
        item = (manifest.training or manifest.items)[0]
        path = self._reference(item) or self.test.folder / item.files[0].file
        return FileResponse(path, media_type="audio/wav")

    async def save(self, request: Request) -> Response:
        body = await _body(request, {"answers": list, "heard": list, "plays": list})
        parts = request.path_params
        try:
            saved = [Answer(int(a["version"]), str(a["question"]), float(a["value"])) for a in body["answers"]]
            heard = [float(share) for share in body["heard"]]
            plays = [int(count) for count in body["plays"]]
        except (KeyError, TypeError, ValueError, OverflowError):
            raise WebError(400, "The answers cannot be read; load the page again.") from None
        await run_in_threadpool(self.answers.save, parts["token"], parts["trial"], saved, heard=heard, plays=plays)
        return JSONResponse({"saved": True})

    async def skip(self, request: Request) -> Response:
        body = await _body(request, {"reason": str})
        parts = request.path_params
        await run_in_threadpool(self.answers.skip, parts["token"], parts["trial"], body["reason"])
        return JSONResponse({"saved": True})

    async def finish(self, request: Request) -> Response:
        body = await _body(request, {"comment": str})
        token = request.path_params["token"]
        await run_in_threadpool(self.answers.finish, token, body["comment"])
        return await run_in_threadpool(self._state, token)

    def withdraw(self, request: Request) -> Response:
        token = request.path_params["token"]
        self.answers.rater(token)
        self.answers.delete(token)
        return JSONResponse({"deleted": True})


def _platform_id(query: Mapping[str, str]) -> str:
    return next((query[name][:_LONGEST_ID] for name in PLATFORM_IDS if query.get(name)), "")


async def _body(request: Request, kinds: Mapping[str, type]) -> dict[str, Any]:
    """Read a JSON body with entries of these types.

    Raises:
        WebError: the body is not JSON, or an entry is missing or has another type.
    """
    body = await read_object(request)
    if any(not isinstance(body.get(name), kind) for name, kind in kinds.items()):
        raise WebError(400, f"The request must hold {', '.join(kinds)} as JSON; load the page again.")
    return body


def _without_dates(path: Path) -> os.stat_result:
    """The status of a file without its dates, which could reveal its system through HTTP headers."""
    found = list(path.stat())
    found[7:10] = [0, 0, 0]
    return os.stat_result(found)


@lru_cache(maxsize=4096)
def _peaks(path: Path) -> list[float]:
    """[PEAKS] highest absolute values of equal parts of a clip, from which the waveform is drawn."""
    audio, _ = soundfile.read(path, dtype="float32")
    starts = np.linspace(0, len(audio), PEAKS, endpoint=False).astype(int)
    return [round(float(peak), 3) for peak in np.maximum.reduceat(np.abs(audio), starts)]


@lru_cache(maxsize=3)
def _tones(quietest: int) -> bytes:
    """A question of the headphone check, as a wav file."""
    file = io.BytesIO()
    soundfile.write(file, headphone_trial(quietest), HEADPHONE_RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


def own_hosts(host: str, url: str) -> Collection[str] | None:
    """Host names that requests to a server on `host` may use: those of this machine, plus the name in `url` if the
    server is public; None (any name) if it is public and has no `url`."""
    if host in LOCAL_HOSTS and not url:
        return LOCAL_HOSTS
    named = urlsplit(url).hostname
    return {*LOCAL_HOSTS, named} if named else None
