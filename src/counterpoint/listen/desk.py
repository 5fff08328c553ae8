"""The page of whoever runs a test.

    GET  /watch/{key}               counts of each cell, raters, exclusions, comments; it follows the test as it runs
    GET  /api/watch/{key}           the same for scripts; see `watching.Progress`
    POST /api/watch/{key}/door      {"opens": false} lets no new rater enter
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
from counterpoint.listen.watching import set_open, watch, watch_key
from counterpoint.web import Pages, WebError


class Desk:
    """Its endpoints."""

    def __init__(self, answers: Answers):
        self.answers = answers
        self.pages = Pages(Path(__file__).parent / "templates")
        self.key = watch_key(answers)

    @property
    def routes(self) -> list[Route]:
        """For the application."""
        return [
            Route("/watch/{key}", self.page),
            Route("/watch/{key}/answers.csv", self.table),
            Route("/api/watch/{key}", self.progress),
            Route("/api/watch/{key}/door", self.door, methods=["POST"]),
        ]

    def page(self, request: Request) -> Response:
        self._require_key(request)
        test = self.answers.test
        return self.pages.render(request, "watch.html", title=test.design.title, key=self.key)

    def progress(self, request: Request) -> Response:
        self._require_key(request)
        return JSONResponse(watch(self.answers).model_dump(mode="json"))

    def table(self, request: Request) -> Response:
        from counterpoint.listen.results import raw_csv  # it brings scipy, which raters need not wait for

        self._require_key(request)
        name = f"{true_path(self.answers.test.folder).name}.csv"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(raw_csv(self.answers), media_type="text/csv", headers=headers)

    async def door(self, request: Request) -> Response:
        self._require_key(request)
        try:
            opens = json.loads(await request.body())["opens"]
        except (ValueError, KeyError, TypeError, RecursionError):
            opens = None
        if not isinstance(opens, bool):
            raise WebError(400, 'Say {"opens": true} or {"opens": false}.')
        await run_in_threadpool(set_open, self.answers, opens=opens)
        return JSONResponse({"opens": opens})

    def _require_key(self, request: Request) -> None:
        if not hmac.compare_digest(request.path_params["key"].encode(), self.key.encode()):
            raise WebError(404, "There is no such page here; the address is printed by `counterpoint listen serve`.")
