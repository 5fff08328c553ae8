"""The body of a request."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from counterpoint.config.documents import parse_json
from counterpoint.web.errors import WebError


async def read_object(request: Request) -> dict[str, Any]:
    """The JSON object that a request sends; {} where it sends nothing.

    Raises:
        WebError: it is no object, or not JSON that can be stored, such as one with half a character.
    """
    try:
        value = parse_json((await request.body()).decode() or "{}")
    except UnicodeDecodeError:
        raise WebError(400, "The request is not UTF-8.") from None
    except ValueError as error:
        raise WebError(400, f"The request {error}.") from None
    if not isinstance(value, dict):
        raise WebError(400, "The request must be a JSON object.")
    return value
