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
        UserError: the port is in use or cannot be opened, or the host is not an address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    if os.name == "posix":  # allows reopening a port at once; on Windows, it would also allow opening a port in use
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
    except (OSError, OverflowError) as error:
        found.close()
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise UserError(f"Port {port} is in use by another program; give --port another number.") from None
        raise UserError(f"{host}:{port} cannot be opened ({error}); choose another --host or --port.") from None
    found.listen(128)
    return found


def serve(app: ASGIApp, *, listening: socket.socket, on_exit: Callable[[], None] | None = None) -> None:
    """Serve until the process is interrupted. Requests are not logged.

    Args:
        listening: socket from `open_socket`.
        on_exit: called when the process is interrupted, before connections are closed, in order to end streams.
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
    """Lock a folder for one server with a lock file.

    Raises:
        UserError: another server has locked the folder.
    """

    def refuse(_: str) -> None:
        raise UserError(f"Another server is using {folder}; stop it first, or use its address.")

    return sole_writer(folder / "server", on_wait=refuse)
