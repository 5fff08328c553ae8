"""Serving the studio to browsers."""

from __future__ import annotations

import logging
import threading
import webbrowser
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from pathlib import Path

from counterpoint.config import UserError
from counterpoint.config.paths import check_kept_folder
from counterpoint.config.text import check_text
from counterpoint.studio.access import is_strong
from counterpoint.studio.app import studio_app
from counterpoint.studio.studio import Studio
from counterpoint.studio.worker import CarryOut
from counterpoint.web import lock_folder, open_socket, serve


def serve_studio(
    folder: Path,
    *,
    models: Sequence[str],
    host: str,
    port: int,
    token: str | None,
    device: str,
    limit_gb: float,
    opens_browser: bool,
    tester: CarryOut,
    show: Callable[[str], object],
) -> None:
    """Serve until the process is interrupted.

    Args:
        folder: folder of the pieces, which only one studio at a time can use.
        tester: function that makes listening tests of takes.
        show: called with a sentence that contains the address.

    Raises:
        UserError: other machines could connect without a token, the port is in use, or a model is missing.
    """
    check_access(host, token)
    check_kept_folder(folder)
    logging.basicConfig(level=logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    with lock_folder(folder):
        studio = Studio(folder, models=models, device=device, limit_gb=limit_gb, tester=tester)
        listening = open_socket(host, port)
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listening.getsockname()[1]}/{f'?token={token}' if token else ''}"
        show(f"The studio is open at {address} (Ctrl+C closes it).")
        if opens_browser and _is_local(host):
            threading.Timer(0.5, webbrowser.open, [address]).start()
        serve(studio_app(studio, token=token), listening=listening, on_exit=studio.events.close)


def check_access(host: str, token: str | None) -> None:
    """
    Raises:
        UserError: other machines could connect without a token, or with one that is too short.
    """
    if token is None and not _is_local(host):
        raise UserError(f"Other machines can reach the studio at {host}; set a --token, or omit --host.")
    check_text(token or "", what="token")
    if token is not None and not is_strong(token):
        raise UserError("The --token must have 8 characters or more.")


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
