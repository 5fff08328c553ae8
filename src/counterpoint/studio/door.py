"""Who comes in: everybody, where the studio is open to this machine alone; else those who know the token."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from counterpoint.web import Pages
from counterpoint.web.errors import error_response

COOKIE = "counterpoint_studio"
LOCAL = "local"
"""The one owner of all that is made where no token is asked for."""
_OPEN = ("/static/", "/own/", "/s/", "/shared/")
"""Paths that need no token: the page's own files, and what was shared by a link."""
_ASKED = "This studio asks for a token: open the address that was printed when it was started."
_WRONG = "This is not the token of this studio; compare it with the address that was printed when it was started."
_ENTER = "/enter"
_MOST_BYTES = 2000
_LASTS_S = 365 * 24 * 3600
_SHORTEST = 8


class Door:
    """ASGI middleware that finds out whose request it is (`scope["state"]["owner"]`).

    A browser shows the token once, as `?token=` in the address or in the form that stands where the page would, and is
    then known by a cookie; each browser is an owner of its own. A script sends `Authorization: Bearer TOKEN`.

    Args:
        token: None lets everybody in.
    """

    def __init__(self, app: ASGIApp, *, token: str | None):
        self.app, self.token = app, token
        self.pages = Pages(Path(__file__).parent / "templates")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        owner = self._owner(Headers(scope=scope))
        if owner is None and not scope["path"].startswith(_OPEN):
            await (await self._greeted(Request(scope, receive)))(scope, receive, send)
            return
        scope.setdefault("state", {})["owner"] = owner or ""
        await self.app(scope, receive, send)

    async def _greeted(self, request: Request) -> Response:
        """The answer to a stranger."""
        shown = request.query_params.get("token", "")
        if request.method == "POST" and request.url.path == _ENTER:
            body = (await request.body())[:_MOST_BYTES]
            shown = parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0].strip()
        if self._is_token(shown):
            answer = RedirectResponse("/" if request.url.path == _ENTER else request.url.path, status_code=303)
            self._let_in(answer.headers)
            return answer
        sentence = _WRONG if shown else _ASKED
        if request.url.path.startswith("/api/") or "text/html" not in request.headers.get("accept", ""):
            return error_response(request, 401, sentence)
        return self.pages.render(request, "enter.html", status=401, sentence=sentence, is_wrong=bool(shown))

    def _owner(self, headers: Headers) -> str | None:
        if self.token is None:
            return LOCAL
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self._is_token(given.strip()):
            return "script"
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        owner, _, sign = (cookie.value if cookie else "").partition(".")
        return owner if owner and hmac.compare_digest(sign.encode(), self._sign(owner).encode()) else None

    def _is_token(self, given: str) -> bool:
        return self.token is not None and hmac.compare_digest(given.encode(), self.token.encode())

    def _let_in(self, headers: MutableHeaders) -> None:
        owner = secrets.token_hex(8)
        headers.append(
            "set-cookie",
            f"{COOKIE}={owner}.{self._sign(owner)}; Path=/; Max-Age={_LASTS_S}; HttpOnly; SameSite=Strict",
        )

    def _sign(self, owner: str) -> str:
        assert self.token is not None
        return hmac.new(self.token.encode(), owner.encode(), hashlib.sha256).hexdigest()


def is_strong(token: str) -> bool:
    """Whether a token is not guessed at once."""
    return len(token) >= _SHORTEST
