"""Serving an application from this process."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType

from starlette.types import ASGIApp

from counterpoint.config import UserError
from counterpoint.config.locks import sole_writer

LOCAL = "127.0.0.1"


def open_socket(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one.

    Raises:
        UserError: the port is in use or may not be opened, or the host is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    if os.name == "posix":  # a port that was closed just now may be opened; on Windows, one that is open may be as well
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
    except (OSError, OverflowError) as error:
        found.close()
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise UserError(f"Port {port} is in use by another program; give --port another number.") from None
        raise UserError(f"{host}:{port} cannot be opened ({error}); give another --host or --port.") from None
    found.listen(128)
    return found


def serve(app: ASGIApp, *, listening: socket.socket, on_exit: Callable[[], None] | None = None) -> None:
    """Serve until the process is interrupted. Nothing is logged of who asks.

    Args:
        listening: from `open_socket`.
        on_exit: is called when the process is to end, before connections are closed: what streams without end, ends.
    """
    import uvicorn

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            if on_exit is not None:
                on_exit()
            super().handle_exit(sig, frame)

    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=5
    )
    Server(config).run(sockets=[listening])


def lock_folder(folder: Path) -> AbstractContextManager[None]:
    """Hold a folder for one server, by the file `.server.lock` in it.

    Raises:
        UserError: another server holds it.
    """

    def refuse(_: str) -> None:
        raise UserError(f"Another server has {folder} open; stop that one first, or use its address.")

    return sole_writer(folder / "server", on_wait=refuse)
