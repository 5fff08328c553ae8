"""Packages whose names are imported when they are first used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazily(package: str, places: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a package with lazy names.

    Args:
        package: name of the package.
        places: by name, the module of the package that defines it, as MODULE or, for another name, MODULE:ATTRIBUTE.
    """

    def find(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, _, attribute = places[name].partition(":")
        found = getattr(import_module(f"{package}.{module}"), attribute or name)
        setattr(sys.modules[package], name, found)
        return found

    return find
