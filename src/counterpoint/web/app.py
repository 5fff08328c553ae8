"""The frame of the package's web applications: checks of requests, static files, and errors as sentences."""

from __future__ import annotations

import errno
import logging
import sqlite3
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from counterpoint.config import UserError
from counterpoint.web.errors import WebError, error_response
from counterpoint.web.guard import LOCAL_HOSTS, Guard

STATIC = Path(__file__).parent / "static"
MAX_BODY = 1_000_000
"""Default limit of the size of a request in bytes."""
_LOG = logging.getLogger("counterpoint.web")


def create_app(
    routes: Sequence[BaseRoute],
    *,
    static: Path | None = None,
    hosts: Collection[str] | None = LOCAL_HOSTS,
    max_body: int = MAX_BODY,
    middleware: Sequence[Middleware] = (),
    permissions: str = "microphone=()",
    lifespan: Any = None,
) -> Starlette:
    """Create an application with the package's frame around its own routes.

    `/static/` serves the shared files (`look.css`, `base.css`, `player.js`, `vendor/`), and `/own/` those of the
    application. The content security policy of every response prevents pages from loading anything from other servers.

    Args:
        routes: routes of the application.
        static: folder of the application's static files.
        hosts: host names that requests may use; None allows any, for a public server.
        max_body: limit of the size of a request in bytes.
        middleware: middleware of the application, which runs after that of the frame.
        permissions: value for the header Permissions-Policy, such as access to the microphone.
        lifespan: an async context manager for the lifetime of the application, as in Starlette.
    """
    shared = [
        Route("/static/look.css", _look),
        Mount("/static", StaticFiles(directory=STATIC)),
        *([Mount("/own", StaticFiles(directory=static))] if static else []),
    ]
    return Starlette(
        routes=[*routes, *shared],
        middleware=[Middleware(Guard, hosts=hosts, max_body=max_body, permissions=permissions), *middleware],
        exception_handlers={
            HTTPException: _http_error,
            UserError: _user_error,
            sqlite3.OperationalError: _store_error,
            OSError: _disk_error,
            Exception: _unknown_error,
        },
        lifespan=lifespan,
    )


def _look(request: Request) -> Response:
    """The style sheet that pages share with reports."""
    from counterpoint.report.page import LOOK

    return PlainTextResponse(LOOK.read_text(encoding="utf-8"), media_type="text/css")


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    known = {404: "This page does not exist.", 405: "This page does not support the method of the request."}
    is_own = isinstance(error, WebError) or error.status_code not in known
    return error_response(request, error.status_code, error.detail if is_own else known[error.status_code])


def _user_error(request: Request, error: Exception) -> Response:
    return error_response(request, 400, str(error))


def _store_error(request: Request, error: Exception) -> Response:
    """The response if the database cannot be written; the client keeps its data and tries again."""
    _LOG.error("The store failed: %s", error)
    reason = "the disk of the server is full" if "full" in str(error) else "the server could not store it"
    return error_response(request, 507, f"Nothing was saved, because {reason}; the request will be repeated.")


def _disk_error(request: Request, error: Exception) -> Response:
    """The response if a file of the server cannot be read or written."""
    assert isinstance(error, OSError)
    _LOG.error("A file failed: %s", error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return error_response(request, 507, "The disk of the server is full; delete what you no longer need.")
    reason = error.strerror or type(error).__name__
    return error_response(request, 500, f"The server cannot use a file in its folder ({reason}); restore the folder.")


def _unknown_error(request: Request, error: Exception) -> Response:
    _LOG.exception("A request failed.", exc_info=error)
    return error_response(request, 500, "An internal error occurred; load the page again.")
