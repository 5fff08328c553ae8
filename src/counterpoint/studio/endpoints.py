"""The studio's endpoints as a table, from which come the routes, the API's page and its OpenAPI description."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from starlette.routing import Route

from counterpoint.package import VERSION


@dataclass(frozen=True)
class Endpoint:
    """One address and what answers there.

    Attributes:
        method: of HTTP.
        path: with {names} in braces.
        handler: name of the method that answers; its docstring says what it does.
        takes: the JSON that it reads.
        shown: it belongs to the documented API.
    """

    method: str
    path: str
    handler: str
    takes: type[BaseModel] | None = None
    shown: bool = True


def routes_of(endpoints: Iterable[Endpoint], handlers: object) -> list[Route]:
    """The routes of an application."""
    return [
        Route(endpoint.path, getattr(handlers, endpoint.handler), methods=[endpoint.method]) for endpoint in endpoints
    ]


def summary_of(endpoint: Endpoint, handlers: type) -> str:
    """What an endpoint does, in the words of its docstring."""
    return " ".join((inspect.getdoc(getattr(handlers, endpoint.handler)) or "").split())


def described(endpoints: Iterable[Endpoint], *, handlers: type) -> dict[str, Any]:
    """The OpenAPI 3.1 description of those that are shown."""
    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = {}
    for endpoint in endpoints:
        if endpoint.shown:
            paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, handlers, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Counterpoint studio",
            "version": VERSION,
            "description": "Music from captions, chords, melodies and drums, by several paradigms.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _operation(endpoint: Endpoint, handlers: type, schemas: dict[str, Any]) -> dict[str, Any]:
    """One of them; `schemas` gains those that it needs."""
    operation: dict[str, Any] = {
        "operationId": endpoint.handler,
        "summary": summary_of(endpoint, handlers),
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in re.findall(r"\{(\w+)\}", endpoint.path)
        ],
        "responses": {
            "2XX": {"description": "It is done."},
            "4XX": {"description": 'Why it cannot be done, in one sentence: {"error": ...}.'},
        },
    }
    if endpoint.takes is not None:
        schema = endpoint.takes.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[endpoint.takes.__name__] = schema
        reference = {"$ref": f"#/components/schemas/{endpoint.takes.__name__}"}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": reference}}}
    return operation
