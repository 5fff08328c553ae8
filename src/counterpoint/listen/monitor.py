"""The page on which the organiser of a test follows its progress.

    GET  /watch/{key}               counts of each cell, raters, exclusions and comments while the test runs
    GET  /api/watch/{key}           the same for scripts; see `progress.Progress`
    POST /api/watch/{key}/entry     {"opens": false} stops new raters from entering
    GET  /watch/{key}/answers.csv   every judgment so far, with the reasons for exclusion

The key is 128 random bits that `counterpoint listen serve` prints.
"""

from __future__ import annotations

import hmac
import json
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from counterpoint.config.paths import true_path
from counterpoint.listen.answers import Answers
from counterpoint.listen.progress import read_progress, set_open, watch_key
from counterpoint.web import Pages, WebError


class Monitor:
    """The endpoints of this page."""

    def __init__(self, answers: Answers):
        self.answers = answers
        self.pages = Pages(Path(__file__).parent / "templates")
        self.key = watch_key(answers)

    @property
    def routes(self) -> list[Route]:
        """Routes of the application that lead to these endpoints."""
        return [
            Route("/watch/{key}", self.page),
            Route("/watch/{key}/answers.csv", self.table),
            Route("/api/watch/{key}", self.progress),
            Route("/api/watch/{key}/entry", self.entry, methods=["POST"]),
        ]

    def page(self, request: Request) -> Response:
        self._require_key(request)
        test = self.answers.test
        return self.pages.render(request, "watch.html", title=test.design.title, key=self.key)

    def progress(self, request: Request) -> Response:
        self._require_key(request)
        return JSONResponse(read_progress(self.answers).model_dump(mode="json"))

    def table(self, request: Request) -> Response:
        from counterpoint.listen.results import raw_csv  # it imports scipy, for which raters need not wait

        self._require_key(request)
        name = f"{true_path(self.answers.test.folder).name}.csv"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(raw_csv(self.answers), media_type="text/csv", headers=headers)

    async def entry(self, request: Request) -> Response:
        self._require_key(request)
        try:
            opens = json.loads(await request.body())["opens"]
        except (ValueError, KeyError, TypeError, RecursionError):
            opens = None
        if not isinstance(opens, bool):
            raise WebError(400, 'Send {"opens": true} or {"opens": false}.')
        await run_in_threadpool(set_open, self.answers, opens=opens)
        return JSONResponse({"opens": opens})

    def _require_key(self, request: Request) -> None:
        if not hmac.compare_digest(request.path_params["key"].encode(), self.key.encode()):
            raise WebError(404, "This page does not exist; use the address that `counterpoint listen serve` prints.")
