"""The frame of every web application of the package: guarded, with its static files, and with errors as sentences."""

from __future__ import annotations

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
"""Bytes that a request may send unless an application says otherwise."""
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
    """An application with the package's frame around its own routes.

    `/static/` serves the shared files (`look.css`, `base.css`, `player.js`, `vendor/`), `/own/` those of the
    application. Every answer carries a content security policy under which a page loads nothing from elsewhere.

    Args:
        routes: of the application.
        static: folder of its own files.
        hosts: names under which it may be asked; None allows any, for a server that others reach.
        max_body: bytes that a request may send.
        middleware: of the application, within the frame's own.
        permissions: whether its pages may listen to a microphone, as the header Permissions-Policy says it.
        lifespan: as Starlette's: an async context manager around the application's life.
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
            Exception: _unknown_error,
        },
        lifespan=lifespan,
    )


def _look(request: Request) -> Response:
    """The look that reports have too."""
    from counterpoint.report.page import LOOK

    return PlainTextResponse(LOOK.read_text(encoding="utf-8"), media_type="text/css")


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    known = {404: "There is no such page here.", 405: "This page cannot be used in this way."}
    is_own = isinstance(error, WebError) or error.status_code not in known
    return error_response(request, error.status_code, error.detail if is_own else known[error.status_code])


def _user_error(request: Request, error: Exception) -> Response:
    return error_response(request, 400, str(error))


def _store_error(request: Request, error: Exception) -> Response:
    """A database that cannot be written: the client keeps what it has and tries again."""
    _LOG.error("The store failed: %s", error)
    reason = "the disk of the server is full" if "full" in str(error) else "the server could not write it down"
    return error_response(request, 507, f"Nothing was saved, because {reason}; it is tried again.")


def _unknown_error(request: Request, error: Exception) -> Response:
    _LOG.exception("A request failed.", exc_info=error)
    return error_response(request, 500, "The server made a mistake; load the page again.")
