"""Jobs and takes of the studio, as rows of its database and as JSON for browsers."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from counterpoint.config import UserError
from counterpoint.config.text import on_one_line


def new_id() -> str:
    """A random identifier that cannot be guessed."""
    return secrets.token_urlsafe(9)


@dataclass(frozen=True)
class Job:
    """One model's part of a piece.

    Attributes:
        recipes: recipes of its takes, in order.
        state: one of `states`.
        message: reason for a failure.
        created, started, ended: times in seconds since 1970; None if that has not happened.
    """

    id: str
    piece: str
    owner: str
    model: str
    recipes: Sequence[Mapping[str, Any]]
    state: str
    message: str
    created: float
    started: float | None
    ended: float | None

    @classmethod
    def of_row(cls, row: sqlite3.Row) -> Job:
        """A job from its row in the database."""
        return cls(**{**dict(row), "recipes": json.loads(row["recipes"])})


def new_seconds(recipes: Sequence[Mapping[str, Any]]) -> float:
    """Seconds of new music in these recipes."""
    total = sum(
        float(recipe.get("duration_s") or sum(stop - start for start, stop in recipe.get("spans", ())))
        for recipe in recipes
    )
    return max(total, 0.1)


def shown_job(job: Job) -> dict[str, Any]:
    """A job as JSON for browsers."""
    shown = {
        name: getattr(job, name) for name in ("id", "piece", "model", "state", "message", "created", "started", "ended")
    }
    return {**shown, "wanted": len(job.recipes)}


def shown_take(row: sqlite3.Row) -> dict[str, Any]:
    """A take as JSON for browsers, without the path of its sound."""
    recipe = json.loads(row["recipe"])
    return {
        "id": row["id"],
        "job": row["job"],
        "piece": row["piece"],
        "number": row["number"],
        "seed": recipe.get("seed"),
        "recipe": recipe,
        **json.loads(row["facts"]),
    }


def require_title(title: str) -> str:
    """The title on one line.

    Raises:
        UserError: the title is empty or too long.
    """
    title = on_one_line(title)
    if not 0 < len(title) <= 200:
        raise UserError("A title must have 1 to 200 characters; change it.")
    return title
