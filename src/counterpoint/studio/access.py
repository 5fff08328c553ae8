"""Access control: a studio that other machines can reach requires a token."""

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
"""The owner of all pieces if no token is required."""
_OPEN = ("/static/", "/own/", "/s/", "/shared/")
"""Paths that need no token: files of the pages, and pieces that were shared by a link."""
_TOKEN_NEEDED = "This studio requires a token; open the address that was printed when it was started."
_WRONG_TOKEN = "This token is wrong; compare it with the address that was printed when the studio was started."
_ENTER = "/enter"
_MOST_BYTES = 2000
_LASTS_S = 365 * 24 * 3600
_SHORTEST = 8


class AccessControl:
    """ASGI middleware that determines the owner of a request (`scope["state"]["owner"]`).

    A browser sends the token once, as `?token=` in the address or in the form that is shown instead of the page, and is
    then identified by a cookie; each browser is a separate owner. A script sends `Authorization: Bearer TOKEN`.

    Args:
        token: the required token; None accepts every request.
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
            await (await self._challenge(Request(scope, receive)))(scope, receive, send)
            return
        scope.setdefault("state", {})["owner"] = owner or ""
        await self.app(scope, receive, send)

    async def _challenge(self, request: Request) -> Response:
        """The response to a request without access: a form, an error, or the cookie if the token is right."""
        shown = request.query_params.get("token", "")
        if request.method == "POST" and request.url.path == _ENTER:
            body = (await request.body())[:_MOST_BYTES]
            shown = parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0].strip()
        if self._is_token(shown):
            answer = RedirectResponse("/" if request.url.path == _ENTER else request.url.path, status_code=303)
            self._set_cookie(answer.headers)
            return answer
        sentence = _WRONG_TOKEN if shown else _TOKEN_NEEDED
        if request.url.path.startswith("/api/") or "text/html" not in request.headers.get("accept", ""):
            return error_response(request, 401, sentence)
        return self.pages.render(request, "enter.html", status=401, sentence=sentence, is_wrong=bool(shown))

    def _owner(self, headers: Headers) -> str | None:
        if self.token is None:
            return LOCAL
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self._is_token(token.strip()):
            return "script"
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        owner, _, sign = (cookie.value if cookie else "").partition(".")
        return owner if owner and hmac.compare_digest(sign.encode(), self._sign(owner).encode()) else None

    def _is_token(self, token: str) -> bool:
        return self.token is not None and hmac.compare_digest(token.encode(), self.token.encode())

    def _set_cookie(self, headers: MutableHeaders) -> None:
        owner = secrets.token_hex(8)
        headers.append(
            "set-cookie",
            f"{COOKIE}={owner}.{self._sign(owner)}; Path=/; Max-Age={_LASTS_S}; HttpOnly; SameSite=Strict",
        )

    def _sign(self, owner: str) -> str:
        assert self.token is not None
        return hmac.new(self.token.encode(), owner.encode(), hashlib.sha256).hexdigest()


def is_strong(token: str) -> bool:
    """Whether a token is long enough not to be guessed."""
    return len(token) >= _SHORTEST
