"""The one module for network access: its timeouts, and whether it is allowed at all.

Two kinds of requests leave this machine: to addresses that a user gives (`open_address`), and those of libraries to
the hub (`hub`). Both get 10 s to connect and 30 s without a byte, after which one sentence names the silent server;
a hub that was silent once is not contacted for a minute, so that its libraries, which ask repeatedly for several files,
use their caches at once. Imports no library of the hub before it is needed.
"""

from __future__ import annotations

import http.client
import os
import ssl
import sys
import time
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from counterpoint.config.errors import UserError

CONNECT_S = 10.0
"""Seconds to connect in, once the name is resolved."""
SILENCE_S = 30.0
"""Seconds without a byte after which the server counts as silent."""
OFFLINE_VARIABLE = "HF_HUB_OFFLINE"
"""Environment variable that forbids the network; the hub's own, so that its libraries obey it, too."""
_LEFT_ALONE_S = 60.0
_DEADLINE = f"no answer, though {CONNECT_S:g} s were given to connect and {SILENCE_S:g} s for a byte to come"


def go_offline() -> None:
    """Forbid the network to this process, and to those that it starts, from now on."""
    os.environ[OFFLINE_VARIABLE] = "1"
    constants = sys.modules.get("huggingface_hub.constants")  # which reads the variable when it is imported
    if constants is not None:
        constants.HF_HUB_OFFLINE = True  # type: ignore[attr-defined]


def is_offline() -> bool:
    """Whether the network may not be used."""
    return os.environ.get(OFFLINE_VARIABLE, "").strip().lower() in ("1", "on", "yes", "true")


def open_address(url: str, *, headers: dict[str, str]) -> Any:
    """Open an http or https address; the answer is read like a file, and closed.

    Raises:
        UserError: the network may not be used.
        OSError, http.client.HTTPException, ValueError: as `urllib.request.urlopen`; a `TimeoutError` from reading, too.
    """
    if is_offline():
        raise UserError(
            f"{url} needs the network, but this command works offline; leave out --offline, or give a path."
        )
    opener = urllib.request.build_opener(_Plain, _Secure)
    return opener.open(urllib.request.Request(url, headers=headers), timeout=CONNECT_S)


class UnreachableWarning(UserWarning):
    """The network cannot be reached, and files already on this machine are used."""


def reason_of(error: BaseException) -> str:
    """Why a request failed, in words; for a silent server, how long it was waited for."""
    reason = getattr(error, "reason", error)
    causes = list(_causes(reason)) if isinstance(reason, BaseException) else []
    if any(map(_is_silence, causes)):
        return _DEADLINE
    said = next((cause.__cause__ for cause in causes if _is_left_alone(cause)), None) or reason
    return str(said).strip().partition("\n")[0] or type(said).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what it was raised from, and so on."""
    seen = set[int]()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def _is_silence(error: BaseException) -> bool:
    return isinstance(error, TimeoutError) or "Timeout" in type(error).__name__  # the hub's library has its own types


def _is_left_alone(error: BaseException) -> bool:
    """Whether a request was not made because an earlier one had failed."""
    return type(error).__name__ == "OfflineModeIsEnabled" and error.__cause__ is not None


class _PlainConnection(http.client.HTTPConnection):
    def connect(self) -> None:
        super().connect()  # within the timeout that the opener was given
        self.sock.settimeout(SILENCE_S)


class _SecureConnection(http.client.HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(SILENCE_S)


class _Plain(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> Any:
        return self.do_open(_PlainConnection, req)  # type: ignore[arg-type]


class _Secure(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> Any:
        return self.do_open(_SecureConnection, req, context=ssl.create_default_context())  # type: ignore[arg-type]


@cache
def hub() -> Any:
    """The library of the hub; from the first call on, every request of this process to the hub has a timeout.

    Otherwise the library waits for some answers forever, and repeats other requests five times.
    """
    os.environ.setdefault("HF_HUB_DISABLE_XET", "1")  # its own transfers, which ignore the timeout
    import huggingface_hub

    plain = huggingface_hub.get_session()
    kind: Any = type(plain)
    hooks = plain.event_hooks["request"]

    class Bounded(kind):
        def send(self, request: Any, **options: Any) -> Any:
            request.extensions["timeout"] = {
                "connect": CONNECT_S,
                **dict.fromkeys(("read", "write", "pool"), SILENCE_S),
            }
            with _noticing(request, any_failure=True):
                answer = super().send(request, **options)
            read = answer.iter_bytes

            def iter_bytes(*args: Any, **kwargs: Any) -> Iterator[bytes]:
                with _noticing(request, any_failure=False):  # an interrupted transfer is continued
                    yield from read(*args, **kwargs)

            answer.iter_bytes = iter_bytes
            return answer

    def refuse_in_silence(request: Any) -> None:
        until, failed = _left_alone.get(request.url.host, (0.0, None))
        if until > time.monotonic():
            raise huggingface_hub.errors.OfflineModeIsEnabled(f"{request.url.host} was silent a moment ago") from failed

    huggingface_hub.set_client_factory(
        lambda: Bounded(event_hooks={"request": [*hooks, refuse_in_silence]}, follow_redirects=True, timeout=None)
    )
    return huggingface_hub


_left_alone: dict[str, tuple[float, BaseException]] = {}
"""By host: when it may be contacted again, and the error."""


@contextmanager
def _noticing(request: Any, *, any_failure: bool) -> Iterator[None]:
    """Warn of a server that does not answer, and do not contact it for a while.

    Args:
        any_failure: whether a refused or broken connection counts as well, not only silence.
    """
    from huggingface_hub.errors import OfflineModeIsEnabled

    try:
        yield
    except (OfflineModeIsEnabled, GeneratorExit):
        raise
    except Exception as error:
        if any_failure or _is_silence(error):
            _left_alone[request.url.host] = time.monotonic() + _LEFT_ALONE_S, error
            warnings.warn(
                f"{request.url.host} cannot be reached ({reason_of(error)}); files already on this machine are used.",
                UnreachableWarning,
                stacklevel=2,
            )
        raise
