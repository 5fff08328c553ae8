"""HTML pages from templates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

SHARED = Path(__file__).parent / "templates"


class Pages:
    """The templates of an application, which extend the shared `frame.html`.

    Args:
        folder: folder of the application's templates.
    """

    def __init__(self, folder: Path):
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        self._environment = Environment(
            loader=FileSystemLoader([folder, SHARED]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def render(self, request: Request, name: str, *, status: int = 200, **values: Any) -> Response:
        """Render a template as a page.

        Args:
            name: file name of the template.
            values: values for the template, which are escaped.
        """
        text = self._environment.get_template(name).render(nonce=request.state.nonce, **values)
        return HTMLResponse(text, status_code=status)
