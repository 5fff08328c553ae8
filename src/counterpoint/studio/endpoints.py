"""The studio's endpoints as a table, from which the routes, the API's page and its OpenAPI description are made."""

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
    """One endpoint of the application.

    Attributes:
        method: HTTP method.
        path: path with the names of parameters in braces.
        handler: name of the method that handles requests; its docstring describes the endpoint.
        takes: type of the JSON body.
        shown: whether the endpoint is part of the documented API.
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
    """The description of an endpoint, from the docstring of its handler."""
    return " ".join((inspect.getdoc(getattr(handlers, endpoint.handler)) or "").split())


def described(endpoints: Iterable[Endpoint], *, handlers: type) -> dict[str, Any]:
    """The OpenAPI 3.1 description of the documented endpoints."""
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
    """The description of one endpoint; the schemas that it needs are added to `schemas`."""
    operation: dict[str, Any] = {
        "operationId": endpoint.handler,
        "summary": summary_of(endpoint, handlers),
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in re.findall(r"\{(\w+)\}", endpoint.path)
        ],
        "responses": {
            "2XX": {"description": "Success."},
            "4XX": {"description": 'The reason for the refusal in one sentence: {"error": ...}.'},
        },
    }
    if endpoint.takes is not None:
        schema = endpoint.takes.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[endpoint.takes.__name__] = schema
        reference = {"$ref": f"#/components/schemas/{endpoint.takes.__name__}"}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": reference}}}
    return operation
