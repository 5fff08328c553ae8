"""Checks of every request (host, origin, size), and the security headers of every response."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from counterpoint.web.errors import WebError, error_response

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1", "testserver"})
"""Host names of requests to a server on this machine; `testserver` is Starlette's test client."""
_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; style-src-attr 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # without it, browsers send the page's own form without its origin
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """ASGI middleware that refuses foreign hosts, foreign origins and bodies that are too large.

    A page of another site can make a browser send requests to a server on this machine, under another host name (DNS
    rebinding) or as a form; the headers `Host` and `Origin` reveal both. Each request gets a `nonce` in `request.state`
    for the style sheet of a script library.

    Args:
        hosts: host names that requests may use, without a port; None allows any.
        max_body: limit of the size of a request in bytes.
        permissions: value for the header Permissions-Policy; camera and location are always refused.
    """

    def __init__(
        self, app: ASGIApp, *, hosts: Collection[str] | None, max_body: int, permissions: str = "microphone=()"
    ):
        self.app, self.hosts, self.max_body = app, hosts, max_body
        self.permissions = f"camera=(), geolocation=(), {permissions}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        scope.setdefault("state", {})["nonce"] = nonce

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["content-security-policy"] = _POLICY.format(nonce=nonce)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
                headers["permissions-policy"] = self.permissions
            await send(message)

        if refusal := self._refusal(scope["method"], Headers(scope=scope)):
            await error_response(Request(scope), *refusal)(scope, receive, answer)
        else:
            await self.app(scope, self._limited(receive), answer)

    def _refusal(self, method: str, headers: Headers) -> tuple[int, str] | None:
        """The status and the sentence of a refusal; None if the request is accepted."""
        host = headers.get("host", "")
        if self.hosts is not None and _name(host) not in self.hosts:
            return 403, f"This server does not accept requests for the host {host!r}."
        if method not in SAFE_METHODS and not _is_own(headers, host):
            return 403, "Requests that change data are only accepted from pages of this server."
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > self.max_body:
            return 413, f"A request may have at most {self.max_body / 1e6:g} MB."
        return None

    def _limited(self, receive: Receive) -> Receive:
        """Count the received bytes, since a request may omit its length."""
        received = 0

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.max_body:
                raise WebError(413, f"A request may have at most {self.max_body / 1e6:g} MB.")
            return message

        return limited


def _name(host: str) -> str | None:
    """The host name in a `Host` header; None if the header is invalid."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _is_own(headers: Headers, host: str) -> bool:
    """Whether the request comes from a page of this server, or from a client that is not a browser."""
    origin = headers.get("origin")
    if origin is not None:
        return origin.partition("://")[2] == host
    return headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
