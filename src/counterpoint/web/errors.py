"""Errors for people and for scripts."""

from __future__ import annotations

import html

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response


class WebError(HTTPException):
    """An error for the user of a page: a status code and a sentence."""

    def __init__(self, status: int, sentence: str):
        super().__init__(status, sentence)


def error_response(request: Request, status: int, sentence: str) -> Response:
    """An error as JSON for scripts (`{"error": ...}`), or as a page for people."""
    if request.url.path.startswith("/api/") or "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"error": sentence}, status_code=status)
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width, initial-scale=1"><title>Error</title>'
        '<link rel="stylesheet" href="/static/look.css"><link rel="stylesheet" href="/static/base.css"></head>'
        f'<body><main class="sheet"><h1>Error</h1><p role="alert">{html.escape(sentence)}</p></main>'
        "</body></html>"
    )
    return HTMLResponse(page, status_code=status)
